/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "check.h"
#include "claim.h"
#include "crr/base/log.h"
#include "world.h"

static struct world w;
static struct world_retry retries[8];
static char keys[512][16];

static void start(int partitions)
{
        world_init(&w, partitions);
        world_start(&w);
        w.hold_batches = true;
}

/* Failures with the keys k<from> to k<to - 1>. */
static void fail(int from, int to)
{
        for (int i = from; i < to; i++) {
                snprintf(keys[i], sizeof keys[i], "k%d", i);
                world_failure(&w, "b", keys[i], "v", "aws", NULL);
        }
        world_run(&w);
}

static void submit(int request, int from, int to)
{
        struct world_retry *r = &retries[request];

        world_retry_init(&w, r);
        for (int i = from; i < to; i++)
                world_retry_add(r, "b", keys[i], "v", "aws", false);
        world_retry_submit(&w, r);
}

static void end(int requests)
{
        for (int i = 0; i < requests; i++)
                world_retry_deinit(&retries[i]);
        world_deinit(&w);
}

/* WHAT GOES TOGETHER */

static void what_waited_while_a_batch_ran_is_the_next_one(void)
{
        start(2);
        fail(0, 6);
        submit(0, 0, 1);
        CHECK_INT(w.batch->n_records, 2);
        submit(1, 1, 3);
        submit(2, 3, 6);
        CHECK_INT(w.submits, 1);
        CHECK_INT(w.batch->n_records, 2);
        world_answer(&w, PUBLISH_COMMITTED);
        CHECK(retries[0].done && !retries[1].done);
        CHECK_INT(w.submits, 2);
        CHECK_INT(w.batch->n_records, 10);
        world_answer(&w, PUBLISH_COMMITTED);
        CHECK(retries[1].done && retries[2].done);
        CHECK(w.batch == NULL);
        end(3);
}

static void a_transaction_has_so_many_entries_at_most(void)
{
        static const size_t want[] = { 3, 3, 1 };

        world_init(&w, 2);
        w.config.max_transaction_entries = 3;
        world_start(&w);
        w.hold_batches = true;
        fail(0, 7);
        submit(0, 0, 7);
        for (size_t i = 0; i < 3; i++) {
                CHECK_INT(w.batch->n_records, 2 * want[i]);
                CHECK(!retries[0].done);
                world_answer(&w, PUBLISH_COMMITTED);
        }
        CHECK(retries[0].done && !retries[0].failed);
        end(1);
}

static size_t bytes_of(const struct publish_batch *batch)
{
        size_t n = 0;

        for (size_t i = 0; i < batch->n_records; i++)
                n += batch->records[i].key.len + batch->records[i].value.len;
        return n;
}

/* A batch ends with the entry that reaches the limit. */
static void a_transaction_has_so_many_bytes_at_most(void)
{
        world_init(&w, 2);
        w.config.max_transaction_bytes = 3000;
        world_start(&w);
        w.hold_batches = true;
        fail(0, 20);
        submit(0, 0, 20);
        for (int n = 0; w.batch != NULL; n++) {
                CHECK(w.batch->n_records >= 2 && w.batch->n_records < 20);
                CHECK(bytes_of(w.batch) < 3000 + 1000);
                world_answer(&w, PUBLISH_COMMITTED);
                CHECK(n < 20);
        }
        CHECK(w.submits > 3);
        CHECK(retries[0].done && !retries[0].failed);
        end(1);
}

static void a_turn_encodes_so_many_entries_at_most(void)
{
        enum { EACH = LIMIT_RETRY_ENTRIES / 4 };

        start(1);
        fail(0, 5 * EACH);
        member_on_publisher_lost(w.member);
        for (int i = 0; i < 5; i++)
                submit(i, EACH * i, EACH * (i + 1));
        CHECK(w.batch == NULL);
        world_publisher_ready(&w);
        CHECK_INT(w.batch->n_records, 2L * LIMIT_RETRY_ENTRIES);
        world_answer(&w, PUBLISH_COMMITTED);
        CHECK_INT(w.batch->n_records, 2L * EACH);
        world_answer(&w, PUBLISH_COMMITTED);
        for (int i = 0; i < 5; i++)
                CHECK(retries[i].done && !retries[i].failed);
        end(5);
}

#define COMPLETED                                                                       \
        "{\"Bucket\":\"b\",\"Key\":\"c\",\"VersionId\":\"v\",\"StorageClass\":\"aws\"," \
        "\"ReplicationStatus\":\"COMPLETED\"}"

