/* SPDX-License-Identifier: Apache-2.0 */
#include "record_log.h"

#include <assert.h>
#include <string.h>

#include "log_rewrite.h"

#define LEAD 16

bool record_logs_init(struct record_logs *s, uint32_t blocks_max, uint32_t subs_max)
{
        *s = (struct record_logs){ 0 };
        if (!block_store_init(&s->blocks, blocks_max) || !slot_index_init(&s->index, subs_max) ||
            !pool_init(&s->logs, sizeof(struct record_log), blocks_max, REGION_SMALL))
                return false;
        s->index.records = s->blocks.bytes.region.base;
        pool_take(&s->logs); /* NO_LOG */
        return true;
}

void record_logs_deinit(struct record_logs *s)
{
        for (uint32_t log = NO_LOG + 1; log < s->logs.n; log++)
                if (!pool_is_free(&s->logs, log))
                        block_list_deinit(&record_log_at(s, log)->blocks);
        pool_deinit(&s->logs);
        slot_index_deinit(&s->index);
        block_store_deinit(&s->blocks);
}

size_t record_logs_memory(const struct record_logs *s)
{
        return block_store_memory(&s->blocks) + slot_index_memory(&s->index) +
               pool_memory(&s->logs) + s->list_bytes;
}

uint32_t record_log_new(struct record_logs *s, uint32_t site, int partition, int state)
{
        uint32_t log = pool_take(&s->logs);

        *record_log_at(s, log) = (struct record_log){ .site = site,
                                                      .partition = (uint16_t)partition,
                                                      .state = (uint8_t)state };
        s->list_bytes += block_list_memory(&record_log_at(s, log)->blocks);
        return log;
}

void record_log_free(struct record_logs *s, uint32_t log)
{
        struct record_log *l = record_log_at(s, log);

        for (uint32_t block = l->blocks.first, next; block != NO_BLOCK; block = next) {
                next = block_meta(&s->blocks, block)->next;
                block_free(&s->blocks, block);
        }
        s->list_bytes -= block_list_memory(&l->blocks);
        block_list_deinit(&l->blocks);
        pool_free(&s->logs, log);
}

/* WALKING */

struct block_walk block_walk_begin(const struct record_logs *s, uint32_t block)
{
        uint8_t *at = block_bytes(&s->blocks, block);
        uint8_t *end = at + (size_t)block_meta(&s->blocks, block)->used * RECORD_UNIT;

        return (struct block_walk){ s, at, end, at, 0 };
}

static void look_ahead(struct block_walk *w)
{
        for (; w->lead < LEAD && w->ahead < w->end; w->lead++) {
                __builtin_prefetch(slot_home(&w->s->index, record_hash(w->ahead)), 1);
                block_fetch_behind(w->ahead + BLOCK_FETCHED);
                w->ahead += (size_t)record_units(w->ahead) * RECORD_UNIT;
        }
}

uint8_t *block_walk_next(struct block_walk *w)
{
        while (w->at < w->end) {
                uint8_t *record = w->at;

                look_ahead(w);
                w->at += (size_t)record_units(record) * RECORD_UNIT;
                w->lead--;
                if (!record_is_dead(record))
                        return record;
        }
        return NULL;
}

/* PUTTING */

static bool has_room(const struct block *b, uint32_t units, uint64_t offset)
{
        return b->used + units <= BLOCK_UNITS && offset - b->base <= UINT32_MAX;
}

static uint32_t write_behind(struct record_logs *s, uint32_t block, uint8_t *record, uint32_t units,
                             uint64_t offset)
{
        struct block *b = block_meta(&s->blocks, block);
        uint8_t *at = block_bytes(&s->blocks, block) + (size_t)b->used * RECORD_UNIT;

        b->last_delta = (uint32_t)(offset - b->base);
        record_set_delta(record, b->last_delta);
        memcpy(at, record, (size_t)units * RECORD_UNIT);
        block_fetch_behind(at + (size_t)units * RECORD_UNIT);
        b->used = (uint16_t)(b->used + units);
        b->live = (uint16_t)(b->live + units);
        b->n++;
        return record_handle(&s->blocks, at);
}

static uint64_t end_of(const struct block *b)
{
        return b->base + b->last_delta;
}

/* Behind a block, or in it; out of order, between its records. */
static uint32_t put_near(struct record_logs *s, uint32_t log, uint32_t block, uint8_t *record,
                         uint32_t units, uint64_t offset)
{
        const struct block *b = block_meta(&s->blocks, block);

        if (offset < end_of(b))
                return log_rewrite_with(s, log, block, record, units, offset);
        if (!has_room(b, units, offset))
                block = log_add_block(s, log, block, offset);
        return write_behind(s, block, record, units, offset);
}

uint32_t record_log_put(struct record_logs *s, uint32_t log, uint8_t *record, uint32_t units,
                        uint64_t offset)
{
        struct record_log *l = record_log_at(s, log);
        uint32_t tail = l->blocks.last;

        l->n++;
        if (tail == NO_BLOCK) {
                tail = log_add_block(s, log, NO_BLOCK, offset);
                return write_behind(s, tail, record, units, offset);
        }
        if (offset < end_of(block_meta(&s->blocks, tail))) {
                l->oldest_is_known = false;
                tail = block_list_seek(&l->blocks, &s->blocks, offset);
        }
        return put_near(s, log, tail, record, units, offset);
}

/* REMOVING */

void record_log_kill(struct record_logs *s, uint32_t handle)
{
        uint8_t *record = record_at(&s->blocks, handle);
        struct block *b = block_meta(&s->blocks, block_of(handle));
        struct record_log *l = record_log_at(s, b->log);

        record_set_flags(record, record_flags(record) | RECORD_DEAD);
        b->live = (uint16_t)(b->live - record_units(record));
        b->n--;
        l->n--;
        if (b->prev == NO_BLOCK)
                l->oldest_is_known = false;
}

/* Between two tries a block loses TABLE_MERGE_STEP units: most removals look at no neighbour. */
static bool is_worth_a_try(const struct block *b)
{
        return b->live <= BLOCK_UNITS * TABLE_MERGE_BELOW / 100 &&
               (b->used - b->live) / TABLE_MERGE_STEP != b->tried;
}

void record_log_tidy(struct record_logs *s, uint32_t block)
{
        struct block *b = block_meta(&s->blocks, block);

        if (pool_is_free(&s->blocks.bytes, block))
                return; /* a rewrite took what was left of it */
        if (b->n == 0)
                log_remove_block(s, block);
        else if (is_worth_a_try(b))
                log_merge_around(s, block);
}
