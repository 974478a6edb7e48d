/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_BASE_BYTES_H
#define CRR_BASE_BYTES_H

#include <stdint.h>
#include <string.h>

/*
 * Numbers in bytes of any alignment, and words of eight or sixteen bytes at once. Little-endian,
 * whatever the machine is, so that the first byte is the lowest.
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

/* The word of the n < 8 bytes at p; the rest is zero. Put together in registers: bytes that were
 * just copied to a word make the load of the word wait. */
static inline uint64_t bytes_get_tail(const uint8_t *p, unsigned n)
{
        if (n >= 4)
                return bytes_get32(p) | (uint64_t)bytes_get32(p + n - 4) << (8 * (n - 4));
        if (n == 0)
                return 0;
        return p[0] | (uint64_t)p[n / 2] << (8 * (n / 2)) | (uint64_t)p[n - 1] << (8 * (n - 1));
}

#define BYTES_EACH(byte) (UINT64_C(0x0101010101010101) * (byte)) /* the byte, eight times */

/* A bit of BYTES_HIGH is set when any byte of the word is below the limit (at most 128). */
#define BYTES_HIGH BYTES_EACH(0x80)
static inline uint64_t bytes_below(uint64_t word, uint8_t limit)
{
        return (word - BYTES_EACH(limit)) & ~word;
}

/* Sixteen bytes at once: what the compiler makes of these is one instruction each where there are
 * vectors. */
typedef uint8_t bytes16 __attribute__((vector_size(16)));

static inline bytes16 bytes_get128(const uint8_t *p)
{
        bytes16 x;

        memcpy(&x, p, sizeof x);
        return x;
}

static inline int bytes16_any(bytes16 x)
{
        uint64_t halves[2];

        memcpy(halves, &x, sizeof halves);
        return (halves[0] | halves[1]) != 0;
}

/* The index of the first byte that is not 0; 16: there is none. */
static inline unsigned bytes16_first(bytes16 x)
{
        uint64_t halves[2];

        memcpy(halves, &x, sizeof halves);
        if (halves[0] != 0)
                return (unsigned)__builtin_ctzll(BYTES_LE64(halves[0])) / 8;
        return halves[1] != 0 ? 8 + (unsigned)__builtin_ctzll(BYTES_LE64(halves[1])) / 8 : 16;
}

/* For short strings that are equal most of the time. */
static inline int bytes_equal(const uint8_t *a, const uint8_t *b, size_t n)
{
        bytes16 differ;

        if (n < 8)
                return bytes_get_tail(a, (unsigned)n) == bytes_get_tail(b, (unsigned)n);
        if (n < 16)
                return ((bytes_get64(a) ^ bytes_get64(b)) |
                        (bytes_get64(a + n - 8) ^ bytes_get64(b + n - 8))) == 0;
        differ = bytes_get128(a + n - 16) ^ bytes_get128(b + n - 16);
        for (size_t i = 0; i + 16 < n; i += 16)
                differ |= bytes_get128(a + i) ^ bytes_get128(b + i);
        return !bytes16_any(differ);
}

#endif
