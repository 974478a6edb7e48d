/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_SLOT_INDEX_H
#define CRR_SRC_CORE_SLOT_INDEX_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crr/base/bytes.h"
#include "crr/base/pool.h"
#include "table_geometry.h"

/*
 * Slot index: from the hash of an entry to the handle of its record, by extendible hashing.
 *
 *   hash: its top bits -> directory -> sub-table; its low TABLE_SUB_SHIFT bits -> the home bucket
 *   bucket: one cache line of 12 slots {tag, handle}; full ones overflow into the next
 *   tag: ten bits; what is looked for is compared with the records of those that are equal
 *
 * A sub-table that is full is split in two by one more bit of the hash; the directory doubles in
 * place when it must. Two that are nearly empty become one again. A slot is empty when the low byte
 * of its tag is 0.
 *
 * A split that cannot help is refused: many entries whose hashes share that many bits are no
 * accident, or the hash key is known. Then the sub-table fills up, and the next is refused a place.
 *
 * Ownership  The index holds handles; the records are elsewhere, their hash at a fixed place (a
 *            split reads nothing else of them).
 * Cost       O(1). A split, a merge or the move of a sub-table: up to 1,536 records' hashes.
 */
#define SLOT_BUCKETS  (1u << TABLE_SUB_SHIFT)
#define SLOTS         12
#define SLOTS_MASK    ((1u << SLOTS) - 1)
#define SLOT_HIGHEST  (SLOT_BUCKETS * SLOTS * 86 / 100) /* entries of a sub-table before a split */
#define SLOT_ALL      (SLOT_BUCKETS * SLOTS - 1) /* when splits do not help; a walk needs an end */
#define SLOT_STICKY   255
#define SLOT_SUBS_MAX (1u << 20)

struct slot_bucket {
        uint8_t low[SLOTS];    /* of the tags; 0: empty */
        uint32_t overflow : 8; /* entries that did not fit here and are farther on; 255: perhaps */
        uint32_t bit8 : SLOTS; /* of the tags: a bit a slot */
        uint32_t bit9 : SLOTS;
        uint32_t handle[SLOTS];
};
static_assert(sizeof(struct slot_bucket) == 64, "a bucket is a cache line");

struct slot_sub {
        uint32_t n;
        uint32_t prefix; /* the bits that its hashes share, at the top */
        uint32_t depth;  /* how many */
};

struct slot_index {
        struct pool subs;    /* struct slot_bucket [SLOT_BUCKETS] */
        struct region metas; /* struct slot_sub by sub-table */
        struct region directory;
        unsigned depth;      /* of the directory: 2^depth entries, each a sub-table */
        const char *records; /* a handle is the distance from here, in units of a record */
        uint64_t n;
        uint64_t refused; /* splits */
};

/* A slot that was found, or the next candidate. */
struct slot_walk {
        struct slot_bucket *sub;
        uint32_t at; /* bucket */
        uint32_t left;
        unsigned candidates; /* bits of slots not looked at */
        unsigned slot;
        unsigned tag;
};

bool slot_index_init(struct slot_index *x, uint32_t subs_max);
void slot_index_deinit(struct slot_index *x);

static inline struct slot_sub *slot_meta(const struct slot_index *x, uint32_t sub)
{
        return (struct slot_sub *)(void *)x->metas.base + sub;
}

static inline uint32_t *slot_directory(const struct slot_index *x)
{
        return (uint32_t *)(void *)x->directory.base;
}

static inline uint32_t slot_sub_of(const struct slot_index *x, uint32_t hash)
{
        return slot_directory(x)[(uint64_t)hash >> (32 - x->depth)];
}

static inline struct slot_bucket *slot_home(const struct slot_index *x, uint32_t hash)
{
        struct slot_bucket *sub = pool_at(&x->subs, slot_sub_of(x, hash));

        return sub + (hash & (SLOT_BUCKETS - 1));
}

/* Where a walk goes on from this bucket. */
static inline struct slot_bucket *slot_next(const struct slot_index *x, struct slot_bucket *b)
{
        size_t i = (size_t)(b - (struct slot_bucket *)(void *)x->subs.region.base);

        return (i + 1) % SLOT_BUCKETS != 0 ? b + 1 : b + 1 - SLOT_BUCKETS;
}

