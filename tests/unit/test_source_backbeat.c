/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of the source, and what its answers mean. */
#include "source_bench.h"

/* ANSWERS */

static void metadata_is_taken_out_of_the_answer(void)
{
        struct source_bench b;

        source_bench_init(&b);
        b.server.otherwise = FOUND;
        ask(&b, SOURCE_FOUND);
        CHECK_STR(b.asks[0].head, HEAD);
        CHECK_STR(http_source_target(&b.server, 0), "/_/backbeat/metadata/bucket/key?versionId=v1");
        CHECK(strstr(b.server.requests[0].head, "Authorization") == NULL);
        CHECK_INT(outcome(&b, "found"), 1);
        source_bench_deinit(&b);
}

static void answers_say_what_is_known(void)
{
        static const struct {
                const char *reply;
                enum source_result result;
                const char *says, *outcome;
        } rows[] = {
                { GONE, SOURCE_GONE, NULL, "gone" },
                { HTTP_REPLY("404 Not Found", "23") "{\"code\":\"NoSuchBucket\"}",
                  SOURCE_UNAVAILABLE,
                  ", of the bucket bucket: status 404 (NoSuchBucket), which tells nothing",
                  "no_bucket" },
                { HTTP_REPLY("404 Not Found", "24") "{\"code\":\"NoSuchVersion\"}", SOURCE_GONE,
                  NULL, "gone" },
                { HTML, SOURCE_UNAVAILABLE,
                  "status 404, which does not say that the version is missing", "refused" },
                { HTTP_REPLY("404 Not Found", "0"), SOURCE_UNAVAILABLE, "status 404", "refused" },
                { HTTP_REPLY("404 Not Found", "23") "{\"code\":\"NoSuchEntity\"}",
                  SOURCE_UNAVAILABLE, "status 404 (NoSuchEntity)", "refused" },
                { HTTP_REPLY("403 Forbidden", "23") "{\"code\":\"AccessDenied\"}",
                  SOURCE_UNAVAILABLE, ", of the bucket bucket: status 403 (AccessDenied)",
                  "refused" },
                { HTTP_REPLY("301 Moved", "0"), SOURCE_UNAVAILABLE,
                  "status 301, a redirect: those are not followed", "refused" },
                { "HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n",
                  SOURCE_UNAVAILABLE, "status 302", "refused" },
                { HTTP_REPLY("204 No Content", "0"), SOURCE_UNAVAILABLE, "status 204", "refused" },
                { HTTP_REPLY("200 OK", "14") "<html>.</html>", SOURCE_UNAVAILABLE,
                  "not the expected JSON", "garbled" },
                { HTTP_REPLY("200 OK", "2") "{}", SOURCE_UNAVAILABLE, "no Body", "garbled" },
                { HTTP_REPLY("200 OK", "2") "[]", SOURCE_UNAVAILABLE, "not an object", "garbled" },
                { HTTP_REPLY("200 OK", "11") "{\"Body\":{}}", SOURCE_UNAVAILABLE,
                  "its Body is not a string", "garbled" },
                { HTTP_REPLY("200 OK", "15") "{\"Body\":\"null\"}", SOURCE_UNAVAILABLE,
                  "its Body is not an object", "garbled" },
                { HTTP_REPLY("200 OK", "14") "{\"Body\":\"{1}\"}", SOURCE_UNAVAILABLE,
                  "not the expected JSON: the metadata in its Body: byte 2", "garbled" },
                { HTTP_REPLY("200 OK", "12") "{\"Body\":\"{}\"", SOURCE_UNAVAILABLE, "not complete",
                  "garbled" },
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                struct source_bench b;

                source_bench_init(&b);
                b.server.otherwise = rows[i].reply;
                ask(&b, rows[i].result);
                if (rows[i].says != NULL)
                        check_says(&b, rows[i].says);
                CHECK_INT(outcome(&b, rows[i].outcome), 1);
                CHECK_INT(b.server.n_requests, 1);
                source_bench_deinit(&b);
        }
}

static void what_the_source_refuses_is_said_with_the_bucket_and_its_reason(void)
{
        struct source_bench b;

        source_bench_init(&b);
        b.server.otherwise = GONE;
        ask(&b, SOURCE_GONE);
        CHECK_STR(b.logged, "");
        b.server.otherwise = HTTP_REPLY("404 Not Found", "23") "{\"code\":\"NoSuchBucket\"}";
        ask(&b, SOURCE_UNAVAILABLE);
        CHECK(strstr(b.logged, "event=source_refused") != NULL);
        CHECK(strstr(b.logged, "bucket=bucket outcome=no_bucket n=1") != NULL);
        CHECK(strstr(b.logged, "status 404 (NoSuchBucket)") != NULL);
        source_bench_deinit(&b);
}

