/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thing goes wrong, at its n-th time, for every n until it does not come to that any more.
 * Whatever it is: every request is done once (the world asserts it), nothing that was published is
 * published again, nothing is lost, and a repeat of the requests ends well.
 */
#include <inttypes.h>

#include "check.h"
#include "crr/base/log.h"
#include "world.h"

#define FAILURES 8

static struct world w;
static struct world_retry first, second, again;

static void add_failures(const char *extra)
{
        char key[16];

        for (int i = 0; i < FAILURES; i++) {
                snprintf(key, sizeof key, "k%d", i);
                world_failure(&w, "b", key, "v", "aws", extra);
        }
}

static void add_entries(struct world_retry *r, int from, int to)
{
        static char keys[FAILURES][16];

        for (int i = from; i < to; i++) {
                snprintf(keys[i], sizeof keys[i], "k%d", i);
                world_retry_add(r, "b", keys[i], "v", "aws", false);
        }
}

/* The log is not read before the second request has come; a publisher that lost a batch is there
 * again some time later. */
static void recover(void)
{
        w.feeding = true;
        for (int i = 0; i < 100; i++) {
                world_advance(&w, 500);
                if (w.fault == PUBLISH_UNKNOWN)
                        world_publisher_ready(&w);
        }
}

/* An answer says 200 exactly when all of it is committed. */
static void check_answer(const struct world_retry *r)
{
        size_t skipped = 0;

        CHECK(r->done);
        for (size_t i = 0; i < r->req.n; i++)
                skipped += r->entries[i].result == RETRY_SKIPPED;
        if (!r->failed)
                CHECK_INT(world_retry_published(r) + skipped, r->req.n);
        else
                CHECK(r->err.code == ERR_UNAVAILABLE || r->err.code == ERR_GATEWAY_TIMEOUT ||
                      r->err.code == ERR_TOO_LARGE);
        CHECK(world_retry_published(r) <= w.n_entries);
}

/* Whoever repeats it has it all in the end. */
static void repeat_all(void)
{
        struct world_list list;

        world_retry_init(&w, &again);
        again.req.deadline_ms = w.now_ms + 30000;
        add_entries(&again, 0, FAILURES);
        world_retry_submit(&w, &again);
        world_advance(&w, 1000);
        CHECK(again.done && !again.failed);
        world_list(&w, &list, NULL, 0, 100, false);
        CHECK_INT(list.n, 0);
        world_list_deinit(&list);
        CHECK_INT(w.n_entries, FAILURES);
        world_check(&w);
        world_retry_deinit(&again);
}

/* Two requests that share entries, in transactions of two; settlements go along. */
static void begin(const char *extra)
{
        world_init(&w, 2);
        w.config.max_transaction_entries = 2;
        world_append(&w, 0, STR("b/done?versionId=&sitename=aws"), NULL, -1, NULL);
        world_append(&w, -1, STR("b/c?versionId=v&sitename=s"),
                     "{\"Bucket\":\"b\",\"Key\":\"c\",\"VersionId\":\"v\",\"StorageClass\":\"s\","
                     "\"ReplicationStatus\":\"COMPLETED\"}",
                     -1, NULL);
        add_failures(extra);
}

static void submit_first(size_t memory)
{
        w.feeding = false;
        world_retry_init(&w, &first);
        first.arena.limit = memory;
        add_entries(&first, 0, 6);
        world_retry_submit(&w, &first);
}

static void submit_second(void)
{
        world_advance(&w, 200);
        world_retry_init(&w, &second);
        add_entries(&second, 3, FAILURES);
        world_retry_submit(&w, &second);
}

static void request_both(size_t memory)
{
        submit_first(memory);
        submit_second();
        world_advance(&w, 6000);
        if (w.fault != PUBLISH_UNKNOWN) /* well before their deadline */
                CHECK(first.done && second.done);
        recover();
        check_answer(&first);
        check_answer(&second);
        world_check(&w);
}

static void end(void)
{
        world_retry_deinit(&first);
        world_retry_deinit(&second);
        world_deinit(&w);
}

struct fault {
        const char *name;
        enum publish_outcome outcome;
        bool written;
        size_t refused;
        bool mended; /* the requests do not notice */
};

