/* SPDX-License-Identifier: Apache-2.0 */
/* What an owner owes to the log is written in the end, whatever comes between, and a new process
 * reads the same out of what compaction leaves. */
#include "check.h"
#include "crr/base/log.h"
#include "crr/core/identity.h"
#include "world_one.h"

static struct world w;
static struct world_list list;
static struct world_retry retry;

/* Below `end` of each key the last record is left. */
static void compact(int partition, int64_t end)
{
        struct world_log *log = &w.logs[partition];

        for (int64_t i = 0; i < end; i++) {
                bool again = false;

                for (int64_t j = i + 1; log->records[i].key != NULL && j < end; j++)
                        again |= log->records[j].key != NULL &&
                                 strcmp(log->records[i].key, log->records[j].key) == 0;
                if (again)
                        world_compact_away(&w, partition, i);
        }
}

static void a_rewritten_failure_is_still_listed_after_compaction_of_what_it_followed(void)
{
        int64_t tombstone;

        world_init(&w, 1);
        world_start(&w);
        world_failure(&w, "b", "k", "v", "aws", ",\"ReplicationStatus\":\"COMPLETED\"");
        w.hold_batches = true;
        world_run(&w);
        world_failure(&w, "b", "k", "v", "aws", ",\"Size\":5");
        w.hold_batches = false;
        world_answer(&w, PUBLISH_COMMITTED);
        world_advance(&w, 1000);
        CHECK_INT(world_listed(&w), 1); /* COMPLETED 0, FAILED 1, tombstone 2 (void), again 4 */
        tombstone = 2;
        CHECK(w.logs[0].records[tombstone].key != NULL && !w.logs[0].records[tombstone].value);
        compact(0, tombstone + 1); /* a segment ends behind it */
        world_restart(&w, false);
        world_advance(&w, 1000);
        CHECK_INT(world_listed(&w), 1);
        world_deinit(&w);
}

/* The publisher was away: both are queued. The merge is not written with the retry: it would be
 * void, and compaction could leave it, but not what it was void against. */
static void a_retry_takes_the_place_of_a_merge_that_was_owed(void)
{
        world_init(&w, 1);
        world_start(&w);
        one_append(&w, 0, ",\"ReplicationStatus\":\"PENDING\",\"Attempts\":1", -1, NULL, 0);
        world_run(&w);
        member_on_publisher_lost(w.member);
        one_append(&w, 0, "", -1, NULL, 0); /* fails again: a merge is owed */
        world_run(&w);
        one_retry(&w, &retry, "k", false);
        CHECK(!retry.done);
        world_publisher_ready(&w);
        world_advance(&w, 1000);
        CHECK(retry.done && !retry.failed);
        CHECK_INT(w.n_entries, 1);
        CHECK_INT(world_listed(&w), 0);
        world_retry_deinit(&retry);
        for (int64_t i = 0; i < w.logs[0].n; i++)
                CHECK(w.logs[0].records[i].settles < 0);
        compact(0, w.logs[0].n);
        world_restart(&w, false);
        world_advance(&w, 1000);
        CHECK_INT(world_listed(&w), 0);
        world_deinit(&w);
}

/* Compaction keeps the last record of the identity, the void tombstone: the failure is owed again.
 */
static void an_owed_rewrite_survives(enum publish_outcome outcome, bool unreadable)
{
        world_init(&w, 1);
        world_start(&w);
        one_append(&w, 0, ",\"ReplicationStatus\":\"PENDING\"", -1, NULL, 0);
        one_append(&w, 0, ",\"Size\":5,\"Entry\":\"e\"", -1, NULL, 0);
        world_advance(&w, 1000); /* merged: not unsettled any more */
        w.script = outcome;
        w.read_fails = unreadable;
        one_append(&w, 0, NULL, 0, "expired", 0); /* another owner's, too late: void */
        world_advance(&w, 1200);
        w.script = PUBLISH_COMMITTED;
        w.read_fails = false;
        if (outcome == PUBLISH_UNKNOWN)
                world_publisher_ready(&w);
        world_advance(&w, 60000);
        CHECK_INT(world_listed(&w), 1);
        /* Whatever compaction leaves, the last record of the identity must be the failure. */
        for (int64_t i = w.logs[0].n; i-- > 0;) {
                if (w.logs[0].records[i].key == NULL)
                        continue;
                CHECK(w.logs[0].records[i].value != NULL);
                break;
        }
        world_deinit(&w);
}

static void an_owed_rewrite_is_written(void)
{
        an_owed_rewrite_survives(PUBLISH_COMMITTED, false);
}

static void an_owed_rewrite_survives_aborted_transactions(void)
{
        an_owed_rewrite_survives(PUBLISH_ABORTED, false);
}

static void an_owed_rewrite_survives_an_unknown_outcome(void)
{
        an_owed_rewrite_survives(PUBLISH_UNKNOWN, false);
}

static void an_owed_rewrite_survives_an_unreadable_log(void)
{
        an_owed_rewrite_survives(PUBLISH_COMMITTED, true);
}

