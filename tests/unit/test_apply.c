/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "crr/base/log.h"
#include "draw.h"
#include "world.h"

/*
 * The log of one identity is a line of words, one a record:
 *
 *   F P C T           FAILED, PENDING, COMPLETED, a tombstone
 *   sF0 sP0 sT0       the same, as a settlement of the record at offset 0
 *   X                 what cannot be used
 *
 * It is read twice: as it is written, and from the beginning by another member. Both must come to
 * the same; nothing that they want to write themselves is written.
 */
static struct world w;

#define KEY   "b/k?versionId=v&sitename=s"
#define ID    "\"Bucket\":\"b\",\"Key\":\"k\",\"VersionId\":\"v\",\"StorageClass\":\"s\""
#define WORDS 12

static const char *value_of(char kind)
{
        switch (kind) {
        case 'F':
                return "{" ID "}";
        case 'P':
                return "{" ID ",\"ReplicationStatus\":\"PENDING\",\"Attempts\":2,\"Size\":7}";
        case 'C':
                return "{" ID ",\"ReplicationStatus\":\"COMPLETED\"}";
        case 'X':
                return "{";
        default:
                return NULL;
        }
}

static void append(const char *word)
{
        bool settles = word[0] == 's';

        world_append(&w, 0, STR(KEY), value_of(word[settles]),
                     settles ? strtoll(word + 2, NULL, 10) : -1, NULL);
}

static void init(void)
{
        world_init(&w, 1);
        w.hold_batches = true;
        w.config.pending_ttl_ms = INT64_MAX / 4;
}

/* "failed", "pending" or "gone". */
static const char *state(void)
{
        member_collect(w.member);
        if (metrics_get(w.metrics, METRIC_FAILED_ENTRIES, LABELS_1("s")) > 0)
                return "failed";
        return metrics_get(w.metrics, METRIC_PENDING_ENTRIES, LABELS_1("s")) > 0 ? "pending"
                                                                                 : "gone";
}

static void read_live(const char *words)
{
        char copy[200], *rest = copy, *word;

        snprintf(copy, sizeof copy, "%s", words);
        init();
        world_start(&w);
        while ((word = strsep(&rest, " ")) != NULL) {
                append(word);
                world_run(&w);
        }
}

static void read_again(const char *words)
{
        char copy[200], *rest = copy, *word;

        snprintf(copy, sizeof copy, "%s", words);
        init();
        while ((word = strsep(&rest, " ")) != NULL)
                append(word);
        world_start(&w);
}

/* What the owner wants to write, in the same words; "-": nothing. */
static const char *wanted(void)
{
        static char text[64];
        const struct publish_record *r;
        char kind;

        if (w.batch != NULL && w.batch->n_records == 0) /* the claim */
                world_answer(&w, PUBLISH_COMMITTED);
        if (w.batch == NULL)
                return "-";
        CHECK_INT(w.batch->n_records, 1);
        r = &w.batch->records[0];
        kind = r->value.base == NULL ? 'T' : 'F';
        if (r->value.base != NULL && memmem(r->value.base, r->value.len, "PENDING", 7) != NULL)
                kind = 'P';
        CHECK_STR(r->headers[0].name, "crr-settles");
        snprintf(text, sizeof text, "s%c%.*s", kind, STR_ARG(r->headers[0].value));
        return text;
}

/* Rows: the log, what it comes to, what its owner wants to write, and how many settlements were
 * void. */
