/* SPDX-License-Identifier: Apache-2.0 */
#include "api_fixture.h"
#include "check.h"

#define RETRY   "/_/crr/failed"
#define ELEMENT "{\"Bucket\":\"b\",\"Key\":\"k\",\"VersionId\":\"v\",\"StorageClass\":\"aws\"}"
#define PENDING                                                                         \
        "{\"Bucket\":\"b\",\"Key\":\"k\",\"VersionId\":\"v\",\"StorageClass\":\"aws\"," \
        "\"Attempts\":1,\"ReplicationStatus\":\"PENDING\"}"

static void fixture(struct api_fixture *f)
{
        api_fixture_init(f);
        fake_door_add(f->door, 0, 1, "b", "k", "v", "aws");
        fake_door_add(f->door, 0, 2, "b", "k", "", "aws");
        fake_door_add(f->door, 1, 3, "b", "l", "", "azure");
}

static void published_entries_are_answered_in_request_order(void)
{
        struct api_fixture f;

        fixture(&f);
        f.door->failures[2].size = 7;
        f.door->failures[2].attempts = 4;
        f.door->failures[2].role = STR("r");
        api_expect(
                &f, "POST", RETRY,
                "[{\"Bucket\":\"b\",\"Key\":\"l\",\"StorageClass\":\"azure\"},"
                "{\"Bucket\":\"b\",\"Key\":\"gone\",\"StorageClass\":\"azure\"}," ELEMENT "]",
                200,
                "[{\"Bucket\":\"b\",\"Key\":\"l\",\"VersionId\":\"\",\"StorageClass\":\"azure\","
                "\"Size\":7,\"Attempts\":5,\"Role\":\"r\",\"ReplicationStatus\":\"PENDING\"}," PENDING
                "]");
        api_fixture_deinit(&f);
}

static void nothing_published_is_an_empty_array(void)
{
        struct api_fixture f;

        api_fixture_init(&f);
        api_expect(&f, "POST", RETRY, "[" ELEMENT "]", 200, "[]");
        api_fixture_deinit(&f);
}

static void every_spelling_of_the_route_retries(void)
{
        static const char *const paths[] = {
                "/_/backbeat/api/_/crr/failed",
                "/_/backbeat/api/crr/failed/",
                "/_/_/crr/failed",
                "/_//crr//failed//",
        };

        for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
                struct api_fixture f;

                fixture(&f);
                api_expect(&f, "POST", paths[i], "[" ELEMENT "]", 200, "[" PENDING "]");
                api_fixture_deinit(&f);
        }
}

static void a_listing_can_be_posted_back_as_it_is(void)
{
        struct api_fixture f;

        fixture(&f);
        api_expect(&f, "POST", RETRY,
                   " [ {\"Size\":1,\"LastModified\":\"2018-03-30T22:22:34.384Z\",\"Bucket\":\"b\","
                   "\"Role\":\"other\",\"Attempts\":77,\"Key\":\"k\",\"Extra\":{\"Key\":[1,{}]},"
                   "\"VersionId\":\"v\",\"StorageClass\":\"aws\",\"FailedAt\":null} ] \n",
                   200, "[" PENDING "]");
        api_fixture_deinit(&f);
}

static void escapes_in_strings_are_decoded(void)
{
        struct api_fixture f;

        fixture(&f);
        api_expect(&f, "POST", RETRY,
                   "[{\"\\u0042ucket\":\"\\u0062\",\"Key\":\"\\u006b\",\"VersionId\":\"v\","
                   "\"StorageClass\":\"aws\"}]",
                   200, "[" PENDING "]");
        api_fixture_deinit(&f);
}

static void force_retry_reaches_the_door(void)
{
        struct api_fixture f;

        api_fixture_init(&f);
        api_expect(&f, "POST", RETRY,
                   "[{\"Bucket\":\"b\",\"Key\":\"k\",\"VersionId\":\"v\",\"StorageClass\":\"aws\","
                   "\"ForceRetry\":true}]",
                   200, "[" PENDING "]");
        CHECK(f.door->first_entry_seen.force);
        api_expect(&f, "POST", RETRY,
                   "[{\"Bucket\":\"b\",\"Key\":\"k\",\"VersionId\":\"v\",\"StorageClass\":\"aws\","
                   "\"ForceRetry\":false}]",
                   200, "[]");
        CHECK(!f.door->first_entry_seen.force);
        api_fixture_deinit(&f);
}

