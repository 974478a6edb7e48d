/* SPDX-License-Identifier: Apache-2.0 */
#include "version_pack.h"

#include "crr/base/bytes.h"

#define NIBBLES BYTES_EACH(0x0f)

/* The digits of eight nibbles, a byte each: 9 + 6 carries into the next nibble from 10 on, where
 * the letters begin 39 behind the digits. */
static uint64_t digits_of(uint64_t nibbles)
{
        uint64_t letters = (nibbles + BYTES_EACH(6)) >> 4 & BYTES_EACH(1);

        return nibbles + BYTES_EACH('0') + letters * ('a' - '0' - 10);
}

/* Eight digits into four bytes; false when one is not a digit. */
static bool pack_word(uint64_t text, uint32_t *ret)
{
        uint64_t letters = text >> 6 & BYTES_EACH(1);
        uint64_t nibbles = (text & NIBBLES) + letters * 9;
        uint64_t pairs;

        if ((nibbles & ~NIBBLES) != 0 || digits_of(nibbles) != text)
                return false;
        pairs = (nibbles << 4 | nibbles >> 8) & UINT64_C(0x00ff00ff00ff00ff);
        pairs = (pairs | pairs >> 8) & UINT64_C(0x0000ffff0000ffff);
        *ret = (uint32_t)(pairs | pairs >> 16);
        return true;
}

bool version_pack(uint8_t *out, struct str s)
{
        const uint8_t *p = (const uint8_t *)s.base;
        size_t left = s.len;
        uint32_t word;

        if (left == 0 || left % 2 != 0)
                return false;
        for (; left >= 8; left -= 8, p += 8, out += 4) {
                if (!pack_word(bytes_get64(p), &word))
                        return false;
                bytes_put32(out, word);
        }
        if (left == 0)
                return true;
        if (!pack_word(bytes_get_tail(p, (unsigned)left) | BYTES_EACH('0') << (8 * left), &word))
                return false;
        bytes_put32(out, word);
        return true;
}

void version_unpack(char *out, const uint8_t *packed, size_t n)
{
        for (size_t i = 0; i < n; i += 4) {
                uint64_t pairs = n - i >= 4 ? bytes_get32(packed + i)
                                            : bytes_get_tail(packed + i, (unsigned)(n - i));

                pairs = (pairs | pairs << 16) & UINT64_C(0x0000ffff0000ffff);
                pairs = (pairs | pairs << 8) & UINT64_C(0x00ff00ff00ff00ff);
                bytes_put64((uint8_t *)out + 2 * i, digits_of((pairs >> 4 | pairs << 8) & NIBBLES));
        }
}
