/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_BASE_POOL_H
#define CRR_BASE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crr/base/region.h"

/*
 * Pool: items of one size in one region, named by their index. The lowest free index is given out
 * first, so that what is in use gathers at the bottom, and the memory of the top can be given back.
 *
 * Ownership  An item is the taker's from pool_take() to pool_free(). It never moves. Its bytes are
 *            not cleared.
 * Cost       O(1), but for the search of the lowest free index: a bit each, behind the last found.
 *            No system call but in pool_lower().
 * Units      Memory in bytes, as the process has it: whole pages of the region.
 */
struct pool {
        struct region region;
        size_t item_bytes;
        uint32_t capacity;
        uint32_t n;       /* indices below it were given out once; some of them are free again */
        uint32_t n_free;  /* those */
        uint32_t lowest;  /* no word of `free` below this one has a bit */
        uint64_t *free;   /* a bit per index */
        size_t resident;  /* bytes from the base that have memory: those of n items, or more */
        bool is_touching; /* pages above are being touched */
};

bool pool_init(struct pool *p, size_t item_bytes, uint32_t capacity, size_t page);
void pool_deinit(struct pool *p);

static inline void *pool_at(const struct pool *p, uint32_t i)
{
        return p->region.base + (size_t)i * p->item_bytes;
}

uint32_t pool_take(struct pool *p); /* pool_left() > 0 */
void pool_free(struct pool *p, uint32_t i);
bool pool_is_free(const struct pool *p, uint32_t i);

static inline uint32_t pool_used(const struct pool *p)
{
        return p->n - p->n_free;
}

uint32_t pool_left(const struct pool *p);                /* items that can still be taken */
size_t pool_memory(const struct pool *p);                /* bytes in use, or kept for use */
size_t pool_growth(const struct pool *p, uint32_t more); /* bytes that so many items would add */

/*
 * Giving back: while the pool is loose, move its top item into a hole that pool_take() finds, if it
 * is in use, free it, and lower the top. At most one page is given back a call.
 */
bool pool_is_loose(const struct pool *p); /* some pages' worth of holes, and an eighth */
void pool_lower(struct pool *p);          /* the top item is free */

/*
 * Touching ahead: true and the range above the top whose memory another thread should get before
 * it is needed (region_touch()), when less than half of `ahead` bytes is left there; at most `most`
 * bytes. Then pool_touched(), always; until then no other is named.
 */
struct page_range {
        char *base;
        size_t bytes;
};
bool pool_wants_touch(struct pool *p, size_t ahead, size_t most, struct page_range *ret);
bool pool_holds(const struct pool *p, const struct page_range *range); /* it is of this pool */
void pool_touched(struct pool *p, const struct page_range *range);

#endif
