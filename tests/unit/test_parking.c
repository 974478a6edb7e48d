/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "check.h"
#include "crr/base/limits.h"
#include "world.h"

/*
 * A partition leaves and comes back. What was there before is not fed again unless the member asks
 * for it: world_assign() feeds from where it says.
 */
static struct world w;

#define KEY  "b/k?versionId=v&sitename=s"
#define ID   "\"Bucket\":\"b\",\"Key\":\"k\",\"VersionId\":\"v\",\"StorageClass\":\"s\""
#define HOME 0

static void fail(int i)
{
        char key[64], value[160];

        snprintf(key, sizeof key, "b/k%d?versionId=v&sitename=s", i);
        snprintf(value, sizeof value,
                 "{\"Bucket\":\"b\",\"Key\":\"k%d\",\"VersionId\":\"v\",\"StorageClass\":\"s\"}",
                 i);
        world_append(&w, HOME, str_from(key), value, -1, NULL);
}

/* One partition, so that all is at home; ten failures. */
static void start(void)
{
        world_init(&w, 1);
        world_start(&w);
        for (int i = 0; i < 10; i++)
                fail(i);
        world_run(&w);
        CHECK_INT(world_listed(&w), 10);
}

static int home, other; /* the partition of "b/k" of two, and the other one */

static void start_two(bool holds)
{
        world_init(&w, 2);
        w.hold_batches = holds;
        home = world_home(&w, "b", "k", "v", "s");
        other = 1 - home;
        world_start(&w);
}

static void come_back(void)
{
        world_assign(&w, HOME);
        world_run(&w);
        world_advance(&w, 200);
}

/* Where it is read from after it was away for so long. */
static int64_t position_after(int64_t ms)
{
        world_revoke(&w, HOME);
        world_advance(&w, ms);
        w.feeding = false;
        world_assign(&w, HOME);
        return w.logs[HOME].fed;
}

static void a_partition_that_is_back_soon_goes_on_where_it_was(void)
{
        start();
        world_revoke(&w, HOME);
        world_advance(&w, 29000);
        fail(10);
        w.feeding = false;
        world_assign(&w, HOME);
        CHECK_INT(w.logs[HOME].fed, 10);
        w.feeding = true;
        world_run(&w);
        CHECK_INT(world_listed(&w), 11);
        world_deinit(&w);
}

static void nothing_of_it_is_told_while_it_is_away(void)
{
        struct world_list list;

        start();
        world_revoke(&w, HOME);
        world_list(&w, &list, NULL, 0, 10, true);
        CHECK_INT(list.n, 0);
        CHECK_INT(partition_set_count(&list.req.coverage.missing), 1);
        world_list_deinit(&list);
        member_collect(w.member);
        CHECK_INT(metrics_get(w.metrics, METRIC_FAILED_ENTRIES, LABELS_1("s")), 0);
        world_deinit(&w);
}

/* It is RESTORING, and waits for the barrier as any other. */
static void it_is_not_ready_before_the_barrier_is_passed(void)
{
        struct member_status status;

        start();
        w.stable = MEMBER_UNSTABLE;
        world_revoke(&w, HOME);
        world_assign(&w, HOME);
        world_advance(&w, 1000);
        member_status(w.member, &status);
        CHECK_INT(status.ready, 0);
        CHECK_STR(status.waiting_for, "open transaction");
        w.stable = MEMBER_STABLE;
        world_advance(&w, 1000);
        CHECK_INT(world_listed(&w), 10);
        world_deinit(&w);
}

static void it_is_dropped_after_half_a_minute(void)
{
        start();
        CHECK_INT(position_after(31000), 0);
        w.feeding = true;
        world_run(&w);
        CHECK_INT(world_listed(&w), 10);
        world_deinit(&w);
}

static double memory(void)
{
        member_collect(w.member);
        return metrics_get(w.metrics, METRIC_TABLE_MEMORY_BYTES, NO_LABELS);
}

