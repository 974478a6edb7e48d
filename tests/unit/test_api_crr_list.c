/* SPDX-License-Identifier: Apache-2.0 */
#include "api_fixture.h"
#include "check.h"

#define LIST      "/_/crr/failed"
#define EMPTY     "{\"IsTruncated\":false,\"Versions\":[]}"
#define VERSION_A "{\"Bucket\":\"b\",\"Key\":\"a\",\"VersionId\":\"1\",\"StorageClass\":\"aws\"}"
#define VERSION_B "{\"Bucket\":\"b\",\"Key\":\"b\",\"VersionId\":\"\",\"StorageClass\":\"azure\"}"
#define VERSION_C "{\"Bucket\":\"b\",\"Key\":\"c\",\"VersionId\":\"3\",\"StorageClass\":\"aws\"}"

static void fixture(struct api_fixture *f)
{
        api_fixture_init(f);
        fake_door_add(f->door, 0, 5, "b", "a", "1", "aws");
        fake_door_add(f->door, 0, 6, "b", "b", "", "azure");
        fake_door_add(f->door, 1, 7, "b", "c", "3", "aws");
}

static void every_spelling_of_the_route_lists(void)
{
        static const char *const paths[] = {
                "/_/backbeat/api/_/crr/failed",
                "/_/backbeat/api/crr/failed",
                "/_/_/crr/failed",
                "/_/crr/failed",
                "/_/crr/failed/",
                "/_/crr/failed///",
                "//_//crr//failed",
                "/_/backbeat//api/_//crr/failed//",
                "///_/_///crr/failed",
        };
        struct api_fixture f;

        fixture(&f);
        for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
                api_expect(&f, "GET", paths[i], NULL, 200,
                           "{\"IsTruncated\":false,\"Versions\":[" VERSION_A "," VERSION_B
                           "," VERSION_C "]}");
        api_fixture_deinit(&f);
}

static void other_paths_are_404(void)
{
        static const char *const paths[] = {
                "/",
                "/_/crr",
                "/_/crr/",
                "/_/crr/fail",
                "/_/crr/failedx",
                "/_/crr/failedb/k",
                "/failed",
                "/crr/failed",
                "/_/_/_/crr/failed",
                "/_/CRR/failed",
                "/_/crr/Failed",
                "_/crr/failed",
                "/backbeat/api/crr/failed",
                "/_/backbeat/api/_/_/crr/failed",
        };
        struct api_fixture f;

        fixture(&f);
        for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
                api_expect_error(&f, "GET", paths[i], NULL, 404, "RouteNotFound", paths[i]);
        api_fixture_deinit(&f);
}

static void other_methods_are_405_and_say_what_is_allowed(void)
{
        static const char *const methods[] = { "PUT", "DELETE", "OPTIONS", "PATCH" };
        struct api_fixture f;

        fixture(&f);
        for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
                struct fake_exchange *x = api_call(&f, methods[i], LIST "/", NULL);

                api_check_error(x, 405, "MethodNotAllowed", "");
                CHECK_STR(fake_http_answer_header(x, "Allow"), "GET, HEAD, POST");
                fake_http_free(x);
        }
        api_fixture_deinit(&f);
}

static void head_answers_as_get(void)
{
        struct api_fixture f;

        fixture(&f);
        api_expect(&f, "HEAD", LIST "?sitename=nowhere", NULL, 200, EMPTY);
        CHECK_INT(metrics_get(f.metrics, METRIC_HTTP_REQUESTS_TOTAL,
                              LABELS_4("crr", "list", "HEAD", "200")),
                  1);
        api_fixture_deinit(&f);
}

static void sitename_is_exact_and_decoded(void)
{
        struct api_fixture f;

        fixture(&f);
        fake_door_add(f.door, 1, 8, "b", "d", "", "a+b c");
        api_expect(&f, "GET", LIST "?sitename=azure", NULL, 200,
                   "{\"IsTruncated\":false,\"Versions\":[" VERSION_B "]}");
        api_expect(&f, "GET", LIST "?sitename=azur", NULL, 200, EMPTY);
        api_expect(&f, "GET", LIST "?sitename=a%2Bb+c", NULL, 200,
                   "{\"IsTruncated\":false,\"Versions\":[{\"Bucket\":\"b\",\"Key\":\"d\","
                   "\"VersionId\":\"\",\"StorageClass\":\"a+b c\"}]}");
        api_fixture_deinit(&f);
}

