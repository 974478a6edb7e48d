/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>

#include "check.h"
#include "crr/base/json_read.h"
#include "json_trace.h"

#define MAX_DEPTH 5

/* One reader for all: none of the texts may see what another left behind. */
static struct json_reader *reader;
static struct buf trace, whole;
static struct error err;

static int read_whole(const char *text)
{
        return json_trace_text(reader, str_from(text), &whole, &err);
}

/* In pieces of `size` bytes, the first of which has `first`. */
static int read_pieces(struct str text, size_t first, size_t size)
{
        buf_clear(&trace);
        json_read_begin(reader, &json_trace, &trace);
        for (size_t at = 0, n = first; at < text.len; at += n, n = size) {
                if (n > text.len - at)
                        n = text.len - at;
                if (json_read_more(reader, (struct str){ text.base + at, n }, &err) != 0)
                        return (int)err.code;
        }
        return json_read_end(reader, &err);
}

/* Nothing may depend on where a text is cut: in two at every byte, and in pieces of one to three.
 */
static void check_pieces(const char *text, bool good, enum json_fault fault)
{
        struct str s = str_from(text);

        for (size_t cut = 0; cut <= s.len; cut++) {
                size_t size = cut < 3 ? cut + 1 : s.len;

                if ((read_pieces(s, cut, size) == 0) != good ||
                    json_reader_fault(reader) != fault ||
                    (good && !str_eq(buf_str(&trace), buf_str(&whole))))
                        check_fail(__FILE__, __LINE__, "the same in pieces", text);
        }
}

static void values_are_told_in_order(void)
{
        static const struct {
                const char *text, *want;
        } table[] = {
                { "null", "0n" },
                { "true", "0t" },
                { " false ", "0f" },
                { "\"\"", "0s" },
                { "\"text\"", "0stext" },
                { "{}", "0{ 0}" },
                { "[]", "0[ 0]" },
                { "[[],[]]", "0[ 1[ 1] 1[ 1] 0]" },
                { "{\"a\":1}", "0{ 1\"a\"i1 0}" },
                { "{\"\":1}", "0{ 1\"\"i1 0}" },
                { "\t\r\n{ \"a\" : [ 1 , 2 ] }\n", "0{ 1\"a\"[ 2i1 2i2 1] 0}" },
                { "{\"a\":{\"a\":{\"a\":null}}}", "0{ 1\"a\"{ 2\"a\"{ 3\"a\"n 2} 1} 0}" },
                { "[{\"a\":1},{\"a\":2}]", "0[ 1{ 2\"a\"i1 1} 1{ 2\"a\"i2 1} 0]" },
                { "{\"a\":[{\"b\":1}],\"b\":2}", "0{ 1\"a\"[ 2{ 3\"b\"i1 2} 1] 1\"b\"i2 0}" },
                { "{\"A\":1,\"a\":2}", "0{ 1\"A\"i1 1\"a\"i2 0}" },
                { "[[[[[]]]]]", "0[ 1[ 2[ 3[ 4[ 4] 3] 2] 1] 0]" },
                { "{\"\\u0041\":1}", "0{ 1\"A\"i1 0}" },
                { "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "0s\"\\/\b\f\n\r\t" },
                { "\"\\u00e9\\u20AC\\ud83d\\ude00\"", "0s\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80" },
                { "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f\"",
                  "0s\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f" },
                { "\"\\\\ud800\"", "0s\\ud800" },
                { "\"\\\\\\\\ud800\"", "0s\\\\ud800" },
                { "\"\\uD800\\uDC00\\udbff\\udfff\"", "0s\xf0\x90\x80\x80\xf4\x8f\xbf\xbf" },
                { "\"\\ud7ff\\ue000\"", "0s\xed\x9f\xbf\xee\x80\x80" },
                { "\"\xef\xbb\xbf\"", "0s\xef\xbb\xbf" }, /* U+FEFF inside is a character */
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                if (read_whole(table[i].text) != 0)
                        check_fail(__FILE__, __LINE__, table[i].text, err.message);
                if (!str_eq_c(buf_str(&whole), table[i].want))
                        check_fail(__FILE__, __LINE__, "told as wanted", table[i].text);
                CHECK_INT(json_reader_fault(reader), JSON_FAULT_NONE);
                CHECK_INT(json_reader_offset(reader), strlen(table[i].text));
                check_pieces(table[i].text, true, JSON_FAULT_NONE);
        }
}

