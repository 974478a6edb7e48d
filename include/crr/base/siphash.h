/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_BASE_SIPHASH_H
#define CRR_BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

#include "crr/base/bytes.h"

/* SipHash-1-3 (Aumasson, Bernstein: "SipHash: a fast short-input PRF"): keyed, so that users who
 * choose object keys cannot choose collisions. The key is drawn at random once per process by the
 * daemon; tests fix it. */
struct siphash_key {
        uint64_t k[2];
};

uint64_t siphash13(const struct siphash_key *key, const void *bytes, size_t n);

/* The same piece by piece, for bytes that do not lie in a row: words, little-endian, and at the end
 * what is left of less than a word. */
struct siphash {
        uint64_t v0, v1, v2, v3;
};

static inline struct siphash siphash13_begin(const struct siphash_key *key)
{
        return (struct siphash){
                key->k[0] ^ UINT64_C(0x736f6d6570736575),
                key->k[1] ^ UINT64_C(0x646f72616e646f6d),
                key->k[0] ^ UINT64_C(0x6c7967656e657261),
                key->k[1] ^ UINT64_C(0x7465646279746573),
        };
}

static inline uint64_t siphash_rotate(uint64_t x, int n)
{
        return x << n | x >> (64 - n);
}

static inline void siphash_round(struct siphash *s)
{
        s->v0 += s->v1;
        s->v2 += s->v3;
        s->v1 = siphash_rotate(s->v1, 13) ^ s->v0;
        s->v3 = siphash_rotate(s->v3, 16) ^ s->v2;
        s->v0 = siphash_rotate(s->v0, 32);
        s->v2 += s->v1;
        s->v0 += s->v3;
        s->v1 = siphash_rotate(s->v1, 17) ^ s->v2;
        s->v3 = siphash_rotate(s->v3, 21) ^ s->v0;
        s->v2 = siphash_rotate(s->v2, 32);
}

static inline void siphash13_word(struct siphash *s, uint64_t word)
{
        s->v3 ^= word;
        siphash_round(s);
        s->v0 ^= word;
}

/* tail: the last bytes, less than eight, as a word; n: of all bytes. */
static inline uint64_t siphash13_end(struct siphash *s, uint64_t tail, size_t n)
{
        siphash13_word(s, tail | (uint64_t)n << 56);
        s->v2 ^= 0xff;
        for (int i = 0; i < 3; i++)
                siphash_round(s);
        return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

#endif
