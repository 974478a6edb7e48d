/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The core against a naive reading of the failure log. By a seed, a few identities live through a
 * random history: records of movers in right and wrong partitions and spellings, retries, every
 * outcome of a transaction, restarts, rebalances, growth of the topic, compaction. At rest the
 * listing must be what the naive log says, no attempt published twice, and the log such that a new
 * process reads the same out of whatever compaction leaves of it.
 *
 *   model_log [--seed N] [--seeds N] [--verbose]
 */
#include "model_log.h"

#include <inttypes.h>
#include <signal.h>
#include <unistd.h>

#include "crr/base/log.h"
#include "crr/core/failure_codec.h"
#include "crr/core/identity.h"

#define ACTS           40
#define LONG_TTL_MS    INT64_C(86400000000)
#define TAKES_IN_EVERY 5

/* Seeds that have found something stay. */
static const uint64_t rows[] = { 700541, 902437, 913489, 918134, 918296, 933783 };

static uint64_t random_state;
static char playing[64]; /* for who wants to see it again */
static bool is_done;

static void say_seed(void)
{
        if (!is_done && write(STDERR_FILENO, playing, strlen(playing)) < 0)
                is_done = true;
}

static void on_abort(int signal)
{
        (void)signal;
        say_seed();
}

uint64_t model_draw(uint64_t n)
{
        random_state ^= random_state << 13;
        random_state ^= random_state >> 7;
        random_state ^= random_state << 17;
        return (random_state * UINT64_C(0x2545f4914f6cdd1d) >> 33) % n;
}

bool model_chance(unsigned percent)
{
        return model_draw(100) < percent;
}

/* KEYS */

const char *model_name(int id)
{
        static const char *const names[MODEL_IDS] = { "k0", "k1", "k2", "k3" };

        return names[id];
}

struct str model_key(int id, int spelling)
{
        static char text[MODEL_SPELLINGS][MODEL_IDS][64];
        static const char *const names[MODEL_SPELLINGS] = { "b/k", "b/%6b", "%62/k" };
        char *at = text[spelling][id];

        snprintf(at, sizeof text[0][0], "%s%d?versionId=v&sitename=aws", names[spelling], id);
        return str_from(at);
}

int model_id_of(struct str key)
{
        for (int id = 0; id < MODEL_IDS; id++)
                for (int spelling = 0; spelling < MODEL_SPELLINGS; spelling++)
                        if (str_eq(key, model_key(id, spelling)))
                                return id;
        return -1;
}

int model_home(struct model *m, int id)
{
        return partition_of_key(m->w.config.partitioner, model_key(id, 0), m->w.n_partitions);
}

/* LEARNING: what the daemon wrote. */

/* All that was ever read, which may be in what was written since, is read again. */
static bool all_is_known(const struct model *m)
{
        for (int p = 0; p < m->w.n_partitions; p++)
                if (!m->w.assigned[p] || !m->w.feeds[p] || m->w.logs[p].fed < m->was_read[p])
                        return false;
        return true;
}

static void note_read(struct model *m)
{
        for (int p = 0; p < WORLD_PARTITIONS; p++)
                if (m->w.logs[p].fed > m->was_read[p])
                        m->was_read[p] = m->w.logs[p].fed;
}

static bool was_fed(void *data, const struct naive_event *event)
{
        const struct model *m = data;

        return event->offset < m->w.logs[event->partition].fed;
}

static void look(struct model *m, struct naive_event *ret)
{
        for (int id = 0; id < m->n_ids; id++)
                ret[id] = naive_state(&m->ids[id], was_fed, m);
}

static bool is_gone(const struct model *m, const struct naive_event *state)
{
        return state->kind == NAIVE_GONE ||
               (state->kind == NAIVE_PENDING &&
                m->w.config.pending_expiry == PENDING_EXPIRY_CLOSE &&
                m->w.wall_ms - state->retried_ms >= m->w.config.pending_ttl_ms);
}

