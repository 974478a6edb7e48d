/* SPDX-License-Identifier: Apache-2.0 */
#include "crr/base/siphash.h"

uint64_t siphash13(const struct siphash_key *key, const void *bytes, size_t n)
{
        struct siphash s = siphash13_begin(key);
        const uint8_t *p = bytes;
        size_t left = n;

        for (; left >= 8; left -= 8, p += 8)
                siphash13_word(&s, bytes_get64(p));
        return siphash13_end(&s, bytes_get_tail(p, (unsigned)left), n);
}