static void a_page_that_is_full_has_a_next_marker(void)
{
        struct api_fixture f;

        fixture(&f);
        api_expect(&f, "GET", LIST "?max-keys=1", NULL, 200,
                   "{\"IsTruncated\":true,\"NextMarker\":6,\"Versions\":[" VERSION_A "]}");
        api_expect(&f, "GET", LIST "?max-keys=1&marker=6", NULL, 200,
                   "{\"IsTruncated\":true,\"NextMarker\":8796093022215,\"Versions\":[" VERSION_B
                   "]}");
        api_expect(&f, "GET", LIST "?max-keys=1&marker=8796093022215", NULL, 200,
                   "{\"IsTruncated\":false,\"Versions\":[" VERSION_C "]}");
        api_expect(&f, "GET", LIST "?marker=9007199254740991", NULL, 200, EMPTY);
        api_fixture_deinit(&f);
}

static void expect_door_saw(const char *target, unsigned max_rows, uint64_t marker, bool partial)
{
        struct api_fixture f;

        fixture(&f);
        api_expect(&f, "GET", target, NULL, 200, NULL);
        CHECK(f.door->list_seen.site.base == NULL);
        CHECK_INT(f.door->list_seen.max_rows, max_rows);
        CHECK_INT(f.door->list_seen.marker, marker);
        CHECK_INT(f.door->list_seen.partial, partial);
        api_fixture_deinit(&f);
}

static void the_query_reaches_the_door(void)
{
        expect_door_saw(LIST, 1000, 0, false);
        expect_door_saw(LIST "?max-keys=1000&marker=007&partial=true", 1000, 7, true);
        expect_door_saw(LIST "?max-keys=1", 1, 0, false);
        expect_door_saw(LIST "?partial=false&&", 1000, 0, false);
}

static void every_bad_query_is_400_and_names_the_parameter(void)
{
        static const struct {
                const char *query, *what;
        } rows[] = {
                { "sitename=", "sitename: must be 1 to 255 bytes" },
                { "sitename", "sitename: must be 1 to 255 bytes" },
                { "sitename=%ff", "sitename" },
                { "sitename=%ED%A0%80", "sitename" },
                { "sitename=%4", "sitename" },
                { "sitename=%zz", "sitename" },
                { "sitename=a&sitename=b", "sitename" },
                { "sitename=a&sitename=a", "sitename" },
                { "marker=foo", "marker: must be decimal digits" },
                { "marker=", "marker: must be decimal digits" },
                { "marker", "marker: must be decimal digits" },
                { "marker=-1", "marker" },
                { "marker=%2B1", "marker" },
                { "marker=+1", "marker" },
                { "marker=1.5", "marker" },
                { "marker=1e3", "marker" },
                { "marker=0x10", "marker" },
                { "marker=9007199254740992", "marker" },
                { "marker=99999999999999999999999", "marker" },
                { "marker=1&marker=2", "marker" },
                { "max-keys=0", "max-keys: must be decimal digits from 1 to 1000" },
                { "max-keys=1001", "max-keys" },
                { "max-keys=", "max-keys" },
                { "max-keys=ten", "max-keys" },
                { "max-keys=-5", "max-keys" },
                { "max-keys=1&max-keys=1", "max-keys" },
                { "partial=", "partial: must be true or false" },
                { "partial=1", "partial" },
                { "partial=TRUE", "partial" },
                { "partial=true&partial=true", "partial" },
                { "site=aws", "site: this route has no such parameter, only sitename, marker, "
                              "max-keys, partial" },
                { "Sitename=aws", "Sitename" },
                { "versionId=1", "versionId: this route has no such parameter" },
                { "role=r", "role: this route has no such parameter" },
                { "x", "x: this route has no such parameter" },
                { "=1", "parameter" },
                { "%ff=1", "" },
        };
        struct api_fixture f;

        fixture(&f);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                char target[256];

                snprintf(target, sizeof target, LIST "?%s", rows[i].query);
                api_expect_error(&f, "GET", target, NULL, 400, "InvalidQueryParameter",
                                 rows[i].what);
        }
        CHECK_INT(f.door->calls, 0);
        api_fixture_deinit(&f);
}

