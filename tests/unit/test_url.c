/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>

#include "check.h"
#include "crr/base/url.h"
#include "draw.h"

#define BYTES(text)                      \
        {                                \
                (text), sizeof(text) - 1 \
        }

static struct buf out;
static struct arena arena;
static struct url_query query;
static struct error err;

static bool is_kept(unsigned char c, const char *also)
{
        static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                      "0123456789-._~";

        return c != 0 && (strchr(letters, c) != NULL || strchr(also, c) != NULL);
}

static void check_encoding(void (*encode)(struct buf *out, struct str s), const char *also)
{
        for (unsigned c = 0; c < 256; c++) {
                char byte = (char)c, want[4] = { byte, '\0' };

                if (!is_kept((unsigned char)c, also))
                        snprintf(want, sizeof want, "%%%02X", c);
                buf_clear(&out);
                encode(&out, (struct str){ &byte, 1 });
                CHECK(str_eq_c(buf_str(&out), want));
        }
}

static void every_byte_but_the_unreserved_ones_is_escaped(void)
{
        check_encoding(url_encode, "");
        check_encoding(url_encode_component, "!*'()");
}

static void a_byte_is_escaped_wherever_it_stands(void)
{
        char text[40];
        struct str s = { text, sizeof text };

        for (unsigned c = 0; c < 256; c++) {
                bool kept = is_kept((unsigned char)c, "");

                for (size_t at = 0; at < sizeof text; at++) {
                        memset(text, 'k', sizeof text);
                        text[at] = (char)c;
                        buf_clear(&out);
                        url_encode(&out, s);
                        CHECK_INT(out.len, (long)sizeof text + (kept ? 0 : 2));
                        CHECK((out.base[at] == '%') == !kept);
                        CHECK(url_is_encoded(buf_str(&out)));
                        CHECK(url_is_encoded(s) == kept);
                }
        }
}

static void text_is_decoded(void)
{
        static const struct {
                struct str text;
                bool plus_is_space;
                struct str want;
        } table[] = {
                { BYTES(""), false, BYTES("") },
                { BYTES("abc"), false, BYTES("abc") },
                { BYTES("%41%42"), false, BYTES("AB") },
                { BYTES("%c3%A9"), false, BYTES("\xc3\xa9") },
                { BYTES("a+b"), false, BYTES("a+b") },
                { BYTES("a+b%2B"), true, BYTES("a b+") },
                { BYTES("%00"), false, BYTES("\0") },
                { BYTES("%ff"), false, BYTES("\xff") },
                { BYTES("%25%34%31"), false, BYTES("%41") },
                { BYTES("a/b?c&d=e#f"), false, BYTES("a/b?c&d=e#f") },
                { BYTES("\xff\x80"), false, BYTES("\xff\x80") },
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                buf_clear(&out);
                CHECK(url_decode(&out, table[i].text, table[i].plus_is_space));
                if (!str_eq(buf_str(&out), table[i].want))
                        check_fail(__FILE__, __LINE__, "decoded", table[i].text.base);
        }
}

static void a_bad_escape_is_refused_and_what_stood_before_it_stays(void)
{
        static const struct {
                const char *text, *before;
        } table[] = {
                { "%", "" },    { "%4", "" },    { "ab%", "ab" },  { "ab%4", "ab" },
                { "%g1", "" },  { "%1g", "" },   { "%-1", "" },    { "% 1", "" },
                { "%%41", "" }, { "a%zz", "a" }, { "%41%4", "A" }, { "%u0041", "" },
                { "%/0", "" },  { "%:0", "" },   { "%@0", "" },    { "%`0", "" },
                { "%G0", "" },  { "%0x1", "" },
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                buf_clear(&out);
                if (url_decode(&out, str_from(table[i].text), false))
                        check_fail(__FILE__, __LINE__, "refused", table[i].text);
                CHECK(str_eq_c(buf_str(&out), table[i].before));
        }
}

static void what_is_encoded_is_decoded_to_itself(void)
{
        struct buf back;

        buf_init(&back, SIZE_MAX);
        for (uint64_t seed = 0; seed < 200; seed++) {
                struct draw d = draw_seed(seed);
                char bytes[100];
                struct str text = { bytes, draw(&d, sizeof bytes) };

                for (size_t i = 0; i < sizeof bytes; i++)
                        bytes[i] = (char)draw_bits(&d);
                for (int i = 0; i < 2; i++) {
                        buf_clear(&out);
                        buf_clear(&back);
                        (i == 0 ? url_encode : url_encode_component)(&out, text);
                        CHECK(url_decode(&back, buf_str(&out), true));
                        CHECK(str_eq(buf_str(&back), text));
                }
        }
        buf_deinit(&back);
}

static int parse(const char *text)
{
        arena_deinit(&arena);
        arena_init(&arena, 1 << 20);
        return url_query_parse(&query, str_from(text), &arena, &err);
}