static void a_client_that_is_gone_before_its_body_is_read_is_not_served(void)
{
        struct api_fixture f;
        struct fake_exchange *x = fake_http_new("POST", RETRY, "[" ELEMENT "]");

        fixture(&f);
        x->canceled = true;
        api_run(&f, x);
        CHECK_INT(x->status, 503);
        CHECK_INT(f.door->calls, 0);
        fake_http_free(x);
        api_fixture_deinit(&f);
}

static void bodies_that_wait_at_the_end_are_answered_503(void)
{
        struct api_fixture f;
        struct fake_exchange *x = fake_http_new("POST", RETRY, "[" ELEMENT "]");

        fixture(&f);
        api_on_request(f.api, x->req);
        api_free(f.api);
        f.api = NULL;
        api_check_error(x, 503, "ServiceUnavailable", "stopping");
        fake_http_free(x);
        api_fixture_deinit(&f);
}

static void bad_queries_are_400(void)
{
        static const char *const queries[] = {
                "sitename=aws",    "marker=0", "max-keys=1",  "versionId=v",
                "role=r",          "partial=", "partial=yes", "partial=true&partial=true",
                "ForceRetry=true", "x=%"
        };
        struct api_fixture f;

        fixture(&f);
        for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
                char target[128];

                snprintf(target, sizeof target, RETRY "?%s", queries[i]);
                api_expect_error(&f, "POST", target, "[" ELEMENT "]", 400, "InvalidQueryParameter",
                                 "");
        }
        CHECK_INT(f.door->calls, 0);
        api_fixture_deinit(&f);
}

static struct fake_exchange *post_with(struct api_fixture *f, const char *header, const char *value)
{
        struct fake_exchange *x = fake_http_new("POST", RETRY, "[" ELEMENT "]");

        fake_http_add_header(x, header, value);
        api_run(f, x);
        return x;
}

static void an_idempotency_key_makes_the_retry_id(void)
{
        struct api_fixture f;
        struct uuid want = uuid_v5_url(STR("order 66"));

        fixture(&f);
        fake_http_free(post_with(&f, "idempotency-key", "order 66"));
        CHECK(f.door->retry_seen.has_idempotency_key);
        CHECK(uuid_eq(&f.door->retry_seen.retry_id, &want));
        api_fixture_deinit(&f);
}

static void without_an_idempotency_key_every_retry_has_its_own_id(void)
{
        struct api_fixture f;
        struct uuid first;

        fixture(&f);
        api_expect(&f, "POST", RETRY, "[" ELEMENT "]", 200, NULL);
        first = f.door->retry_seen.retry_id;
        CHECK(!f.door->retry_seen.has_idempotency_key);
        CHECK(!uuid_is_nil(&first));
        CHECK_INT(first.bytes[6] >> 4, 4);
        api_expect(&f, "POST", RETRY, "[" ELEMENT "]", 200, NULL);
        CHECK(!uuid_eq(&first, &f.door->retry_seen.retry_id));
        api_fixture_deinit(&f);
}

static void a_bad_idempotency_key_is_400(void)
{
        char longest[129 + 1];
        const char *bad[] = { "", "tab\there", "\x01", "caf\xc3\xa9", "\x7f", longest };
        struct api_fixture f;

        memset(longest, 'k', sizeof longest - 1);
        longest[129] = '\0';
        fixture(&f);
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
                struct fake_exchange *x = post_with(&f, "idempotency-key", bad[i]);

                api_check_error(x, 400, "MalformedPOSTRequest", "Idempotency-Key");
                fake_http_free(x);
        }
        CHECK_INT(f.door->calls, 0);
        longest[128] = '\0';
        fake_http_free(post_with(&f, "idempotency-key", longest));
        CHECK_INT(f.door->calls, 1);
        api_fixture_deinit(&f);
}

static void a_traceparent_is_passed_on(void)
{
        char longest[257 + 1];
        struct api_fixture f;

        memset(longest, '0', sizeof longest - 1);
        longest[257] = '\0';
        fixture(&f);
        api_expect(&f, "POST", RETRY, "[" ELEMENT "]", 200, NULL);
        CHECK_STR(f.door->traceparent_seen, "-");
        fake_http_free(post_with(&f, "traceparent", "00-0af7-b7ad-01"));
        CHECK_STR(f.door->traceparent_seen, "00-0af7-b7ad-01");
        fake_http_free(post_with(&f, "traceparent", longest));
        CHECK_STR(f.door->traceparent_seen, "-");
        longest[256] = '\0';
        fake_http_free(post_with(&f, "traceparent", longest));
        CHECK_STR(f.door->traceparent_seen, longest);
        api_fixture_deinit(&f);
}

