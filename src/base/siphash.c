/* SPDX-License-Identifier: Apache-2.0 */
#include "crr/base/siphash.h"

static uint64_t rotl(uint64_t x, int n)
{
        return x << n | x >> (64 - n);
}

static void sip_round(uint64_t v[4])
{
        v[0] += v[1];
        v[2] += v[3];
        v[1] = rotl(v[1], 13) ^ v[0];
        v[3] = rotl(v[3], 16) ^ v[2];
        v[0] = rotl(v[0], 32);
        v[2] += v[1];
        v[0] += v[3];
        v[1] = rotl(v[1], 17) ^ v[2];
        v[3] = rotl(v[3], 21) ^ v[0];
        v[2] = rotl(v[2], 32);
}

static uint64_t load_le(const unsigned char *p, size_t n)
{
        uint64_t word = 0;

        for (size_t i = 0; i < n; i++)
                word |= (uint64_t)p[i] << (8 * i);
        return word;
}

/* The last left < 8 of n bytes: from the 8 that end with them, where there are as many. */
static uint64_t load_tail(const unsigned char *p, size_t left, size_t n)
{
        if (n < 8 || left == 0)
                return load_le(p, left);
        return load_le(p + left - 8, 8) >> (8 * (8 - left));
}

uint64_t siphash13(const struct siphash_key *key, const void *bytes, size_t n)
{
        const unsigned char *p = bytes;
        size_t left = n;
        uint64_t word;
        uint64_t v[4] = {
                key->k[0] ^ UINT64_C(0x736f6d6570736575),
                key->k[1] ^ UINT64_C(0x646f72616e646f6d),
                key->k[0] ^ UINT64_C(0x6c7967656e657261),
                key->k[1] ^ UINT64_C(0x7465646279746573),
        };

        for (; left >= 8; left -= 8, p += 8) {
                word = load_le(p, 8);
                v[3] ^= word;
                sip_round(v);
                v[0] ^= word;
        }
        word = load_tail(p, left, n) | (uint64_t)n << 56;
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
        v[2] ^= 0xff;
        for (int i = 0; i < 3; i++)
                sip_round(v);
        return v[0] ^ v[1] ^ v[2] ^ v[3];
}
