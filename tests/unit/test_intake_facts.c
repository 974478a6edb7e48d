/* SPDX-License-Identifier: Apache-2.0 */
/* What failures lack is taken from the source before they are written. */
#include "intake_fixture.h"

#define FACTS "{\"content-length\":7,\"last-modified\":\"2020-01-01T00:00:00.000Z\"}"

static void what_a_failure_lacks_is_taken_from_the_source(void)
{
        fixture_begin(true);
        fake_source_found(fixture.source, "b", "k", "v", FACTS);
        fixture_submit_one(0, FAILED("k"));
        fixture_check_records(1);
        fixture_check_value_has(0, "\"Size\":7");
        fixture_check_value_has(0, "\"LastModified\":\"2020-01-01T00:00:00.000Z\"");
        fixture_answer(PUBLISH_COMMITTED);
        fixture_end();
}

static void a_native_value_is_completed_and_otherwise_as_it_came(void)
{
        fixture_begin(true);
        fake_source_found(fixture.source, "b", "k", "v", FACTS);
        fixture_submit_one(
                0,
                "{\"Bucket\":\"b\",\"Key\":\"k\",\"VersionId\":\"v\",\"StorageClass\":\"s\",\"Size\":3} ");
        fixture_check_records(1);
        CHECK(str_eq_c(
                fixture.batch->records[0].value,
                "{\"Bucket\":\"b\",\"Key\":\"k\",\"VersionId\":\"v\",\"StorageClass\":\"s\",\"Size\":3,"
                "\"LastModified\":1577836800000}"));
        fixture_answer(PUBLISH_COMMITTED);
        fixture_end();
}

/* A member that stands twice would cost the failure. */
static void a_native_value_that_names_what_it_lacks_stays_as_it_is(void)
{
        static const char *const values[] = {
                "{\"Bucket\":\"b\",\"Key\":\"k\",\"VersionId\":\"v\",\"StorageClass\":\"s\","
                "\"Size\":null,\"LastModified\":null}",
                "{\"Bucket\":\"b\",\"Key\":\"k\",\"VersionId\":\"v\",\"StorageClass\":\"s\","
                "\"\\u0053ize\":null,\"LastModified\":1577836800000}",
        };

        for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
                fixture_begin(true);
                fake_source_found(fixture.source, "b", "k", "v", FACTS);
                fixture_submit_one(0, values[i]);
                fixture_check_records(1);
                CHECK(str_eq_c(fixture.batch->records[0].value, values[i]));
                fixture_answer(PUBLISH_COMMITTED);
                fixture_end();
        }
}

static void failures_of_one_version_share_a_question(void)
{
        struct intake_batch *batch;

        fixture_begin(true);
        fake_source_found(fixture.source, "b", "k", "v", FACTS);
        batch = fixture_batch(1);
        fixture_add(batch, 0, FAILED("k"));
        fixture_add(batch, 0, "{\"key\":\"bb:crr:failed:other:0\",\"member\":\"b:k:v\"}");
        fixture_submit(batch);
        fixture_check_records(2);
        fixture_check_value_has(0, "\"Size\":7");
        fixture_check_value_has(1, "\"Size\":7");
        CHECK_INT(fixture.source->gets, 1);
        fixture_answer(PUBLISH_COMMITTED);
        fixture_end();
}

static void a_source_that_is_down_stops_nothing(void)
{
        fixture_begin(true);
        fixture.source->is_down = true;
        fixture_submit_one(0, FAILED("k"));
        fixture_check_records(1);
        fixture_answer(PUBLISH_COMMITTED);
        CHECK_INT(fixture.ends[0], INTAKE_DONE);
        fixture_end();
}

static void a_source_that_does_not_answer_holds_a_batch_up_for_ten_seconds_at_most(void)
{
        fixture_begin(true);
        fixture.source->holds = true;
        fixture_submit_one(0, FAILED("k"));
        fixture_advance(9900);
        CHECK(fixture.batch == NULL);
        fixture_advance(100);
        fixture_check_records(1);
        fixture_answer(PUBLISH_COMMITTED);
        fixture_end();
}

static void a_stop_cancels_what_the_source_was_asked(void)
{
        fixture_begin(true);
        fixture.source->holds = true;
        fixture_submit_one(0, FAILED("k"));
        intake_stop(fixture.intake);
        fixture_run();
        CHECK_INT(fixture.ends[0], INTAKE_CLOSED);
        CHECK_INT(fixture.source->canceled, 1);
        fixture_end();
}

int main(void)
{
        RUN(what_a_failure_lacks_is_taken_from_the_source);
        RUN(a_native_value_is_completed_and_otherwise_as_it_came);
        RUN(a_native_value_that_names_what_it_lacks_stays_as_it_is);
        RUN(failures_of_one_version_share_a_question);
        RUN(a_source_that_is_down_stops_nothing);
        RUN(a_source_that_does_not_answer_holds_a_batch_up_for_ten_seconds_at_most);
        RUN(a_stop_cancels_what_the_source_was_asked);
        return 0;
}