static void numbers_that_fit_are_integers_and_others_keep_their_text(void)
{
        static const struct {
                const char *text, *want;
        } table[] = {
                { "0", "0i0" },
                { "-0", "0i0" },
                { "-1", "0i-1" },
                { "9223372036854775806", "0i9223372036854775806" },
                { "9223372036854775807", "0i9223372036854775807" },
                { "9223372036854775808", "0#9223372036854775808" },
                { "9223372036854775810", "0#9223372036854775810" },
                { "-9223372036854775807", "0i-9223372036854775807" },
                { "-9223372036854775808", "0i-9223372036854775808" },
                { "-9223372036854775809", "0#-9223372036854775809" },
                { "18446744073709551616", "0#18446744073709551616" },
                { "99999999999999999999999999", "0#99999999999999999999999999" },
                { "1.0", "0#1.0" },
                { "-0.5", "0#-0.5" },
                { "1e2", "0#1e2" },
                { "1E+2", "0#1E+2" },
                { "12.5e-3", "0#12.5e-3" },
                { "1e999", "0#1e999" },
        };
        char text[64];

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                CHECK_INT(read_whole(table[i].text), 0);
                CHECK(str_eq_c(buf_str(&whole), table[i].want));
                check_pieces(table[i].text, true, JSON_FAULT_NONE);
                snprintf(text, sizeof text, "[%s,7]", table[i].text);
                CHECK_INT(read_whole(text), 0);
                check_pieces(text, true, JSON_FAULT_NONE);
        }
}

struct bad_row {
        const char *text;
        enum json_fault fault;
};

static void check_refused(const struct bad_row *rows, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                if (read_whole(rows[i].text) != ERR_BAD_JSON || err.code != ERR_BAD_JSON)
                        check_fail(__FILE__, __LINE__, "refused", rows[i].text);
                if (json_reader_fault(reader) != rows[i].fault)
                        check_fail(__FILE__, __LINE__, "for its fault", rows[i].text);
                CHECK(strncmp(err.message, "byte ", 5) == 0);
                check_pieces(rows[i].text, false, rows[i].fault);
                CHECK_INT(read_whole("{\"a\":[1,\"b\"]}"), 0);
        }
}
#define CHECK_REFUSED(rows) check_refused((rows), sizeof(rows) / sizeof *(rows))

