/* SPDX-License-Identifier: Apache-2.0 */
#include "crr/base/time.h"

#include <string.h>
#include <time.h>

#include "digits.h"

#define DAY_MS INT64_C(86400000)

/* Days since 1970-01-01 of a date of the Gregorian calendar, with years that begin in March. */
static int64_t days_from_civil(int year, int month, int day)
{
        int y = month <= 2 ? year - 1 : year;
        int era = y / 400, of_era = y - era * 400;
        int of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

        return (int64_t)era * 146097 + (int64_t)of_era * 365 + of_era / 4 - of_era / 100 + of_year -
               719468;
}

/* For days of the years 0 to 9999. Years of the computation begin in March, and centuries are told
 * first (C. Neri and L. Schneider, "Euclidean affine functions and their application to calendar
 * algorithms", 2022). */
static void civil_from_days(int64_t days, unsigned *year, unsigned *month, unsigned *day)
{
        unsigned n = 4 * (unsigned)(days + 719468) + 3, century = n / 146097;
        unsigned of_century = n % 146097 / 4 * 4 + 3;
        uint64_t p = UINT64_C(2939745) * of_century;
        unsigned year_of_century = (unsigned)(p >> 32);
        unsigned of_year = (unsigned)(p & 0xffffffff) / 2939745 / 4;
        unsigned m = 2141 * of_year + 197913;
        bool next = of_year >= 306; /* January or February */

        *year = 100 * century + year_of_century + next;
        *month = (m >> 16) - (next ? 12 : 0);
        *day = (m & 0xffff) / 2141 + 1;
}

static int days_in_month(int year, int month)
{
        static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
        bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

        return days[month - 1] + (month == 2 && leap);
}

/* n digits at *s, which moves behind them; -1 when they are not digits. */
static int digits(struct str *s, size_t n)
{
        int value = 0;

        if (s->len < n)
                return -1;
        for (size_t i = 0; i < n; i++) {
                unsigned digit = (unsigned char)s->base[i] - '0';

                if (digit > 9)
                        return -1;
                value = value * 10 + (int)digit;
        }
        s->base += n;
        s->len -= n;
        return value;
}

static bool literal(struct str *s, const char *chars)
{
        for (const char *c = chars; s->len > 0 && *c != '\0'; c++) {
                if (*s->base == *c) {
                        s->base++;
                        s->len--;
                        return true;
                }
        }
        return false;
}

static bool parse_fraction(struct str *s, int *ret_ms)
{
        int ms = 0, n = 0;

        *ret_ms = 0;
        if (!literal(s, "."))
                return true;
        for (; s->len > 0 && *s->base >= '0' && *s->base <= '9'; n++) {
                int digit = digits(s, 1);

                if (n < 3)
                        ms = ms * 10 + digit;
        }
        for (int i = n; i < 3; i++)
                ms *= 10;
        *ret_ms = ms;
        return n >= 1 && n <= 9;
}

static bool parse_offset(struct str *s, int *ret_minutes)
{
        bool minus = s->len > 0 && *s->base == '-';
        int hours, minutes;

        *ret_minutes = 0;
        if (literal(s, "Zz"))
                return true;
        if (!literal(s, "+-"))
                return false;
        hours = digits(s, 2);
        if (hours < 0 || hours > 23 || !literal(s, ":"))
                return false;
        minutes = digits(s, 2);
        if (minutes < 0 || minutes > 59)
                return false;
        *ret_minutes = (minus ? -1 : 1) * (hours * 60 + minutes);
        return true;
}

static bool parse_date(struct str *s, int64_t *ret_days)
{
        int year = digits(s, 4), month, day;

        if (year < 0 || !literal(s, "-"))
                return false;
        month = digits(s, 2);
        if (month < 1 || month > 12 || !literal(s, "-"))
                return false;
        day = digits(s, 2);
        if (day < 1 || day > days_in_month(year, month))
                return false;
        *ret_days = days_from_civil(year, month, day);
        return true;
}

static bool parse_clock(struct str *s, int *ret_seconds)
{
        int hour = digits(s, 2), minute, second;

        if (hour < 0 || hour > 23 || !literal(s, ":"))
                return false;
        minute = digits(s, 2);
        if (minute < 0 || minute > 59 || !literal(s, ":"))
                return false;
        second = digits(s, 2);
        *ret_seconds = hour * 3600 + minute * 60 + second;
        return second >= 0 && second <= 60; /* 60: a leap second, counted into the next minute */
}

bool time_parse_rfc3339(struct str s, int64_t *ret_ms)
{
        int64_t days, ms;
        int seconds, fraction, offset;

        if (!parse_date(&s, &days) || !literal(&s, "Tt") || !parse_clock(&s, &seconds) ||
            !parse_fraction(&s, &fraction) || !parse_offset(&s, &offset) || s.len > 0)
                return false;
        ms = days * DAY_MS + seconds * INT64_C(1000) + fraction - offset * INT64_C(60000);
        if (ms < 0 || ms > TIME_LAST)
                return false;
        *ret_ms = ms;
        return true;
}

size_t time_format_rfc3339(int64_t ms, char text[TIME_TEXT_SIZE])
{
        static const char shape[] = "0000-00-00T00:00:00.000Z";
        int64_t within = ms < 0 ? 0 : ms > TIME_LAST ? TIME_LAST : ms;
        unsigned of_day = (unsigned)(within % DAY_MS), year, month, day;

        civil_from_days(within / DAY_MS, &year, &month, &day);
        memcpy(text, shape, sizeof shape);
        digits_put_2(text, year / 100);
        digits_put_2(text + 2, year % 100);
        digits_put_2(text + 5, month);
        digits_put_2(text + 8, day);
        digits_put_2(text + 11, of_day / 3600000);
        digits_put_2(text + 14, of_day / 60000 % 60);
        digits_put_2(text + 17, of_day / 1000 % 60);
        text[20] = (char)('0' + of_day % 1000 / 100);
        digits_put_2(text + 21, of_day % 100);
        return sizeof shape - 1;
}

static int64_t clock_us(clockid_t clock)
{
        struct timespec t;

        clock_gettime(clock, &t);
        return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t time_wall_ms(void)
{
        return clock_us(CLOCK_REALTIME) / 1000;
}

int64_t time_monotonic_ms(void)
{
        return clock_us(CLOCK_MONOTONIC) / 1000;
}

int64_t time_monotonic_us(void)
{
        return clock_us(CLOCK_MONOTONIC);
}