/* What the table kept goes into the retry, if nothing happened while it was made. */
static void check_pending(const struct model *m, int id, const struct naive_facts *facts)
{
        const struct naive_event *a = &m->before[id], *b = &m->after[id];

        if (a->time_ms != b->time_ms || is_gone(m, a) || m->loose[id] ||
            m->w.submits != m->submits_seen)
                return;
        CHECK_INT(facts->attempts, a->facts.attempts < 0 ? 1 : a->facts.attempts + 1);
        CHECK(naive_is_size(&m->ids[id], a, facts->size));
        CHECK(m->entry_is_lost[id] || naive_is_entry(&m->ids[id], a, facts->entry));
}

static void learn_pending(struct model *m, int partition, int64_t offset)
{
        const struct world_record *r = &m->w.logs[partition].records[offset];
        struct log_record record = { partition,
                                     offset,
                                     r->timestamp_ms,
                                     model_record_key(r),
                                     { r->value, r->value_len },
                                     -1,
                                     STR_ABSENT };
        struct naive_event event = { .kind = NAIVE_PENDING,
                                     .time_ms = r->timestamp_ms,
                                     .partition = partition,
                                     .offset = offset };
        struct decoded_record decoded;
        unsigned long long entry;
        struct error err;
        int id = model_id_of(record.key);

        CHECK(failure_decode(m->decoder, &record, &decoded, &err) == REJECT_NONE);
        event.retried_ms = decoded.failure.retried_at_ms;
        event.told_ms = decoded.failure.failed_at_ms;
        event.facts.entry = -1;
        event.facts.attempts = decoded.failure.attempts;
        event.facts.size = (int)decoded.failure.size;
        if (decoded.entry.len > 1 &&
            str_to_u64((struct str){ decoded.entry.base + 1, decoded.entry.len - 1 }, 1000, &entry))
                event.facts.entry = (int)entry;
        if (m->verbose)
                printf("  %d@%" PRId64 " t%" PRId64 " PENDING %d of %d\n", partition, offset,
                       event.time_ms % 10000000, event.facts.attempts, id);
        check_pending(m, id, &event.facts);
        naive_add(&m->ids[id], &event);
        m->before[id] = m->after[id] = naive_state(&m->ids[id], NULL, NULL);
}

static bool is_retry(const struct world_record *r)
{
        return r->key != NULL && r->value != NULL && r->settles < 0 && r->outcome == NULL &&
               strstr(r->value, "\"PENDING\"") != NULL;
}

/* An attempt has its number once, but for a mover that answered where we did not read it: the next
 * failure says nothing of the attempts before it. */
static void learn_entries(struct model *m)
{
        for (; m->entries_seen < m->w.n_entries; m->entries_seen++) {
                const struct world_retry_entry *entry = &m->w.entries[m->entries_seen];
                int attempt = (int)strtol(entry->attempt, NULL, 10);
                int id = strchr(entry->key, 'k')[1] - '0';

                CHECK(attempt < MODEL_ATTEMPTS);
                if (m->published_ms[id][attempt] != 0 && !m->counts_anew[id] &&
                    !naive_was_answered(&m->ids[id], m->published_ms[id][attempt])) {
                        fprintf(stderr, "attempt %d of %s is published twice\n", attempt,
                                model_name(id));
                        exit(1);
                }
                m->published_ms[id][attempt] = m->w.wall_ms;
                m->n_published[id] = attempt > m->n_published[id] ? attempt : m->n_published[id];
        }
}

void model_learn(struct model *m)
{
        for (int p = 0; p < WORLD_PARTITIONS; p++) {
                struct world_log *log = &m->w.logs[p];

                for (; m->scanned[p] < log->n; m->scanned[p]++) {
                        const struct world_record *r = &log->records[m->scanned[p]];

                        if (is_retry(r))
                                learn_pending(m, p, m->scanned[p]);
                        else if (m->verbose && r->key != NULL && r->settles >= 0)
                                printf("  %d@%" PRId64 " t%" PRId64 " %.*s settles %" PRId64
                                       " %s: %s\n",
                                       p, m->scanned[p],
                                       (r->own_time_ms != TIME_UNKNOWN ? r->own_time_ms
                                                                       : r->timestamp_ms) %
                                               10000000,
                                       (int)r->key_len, r->key, r->settles,
                                       r->outcome != NULL ? r->outcome : "",
                                       r->value != NULL ? r->value : "-");
                }
        }
        learn_entries(m);
}

