/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_BASE_BYTES_H
#define CRR_BASE_BYTES_H

#include <stdint.h>
#include <string.h>

/*
 * Numbers in bytes of any alignment, and words of eight bytes at once. Little-endian, whatever the
 * machine is, so that the first byte is the lowest.
 */
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define BYTES_LE16(x) __builtin_bswap16(x)
#define BYTES_LE32(x) __builtin_bswap32(x)
#define BYTES_LE64(x) __builtin_bswap64(x)
#else
#define BYTES_LE16(x) (x)
#define BYTES_LE32(x) (x)
#define BYTES_LE64(x) (x)
#endif

static inline uint16_t bytes_get16(const uint8_t *p)
{
        uint16_t x;

        memcpy(&x, p, sizeof x);
        return BYTES_LE16(x);
}

static inline uint32_t bytes_get32(const uint8_t *p)
{
        uint32_t x;

        memcpy(&x, p, sizeof x);
        return BYTES_LE32(x);
}

static inline uint64_t bytes_get64(const uint8_t *p)
{
        uint64_t x;

        memcpy(&x, p, sizeof x);
        return BYTES_LE64(x);
}

static inline void bytes_put16(uint8_t *p, uint16_t x)
{
        x = BYTES_LE16(x);
        memcpy(p, &x, sizeof x);
}

static inline void bytes_put32(uint8_t *p, uint32_t x)
{
        x = BYTES_LE32(x);
        memcpy(p, &x, sizeof x);
}

static inline void bytes_put64(uint8_t *p, uint64_t x)
{
        x = BYTES_LE64(x);
        memcpy(p, &x, sizeof x);
}

/* The word of the n < 8 bytes at p; the rest is zero. */
static inline uint64_t bytes_get_tail(const uint8_t *p, unsigned n)
{
        uint64_t x = 0;

        memcpy(&x, p, n);
        return BYTES_LE64(x);
}

#define BYTES_EACH(byte) (UINT64_C(0x0101010101010101) * (byte)) /* the byte, eight times */

/* Does any byte of the word equal this one; is any below `limit` (at most 128)? */
static inline int bytes_any_equal(uint64_t word, uint8_t byte)
{
        uint64_t x = word ^ BYTES_EACH(byte);

        return ((x - BYTES_EACH(1)) & ~x & BYTES_EACH(0x80)) != 0;
}

static inline int bytes_any_below(uint64_t word, uint8_t limit)
{
        return ((word - BYTES_EACH(limit)) & ~word & BYTES_EACH(0x80)) != 0;
}

#endif
