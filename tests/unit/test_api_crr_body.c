/* SPDX-License-Identifier: Apache-2.0 */
#include "api_fixture.h"
#include "check.h"

#define RETRY   "/_/crr/failed"
#define ELEMENT "{\"Bucket\":\"b\",\"Key\":\"k\",\"VersionId\":\"v\",\"StorageClass\":\"aws\"}"
#define ESCAPED                                                                   \
        "{\"Bucket\":\"\\u0062\",\"Key\":\"k\\u006b\",\"VersionId\":\"\\u0076\"," \
        "\"StorageClass\":\"\\u0061ws\"}"
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

struct bad_body {
        const char *body, *what;
};

static void expect_malformed(const struct bad_body *rows, size_t n)
{
        struct api_fixture f;

        fixture(&f);
        for (size_t i = 0; i < n; i++)
                api_expect_error(&f, "POST", RETRY, rows[i].body, 400, "MalformedPOSTRequest",
                                 rows[i].what);
        CHECK_INT(f.door->calls, 0);
        api_fixture_deinit(&f);
}

static void what_is_not_an_array_of_objects_is_400(void)
{
        static const struct bad_body rows[] = {
                { "", "" },
                { " ", "" },
                { "hello", "" },
                { "[", "" },
                { "[" ELEMENT, "" },
                { "[" ELEMENT ",]", "" },
                { "[" ELEMENT "] x", "" },
                { "[" ELEMENT "][]", "" },
                { "[" ELEMENT " " ELEMENT "]", "" },
                { "\xef\xbb\xbf[" ELEMENT "]", "" },
                { "/**/[" ELEMENT "]", "" },
                { ELEMENT, "must be an array of objects" },
                { "null", "must be an array of objects" },
                { "1", "must be an array of objects" },
                { "\"x\"", "must be an array of objects" },
                { "[]", "the array is empty" },
                { "[1]", "element 0: must be an object" },
                { "[null]", "element 0: must be an object" },
                { "[\"x\"]", "element 0: must be an object" },
                { "[" ELEMENT ",[]]", "element 1: must be an object" },
                { "[" ELEMENT "," ELEMENT ",true]", "element 2: must be an object" },
        };

        expect_malformed(rows, sizeof rows / sizeof *rows);
}

static void a_bad_field_is_400_and_named(void)
{
#define B "\"Bucket\":\"b\","
#define K "\"Key\":\"k\","
#define S "\"StorageClass\":\"aws\""
        static const struct bad_body rows[] = {
                { "[{}]", "element 0: Bucket" },
                { "[{" K S "}]", "element 0: Bucket" },
                { "[{" B S "}]", "element 0: Key" },
                { "[{\"Key\":\"k\",\"Bucket\":\"b\"}]", "element 0: StorageClass" },
                { "[" ELEMENT ",{" B S "}]", "element 1: Key" },
                { "[{\"Bucket\":\"\"," K S "}]", "element 0: Bucket" },
                { "[{" B "\"Key\":\"\"," S "}]", "element 0: Key" },
                { "[{" B K "\"StorageClass\":\"\"}]", "element 0: StorageClass" },
                { "[{\"Bucket\":1," K S "}]", "element 0: Bucket" },
                { "[{\"Bucket\":null," K S "}]", "element 0: Bucket" },
                { "[{\"Bucket\":[\"b\"]," K S "}]", "element 0: Bucket" },
                { "[{" B "\"Key\":1.5," S "}]", "element 0: Key" },
                { "[{" B "\"Key\":{\"a\":1}," S "}]", "element 0: Key" },
                { "[{" B K "\"StorageClass\":true}]", "element 0: StorageClass" },
                { "[{" B K "\"StorageClass\":[]}]", "element 0: StorageClass" },
                { "[{\"VersionId\":1," B K S "}]", "element 0: VersionId" },
                { "[{\"VersionId\":null," B K S "}]", "element 0: VersionId" },
                { "[{\"VersionId\":{}," B K S "}]", "element 0: VersionId" },
                { "[{\"ForceRetry\":\"true\"," B K S "}]", "element 0: ForceRetry" },
                { "[{\"ForceRetry\":1," B K S "}]", "element 0: ForceRetry" },
                { "[{\"ForceRetry\":null," B K S "}]", "element 0: ForceRetry" },
                { "[" ELEMENT "," ELEMENT "," ELEMENT ",{" B K "\"StorageClass\":7}]",
                  "element 3: StorageClass" },
        };

        expect_malformed(rows, sizeof rows / sizeof *rows);
}

