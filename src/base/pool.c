/* SPDX-License-Identifier: Apache-2.0 */
#include "crr/base/pool.h"

#include <assert.h>
#include <stdlib.h>

static size_t round_up(size_t bytes, size_t page)
{
        return (bytes + page - 1) & ~(page - 1);
}

bool pool_init(struct pool *p, size_t item_bytes, uint32_t capacity, size_t page)
{
        size_t words = ((size_t)capacity + 63) / 64;

        *p = (struct pool){ .item_bytes = item_bytes, .capacity = capacity };
        if (!region_init(&p->region, round_up(capacity * item_bytes, page), page))
                return false;
        p->free = calloc(words, sizeof *p->free);
        if (p->free == NULL)
                abort();
        return true;
}

void pool_deinit(struct pool *p)
{
        assert(!p->is_touching);
        region_deinit(&p->region);
        free(p->free);
        *p = (struct pool){ 0 };
}

static uint32_t take_hole(struct pool *p)
{
        unsigned bit;

        while (p->free[p->lowest] == 0)
                p->lowest++;
        bit = (unsigned)__builtin_ctzll(p->free[p->lowest]);
        p->free[p->lowest] &= ~(UINT64_C(1) << bit);
        p->n_free--;
        return p->lowest * 64 + bit;
}

uint32_t pool_take(struct pool *p)
{
        size_t bytes;

        if (p->n_free > 0)
                return take_hole(p);
        assert(p->n < p->capacity);
        p->n++;
        bytes = (size_t)p->n * p->item_bytes;
        if (bytes > p->resident)
                p->resident = round_up(bytes, p->region.page);
        return p->n - 1;
}

void pool_free(struct pool *p, uint32_t i)
{
        assert(i < p->n && !pool_is_free(p, i));
        p->free[i / 64] |= UINT64_C(1) << (i % 64);
        p->n_free++;
        if (i / 64 < p->lowest)
                p->lowest = i / 64;
}

bool pool_is_free(const struct pool *p, uint32_t i)
{
        return (p->free[i / 64] >> (i % 64) & 1) != 0;
}

uint32_t pool_left(const struct pool *p)
{
        return p->capacity - pool_used(p);
}

size_t pool_memory(const struct pool *p)
{
        return p->resident + p->n / 8;
}

size_t pool_growth(const struct pool *p, uint32_t more)
{
        size_t bytes;

        if (more <= p->n_free)
                return 0;
        bytes = round_up((size_t)(p->n + (more - p->n_free)) * p->item_bytes, p->region.page);
        return bytes > p->resident ? bytes - p->resident : 0;
}

/* GIVING BACK */

bool pool_is_loose(const struct pool *p)
{
        uint32_t used = pool_used(p);
        size_t slack = p->region.page / 4 / p->item_bytes;

        return p->n_free > 0 && p->n > used + used / 8 + slack;
}

void pool_lower(struct pool *p)
{
        uint32_t top = p->n - 1;
        size_t needed;

        assert(p->n > 0 && pool_is_free(p, top));
        p->free[top / 64] &= ~(UINT64_C(1) << (top % 64));
        p->n_free--;
        p->n = top;
        needed = round_up((size_t)p->n * p->item_bytes, p->region.page);
        if (p->resident <= needed || p->is_touching)
                return;
        p->resident -= p->region.page;
        region_give_back(&p->region, p->resident, p->region.page);
}

/* TOUCHING AHEAD */

bool pool_wants_touch(struct pool *p, size_t ahead, size_t most, struct page_range *ret)
{
        size_t used = (size_t)p->n * p->item_bytes;
        size_t ready = p->resident - used + (size_t)p->n_free * p->item_bytes;
        size_t end = round_up(used + ahead, p->region.page);

        most -= most % p->region.page;
        if (end > p->resident + most)
                end = p->resident + most;
        if (end > p->region.size)
                end = p->region.size;
        if (p->is_touching || ready >= ahead / 2 || end <= p->resident)
                return false;
        p->is_touching = true;
        *ret = (struct page_range){ p->region.base + p->resident, end - p->resident };
        return true;
}

bool pool_holds(const struct pool *p, const struct page_range *range)
{
        return range->base >= p->region.base && range->base < p->region.base + p->region.size;
}

void pool_touched(struct pool *p, const struct page_range *range)
{
        size_t end = (size_t)(range->base - p->region.base) + range->bytes;

        assert(p->is_touching);
        p->is_touching = false;
        if (end > p->resident)
                p->resident = end;
}