static void its_memory_is_given_back_then(void)
{
        double before;

        start();
        for (int i = 10; i < 60000; i++)
                fail(i);
        world_run(&w);
        before = memory();
        world_revoke(&w, HOME);
        world_advance(&w, 29000);
        CHECK(memory() >= before);
        world_advance(&w, 5000);
        CHECK(memory() <= before - (2 << 20)); /* a page, of three */
        world_deinit(&w);
}

static void a_partition_comes_back_again_and_again(void)
{
        start();
        for (int i = 10; i < 15; i++) {
                world_revoke(&w, HOME);
                fail(i);
                come_back();
                CHECK_INT(world_listed(&w), (size_t)i + 1);
        }
        CHECK_INT(position_after(31000), 0);
        world_deinit(&w);
}

static void one_that_was_not_restored_yet_goes_on_too(void)
{
        start();
        for (int i = 10; i < 20; i++)
                fail(i);
        w.feeding = false;
        CHECK_INT(position_after(100), 10);
        world_deinit(&w);
}

/* What comes while it leaves is not taken, and so it is read later. */
static void what_comes_while_it_leaves_is_read_when_it_is_back(void)
{
        start();
        member_on_leaving(w.member, HOME);
        fail(10);
        world_run(&w);
        member_on_position(w.member, HOME, 11);
        CHECK_INT(position_after(100), 10);
        w.feeding = true;
        world_run(&w);
        CHECK_INT(world_listed(&w), 11);
        world_deinit(&w);
}

/* What a retry wrote before is read when it is back. */
static void a_retry_that_was_committed_before_is_not_listed(void)
{
        struct world_retry retry;

        start();
        w.feeding = false;
        world_retry_init(&w, &retry);
        world_retry_add(&retry, "b", "k1", "v", "s", false);
        world_retry_submit(&w, &retry);
        CHECK_INT(world_retry_published(&retry), 1);
        world_retry_deinit(&retry);
        world_revoke(&w, HOME);
        w.feeding = true;
        come_back();
        CHECK_INT(world_listed(&w), 9);
        world_check(&w);
        world_deinit(&w);
}

/* A settlement that was overtaken by a tombstone is void, be it that the tombstone was read in an
 * earlier life. */
static void what_was_completed_before_stays_so(void)
{
        world_init(&w, 1);
        world_start(&w);
        for (int life = 0; life < 3; life++) {
                int64_t failed = world_append(&w, HOME, STR(KEY), "{" ID "}", -1, NULL);

                world_append(&w, HOME, STR(KEY), NULL, -1, NULL);
                world_run(&w);
                w.hold_batches = true; /* what is owed then does not end it */
                CHECK_INT(position_after(100), w.logs[HOME].n);
                w.feeding = true;
                world_append(&w, HOME, STR(KEY), "{" ID "}", failed, "merged");
                world_run(&w);
                world_advance(&w, 200);
                member_collect(w.member);
                CHECK_INT(metrics_get(w.metrics, METRIC_FAILED_ENTRIES, LABELS_1("s")), 0);
                w.hold_batches = false;
                if (w.batch != NULL)
                        world_tell(&w, PUBLISH_COMMITTED);
                world_advance(&w, 5000);
        }
        world_deinit(&w);
}

/* Another member reads it, and perhaps its topic is not even the same any more. */
static void what_was_completed_in_one_that_is_away_is_not_known(void)
{
        start_two(true);
        world_append(&w, other, STR(KEY), "{" ID "}", -1, NULL);
        w.wall_ms += 10;
        w.feeds[other] = false;
        world_append(&w, home, STR(KEY), NULL, -1, NULL);
        world_run(&w);
        world_revoke(&w, home);
        w.feeds[other] = true;
        world_run(&w);
        world_advance(&w, 200);
        member_collect(w.member);
        CHECK_INT(metrics_get(w.metrics, METRIC_FAILED_ENTRIES, LABELS_1("s")), 1);
        world_deinit(&w);
}

