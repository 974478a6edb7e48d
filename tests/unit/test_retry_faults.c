/* SPDX-License-Identifier: Apache-2.0 */
/* Retries whose answer must be true, and which are published once, whatever becomes of their
 * partition, their offset or their size. */
#include "check.h"
#include "crr/base/log.h"
#include "world_one.h"

static struct world w;
static struct world_retry retry, second;

static void start(int partitions)
{
        world_init(&w, partitions);
        world_start(&w);
}

static unsigned in_flight(void)
{
        struct member_status status;

        member_status(w.member, &status);
        return (unsigned)status.in_flight;
}

static void a_pending_record_that_we_would_reject_is_not_published(void)
{
        char extra[400];

        world_init(&w, 1);
        w.config.max_value_bytes = 300;
        world_start(&w);
        snprintf(extra, sizeof extra, ",\"Entry\":\"%0180d\"", 7);
        one_append(&w, 0, extra, -1, NULL, 0);
        world_run(&w);
        CHECK_INT(world_listed(&w), 1);
        one_retry(&w, &retry, "k", false);
        world_advance(&w, 1000);
        CHECK(retry.done);
        if (!retry.failed && world_retry_published(&retry) == 1)
                CHECK_INT(world_listed(&w), 0);
        world_retry_deinit(&retry);
        one_retry(&w, &second, "k", false);
        world_advance(&w, 1000);
        CHECK(w.n_entries <= 1);
        world_retry_deinit(&second);
        world_deinit(&w);
}

/* librdkafka knows no offset of a message that the broker had already (a repeated request). */
static void a_committed_retry_without_an_offset_is_hidden_until_its_record_is_read(void)
{
        struct publish_batch *batch;

        start(1);
        one_append(&w, 0, "", -1, NULL, 0);
        world_run(&w);
        w.hold_batches = true;
        one_retry(&w, &retry, "k", false);
        batch = w.batch;
        w.batch = NULL;
        for (size_t i = 0; i < batch->n_records; i++)
                batch->records[i].offset = -1001;
        batch->outcome = PUBLISH_COMMITTED;
        batch->done(batch);
        world_run(&w);
        CHECK(retry.done && !retry.failed);
        CHECK_INT(world_listed(&w), 0);
        world_retry_deinit(&retry);
        world_deinit(&w);
}

static void check_retry_over_a_growth(bool is_known)
{
        start(1);
        if (is_known)
                world_failure(&w, "b", "k0", "v", "aws", NULL);
        world_run(&w);
        member_on_publisher_lost(w.member);
        one_retry(&w, &retry, "k0", !is_known);
        CHECK(!retry.done);
        w.n_partitions = 2;
        CHECK_INT(world_home(&w, "b", "k0", "v", "aws"), 1);
        member_on_topology(w.member, 2);
        w.assigned[1] = true;
        member_on_assigned(w.member, 1);
        world_advance(&w, 500);
        world_publisher_ready(&w);
        world_advance(&w, 500);
        CHECK(retry.done);
        for (int64_t i = 0; i < w.logs[0].n; i++)
                CHECK(w.logs[0].records[i].value == NULL ||
                      strstr(w.logs[0].records[i].value, "PENDING") == NULL);
        world_retry_deinit(&retry);
        world_deinit(&w);
}

static void a_retry_that_waited_over_a_growth_goes_to_the_partition_of_now(void)
{
        check_retry_over_a_growth(true);
}

/* Of this one no record is read again that would tell. */
static void a_forced_retry_that_waited_over_a_growth_goes_to_the_partition_of_now(void)
{
        check_retry_over_a_growth(false);
}

static void a_repeat_of_a_forced_retry_is_answered_as_the_first_time(void)
{
        int64_t first;

        start(1);
        one_retry(&w, &retry, "k", true);
        CHECK_INT(world_retry_published(&retry), 1);
        first = retry.entries[0].failure->failed_at_ms;
        world_advance(&w, 1000);
        world_retry_init(&w, &second);
        second.req.retry_id = retry.req.retry_id;
        second.req.has_idempotency_key = true;
        world_retry_add(&second, "b", "k", "v", "aws", true);
        world_retry_submit(&w, &second);
        CHECK_INT(world_retry_published(&second), 1);
        CHECK_INT(w.n_entries, 1);
        CHECK_INT(second.entries[0].failure->failed_at_ms, first);
        world_retry_deinit(&retry);
        world_retry_deinit(&second);
        world_deinit(&w);
}

