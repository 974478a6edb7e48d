/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_PLAIN_H
#define CRR_SRC_CORE_PLAIN_H

#include <stdbool.h>

#include "crr/base/bytes.h"
#include "crr/base/str.h"

/*
 * Strings that stand in JSON as they are: without what json_str() escapes, controls, quotes and
 * backslashes. The quote, 0x22, is just above the controls when its bit 1 is turned.
 */
static inline bytes16 bytes16_not_plain(bytes16 c)
{
        return (bytes16)((c ^ 0x02) < 0x21) | (bytes16)(c == '\\');
}

/* A bit of BYTES_HIGH is set when any byte is not plain. */
static inline uint64_t word_not_plain(uint64_t word)
{
        return bytes_below(word ^ BYTES_EACH(0x02), 0x21) | bytes_below(word ^ BYTES_EACH('\\'), 1);
}

/* Less than sixteen bytes. */
static inline bool short_is_plain(const uint8_t *p, size_t n)
{
        unsigned left = (unsigned)n % 8;
        uint64_t tail = BYTES_EACH(' ');

        if (left > 0)
                tail = tail << (8 * left) | bytes_get_tail(p + n - left, left);
        return ((word_not_plain(tail) | (n < 8 ? 0 : word_not_plain(bytes_get64(p)))) &
                BYTES_HIGH) == 0;
}

/* Copy a string, and see whether it is plain. */
static inline bool copy_plain(uint8_t *to, struct str s)
{
        const uint8_t *p = (const uint8_t *)s.base;
        bytes16 bad = { 0 };

        if (s.len < 16) {
                memcpy(to, p, s.len);
                return short_is_plain(p, s.len);
        }
        for (size_t i = 0; i < s.len; i += 16) { /* the last ones may be copied twice */
                size_t at = i + 16 <= s.len ? i : s.len - 16;
                bytes16 c = bytes_get128(p + at);

                memcpy(to + at, &c, sizeof c);
                bad |= bytes16_not_plain(c);
        }
        return !bytes16_any(bad);
}

#endif