/* The tombstone after it is owed, and no row tells of that. */
static void one_that_owes_something_is_read_anew(void)
{
        start();
        w.hold_batches = true;
        world_append(&w, HOME, STR(KEY), "{" ID ",\"ReplicationStatus\":\"COMPLETED\"}", -1, NULL);
        world_run(&w);
        CHECK_INT(position_after(100), 0);
        w.feeding = true;
        w.hold_batches = false;
        world_tell(&w, PUBLISH_ABORTED);
        world_advance(&w, 5000);
        CHECK_INT(position_after(100), w.logs[HOME].n);
        world_deinit(&w);
}

static void one_that_has_written_what_it_owed_goes_on(void)
{
        start();
        world_append(&w, HOME, STR(KEY), "{" ID ",\"ReplicationStatus\":\"COMPLETED\"}", -1, NULL);
        world_run(&w);
        world_advance(&w, 1000);
        CHECK(w.logs[HOME].n > 11);
        CHECK_INT(position_after(100), w.logs[HOME].n);
        world_deinit(&w);
}

/* Its tombstone is in the log, where it is read then. */
static void one_that_has_not_read_what_it_wrote_goes_on(void)
{
        start();
        w.hold_batches = true;
        world_append(&w, HOME, STR(KEY), "{" ID ",\"ReplicationStatus\":\"COMPLETED\"}", -1, NULL);
        world_run(&w);
        world_advance(&w, 100);
        w.feeding = w.hold_batches = false;
        world_tell(&w, PUBLISH_COMMITTED);
        world_run(&w);
        CHECK_INT(position_after(100), 11);
        world_deinit(&w);
}

/* A row tells of it: it is found again. */
static void what_rows_owe_is_written_when_it_is_back(void)
{
        world_init(&w, 1);
        w.stable = MEMBER_UNSTABLE;
        world_start(&w);
        world_append(&w, HOME, STR(KEY),
                     "{" ID ",\"ReplicationStatus\":\"PENDING\",\"Attempts\":2,\"Size\":7}", -1,
                     NULL);
        world_append(&w, HOME, STR(KEY), "{" ID "}", -1, NULL);
        world_run(&w);
        CHECK_INT(position_after(100), 2);
        w.feeding = true;
        w.stable = MEMBER_STABLE;
        world_advance(&w, 1000);
        CHECK_INT(w.logs[HOME].records[2].settles, 1);
        CHECK_INT(world_listed(&w), 1);
        world_deinit(&w);
}

static void check_nothing_is_owed(void)
{
        struct member_status status;

        member_status(w.member, &status);
        CHECK_INT(status.ready, 2);
        CHECK_INT(status.settlements, 0);
}

/* Which of an identity's records counts is told when they are read one after the other. */
static void one_whose_identity_was_read_elsewhere_is_read_anew(void)
{
        start_two(false);
        world_failure(&w, "b", "k", "v", "s", NULL);
        world_run(&w);
        world_revoke(&w, home);
        world_append(&w, other, STR(KEY), NULL, -1, NULL);
        world_run(&w);
        w.feeding = false;
        world_assign(&w, home);
        CHECK_INT(w.logs[home].fed, 0);
        world_deinit(&w);
}

/* Also before it left, and when all of that was written to the log. */
static void those_that_shared_an_identity_are_read_anew(void)
{
        start_two(false);
        world_failure(&w, "b", "k", "v", "s", NULL);
        world_run(&w);
        world_append(&w, other, STR(KEY), NULL, -1, NULL);
        world_run(&w);
        world_advance(&w, 5000);
        check_nothing_is_owed();
        w.feeding = false;
        for (int p = 0; p < 2; p++) {
                world_revoke(&w, p);
                world_assign(&w, p);
                CHECK_INT(w.logs[p].fed, 0);
        }
        world_deinit(&w);
}

