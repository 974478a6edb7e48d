/* SPDX-License-Identifier: Apache-2.0 */
#include "log_rewrite.h"

#include <assert.h>
#include <string.h>

/* A neighbour came or went: what was found about the windows around it does not hold any more. */
static void unsettle(struct record_logs *s, uint32_t block)
{
        uint32_t left = block, right = block;

        for (int i = 0; i < TABLE_WINDOW; i++) {
                if (left != NO_BLOCK) {
                        block_meta(&s->blocks, left)->is_settled = false;
                        left = block_meta(&s->blocks, left)->prev;
                }
                if (right != NO_BLOCK) {
                        block_meta(&s->blocks, right)->is_settled = false;
                        right = block_meta(&s->blocks, right)->next;
                }
        }
}

static void link_block(struct record_logs *s, uint32_t log, uint32_t block, uint32_t after)
{
        struct block_list *list = &record_log_at(s, log)->blocks;

        s->list_bytes -= block_list_memory(list);
        block_list_insert(list, &s->blocks, block, after);
        s->list_bytes += block_list_memory(list);
        unsettle(s, block);
}

static void unlink_block(struct record_logs *s, uint32_t block)
{
        const struct block *b = block_meta(&s->blocks, block);
        struct record_log *l = record_log_at(s, b->log);

        unsettle(s, block);
        s->list_bytes -= block_list_memory(&l->blocks);
        block_list_remove(&l->blocks, &s->blocks, block);
        s->list_bytes += block_list_memory(&l->blocks);
}

uint32_t log_add_block(struct record_logs *s, uint32_t log, uint32_t after, uint64_t offset)
{
        uint32_t block = block_take(&s->blocks, log, offset);

        link_block(s, log, block, after);
        return block;
}

void log_remove_block(struct record_logs *s, uint32_t block)
{
        unlink_block(s, block);
        block_free(&s->blocks, block);
}

/* REWRITING */

struct rewrite {
        struct record_logs *s;
        uint32_t log;
        uint32_t to;   /* the block that is being written */
        bool is_begun; /* `to` is a new one */

        const uint8_t *more; /* a record to be put in between; NULL: none, or done */
        uint32_t more_units;
        uint64_t more_offset;
        uint32_t more_handle; /* out */
};

static uint32_t write_record(struct rewrite *rw, const uint8_t *record, uint32_t units,
                             uint64_t offset)
{
        struct block *b = block_meta(&rw->s->blocks, rw->to);
        uint8_t *at;

        if (!rw->is_begun || b->used + units > BLOCK_UNITS || offset - b->base > UINT32_MAX) {
                rw->to = log_add_block(rw->s, rw->log, rw->to, offset);
                rw->is_begun = true;
                b = block_meta(&rw->s->blocks, rw->to);
        }
        at = block_bytes(&rw->s->blocks, rw->to) + (size_t)b->used * RECORD_UNIT;
        memcpy(at, record, (size_t)units * RECORD_UNIT);
        b->last_delta = (uint32_t)(offset - b->base);
        record_set_delta(at, b->last_delta);
        block_fetch_behind(at + (size_t)units * RECORD_UNIT);
        b->used = (uint16_t)(b->used + units);
        b->live = b->used;
        b->n++;
        return record_handle(&rw->s->blocks, at);
}

static void write_more(struct rewrite *rw)
{
        rw->more_handle = write_record(rw, rw->more, rw->more_units, rw->more_offset);
        rw->more = NULL;
}

static void copy_block(struct rewrite *rw, uint32_t block)
{
        uint64_t base = block_meta(&rw->s->blocks, block)->base;
        struct block_walk w = block_walk_begin(rw->s, block);
        struct slot_walk slot;
        uint8_t *record;

        while ((record = block_walk_next(&w)) != NULL) {
                uint64_t offset = base + record_delta(record);

                if (rw->more != NULL && rw->more_offset < offset)
                        write_more(rw);
                slot_index_find(&rw->s->index, record_hash(record),
                                record_handle(&rw->s->blocks, record), &slot);
                *slot_handle(&slot) = write_record(rw, record, record_units(record), offset);
                rw->s->moved++;
        }
}

/* The old blocks leave the list first, so that it is in order while the new ones come. */
static void rewrite_window(struct rewrite *rw, uint32_t first, unsigned n)
{
        uint32_t old[TABLE_WINDOW];

        rw->to = block_meta(&rw->s->blocks, first)->prev;
        for (unsigned i = 0; i < n; i++) {
                old[i] = first;
                block_fetch_first(&rw->s->blocks, first);
                first = block_meta(&rw->s->blocks, first)->next;
                unlink_block(rw->s, old[i]);
        }
        for (unsigned i = 0; i < n; i++)
                copy_block(rw, old[i]);
        if (rw->more != NULL)
                write_more(rw);
        for (unsigned i = 0; i < n; i++)
                block_free(&rw->s->blocks, old[i]);
}

uint32_t log_rewrite_with(struct record_logs *s, uint32_t log, uint32_t block,
                          const uint8_t *record, uint32_t units, uint64_t offset)
{
        struct rewrite rw = {
                .s = s, .log = log, .more = record, .more_units = units, .more_offset = offset
        };

        rewrite_window(&rw, block, 1);
        return rw.more_handle;
}

