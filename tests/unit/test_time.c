/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <time.h>

#include "check.h"
#include "crr/base/time.h"
#include "draw.h"

#define LAST INT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z */
#define NOON INT64_C(1522411200000)   /* 2018-03-30T12:00:00Z */

static void times_are_understood(void)
{
        static const struct {
                const char *text;
                int64_t want;
        } table[] = {
                { "1970-01-01T00:00:00Z", 0 },
                { "1970-01-01T00:00:00.001Z", 1 },
                { "2018-03-30T22:22:34.384Z", INT64_C(1522448554384) },
                { "9999-12-31T23:59:59.999Z", LAST },
                { "9999-12-31T23:59:59.999999999Z", LAST },
                /* one to nine digits, cut and not rounded */
                { "2018-03-30T12:00:00.1Z", NOON + 100 },
                { "2018-03-30T12:00:00.12Z", NOON + 120 },
                { "2018-03-30T12:00:00.123Z", NOON + 123 },
                { "2018-03-30T12:00:00.1239Z", NOON + 123 },
                { "2018-03-30T12:00:00.12399Z", NOON + 123 },
                { "2018-03-30T12:00:00.123999Z", NOON + 123 },
                { "2018-03-30T12:00:00.1239999Z", NOON + 123 },
                { "2018-03-30T12:00:00.12399999Z", NOON + 123 },
                { "2018-03-30T12:00:00.123999999Z", NOON + 123 },
                { "2018-03-30T12:00:00.000999999Z", NOON },
                { "2018-03-30T12:00:00.0Z", NOON },
                /* letters of either case */
                { "2018-03-30t12:00:00z", NOON },
                { "2018-03-30t12:00:00Z", NOON },
                /* offsets */
                { "2018-03-30T12:00:00+00:00", NOON },
                { "2018-03-30T12:00:00-00:00", NOON },
                { "2018-03-30T14:00:00+02:00", NOON },
                { "2018-03-30T06:30:00-05:30", NOON },
                { "2018-03-31T11:59:00+23:59", NOON },
                { "2018-03-29T12:01:00-23:59", NOON },
                { "2018-03-30T17:45:00.5+05:45", NOON + 500 },
                { "1970-01-01T05:00:00+05:00", 0 },
                { "1969-12-31T23:00:00-01:00", 0 },
                { "9999-12-31T22:59:59.999-01:00", LAST },
                /* leap days, by the rules of 4, 100 and 400 */
                { "2000-02-29T00:00:00Z", INT64_C(951782400000) },
                { "2004-02-29T00:00:00Z", INT64_C(1078012800000) },
                { "2096-02-29T00:00:00Z", INT64_C(3981312000000) },
                { "2400-02-29T00:00:00Z", INT64_C(13574563200000) },
                { "2100-02-28T23:59:59Z", INT64_C(4107542399000) },
                { "2100-03-01T00:00:00Z", INT64_C(4107542400000) },
                /* a leap second is the next minute's first */
                { "2016-12-31T23:59:60Z", INT64_C(1483228800000) },
                { "2016-12-31T23:59:60.5Z", INT64_C(1483228800500) },
                { "1990-12-31T15:59:60-08:00", INT64_C(662688000000) },
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                int64_t ms = -7;

                if (!time_parse_rfc3339(str_from(table[i].text), &ms))
                        check_fail(__FILE__, __LINE__, "understood", table[i].text);
                if (ms != table[i].want)
                        check_fail(__FILE__, __LINE__, "as wanted", table[i].text);
        }
}

static const char *const no_times[] = {
        "",
        "2018",
        "2018-03-30",
        "2018-03-30T12:00:00",
        "2018-03-30T12:00Z",
        "2018-03-30 12:00:00Z",
        "2018-03-30T12:00:00 Z",
        " 2018-03-30T12:00:00Z",
        "2018-03-30T12:00:00Z ",
        "2018-03-30T12:00:00ZZ",
        "+2018-03-30T12:00:00Z",
        "12018-03-30T12:00:00Z",
        "218-03-30T12:00:00Z",
        "2018-3-30T12:00:00Z",
        "2018-03-3T12:00:00Z",
        "2018-03-30T1:00:00Z",
        "2018/03/30T12:00:00Z",
        "20180330T120000Z",
        "2018-00-30T12:00:00Z",
        "2018-13-30T12:00:00Z",
        "2018-03-00T12:00:00Z",
        "2018-03-32T12:00:00Z",
        "2018-04-31T12:00:00Z",
        "2018-02-29T12:00:00Z",
        "2100-02-29T12:00:00Z",
        "2200-02-29T12:00:00Z",
        "2000-02-30T12:00:00Z",
        "2018-03-30T24:00:00Z",
        "2018-03-30T12:60:00Z",
        "2018-03-30T12:00:61Z",
        "2018-03-30T12:00:00.Z",
        "2018-03-30T12:00:00,5Z",
        "2018-03-30T12:00:00.1234567890Z",
        "2018-03-30T12:00:00.1 Z",
        "2018-03-30T12:00:00.-1Z",
        "2018-03-30T12:00:00+24:00",
        "2018-03-30T12:00:00+02:60",
        "2018-03-30T12:00:00+0200",
        "2018-03-30T12:00:00+02",
        "2018-03-30T12:00:00+2:00",
        "2018-03-30T12:00:00 +02:00",
        "2018-03-30T12:00:00+02:00Z",
        "2018-03-30T12:00:00GMT",
        "yesterday",
        "1522448554384",
        "\xd9\xa2\xd9\xa0\xd9\xa1\xd9\xa8-03-30T12:00:00Z",
        "0000-01-01T00:00:00Z",
        "1969-12-31T23:59:59.999Z",
        "1970-01-01T00:00:00+00:01",
        "1969-12-31T23:59:59-00:00",
        "9999-12-31T23:59:60Z",
        "9999-12-31T23:00:00-01:00",
};

