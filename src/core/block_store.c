/* SPDX-License-Identifier: Apache-2.0 */
#include "block_store.h"

static size_t metas_bytes(uint32_t n)
{
        return (n * sizeof(struct block) + REGION_SMALL - 1) & ~(REGION_SMALL - 1);
}

bool block_store_init(struct block_store *s, uint32_t blocks_max)
{
        *s = (struct block_store){ 0 };
        if (!pool_init(&s->bytes, BLOCK_BYTES, blocks_max, TABLE_PAGE) ||
            !region_init(&s->metas, blocks_max * sizeof(struct block), REGION_SMALL))
                return false;
        pool_take(&s->bytes); /* NO_BLOCK */
        return true;
}

void block_store_deinit(struct block_store *s)
{
        pool_deinit(&s->bytes);
        region_deinit(&s->metas);
}

size_t block_store_memory(const struct block_store *s)
{
        return pool_memory(&s->bytes) + metas_bytes(s->bytes.n);
}

size_t block_store_growth(const struct block_store *s, uint32_t more)
{
        return pool_growth(&s->bytes, more) + metas_bytes(s->bytes.n + more) -
               metas_bytes(s->bytes.n);
}

uint32_t block_take(struct block_store *s, uint32_t log, uint64_t base)
{
        uint32_t block = pool_take(&s->bytes);

        *block_meta(s, block) = (struct block){ .log = log, .base = base };
        return block;
}

void block_free(struct block_store *s, uint32_t block)
{
        pool_free(&s->bytes, block);
}