static const struct bad_row not_json[] = {
        { "", JSON_FAULT_SYNTAX },
        { " ", JSON_FAULT_SYNTAX },
        { "\n\n", JSON_FAULT_SYNTAX },
        { "nul", JSON_FAULT_SYNTAX },
        { "nulll", JSON_FAULT_SYNTAX },
        { "True", JSON_FAULT_SYNTAX },
        { "NaN", JSON_FAULT_SYNTAX },
        { "Infinity", JSON_FAULT_SYNTAX },
        { "abc", JSON_FAULT_SYNTAX },
        { "'a'", JSON_FAULT_SYNTAX },
        { "{", JSON_FAULT_SYNTAX },
        { "}", JSON_FAULT_SYNTAX },
        { "[", JSON_FAULT_SYNTAX },
        { "]", JSON_FAULT_SYNTAX },
        { "[1", JSON_FAULT_SYNTAX },
        { "[1,", JSON_FAULT_SYNTAX },
        { "[1,]", JSON_FAULT_SYNTAX },
        { "[,1]", JSON_FAULT_SYNTAX },
        { "[1 2]", JSON_FAULT_SYNTAX },
        { "[1}", JSON_FAULT_SYNTAX },
        { "{\"a\"", JSON_FAULT_SYNTAX },
        { "{\"a\":", JSON_FAULT_SYNTAX },
        { "{\"a\":1", JSON_FAULT_SYNTAX },
        { "{\"a\":1,", JSON_FAULT_SYNTAX },
        { "{\"a\":1,}", JSON_FAULT_SYNTAX },
        { "{\"a\":1]", JSON_FAULT_SYNTAX },
        { "{\"a\" 1}", JSON_FAULT_SYNTAX },
        { "{a:1}", JSON_FAULT_SYNTAX },
        { "{1:1}", JSON_FAULT_SYNTAX },
        { "{,}", JSON_FAULT_SYNTAX },
        { "{null:1}", JSON_FAULT_SYNTAX },
        { "\"", JSON_FAULT_SYNTAX },
        { "\"abc", JSON_FAULT_SYNTAX },
        { "\"abc\\\"", JSON_FAULT_SYNTAX },
        { "\"a\nb\"", JSON_FAULT_SYNTAX },
        { "\"a\tb\"", JSON_FAULT_SYNTAX },
        { "\"\x01\"", JSON_FAULT_SYNTAX },
        { "\"\x1f\"", JSON_FAULT_SYNTAX },
        { "\"\\x41\"", JSON_FAULT_SYNTAX },
        { "\"\\u12g4\"", JSON_FAULT_SYNTAX },
        { "\"\\u12\"", JSON_FAULT_SYNTAX },
        { "\"\\u 123\"", JSON_FAULT_SYNTAX },
        { "\"\\U0041\"", JSON_FAULT_SYNTAX },
        { "01", JSON_FAULT_SYNTAX },
        { "-", JSON_FAULT_SYNTAX },
        { "+1", JSON_FAULT_SYNTAX },
        { "1.", JSON_FAULT_SYNTAX },
        { ".5", JSON_FAULT_SYNTAX },
        { "1e", JSON_FAULT_SYNTAX },
        { "1e+", JSON_FAULT_SYNTAX },
        { "0x10", JSON_FAULT_SYNTAX },
        { "12x", JSON_FAULT_SYNTAX },
        { "--1", JSON_FAULT_SYNTAX },
        { "/* a */ 1", JSON_FAULT_SYNTAX },
        { "// a\n1", JSON_FAULT_SYNTAX },
        { "[1] // a", JSON_FAULT_SYNTAX },
        { "\xc2\xa0 1", JSON_FAULT_SYNTAX },
        { "\f1", JSON_FAULT_SYNTAX },
};

static void what_is_not_json_is_refused(void)
{
        CHECK_REFUSED(not_json);
}

static void more_than_one_value_is_refused(void)
{
        static const struct bad_row rows[] = {
                { "1 2", JSON_FAULT_SYNTAX },        { "{}{}", JSON_FAULT_SYNTAX },
                { "[] []", JSON_FAULT_SYNTAX },      { "\"a\"\"b\"", JSON_FAULT_SYNTAX },
                { "null null", JSON_FAULT_SYNTAX },  { "1,2", JSON_FAULT_SYNTAX },
                { "{} x", JSON_FAULT_SYNTAX },       { "{}]", JSON_FAULT_SYNTAX },
                { "{},", JSON_FAULT_SYNTAX },        { "1\n\n2", JSON_FAULT_SYNTAX },
                { "true false", JSON_FAULT_SYNTAX }, { "{}\"", JSON_FAULT_SYNTAX },
        };

        CHECK_REFUSED(rows);
}

