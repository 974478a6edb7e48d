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
#define INTERN_NONE UINT32_MAX

struct interned {
        struct interned *next; /* of its chain */
        uint64_t hash;
        uint32_t number, refs;
        uint16_t len;
        bool json_plain; /* needs no escaping in JSON */
        char bytes[];
};

struct intern {
        struct siphash_key key;
        struct pool strings;      /* struct interned * by number */
        struct region chains;     /* struct interned *: their first */
        uint32_t n_chains, level; /* level: the power of two at or below n_chains */
        struct interned **recent; /* what was found lately, pairs by their looks; NULL: nothing */
        unsigned recent_shift;    /* of 64 bits of looks, to the number of a pair */
        size_t bytes;             /* of the strings */
        uint64_t age;             /* strings that went: a number may be another one's then */
};

/* recent: a power of two, about as many as are in use at a time. */
bool intern_init(struct intern *t, const struct siphash_key *key, uint32_t capacity,
                 uint32_t recent);
void intern_deinit(struct intern *t); /* strings that are still referred to go too */

uint32_t intern_find(const struct intern *t, struct str s); /* INTERN_NONE: it is not there */

/* One reference more. It is there already, or intern_left() > 0. */
uint32_t intern_acquire(struct intern *t, struct str s);
void intern_hold(struct intern *t, uint32_t number);
void intern_release(struct intern *t, uint32_t number); /* INTERN_NONE is legal */

/* The string's hash, the same whether it is there or not; and its number as intern_find(). */
uint64_t intern_hash(const struct intern *t, struct str s, uint32_t *ret_number);

static inline const struct interned *intern_at(const struct intern *t, uint32_t number)
{
        return ((struct interned *const *)(void *)t->strings.region.base)[number];
}

/* Absent for INTERN_NONE. */
static inline struct str intern_str(const struct intern *t, uint32_t number)
{
        const struct interned *i = number != INTERN_NONE ? intern_at(t, number) : NULL;

        return i != NULL ? (struct str){ i->bytes, i->len } : STR_ABSENT;
}

/* Fetch into the cache, one after the other, what a search of this string will look at. */
void intern_fetch_place(const struct intern *t, struct str s);
void intern_fetch_string(const struct intern *t, struct str s);

uint32_t intern_left(const struct intern *t); /* strings that can still be added */
size_t intern_memory(const struct intern *t);
size_t intern_growth(const struct intern *t, struct str s); /* at most, by adding it */

void intern_check(const struct intern *t); /* aborts on a broken invariant */

#endif
