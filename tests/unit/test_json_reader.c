/* SPDX-License-Identifier: Apache-2.0 */
/* One reader over many texts: what it keeps, what handlers may do, and strings of any characters.
 */
#include <stdint.h>
#include <string.h>

#include "check.h"
#include "crr/base/json_read.h"
#include "draw.h"
#include "json_trace.h"

static struct json_reader *reader;
static struct buf trace;
static struct error err;

static void two_texts_with_one_reader_are_two_texts(void)
{
        static const struct {
                const char *first, *second, *want; /* of the second; NULL: refused */
        } table[] = {
                { "12", "34 ", "0i34" },
                { "12", "34", "0i34" },
                { "1", "{\"a\":1}", "0{ 1\"a\"i1 0}" },
                { "tr", "ue", NULL },
                { "tru", "true", "0t" },
                { "\"abc", "\"def\"", "0sdef" },
                { "\"abc", "def\"", NULL },
                { "{\"a\":1", "}", NULL },
                { "{\"a\":1", "{\"a\":2}", "0{ 1\"a\"i2 0}" },
                { "{\"a\":1,\"a\":2}", "{\"a\":3}", "0{ 1\"a\"i3 0}" },
                { "[[[[[[", "[[]]", "0[ 1[ 1] 0]" },
                { "", "1", "0i1" },
                { " ", "1", "0i1" },
                { "1 2", "3", "0i3" },
                { "\"\\ud800\"", "\"x\"", "0sx" },
                { "\"\\ud800", "\"\\udc00\"", NULL },
                { "\"\xc3", "\"\xa9\"", NULL },
                { "\"\xc3", "\"\xc3\xa9\"", "0s\xc3\xa9" },
                { "\"\\", "\"u\"", "0su" },
                { "\xef\xbb\xbf{}", "{}", "0{ 0}" },
                { "1", "\xef\xbb\xbf{}", NULL },
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                json_trace_text(reader, str_from(table[i].first), &trace, &err);
                if ((json_trace_text(reader, str_from(table[i].second), &trace, &err) == 0) !=
                    (table[i].want != NULL))
                        check_fail(__FILE__, __LINE__, table[i].first, table[i].second);
                if (table[i].want != NULL)
                        CHECK(str_eq_c(buf_str(&trace), table[i].want));
        }
}

static void what_is_refused_is_found_wherever_it_stands(void)
{
        static const char bad[] = { '\v', '\f', '\xff', '\x80' };
        char text[64];

        for (size_t len = 2; len <= sizeof text; len++) {
                struct str s = { text, len };

                for (size_t at = 0; at < len; at++) {
                        memset(text, ' ', len);
                        text[at] = '1';
                        CHECK_INT(json_trace_text(reader, s, &trace, &err), 0);
                        for (size_t i = 0; i < sizeof bad; i++) {
                                text[at] = bad[i];
                                text[at == 0 ? 1 : 0] = '1';
                                CHECK(json_trace_text(reader, s, &trace, &err) != 0);
                        }
                }
        }
}

static void a_text_that_was_left_in_the_middle_is_forgotten(void)
{
        json_read_begin(reader, &json_trace, &trace);
        CHECK_INT(json_read_more(reader, STR("{\"a\":[1,"), &err), 0);
        CHECK_INT(json_reader_offset(reader), 8);
        CHECK_INT(json_trace_text(reader, STR("{\"a\":1}"), &trace, &err), 0);
        CHECK(str_eq_c(buf_str(&trace), "0{ 1\"a\"i1 0}"));
        CHECK_INT(json_reader_offset(reader), 7);
}

static void empty_pieces_change_nothing(void)
{
        buf_clear(&trace);
        json_read_begin(reader, &json_trace, &trace);
        CHECK_INT(json_read_more(reader, STR(""), &err), 0);
        CHECK_INT(json_read_more(reader, STR("[\"\xc3"), &err), 0);
        CHECK_INT(json_read_more(reader, STR(""), &err), 0);
        CHECK_INT(json_read_more(reader, STR_ABSENT, &err), 0);
        CHECK_INT(json_read_more(reader, STR("\xa9\"]"), &err), 0);
        CHECK_INT(json_read_end(reader, &err), 0);
        CHECK(str_eq_c(buf_str(&trace), "0[ 1s\xc3\xa9 0]"));
}