/* The topic was made anew while a transaction was under way: its offset is of the old log. */
static void a_failure_of_a_new_log_is_not_hidden_by_a_commit_into_the_old_one(void)
{
        struct publish_batch *batch;

        start(1);
        one_append(&w, 0, "", -1, NULL, 0);
        world_run(&w);
        w.hold_batches = true;
        one_retry(&w, &retry, "k", false);
        member_on_reset(w.member, 0, "made anew");
        w.logs[0].fed = 0;
        world_advance(&w, 500);
        batch = w.batch;
        w.batch = NULL;
        for (size_t i = 0; i < batch->n_records; i++)
                batch->records[i].offset = 1000;
        batch->outcome = PUBLISH_COMMITTED;
        batch->done(batch);
        w.hold_batches = w.open[0] = false;
        world_advance(&w, 60000);
        CHECK_INT(world_listed(&w), 1);
        world_retry_deinit(&retry);
        world_deinit(&w);
}

static void an_unknown_retry_of_a_partition_that_left_is_over(void)
{
        start(2);
        one_append(&w, world_home(&w, "b", "k", "v", "aws"), "", -1, NULL, 0);
        world_run(&w);
        w.hold_batches = true;
        one_retry(&w, &retry, "k", false);
        member_on_revoked(w.member, world_home(&w, "b", "k", "v", "aws"));
        w.assigned[world_home(&w, "b", "k", "v", "aws")] = false;
        world_answer(&w, PUBLISH_UNKNOWN);
        world_publisher_ready(&w);
        world_advance(&w, 120000);
        CHECK(retry.done);
        CHECK_INT(in_flight(), 0);
        world_retry_deinit(&retry);
        world_deinit(&w);
}

#define ENTRIES     640
#define ENTRY_BYTES 65536

static void fail_with_long_entries(void)
{
        static char extra[ENTRY_BYTES + 64];

        snprintf(extra, sizeof extra, ",\"Entry\":\"%0*d\"", ENTRY_BYTES, 7);
        for (int i = 0; i < ENTRIES; i++) {
                char key[16];

                snprintf(key, sizeof key, "k%d", i);
                world_failure(&w, "b", key, "v", "aws", extra);
        }
        world_run(&w);
}

/* What was asked for in one go is given up to the bytes that it may take. */
static size_t answer_read(struct log_read *read)
{
        size_t bytes = 0;

        for (size_t i = 0; i < read->n; i++) {
                struct log_read_item *item = &read->items[i];
                const struct world_record *at = &w.logs[0].records[item->offset];

                item->left = bytes + at->value_len > read->max_bytes;
                if (item->left)
                        continue;
                item->found = true;
                item->key = (struct str){ at->key, at->key_len };
                item->value = (struct str){ at->value, at->value_len };
                bytes += at->value_len;
        }
        read->done(read, NULL);
        return bytes;
}

/* Nothing can be published: not all of them may lie in memory. */
static void what_is_read_for_retries_is_bounded_while_the_publisher_is_away(void)
{
        static struct world_retry many[16];
        size_t bytes = 0;

        world_init(&w, 1);
        w.config.max_transaction_bytes = 1 << 20;
        world_start(&w);
        fail_with_long_entries();
        member_on_publisher_lost(w.member);
        w.hold_reads = true;
        for (int r = 0; r < 16; r++) {
                world_retry_init(&w, &many[r]);
                for (int i = 0; i < ENTRIES / 16; i++) {
                        char *key = arena_alloc(&many[r].arena, 16);

                        snprintf(key, 16, "k%d", r * (ENTRIES / 16) + i);
                        world_retry_add(&many[r], "b", key, "v", "aws", false);
                }
                world_retry_submit(&w, &many[r]);
        }
        while (w.read != NULL) {
                struct log_read *read = w.read;

                w.read = NULL;
                bytes += answer_read(read);
                world_run(&w);
        }
        CHECK(bytes > 0);
        CHECK(bytes <= (size_t)18 << 20);
        w.hold_reads = false;
        world_publisher_ready(&w);
        world_advance(&w, 1000);
        CHECK_INT(w.n_entries, ENTRIES);
        for (int r = 0; r < 16; r++)
                world_retry_deinit(&many[r]);
        world_deinit(&w);
}

int main(void)
{
        log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
        RUN(a_pending_record_that_we_would_reject_is_not_published);
        RUN(a_committed_retry_without_an_offset_is_hidden_until_its_record_is_read);
        RUN(a_retry_that_waited_over_a_growth_goes_to_the_partition_of_now);
        RUN(a_forced_retry_that_waited_over_a_growth_goes_to_the_partition_of_now);
        RUN(a_repeat_of_a_forced_retry_is_answered_as_the_first_time);
        RUN(a_failure_of_a_new_log_is_not_hidden_by_a_commit_into_the_old_one);
        RUN(an_unknown_retry_of_a_partition_that_left_is_over);
        RUN(what_is_read_for_retries_is_bounded_while_the_publisher_is_away);
        return 0;
}