/* An answer whose metadata has n bytes, most of them escaped quotes. */
static char *large_reply(size_t n)
{
        static const char head[] = "{\"Body\":\"{\\\"\\\":[\\\"\\\"", tail[] = "]}\"}";
        static const char item[] = ",\\\"\\\"";
        size_t left = n - strlen("{\"\":[\"\"]}"), items = left / strlen(",\"\"");
        size_t blanks = left % strlen(",\"\"");
        size_t body = strlen(head) + items * strlen(item) + blanks + strlen(tail);
        char *reply = malloc(body + 200), *at;

        CHECK(reply != NULL);
        at = reply + sprintf(reply, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", body, head);
        for (size_t i = 0; i < items; i++, at += strlen(item))
                memcpy(at, item, strlen(item));
        memset(at, ' ', blanks);
        memcpy(at + blanks, tail, sizeof tail);
        return reply;
}

static void metadata_has_a_limit_whatever_its_escapes_take(void)
{
        struct source_bench b;
        char *largest = large_reply(SOURCE_METADATA_BYTES);
        char *too_large = large_reply(SOURCE_METADATA_BYTES + 1);
        char *far_too_large = large_reply(2 * SOURCE_METADATA_BYTES);

        source_bench_init(&b);
        b.server.otherwise = largest;
        ask(&b, SOURCE_FOUND);
        CHECK(b.asks[0].bytes > SOURCE_METADATA_BYTES);
        b.server.otherwise = too_large;
        ask(&b, SOURCE_UNAVAILABLE);
        check_says(&b, "larger than 2097152 bytes");
        b.server.otherwise = far_too_large;
        ask(&b, SOURCE_UNAVAILABLE);
        check_says(&b, "the answer is too large");
        CHECK_INT(b.server.n_requests, 3);
        b.server.otherwise = FOUND;
        ask(&b, SOURCE_FOUND);
        source_bench_deinit(&b);
        free(largest);
        free(too_large);
        free(far_too_large);
}

/* NAMES */

static const struct {
        const char *key, *version_id, *target;
} names[] = {
        { "key", NULL, "key" },
        { "key", "", "key" },
        { "a b%+=?#&;~", "v", "a%20b%25%2B%3D%3F%23%26%3B~?versionId=v" },
        { "%41", "v", "%2541?versionId=v" },
        { "dir/file", "v", "dir/file?versionId=v" },
        { "//a//", "v", "//a//?versionId=v" },
        { ".", "v", ".?versionId=v" },
        { "a/../../b/./c", "v", "a/../../b/./c?versionId=v" },
        { "!*'()@:$,\"<>[]{}|\\^`", "v",
          "%21%2A%27%28%29%40%3A%24%2C%22%3C%3E%5B%5D%7B%7D%7C%5C%5E%60?versionId=v" },
        { "\xc3\xa9 e\xcc\x81", "v", "%C3%A9%20e%CC%81?versionId=v" }, /* NFC, NFD */
        { "\xf0\x9f\xa6\x8a", "v", "%F0%9F%A6%8A?versionId=v" },
        { "\x01\x7f\t\r\n", "v", "%01%7F%09%0D%0A?versionId=v" },
        { "key", "a b+c=d&e/f?%\xc3\xa9", "key?versionId=a%20b%2Bc%3Dd%26e%2Ff%3F%25%C3%A9" },
};

static void names_are_encoded_exactly_and_signed_as_they_are_sent(void)
{
        struct source_config config = {
                .auth = { .region = "eu-west-3", .access_key = "AK:1", .secret_key = "s/e+c:ret" }
        };
        struct source_bench b;
        char wanted[400];

        source_bench_init_with(&b, config);
        b.server.otherwise = FOUND;
        for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
                begin_for(&b, 0, names[i].key, names[i].version_id, NULL);
                WAIT(&b, b.asks[0].done);
                snprintf(wanted, sizeof wanted, "/_/backbeat/metadata/bucket/%s", names[i].target);
                CHECK_STR(http_source_target(&b.server, i), wanted);
                CHECK(http_source_is_signed(&b.server, i, "eu-west-3", "AK:1", "s/e+c:ret"));
                CHECK(!http_source_is_signed(&b.server, i, "eu-west-3", "AK:1", "another"));
        }
        CHECK_INT(b.server.n_conns, 1);
        source_bench_deinit(&b);
}

