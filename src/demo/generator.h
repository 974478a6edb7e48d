/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_DEMO_GENERATOR_H
#define CRR_SRC_DEMO_GENERATOR_H

#include <stdbool.h>
#include <stdint.h>

#include "crr/base/buf.h"
#include "crr/core/failure.h"

/*
 * Failures out of nothing: the i-th depends on the seed and on i only, so that a run can be
 * repeated, and the same failures found again.
 *
 * Ownership  The strings of a failure lie in the generator and live until the next one.
 */
#define GENERATOR_MAX_SITES   64
#define GENERATOR_MAX_BUCKETS 1000
#define GENERATOR_SITE_BYTES  32

struct generator {
        uint64_t seed;
        unsigned sites, buckets;
        double entries; /* share of failures with an Entry */
        char bucket[32], key[96], version_id[40], site[GENERATOR_SITE_BYTES];
};

void generator_init(struct generator *g, uint64_t seed, unsigned sites, unsigned buckets,
                    double entries);

/* The n-th random number of failure i; a failure takes those below GENERATOR_DRAWS. */
#define GENERATOR_DRAWS 32
uint64_t generator_draw(const struct generator *g, uint64_t i, uint64_t n);
bool generator_is_of_share(uint64_t random, double share); /* so many of all random numbers are */

void generator_name_site(uint64_t n, char ret_name[GENERATOR_SITE_BYTES]);

/* The i-th failure. *ret_has_entry: it is to carry what generator_entry() writes. */
void generator_failure(struct generator *g, uint64_t i, struct failure *ret, bool *ret_has_entry);

/* A replication entry as a mover would have consumed it: JSON that names the identity. */
void generator_entry(const struct identity *id, struct buf *out);

/* Does this attempt fail again? Share of all (identity, attempt), the same answer each time. */
bool generator_fails_again(const struct identity *id, unsigned attempt, double share);

#endif
