/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_INTERN_H
#define CRR_SRC_CORE_INTERN_H

#include <stddef.h>
#include <stdint.h>

#include "crr/base/siphash.h"
#include "crr/base/str.h"

/*
 * Strings that many entries share (buckets, sites, roles, error codes), once each, with reference
 * counts.
 *
 * Cost  O(1). `memory` is what is allocated, in bytes.
 */
struct interned {
        struct interned *next; /* of its chain */
        uint64_t hash;
        uint32_t refs;
        uint32_t len;
        char bytes[];
};

struct intern {
        struct siphash_key key;
        struct interned **chains;
        size_t n_chains, n;
        size_t memory;
};

void intern_init(struct intern *t, const struct siphash_key *key);
void intern_deinit(struct intern *t); /* strings that are still referenced go too */

struct interned *intern_acquire(struct intern *t, struct str s); /* NULL for absent */
void intern_release(struct intern *t, struct interned *i);       /* NULL is legal */
struct str interned_str(const struct interned *i);               /* absent for NULL */

#endif