static void settlements_go_with_retries(void)
{
        start(1);
        fail(0, 2);
        submit(0, 0, 1);
        submit(1, 1, 2);
        world_append(&w, 0, STR("b/c?versionId=v&sitename=aws"), COMPLETED, -1, NULL);
        world_run(&w);
        world_answer(&w, PUBLISH_COMMITTED);
        CHECK_INT(w.batch->n_records, 3);
        CHECK(w.batch->records[2].value.base == NULL);
        world_answer(&w, PUBLISH_COMMITTED);
        CHECK(metrics_get(w.metrics, METRIC_SETTLEMENTS_TOTAL, LABELS_1("completed")) == 1);
        end(2);
}

static void nothing_is_submitted_before_the_publisher_is_ready(void)
{
        start(1);
        fail(0, 1);
        member_on_publisher_lost(w.member);
        submit(0, 0, 1);
        world_advance(&w, 5000);
        CHECK_INT(w.submits, 0);
        world_publisher_ready(&w);
        CHECK_INT(w.submits, 1);
        world_answer(&w, PUBLISH_COMMITTED);
        CHECK(retries[0].done && !retries[0].failed);
        end(1);
}

/* OFFSETS */

static void a_batch_carries_the_positions_of_the_partitions_it_touches(void)
{
        struct claim claim;
        int home;

        start(4);
        fail(0, 1);
        home = world_home(&w, "b", keys[0], "v", "aws");
        submit(0, 0, 1);
        CHECK_INT(w.batch->n_offsets, 1);
        CHECK_INT(w.batch->offsets[0].partition, home);
        CHECK_INT(w.batch->offsets[0].offset, w.logs[home].n);
        CHECK(str_eq_c(w.batch->generation, "generation-1"));
        CHECK(claim_parse(w.batch->metadata, &claim));
        CHECK(str_eq_c(claim.url, w.config.advertise));
        CHECK(str_eq_c(claim.member_id, "member-1"));
        world_answer(&w, PUBLISH_COMMITTED);
        end(1);
}

static void a_moved_record_touches_two_partitions(void)
{
        int home;

        start(2);
        home = world_home(&w, "b", "m", "v", "aws");
        world_append(
                &w, 1 - home, STR("b/m?versionId=v&sitename=aws"),
                "{\"Bucket\":\"b\",\"Key\":\"m\",\"VersionId\":\"v\",\"StorageClass\":\"aws\"}", -1,
                NULL);
        world_run(&w);
        CHECK_INT(w.batch->n_records, 2);
        CHECK_INT(w.batch->n_offsets, 2);
        CHECK_INT(w.batch->offsets[home].offset, 0);
        CHECK_INT(w.batch->offsets[1 - home].offset, 1);
        world_answer(&w, PUBLISH_COMMITTED);
        end(0);
}

static void the_generation_is_that_of_the_submit(void)
{
        struct claim claim;

        start(1);
        fail(0, 2);
        submit(0, 0, 1);
        submit(1, 1, 2);
        member_on_generation(w.member, STR("generation-2"), STR("other"));
        world_answer(&w, PUBLISH_COMMITTED);
        CHECK(str_eq_c(w.batch->generation, "generation-2"));
        CHECK(claim_parse(w.batch->metadata, &claim));
        CHECK(str_eq_c(claim.member_id, "other"));
        world_answer(&w, PUBLISH_COMMITTED);
        end(2);
}

static void once_a_minute_the_offsets_go_alone(void)
{
        start(3);
        world_revoke(&w, 1);
        world_advance(&w, 59960);
        CHECK(w.batch == NULL);
        world_advance(&w, 60);
        CHECK(w.batch != NULL);
        CHECK_INT(w.batch->n_records, 0);
        CHECK_INT(w.batch->n_offsets, 2);
        CHECK_INT(w.batch->offsets[0].partition, 0);
        CHECK_INT(w.batch->offsets[1].partition, 2);
        world_answer(&w, PUBLISH_COMMITTED);
        fail(0, 1);
        world_advance(&w, 30000);
        submit(0, 0, 1); /* a batch with records has the offsets of its partitions only */
        world_answer(&w, PUBLISH_COMMITTED);
        world_advance(&w, 29900);
        CHECK(w.batch == NULL);
        world_advance(&w, 200);
        CHECK(w.batch != NULL);
        world_answer(&w, PUBLISH_ABORTED);
        end(1);
}

