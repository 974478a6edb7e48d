/* SPDX-License-Identifier: Apache-2.0 */
/* Records that stand where their identity does not belong, by a producer's partitioner or because
 * the topic grew. */
#include "check.h"
#include "crr/base/log.h"
#include "world_one.h"

static struct world w;
static struct world_list list;
static struct world_retry retry;

static int wrong_place(void)
{
        return (world_home(&w, "b", "k", "v", "aws") + 1) % w.n_partitions;
}

/* Records of two partitions come in any order: first that one, and only it. */
static void begin_with(int partition)
{
        for (int p = 0; p < w.n_partitions; p++)
                w.feeds[p] = p == partition;
        w.stable = MEMBER_UNSTABLE;
}

static void go_on(void)
{
        for (int p = 0; p < w.n_partitions; p++)
                w.feeds[p] = true;
        world_run(&w);
        w.stable = MEMBER_STABLE;
        world_advance(&w, 1000);
}

static void start_home_last(void)
{
        begin_with(wrong_place());
        world_start(&w);
        go_on();
}

static void restart_home_first(void)
{
        begin_with(world_home(&w, "b", "k", "v", "aws"));
        world_restart(&w, false);
        go_on();
}

static void a_moved_record_is_still_listed_after_a_restart(void)
{
        world_init(&w, 2);
        one_append(&w, wrong_place(), "", -1, NULL, 0);
        world_start(&w);
        world_advance(&w, 1000);
        CHECK_INT(world_listed(&w), 1);
        restart_home_first();
        CHECK_INT(world_listed(&w), 1);
        world_deinit(&w);
}

static void a_misplaced_failure_is_newer_than_the_pending_record_at_home(void)
{
        int64_t now;

        world_init(&w, 2);
        now = w.wall_ms;
        one_append(&w, world_home(&w, "b", "k", "v", "aws"), ",\"ReplicationStatus\":\"PENDING\"",
                   -1, NULL, now - 2000);
        one_append(&w, wrong_place(), "", -1, NULL, now - 1000);
        start_home_last();
        CHECK_INT(world_listed(&w), 1);
        world_deinit(&w);
}

static void a_misplaced_failure_is_newer_than_the_tombstone_at_home(void)
{
        int64_t now;

        world_init(&w, 2);
        now = w.wall_ms;
        one_append(&w, world_home(&w, "b", "k", "v", "aws"), NULL, -1, NULL, now - 2000);
        one_append(&w, wrong_place(), "", -1, NULL, now - 1000);
        start_home_last();
        CHECK_INT(world_listed(&w), 1);
        world_deinit(&w);
}

static void a_misplaced_record_that_a_newer_one_at_home_replaced_is_moved_all_the_same(void)
{
        int wrong;

        world_init(&w, 2);
        wrong = wrong_place();
        one_append(&w, wrong, "", -1, NULL, w.wall_ms - 2000);
        one_append(&w, world_home(&w, "b", "k", "v", "aws"), "", -1, NULL, w.wall_ms - 1000);
        start_home_last();
        CHECK_INT(world_listed(&w), 1);
        CHECK(w.logs[wrong].n > 1 && w.logs[wrong].records[1].value == NULL);
        world_deinit(&w);
}

static void a_misplaced_failure_keeps_what_the_pending_record_knew(void)
{
        int wrong;

        world_init(&w, 2);
        wrong = wrong_place();
        world_start(&w);
        world_failure(&w, "b", "k", "v", "aws", ",\"Attempts\":3,\"Size\":7,\"Entry\":\"e\"");
        world_run(&w);
        one_retry(&w, &retry, "k", false);
        CHECK(retry.done && !retry.failed);
        world_retry_deinit(&retry);
        world_advance(&w, 100);
        one_append(&w, wrong, ",\"ErrorCode\":\"Again\"", -1, NULL, 0);
        world_advance(&w, 1000);
        world_list(&w, &list, NULL, 0, 10, false);
        CHECK_INT(list.n, 1);
        CHECK_INT(list.rows[0].attempts, 4);
        CHECK_INT(list.rows[0].size, 7);
        CHECK(list.rows[0].entry_offset >= 0);
        world_list_deinit(&list);
        world_deinit(&w);
}

static void a_misplaced_completion_is_applied_although_its_home_is_ready_later(void)
{
        int home;

        world_init(&w, 2);
        home = world_home(&w, "b", "k", "v", "aws");
        one_append(&w, home, "", -1, NULL, w.wall_ms - 2000);
        one_append(&w, wrong_place(), ",\"ReplicationStatus\":\"COMPLETED\"", -1, NULL,
                   w.wall_ms - 1000);
        w.feeds[home] = false;
        world_start(&w);
        world_advance(&w, 1000);
        w.feeds[home] = true;
        world_advance(&w, 1000);
        CHECK_INT(world_listed(&w), 0);
        world_deinit(&w);
}

