/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "check.h"
#include "crr/base/limits.h"
#include "world_one.h"

static struct world w;
static struct world_list list;
static struct world_retry retry;

static void start(int partitions)
{
        world_init(&w, partitions);
        world_start(&w);
}

static void a_failed_retry_keeps_what_the_pending_record_knew(void)
{
        start(1);
        world_failure(&w, "b", "k", "v", "aws",
                      ",\"Size\":9,\"Attempts\":1,\"Role\":\"r\",\"Entry\":\"the entry\"");
        world_run(&w);
        one_retry(&w, &retry, "k", false);
        CHECK(!retry.failed);
        CHECK(strstr(w.logs[0].records[1].value, "\"Entry\":\"the entry\"") != NULL);
        world_failure(&w, "b", "k", "v", "aws", ",\"ErrorCode\":\"Again\"");
        world_advance(&w, 100);
        world_list(&w, &list, NULL, 0, 10, false);
        CHECK_INT(list.n, 1);
        CHECK_INT(list.rows[0].size, 9);
        CHECK_INT(list.rows[0].attempts, 2);
        CHECK(str_eq_c(list.rows[0].role, "r"));
        CHECK(str_eq_c(list.rows[0].error_code, "Again"));
        CHECK(!list.rows[0].unsettled);
        CHECK(strstr(w.logs[0].records[list.rows[0].offset].value, "the entry") != NULL);
        CHECK_INT(w.logs[0].records[list.rows[0].offset].settles, 3);
        world_list_deinit(&list);
        world_retry_deinit(&retry);
        world_deinit(&w);
}

static void a_completed_value_gets_its_tombstone(void)
{
        start(1);
        world_failure(&w, "b", "k", "v", "aws", NULL);
        world_failure(&w, "b", "k", "v", "aws", ",\"ReplicationStatus\":\"COMPLETED\"");
        world_advance(&w, 100);
        CHECK_INT(world_listed(&w), 0);
        CHECK(w.logs[0].records[2].value == NULL);
        CHECK_INT(w.logs[0].records[2].settles, 1);
        CHECK_STR(w.logs[0].records[2].outcome, "completed");
        world_deinit(&w);
}

static void a_settlement_that_a_newer_record_overtook_is_void_and_that_one_is_written_again(void)
{
        start(1);
        world_failure(&w, "b", "k", "v", "aws", ",\"ReplicationStatus\":\"COMPLETED\"");
        w.hold_batches = true;
        world_run(&w);
        world_failure(&w, "b", "k", "v", "aws", ",\"Size\":5");
        w.hold_batches = false;
        world_answer(&w, PUBLISH_COMMITTED);
        world_advance(&w, 100);
        CHECK_INT(world_listed(&w), 1);
        CHECK(w.logs[0].records[2].value == NULL);
        CHECK(w.logs[0].records[4].value != NULL);
        CHECK(strstr(w.logs[0].records[4].value, "\"Size\":5") != NULL);
        CHECK_INT(w.logs[0].records[4].settles,
                  2); /* the void one: compaction may keep that alone */
        world_deinit(&w);
}

static void a_retry_without_an_outcome_is_listed_again_after_its_time(void)
{
        world_init(&w, 1);
        w.config.pending_ttl_ms = 5000;
        world_start(&w);
        world_failure(&w, "b", "k", "v", "aws", ",\"Size\":5");
        world_run(&w);
        one_retry(&w, &retry, "k", false);
        world_advance(&w, 4000);
        CHECK_INT(world_listed(&w), 0);
        world_advance(&w, 3000);
        world_list(&w, &list, NULL, 0, 10, false);
        CHECK_INT(list.n, 1);
        CHECK(str_eq_c(list.rows[0].error_code, "RetryLost"));
        CHECK_INT(list.rows[0].size, 5);
        CHECK_INT(list.rows[0].attempts, 1);
        world_list_deinit(&list);
        world_retry_deinit(&retry);
        world_deinit(&w);
}

static void a_misplaced_record_is_listed_and_moved_to_its_place(void)
{
        int home;

        start(4);
        home = world_home(&w, "b", "k", "v", "aws");
        world_append(
                &w, (home + 1) % 4, STR("b/k?versionId=v&sitename=aws"),
                "{\"Bucket\":\"b\",\"Key\":\"k\",\"VersionId\":\"v\",\"StorageClass\":\"aws\",\"Size\":3}",
                -1, NULL);
        w.hold_batches = true;
        world_run(&w);
        CHECK_INT(world_listed(&w), 1);
        w.hold_batches = false;
        world_answer(&w, PUBLISH_COMMITTED);
        world_advance(&w, 100);
        world_list(&w, &list, NULL, 0, 10, false);
        CHECK_INT(list.n, 1);
        CHECK_INT(list.rows[0].partition, home);
        CHECK(!list.rows[0].foreign_key);
        CHECK_INT(w.logs[(home + 1) % 4].records[1].settles, 0);
        CHECK(w.logs[(home + 1) % 4].records[1].value == NULL);
        world_list_deinit(&list);
        world_deinit(&w);
}

static void another_spelling_of_a_key_is_moved_to_the_canonical_one(void)
{
        start(1);
        world_append(
                &w, 0, STR("b/%6b?versionId=v&sitename=aws"),
                "{\"Bucket\":\"b\",\"Key\":\"k\",\"VersionId\":\"v\",\"StorageClass\":\"aws\"}", -1,
                NULL);
        world_advance(&w, 100);
        CHECK_INT(world_listed(&w), 1);
        CHECK_STR(w.logs[0].records[1].key, "b/k?versionId=v&sitename=aws");
        CHECK_STR(w.logs[0].records[2].key, "b/%6b?versionId=v&sitename=aws");
        CHECK(w.logs[0].records[2].value == NULL);
        world_deinit(&w);
}

static void more_partitions_restore_everything_and_lose_nothing(void)
{
        start(1);
        for (int i = 0; i < 20; i++) {
                char key[16];

                snprintf(key, sizeof key, "k%d", i);
                world_failure(&w, "b", key, "v", "aws", NULL);
        }
        world_run(&w);
        w.n_partitions = 3;
        member_on_topology(w.member, 3);
        for (int p = 1; p < 3; p++) {
                w.assigned[p] = true;
                member_on_assigned(w.member, p);
        }
        world_advance(&w, 500);
        world_list(&w, &list, NULL, 0, 100, false);
        CHECK(!list.failed);
        CHECK_INT(list.n, 20);
        for (size_t i = 0; i < list.n; i++)
                CHECK(!list.rows[i].foreign_key);
        world_list_deinit(&list);
        world_deinit(&w);
}

int main(void)
{
        RUN(a_failed_retry_keeps_what_the_pending_record_knew);
        RUN(a_completed_value_gets_its_tombstone);
        RUN(a_settlement_that_a_newer_record_overtook_is_void_and_that_one_is_written_again);
        RUN(a_retry_without_an_outcome_is_listed_again_after_its_time);
        RUN(a_misplaced_record_is_listed_and_moved_to_its_place);
        RUN(another_spelling_of_a_key_is_moved_to_the_canonical_one);
        RUN(more_partitions_restore_everything_and_lose_nothing);
        return 0;
}
