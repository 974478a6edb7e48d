/* SPDX-License-Identifier: Apache-2.0 */
/* Foreign records on their way into the failure log: decided, and written once. */
#include "crr/base/log.h"
#include "intake_fixture.h"

/* WHAT IS WRITTEN */

static void a_failure_is_written_under_its_canonical_key_with_the_offsets_of_what_was_read(void)
{
        fixture_begin(false);
        fixture_submit_one(0, FAILED("a:b/c"));
        fixture_check_records(1);
        CHECK(str_eq_c(fixture.batch->records[0].key, "b/a%3Ab%2Fc?versionId=v&sitename=s"));
        fixture_check_value_has(0, "\"FailedAt\":\"1970-01-01T00:00:01.000Z\"");
        fixture_check_time(0, "5000");
        CHECK_INT(fixture.batch->records[0].partition, -1);
        CHECK_INT(fixture.n_over, 0);
        CHECK_INT(fixture_counted("failed", "failed"), 0); /* not before it is committed */
        fixture_answer(PUBLISH_COMMITTED);
        CHECK_INT(fixture.ends[0], INTAKE_DONE);
        CHECK_INT(fixture_counted("failed", "failed"), 1);
        fixture_end();
}

static void a_native_value_is_written_as_it_came_with_its_time(void)
{
        const char *value =
                "{\"Bucket\":\"b\", \"Key\":\"k\",\"StorageClass\":\"s\",\"ErrorMessage\":\"x\"}";

        fixture_begin(false);
        fixture_submit_one(0, value);
        fixture_check_records(1);
        CHECK(str_eq_c(fixture.batch->records[0].value, value));
        fixture_check_time(0, "5000");
        fixture_answer(PUBLISH_COMMITTED);
        fixture_end();
}

static void an_outcome_is_written_only_when_the_group_knows_the_identity(void)
{
        struct intake_batch *batch;

        fixture_begin(false);
        fake_door_add(fixture.door, 0, 1, "b", "known", "", "s");
        batch = fixture_batch(1);
        fixture_add(batch, 1, OUTCOME("known", "COMPLETED"));
        fixture_add(batch, 1, OUTCOME("never failed", "COMPLETED"));
        fixture_submit(batch);
        fixture_check_records(1);
        fixture_check_value_has(0, "COMPLETED");
        fixture_check_time(0, "5000");
        CHECK(str_has_prefix(fixture.batch->records[0].key, "b/known?"));
        fixture_answer(PUBLISH_COMMITTED);
        CHECK_INT(fixture_counted("status", "completed"), 1);
        CHECK_INT(fixture_counted("status", "unknown"), 1);
        fixture_end();
}

static void an_outcome_in_doubt_is_written(void)
{
        fixture_begin(false);
        partition_set_add(&fixture.door->missing, 0);
        fixture_submit_one(1, OUTCOME("perhaps", "COMPLETED"));
        fixture_check_records(1);
        fixture_answer(PUBLISH_COMMITTED);
        fixture_end();
}

static void an_outcome_behind_its_failure_in_one_batch_is_written_without_a_question(void)
{
        struct intake_batch *batch;

        fixture_begin(false);
        batch = fixture_batch(1);
        fixture_add(batch, 1, OUTCOME("k", "FAILED"));
        fixture_add(batch, 1, OUTCOME("k", "COMPLETED"));
        fixture_submit(batch);
        fixture_check_records(2);
        fixture_check_value_has(1, "COMPLETED");
        CHECK_INT(fixture.door->calls, 0);
        fixture_answer(PUBLISH_COMMITTED);
        fixture_end();
}

static void offsets_move_over_records_that_say_nothing(void)
{
        struct intake_batch *batch;

        fixture_begin(false);
        batch = fixture_batch(1);
        fixture_add(batch, 1, OUTCOME("k", "PENDING"));
        fixture_add(batch, 0, "poison");
        fixture_submit(batch);
        fixture_check_records(0);
        fixture_answer(PUBLISH_COMMITTED);
        CHECK_INT(fixture_counted("status", "passed_over"), 1);
        CHECK_INT(fixture_rejected("failed", "not_json"), 1);
        fixture_end();
}

static void a_record_that_no_topic_takes_is_left_out_and_counted(void)
{
        static char value[3000];
        struct intake_batch *batch;

        fixture_begin(false);
        snprintf(value, sizeof value,
                 "{\"Bucket\":\"b\",\"Key\":\"k\",\"StorageClass\":\"s\",\"Entry\":\"%02000d\"}",
                 0);
        batch = fixture_batch(1);
        fixture_add(batch, 0, value);
        fixture_add(batch, 0, FAILED("k"));
        fixture_submit(batch);
        fixture_check_records(1);
        fixture_answer(PUBLISH_COMMITTED);
        CHECK_INT(fixture_rejected("failed", "too_large"), 1);
        CHECK_INT(fixture_counted("failed", "failed"), 1);
        fixture_end();
}

/* WHAT KAFKA ANSWERS */

static void an_aborted_batch_is_written_again_after_a_pause_that_grows(void)
{
        fixture_begin(false);
        fixture_submit_one(0, FAILED("k"));
        fixture_answer(PUBLISH_ABORTED);
        CHECK_INT(fixture.submits, 1);
        fixture_advance(100);
        CHECK_INT(fixture.submits, 2);
        fixture_answer(PUBLISH_ABORTED);
        fixture_advance(150);
        CHECK_INT(fixture.submits, 2);
        fixture_advance(50);
        fixture_answer(PUBLISH_COMMITTED);
        CHECK_INT(fixture.ends[0], INTAKE_DONE);
        CHECK_INT(fixture_counted("failed", "failed"), 1);
        fixture_end();
}