static bool ends_with_tombstone(int partition)
{
        const struct world_log *log = &w.logs[partition];
        int64_t last = log->n - 1;

        while (last >= 0 && log->records[last].key == NULL)
                last--;
        return last >= 0 && log->records[last].value == NULL;
}

/* A process ends after some of the transactions, one of which is aborted, that settle a completion
 * that stands elsewhere. */
static void end_after(int transactions, int aborted, bool while_running, bool home_is_read_first)
{
        int64_t completed = 0;
        int home;

        world_init(&w, 2);
        w.config.max_transaction_entries = 1;
        home = world_home(&w, "b", "k", "v", "aws");
        one_append(&w, home, "", -1, NULL, w.wall_ms - 3000);
        if (!while_running)
                one_append(&w, 1 - home, ",\"ReplicationStatus\":\"COMPLETED\"", -1, NULL,
                           w.wall_ms - 2000);
        w.hold_batches = true;
        world_start(&w);
        if (while_running) {
                one_append(&w, 1 - home, ",\"ReplicationStatus\":\"COMPLETED\"", -1, NULL,
                           w.wall_ms - 2000);
                world_advance(&w, 200);
        }
        for (int i = 0; i < transactions && w.batch != NULL; i++) {
                world_answer(&w, i == aborted ? PUBLISH_ABORTED : PUBLISH_COMMITTED);
                world_advance(&w, 200);
        }
        if (w.logs[1 - home].n > completed + 1)
                world_compact_away(&w, 1 - home, completed);
        begin_with(home_is_read_first ? home : 1 - home);
        world_restart(&w, false);
        w.hold_batches = false;
        go_on();
        world_publisher_ready(&w);
        world_advance(&w, 5000);
        CHECK_INT(world_listed(&w), 0);
        CHECK(ends_with_tombstone(home) && ends_with_tombstone(1 - home));
        world_deinit(&w);
}

static void what_was_completed_elsewhere_does_not_come_back_whenever_the_process_ends(void)
{
        for (int transactions = 0; transactions < 6; transactions++)
                for (int aborted = 0; aborted <= transactions; aborted++)
                        for (int variant = 0; variant < 4; variant++)
                                end_after(transactions, aborted, (variant & 1) != 0,
                                          (variant & 2) != 0);
}

static void a_misplaced_failure_survives_the_close_of_its_retry(void)
{
        int wrong;

        world_init(&w, 2);
        w.config.pending_expiry = PENDING_EXPIRY_CLOSE;
        w.config.pending_ttl_ms = 5000;
        wrong = wrong_place();
        world_start(&w);
        one_append(&w, 1 - wrong, ",\"ReplicationStatus\":\"PENDING\"", -1, NULL, 0);
        world_advance(&w, 4000);
        w.hold_batches = true;
        world_advance(&w, 3000); /* the tombstone is on its way */
        CHECK(w.batch != NULL);
        one_append(&w, wrong, ",\"ErrorCode\":\"Again\"", -1, NULL, 0);
        world_run(&w);
        CHECK_INT(world_listed(&w), 1);
        w.hold_batches = false;
        world_answer(&w, PUBLISH_COMMITTED);
        world_advance(&w, 1000);
        CHECK_INT(world_listed(&w), 1);
        world_deinit(&w);
}

static void a_completion_at_home_does_not_stop_a_newer_misplaced_failure_from_being_moved(void)
{
        int wrong, home;

        world_init(&w, 2);
        home = world_home(&w, "b", "k", "v", "aws");
        wrong = wrong_place();
        world_start(&w);
        w.hold_batches = true;
        one_append(&w, wrong, "", -1, NULL, w.wall_ms + 1000);
        world_failure(&w, "b", "other", "v", "aws", ",\"ReplicationStatus\":\"COMPLETED\"");
        w.hold_reads = true;
        world_run(&w);
        one_append(&w, home, ",\"ReplicationStatus\":\"COMPLETED\"", -1, NULL, w.wall_ms - 1000);
        world_run(&w);
        w.hold_reads = false;
        w.hold_batches = false;
        world_run(&w);
        world_advance(&w, 1000);
        CHECK_INT(world_listed(&w), 1);
        world_deinit(&w);
}

/* The topic grows with a retry under way: its PENDING record stands where it does not belong. */
static void grow_with_a_pending_record(void)
{
        world_init(&w, 1);
        world_start(&w);
        world_failure(&w, "b", "k0", "v", "aws", ",\"Entry\":\"e\",\"Size\":3");
        world_run(&w);
        one_retry(&w, &retry, "k0", false);
        CHECK(retry.done && !retry.failed);
        world_retry_deinit(&retry);
        world_advance(&w, 100);
        world_grow(&w, 2);
        CHECK_INT(world_home(&w, "b", "k0", "v", "aws"), 1);
        world_advance(&w, 2000);
}