static void without_a_group_or_a_ready_partition_there_are_none(void)
{
        world_init(&w, 1);
        w.stable = MEMBER_STABLE_UNKNOWN;
        world_start(&w);
        world_advance(&w, 130000);
        CHECK_INT(w.submits, 0);
        w.stable = MEMBER_STABLE;
        member_on_generation(w.member, STR(""), STR(""));
        world_advance(&w, 130000);
        CHECK_INT(w.submits, 0);
        end(0);
}

/* OUTCOMES */

static void aborts_count_and_what_others_did_wrong_does_not(void)
{
        static const struct {
                const char *name;
                enum publish_outcome outcome;
                unsigned times;
                bool done, failed;
        } table[] = {
                { "aborted twice", PUBLISH_ABORTED, 2, false, false },
                { "aborted three times", PUBLISH_ABORTED, 3, true, true },
                { "stale seven times", PUBLISH_STALE, 7, false, false },
                { "closed once", PUBLISH_CLOSED, 1, true, true },
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                start(1);
                fail(0, 1);
                submit(0, 0, 1);
                for (unsigned n = 0; n < table[i].times; n++) {
                        world_answer(&w, table[i].outcome);
                        world_advance(&w, table[i].outcome == PUBLISH_STALE ? 3000 : 0);
                        member_on_generation(w.member, n % 2 ? STR("even") : STR("odd"), STR(""));
                        world_run(&w);
                }
                if (retries[0].done != table[i].done)
                        check_fail(__FILE__, __LINE__, table[i].name, retries[0].err.message);
                if (!table[i].done)
                        world_answer(&w, PUBLISH_COMMITTED);
                CHECK_INT(retries[0].failed, table[i].failed);
                CHECK_INT(w.n_entries, !table[i].failed);
                end(1);
        }
}

static void a_stale_generation_waits_for_another_one_or_five_seconds(void)
{
        start(1);
        fail(0, 1);
        submit(0, 0, 1);
        world_answer(&w, PUBLISH_STALE);
        world_advance(&w, 4980);
        CHECK_INT(w.submits, 1);
        world_advance(&w, 40);
        CHECK_INT(w.submits, 2);
        world_answer(&w, PUBLISH_STALE);
        world_advance(&w, 1000);
        CHECK_INT(w.submits, 2);
        member_on_generation(w.member, STR("generation-2"), STR("metadata"));
        world_run(&w);
        CHECK_INT(w.submits, 3);
        world_answer(&w, PUBLISH_COMMITTED);
        CHECK(retries[0].done && !retries[0].failed);
        end(1);
}

/* Rows: the record that Kafka refuses, of three entries with two records each. */
static void a_refused_record_takes_its_entry_out_and_the_others_go_again(void)
{
        for (size_t refused = 0; refused < 6; refused++) {
                start(1);
                fail(0, 3);
                submit(0, 0, 3);
                w.refused = refused;
                world_answer(&w, PUBLISH_REFUSED);
                CHECK(!retries[0].done);
                CHECK_INT(w.batch->n_records, 4);
                world_answer(&w, PUBLISH_COMMITTED);
                CHECK(retries[0].done && !retries[0].failed);
                for (size_t i = 0; i < 3; i++)
                        CHECK_INT(retries[0].entries[i].result,
                                  i == refused / 2 ? RETRY_SKIPPED : RETRY_PUBLISHED);
                CHECK(metrics_get(w.metrics, METRIC_RETRIES_SKIPPED_TOTAL, LABELS_1("too_large")) ==
                      1);
                CHECK_INT(world_listed(&w), 1);
                end(1);
        }
}

static void every_outcome_is_counted(void)
{
        static const struct {
                enum publish_outcome outcome;
                const char *label;
        } table[] = {
                { PUBLISH_COMMITTED, "committed" }, { PUBLISH_ABORTED, "aborted" },
                { PUBLISH_STALE, "aborted" },       { PUBLISH_REFUSED, "aborted" },
                { PUBLISH_UNKNOWN, "unknown" },     { PUBLISH_CLOSED, "closed" },
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                struct metric_labels outcome = LABELS_1(table[i].label);
                double before; /* the claim */

                start(1);
                before = metrics_get(w.metrics, METRIC_RETRY_TRANSACTIONS_TOTAL, outcome);
                fail(0, 2);
                submit(0, 0, 2);
                world_answer(&w, table[i].outcome);
                CHECK(metrics_get(w.metrics, METRIC_RETRY_TRANSACTIONS_TOTAL, outcome) ==
                      before + 1);
                CHECK(metrics_get(w.metrics, METRIC_RETRY_TRANSACTION_DURATION, NO_LABELS) == 2);
                CHECK(metrics_get(w.metrics, METRIC_RETRY_TRANSACTION_ENTRIES, NO_LABELS) == 1);
                world_publisher_ready(&w);
                w.hold_batches = false;
                world_advance(&w, 40000);
                CHECK(retries[0].done);
                end(1);
        }
}

