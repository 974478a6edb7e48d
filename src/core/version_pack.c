/* SPDX-License-Identifier: Apache-2.0 */
#include "version_pack.h"

#include "crr/base/bytes.h"

#define NIBBLES     BYTES_EACH(0x0f)
#define LETTER_STEP ('a' - '0' - 10) /* between the digits and the letters */

/* WORDS: nibbles or digits, a byte each, in the order of the text. */

static uint64_t digits_of(uint64_t nibbles)
{
        uint64_t letters = (nibbles + BYTES_EACH(6)) >> 4 & BYTES_EACH(1); /* from 10 on */

        return nibbles + BYTES_EACH('0') + letters * LETTER_STEP;
}

static uint64_t split_bytes(uint32_t bytes)
{
        uint64_t pairs = bytes;

        pairs = (pairs | pairs << 16) & UINT64_C(0x0000ffff0000ffff);
        pairs = (pairs | pairs << 8) & UINT64_C(0x00ff00ff00ff00ff);
        return (pairs >> 4 | pairs << 8) & NIBBLES;
}

static bool pack_word(uint8_t *out, uint64_t text)
{
        uint64_t letters = text >> 6 & BYTES_EACH(1);
        uint64_t nibbles = (text & NIBBLES) + letters * 9;

        bytes_put32(out, version_join(nibbles));
        return (nibbles & ~NIBBLES) == 0 && digits_of(nibbles) == text;
}

/* PACKING */

/* Less than sixteen digits. */
static bool pack_short(uint8_t *out, const uint8_t *text, size_t n)
{
        unsigned left = (unsigned)n % 8;
        uint64_t tail = bytes_get_tail(text + n - left, left);

        if (n >= 8 && !pack_word(out, bytes_get64(text)))
                return false;
        return left == 0 || pack_word(out + (n - left) / 2, tail | BYTES_EACH('0') << (8 * left));
}

bool version_pack(uint8_t *out, struct str s)
{
        const uint8_t *text = (const uint8_t *)s.base, *last = text + s.len - 16;
        bytes16 bad = { 0 };

        if (s.len == 0 || s.len % 2 != 0)
                return false;
        if (s.len < 16)
                return pack_short(out, text, s.len);
        for (; text < last; text += 16, out += 8)
                bytes_put64(out, version_pack16(text, &bad));
        bytes_put64(out - (text - last) / 2, version_pack16(last, &bad));
        return !bytes16_any(bad);
}

/* UNPACKING */

void version_unpack(char *out, const uint8_t *packed, size_t n)
{
        uint8_t *text = (uint8_t *)out;
        size_t i = 0;

        for (; i + 4 <= n; i += 4)
                bytes_put64(text + 2 * i, digits_of(split_bytes(bytes_get32(packed + i))));
        if (i < n)
                bytes_put64(text + 2 * i, digits_of(split_bytes((uint32_t)bytes_get_tail(
                                                  packed + i, (unsigned)(n - i)))));
}