/* Whichever of the two was read first. */
static void one_that_was_read_after_the_other_is_read_anew(void)
{
        start_two(true);
        world_revoke(&w, home);
        world_failure(&w, "b", "k", "v", "s", NULL);
        w.wall_ms += 10;
        world_append(&w, other, STR(KEY), "{" ID "}", -1, NULL);
        world_run(&w);
        world_assign(&w, home);
        world_run(&w);
        w.hold_batches = false;
        world_tell(&w, PUBLISH_COMMITTED);
        world_advance(&w, 5000);
        check_nothing_is_owed();
        w.feeding = false;
        world_revoke(&w, home);
        world_assign(&w, home);
        CHECK_INT(w.logs[home].fed, 0);
        world_deinit(&w);
}

/* The same, by an entry of its own that does not belong there. */
static void one_that_holds_another_ones_identity_is_read_anew(void)
{
        start_two(true);
        w.stable = MEMBER_UNSTABLE; /* so that it is not moved yet */
        world_revoke(&w, other);
        world_assign(&w, other);
        world_append(&w, other, STR(KEY), "{" ID "}", -1, NULL);
        world_run(&w);
        world_revoke(&w, other);
        world_failure(&w, "b", "k", "v", "s", NULL);
        world_run(&w);
        w.feeding = false;
        world_assign(&w, other);
        CHECK_INT(w.logs[other].fed, 0);
        world_deinit(&w);
}

static void a_topic_that_has_grown_is_read_anew(void)
{
        start();
        world_revoke(&w, HOME);
        w.n_partitions = 2;
        member_on_topology(w.member, 2);
        w.feeding = false;
        world_assign(&w, HOME);
        CHECK_INT(w.logs[HOME].fed, 0);
        world_deinit(&w);
}

/* A failure of a new site needs more than is there. */
static void what_is_away_gives_way_where_memory_is_short(void)
{
        struct member_status status;
        start_two(false);
        world_failure(&w, "b", "k", "v", "s", NULL);
        world_run(&w);
        world_revoke(&w, home);
        w.config.memory_limit = 1;
        member_set_config(w.member, &w.config);
        for (int i = 0; w.logs[other].n == 0; i++) {
                char key[16];

                snprintf(key, sizeof key, "k%d", i);
                if (world_home(&w, "b", key, "v", "new") != home)
                        world_failure(&w, "b", key, "v", "new", NULL);
        }
        world_run(&w);
        member_status(w.member, &status);
        CHECK_INT(status.full, 1);
        world_advance(&w, 100);
        w.feeding = false;
        world_assign(&w, home);
        CHECK_INT(w.logs[home].fed, 0);
        world_deinit(&w);
}

int main(void)
{
        RUN(a_partition_that_is_back_soon_goes_on_where_it_was);
        RUN(nothing_of_it_is_told_while_it_is_away);
        RUN(it_is_not_ready_before_the_barrier_is_passed);
        RUN(it_is_dropped_after_half_a_minute);
        RUN(its_memory_is_given_back_then);
        RUN(a_partition_comes_back_again_and_again);
        RUN(one_that_was_not_restored_yet_goes_on_too);
        RUN(what_comes_while_it_leaves_is_read_when_it_is_back);
        RUN(a_retry_that_was_committed_before_is_not_listed);
        RUN(what_was_completed_before_stays_so);
        RUN(what_was_completed_in_one_that_is_away_is_not_known);
        RUN(one_that_owes_something_is_read_anew);
        RUN(one_that_has_written_what_it_owed_goes_on);
        RUN(one_that_has_not_read_what_it_wrote_goes_on);
        RUN(what_rows_owe_is_written_when_it_is_back);
        RUN(one_whose_identity_was_read_elsewhere_is_read_anew);
        RUN(those_that_shared_an_identity_are_read_anew);
        RUN(one_that_was_read_after_the_other_is_read_anew);
        RUN(one_that_holds_another_ones_identity_is_read_anew);
        RUN(a_topic_that_has_grown_is_read_anew);
        RUN(what_is_away_gives_way_where_memory_is_short);
        return 0;
}