static void an_error_tells_the_place(void)
{
        static const struct {
                const char *text, *want;
        } table[] = {
                { "", "byte 0: no value" },
                { "  ", "byte 2: no value" },
                { "[1,2", "byte 4: the value is not complete" },
                { "{\"a\":1,\"a\":2}", "byte 10: a name stands twice in an object" },
                { "[[[[[[1]]]]]]", "byte 6: nested too deep" },
                { "{} {}", "byte 4: more than one value" },
                { "[\"\xc3\xa9\",\"\xc3\xa9\xc3\"]", "byte 9: not UTF-8" },
                { "[\"\\ud800\"]", "byte 8: a lone surrogate in an escape" },
                { "[1,\v2]", "byte 3: a vertical tab or a form feed" },
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                CHECK_INT(json_trace_text(reader, str_from(table[i].text), &trace, &err),
                          ERR_BAD_JSON);
                CHECK_STR(err.message, table[i].want);
        }
        json_read_begin(reader, &json_trace, &trace);
        CHECK_INT(json_read_more(reader, STR("[\"abc\","), &err), 0);
        CHECK_INT(json_read_more(reader, STR("\"d\xff\"]"), &err), ERR_BAD_JSON);
        CHECK_STR(err.message, "byte 9: not UTF-8");
}

/* HANDLERS */

struct refusal {
        unsigned values, ends; /* told so far */
        unsigned value_at, end_at;
};

static int refuse_value(void *data, unsigned depth, struct str name, const struct json_value *v,
                        struct error *e)
{
        struct refusal *r = data;

        (void)depth;
        (void)name;
        (void)v;
        if (++r->values != r->value_at)
                return 0;
        return error_set(e, ERR_TOO_LARGE, "value %u", r->values);
}

static int refuse_end(void *data, unsigned depth, enum json_type container, struct error *e)
{
        struct refusal *r = data;

        (void)depth;
        (void)container;
        if (++r->ends != r->end_at)
                return 0;
        return error_set(e, ERR_KAFKA, "end %u", r->ends);
}

static void what_a_handler_refuses_ends_the_reading_with_its_error(void)
{
        static const struct json_events events = { refuse_value, refuse_end };
        const struct str text = STR("{\"a\":[1,{\"b\":\"c\"}],\"d\":null}");
        char want[32];

        for (unsigned at = 1; at <= 6; at++) {
                struct refusal r = { .value_at = at };

                CHECK_INT(json_read(reader, text, &events, &r, &err), ERR_TOO_LARGE);
                snprintf(want, sizeof want, "value %u", at);
                CHECK_STR(err.message, want);
                CHECK_INT(r.values, at);
                CHECK_INT(json_reader_fault(reader), JSON_FAULT_HANDLER);
        }
        for (unsigned at = 1; at <= 3; at++) {
                struct refusal r = { .end_at = at };

                CHECK_INT(json_read(reader, text, &events, &r, &err), ERR_KAFKA);
                CHECK_INT(r.ends, at);
                CHECK_INT(json_reader_fault(reader), JSON_FAULT_HANDLER);
        }
        CHECK_INT(json_read(reader, text, &events, &(struct refusal){ 0 }, &err), 0);
}

static int no_end(void *data, unsigned depth, struct str name, const struct json_value *v,
                  struct error *e)
{
        (void)depth;
        (void)name;
        (void)v;
        (void)e;
        ++*(unsigned *)data;
        return 0;
}

static void the_end_of_containers_need_not_be_heard(void)
{
        static const struct json_events events = { .value = no_end };
        unsigned n = 0;

        CHECK_INT(json_read(reader, STR("[[1],{\"a\":[]}]"), &events, &n, &err), 0);
        CHECK_INT(n, 5);
}