static void what_is_not_a_time_or_not_of_1970_to_9999_is_refused(void)
{
        for (size_t i = 0; i < sizeof no_times / sizeof *no_times; i++) {
                int64_t ms = -7;

                if (time_parse_rfc3339(str_from(no_times[i]), &ms) || ms != -7)
                        check_fail(__FILE__, __LINE__, "refused", no_times[i]);
        }
        CHECK(!time_parse_rfc3339(STR("2018-03-30T12:00:00Z\0"), &(int64_t){ 0 }));
        CHECK(!time_parse_rfc3339(STR_ABSENT, &(int64_t){ 0 }));
}

static void a_time_is_printed_in_utc_with_milliseconds(void)
{
        static const struct {
                int64_t ms;
                const char *want;
        } table[] = {
                { 0, "1970-01-01T00:00:00.000Z" },
                { 1, "1970-01-01T00:00:00.001Z" },
                { 999, "1970-01-01T00:00:00.999Z" },
                { 86399999, "1970-01-01T23:59:59.999Z" },
                { INT64_C(951782400000), "2000-02-29T00:00:00.000Z" },
                { INT64_C(951868799999), "2000-02-29T23:59:59.999Z" },
                { INT64_C(1522448554384), "2018-03-30T22:22:34.384Z" },
                { INT64_C(4107542400000), "2100-03-01T00:00:00.000Z" },
                { LAST, "9999-12-31T23:59:59.999Z" },
                /* what has no text of its own is the nearest that has */
                { LAST + 1, "9999-12-31T23:59:59.999Z" },
                { INT64_MAX, "9999-12-31T23:59:59.999Z" },
                { -1, "1970-01-01T00:00:00.000Z" },
                { TIME_UNKNOWN, "1970-01-01T00:00:00.000Z" },
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                char text[TIME_TEXT_SIZE];

                CHECK_INT(time_format_rfc3339(table[i].ms, text), strlen(table[i].want));
                CHECK_STR(text, table[i].want);
        }
}

/* The C library's calendar is the other opinion. */
static void what_is_printed_is_read_back(void)
{
        for (uint64_t seed = 0; seed < 20; seed++) {
                struct draw d = draw_seed(seed);

                for (int i = 0; i < 500; i++) {
                        int64_t ms = (int64_t)draw(&d, (uint64_t)LAST + 1), back;
                        time_t s = (time_t)(ms / 1000);
                        char text[TIME_TEXT_SIZE], want[TIME_TEXT_SIZE];
                        struct tm tm;
                        size_t n;

                        CHECK(gmtime_r(&s, &tm) != NULL);
                        n = strftime(want, sizeof want, "%Y-%m-%dT%H:%M:%S", &tm);
                        snprintf(want + n, sizeof want - n, ".%03dZ", (int)(ms % 1000));
                        time_format_rfc3339(ms, text);
                        CHECK_STR(text, want);
                        CHECK(time_parse_rfc3339(str_from(text), &back));
                        CHECK_INT(back, ms);
                }
        }
}

#define CYCLE_DAYS 146097 /* of 400 years, after which the calendar repeats */

static void every_day_of_a_whole_cycle_is_printed_and_read_back(void)
{
        char text[TIME_TEXT_SIZE];
        int64_t ms;

        for (int64_t day = 0; day <= CYCLE_DAYS; day++) {
                time_format_rfc3339(day * 86400000, text);
                CHECK(time_parse_rfc3339(str_from(text), &ms));
                CHECK_INT(ms, day * 86400000);
        }
}

static void clocks_do_not_go_back(void)
{
        int64_t us = time_monotonic_us(), ms = time_monotonic_ms();

        CHECK(ms >= us / 1000);
        CHECK(time_monotonic_us() >= us && time_monotonic_ms() >= ms);
        CHECK(time_wall_ms() > INT64_C(1600000000000) && time_wall_ms() < LAST);
}

int main(void)
{
        RUN(times_are_understood);
        RUN(what_is_not_a_time_or_not_of_1970_to_9999_is_refused);
        RUN(a_time_is_printed_in_utc_with_milliseconds);
        RUN(what_is_printed_is_read_back);
        RUN(every_day_of_a_whole_cycle_is_printed_and_read_back);
        RUN(clocks_do_not_go_back);
        return 0;
}