static void a_settlement_that_was_aborted_for_good_is_found_again(void)
{
        world_init(&w, 1);
        w.script = PUBLISH_ABORTED;
        world_start(&w);
        world_append(&w, 0, STR("b/k?versionId=v&sitename=aws"),
                     "{\"Bucket\":\"b\",\"Key\":\"k\",\"VersionId\":\"v\",\"StorageClass\":\"aws\","
                     "\"ReplicationStatus\":\"PENDING\",\"Attempts\":3,\"Size\":9}",
                     -1, NULL);
        world_failure(&w, "b", "k", "v", "aws", NULL);
        world_advance(&w, 3000);
        CHECK(w.submits >= 5); /* one claim; a pause that doubles between the others */
        CHECK(w.submits <= 8);
        CHECK_INT(w.logs[0].n, 2);
        w.script = PUBLISH_COMMITTED;
        world_advance(&w, 10000);
        CHECK_INT(w.logs[0].records[2].settles, 1);
        CHECK(strstr(w.logs[0].records[2].value, "\"Attempts\":3") != NULL);
        end(0);
}

/* WHILE IT IS OPEN */

static void a_record_that_changed_while_the_batch_was_open_is_encoded_anew(void)
{
        start(1);
        fail(0, 2);
        submit(0, 0, 1);
        submit(1, 1, 2); /* encoded, and waits for the first */
        world_failure(&w, "b", keys[1], "v", "aws", ",\"Attempts\":9");
        world_run(&w);
        world_answer(&w, PUBLISH_COMMITTED);
        world_answer(&w, PUBLISH_COMMITTED);
        CHECK(retries[1].done && !retries[1].failed);
        CHECK_INT(retries[1].entries[0].failure->attempts, 10);
        CHECK_STR(w.entries[1].attempt, "10");
        end(2);
}

static void a_partition_that_left_takes_its_entries_out_of_the_open_batch(void)
{
        int gone;

        start(2);
        fail(0, 8);
        gone = world_home(&w, "b", keys[1], "v", "aws");
        submit(0, 0, 1);
        submit(1, 1, 8);
        w.assigned[gone] = false;
        member_on_revoked(w.member, gone);
        world_run(&w);
        world_answer(&w, PUBLISH_COMMITTED);
        CHECK(w.batch != NULL);
        for (size_t i = 0; i < w.batch->n_records; i++)
                CHECK(w.batch->records[i].partition != gone);
        for (size_t i = 0; i < w.batch->n_offsets; i++)
                CHECK(w.batch->offsets[i].partition != gone);
        world_answer(&w, PUBLISH_COMMITTED);
        CHECK(retries[1].done && retries[1].failed);
        CHECK(strstr(retries[1].err.message, "is not known any more") != NULL);
        CHECK(world_retry_published(&retries[1]) > 0);
        end(2);
}

int main(void)
{
        log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
        RUN(what_waited_while_a_batch_ran_is_the_next_one);
        RUN(a_transaction_has_so_many_entries_at_most);
        RUN(a_transaction_has_so_many_bytes_at_most);
        RUN(a_turn_encodes_so_many_entries_at_most);
        RUN(settlements_go_with_retries);
        RUN(nothing_is_submitted_before_the_publisher_is_ready);
        RUN(a_batch_carries_the_positions_of_the_partitions_it_touches);
        RUN(a_moved_record_touches_two_partitions);
        RUN(the_generation_is_that_of_the_submit);
        RUN(once_a_minute_the_offsets_go_alone);
        RUN(without_a_group_or_a_ready_partition_there_are_none);
        RUN(aborts_count_and_what_others_did_wrong_does_not);
        RUN(a_stale_generation_waits_for_another_one_or_five_seconds);
        RUN(a_refused_record_takes_its_entry_out_and_the_others_go_again);
        RUN(every_outcome_is_counted);
        RUN(a_settlement_that_was_aborted_for_good_is_found_again);
        RUN(a_record_that_changed_while_the_batch_was_open_is_encoded_anew);
        RUN(a_partition_that_left_takes_its_entries_out_of_the_open_batch);
        return 0;
}