static void what_json_leaves_open_is_400(void)
{
        static const struct bad_body rows[] = {
                { "[{" B B K S "}]", "twice" },
                { "[{" B K S ",\"x\":1,\"x\":2}]", "twice" },
                { "[{" B K S ",\"x\":{\"y\":1,\"y\":2}}]", "twice" },
                { "[{" B K S ",\"\\u0042ucket\":\"b\"}]", "twice" },
                { "[{" B "\"Key\":\"\xff\"," S "}]", "" },
                { "[{" B "\"Key\":\"\xc0\x80\"," S "}]", "" },
                { "[{" B "\"Key\":\"\xed\xa0\x80\"," S "}]", "" },
                { "[{" B "\"Key\":\"\\ud800\"," S "}]", "" },
                { "[{" B "\"Key\":\"\\udc00x\"," S "}]", "" },
                { "[{" B "\"Key\":\"\\ud800\\u0041\"," S "}]", "" },
                { "[{" B K S ",\"x\":\"\xff\"}]", "" },
                { "[{" B K S ",\"x\":[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]}]", "" },
                { "[[[[[[[[[[[[[[[[[[[[[[[[", "" },
        };

        expect_malformed(rows, sizeof rows / sizeof *rows);
#undef B
#undef K
#undef S
}

static void depth_sixteen_is_allowed(void)
{
        struct api_fixture f;

        fixture(&f);
        api_expect(&f, "POST", RETRY,
                   "[{\"x\":[[[[[[[[[[[[[[1]]]]]]]]]]]]]],\"Bucket\":\"b\",\"Key\":\"k\","
                   "\"VersionId\":\"v\",\"StorageClass\":\"aws\"}]",
                   200, "[" PENDING "]");
        api_fixture_deinit(&f);
}

/* One element with n times 'x' as this field. */
static void expect_long(struct api_fixture *f, const char *field, size_t n, const char *what)
{
        static const char *const fields[] = { "Bucket", "Key", "VersionId", "StorageClass" };
        char text[2048], body[4096];
        size_t at = (size_t)snprintf(body, sizeof body, "[{");

        memset(text, 'x', n);
        text[n] = '\0';
        for (size_t i = 0; i < 4; i++)
                at += (size_t)snprintf(body + at, sizeof body - at, "%s\"%s\":\"%s\"",
                                       i > 0 ? "," : "", fields[i],
                                       strcmp(fields[i], field) == 0 ? text : "a");
        snprintf(body + at, sizeof body - at, "}]");
        if (what == NULL)
                api_expect(f, "POST", RETRY, body, 200, "[]");
        else
                api_expect_error(f, "POST", RETRY, body, 400, "MalformedPOSTRequest", what);
}

static void fields_over_their_limits_are_400(void)
{
        struct api_fixture f;

        fixture(&f);
        expect_long(&f, "Bucket", 255, NULL);
        expect_long(&f, "Bucket", 256, "element 0: Bucket");
        expect_long(&f, "Key", 1024, NULL);
        expect_long(&f, "Key", 1025, "element 0: Key");
        expect_long(&f, "VersionId", 128, NULL);
        expect_long(&f, "VersionId", 129, "element 0: VersionId");
        expect_long(&f, "StorageClass", 255, NULL);
        expect_long(&f, "StorageClass", 256, "element 0: StorageClass");
        api_fixture_deinit(&f);
}

/* "[ELEMENT,ELEMENT,...]" of n elements and then the tail. */
static char *many(size_t n, const char *element, const char *tail)
{
        size_t each = strlen(element) + 1;
        char *body = malloc(n * each + strlen(tail) + 2), *p = body;

        CHECK(body != NULL);
        *p++ = '[';
        for (size_t i = 0; i < n; i++)
                p += sprintf(p, "%s%s", i > 0 ? "," : "", element);
        memcpy(p, tail, strlen(tail) + 1);
        return body;
}

static void the_largest_number_of_elements_is_taken(void)
{
        static const char smallest[] = "{\"Bucket\":\"b\",\"Key\":\"k\",\"StorageClass\":\"s\"}";
        static const size_t counts[] = { 1, 2, 45, 9999, 10000 };

        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
                struct api_fixture f;
                char *body = many(counts[i], smallest, "]");

                fixture(&f);
                api_expect(&f, "POST", RETRY, body, 200, "[]");
                CHECK_INT(f.door->retry_seen.n, counts[i]);
                free(body);
                api_fixture_deinit(&f);
        }
}

static void one_element_too_many_is_413_whatever_follows(void)
{
        static const char *const tails[] = { "," ELEMENT "]", ",{", ",1]", ",{} garbage" };

        for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
                struct api_fixture f;
                char *body = many(MAX_ELEMENTS, ELEMENT, tails[i]);

                fixture(&f);
                api_expect_error(&f, "POST", RETRY, body, 413, "EntityTooLarge", "10000");
                CHECK_INT(f.door->calls, 0);
                free(body);
                api_fixture_deinit(&f);
        }
}

static void the_limit_of_elements_can_be_changed(void)
{
        const struct api_config one = { .max_elements = 1 };
        struct api_fixture f;

        fixture(&f);
        api_set_config(f.api, &one);
        api_expect(&f, "POST", RETRY, "[" ELEMENT "]", 200, "[" PENDING "]");
        api_expect_error(&f, "POST", RETRY, "[" ELEMENT "," ELEMENT "]", 413, "EntityTooLarge",
                         "more than 1 elements (http.max_elements)");
        api_fixture_deinit(&f);
}