static void a_site_that_is_too_long_is_400(void)
{
        struct api_fixture f;
        char target[600];
        int n = snprintf(target, sizeof target, LIST "?sitename=");

        fixture(&f);
        memset(target + n, 's', 256);
        target[n + 256] = '\0';
        api_expect_error(&f, "GET", target, NULL, 400, "InvalidQueryParameter",
                         "sitename: must be 1 to 255 bytes, is 256");
        target[n + 255] = '\0';
        api_expect(&f, "GET", target, NULL, 200, EMPTY);
        api_fixture_deinit(&f);
}

static void fields_come_in_order_and_only_when_known(void)
{
        struct api_fixture f;
        struct failure *all, *some;

        api_fixture_init(&f);
        all = fake_door_add(f.door, 0, 1, "b", "k\"\\\n/\xc3\xa9", "v", "aws");
        all->size = 0;
        all->last_modified_ms = 1522448554384;
        all->failed_at_ms = 1522448555000;
        all->error_code = STR("AccessDenied");
        all->attempts = 0;
        all->role = STR("arn:aws:iam::1:role/r");
        some = fake_door_add(f.door, 0, 2, "b", "k", "", "aws");
        some->size = INT64_MAX;
        some->attempts = 65535;
        some->superseded = true;
        api_expect(&f, "GET", LIST, NULL, 200,
                   "{\"IsTruncated\":false,\"Versions\":["
                   "{\"Bucket\":\"b\",\"Key\":\"k\\\"\\\\\\n/\xc3\xa9\",\"VersionId\":\"v\","
                   "\"StorageClass\":\"aws\",\"Size\":0,"
                   "\"LastModified\":\"2018-03-30T22:22:34.384Z\","
                   "\"FailedAt\":\"2018-03-30T22:22:35.000Z\",\"ErrorCode\":\"AccessDenied\","
                   "\"Attempts\":0,\"Role\":\"arn:aws:iam::1:role/r\"},"
                   "{\"Bucket\":\"b\",\"Key\":\"k\",\"VersionId\":\"\",\"StorageClass\":\"aws\","
                   "\"Size\":9223372036854775807,\"Attempts\":65535,\"Superseded\":true}]}");
        api_fixture_deinit(&f);
}

static void a_page_of_a_thousand_rows_is_whole(void)
{
        struct api_fixture f;
        struct fake_exchange *x;
        size_t rows = 0;

        api_fixture_init(&f);
        for (int i = 0; i < 1001; i++)
                fake_door_add(f.door, 2, i, "b", "k", "v", "aws");
        x = api_call(&f, "GET", LIST, NULL);
        for (const char *p = x->answer; (p = strstr(p, "\"Bucket\"")) != NULL; p++)
                rows++;
        CHECK_INT(rows, 1000);
        CHECK(strncmp(x->answer, "{\"IsTruncated\":true,\"NextMarker\":17592186045416,",
                      strlen("{\"IsTruncated\":true,\"NextMarker\":17592186045416,")) == 0);
        fake_http_free(x);
        api_fixture_deinit(&f);
}

static void unknown_partitions_are_503_that_names_them(void)
{
        struct api_fixture f;
        struct fake_exchange *x;

        fixture(&f);
        partition_set_add(&f.door->missing, 3);
        partition_set_add(&f.door->missing, 5);
        x = api_call(&f, "GET", LIST, NULL);
        api_check_error(x, 503, "ServiceUnavailable", "2 of 6 partitions of the failure log: 3,5");
        CHECK_STR(fake_http_answer_header(x, "Retry-After"), "1");
        fake_http_free(x);

        f.ready.retry_after_s = 9;
        x = api_call(&f, "GET", LIST "?partial=false", NULL);
        CHECK_STR(fake_http_answer_header(x, "Retry-After"), "9");
        fake_http_free(x);
        api_fixture_deinit(&f);
}

