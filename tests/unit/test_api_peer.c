/* SPDX-License-Identifier: Apache-2.0 */
#include "api_fixture.h"
#include "check.h"
#include "crr/base/time.h"
#include "crr/core/peer_auth.h"
#include "crr/core/peer_query.h"

#define SECRET "quite secret"
#define PAGE   "{\"of\":6,\"partitions\":[0,2],\"maxRows\":2}"

static struct network home;

static void fixture_with_addresses(struct api_fixture *f)
{
        struct api_config config = { .max_elements = MAX_ELEMENTS, .allow = &home, .n_allow = 1 };

        CHECK(network_parse(STR("127.0.0.0/8"), &home));
        api_fixture_init(f);
        api_set_config(f->api, &config);
}

static void fixture_with_secret(struct api_fixture *f)
{
        struct api_config config = { .max_elements = MAX_ELEMENTS, .peer_secret = STR(SECRET) };

        api_fixture_init(f);
        api_set_config(f->api, &config);
}

static struct fake_exchange *ask(struct api_fixture *f, const char *question, const char *body)
{
        char path[64];

        snprintf(path, sizeof path, PEER_PATH "%s", question);
        return api_call(f, "POST", path, body);
}

static void check_refused(struct api_fixture *f, struct fake_exchange *x, int status,
                          const char *name, const char *what)
{
        api_check_error(x, status, name, what);
        CHECK_INT(f->door->calls, 0);
        fake_http_free(x);
}

static void check_answer(struct fake_exchange *x, const char *want)
{
        CHECK_INT(x->status, 200);
        CHECK_STR(x->answer, want);
        fake_http_free(x);
}

/* WHO ASKS */

static void an_address_that_is_not_allowed_is_refused_by_name(void)
{
        struct fake_exchange *x = fake_http_new("POST", PEER_PATH "page", PAGE);
        struct api_fixture f;

        fixture_with_addresses(&f);
        x->remote = "192.0.2.7";
        api_run(&f, x);
        check_refused(&f, x, 403, "AccessDenied",
                      "192.0.2.7 is not in peer.allow_from, and this member has no peer.secret");
        api_fixture_deinit(&f);
}

static void with_a_secret_an_address_proves_nothing(void)
{
        struct api_fixture f;

        fixture_with_secret(&f);
        check_refused(&f, ask(&f, "page", PAGE), 403, "AccessDenied", "Crr-Peer-Auth");
        api_fixture_deinit(&f);
}

static struct fake_exchange *signed_for(const char *question, int64_t wall_ms)
{
        struct fake_exchange *x = fake_http_new("POST", PEER_PATH "page", PAGE);
        char path[64], text[PEER_AUTH_SIZE];

        snprintf(path, sizeof path, PEER_PATH "%s", question);
        peer_auth_write(STR(SECRET), str_from(path), STR(PAGE), wall_ms, text);
        fake_http_add_header(x, PEER_AUTH_HEADER, text);
        return x;
}

static void a_signed_question_is_answered(void)
{
        struct fake_exchange *x = signed_for("page", time_wall_ms());
        struct api_fixture f;

        fixture_with_secret(&f);
        api_run(&f, x);
        check_answer(x, "{\"rows\":[],\"missing\":[]}");
        api_fixture_deinit(&f);
}

static void a_signature_of_another_question_or_time_is_refused(void)
{
        struct fake_exchange *other = signed_for("retry", time_wall_ms());
        struct fake_exchange *old = signed_for("page", time_wall_ms() - 60000);
        struct api_fixture f;

        fixture_with_secret(&f);
        api_run(&f, other);
        check_refused(&f, other, 403, "AccessDenied", "peer.secret");
        api_run(&f, old);
        check_refused(&f, old, 403, "AccessDenied", "clocks differ by more than 30 s");
        api_fixture_deinit(&f);
}

/* WHAT IS ASKED */

static void a_question_that_is_not_one_is_refused(void)
{
        struct api_fixture f;

        fixture_with_addresses(&f);
        check_refused(&f, ask(&f, "page", "{\"of\":6}"), 400, "MalformedPOSTRequest", "maxRows");
        check_refused(&f, ask(&f, "page", "{"), 400, "MalformedPOSTRequest", "");
        check_refused(&f, ask(&f, "find", PAGE), 400, "MalformedPOSTRequest", "bucket");
        check_refused(&f, api_call(&f, "GET", PEER_PATH "page", NULL), 405, "MethodNotAllowed", "");
        check_refused(&f, api_call(&f, "POST", "/_/peer/v2/page", PAGE), 404, "RouteNotFound", "");
        api_fixture_deinit(&f);
}