/* Times differ: two ms a run, because what expires counts one more. */
void model_run(struct model *m)
{
        struct naive_event before[MODEL_IDS];
        unsigned submits = m->w.submits;
        bool was_known = all_is_known(m);

        m->w.now_ms += 2;
        m->w.wall_ms += 2;
        model_learn(m);
        look(m, before);
        world_run(&m->w);
        note_read(m);
        if (m->w.submits != submits) {
                memcpy(m->before, before, sizeof before);
                look(m, m->after);
                m->submits_seen = was_known ? m->w.submits : 0;
        }
        model_learn(m);
        model_end_requests(m);
}

void model_step(struct model *m, int64_t ms)
{
        m->w.now_ms += ms;
        m->w.wall_ms += ms;
        model_run(m);
}

/* SEEDS */

static void restart_and_rest(struct model *m)
{
        for (int p = 0; p < m->w.n_partitions; p++)
                model_compact(m, p);
        if (m->verbose)
                printf(" restart\n");
        if (!m->is_wild)
                world_restart(&m->w, false);
        model_rest(m);
}

static void play(uint64_t seed, bool verbose)
{
        static struct model model;
        struct model *m = &model;

        snprintf(playing, sizeof playing, "model_log --seed %" PRIu64 "\n", seed);
        memset(m, 0, sizeof *m);
        random_state = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
        m->verbose = verbose;
        m->n_ids = 1 + (int)model_draw(MODEL_IDS);
        m->decoder = failure_decoder_new(1 << 20);
        world_init(&m->w, 1 + (int)model_draw(3));
        m->w.config.pending_ttl_ms = model_chance(40) ? MODEL_SHORT_TTL_MS : LONG_TTL_MS;
        m->w.config.pending_expiry = (enum pending_expiry)model_draw(2);
        m->w.config.payload = (enum retry_payload)model_draw(2);
        m->w.stamps_appends = model_chance(10);
        m->w.shuffles = true;
        m->w.shuffle = seed;
        m->w.hold_batches = true;
        m->takes_in = seed % TAKES_IN_EVERY == 0; /* the histories of other seeds stay */
        world_start(&m->w);
        for (int i = 0; i < ACTS; i++) {
                if (model_chance(4)) {
                        model_rest(m);
                        m->w.hold_batches = true;
                }
                model_act(m);
        }
        model_rest(m);
        restart_and_rest(m);
        if (m->w.n_partitions < 3)
                world_grow(&m->w, m->w.n_partitions + 1);
        model_rest(m);
        restart_and_rest(m);
        world_deinit(&m->w);
        failure_decoder_free(m->decoder);
}

int main(int argc, char **argv)
{
        uint64_t first = 1000, n = 1200;
        bool verbose = false;

        for (int i = 1; i < argc; i++) {
                if (strcmp(argv[i], "--verbose") == 0)
                        verbose = true;
                else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
                        first = strtoull(argv[++i], NULL, 10), n = 1;
                else if (strcmp(argv[i], "--from") == 0 && i + 1 < argc)
                        first = strtoull(argv[++i], NULL, 10);
                else if (strcmp(argv[i], "--seeds") == 0 && i + 1 < argc)
                        n = strtoull(argv[++i], NULL, 10);
        }
        if (!verbose)
                log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
        setvbuf(stdout, NULL, _IOLBF, 0);
        atexit(say_seed);
        signal(SIGABRT, on_abort);
        for (size_t i = 0; n > 1 && i < sizeof rows / sizeof *rows; i++)
                play(rows[i], verbose);
        for (uint64_t seed = first; seed < first + n; seed++)
                play(seed, verbose);
        is_done = true;
        printf("%" PRIu64 " histories from seed %" PRIu64 "\n", n, first);
        return 0;
}