static const struct row {
        const char *words, *state, *writes;
        int voids;
} rows[] = {
        /* the newest word counts */
        { "F", "failed", "-", 0 },
        { "P", "pending", "-", 0 },
        { "T", "gone", "-", 0 },
        { "F F", "failed", "-", 0 },
        { "F P", "pending", "-", 0 },
        { "F T", "gone", "-", 0 },
        { "P T", "gone", "-", 0 },
        { "T F", "failed", "-", 0 },
        { "F P T P", "pending", "-", 0 },
        { "X", "gone", "-", 0 },
        /* a COMPLETED value gets its tombstone, unless there is a newer word */
        { "C", "gone", "sT0", 0 },
        { "F C", "gone", "sT1", 0 },
        { "F P C", "gone", "sT2", 0 },
        { "C F", "failed", "-", 0 },
        { "C T", "gone", "-", 0 },
        { "C C", "gone", "sT1", 0 },
        { "C sT0", "gone", "-", 0 },
        /* a failed retry is merged with what was known */
        { "P F", "failed", "sF1", 0 },
        { "F P F", "failed", "sF2", 0 },
        { "P F F", "failed", "sF2", 0 },
        { "P F sF1", "failed", "-", 0 },
        { "P F P", "pending", "-", 0 },
        { "P F T", "gone", "-", 0 },
        /* a settlement of the current record is its word */
        { "P sF0", "failed", "-", 0 },
        { "P sT0", "gone", "-", 0 },
        { "F sT0", "gone", "-", 0 },
        { "F F sT1", "gone", "-", 0 },
        { "P sF0 P", "pending", "-", 0 },
        /* of what compaction has taken away likewise */
        { "sF5", "failed", "-", 0 },
        { "sT5", "gone", "-", 0 },
        { "F sT5", "gone", "-", 0 },
        /* compaction keeps what cannot be used: what it follows is written again */
        { "F X", "failed", "sF1", 0 },
        { "P X", "pending", "sP1", 0 },
        { "P F X", "failed", "sF2", 0 },
        { "F X sF1", "failed", "-", 0 },
        { "F X F", "failed", "-", 0 },
        /* one that a newer record overtook is void, and that record is written again, as a
         * settlement of the void one: compaction may have left that alone */
        { "F F sT0", "failed", "sF2", 1 },
        { "P F sT0", "failed", "sF2", 1 },
        { "P P sT0", "pending", "sP2", 1 },
        { "P F F sF1", "failed", "sF3", 1 },
        { "F P sT0", "pending", "sP2", 1 },
        { "C F sT0", "failed", "sF2", 1 },
        { "F T sF0", "gone", "sT2", 1 },
        { "P T sF0", "gone", "sT2", 1 },
        { "F T sT0", "gone", "sT2", 1 }, /* its time is that of the first */
        { "F F sT0 sF2", "failed", "-", 1 },
        { "F F sT0 sF1", "failed", "sF3", 1 }, /* it did not know of the void one */
        { "F F sT0 T", "gone", "-", 1 },
        { "F F sT0 F", "failed", "-", 1 },
        { "F T sF0 sT2", "gone", "-", 1 },
        { "F T sF0 sT1", "gone", "sT3", 1 },
        { "F T sF0 F", "failed", "-", 1 },
};

static void a_log_comes_to_the_same_whenever_it_is_read(void)
{
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                read_live(rows[i].words);
                if (strcmp(state(), rows[i].state) != 0)
                        check_fail(__FILE__, __LINE__, rows[i].words, state());
                world_deinit(&w);
                read_again(rows[i].words);
                if (strcmp(state(), rows[i].state) != 0)
                        check_fail(__FILE__, __LINE__, rows[i].words, state());
                if (strcmp(wanted(), rows[i].writes) != 0)
                        check_fail(__FILE__, __LINE__, rows[i].words, wanted());
                CHECK_INT((int)metrics_get(w.metrics, METRIC_SETTLEMENTS_VOID_TOTAL, NO_LABELS),
                          rows[i].voids);
                world_deinit(&w);
        }
}

static void draw_words(struct draw *d, char *words, size_t size)
{
        size_t n = 1 + draw(d, WORDS), at = 0;

        for (size_t i = 0; i < n; i++) {
                char kind = "FFPTCX"[draw(d, 6)];

                if (i > 0 && draw(d, 3) == 0)
                        at += (size_t)snprintf(words + at, size - at, " s%c%d", "FPT"[draw(d, 3)],
                                               (int)draw(d, i));
                else
                        at += (size_t)snprintf(words + at, size - at, "%s%c", i > 0 ? " " : "",
                                               kind);
        }
}

static void whatever_the_log_says_it_says_it_twice(void)
{
        for (uint64_t seed = 0; seed < 100; seed++) {
                struct draw d = draw_seed(seed);
                const char *first;
                char words[200];

                draw_words(&d, words, sizeof words);
                read_live(words);
                first = state();
                world_deinit(&w);
                read_again(words);
                if (strcmp(state(), first) != 0)
                        check_fail(__FILE__, __LINE__, words, first);
                world_deinit(&w);
        }
}

/* What is written is read too: in the end nothing is left to write, and a restart finds the same.
 */
static void what_the_owner_writes_changes_nothing_and_comes_to_an_end(void)
{
        for (uint64_t seed = 0; seed < 50; seed++) {
                struct draw d = draw_seed(seed);
                const char *first;
                char words[200];
                int64_t written;

                draw_words(&d, words, sizeof words);
                read_again(words);
                first = state();
                w.hold_batches = false;
                if (w.batch != NULL)
                        world_answer(&w, PUBLISH_COMMITTED);
                world_advance(&w, 2000);
                if (strcmp(state(), first) != 0)
                        check_fail(__FILE__, __LINE__, words, first);
                written = w.logs[0].n;
                member_on_reset(w.member, 0, "the test");
                w.logs[0].fed = 0;
                world_advance(&w, 2000);
                if (strcmp(state(), first) != 0 || w.logs[0].n != written)
                        check_fail(__FILE__, __LINE__, words, "not the same after a restart");
                world_deinit(&w);
        }
}

int main(void)
{
        log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
        RUN(a_log_comes_to_the_same_whenever_it_is_read);
        RUN(whatever_the_log_says_it_says_it_twice);
        RUN(what_the_owner_writes_changes_nothing_and_comes_to_an_end);
        return 0;
}
