/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_PLAIN_H
#define CRR_SRC_CORE_PLAIN_H

#include <stdbool.h>

#include "crr/base/bytes.h"
#include "crr/base/str.h"

static inline bool word_is_plain(uint64_t word)
{
        return !(bytes_any_below(word, 0x20) | bytes_any_equal(word, '"') |
                 bytes_any_equal(word, '\\'));
}

/* Does the string stand in JSON as it is? (What json_str() escapes: controls, quotes, backslashes.)
 */
static inline bool is_plain(struct str s)
{
        const uint8_t *p = (const uint8_t *)s.base;
        size_t left = s.len;

        for (; left >= 8; left -= 8, p += 8)
                if (!word_is_plain(bytes_get64(p)))
                        return false;
        return left == 0 ||
               word_is_plain(bytes_get_tail(p, (unsigned)left) | BYTES_EACH(' ') << (8 * left));
}

#endif