/* NAMES */

static void names_may_stand_twice_where_the_handler_refuses_them_itself(void)
{
        struct json_reader *r = json_reader_new(5);

        json_reader_allow_duplicates(r);
        CHECK_INT(json_trace_text(r, STR("{\"a\":1,\"a\":{\"a\":2,\"a\":3}}"), &trace, &err), 0);
        CHECK(str_eq_c(buf_str(&trace), "0{ 1\"a\"i1 1\"a\"{ 2\"a\"i2 2\"a\"i3 1} 0}"));
        json_reader_free(r);
}

/* Enough of them for the table of names to grow, in one object and in one inside another. */
static void the_one_that_stands_twice_is_found_among_thousands(void)
{
        struct buf text;

        buf_init(&text, SIZE_MAX);
        for (int twice = -1; twice < 3000; twice += 500) {
                struct json_reader *cold = json_reader_new(5);

                buf_clear(&text);
                buf_append_c(&text, "{\"outer\":{");
                for (int i = 0; i < 3000; i++)
                        buf_printf(&text, "\"name-%d\":%d,", i, i);
                buf_printf(&text, "\"%s-%d\":0},\"name-7\":1}", twice < 0 ? "other" : "name",
                           twice < 0 ? 0 : twice);
                for (int i = 0; i < 2; i++) { /* while the table grows, and when it has grown */
                        CHECK_INT(json_trace_text(cold, buf_str(&text), &trace, &err) == 0,
                                  twice < 0);
                        CHECK_INT(json_reader_fault(cold),
                                  twice < 0 ? JSON_FAULT_NONE : JSON_FAULT_DUPLICATE);
                }
                json_reader_free(cold);
        }
        buf_deinit(&text);
}

/* STRINGS */

static void append_utf8(struct buf *out, unsigned code)
{
        if (code < 0x80) {
                buf_append_char(out, (char)code);
        } else if (code < 0x800) {
                buf_append_char(out, (char)(0xc0 | code >> 6));
                buf_append_char(out, (char)(0x80 | (code & 0x3f)));
        } else if (code < 0x10000) {
                buf_append_char(out, (char)(0xe0 | code >> 12));
                buf_append_char(out, (char)(0x80 | (code >> 6 & 0x3f)));
                buf_append_char(out, (char)(0x80 | (code & 0x3f)));
        } else {
                buf_append_char(out, (char)(0xf0 | code >> 18));
                buf_append_char(out, (char)(0x80 | (code >> 12 & 0x3f)));
                buf_append_char(out, (char)(0x80 | (code >> 6 & 0x3f)));
                buf_append_char(out, (char)(0x80 | (code & 0x3f)));
        }
}

static unsigned draw_code(struct draw *d)
{
        static const unsigned below[] = { 0x20, 0x80, 0x800, 0x10000, 0x110000 };
        unsigned code;

        do
                code = (unsigned)draw(d, below[draw(d, 5)]);
        while (code >= 0xd800 && code < 0xe000);
        return code;
}

static void append_unit(struct draw *d, struct buf *text, unsigned unit)
{
        buf_printf(text, draw(d, 2) == 0 ? "\\u%04x" : "\\u%04X", unit);
}

/* One of the spellings that JSON has for a character. */
static void append_spelling(struct draw *d, struct buf *text, unsigned code)
{
        static const char escaped[] = "\"\\/\b\f\n\r\t", letters[] = "\"\\/bfnrt";
        const char *at = code > 0 && code < 0x80 ? strchr(escaped, (int)code) : NULL;

        if (at != NULL && draw(d, 2) == 0)
                buf_printf(text, "\\%c", letters[at - escaped]);
        else if (code >= 0x20 && code != '"' && code != '\\' && draw(d, 2) == 0)
                append_utf8(text, code);
        else if (code < 0x10000)
                append_unit(d, text, code);
        else {
                append_unit(d, text, 0xd800 + ((code - 0x10000) >> 10));
                append_unit(d, text, 0xdc00 + ((code - 0x10000) & 0x3ff));
        }
}

