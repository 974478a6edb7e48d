/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_BASE_SIPHASH_H
#define CRR_BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

/* SipHash-1-3 (Aumasson, Bernstein: "SipHash: a fast short-input PRF"): keyed, so that users who
 * choose object keys cannot choose collisions. The key is drawn at random once per process by the
 * daemon; tests fix it. */
struct siphash_key {
        uint64_t k[2];
};

uint64_t siphash13(const struct siphash_key *key, const void *bytes, size_t n);

#endif
