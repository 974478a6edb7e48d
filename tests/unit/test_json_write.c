/* SPDX-License-Identifier: Apache-2.0 */
#include <float.h>
#include <inttypes.h>
#include <math.h>

#include "check.h"
#include "crr/base/json_read.h"
#include "crr/base/json_write.h"
#include "crr/base/time.h"
#include "draw.h"
#include "json_trace.h"

static struct buf out, trace, want;
static struct json_writer w;
static struct json_reader *reader;
static struct error err;

static void begin(void)
{
        buf_clear(&out);
        json_writer_init(&w, &out);
}

static void check_out(const char *text)
{
        if (!str_eq_c(buf_str(&out), text)) {
                buf_append_char(&out, '\0');
                check_fail(__FILE__, __LINE__, text, out.base);
        }
}

static void commas_and_colons_stand_where_they_belong(void)
{
        begin();
        json_object_open(&w);
        json_key(&w, "a");
        json_array_open(&w);
        json_array_close(&w);
        json_key(&w, "b");
        json_array_open(&w);
        json_int(&w, 1);
        json_bool(&w, true);
        json_null(&w);
        json_object_open(&w);
        json_object_close(&w);
        json_object_open(&w);
        json_key_str(&w, STR("c\"d"));
        json_raw(&w, STR("[1, 2]"));
        json_key(&w, "e");
        json_c(&w, "f");
        json_object_close(&w);
        json_str(&w, STR("g"));
        json_array_close(&w);
        json_key(&w, "h");
        json_double(&w, 0.5);
        json_key(&w, "i");
        json_u64(&w, 2);
        json_key(&w, "j");
        json_time(&w, 0);
        json_object_close(&w);
        check_out(
                "{\"a\":[],\"b\":[1,true,null,{},{\"c\\\"d\":[1, 2],\"e\":\"f\"},\"g\"],\"h\":0.5,"
                "\"i\":2,\"j\":\"1970-01-01T00:00:00.000Z\"}");
}

/* A value of every kind in an array, before and after every other kind. */
static void write_kind(unsigned kind)
{
        switch (kind) {
        case 0:
                json_object_open(&w);
                json_object_close(&w);
                break;
        case 1:
                json_array_open(&w);
                json_array_close(&w);
                break;
        case 2:
                json_str(&w, STR("s"));
                break;
        case 3:
                json_c(&w, "c");
                break;
        case 4:
                json_int(&w, -1);
                break;
        case 5:
                json_u64(&w, 1);
                break;
        case 6:
                json_double(&w, 1.5);
                break;
        case 7:
                json_bool(&w, false);
                break;
        case 8:
                json_null(&w);
                break;
        case 9:
                json_time(&w, 1);
                break;
        default:
                json_raw(&w, STR("0"));
                break;
        }
}

static void any_value_may_follow_any_other(void)
{
        for (unsigned a = 0; a <= 10; a++) {
                for (unsigned b = 0; b <= 10; b++) {
                        begin();
                        json_array_open(&w);
                        write_kind(a);
                        write_kind(b);
                        json_array_close(&w);
                        if (json_trace_text(reader, buf_str(&out), &trace, &err) != 0)
                                check_fail(__FILE__, __LINE__, "JSON", err.message);
                }
        }
}

static void every_ascii_character_is_written_as_it_is_or_escaped(void)
{
        for (unsigned c = 0; c < 0x80; c++) {
                char text = (char)c, escaped[16];

                if (c == '"' || c == '\\')
                        snprintf(escaped, sizeof escaped, "\"\\%c\"", c);
                else if (c == '\n' || c == '\r' || c == '\t')
                        snprintf(escaped, sizeof escaped, "\"\\%c\"",
                                 c == '\n'   ? 'n'
                                 : c == '\r' ? 'r'
                                             : 't');
                else
                        snprintf(escaped, sizeof escaped, c < 0x20 ? "\"\\u%04x\"" : "\"%c\"", c);
                begin();
                json_str(&w, (struct str){ &text, 1 });
                check_out(escaped);
        }
        begin();
        json_str(&w, STR("\xc3\xa9/\xf0\x9f\x98\x80"));
        check_out("\"\xc3\xa9/\xf0\x9f\x98\x80\"");
        begin();
        json_str(&w, STR(""));
        check_out("\"\"");
}

/* A string of at most `max` bytes; control characters, quotes and long runs of none are frequent.
 */