/* Bits of the slots whose byte is all ones. */
static inline unsigned slot_bits(bytes16 which)
{
#if defined(__SSE2__) && !defined(TABLE_PORTABLE)
        typedef char chars16 __attribute__((vector_size(16)));

        return (unsigned)__builtin_ia32_pmovmskb128((chars16)which) & SLOTS_MASK;
#else
        const uint64_t gather = UINT64_C(0x0102040810204080); /* the lowest bits of eight bytes */
        uint64_t halves[2];

        memcpy(halves, &which, sizeof halves);
        halves[0] = (BYTES_LE64(halves[0]) & BYTES_EACH(1)) * gather >> 56;
        halves[1] = (BYTES_LE64(halves[1]) & BYTES_EACH(1)) * gather >> 56;
        return (unsigned)(halves[0] | halves[1] << 8) & SLOTS_MASK;
#endif
}

static inline unsigned slot_empty(const struct slot_bucket *b)
{
        return slot_bits((bytes16)(bytes_get128(b->low) == 0));
}

/* Bits of the slots whose tag has a low byte of n in a row from this one on; empty ones too. */
static inline unsigned slot_match_low(const struct slot_bucket *b, unsigned first, unsigned n)
{
        return slot_bits((bytes16)(bytes_get128(b->low) - (uint8_t)first <= (uint8_t)(n - 1)));
}

/* Bits of the slots with these high bits of a tag, empty ones too. */
static inline unsigned slot_match_high(const struct slot_bucket *b, unsigned tag)
{
        unsigned differ = (b->bit8 ^ -(tag >> 8 & 1)) | (b->bit9 ^ -(tag >> 9 & 1));

        return ~differ & SLOTS_MASK;
}

static inline unsigned slot_match(const struct slot_bucket *b, unsigned tag)
{
        return slot_match_low(b, tag, 1) & slot_match_high(b, tag);
}

static inline unsigned slot_tag(const struct slot_bucket *b, unsigned slot)
{
        return b->low[slot] | (b->bit8 >> slot & 1) << 8 | (b->bit9 >> slot & 1) << 9;
}

static inline void slot_walk_begin(struct slot_walk *w, const struct slot_index *x, uint32_t hash,
                                   unsigned tag)
{
        w->sub = pool_at(&x->subs, slot_sub_of(x, hash));
        w->at = hash & (SLOT_BUCKETS - 1);
        w->left = SLOT_BUCKETS;
        w->tag = tag;
        w->candidates = slot_match(&w->sub[w->at], tag);
}

/* True: the slot of an entry with this tag, as likely as not the one that is looked for. */
static inline bool slot_walk_next(struct slot_walk *w)
{
        while (w->candidates == 0) {
                if (w->sub[w->at].overflow == 0 || --w->left == 0)
                        return false;
                w->at = (w->at + 1) & (SLOT_BUCKETS - 1);
                w->candidates = slot_match(&w->sub[w->at], w->tag);
        }
        w->slot = (unsigned)__builtin_ctz(w->candidates);
        w->candidates &= w->candidates - 1;
        return true;
}

static inline uint32_t *slot_handle(const struct slot_walk *w)
{
        return &w->sub[w->at].handle[w->slot];
}

/* The slot of this handle, which is there. */
void slot_index_find(const struct slot_index *x, uint32_t hash, uint32_t handle,
                     struct slot_walk *ret);

/*
 * Room for one more entry with this hash: by splits, each of which may add as much memory as is
 * left in *room. False: there is none; what was split stays so.
 */
bool slot_index_make_room(struct slot_index *x, uint32_t hash, size_t *room);
void slot_index_put(struct slot_index *x, uint32_t hash, unsigned tag, uint32_t handle);
void slot_index_remove(struct slot_index *x, uint32_t hash, const struct slot_walk *slot);

/* One step of giving back; true when there may be more to do. */
bool slot_index_trim(struct slot_index *x);

size_t slot_index_memory(const struct slot_index *x);
void slot_index_check(const struct slot_index *x); /* aborts on a broken invariant */

#endif
