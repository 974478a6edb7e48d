/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_DRAW_H
#define TESTS_DRAW_H

#include <stdint.h>

/* Numbers that look random and follow from a seed, which a test prints when it fails. */
struct draw {
        uint64_t state;
};

static inline struct draw draw_seed(uint64_t seed)
{
        return (struct draw){ (seed + 1) * UINT64_C(0x9e3779b97f4a7c15) };
}

static inline uint64_t draw_bits(struct draw *d)
{
        d->state ^= d->state << 13;
        d->state ^= d->state >> 7;
        d->state ^= d->state << 17;
        return d->state * UINT64_C(0x2545f4914f6cdd1d);
}

/* 0..n-1 */
static inline uint64_t draw(struct draw *d, uint64_t n)
{
        return (draw_bits(d) >> 16) % n;
}

#endif