static void the_longest_key_is_sent_whole(void)
{
        struct source_config config = {
                .auth = { .region = "us-east-1", .access_key = "AK", .secret_key = "SK" }
        };
        static const char fox[] = "\xf0\x9f\xa6\x8a";
        struct buf key, wanted;
        struct source_bench b;

        buf_init(&key, 1025);
        buf_init(&wanted, 5000);
        buf_append_c(&wanted, "/_/backbeat/metadata/bucket/");
        for (int i = 0; i < 256; i++) {
                buf_append_c(&key, fox);
                buf_append_c(&wanted, "%F0%9F%A6%8A");
        }
        buf_append(&key, "", 1);
        buf_append(&wanted, "?versionId=v1", sizeof "?versionId=v1");
        source_bench_init_with(&b, config);
        b.server.otherwise = FOUND;
        begin_for(&b, 0, key.base, "v1", NULL);
        WAIT(&b, b.asks[0].done);
        CHECK_STR(http_source_target(&b.server, 0), wanted.base);
        CHECK(http_source_is_signed(&b.server, 0, "us-east-1", "AK", "SK"));
        source_bench_deinit(&b);
        buf_deinit(&key);
        buf_deinit(&wanted);
}

static void a_path_in_the_url_stays_before_the_route(void)
{
        struct source_bench b;

        source_bench_init_with(&b, (struct source_config){ .url = "/store//" });
        b.server.otherwise = FOUND;
        ask(&b, SOURCE_FOUND);
        CHECK_STR(http_source_target(&b.server, 0),
                  "/store/_/backbeat/metadata/bucket/key?versionId=v1");
        source_bench_deinit(&b);
}

/* ROLES */

static const struct source_role roles[] = { { "arn:one", "AK-ONE", "secret one" },
                                            { "arn:two", "AK-TWO", "secret two" } };

static void check_signed_by_role(const struct source_bench *b, unsigned i)
{
        const char *target = http_source_target(&b->server, i);
        const char *names_of[] = { "AK-ONE", "AK-TWO", "AK-ELSE" };
        const char *secrets[] = { "secret one", "secret two", "secret else" };
        int role = strstr(target, "/one") != NULL ? 0 : strstr(target, "/two") != NULL ? 1 : 2;

        for (int j = 0; j < 3; j++)
                CHECK_INT(
                        http_source_is_signed(&b->server, i, "us-east-1", names_of[j], secrets[j]),
                        j == role);
}

static void requests_of_different_roles_never_mix(void)
{
        struct source_config config = {
                .concurrency = 8,
                .auth = { .region = "us-east-1",
                          .access_key = "AK-ELSE",
                          .secret_key = "secret else",
                          .roles = roles,
                          .n_roles = 2 },
        };
        static const char *const keys[] = { "one", "two", "none", "other" };
        static const char *const arns[] = { "arn:one", "arn:two", NULL, "arn:other" };
        struct source_bench b;

        source_bench_init_with(&b, config);
        b.server.otherwise = FOUND;
        for (unsigned i = 0; i < CALLS; i++)
                begin_for(&b, i, keys[i * 7 % 4], "v", arns[i * 7 % 4]);
        WAIT(&b, b.n_done == CALLS);
        CHECK_INT(b.server.n_requests, CALLS);
        CHECK(b.server.n_conns <= 8);
        for (unsigned i = 0; i < CALLS; i++)
                check_signed_by_role(&b, i);
        source_bench_deinit(&b);
}

static void new_credentials_count_from_the_next_request_on(void)
{
        struct source_config config = {
                .auth = { .region = "us-east-1", .access_key = "AK", .secret_key = "old" }
        };
        struct source_bench b;

        source_bench_init_with(&b, config);
        b.server.otherwise = FOUND;
        ask(&b, SOURCE_FOUND);
        config.timeout_ms = TIMEOUT_MS;
        config.auth.secret_key = "new";
        source_backbeat_reconfigure(b.source, &config);
        ask(&b, SOURCE_FOUND);
        CHECK(http_source_is_signed(&b.server, 0, "us-east-1", "AK", "old"));
        CHECK(http_source_is_signed(&b.server, 1, "us-east-1", "AK", "new"));
        source_bench_deinit(&b);
}

int main(void)
{
        RUN(metadata_is_taken_out_of_the_answer);
        RUN(answers_say_what_is_known);
        RUN(what_the_source_refuses_is_said_with_the_bucket_and_its_reason);
        RUN(metadata_has_a_limit_whatever_its_escapes_take);
        RUN(names_are_encoded_exactly_and_signed_as_they_are_sent);
        RUN(the_longest_key_is_sent_whole);
        RUN(a_path_in_the_url_stays_before_the_route);
        RUN(requests_of_different_roles_never_mix);
        RUN(new_credentials_count_from_the_next_request_on);
        return 0;
}
