/* SPDX-License-Identifier: Apache-2.0 */
/* Order: pages by position, a heap over the logs of a partition. */
#include <assert.h>

#include "table_private.h"
#include "version_pack.h"

#define FETCH_AHEAD 1024 /* bytes */

/* Where the walk stands in one log; the heap's least offset is the next row. */
struct cursor {
        const struct record_log *log;
        const uint8_t *record, *end; /* of what is in the block */
        uint64_t base;               /* of the block */
        uint64_t offset;
        uint32_t block;
};
static_assert(sizeof(struct cursor) <= WALK_ITEM_BYTES, "LIMIT_SITES of them fit");

struct heap {
        const struct failure_table *t;
        struct cursor *cursors;
        size_t n;
};

/* CURSORS */

static void enter_block(const struct failure_table *t, struct cursor *c, uint32_t block)
{
        const struct block *b = block_meta(&t->logs.blocks, block);

        c->block = block;
        c->base = b->base;
        c->record = block_bytes(&t->logs.blocks, block);
        c->end = c->record + (size_t)b->used * RECORD_UNIT;
        if (b->next != NO_BLOCK)
                __builtin_prefetch(block_bytes(&t->logs.blocks, b->next));
}

/* To the first record from here on that lives; false: there is none. */
static bool find_live(const struct failure_table *t, struct cursor *c)
{
        for (;;) {
                for (; c->record < c->end;
                     c->record += (size_t)record_units(c->record) * RECORD_UNIT) {
                        __builtin_prefetch(c->record + FETCH_AHEAD);
                        if (record_is_dead(c->record))
                                continue;
                        c->offset = c->base + record_delta(c->record);
                        return true;
                }
                if (block_meta(&t->logs.blocks, c->block)->next == NO_BLOCK)
                        return false;
                enter_block(t, c, block_meta(&t->logs.blocks, c->block)->next);
        }
}

static bool advance(const struct failure_table *t, struct cursor *c)
{
        c->record += (size_t)record_units(c->record) * RECORD_UNIT;
        return find_live(t, c);
}

static bool seek(const struct failure_table *t, struct cursor *c, uint64_t offset)
{
        enter_block(t, c, block_list_seek(&c->log->blocks, &t->logs.blocks, offset));
        if (!find_live(t, c))
                return false;
        while (c->offset < offset)
                if (!advance(t, c))
                        return false;
        return true;
}

/* THE HEAP */

static void sift_down(struct heap *h, size_t i)
{
        struct cursor moved = h->cursors[i];

        for (;;) {
                size_t child = 2 * i + 1;

                if (child + 1 < h->n && h->cursors[child + 1].offset < h->cursors[child].offset)
                        child++;
                if (child >= h->n || h->cursors[child].offset >= moved.offset)
                        break;
                h->cursors[i] = h->cursors[child];
                i = child;
        }
        h->cursors[i] = moved;
}

static void add_cursor(struct heap *h, uint32_t log, uint64_t offset)
{
        struct cursor c = { .log = record_log_at(&h->t->logs, log) };

        if (log != NO_LOG && seek(h->t, &c, offset))
                h->cursors[h->n++] = c;
}

static void add_partition(struct heap *h, int partition, enum failure_state state, uint64_t offset)
{
        uint32_t log = h->t->partitions[partition].first_log, next;

        for (; log != NO_LOG; log = next) {
                next = record_log_at(&h->t->logs, log)->next;
                if (record_log_at(&h->t->logs, log)->state == state)
                        add_cursor(h, log, offset);
        }
        for (size_t i = h->n / 2; i-- > 0;)
                sift_down(h, i);
}

/* The rows of one partition; false when row ended the walk. */
static bool walk_partition(struct heap *h, failure_row_fn row, void *data)
{
        char version[VERSION_TEXT_BYTES];
        struct failure f;

        while (h->n > 0) {
                struct cursor *least = &h->cursors[0];

                table_view_identity(h->t, least->record, version, &f.id);
                table_view_facts(h->t, least->record, least->offset, least->log, &f);
                if (!row(data, &f))
                        return false;
                if (!advance(h->t, least))
                        *least = h->cursors[--h->n];
                if (h->n > 1)
                        sift_down(h, 0);
        }
        return true;
}

static bool is_wanted(const struct failure_table *t, const struct failure_page *page, int partition)
{
        return t->partitions[partition].first_log != NO_LOG &&
               !t->partitions[partition].is_parked &&
               (page->partitions == NULL || partition_set_has(page->partitions, partition));
}

void failure_table_page(const struct failure_table *t, const struct failure_page *page,
                        failure_row_fn row, void *data)
{
        bool every_site = page->site.base == NULL, more = true;
        uint32_t site = every_site ? INTERN_NONE : intern_find(&t->sites, page->site);
        int first = marker_partition(page->marker);
        struct heap h = { .t = t };

        if (!every_site && site == INTERN_NONE)
                return;
        h.cursors = table_begin_walk(t);
        for (int p = first; more && p < LIMIT_PARTITIONS; p++) {
                uint64_t offset = p == first ? (uint64_t)marker_offset(page->marker) : 0;

                if (!is_wanted(t, page, p))
                        continue;
                h.n = 0;
                if (every_site)
                        add_partition(&h, p, page->state, offset);
                else
                        add_cursor(&h, table_log(t, site, p, page->state), offset);
                more = walk_partition(&h, row, data);
        }
        table_end_walk(t);
}
