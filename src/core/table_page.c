/* SPDX-License-Identifier: Apache-2.0 */
/* Order: pages by position, and the counts. */
#include <stdlib.h>

#include "table_private.h"

/* Where the walk stands in one site's log; the heap's least offset is the next row. */
struct cursor {
        const struct offset_log *log;
        size_t at;
        int64_t offset;
};

struct heap {
        struct cursor *cursors;
        size_t n;
};

static void sift_down(struct heap *h, size_t i)
{
        for (;;) {
                size_t least = i;
                struct cursor swap = h->cursors[i];

                for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < h->n; child++)
                        if (h->cursors[child].offset < h->cursors[least].offset)
                                least = child;
                if (least == i)
                        return;
                h->cursors[i] = h->cursors[least];
                h->cursors[least] = swap;
                i = least;
        }
}

static void add_cursor(struct heap *h, const struct site *site, int partition,
                       enum failure_state state, int64_t offset)
{
        const struct cell *cell = site->cells[partition];
        const struct offset_log *log;
        size_t at;

        if (cell == NULL)
                return;
        log = &cell->logs[state];
        at = offset_log_seek(log, offset);
        if (at < log->n)
                h->cursors[h->n++] = (struct cursor){ log, at, log->items[at].offset };
}

static void advance_least(struct heap *h)
{
        struct cursor *least = &h->cursors[0];

        least->at = offset_log_next(least->log, least->at);
        if (least->at < least->log->n)
                least->offset = least->log->items[least->at].offset;
        else
                *least = h->cursors[--h->n];
        sift_down(h, 0);
}

/* One partition in offset order; false when row ended the walk. */
static bool walk_partition(struct heap *h, failure_row_fn row, void *data)
{
        for (size_t i = h->n / 2; i-- > 0;)
                sift_down(h, i);
        while (h->n > 0) {
                struct failure f;

                entry_view(h->cursors[0].log->items[h->cursors[0].at].entry, &f);
                if (!row(data, &f))
                        return false;
                advance_least(h);
        }
        return true;
}

void failure_table_page(const struct failure_table *t, const struct failure_page *page,
                        failure_row_fn row, void *data)
{
        const struct site *only = page->site.base != NULL ? table_find_site(t, page->site) : NULL;
        int first = marker_partition(page->marker);
        struct heap h = { 0 };
        bool more = page->site.base == NULL ? t->n_sites > 0 : only != NULL;

        if (!more)
                return;
        h.cursors = calloc(t->n_sites, sizeof *h.cursors);
        if (h.cursors == NULL)
                abort();
        for (int p = first; more && p < LIMIT_PARTITIONS; p++) {
                int64_t offset = p == first ? marker_offset(page->marker) : 0;

                if (page->partitions != NULL && !partition_set_has(page->partitions, p))
                        continue;
                h.n = 0;
                for (size_t i = 0; only == NULL && i < t->n_sites; i++)
                        add_cursor(&h, t->sites[i], p, page->state, offset);
                if (only != NULL)
                        add_cursor(&h, only, p, page->state, offset);
                more = walk_partition(&h, row, data);
        }
        free(h.cursors);
}

/* COUNTS */

static void add_oldest(const struct cell *cell, struct failure_counts *counts)
{
        const struct offset_log *log = &cell->logs[FAILURE_FAILED];
        struct failure f;

        if (log->live == 0)
                return;
        entry_view(log->items[log->first].entry, &f);
        if (f.failed_at_ms != TIME_UNKNOWN &&
            (counts->oldest_failed_ms == TIME_UNKNOWN || f.failed_at_ms < counts->oldest_failed_ms))
                counts->oldest_failed_ms = f.failed_at_ms;
}

static void add_site(const struct site *site, struct failure_counts *counts)
{
        counts->failed += site->count[FAILURE_FAILED];
        counts->pending += site->count[FAILURE_PENDING];
        counts->failed_bytes += site->failed_bytes;
}

void failure_table_counts(const struct failure_table *t, struct failure_counts *ret)
{
        *ret = (struct failure_counts){ .oldest_failed_ms = TIME_UNKNOWN };
        for (size_t i = 0; i < t->n_sites; i++) {
                add_site(t->sites[i], ret);
                for (int p = 0; p < LIMIT_PARTITIONS; p++)
                        if (t->sites[i]->cells[p] != NULL)
                                add_oldest(t->sites[i]->cells[p], ret);
        }
}

void failure_table_partition_counts(const struct failure_table *t, int partition,
                                    struct failure_counts *ret)
{
        *ret = (struct failure_counts){ .oldest_failed_ms = TIME_UNKNOWN };
        for (size_t i = 0; i < t->n_sites; i++) {
                const struct cell *cell = t->sites[i]->cells[partition];

                if (cell == NULL)
                        continue;
                ret->failed += cell->logs[FAILURE_FAILED].live;
                ret->pending += cell->logs[FAILURE_PENDING].live;
                ret->failed_bytes += cell->failed_bytes;
                add_oldest(cell, ret);
        }
}

void failure_table_sites(const struct failure_table *t,
                         void (*site)(void *data, struct str name,
                                      const struct failure_counts *counts),
                         void *data)
{
        for (size_t i = 0; i < t->n_sites; i++) {
                struct failure_counts counts = { .oldest_failed_ms = TIME_UNKNOWN };

                add_site(t->sites[i], &counts);
                for (int p = 0; p < LIMIT_PARTITIONS; p++)
                        if (t->sites[i]->cells[p] != NULL)
                                add_oldest(t->sites[i]->cells[p], &counts);
                if (counts.failed + counts.pending > 0)
                        site(data, site_name(t->sites[i]), &counts);
        }
}