static void a_query_is_pairs_of_names_and_values(void)
{
        static const struct {
                const char *text;
                size_t n;
                const char *name, *value; /* of the last */
        } table[] = {
                { "", 0, NULL, NULL },
                { "&", 0, NULL, NULL },
                { "&&&", 0, NULL, NULL },
                { "a=1", 1, "a", "1" },
                { "a=1&b=2", 2, "b", "2" },
                { "&a=1&&b=2&", 2, "b", "2" },
                { "a", 1, "a", "" },
                { "a=", 1, "a", "" },
                { "=1", 1, "", "1" },
                { "=", 1, "", "" },
                { "a=b=c", 1, "a", "b=c" },
                { "a=b%26c%3Dd", 1, "a", "b&c=d" },
                { "a%20b=c+d", 1, "a b", "c d" },
                { "%C3%A9=%F0%9F%98%80", 1, "\xc3\xa9", "\xf0\x9f\x98\x80" },
                { "A=1&a=2", 2, "a", "2" },
                { "a?b=c/d", 1, "a?b", "c/d" },
                { "a;b=1", 1, "a;b", "1" },
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                if (parse(table[i].text) != 0)
                        check_fail(__FILE__, __LINE__, table[i].text, err.message);
                CHECK_INT(query.n, table[i].n);
                if (query.n == 0)
                        continue;
                CHECK(str_eq_c(query.params[query.n - 1].name, table[i].name));
                CHECK(str_eq_c(query.params[query.n - 1].value, table[i].value));
        }
}

static void a_bad_query_is_refused_by_name(void)
{
        static const struct {
                const char *text, *said;
        } table[] = {
                { "a=%", "a: the query has a bad escape in '%'" },
                { "a=1&b=x%zz", "b: the query has a bad escape in 'x%zz'" },
                { "%4=1", "the query has a bad escape in '%4'" },
                { "a=%ff", "a: the query is not UTF-8" },
                { "a=%ed%a0%80", "a: the query is not UTF-8" },
                { "%c0%80=1", "the query is not UTF-8" },
                { "a=\xff", "a: the query is not UTF-8" },
                { "a=1&a=2", "the query parameter 'a' is there twice" },
                { "a=1&b=2&%61=3", "the query parameter 'a' is there twice" },
                { "a&a", "the query parameter 'a' is there twice" },
                { "=&=", "the query parameter '' is there twice" },
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                CHECK_INT(parse(table[i].text), ERR_INVALID_QUERY);
                CHECK_STR(err.message, table[i].said);
        }
}

static void a_query_has_at_most_so_many_parameters(void)
{
        char text[16];
        size_t n;

        for (n = URL_MAX_PARAMS - 1; n <= URL_MAX_PARAMS + 1; n++) {
                buf_clear(&out);
                for (size_t i = 0; i < n; i++)
                        buf_printf(&out, "p%zu=%zu&", i, i);
                buf_append_char(&out, '\0');
                CHECK_INT(parse(out.base), n <= URL_MAX_PARAMS ? 0 : ERR_INVALID_QUERY);
                for (size_t i = 0; i < n && n <= URL_MAX_PARAMS; i++) {
                        snprintf(text, sizeof text, "p%zu", i);
                        CHECK(url_query_find(&query, text) == &query.params[i]);
                }
        }
        CHECK_STR(err.message, "more than 32 query parameters");
}

static void a_parameter_is_found_by_its_whole_name(void)
{
        CHECK_INT(parse("site=1&sitename=2"), 0);
        CHECK(str_eq_c(url_query_find(&query, "sitename")->value, "2"));
        CHECK(str_eq_c(url_query_find(&query, "site")->value, "1"));
        CHECK(url_query_find(&query, "sit") == NULL);
        CHECK(url_query_find(&query, "Site") == NULL);
        CHECK(url_query_find(&query, "") == NULL);
}

static void a_query_that_outgrows_its_memory_is_refused(void)
{
        struct arena small;

        arena_init(&small, 32);
        CHECK_INT(url_query_parse(&query, STR("a=0123456789012345678901234567890123456789"), &small,
                                  &err),
                  ERR_INVALID_QUERY);
        CHECK_STR(err.message, "a: the query is too long");
        arena_deinit(&small);
}

int main(void)
{
        buf_init(&out, SIZE_MAX);
        RUN(every_byte_but_the_unreserved_ones_is_escaped);
        RUN(a_byte_is_escaped_wherever_it_stands);
        RUN(text_is_decoded);
        RUN(a_bad_escape_is_refused_and_what_stood_before_it_stays);
        RUN(what_is_encoded_is_decoded_to_itself);
        RUN(a_query_is_pairs_of_names_and_values);
        RUN(a_bad_query_is_refused_by_name);
        RUN(a_query_has_at_most_so_many_parameters);
        RUN(a_parameter_is_found_by_its_whole_name);
        RUN(a_query_that_outgrows_its_memory_is_refused);
        buf_deinit(&out);
        arena_deinit(&arena);
        return 0;
}
