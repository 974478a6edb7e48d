/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_BASE_DIGITS_H
#define CRR_SRC_BASE_DIGITS_H

#include <stdint.h>
#include <string.h>

/* Decimal digits are written two at a time; hexadecimal ones are read in either case. */

#define DIGITS_MAX 20 /* of 2^64 - 1 */

extern const char digit_pairs[201];     /* "00" to "99" */
extern const uint64_t digit_powers[20]; /* of ten */

static inline void digits_put_2(char *at, unsigned value) /* below 100 */
{
        memcpy(at, digit_pairs + (size_t)2 * value, 2);
}

/* How many digits the value has. */
static inline unsigned digits_count(uint64_t value)
{
        unsigned bits = 64 - (unsigned)__builtin_clzll(value | 1);
        unsigned n = bits * 1233 >> 12; /* log10(2) = 1233 / 4096: right, or one too few */

        return n + 1 - (value < digit_powers[n]);
}

/* The digits of the value, which end at `end`; returns where they begin. */
static inline char *digits_put_before(char *end, uint64_t value)
{
        while (value >= 100) {
                end -= 2;
                digits_put_2(end, (unsigned)(value % 100));
                value /= 100;
        }
        if (value >= 10) {
                digits_put_2(end - 2, (unsigned)value);
                return end - 2;
        }
        *--end = (char)('0' + value);
        return end;
}

/* -1: it is none. */
static inline int digits_from_hex(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

#endif