/* More notes than are kept: what is dropped must not be the failure's own record. */
static void an_owed_rewrite_survives_many_other_notes(void)
{
        int home, other;

        world_init(&w, 2);
        home = world_home(&w, "b", "k", "v", "aws");
        other = 1 - home;
        w.stable = MEMBER_UNSTABLE; /* of the other one for good */
        world_start(&w);
        member_on_stable(w.member, home, MEMBER_STABLE);
        world_run(&w);
        for (int64_t i = 0, offset = 0; offset < 50100; i++) {
                char key[128], value[256];
                struct log_record record = { .partition = other, .offset = offset, .settles = -1 };

                record.timestamp_ms = w.wall_ms;
                record.key.len =
                        (size_t)snprintf(key, sizeof key, "b/x%d?versionId=v&sitename=aws", (int)i);
                record.value.len = (size_t)snprintf(
                        value, sizeof value,
                        "{\"Bucket\":\"b\",\"Key\":\"x%d\",\"VersionId\":\"v\","
                        "\"StorageClass\":\"aws\",\"ReplicationStatus\":\"COMPLETED\"}",
                        (int)i);
                record.key.base = key;
                record.value.base = value;
                if (partition_of_key(PARTITIONER_MURMUR2, record.key, 2) != other)
                        continue;
                member_on_record(w.member, &record);
                offset++;
        }
        one_append(&w, home, ",\"ReplicationStatus\":\"PENDING\"", -1, NULL, 0);
        one_append(&w, home, "", -1, NULL, 0);
        one_append(&w, home, NULL, 0, "expired", 0); /* of the PENDING one: void */
        world_advance(&w, 1000);
        for (int64_t i = w.logs[home].n; i-- > 0;) {
                if (w.logs[home].records[i].key == NULL)
                        continue;
                CHECK(w.logs[home].records[i].value != NULL);
                break;
        }
        world_deinit(&w);
}

/* Skipped, says the specification; compaction does not skip it. */
static void a_failure_survives_a_rejected_record_under_its_key(void)
{
        world_init(&w, 1);
        world_start(&w);
        one_append(&w, 0, "", -1, NULL, 0);
        world_append(&w, 0, ONE_KEY, "no JSON", -1, NULL);
        world_advance(&w, 1000);
        CHECK_INT(world_listed(&w), 1);
        compact(0, w.logs[0].n);
        world_restart(&w, false);
        CHECK_INT(world_listed(&w), 1);
        world_deinit(&w);
}

static void a_retry_with_a_late_time_expires_by_the_time_of_its_record_and_keeps_no_other(void)
{
        world_init(&w, 1);
        w.config.pending_ttl_ms = 5000;
        world_start(&w);
        one_append(&w, 0,
                   ",\"ReplicationStatus\":\"PENDING\",\"RetriedAt\":\"2999-01-01T00:00:00.000Z\"",
                   -1, NULL, 0);
        world_failure(&w, "b", "other", "v", "aws", NULL);
        world_run(&w);
        one_retry(&w, &retry, "other", false);
        CHECK(!retry.failed);
        world_retry_deinit(&retry);
        world_advance(&w, 20000);
        CHECK_INT(world_listed(&w), 2);
        world_deinit(&w);
}

static void keep_expired(void *data, struct str line)
{
        if (memmem(line.base, line.len, "event=retry_expired", 19) != NULL)
                buf_append_str(data, line);
}