void record_log_move(struct record_logs *s, uint32_t block)
{
        struct rewrite rw = { .s = s, .log = block_meta(&s->blocks, block)->log };

        rewrite_window(&rw, block, 1);
}

/* MERGING */

/* Fill blocks with a block's records: so many are full, and so many units of the next. */
struct filling {
        unsigned full;
        uint32_t used;
};

static struct filling fill_with(const struct record_logs *s, uint32_t block, struct filling f)
{
        struct block_walk w = block_walk_begin(s, block);
        const uint8_t *record;

        while ((record = block_walk_next(&w)) != NULL) {
                uint32_t units = record_units(record);

                if (f.used + units > BLOCK_UNITS) {
                        f.full++;
                        f.used = 0;
                }
                f.used += units;
        }
        return f;
}

/* Blocks that a rewrite of these would fill. */
static unsigned count_rewritten(const struct record_logs *s, uint32_t first, unsigned n)
{
        struct filling f = { 0, 0 };

        for (unsigned i = 0; i < n; i++, first = block_meta(&s->blocks, first)->next)
                f = fill_with(s, first, f);
        return f.full + 1;
}

/* A window of adjacent blocks, and what lives in them. */
struct window {
        uint32_t first, last;
        unsigned n;
        uint32_t live, records;
};

/*
 * Less than a record is lost at the end of a block. Where there is room for two average ones the
 * window is taken to fit, because to count costs a walk through all of it. One that does not fit
 * after all is written into as many blocks as it had, which does no harm.
 */
static bool has_room_to_spare(const struct window *w)
{
        uint64_t spare = (w->n - 1) * BLOCK_UNITS - w->live;

        return spare * w->records >= UINT64_C(2) * (w->n - 1) * w->live;
}

/* Do they fit into one block less? Offsets are kept as distances of 32 bits. */
static bool fits(const struct record_logs *s, const struct window *w)
{
        const struct block *last = block_meta(&s->blocks, w->last);

        if (w->live > (w->n - 1) * BLOCK_FULL ||
            last->base + last->last_delta - block_meta(&s->blocks, w->first)->base > UINT32_MAX)
                return false;
        return has_room_to_spare(w) || count_rewritten(s, w->first, w->n) < w->n;
}

/* The blocks up to TABLE_WINDOW - 1 away, in order, from `first` on; the one asked for is in the
 * middle. */
struct surroundings {
        uint32_t block[2 * TABLE_WINDOW - 1];
        uint16_t live[2 * TABLE_WINDOW - 1], records[2 * TABLE_WINDOW - 1];
        unsigned first, end;
};

static void look_at(const struct record_logs *s, struct surroundings *around, unsigned place,
                    uint32_t block)
{
        around->block[place] = block;
        around->live[place] = block_meta(&s->blocks, block)->live;
        around->records[place] = block_meta(&s->blocks, block)->n;
}

/* Both ways at once: each step waits for the one before it. */
static struct surroundings look_around(const struct record_logs *s, uint32_t block)
{
        struct surroundings around = { .first = TABLE_WINDOW - 1, .end = TABLE_WINDOW };
        uint32_t left = block, right = block;

        look_at(s, &around, TABLE_WINDOW - 1, block);
        for (unsigned i = 1; i < TABLE_WINDOW; i++) {
                left = left != NO_BLOCK ? block_meta(&s->blocks, left)->prev : NO_BLOCK;
                right = right != NO_BLOCK ? block_meta(&s->blocks, right)->next : NO_BLOCK;
                if (left != NO_BLOCK)
                        look_at(s, &around, --around.first, left);
                if (right != NO_BLOCK)
                        look_at(s, &around, around.end++, right);
        }
        return around;
}

static struct window window_of(const struct surroundings *around, unsigned first, unsigned n)
{
        struct window w = { around->block[first], around->block[first + n - 1], n, 0, 0 };

        for (unsigned i = first; i < first + n; i++) {
                w.live += around->live[i];
                w.records += around->records[i];
        }
        return w;
}

/* The smallest window with this block in it that fits; n = 0: there is none. */
static struct window find_window(const struct record_logs *s, uint32_t block)
{
        struct surroundings around = look_around(s, block);

        for (unsigned n = 2; n <= TABLE_WINDOW; n++) {
                for (unsigned first = TABLE_WINDOW - n; first < TABLE_WINDOW; first++) {
                        struct window w;

                        if (first < around.first || first + n > around.end)
                                continue;
                        w = window_of(&around, first, n);
                        if (fits(s, &w))
                                return w;
                }
        }
        return (struct window){ .n = 0 };
}

bool log_can_merge_around(const struct record_logs *s, uint32_t block)
{
        return find_window(s, block).n > 0;
}

void log_merge_around(struct record_logs *s, uint32_t block)
{
        struct block *b = block_meta(&s->blocks, block);
        struct window window = find_window(s, block);
        struct rewrite rw = { .s = s, .log = b->log };

        if (window.n == 0) {
                b->is_settled = true;
                b->tried = (uint8_t)((b->used - b->live) / TABLE_MERGE_STEP);
                return;
        }
        if (pool_left(&s->blocks.bytes) < LOG_BLOCKS_NEEDED)
                return;
        rewrite_window(&rw, window.first, window.n);
        s->merges++;
}
