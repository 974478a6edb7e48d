/* SPDX-License-Identifier: Apache-2.0 */
/* The table as a whole: its life, and its memory. Entries: table_put.c, table_find.c. */
#include "crr/core/failure_table.h"

#include <assert.h>
#include <stdlib.h>

#include "table_private.h"

#define NAMES_MAX      (1u << 24) /* buckets, error codes, roles */
#define BUCKETS_RECENT 16384
#define SITES_RECENT   1024
#define NAMES_RECENT   256

/* LIFE */

/* Everything in address space for so many blocks of records. An entry takes at most a slot for each
 * 40 bytes of records, and a sub-table is at least half full of the half that a split leaves it. */
static bool reserve(struct failure_table *t, const struct failure_table_config *config,
                    uint32_t blocks_max)
{
        size_t subs_max = (size_t)blocks_max * BLOCK_BYTES / 40 / (SLOT_HIGHEST / 4) + 16;
        uint32_t names_max = blocks_max < NAMES_MAX / 64 ? blocks_max * 64 : NAMES_MAX;

        if (subs_max > SLOT_SUBS_MAX)
                subs_max = SLOT_SUBS_MAX;
        return record_logs_init(&t->logs, blocks_max, (uint32_t)subs_max) &&
               intern_init(&t->buckets, &t->key, names_max, BUCKETS_RECENT) &&
               intern_init(&t->error_codes, &t->key, names_max, NAMES_RECENT) &&
               intern_init(&t->roles, &t->key, names_max, NAMES_RECENT) &&
               intern_init(&t->sites, &t->key, config->sites_max, SITES_RECENT) &&
               region_init(&t->site_facts, config->sites_max * sizeof(struct site), REGION_SMALL) &&
               region_init(&t->walk->region, (size_t)config->sites_max * WALK_ITEM_BYTES,
                           REGION_SMALL);
}

static void release(struct failure_table *t)
{
        for (uint32_t site = 0; t->site_facts.base != NULL && site < t->sites.strings.n; site++)
                if (!pool_is_free(&t->sites.strings, site))
                        free(table_site(t, site)->logs);
        record_logs_deinit(&t->logs);
        intern_deinit(&t->buckets);
        intern_deinit(&t->error_codes);
        intern_deinit(&t->roles);
        intern_deinit(&t->sites);
        region_deinit(&t->site_facts);
        region_deinit(&t->walk->region);
}

static uint32_t blocks_for(size_t bytes)
{
        size_t blocks = bytes / BLOCK_BYTES + 4 * (size_t)LOG_BLOCKS_NEEDED;

        return blocks < BLOCK_STORE_MAX ? (uint32_t)blocks : BLOCK_STORE_MAX;
}

struct failure_table *failure_table_new(const struct failure_table_config *config)
{
        struct failure_table *t = calloc(1, sizeof *t);

        assert(config->sites_max <= LIMIT_SITES);
        if (t != NULL)
                t->walk = calloc(1, sizeof *t->walk);
        if (t == NULL || t->walk == NULL)
                abort();
        t->key = config->key;
        t->memory_limit = config->memory_limit;
        if (reserve(t, config, BLOCK_STORE_MAX))
                return t;
        release(t);
        if (reserve(t, config, blocks_for(config->memory_limit)))
                return t;
        failure_table_free(t);
        return NULL;
}

void failure_table_free(struct failure_table *t)
{
        if (t == NULL)
                return;
        release(t);
        free(t->walk);
        free(t);
}

/* MEMORY */

static size_t string_bytes(const struct failure_table *t)
{
        return intern_memory(&t->buckets) + intern_memory(&t->sites) +
               intern_memory(&t->error_codes) + intern_memory(&t->roles);
}

static size_t other_bytes(const struct failure_table *t)
{
        return sizeof *t + t->small_bytes + t->sites.strings.n * sizeof(struct site);
}

size_t failure_table_memory(const struct failure_table *t)
{
        return record_logs_memory(&t->logs) + string_bytes(t) + other_bytes(t);
}

size_t failure_table_memory_limit(const struct failure_table *t)
{
        return t->memory_limit;
}

void failure_table_set_memory_limit(struct failure_table *t, size_t bytes)
{
        t->memory_limit = bytes;
}

/* Memory comes by pages: what is left below the limit is of use only if the next one fits, where
 * one is needed. */
size_t failure_table_room(const struct failure_table *t)
{
        const struct pool *blocks = &t->logs.blocks.bytes;
        size_t memory = failure_table_memory(t);
        size_t below = t->memory_limit > memory ? t->memory_limit - memory : 0;

        if (pool_growth(blocks, LOG_BLOCKS_NEEDED) + pool_growth(&t->logs.index.subs, 1) > below)
                return 0;
        return below + blocks->resident - (size_t)pool_used(blocks) * BLOCK_BYTES;
}

unsigned failure_table_sites_left(const struct failure_table *t)
{
        return intern_left(&t->sites);
}

void *table_begin_walk(const struct failure_table *t)
{
        assert(!t->walk->is_used);
        t->walk->is_used = true;
        return t->walk->region.base;
}

void table_end_walk(const struct failure_table *t)
{
        t->walk->is_used = false;
}

void failure_table_stats(const struct failure_table *t, struct failure_table_stats *ret)
{
        const struct record_logs *l = &t->logs;

        *ret = (struct failure_table_stats){
                .splits_refused = l->index.refused,
                .merges = l->merges,
                .moved = l->moved,
                .blocks = pool_used(&l->blocks.bytes),
                .blocks_free = l->blocks.bytes.n_free,
                .block_bytes = BLOCK_BYTES,
                .sub_tables = pool_used(&l->index.subs),
                .sub_tables_free = l->index.subs.n_free,
                .slots = (size_t)pool_used(&l->index.subs) * SLOT_BUCKETS * SLOTS,
                .entries = l->index.n,
                .record_bytes = block_store_memory(&l->blocks),
                .index_bytes = slot_index_memory(&l->index),
                .string_bytes = string_bytes(t),
                .other_bytes = other_bytes(t) + pool_memory(&l->logs) + l->list_bytes,
        };
}