static void retries_that_expire_are_told_once_a_walk(void)
{
        struct buf lines;

        buf_init(&lines, SIZE_MAX);
        world_init(&w, 1);
        w.config.pending_ttl_ms = 5000;
        world_start(&w);
        one_append(&w, 0, ",\"ReplicationStatus\":\"PENDING\"", -1, NULL, 0);
        world_run(&w);
        CHECK_INT(world_listed(&w), 0);
        log_configure(LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
        log_sink(keep_expired, &lines);
        world_advance(&w, 20000);
        log_sink(NULL, NULL);
        log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
        CHECK_INT(world_listed(&w), 1);
        buf_append_char(&lines, '\0');
        CHECK(strstr(lines.base, "partition=0 listed=1 closed=0") != NULL);
        CHECK(strstr(lines.base, "\n") == lines.base + lines.len - 2); /* one line */
        buf_deinit(&lines);
        world_deinit(&w);
}

static void a_pending_record_without_a_time_expires_and_overflows_nothing(void)
{
        world_init(&w, 1);
        w.config.pending_ttl_ms = 5000;
        world_start(&w);
        one_append(&w, 0, ",\"ReplicationStatus\":\"PENDING\"", -1, NULL, TIME_UNKNOWN);
        world_advance(&w, 10000);
        CHECK_INT(world_listed(&w), 1);
        world_deinit(&w);
}

static void a_failure_with_the_header_cleared_is_not_passed_over(void)
{
        world_init(&w, 1);
        world_start(&w);
        one_append(&w, 0, "", -1, "cleared", 0);
        world_run(&w);
        CHECK_INT(world_listed(&w), 1);
        world_deinit(&w);
}

static void what_clears_a_partition_has_no_identitys_key(void)
{
        struct identity id;
        struct buf scratch;
        bool canonical, is_key;

        buf_init(&scratch, 1 << 16);
        is_key = identity_parse_key(STR("crr-retryd-cleared"), &scratch, &id, &canonical);
        buf_deinit(&scratch);
        CHECK(!is_key);
}

static void the_tombstone_of_a_completed_retry_names_it(void)
{
        bool named = false;

        world_init(&w, 1);
        world_start(&w);
        one_append(&w, 0, "", -1, NULL, 0);
        world_run(&w);
        one_retry(&w, &retry, "k", false);
        world_advance(&w, 100);
        w.hold_batches = true;
        one_append(&w, 0, ",\"ReplicationStatus\":\"COMPLETED\"", -1, NULL, 0);
        world_run(&w);
        CHECK(w.batch != NULL);
        for (size_t i = 0; i < w.batch->records[0].n_headers; i++)
                named |= strcmp(w.batch->records[0].headers[i].name, "crr-retry-id") == 0;
        CHECK(named);
        world_answer(&w, PUBLISH_COMMITTED);
        world_retry_deinit(&retry);
        world_deinit(&w);
}

static void a_settlement_that_is_refused_is_not_tried_without_pause(void)
{
        world_init(&w, 1);
        world_start(&w);
        w.script = PUBLISH_ABORTED;
        one_append(&w, 0, ",\"ReplicationStatus\":\"PENDING\",\"Attempts\":3", -1, NULL, 0);
        one_append(&w, 0, "", -1, NULL, 0);
        for (int turn = 0; turn < 2000; turn++) { /* the clock stands still */
                if (turn == 0)
                        for (int i = 0; i < 2; i++) {
                                const struct world_record *r = &w.logs[0].records[i];
                                struct log_record record = {
                                        .offset = i,
                                        .timestamp_ms = r->timestamp_ms,
                                        .settles = -1,
                                        .key = { r->key, r->key_len },
                                        .value = { r->value, r->value_len },
                                };

                                member_on_record(w.member, &record);
                                w.logs[0].fed = i + 1;
                        }
                member_tick(w.member, w.now_ms, w.wall_ms);
                member_work(w.member);
                if (w.batch != NULL) {
                        struct publish_batch *batch = w.batch;

                        w.batch = NULL;
                        batch->outcome = PUBLISH_ABORTED;
                        error_set(&batch->err, ERR_KAFKA, "scripted");
                        batch->done(batch);
                }
        }
        printf("     %u transactions in no time\n", w.submits);
        CHECK(w.submits <= 10);
        w.script = PUBLISH_COMMITTED;
        world_run(&w);
        world_deinit(&w);
}

/* Notes of a partition that is not ready take the room of those that are. */
static void notes_of_one_partition_do_not_stop_the_settlements_of_another(void)
{
        int ready, other;

        world_init(&w, 2);
        w.config.pending_ttl_ms = 5000;
        ready = world_home(&w, "b", "k", "v", "aws");
        other = 1 - ready;
        for (int i = 0, n = 0; n < 20100; i++) {
                char key[16];

                snprintf(key, sizeof key, "x%d", i);
                if (world_home(&w, "b", key, "v", "aws") != other)
                        continue;
                world_failure(&w, "b", key, "v", "aws", ",\"ReplicationStatus\":\"COMPLETED\"");
                n++;
        }
        one_append(&w, ready, "", -1, NULL, 0);
        w.stable = MEMBER_UNSTABLE; /* of the other one for good */
        world_start(&w);
        member_on_stable(w.member, ready, MEMBER_STABLE);
        world_run(&w);
        one_retry(&w, &retry, "k", false);
        CHECK(retry.done && !retry.failed);
        world_advance(&w, 8000);
        world_list(&w, &list, NULL, 0, 10, true);
        CHECK_INT(list.n, 1);
        world_list_deinit(&list);
        world_retry_deinit(&retry);
        world_deinit(&w);
}

int main(void)
{
        log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
        RUN(a_rewritten_failure_is_still_listed_after_compaction_of_what_it_followed);
        RUN(a_retry_takes_the_place_of_a_merge_that_was_owed);
        RUN(an_owed_rewrite_is_written);
        RUN(an_owed_rewrite_survives_aborted_transactions);
        RUN(an_owed_rewrite_survives_an_unknown_outcome);
        RUN(an_owed_rewrite_survives_an_unreadable_log);
        RUN(an_owed_rewrite_survives_many_other_notes);
        RUN(a_failure_survives_a_rejected_record_under_its_key);
        RUN(a_retry_with_a_late_time_expires_by_the_time_of_its_record_and_keeps_no_other);
        RUN(retries_that_expire_are_told_once_a_walk);
        RUN(a_pending_record_without_a_time_expires_and_overflows_nothing);
        RUN(a_failure_with_the_header_cleared_is_not_passed_over);
        RUN(what_clears_a_partition_has_no_identitys_key);
        RUN(the_tombstone_of_a_completed_retry_names_it);
        RUN(a_settlement_that_is_refused_is_not_tried_without_pause);
        RUN(notes_of_one_partition_do_not_stop_the_settlements_of_another);
        return 0;
}
