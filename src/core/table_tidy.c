/* SPDX-License-Identifier: Apache-2.0 */
/* Work that nobody waits for: what was dropped is freed, and memory is given back or got ahead. */
#include "log_rewrite.h"
#include "table_private.h"

/* So much memory is got ahead: a share of what is in use, within these bounds. */
#define AHEAD_SHARE 16
#define AHEAD_LEAST (2 * REGION_HUGE)
#define AHEAD_MOST  (16 * REGION_HUGE)

/* REAPING */

static void reap_block(struct failure_table *t, uint32_t block)
{
        struct block_walk w = block_walk_begin(&t->logs, block);
        struct record_log *l = record_log_at(&t->logs, block_meta(&t->logs.blocks, block)->log);
        uint8_t *record;

        while ((record = block_walk_next(&w)) != NULL) {
                uint32_t hash = record_hash(record);
                struct slot_walk slot;

                slot_index_find(&t->logs.index, hash, record_handle(&t->logs.blocks, record),
                                &slot);
                slot_index_remove(&t->logs.index, hash, &slot);
                table_release_names(t, record);
                l->n--;
        }
        log_remove_block(&t->logs, block);
}

bool failure_table_reap(struct failure_table *t, unsigned steps)
{
        while (t->dropped_log != NO_LOG && steps > 0) {
                uint32_t log = t->dropped_log;
                struct record_log *l = record_log_at(&t->logs, log);

                if (l->blocks.last != NO_BLOCK) {
                        reap_block(t, l->blocks.last);
                        steps--;
                        continue;
                }
                t->dropped_log = l->next;
                t->n_hidden--;
                table_free_log(t, log);
        }
        return t->dropped_log != NO_LOG;
}

/* GIVING BACK */

static bool lower_blocks(struct failure_table *t)
{
        struct pool *blocks = &t->logs.blocks.bytes;
        uint32_t top = blocks->n - 1;

        if (!pool_is_loose(blocks))
                return false;
        if (!pool_is_free(blocks, top))
                record_log_move(&t->logs, top);
        pool_lower(blocks);
        return true;
}

bool failure_table_trim(struct failure_table *t, unsigned steps)
{
        for (; steps > 0; steps--)
                if (!lower_blocks(t) && !slot_index_trim(&t->logs.index))
                        return false;
        return failure_table_is_loose(t);
}

bool failure_table_is_loose(const struct failure_table *t)
{
        return pool_is_loose(&t->logs.blocks.bytes) || pool_is_loose(&t->logs.index.subs);
}

/* PAGES */

static size_t ahead_of(const struct pool *blocks)
{
        size_t ahead = (size_t)blocks->n * BLOCK_BYTES / AHEAD_SHARE;

        if (ahead < AHEAD_LEAST)
                return AHEAD_LEAST;
        return ahead < AHEAD_MOST ? ahead : AHEAD_MOST;
}

bool failure_table_wants_pages(struct failure_table *t, struct page_range *ret)
{
        struct pool *blocks = &t->logs.blocks.bytes, *subs = &t->logs.index.subs;
        size_t memory = failure_table_memory(t);
        size_t most = t->memory_limit > memory ? (t->memory_limit - memory) / 2 : 0;

        return pool_wants_touch(blocks, ahead_of(blocks), most, ret) ||
               pool_wants_touch(subs, TABLE_PAGE, most, ret);
}

void failure_table_got_pages(struct failure_table *t, const struct page_range *range)
{
        struct pool *blocks = &t->logs.blocks.bytes, *subs = &t->logs.index.subs;

        pool_touched(pool_holds(blocks, range) ? blocks : subs, range);
}