static size_t draw_string(struct draw *d, char *bytes, size_t max)
{
        static const char *const characters[] = { "\"",
                                                  "\\",
                                                  "/",
                                                  "\n",
                                                  "\x7f",
                                                  "\xc2\x80",
                                                  "\xdf\xbf",
                                                  "\xe0\xa0\x80",
                                                  "\xed\x9f\xbf",
                                                  "\xef\xbf\xbf",
                                                  "\xf0\x90\x80\x80",
                                                  "\xf4\x8f\xbf\xbf" };
        unsigned odds = 1 + (unsigned)draw(d, 40);
        size_t n = 0, len = draw(d, max - 3);

        while (n < len) {
                const char *c = characters[draw(d, sizeof characters / sizeof *characters)];

                if (draw(d, odds) > 0) {
                        bytes[n++] = (char)('a' + draw(d, 26));
                } else if (draw(d, 2) == 0) {
                        bytes[n++] = (char)draw(d, 0x20);
                } else {
                        while (*c != '\0')
                                bytes[n++] = *c++;
                }
        }
        return n;
}

/* As a value and as a name, behind every distance that a word-wise writer could trip over. */
static void a_string_that_is_read_back_is_the_same(void)
{
        static char bytes[600];
        char seed_text[32];

        for (uint64_t seed = 0; seed < 1500; seed++) {
                struct draw d = draw_seed(seed);
                struct str s = { bytes, draw_string(&d, bytes, sizeof bytes) };

                begin();
                json_object_open(&w);
                json_key_str(&w, s);
                json_str(&w, s);
                json_object_close(&w);
                buf_clear(&want);
                buf_append_c(&want, "0{ 1\"");
                buf_append_str(&want, s);
                buf_append_c(&want, "\"s");
                buf_append_str(&want, s);
                buf_append_c(&want, " 0}");
                snprintf(seed_text, sizeof seed_text, "seed %d", (int)seed);
                if (json_trace_text(reader, buf_str(&out), &trace, &err) != 0 ||
                    !str_eq(buf_str(&trace), buf_str(&want)))
                        check_fail(__FILE__, __LINE__, "the same string", seed_text);
        }
}

static void every_place_of_one_escape_in_a_string_is_found(void)
{
        static const char escapes[] = { '"', '\\', '\0', '\x1f', '\n' };
        char bytes[70];

        for (size_t len = 1; len <= sizeof bytes; len++) {
                for (size_t at = 0; at < len; at++) {
                        struct str s = { bytes, len };

                        memset(bytes, 'x', sizeof bytes);
                        bytes[at] = escapes[(len + at) % sizeof escapes];
                        begin();
                        json_str(&w, s);
                        CHECK_INT(json_trace_text(reader, buf_str(&out), &trace, &err), 0);
                        CHECK_INT(trace.len, 2 + len);
                        CHECK(memcmp(trace.base + 2, bytes, len) == 0);
                }
        }
}

static void integers_are_written_to_their_limits(void)
{
        static const struct {
                int64_t value;
                const char *want;
        } table[] = {
                { 0, "0" },
                { -1, "-1" },
                { 9, "9" },
                { 10, "10" },
                { -10, "-10" },
                { 1000000, "1000000" },
                { INT64_MAX, "9223372036854775807" },
                { INT64_MIN, "-9223372036854775808" },
        };
        char text[32];

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                begin();
                json_int(&w, table[i].value);
                check_out(table[i].want);
        }
        begin();
        json_u64(&w, UINT64_MAX);
        check_out("18446744073709551615");
        for (uint64_t seed = 0; seed < 500; seed++) {
                struct draw d = draw_seed(seed);
                uint64_t value = draw_bits(&d) >> draw(&d, 64);

                begin();
                json_u64(&w, value);
                snprintf(text, sizeof text, "%" PRIu64, value);
                check_out(text);
                begin();
                json_int(&w, -(int64_t)(value >> 1));
                snprintf(text, sizeof text, "%" PRId64, -(int64_t)(value >> 1));
                check_out(text);
        }
}

