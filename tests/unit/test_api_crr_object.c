/* SPDX-License-Identifier: Apache-2.0 */
#include "api_fixture.h"
#include "check.h"

#define ROOT  "/_/crr/failed/"
#define EMPTY "{\"IsTruncated\":false,\"Versions\":[]}"

static void expect_one(struct api_fixture *f, const char *path, const char *key)
{
        char want[512];

        snprintf(want, sizeof want,
                 "{\"IsTruncated\":false,\"Versions\":[{\"Bucket\":\"b\",\"Key\":\"%s\","
                 "\"VersionId\":\"\",\"StorageClass\":\"aws\"}]}",
                 key);
        api_expect(f, "GET", path, NULL, 200, want);
}

static void every_site_of_a_version_is_listed(void)
{
        struct api_fixture f;

        api_fixture_init(&f);
        fake_door_add(f.door, 0, 1, "b", "k", "v1", "aws");
        fake_door_add(f.door, 0, 2, "b", "k", "v2", "aws");
        fake_door_add(f.door, 3, 1, "b", "k", "v1", "azure");
        api_expect(&f, "GET", "/_/backbeat/api/_/crr/failed/b/k?versionId=v1", NULL, 200,
                   "{\"IsTruncated\":false,\"Versions\":["
                   "{\"Bucket\":\"b\",\"Key\":\"k\",\"VersionId\":\"v1\",\"StorageClass\":\"aws\"},"
                   "{\"Bucket\":\"b\",\"Key\":\"k\",\"VersionId\":\"v1\","
                   "\"StorageClass\":\"azure\"}]}");
        api_expect(&f, "GET", ROOT "b/k", NULL, 200, EMPTY);
        api_expect(&f, "GET", ROOT "b/other?versionId=v1", NULL, 200, EMPTY);
        api_fixture_deinit(&f);
}

static void the_key_is_literal_but_for_percent_decoding(void)
{
        static const struct {
                const char *path, *key, *shown;
        } rows[] = {
                { ROOT "b/a/b", "a/b", "a/b" },
                { ROOT "b/a%2Fb", "a/b", "a/b" },
                { ROOT "b/a%2fb", "a/b", "a/b" },
                { ROOT "b//a", "/a", "/a" },
                { ROOT "b/a//b", "a//b", "a//b" },
                { ROOT "b/a/", "a/", "a/" },
                { ROOT "b//", "/", "/" },
                { ROOT "b/.", ".", "." },
                { ROOT "b/..", "..", ".." },
                { ROOT "b/../x", "../x", "../x" },
                { ROOT "b/a+b", "a+b", "a+b" },
                { ROOT "b/a%20b", "a b", "a b" },
                { ROOT "b/%C3%A9", "\xc3\xa9", "\xc3\xa9" },
                { ROOT "b/100%25", "100%", "100%" },
                { ROOT "b/a%3Fb", "a?b", "a?b" },
                { ROOT "b/a?versionId=", "a", "a" },
                { ROOT "b/a?", "a", "a" },
                { ROOT "%62/a", "a", "a" },
                { "//_/crr/failed///b/a", "a", "a" },
                { "/_/_/crr//failed/b/a", "a", "a" },
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                struct api_fixture f;

                api_fixture_init(&f);
                fake_door_add(f.door, 0, 1, "b", rows[i].key, "", "aws");
                expect_one(&f, rows[i].path, rows[i].shown);
                api_fixture_deinit(&f);
        }
}

static void a_nul_in_a_key_is_a_character(void)
{
        struct api_fixture f;
        struct failure *failure;

        api_fixture_init(&f);
        failure = fake_door_add(f.door, 0, 1, "b", "", "", "aws");
        failure->id.key = STR("a\0b");
        expect_one(&f, ROOT "b/a%00b", "a\\u0000b");
        api_fixture_deinit(&f);
}

static void a_bucket_without_a_key_is_404(void)
{
        static const char *const paths[] = { ROOT "b", ROOT "b/", ROOT "/b", ROOT "/b/",
                                             "/_/backbeat/api/_/crr/failed/b/" };
        struct api_fixture f;

        api_fixture_init(&f);
        for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
                api_expect_error(&f, "GET", paths[i], NULL, 404, "RouteNotFound", "");
        api_fixture_deinit(&f);
}

static void other_methods_are_405(void)
{
        static const char *const methods[] = { "POST", "PUT", "DELETE" };
        struct api_fixture f;

        api_fixture_init(&f);
        for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
                struct fake_exchange *x = api_call(&f, methods[i], ROOT "b/k", NULL);

                api_check_error(x, 405, "MethodNotAllowed", "");
                CHECK_STR(fake_http_answer_header(x, "Allow"), "GET, HEAD");
                fake_http_free(x);
        }
        api_expect(&f, "HEAD", ROOT "b/k", NULL, 200, EMPTY);
        api_fixture_deinit(&f);
}