static void a_partial_answer_says_what_is_missing(void)
{
        struct api_fixture f;

        fixture(&f);
        partition_set_add(&f.door->missing, 3);
        api_expect(&f, "GET", LIST "?sitename=azure&partial=true", NULL, 200,
                   "{\"IsTruncated\":false,\"Versions\":[" VERSION_B
                   "],\"Coverage\":{\"Partitions\":\"5/6\",\"Missing\":[3]}}");
        partition_set_add(&f.door->missing, 0);
        api_expect(&f, "GET", LIST "?sitename=none&partial=true", NULL, 200,
                   "{\"IsTruncated\":false,\"Versions\":[],"
                   "\"Coverage\":{\"Partitions\":\"4/6\",\"Missing\":[0,3]}}");
        api_fixture_deinit(&f);
}

static void many_missing_partitions_are_named_in_part(void)
{
        struct api_fixture f;

        fixture(&f);
        f.door->partitions = 1024;
        for (int p = 0; p < 1024; p++)
                partition_set_add(&f.door->missing, p);
        api_expect_error(&f, "GET", LIST, NULL, 503, "ServiceUnavailable",
                         "1024 of 1024 partitions of the failure log: "
                         "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,...");
        api_fixture_deinit(&f);
}

static void errors_of_inner_layers_have_names_of_the_wire(void)
{
        static const struct {
                enum error_code code;
                int status;
                const char *name;
        } rows[] = {
                { ERR_UNAVAILABLE, 503, "ServiceUnavailable" },
                { ERR_KAFKA, 503, "ServiceUnavailable" },
                { ERR_TABLE_FULL, 503, "ServiceUnavailable" },
                { ERR_SYSTEM, 503, "ServiceUnavailable" },
                { ERR_GATEWAY_TIMEOUT, 504, "GatewayTimeout" },
                { ERR_INTERNAL, 500, "InternalError" },
                { ERR_ACCESS_DENIED, 403, "AccessDenied" },
        };
        struct api_fixture f;

        fixture(&f);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                struct fake_exchange *x;

                error_set(&f.door->fail, rows[i].code, "because");
                x = api_call(&f, "GET", LIST, NULL);
                api_check_error(x, rows[i].status, rows[i].name, "because");
                CHECK((fake_http_answer_header(x, "Retry-After") != NULL) ==
                      (rows[i].status == 503));
                fake_http_free(x);
        }
        api_fixture_deinit(&f);
}

static void an_error_body_is_json_whatever_the_message_holds(void)
{
        struct error err;
        struct buf out;

        buf_init(&out, 4096);
        error_set(&err, ERR_BAD_HTTP, "a \"quote\" and half a char \xc3");
        api_render_error(NULL, &err, &out);
        buf_append_char(&out, '\0');
        CHECK_STR(out.base, "{\"code\":400,\"description\":\"a \\\"quote\\\" and half a char \","
                            "\"BadRequest\":true}");
        buf_deinit(&out);
}

int main(void)
{
        RUN(every_spelling_of_the_route_lists);
        RUN(other_paths_are_404);
        RUN(other_methods_are_405_and_say_what_is_allowed);
        RUN(head_answers_as_get);
        RUN(sitename_is_exact_and_decoded);
        RUN(a_page_that_is_full_has_a_next_marker);
        RUN(the_query_reaches_the_door);
        RUN(every_bad_query_is_400_and_names_the_parameter);
        RUN(a_site_that_is_too_long_is_400);
        RUN(fields_come_in_order_and_only_when_known);
        RUN(a_page_of_a_thousand_rows_is_whole);
        RUN(unknown_partitions_are_503_that_names_them);
        RUN(a_partial_answer_says_what_is_missing);
        RUN(many_missing_partitions_are_named_in_part);
        RUN(errors_of_inner_layers_have_names_of_the_wire);
        RUN(an_error_body_is_json_whatever_the_message_holds);
        return 0;
}