static void a_page_tells_rows_and_how_far_it_knows(void)
{
        struct failure *row;
        struct api_fixture f;

        fixture_with_addresses(&f);
        row = fake_door_add(f.door, 0, 4, "b", "k\"", "v", "s");
        row->size = 0;
        row->failed_at_ms = 77;
        fake_door_add(f.door, 0, 5, "b", "l", "", "s");
        fake_door_add(f.door, 2, 9, "b", "m", "", "s");
        partition_set_add(&f.door->missing, 2);
        check_answer(ask(&f, "page", PAGE),
                     "{\"rows\":[{\"Bucket\":\"b\",\"Key\":\"k\\\"\",\"VersionId\":\"v\","
                     "\"StorageClass\":\"s\",\"Size\":0,\"FailedAt\":77,\"Partition\":0,"
                     "\"Offset\":4},{\"Bucket\":\"b\",\"Key\":\"l\",\"VersionId\":\"\","
                     "\"StorageClass\":\"s\",\"Partition\":0,\"Offset\":5}],"
                     "\"knownBelow\":17592186044425,\"missing\":[2]}");
        CHECK(f.door->list_seen.scope.is_local && f.door->list_seen.partial);
        CHECK_INT(f.door->list_seen.scope.n_partitions, 6);
        CHECK_INT(partition_set_count(&f.door->list_seen.scope.only), 2);
        api_fixture_deinit(&f);
}

static void an_object_is_found(void)
{
        struct api_fixture f;

        fixture_with_addresses(&f);
        fake_door_add(f.door, 1, 4, "b", "k", "v", "s1");
        fake_door_add(f.door, 5, 0, "b", "k", "v", "s2")->attempts = 2;
        check_answer(ask(&f, "find",
                         "{\"of\":6,\"partitions\":[1,5],\"bucket\":\"b\",\"key\":\"k\","
                         "\"versionId\":\"v\"}"),
                     "{\"rows\":[{\"Bucket\":\"b\",\"Key\":\"k\",\"VersionId\":\"v\","
                     "\"StorageClass\":\"s1\",\"Partition\":1,\"Offset\":4},{\"Bucket\":\"b\","
                     "\"Key\":\"k\",\"VersionId\":\"v\",\"StorageClass\":\"s2\",\"Attempts\":2,"
                     "\"Partition\":5,\"Offset\":0}],\"missing\":[]}");
        check_answer(ask(&f, "find",
                         "{\"of\":6,\"partitions\":[1,5],\"bucket\":\"b\",\"key\":\"k\","
                         "\"versionId\":\"v\",\"site\":\"s1\"}"),
                     "{\"rows\":[{\"Bucket\":\"b\",\"Key\":\"k\",\"VersionId\":\"v\","
                     "\"StorageClass\":\"s1\",\"Partition\":1,\"Offset\":4}],\"missing\":[]}");
        api_fixture_deinit(&f);
}

#define ENTRY(KEY) \
        "{\"Bucket\":\"b\",\"Key\":\"" KEY "\",\"VersionId\":\"v\",\"StorageClass\":\"s\"}"
#define RETRY                                                                                     \
        "{\"of\":6,\"retryId\":\"0b5bd4d2-5c1f-4a8a-9a35-3c0a8e0a7f10\",\"timeoutMs\":1000,"      \
        "\"hasIdempotencyKey\":true,\"traceparent\":\"00-1\",\"entries\":[" ENTRY("x") "," ENTRY( \
                "k") "]}"

static void a_retry_tells_each_entrys_result(void)
{
        struct api_fixture f;

        fixture_with_addresses(&f);
        fake_door_add(f.door, 1, 4, "b", "k", "v", "s");
        check_answer(ask(&f, "retry", RETRY),
                     "{\"published\":[{\"Index\":1,\"Attempts\":1}],\"failed\":[],\"unknown\":[]}");
        CHECK(f.door->retry_seen.scope.is_local && f.door->retry_seen.has_idempotency_key);
        CHECK_STR(f.door->traceparent_seen, "00-1");
        api_fixture_deinit(&f);
}

static void a_retry_that_is_refused_as_a_whole_is_an_error(void)
{
        struct fake_exchange *x;
        struct api_fixture f;

        fixture_with_addresses(&f);
        error_set(&f.door->fail, ERR_MISDIRECTED, "partition 1 is not mine");
        x = ask(&f, "retry", RETRY);
        api_check_error(x, 421, "MisdirectedRequest", "partition 1 is not mine");
        fake_http_free(x);
        api_fixture_deinit(&f);
}

static void duplicates_of_a_refused_retry_are_no_results(void)
{
        struct fake_exchange *x;
        struct api_fixture f;

        fixture_with_addresses(&f);
        error_set(&f.door->fail, ERR_MISDIRECTED, "partition 1 is not mine");
        f.door->leaves_out_last = true;
        x = ask(&f, "retry", RETRY);
        api_check_error(x, 421, "MisdirectedRequest", "partition 1 is not mine");
        fake_http_free(x);
        api_fixture_deinit(&f);
}

static void the_members_state_is_what_the_door_says(void)
{
        struct api_fixture f;

        fixture_with_addresses(&f);
        check_answer(ask(&f, "status", "{\"of\":6}"), "{\"memberId\":\"fake\"}");
        api_fixture_deinit(&f);
}

int main(void)
{
        RUN(an_address_that_is_not_allowed_is_refused_by_name);
        RUN(with_a_secret_an_address_proves_nothing);
        RUN(a_signed_question_is_answered);
        RUN(a_signature_of_another_question_or_time_is_refused);
        RUN(a_question_that_is_not_one_is_refused);
        RUN(a_page_tells_rows_and_how_far_it_knows);
        RUN(an_object_is_found);
        RUN(a_retry_tells_each_entrys_result);
        RUN(a_retry_that_is_refused_as_a_whole_is_an_error);
        RUN(duplicates_of_a_refused_retry_are_no_results);
        RUN(the_members_state_is_what_the_door_says);
        return 0;
}