static void a_byte_order_mark_is_refused(void)
{
        static const struct bad_row rows[] = {
                { "\xef\xbb\xbf{}", JSON_FAULT_SYNTAX },
                { "\xef\xbb\xbf", JSON_FAULT_SYNTAX },
                { " \xef\xbb\xbf{}", JSON_FAULT_SYNTAX },
                { "{}\xef\xbb\xbf", JSON_FAULT_SYNTAX },
        };

        CHECK_REFUSED(rows);
        CHECK_INT(read_whole(rows[0].text), ERR_BAD_JSON);
        CHECK_STR(err.message, "byte 0: a byte order mark");
}

static void what_is_not_utf8_is_refused_wherever_it_stands(void)
{
        static const struct bad_row rows[] = {
                { "\"\x80\"", JSON_FAULT_UTF8 },
                { "\"\xbf\"", JSON_FAULT_UTF8 },
                { "\"\xc0\x80\"", JSON_FAULT_UTF8 },
                { "\"\xc1\xbf\"", JSON_FAULT_UTF8 },
                { "\"\xc3\"", JSON_FAULT_UTF8 },
                { "\"\xc3\xc3\"", JSON_FAULT_UTF8 },
                { "\"\xe0\x80\x80\"", JSON_FAULT_UTF8 },
                { "\"\xe0\x9f\xbf\"", JSON_FAULT_UTF8 },
                { "\"\xe2\x82\"", JSON_FAULT_UTF8 },
                { "\"\xed\xa0\x80\"", JSON_FAULT_UTF8 },
                { "\"\xed\xbf\xbf\"", JSON_FAULT_UTF8 },
                { "\"\xed\xa0\xbd\xed\xb8\x80\"", JSON_FAULT_UTF8 }, /* CESU-8 */
                { "\"\xf0\x80\x80\x80\"", JSON_FAULT_UTF8 },
                { "\"\xf0\x8f\xbf\xbf\"", JSON_FAULT_UTF8 },
                { "\"\xf0\x9f\x98\"", JSON_FAULT_UTF8 },
                { "\"\xf4\x90\x80\x80\"", JSON_FAULT_UTF8 },
                { "\"\xf5\x80\x80\x80\"", JSON_FAULT_UTF8 },
                { "\"\xf8\x88\x80\x80\x80\"", JSON_FAULT_UTF8 },
                { "\"\xfe\"", JSON_FAULT_UTF8 },
                { "\"\xff\"", JSON_FAULT_UTF8 },
                { "{\"\xff\":1}", JSON_FAULT_UTF8 },
                { "{\"a\":[\"\xc0\x80\"]}", JSON_FAULT_UTF8 },
        };

        CHECK_REFUSED(rows);
}

static void a_lone_surrogate_is_refused(void)
{
        static const struct bad_row rows[] = {
                { "\"\\ud800\"", JSON_FAULT_UTF8 },
                { "\"\\uD800\"", JSON_FAULT_UTF8 },
                { "\"\\udbff\"", JSON_FAULT_UTF8 },
                { "\"\\udc00\"", JSON_FAULT_UTF8 },
                { "\"\\udfff\"", JSON_FAULT_UTF8 },
                { "\"\\ud800x\"", JSON_FAULT_UTF8 },
                { "\"\\ud800\\n\"", JSON_FAULT_UTF8 },
                { "\"\\ud800\\\\\"", JSON_FAULT_UTF8 },
                { "\"\\ud800\\u0041\"", JSON_FAULT_UTF8 },
                { "\"\\ud800\\ud800\"", JSON_FAULT_UTF8 },
                { "\"\\ud800\\ud800\\udc00\"", JSON_FAULT_UTF8 },
                { "\"\\ud800\\udc00\\udc00\"", JSON_FAULT_UTF8 },
                { "\"\\udc00\\ud800\"", JSON_FAULT_UTF8 },
                { "\"\\ud800 \\udc00\"", JSON_FAULT_UTF8 },
                { "[\"\\ud800\",\"\\udc00\"]", JSON_FAULT_UTF8 },
                { "{\"\\ud800\":1}", JSON_FAULT_UTF8 },
                { "{\"a\":{\"b\":\"\\udead\"}}", JSON_FAULT_UTF8 },
        };

        CHECK_REFUSED(rows);
}