static size_t skipped(void)
{
        return (size_t)metrics_get(w.metrics, METRIC_RETRIES_SKIPPED_TOTAL, LABELS_1("too_large"));
}

/* True when it came to that submit. *ret_skipped counts the entries that were left out. */
static bool submit_fails(const struct fault *f, unsigned n, size_t *ret_skipped)
{
        bool met;

        begin("");
        w.fault = f->outcome;
        w.fault_submit = n;
        w.fault_is_written = f->written;
        w.refused = f->refused;
        world_start(&w);
        recover(); /* a fault of the first claim delays what may be answered */
        request_both(SIZE_MAX);
        met = w.submits >= n;
        w.fault_submit = 0;
        if (f->mended)
                CHECK(!first.failed && !second.failed);
        *ret_skipped += skipped();
        if (f->mended) /* what one request leaves out the other may publish */
                CHECK(w.n_entries + skipped() >= FAILURES);
        repeat_all();
        end();
        return met;
}

static void every_submit_may_end_in_any_way(void)
{
        static const struct fault table[] = {
                { "aborted", PUBLISH_ABORTED, false, 0, true },
                { "a stale generation", PUBLISH_STALE, false, 0, true },
                { "the first record is refused", PUBLISH_REFUSED, false, 0, true },
                { "the last record is refused", PUBLISH_REFUSED, false, 3, true },
                { "unknown, and nothing was written", PUBLISH_UNKNOWN, false, 0, false },
                { "unknown, and all was written", PUBLISH_UNKNOWN, true, 0, true },
                { "closed", PUBLISH_CLOSED, false, 0, false },
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                size_t left_out = 0;
                unsigned n = 1;

                while (submit_fails(&table[i], n, &left_out))
                        n++;
                printf("  %s: %u submits\n", table[i].name, n - 1);
                CHECK(n > 5);
                CHECK_INT(left_out > 0, table[i].outcome == PUBLISH_REFUSED);
        }
}

static bool read_fails(unsigned n)
{
        bool met;

        begin(",\"Entry\":\"{}\"");
        w.config.payload = RETRY_PAYLOAD_ENTRY;
        w.fault_read = n;
        world_start(&w);
        request_both(SIZE_MAX);
        met = w.reads >= n;
        w.fault_read = 0;
        repeat_all();
        end();
        return met;
}

static void every_read_of_the_log_may_fail(void)
{
        unsigned n = 1;

        while (read_fails(n))
                n++;
        printf("  %u reads\n", n - 1);
        CHECK(n > 2);
}

/* True when the first request had memory enough. */
static bool memory_suffices(size_t bytes)
{
        bool suffices;

        begin("");
        world_start(&w);
        request_both(bytes);
        suffices = !first.failed;
        CHECK(!second.failed);
        repeat_all();
        end();
        return suffices;
}

static void every_allocation_of_a_request_may_fail(void)
{
        size_t bytes = 0;

        while (!memory_suffices(bytes))
                bytes += 16;
        printf("  %zu bytes\n", bytes);
        CHECK(bytes > 1000);
}

/* Not one submit but all from the n-th on, until the requests are given up. */
static void when_kafka_takes_nothing_any_more_nothing_is_lost(void)
{
        for (unsigned good = 0; good < 6; good++) {
                begin("");
                world_start(&w);
                w.hold_batches = true;
                submit_first(SIZE_MAX);
                submit_second();
                for (unsigned i = 0; i < good && w.batch != NULL; i++)
                        world_answer(&w, PUBLISH_COMMITTED);
                w.hold_batches = false;
                w.script = PUBLISH_ABORTED;
                recover();
                check_answer(&first);
                check_answer(&second);
                world_check(&w);
                w.script = PUBLISH_COMMITTED;
                repeat_all();
                end();
        }
}

int main(void)
{
        log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
        RUN(every_submit_may_end_in_any_way);
        RUN(every_read_of_the_log_may_fail);
        RUN(every_allocation_of_a_request_may_fail);
        RUN(when_kafka_takes_nothing_any_more_nothing_is_lost);
        return 0;
}
