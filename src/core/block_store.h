/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_BLOCK_STORE_H
#define CRR_SRC_CORE_BLOCK_STORE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crr/base/pool.h"
#include "record.h"
#include "table_geometry.h"

/*
 * Block store: the memory of all records, in blocks of one size, and what is known of each block.
 * A record is named by its handle, the distance from the beginning in units: 32 bits for 32 GiB.
 *
 * Ownership  A block belongs to one log (record_log.h) from block_take() to block_free().
 */
#define BLOCK_BYTES     (1u << TABLE_BLOCK_SHIFT)
#define BLOCK_UNITS     (BLOCK_BYTES / RECORD_UNIT)
#define BLOCK_FULL      (BLOCK_UNITS * TABLE_FILL / 100)
#define BLOCK_STORE_MAX (UINT32_MAX / BLOCK_UNITS)
#define NO_BLOCK        0 /* never given out, so that no record has the handle 0 */

struct block {
        uint64_t base;       /* offset of its first record */
        uint32_t prev, next; /* in its log; NO_BLOCK: none */
        uint32_t log;
        uint32_t last_delta; /* of its last record: they do not decrease */
        uint16_t used, live; /* units: of all records, and of those that are not dead */
        uint16_t n;          /* records that are not dead */
        bool is_settled;     /* when it was tried last no window around it could be merged */
        uint8_t tried;       /* TABLE_MERGE_STEPs that it had lost then */
};
static_assert(sizeof(struct block) == 32, "two of them to a cache line");

struct block_store {
        struct pool bytes;
        struct region metas; /* struct block */
};

bool block_store_init(struct block_store *s, uint32_t blocks_max);
void block_store_deinit(struct block_store *s);
size_t block_store_memory(const struct block_store *s);
size_t block_store_growth(const struct block_store *s, uint32_t more); /* for so many blocks */

static inline struct block *block_meta(const struct block_store *s, uint32_t block)
{
        return (struct block *)(void *)s->metas.base + block;
}

static inline uint8_t *block_bytes(const struct block_store *s, uint32_t block)
{
        return (uint8_t *)s->bytes.region.base + ((size_t)block << TABLE_BLOCK_SHIFT);
}

static inline uint32_t block_of(uint32_t handle)
{
        return handle / BLOCK_UNITS;
}

static inline uint8_t *record_at(const struct block_store *s, uint32_t handle)
{
        return (uint8_t *)s->bytes.region.base + (size_t)handle * RECORD_UNIT;
}

static inline uint32_t record_handle(const struct block_store *s, const uint8_t *record)
{
        return (uint32_t)((size_t)(record - (uint8_t *)s->bytes.region.base) / RECORD_UNIT);
}

static inline uint64_t record_offset(const struct block_store *s, uint32_t handle)
{
        return block_meta(s, block_of(handle))->base + record_delta(record_at(s, handle));
}

/* Fetch the lines behind this place, of two records mostly. What is to be written is fetched too: a
 * store that waits for its line holds up all those after it. */
static ALWAYS_INLINE void block_fetch_behind(const uint8_t *at)
{
        for (size_t i = 1; i <= 4; i++)
                __builtin_prefetch(at + i * 64, 1);
}

/* What a walk needs before it can fetch anything itself: each record tells where the next one is.
 */
#define BLOCK_FETCHED 512
static ALWAYS_INLINE void block_fetch_first(const struct block_store *s, uint32_t block)
{
        for (size_t at = 0; at <= BLOCK_FETCHED; at += 64)
                __builtin_prefetch(block_bytes(s, block) + at);
}

uint32_t block_take(struct block_store *s, uint32_t log, uint64_t base); /* zeroed but for these */
void block_free(struct block_store *s, uint32_t block);

#endif