/* A thousand of these elements with memory for their entries, and hardly more. */
static struct fake_exchange *post_with_little_memory(struct api_fixture *f, const char *element)
{
        const struct api_config thousand = { .max_elements = 1000 };
        char *body = many(1000, element, "]");
        struct fake_exchange *x = fake_http_new("POST", RETRY, body);

        api_set_config(f->api, &thousand);
        x->req->arena.limit = 1000 * sizeof(struct retry_entry) + 8192;
        f->door->n = 0;
        api_run(f, x);
        free(body);
        return x;
}

static void a_body_that_outgrows_the_memory_of_its_request_is_413(void)
{
        struct api_fixture f;
        struct fake_exchange *x;

        fixture(&f);
        x = post_with_little_memory(&f, ESCAPED);
        api_check_error(x, 413, "EntityTooLarge", "\"the body needs too much memory");
        CHECK_INT(f.door->calls, 0);
        fake_http_free(x);
        api_fixture_deinit(&f);
}

static void strings_without_escapes_are_not_copied(void)
{
        struct api_fixture f;
        struct fake_exchange *x;

        fixture(&f);
        x = post_with_little_memory(&f, ELEMENT);
        CHECK_STR(x->answer, "[]");
        CHECK_INT(f.door->retry_seen.n, 1000);
        fake_http_free(x);
        api_fixture_deinit(&f);
}

/* Turns until it is answered. */
static unsigned turns_of(struct api_fixture *f, const struct fake_exchange *x)
{
        unsigned turns = 0;

        for (; !x->answered && turns < 100; turns++) {
                api_work(f->api);
                retry_service_work(f->door);
        }
        return turns;
}

static void a_large_body_is_read_and_answered_in_slices_and_lets_small_ones_pass(void)
{
        char *body = many(9000, ELEMENT, "]");
        unsigned slices = (unsigned)(strlen(body) / API_SLICE_BYTES) + 1;
        struct fake_exchange *large = fake_http_new("POST", RETRY, body);
        struct fake_exchange *small = fake_http_new("POST", RETRY, "[" ELEMENT "]");
        struct api_fixture f;

        fixture(&f);
        api_on_request(f.api, large->req);
        api_on_request(f.api, small->req);
        CHECK_INT(turns_of(&f, small), 1);
        CHECK_INT(turns_of(&f, large), slices - 1 + 8999 / API_WORK_ROWS);
        CHECK_STR(small->answer, "[" PENDING "]");
        CHECK(large->status == 200 && !api_work(f.api));
        fake_http_free(small);
        fake_http_free(large);
        free(body);
        api_fixture_deinit(&f);
}

static void the_loop_does_not_wait_when_the_door_was_given_a_request(void)
{
        struct fake_exchange *x = fake_http_new("POST", RETRY, "[" ELEMENT "]");
        struct api_fixture f;

        fixture(&f);
        CHECK(!api_work(f.api));
        api_on_request(f.api, x->req);
        CHECK(api_work(f.api));
        CHECK_INT(f.door->calls, 1);
        CHECK(!api_work(f.api));
        retry_service_work(f.door);
        CHECK_INT(x->status, 200);
        fake_http_free(x);
        api_fixture_deinit(&f);
}

#define MANY 200

static void many_small_bodies_share_a_turn(void)
{
        struct fake_exchange *x[MANY];
        struct api_fixture f;

        fixture(&f);
        for (size_t i = 0; i < MANY; i++) {
                x[i] = fake_http_new("POST", RETRY, "[" ELEMENT "]");
                api_on_request(f.api, x[i]->req);
        }
        CHECK(api_work(f.api));
        CHECK(f.door->calls > 100 && f.door->calls < MANY);
        CHECK(api_work(f.api));
        CHECK_INT(f.door->calls, MANY);
        CHECK(!api_work(f.api));
        retry_service_work(f.door);
        for (size_t i = 0; i < MANY; i++) {
                CHECK_INT(x[i]->status, 200);
                fake_http_free(x[i]);
        }
        api_fixture_deinit(&f);
}

int main(void)
{
        RUN(what_is_not_an_array_of_objects_is_400);
        RUN(a_bad_field_is_400_and_named);
        RUN(what_json_leaves_open_is_400);
        RUN(depth_sixteen_is_allowed);
        RUN(fields_over_their_limits_are_400);
        RUN(the_largest_number_of_elements_is_taken);
        RUN(one_element_too_many_is_413_whatever_follows);
        RUN(the_limit_of_elements_can_be_changed);
        RUN(a_body_that_outgrows_the_memory_of_its_request_is_413);
        RUN(strings_without_escapes_are_not_copied);
        RUN(a_large_body_is_read_and_answered_in_slices_and_lets_small_ones_pass);
        RUN(the_loop_does_not_wait_when_the_door_was_given_a_request);
        RUN(many_small_bodies_share_a_turn);
        return 0;
}
