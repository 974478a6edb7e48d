/* SPDX-License-Identifier: Apache-2.0 */
/* Records that helpers read, in whatever order: what comes of them is the same. */
#include "../../src/core/member_private.h"
#include "check.h"
#include "crr/core/helpers.h"
#include "world.h"

#define RECORDS (2 * MEMBER_BATCH + 44) /* two batches, and too few to be worth help */

/* Which parts are done before end(), by worker 1, and from which end. */
enum order { NONE, ALL_BACKWARDS, EVERY_OTHER };

struct test_helpers {
        struct helpers port;
        enum order order;
        helpers_part part;
        void *data;
        size_t n;
        bool done[MEMBER_BATCH];
        unsigned begun, ended;
};

static struct world w;
static struct test_helpers helpers;

static bool is_early(const struct test_helpers *h, size_t i)
{
        return h->order == ALL_BACKWARDS || (h->order == EVERY_OTHER && i % 2 == 1);
}

static void begin_work(struct helpers *port, helpers_part part, void *data, size_t n)
{
        struct test_helpers *h = (struct test_helpers *)port;

        CHECK_INT(h->begun, h->ended);
        CHECK(n <= MEMBER_BATCH);
        h->begun++;
        h->part = part;
        h->data = data;
        h->n = n;
        for (size_t i = n; i-- > 0;) {
                h->done[i] = is_early(h, i);
                if (h->done[i])
                        part(data, 1, i);
        }
}

static void end_work(struct helpers *port)
{
        struct test_helpers *h = (struct test_helpers *)port;

        h->ended++;
        for (size_t i = 0; i < h->n; i++)
                if (!h->done[i])
                        h->part(h->data, 0, i);
}

static void start(bool helped, enum order order)
{
        helpers = (struct test_helpers){ .port = { begin_work, end_work }, .order = order };
        world_init(&w, 1);
        if (helped)
                w.helpers = &helpers.port;
        w.config.max_sites = 3;
        world_start(&w);
}

/* Good ones, with names that are escaped in the key, in the value or not at all, the same again,
 * tombstones, and bad ones. */
static void append(int i)
{
        static const char *const names[] = { "plain", "blank ", "umlaut-\xc3\xa4" };
        char name[32], extra[64];

        snprintf(name, sizeof name, "%s%d", names[i % 3], i / 2);
        snprintf(extra, sizeof extra, ",\"Size\":%d,\"ErrorCode\":\"C\\u0041%d\"", i, i % 5);
        if (i % 11 == 10)
                world_tombstone(&w, "b", name, "v", "aws");
        else if (i % 17 == 16)
                world_failure(&w, "b", name, "v", "aws", ",\"Size\":{");
        else
                world_failure(&w, "b", name, "v", i % 2 == 0 ? "aws" : "azure", extra);
}

static void render(struct buf *out)
{
        struct world_list list;

        world_list(&w, &list, NULL, 0, LIMIT_PAGE_ROWS, false);
        CHECK(list.done && !list.failed);
        for (size_t i = 0; i < list.n; i++) {
                const struct failure *f = &list.rows[i];

                buf_printf(out, "%lld %.*s %.*s %lld %.*s\n", (long long)f->offset,
                           STR_ARG(f->id.key), STR_ARG(f->id.site), (long long)f->size,
                           STR_ARG(f->error_code));
        }
        world_list_deinit(&list);
        metrics_render(w.metrics, out);
}

static void what_comes_of(bool helped, enum order order, struct buf *out)
{
        start(helped, order);
        for (int i = 0; i < RECORDS; i++)
                append(i);
        world_run(&w);
        CHECK_INT(helpers.begun, helped ? 2 : 0);
        CHECK_INT(helpers.ended, helpers.begun);
        render(out);
        world_deinit(&w);
}

static void records_come_to_the_same_whoever_reads_them(void)
{
        struct buf alone, with;

        buf_init(&alone, SIZE_MAX);
        buf_init(&with, SIZE_MAX);
        what_comes_of(false, NONE, &alone);
        CHECK(strstr(buf_str(&alone).base, "umlaut-\xc3\xa4") != NULL);
        CHECK(strstr(buf_str(&alone).base, " CA4\n") != NULL);
        for (int order = NONE; order <= EVERY_OTHER; order++) {
                buf_clear(&with);
                what_comes_of(true, (enum order)order, &with);
                CHECK(str_eq(buf_str(&alone), buf_str(&with)));
        }
        buf_deinit(&alone);
        buf_deinit(&with);
}

/* Those behind were read already, also those of the next batch; they are read again when it goes
 * on. */
static void nothing_behind_the_record_that_is_held_back_is_taken(void)
{
        struct member_status status;

        start(true, EVERY_OTHER);
        for (int i = 0; i < RECORDS; i++) {
                char key[16];

                snprintf(key, sizeof key, "k%d", i);
                world_failure(&w, "b", key, "v",
                              i == 100     ? "fourth"
                              : i % 3 == 0 ? "a"
                              : i % 3 == 1 ? "b"
                                           : "c",
                              NULL);
        }
        world_run(&w);
        member_status(w.member, &status);
        CHECK_INT(status.full, 1);
        CHECK_INT(w.holds, 1);
        CHECK_INT(helpers.begun, 2);
        CHECK_INT(metrics_get(w.metrics, METRIC_RECORDS_TOTAL,
                              LABELS_2(w.config.failures_topic, "failed")),
                  100);
        world_deinit(&w);
}

/* An Entry is JSON in JSON: it has escapes, and may have megabytes. */
static void large_strings_keep_no_memory(void)
{
        static char extra[100000];
        const struct arrivals *a;

        start(true, EVERY_OTHER);
        snprintf(extra, sizeof extra, ",\"Entry\":\"\\n%080000d\"", 0);
        for (int i = 0; i < 3 * MEMBER_BATCH; i += 1) {
                char key[16];

                snprintf(key, sizeof key, "k%d", i);
                world_failure(&w, "b", key, "v", "aws", i % 7 == 0 ? extra : NULL);
        }
        world_run(&w);
        CHECK(helpers.begun >= 2);
        a = &w.member->arrivals;
        for (size_t i = 0; i < 2 * (size_t)MEMBER_BATCH; i++)
                CHECK(a->batches[i / MEMBER_BATCH].items[i % MEMBER_BATCH].strings.capacity <=
                      ARRIVAL_KEPT_BYTES);
        world_deinit(&w);
}

int main(void)
{
        RUN(records_come_to_the_same_whoever_reads_them);
        RUN(nothing_behind_the_record_that_is_held_back_is_taken);
        RUN(large_strings_keep_no_memory);
        return 0;
}
