/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_INTERN_H
#define CRR_SRC_CORE_INTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crr/base/pool.h"
#include "crr/base/siphash.h"
#include "crr/base/str.h"

/*
 * Strings that many entries share (buckets, sites, roles, error codes), once each, by a small
 * number. A number is used again when nobody refers to its string any more.
 *
 * Ownership  A string lives while it has references.
 * Cost       O(1), also when the chains grow: one of them is split an insertion (linear hashing).
 *            A string that was asked for lately is found without hashing it.
 * Units      Memory in bytes.
 */
#define INTERN_NONE   UINT32_MAX
#define INTERN_RECENT 256

struct interned {
        uint64_t hash;
        uint32_t next; /* of its chain: number + 1 */
        uint32_t refs;
        uint32_t len;
        bool json_plain; /* needs no escaping in JSON */
        char bytes[];
};

struct intern {
        struct siphash_key key;
        struct pool strings;  /* struct interned * by number */
        struct region chains; /* number + 1 of the first */
        uint32_t n_chains, level; /* level: the power of two at or below n_chains */
        uint32_t *recent;         /* number + 1 of what was found last, by its looks */
        size_t bytes;             /* of the strings */
};

bool intern_init(struct intern *t, const struct siphash_key *key, uint32_t capacity);
void intern_deinit(struct intern *t); /* strings that are still referred to go too */

uint32_t intern_find(const struct intern *t, struct str s); /* INTERN_NONE: it is not there */

/* One reference more. It is there already, or intern_left() > 0. */
uint32_t intern_acquire(struct intern *t, struct str s);
void intern_hold(struct intern *t, uint32_t number);
void intern_release(struct intern *t, uint32_t number); /* INTERN_NONE is legal */

/* The string's hash, the same whether it is there or not; *ret_number: as intern_find(). */
uint64_t intern_hash(const struct intern *t, struct str s, uint32_t *ret_number);

static inline const struct interned *intern_at(const struct intern *t, uint32_t number)
{
        return *(struct interned *const *)pool_at(&t->strings, number);
}

/* Absent for INTERN_NONE. */
static inline struct str intern_str(const struct intern *t, uint32_t number)
{
        const struct interned *i = number != INTERN_NONE ? intern_at(t, number) : NULL;

        return i != NULL ? (struct str){ i->bytes, i->len } : STR_ABSENT;
}

uint32_t intern_left(const struct intern *t); /* strings that can still be added */
size_t intern_memory(const struct intern *t);
size_t intern_growth(const struct intern *t, struct str s); /* at most, by adding it */

void intern_check(const struct intern *t); /* aborts on a broken invariant */

#endif
