/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_VERSION_PACK_H
#define CRR_SRC_CORE_VERSION_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crr/base/bytes.h"
#include "crr/base/limits.h"
#include "crr/base/str.h"

/*
 * Version ids in half their bytes, when they are lower-case hex of an even length, as most are. A
 * version id has exactly one form: packed if it can be, else as it is.
 */
#define VERSION_TEXT_BYTES (LIMIT_VERSION_ID_BYTES + 8) /* room that version_unpack() writes in */

/* True: s.len / 2 bytes at out, which has room for s.len + 8. */
bool version_pack(uint8_t *out, struct str s);

void version_unpack(char *out, const uint8_t *packed, size_t n); /* 2 * n characters */

/* Nibbles, a byte each in the order of the text: each pair is a byte. */
static inline uint32_t version_join(uint64_t nibbles)
{
        uint64_t pairs = (nibbles << 4 | nibbles >> 8) & UINT64_C(0x00ff00ff00ff00ff);

        pairs = (pairs | pairs >> 8) & UINT64_C(0x0000ffff0000ffff);
        return (uint32_t)(pairs | pairs >> 16);
}

static inline uint64_t version_join16(bytes16 nibbles)
{
        uint64_t halves[2];
#if defined(__SSE2__) && !defined(TABLE_PORTABLE)
        typedef short pairs8 __attribute__((vector_size(16)));
        pairs8 pairs = (pairs8)nibbles;

        pairs = (pairs << 4 | (pairs >> 8 & 15)) & 0xff;
        nibbles = (bytes16)__builtin_ia32_packuswb128(pairs, pairs);
        memcpy(halves, &nibbles, sizeof halves);
        return halves[0];
#else
        memcpy(halves, &nibbles, sizeof halves);
        return version_join(BYTES_LE64(halves[0])) | (uint64_t)version_join(BYTES_LE64(halves[1]))
                                                             << 32;
#endif
}

/* Sixteen digits as eight bytes; what is not a digit sets a bit of *bad. */
static inline uint64_t version_pack16(const uint8_t *text, bytes16 *bad)
{
        bytes16 c = bytes_get128(text);
        bytes16 letters = (bytes16)(c - 'a' < 6), digits = (bytes16)(c - '0' < 10);

        *bad |= ~(letters | digits);
        return version_join16((c & 15) + (letters & 9));
}

#endif
