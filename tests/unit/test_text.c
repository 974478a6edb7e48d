/* SPDX-License-Identifier: Apache-2.0 */
/* str, url, time: what looks at text in words is compared with what looks at bytes. */
#include <time.h>

#include "check.h"
#include "crr/base/str.h"
#include "crr/base/time.h"
#include "crr/base/url.h"
#include "draw_text.h"

#define ROUNDS    20000
#define TEXT_MOST 100

static struct draw d;

/* By the definition of RFC 3629: decode, and look whether the code point could be shorter. */
static bool is_utf8_bytewise(const unsigned char *p, size_t n)
{
        static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };

        for (size_t i = 0; i < n;) {
                size_t len = p[i] < 0x80   ? 1
                             : p[i] < 0xc0 ? 0
                             : p[i] < 0xe0 ? 2
                             : p[i] < 0xf0 ? 3
                                           : 4;
                uint32_t code = len == 1 ? p[i] : p[i] & (0x7f >> len);

                if (len == 0 || p[i] > 0xf7 || i + len > n)
                        return false;
                for (size_t k = 1; k < len; k++) {
                        if ((p[i + k] & 0xc0) != 0x80)
                                return false;
                        code = code << 6 | (p[i + k] & 0x3f);
                }
                if (code < least[len] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
                        return false;
                i += len;
        }
        return true;
}

static void utf8_is_what_the_definition_says(void)
{
        char text[TEXT_MOST];

        for (int round = 0; round < ROUNDS; round++) {
                size_t n = draw_text(&d, text, TEXT_MOST);

                if (n > 0 && draw(&d, 2) == 0)
                        text[draw(&d, n)] = (char)draw(&d, 256);
                CHECK_INT(str_is_utf8((struct str){ text, n }),
                          is_utf8_bytewise((const unsigned char *)text, n));
        }
}

static void what_is_percent_encoded_is_decoded_again_and_known_as_encoded(void)
{
        struct buf encoded, again;
        char text[TEXT_MOST];

        buf_init(&encoded, SIZE_MAX);
        buf_init(&again, SIZE_MAX);
        for (int round = 0; round < ROUNDS; round++) {
                struct str s = { text, draw_text(&d, text, TEXT_MOST) };
                bool decodes;

                buf_clear(&encoded);
                buf_clear(&again);
                url_encode(&encoded, s);
                CHECK(url_is_encoded(buf_str(&encoded)));
                CHECK(url_decode(&again, buf_str(&encoded), false));
                CHECK(str_eq(buf_str(&again), s));
                buf_clear(&again);
                decodes = url_decode(&again, s, false);
                buf_clear(&encoded);
                url_encode(&encoded, buf_str(&again));
                CHECK_INT(url_is_encoded(s), decodes && str_eq(buf_str(&encoded), s));
        }
        buf_deinit(&encoded);
        buf_deinit(&again);
}

static void an_encoding_that_fits_its_limit_is_whole(void)
{
        for (size_t limit = 0; limit < 12; limit++) {
                struct buf out;

                buf_init(&out, limit);
                url_encode(&out, STR("a/b c")); /* a%2Fb%20c */
                CHECK_INT(out.overflow, limit < 9);
                CHECK(out.overflow || str_eq_c(buf_str(&out), "a%2Fb%20c"));
                buf_deinit(&out);
        }
}

static void a_plus_is_a_blank_in_queries_alone(void)
{
        struct buf out;

        buf_init(&out, SIZE_MAX);
        CHECK(url_decode(&out, STR("a+b%2Bc+"), true));
        CHECK(str_eq_c(buf_str(&out), "a b+c "));
        buf_clear(&out);
        CHECK(url_decode(&out, STR("a+b%2Bc+"), false));
        CHECK(str_eq_c(buf_str(&out), "a+b+c+"));
        buf_clear(&out);
        CHECK(!url_decode(&out, STR("ab%4"), false));
        CHECK(str_eq_c(buf_str(&out), "ab"));
        buf_deinit(&out);
}

/* Every day of the years 1970 to 2134, and days of all up to 9999, against the C library. */
static void times_are_written_as_the_calendar_has_them_and_read_back(void)
{
        char text[TIME_TEXT_SIZE], want[64];

        for (int64_t day = 0; day < 2932897; day += day < 60000 ? 1 : 41) {
                int64_t of_day = (int64_t)draw(&d, 86400000), ms = day * 86400000 + of_day, back;
                time_t seconds = (time_t)(ms / 1000);
                struct tm tm;
                size_t n = time_format_rfc3339(ms, text);

                gmtime_r(&seconds, &tm);
                snprintf(want, sizeof want, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                         tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
                         tm.tm_sec, (int)(ms % 1000));
                CHECK_STR(text, want);
                CHECK(time_parse_rfc3339((struct str){ text, n }, &back));
                CHECK_INT(back, ms);
        }
}

int main(void)
{
        d = draw_seed(20261125);
        RUN(utf8_is_what_the_definition_says);
        RUN(what_is_percent_encoded_is_decoded_again_and_known_as_encoded);
        RUN(an_encoding_that_fits_its_limit_is_whole);
        RUN(a_plus_is_a_blank_in_queries_alone);
        RUN(times_are_written_as_the_calendar_has_them_and_read_back);
        return 0;
}