static void every_bad_input_is_400(void)
{
        static const struct {
                const char *target, *what;
        } rows[] = {
                { ROOT "b/%", "key: a bad percent-escape" },
                { ROOT "b/%4", "key: a bad percent-escape" },
                { ROOT "b/%zz", "key: a bad percent-escape" },
                { ROOT "b/%ff", "key: not UTF-8" },
                { ROOT "b/%C0%80", "key: not UTF-8" },
                { ROOT "b/%ED%A0%80", "key: not UTF-8" },
                { ROOT "b/\xff", "key: not UTF-8" },
                { ROOT "%f/k", "bucket: a bad percent-escape" },
                { ROOT "%ff/k", "bucket: not UTF-8" },
                { ROOT "b/k?versionId=%ff", "versionId" },
                { ROOT "b/k?versionId=%", "versionId" },
                { ROOT "b/k?versionId=1&versionId=1", "versionId" },
                { ROOT "b/k?role=", "role: must be 1 to 2048 bytes" },
                { ROOT "b/k?partial=yes", "partial: must be true or false" },
                { ROOT "b/k?sitename=", "sitename: must be 1 to 255 bytes" },
                { ROOT "b/k?sitename=%ff", "sitename" },
                { ROOT "b/k?sitename=a&sitename=a", "sitename" },
                { ROOT "b/k?marker=0", "marker: this route has no such parameter, only "
                                       "sitename, partial, versionId, role" },
                { ROOT "b/k?max-keys=1", "max-keys: this route has no such parameter" },
                { ROOT "b/k?versionid=1", "versionid: this route has no such parameter" },
        };
        struct api_fixture f;

        api_fixture_init(&f);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
                api_expect_error(&f, "GET", rows[i].target, NULL, 400, "InvalidQueryParameter",
                                 rows[i].what);
        CHECK_INT(f.door->calls, 0);
        api_fixture_deinit(&f);
}

/* prefix, then n times 'x', then suffix. */
static void expect_long(struct api_fixture *f, const char *prefix, size_t n, const char *suffix,
                        const char *what)
{
        char target[4096];
        size_t at = (size_t)snprintf(target, sizeof target, "%s", prefix);

        memset(target + at, 'x', n);
        snprintf(target + at + n, sizeof target - at - n, "%s", suffix);
        if (what == NULL)
                api_expect(f, "GET", target, NULL, 200, EMPTY);
        else
                api_expect_error(f, "GET", target, NULL, 400, "InvalidQueryParameter", what);
}

static void parts_over_their_limits_are_400(void)
{
        struct api_fixture f;

        api_fixture_init(&f);
        expect_long(&f, ROOT, 255, "/k", NULL);
        expect_long(&f, ROOT, 256, "/k", "bucket: must be at most 255 bytes, is 256");
        expect_long(&f, ROOT "b/", 1024, "", NULL);
        expect_long(&f, ROOT "b/", 1025, "", "key: must be at most 1024 bytes, is 1025");
        expect_long(&f, ROOT "b/k?versionId=", 128, "", NULL);
        expect_long(&f, ROOT "b/k?versionId=", 129, "", "versionId: must be 0 to 128 bytes");
        expect_long(&f, ROOT "b/k?sitename=", 255, "", NULL);
        expect_long(&f, ROOT "b/k?sitename=", 256, "", "sitename: must be 1 to 255 bytes");
        expect_long(&f, ROOT "b/k?role=", 2048, "", NULL);
        expect_long(&f, ROOT "b/k?role=", 2049, "", "role: must be 1 to 2048 bytes");
        expect_long(&f, ROOT "b/k?", 81, "=1", "no parameter of 81 bytes");
        api_fixture_deinit(&f);
}

static void role_keeps_only_that_role(void)
{
        struct api_fixture f;

        api_fixture_init(&f);
        fake_door_add(f.door, 0, 1, "b", "k", "", "unknown-role");
        fake_door_add(f.door, 0, 2, "b", "k", "", "one")->role = STR("r:1");
        fake_door_add(f.door, 0, 3, "b", "k", "", "two")->role = STR("r:2");
        api_expect(&f, "GET", ROOT "b/k?role=r%3A2", NULL, 200,
                   "{\"IsTruncated\":false,\"Versions\":[{\"Bucket\":\"b\",\"Key\":\"k\","
                   "\"VersionId\":\"\",\"StorageClass\":\"two\",\"Role\":\"r:2\"}]}");
        api_expect(&f, "GET", ROOT "b/k?role=r%3A3", NULL, 200, EMPTY);
        api_fixture_deinit(&f);
}

static void sitename_keeps_only_that_site(void)
{
        struct api_fixture f;

        api_fixture_init(&f);
        fake_door_add(f.door, 0, 1, "b", "k", "", "one");
        fake_door_add(f.door, 0, 2, "b", "k", "", "t/wo");
        api_expect(&f, "GET", ROOT "b/k?sitename=t%2Fwo", NULL, 200,
                   "{\"IsTruncated\":false,\"Versions\":[{\"Bucket\":\"b\",\"Key\":\"k\","
                   "\"VersionId\":\"\",\"StorageClass\":\"t/wo\"}]}");
        api_expect(&f, "GET", ROOT "b/k?sitename=One", NULL, 200, EMPTY);
        api_fixture_deinit(&f);
}

static void unknown_partitions_are_503_or_said(void)
{
        struct api_fixture f;

        api_fixture_init(&f);
        partition_set_add(&f.door->missing, 2);
        api_expect_error(&f, "GET", ROOT "b/k", NULL, 503, "ServiceUnavailable",
                         "1 of 6 partitions of the failure log: 2");
        api_expect(&f, "GET", ROOT "b/k?partial=true", NULL, 200,
                   "{\"IsTruncated\":false,\"Versions\":[],"
                   "\"Coverage\":{\"Partitions\":\"5/6\",\"Missing\":[2]}}");
        api_fixture_deinit(&f);
}

int main(void)
{
        RUN(every_site_of_a_version_is_listed);
        RUN(the_key_is_literal_but_for_percent_decoding);
        RUN(a_nul_in_a_key_is_a_character);
        RUN(a_bucket_without_a_key_is_404);
        RUN(other_methods_are_405);
        RUN(every_bad_input_is_400);
        RUN(parts_over_their_limits_are_400);
        RUN(role_keeps_only_that_role);
        RUN(sitename_keeps_only_that_site);
        RUN(unknown_partitions_are_503_or_said);
        return 0;
}