static void the_deadline_of_the_request_is_the_retrys(void)
{
        struct api_fixture f;
        struct fake_exchange *x = fake_http_new("POST", RETRY, "[" ELEMENT "]");

        fixture(&f);
        x->req->deadline_ms = 123456;
        api_run(&f, x);
        CHECK_INT(f.door->retry_seen.deadline_ms, 123456);
        fake_http_free(x);
        api_fixture_deinit(&f);
}

static void a_refused_retry_says_when_to_come_back(void)
{
        struct api_fixture f;
        struct fake_exchange *x;

        fixture(&f);
        f.door->retry_after_s = 7;
        error_set(&f.door->fail, ERR_KAFKA, "1 of 3 committed: the broker is away");
        x = api_call(&f, "POST", RETRY, "[" ELEMENT "]");
        api_check_error(x, 503, "ServiceUnavailable", "1 of 3 committed");
        CHECK_STR(fake_http_answer_header(x, "Retry-After"), "7");
        fake_http_free(x);
        error_set(&f.door->fail, ERR_GATEWAY_TIMEOUT, "the outcome is not known yet");
        api_expect_error(&f, "POST", RETRY, "[" ELEMENT "]", 504, "GatewayTimeout", "not known");
        api_fixture_deinit(&f);
}

static void a_partial_retry_says_what_is_missing_in_a_header(void)
{
        struct api_fixture f;
        struct fake_exchange *x;

        fixture(&f);
        x = api_call(&f, "POST", RETRY "?partial=true", "[" ELEMENT "]");
        CHECK_STR(x->answer, "[" PENDING "]");
        CHECK(fake_http_answer_header(x, "Crr-Coverage") == NULL);
        fake_http_free(x);

        partition_set_add(&f.door->missing, 3);
        x = api_call(&f, "POST", RETRY "?partial=true", "[" ELEMENT "]");
        CHECK_STR(x->answer, "[]");
        CHECK_STR(fake_http_answer_header(x, "Crr-Coverage"), "5/6; missing=3");
        fake_http_free(x);

        partition_set_add(&f.door->missing, 5);
        x = api_call(&f, "POST", RETRY "?partial=true", "[" ELEMENT "]");
        CHECK_STR(fake_http_answer_header(x, "Crr-Coverage"), "4/6; missing=3,5");
        fake_http_free(x);
        api_expect_error(&f, "POST", RETRY, "[" ELEMENT "]", 503, "ServiceUnavailable",
                         "2 of 6 partitions of the failure log: 3,5");
        api_fixture_deinit(&f);
}

static void every_partition_missing_fits_the_header(void)
{
        struct api_fixture f;
        struct fake_exchange *x;
        const char *header;

        fixture(&f);
        f.door->partitions = 1024;
        for (int p = 0; p < 1024; p++)
                partition_set_add(&f.door->missing, p);
        x = api_call(&f, "POST", RETRY "?partial=true", "[" ELEMENT "]");
        header = fake_http_answer_header(x, "Crr-Coverage");
        CHECK(header != NULL);
        CHECK(strncmp(header, "0/1024; missing=0,1,2,", 22) == 0);
        CHECK_STR(header + strlen(header) - 10, ",1022,1023");
        fake_http_free(x);
        api_fixture_deinit(&f);
}

int main(void)
{
        RUN(published_entries_are_answered_in_request_order);
        RUN(nothing_published_is_an_empty_array);
        RUN(every_spelling_of_the_route_retries);
        RUN(a_listing_can_be_posted_back_as_it_is);
        RUN(escapes_in_strings_are_decoded);
        RUN(force_retry_reaches_the_door);
        RUN(a_client_that_is_gone_before_its_body_is_read_is_not_served);
        RUN(bodies_that_wait_at_the_end_are_answered_503);
        RUN(bad_queries_are_400);
        RUN(an_idempotency_key_makes_the_retry_id);
        RUN(without_an_idempotency_key_every_retry_has_its_own_id);
        RUN(a_bad_idempotency_key_is_400);
        RUN(a_traceparent_is_passed_on);
        RUN(the_deadline_of_the_request_is_the_retrys);
        RUN(a_refused_retry_says_when_to_come_back);
        RUN(a_partial_retry_says_what_is_missing_in_a_header);
        RUN(every_partition_missing_fits_the_header);
        return 0;
}