static void a_double_is_written_in_the_shortest_form_that_reads_back(void)
{
        static const struct {
                double value;
                const char *want;
        } table[] = {
                { 0, "0" },
                { -0.0, "-0" },
                { 1, "1" },
                { -1.5, "-1.5" },
                { 0.1, "0.1" },
                { 100, "1e+02" },
                { 1.0 / 3, "0.3333333333333333" },
                { 1e300, "1e+300" },
                { 5e-324, "5e-324" },
                { DBL_MAX, "1.7976931348623157e+308" },
                { 123456.789, "123456.789" },
                { NAN, "null" },
                { INFINITY, "null" },
                { -INFINITY, "null" },
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                begin();
                json_double(&w, table[i].value);
                check_out(table[i].want);
        }
        for (uint64_t seed = 0; seed < 1000; seed++) {
                struct draw d = draw_seed(seed);
                uint64_t bits = draw_bits(&d);
                double value;

                memcpy(&value, &bits, sizeof value);
                if (!isfinite(value))
                        continue;
                begin();
                json_double(&w, value);
                CHECK_INT(json_trace_text(reader, buf_str(&out), &trace, &err), 0);
                buf_append_char(&out, '\0');
                CHECK(strtod(out.base, NULL) == value);
        }
}

static void times_are_text(void)
{
        begin();
        json_array_open(&w);
        json_time(&w, INT64_C(1522448554384));
        json_time(&w, TIME_LAST);
        json_array_close(&w);
        check_out("[\"2018-03-30T22:22:34.384Z\",\"9999-12-31T23:59:59.999Z\"]");
}

/* What does not fit is left out, and the buffer says so. */
static void the_limit_of_the_buffer_is_kept(void)
{
        struct buf whole, small;

        buf_init(&whole, SIZE_MAX);
        json_writer_init(&w, &whole);
        for (size_t limit = 0;; limit++) {
                buf_init(&small, limit);
                json_writer_init(&w, &small);
                json_object_open(&w);
                json_key(&w, "k");
                json_str(&w, STR("a\"b\x01"));
                json_key(&w, "n");
                json_u64(&w, 1234567);
                json_key(&w, "t");
                json_time(&w, 0);
                json_object_close(&w);
                CHECK(small.len <= limit);
                if (!small.overflow)
                        break;
                buf_deinit(&small);
        }
        CHECK(str_eq_c(
                buf_str(&small),
                "{\"k\":\"a\\\"b\\u0001\",\"n\":1234567,\"t\":\"1970-01-01T00:00:00.000Z\"}"));
        buf_deinit(&small);
        buf_deinit(&whole);
}

/* A value of random shape, written, and what reading it must tell. */
static void write_random(struct draw *d, unsigned depth)
{
        unsigned kind = (unsigned)draw(d, depth < 6 ? 8 : 6);
        size_t n = draw(d, 5);
        char key[24];

        if (kind < 6) {
                write_kind(2 + kind);
                return;
        }
        (kind == 6 ? json_object_open : json_array_open)(&w);
        for (size_t i = 0; i < n; i++) {
                snprintf(key, sizeof key, "k%zu", i);
                if (kind == 6)
                        json_key(&w, key);
                write_random(d, depth + 1);
        }
        (kind == 6 ? json_object_close : json_array_close)(&w);
}

static void whatever_is_nested_is_json(void)
{
        for (uint64_t seed = 0; seed < 500; seed++) {
                struct draw d = draw_seed(seed);

                begin();
                write_random(&d, 0);
                if (json_trace_text(reader, buf_str(&out), &trace, &err) != 0)
                        check_fail(__FILE__, __LINE__, "JSON", err.message);
                CHECK(memchr(out.base, ' ', out.len) == NULL);
        }
}

int main(void)
{
        reader = json_reader_new(16);
        buf_init(&out, SIZE_MAX);
        buf_init(&trace, SIZE_MAX);
        buf_init(&want, SIZE_MAX);
        RUN(commas_and_colons_stand_where_they_belong);
        RUN(any_value_may_follow_any_other);
        RUN(every_ascii_character_is_written_as_it_is_or_escaped);
        RUN(a_string_that_is_read_back_is_the_same);
        RUN(every_place_of_one_escape_in_a_string_is_found);
        RUN(integers_are_written_to_their_limits);
        RUN(a_double_is_written_in_the_shortest_form_that_reads_back);
        RUN(times_are_text);
        RUN(the_limit_of_the_buffer_is_kept);
        RUN(whatever_is_nested_is_json);
        json_reader_free(reader);
        buf_deinit(&out);
        buf_deinit(&trace);
        buf_deinit(&want);
        return 0;
}