static void read_in_pieces(struct draw *d, struct str text)
{
        buf_clear(&trace);
        json_read_begin(reader, &json_trace, &trace);
        while (text.len > 0) {
                size_t n = 1 + draw(d, text.len < 9 ? text.len : 9);

                CHECK_INT(json_read_more(reader, (struct str){ text.base, n }, &err), 0);
                text.base += n;
                text.len -= n;
        }
        CHECK_INT(json_read_end(reader, &err), 0);
}

static void every_spelling_of_a_string_is_the_same_string(void)
{
        struct buf text, want;
        char seed_text[32];

        buf_init(&text, SIZE_MAX);
        buf_init(&want, SIZE_MAX);
        for (uint64_t seed = 0; seed < 500; seed++) {
                struct draw d = draw_seed(seed);

                buf_clear(&text);
                buf_clear(&want);
                buf_append_c(&text, "[\"");
                buf_append_c(&want, "0[ 1s");
                for (size_t n = draw(&d, 40); n > 0; n--) {
                        unsigned code = draw_code(&d);

                        append_utf8(&want, code);
                        append_spelling(&d, &text, code);
                }
                buf_append_c(&text, "\"]");
                buf_append_c(&want, " 0]");
                read_in_pieces(&d, buf_str(&text));
                snprintf(seed_text, sizeof seed_text, "seed %d", (int)seed);
                if (!str_eq(buf_str(&trace), buf_str(&want)))
                        check_fail(__FILE__, __LINE__, "the same string", seed_text);
        }
        buf_deinit(&text);
        buf_deinit(&want);
}

static int note_value(void *data, unsigned depth, struct str name, const struct json_value *v,
                      struct error *e)
{
        (void)depth;
        (void)name;
        (void)v;
        (void)e;
        buf_printf(data, "%zu ", json_reader_offset(reader));
        return 0;
}

static int note_end(void *data, unsigned depth, enum json_type container, struct error *e)
{
        (void)depth;
        (void)container;
        (void)e;
        buf_printf(data, "%zu ", json_reader_offset(reader));
        return 0;
}

static void a_handler_can_ask_where_its_value_ends(void)
{
        static const struct json_events places = { .value = note_value, .end = note_end };
        struct str text = STR(" {\"a\" : [12 ,\"\\u0041\" ],\"b\":null } ");

        buf_clear(&trace);
        CHECK(json_read(reader, text, &places, &trace, &err) == 0);
        CHECK(str_eq_c(buf_str(&trace), "2 9 11 21 23 32 34 "));
        buf_clear(&trace);
        json_read_begin(reader, &places, &trace);
        CHECK(json_read_more(reader, (struct str){ text.base, 10 }, &err) == 0);
        CHECK(json_read_more(reader, (struct str){ text.base + 10, text.len - 10 }, &err) == 0);
        CHECK(json_read_end(reader, &err) == 0);
        CHECK(str_eq_c(buf_str(&trace), "2 9 11 21 23 32 34 "));
}

int main(void)
{
        reader = json_reader_new(5);
        buf_init(&trace, SIZE_MAX);
        RUN(two_texts_with_one_reader_are_two_texts);
        RUN(what_is_refused_is_found_wherever_it_stands);
        RUN(a_text_that_was_left_in_the_middle_is_forgotten);
        RUN(empty_pieces_change_nothing);
        RUN(an_error_tells_the_place);
        RUN(a_handler_can_ask_where_its_value_ends);
        RUN(what_a_handler_refuses_ends_the_reading_with_its_error);
        RUN(the_end_of_containers_need_not_be_heard);
        RUN(names_may_stand_twice_where_the_handler_refuses_them_itself);
        RUN(the_one_that_stands_twice_is_found_among_thousands);
        RUN(every_spelling_of_a_string_is_the_same_string);
        json_reader_free(reader);
        buf_deinit(&trace);
        return 0;
}