static void count_rewound(void *data, struct str line)
{
        static const char words[] = "event=intake_rewound records=1 ";

        *(unsigned *)data += memmem(line.base, line.len, words, sizeof words - 1) != NULL;
}

/* Returns how often that was said. */
static unsigned check_all_are_read_again(enum publish_outcome outcome)
{
        unsigned n = 0;

        fixture_begin(false);
        log_sink(count_rewound, &n);
        fixture_submit_one(0, FAILED("1"));
        fixture_submit_one(0, FAILED("2"));
        CHECK_INT(fixture.submits, 1); /* one at a time */
        fixture_answer(outcome);
        CHECK_INT(fixture.n_over, 2);
        CHECK_INT(fixture.ends[0], INTAKE_REWIND);
        CHECK_INT(fixture.ends[1], INTAKE_REWIND);
        CHECK_INT(fixture.submits, 1);
        CHECK_INT(fixture_counted("failed", "failed"), 0);
        log_sink(NULL, NULL);
        fixture_end();
        return n;
}

static void behind_a_batch_of_unknown_outcome_all_is_read_again_which_is_said(void)
{
        CHECK_INT(check_all_are_read_again(PUBLISH_UNKNOWN), 1);
}

/* Members come and go; nobody needs to hear of it. */
static void behind_a_stale_batch_all_is_read_again(void)
{
        CHECK_INT(check_all_are_read_again(PUBLISH_STALE), 0);
}

/* It was being filled when the one before it failed: its offsets would skip that one's records. */
static void what_comes_later_of_an_epoch_that_is_read_again_is_not_written(void)
{
        fixture_begin(false);
        fixture_submit_one(0, FAILED("1"));
        fixture_answer(PUBLISH_UNKNOWN);
        fixture_submit_one(0, FAILED("2"));
        CHECK_INT(fixture.submits, 1);
        CHECK_INT(fixture.n_over, 2);
        CHECK_INT(fixture.ends[1], INTAKE_REWIND);
        fixture_end();
}

static void a_batch_of_the_next_assignment_is_not_read_again(void)
{
        struct intake_batch *next;

        fixture_begin(false);
        fixture_submit_one(0, FAILED("1"));
        next = fixture_batch(2);
        fixture_add(next, 0, FAILED("2"));
        fixture_submit(next);
        fixture_answer(PUBLISH_STALE);
        CHECK_INT(fixture.n_over, 1);
        fixture_answer(PUBLISH_COMMITTED);
        CHECK_INT(fixture.ends[1], INTAKE_DONE);
        fixture_end();
}

static void a_refused_record_does_not_take_the_others_with_it(void)
{
        struct intake_batch *batch;

        fixture_begin(false);
        batch = fixture_batch(1);
        fixture_add(batch, 0, FAILED("1"));
        fixture_add(batch, 0, FAILED("2"));
        fixture_submit(batch);
        fixture.batch->refused = 0;
        fixture_answer(PUBLISH_REFUSED);
        fixture_check_records(1);
        CHECK(str_has_prefix(fixture.batch->records[0].key, "b/2?"));
        fixture_answer(PUBLISH_COMMITTED);
        CHECK_INT(fixture_rejected("failed", "too_large"), 1);
        fixture_end();
}

static void a_stop_closes_what_the_publisher_does_not_have(void)
{
        fixture_begin(false);
        fixture_submit_one(0, FAILED("1"));
        fixture_submit_one(0, FAILED("2"));
        intake_stop(fixture.intake);
        fixture_run();
        CHECK_INT(fixture.n_over, 0);
        fixture_answer(PUBLISH_COMMITTED);
        CHECK_INT(fixture.ends[0], INTAKE_DONE);
        CHECK_INT(fixture.ends[1], INTAKE_CLOSED);
        fixture_submit_one(0, FAILED("3"));
        CHECK_INT(fixture.ends[2], INTAKE_CLOSED);
        fixture_end();
}

static void a_batch_is_full_by_records_or_bytes(void)
{
        struct intake_batch *batch;

        fixture_begin(false);
        batch = fixture_batch(1);
        for (int i = 0; i < 3; i++)
                fixture_add(batch, 0, FAILED("k"));
        CHECK(!intake_batch_is_full(fixture.writer, batch));
        fixture_add(batch, 1,
                    OUTCOME("k", "PENDING")); /* it is consumed, and will be paid for again */
        CHECK(intake_batch_is_full(fixture.writer, batch));
        intake_batch_free(batch);
        fixture_end();
}

int main(void)
{
        RUN(a_failure_is_written_under_its_canonical_key_with_the_offsets_of_what_was_read);
        RUN(a_native_value_is_written_as_it_came_with_its_time);
        RUN(an_outcome_is_written_only_when_the_group_knows_the_identity);
        RUN(an_outcome_in_doubt_is_written);
        RUN(an_outcome_behind_its_failure_in_one_batch_is_written_without_a_question);
        RUN(offsets_move_over_records_that_say_nothing);
        RUN(a_record_that_no_topic_takes_is_left_out_and_counted);
        RUN(an_aborted_batch_is_written_again_after_a_pause_that_grows);
        RUN(behind_a_batch_of_unknown_outcome_all_is_read_again_which_is_said);
        RUN(behind_a_stale_batch_all_is_read_again);
        RUN(what_comes_later_of_an_epoch_that_is_read_again_is_not_written);
        RUN(a_batch_of_the_next_assignment_is_not_read_again);
        RUN(a_refused_record_does_not_take_the_others_with_it);
        RUN(a_stop_closes_what_the_publisher_does_not_have);
        RUN(a_batch_is_full_by_records_or_bytes);
        return 0;
}