static void a_name_that_stands_twice_in_an_object_is_refused_at_any_depth(void)
{
        static const struct bad_row rows[] = {
                { "{\"a\":1,\"a\":1}", JSON_FAULT_DUPLICATE },
                { "{\"\":1,\"\":2}", JSON_FAULT_DUPLICATE },
                { "{\"a\":1,\"b\":2,\"a\":3}", JSON_FAULT_DUPLICATE },
                { "{\"a\":{\"a\":1},\"a\":1}", JSON_FAULT_DUPLICATE },
                { "{\"a\":[{\"a\":1}],\"a\":1}", JSON_FAULT_DUPLICATE },
                { "{\"a\":{\"b\":1,\"b\":2}}", JSON_FAULT_DUPLICATE },
                { "[[[{\"b\":1,\"b\":2}]]]", JSON_FAULT_DUPLICATE },
                { "{\"x\":{\"y\":{\"z\":{\"b\":1,\"b\":2}}}}", JSON_FAULT_DUPLICATE },
                { "{\"a\":1,\"\\u0061\":2}", JSON_FAULT_DUPLICATE },
                { "{\"\\u0061\":1,\"a\":2}", JSON_FAULT_DUPLICATE },
                { "{\"\xc3\xa9\":1,\"\\u00e9\":2}", JSON_FAULT_DUPLICATE },
                { "{\"\xf0\x9f\x98\x80\":1,\"\\ud83d\\uDE00\":2}", JSON_FAULT_DUPLICATE },
                { "{\"a\\/b\":1,\"a/b\":2}", JSON_FAULT_DUPLICATE },
                { "{\"\\u0000\":1,\"\\u0000\":2}", JSON_FAULT_DUPLICATE },
        };

        CHECK_REFUSED(rows);
        CHECK_INT(read_whole("{\"a\\u0000b\":1,\"a\\u0000c\":2,\"a\":3}"), 0);
        CHECK_INT(read_whole("{\"x\":{\"a\":1},\"y\":{\"a\":1},\"a\":[{\"a\":1},{\"a\":1}]}"), 0);
}

static void depth_over_the_limit_is_refused(void)
{
        static const struct bad_row rows[] = {
                { "[[[[[[]]]]]]", JSON_FAULT_DEPTH },
                { "[[[[[[", JSON_FAULT_DEPTH },
                { "[[[[[{}]]]]]", JSON_FAULT_DEPTH },
                { "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}}", JSON_FAULT_DEPTH },
                { "{\"a\":[{\"a\":[{\"a\":[]}]}]}", JSON_FAULT_DEPTH },
                { "[[],[[[[[1]]]]]]", JSON_FAULT_DEPTH },
        };

        CHECK_REFUSED(rows);
        CHECK_INT(read_whole("[[[[[1,[],2]]]]]"), ERR_BAD_JSON);
        CHECK_INT(read_whole("[[[[[1,2]]]],[[[[3]]]]]"), 0);
}

int main(void)
{
        reader = json_reader_new(MAX_DEPTH);
        buf_init(&trace, SIZE_MAX);
        buf_init(&whole, SIZE_MAX);
        RUN(values_are_told_in_order);
        RUN(numbers_that_fit_are_integers_and_others_keep_their_text);
        RUN(what_is_not_json_is_refused);
        RUN(more_than_one_value_is_refused);
        RUN(a_byte_order_mark_is_refused);
        RUN(what_is_not_utf8_is_refused_wherever_it_stands);
        RUN(a_lone_surrogate_is_refused);
        RUN(a_name_that_stands_twice_in_an_object_is_refused_at_any_depth);
        RUN(depth_over_the_limit_is_refused);
        json_reader_free(reader);
        json_reader_free(NULL);
        buf_deinit(&trace);
        buf_deinit(&whole);
        return 0;
}