static void a_pending_record_is_moved_when_the_topic_grows(void)
{
        grow_with_a_pending_record();
        CHECK(w.logs[1].n > 0);
        world_deinit(&w);
}

static void a_retry_that_fails_after_the_topic_grew_keeps_its_entry(void)
{
        grow_with_a_pending_record();
        world_failure(&w, "b", "k0", "v", "aws", ",\"ErrorCode\":\"Again\"");
        world_advance(&w, 1000);
        world_list(&w, &list, NULL, 0, 10, false);
        CHECK_INT(list.n, 1);
        CHECK_INT(list.rows[0].size, 3);
        CHECK(list.rows[0].entry_offset >= 0);
        world_list_deinit(&list);
        world_deinit(&w);
}

static void a_retry_that_completed_after_the_topic_grew_does_not_come_back(void)
{
        grow_with_a_pending_record();
        world_tombstone(&w, "b", "k0", "v", "aws");
        world_advance(&w, 1000);
        CHECK_INT(world_listed(&w), 0);
        w.config.pending_ttl_ms = 5000;
        w.wall_ms += 10000;
        w.feeds[0] = false; /* the new home is read first */
        w.stable = MEMBER_UNSTABLE;
        world_restart(&w, false);
        w.feeds[0] = true;
        world_run(&w);
        w.stable = MEMBER_STABLE;
        world_advance(&w, 5000);
        CHECK_INT(world_listed(&w), 0);
        world_deinit(&w);
}

static void a_move_of_unknown_outcome_to_anothers_partition_is_tried_again(void)
{
        int home, wrong;

        world_init(&w, 2);
        world_start(&w);
        home = world_home(&w, "b", "k", "v", "aws");
        wrong = 1 - home;
        member_on_revoked(w.member, home);
        w.assigned[home] = false;
        w.hold_batches = true;
        one_append(&w, wrong, "", -1, NULL, 0);
        world_run(&w);
        CHECK(w.batch != NULL);
        world_answer(&w, PUBLISH_UNKNOWN); /* not written */
        w.hold_batches = false;
        world_publisher_ready(&w);
        world_advance(&w, 120000);
        CHECK_INT(w.logs[home].n > 0, 1);
        world_deinit(&w);
}

static void a_misplaced_record_that_is_gone_is_not_read_without_pause(void)
{
        int wrong;
        unsigned reads = 0;

        world_init(&w, 2);
        world_start(&w);
        wrong = 1 - world_home(&w, "b", "k", "v", "aws");
        w.hold_reads = true;
        one_append(&w, wrong, "", -1, NULL, 0);
        world_run(&w);
        for (int turn = 0; turn < 2000; turn++) {
                struct log_read *read = w.read;

                if (read != NULL) {
                        w.read = NULL;
                        reads++;
                        for (size_t i = 0; i < read->n; i++)
                                read->items[i].found = false;
                        read->done(read, NULL);
                }
                member_tick(w.member, w.now_ms, w.wall_ms);
                member_work(w.member);
        }
        printf("     %u reads in no time\n", reads);
        CHECK(reads <= 10);
        w.hold_reads = false;
        world_run(&w);
        world_deinit(&w);
}

int main(void)
{
        log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
        RUN(a_moved_record_is_still_listed_after_a_restart);
        RUN(a_misplaced_failure_is_newer_than_the_pending_record_at_home);
        RUN(a_misplaced_failure_is_newer_than_the_tombstone_at_home);
        RUN(a_misplaced_record_that_a_newer_one_at_home_replaced_is_moved_all_the_same);
        RUN(a_misplaced_failure_keeps_what_the_pending_record_knew);
        RUN(a_misplaced_completion_is_applied_although_its_home_is_ready_later);
        RUN(what_was_completed_elsewhere_does_not_come_back_whenever_the_process_ends);
        RUN(a_misplaced_failure_survives_the_close_of_its_retry);
        RUN(a_completion_at_home_does_not_stop_a_newer_misplaced_failure_from_being_moved);
        RUN(a_pending_record_is_moved_when_the_topic_grows);
        RUN(a_retry_that_fails_after_the_topic_grew_keeps_its_entry);
        RUN(a_retry_that_completed_after_the_topic_grew_does_not_come_back);
        RUN(a_move_of_unknown_outcome_to_anothers_partition_is_tried_again);
        RUN(a_misplaced_record_that_is_gone_is_not_read_without_pause);
        return 0;
}
