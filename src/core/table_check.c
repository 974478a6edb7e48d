/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariants of the table, each by its own count:
 *  1. every entry is in the chain of its hash, and its key is its own
 *  2. a log's offsets increase; its live entries are as many as it says, and each knows its cell,
 * state and offset
 *  3. a site's counts and bytes are the sums of its cells; a cell has entries; dropped cells count
 * nowhere
 *  4. chains hold exactly what the logs hold, dropped cells included
 */
#include <assert.h>

#include "table_private.h"

static size_t check_log(const struct cell *cell, int state, uint64_t *bytes)
{
        const struct offset_log *log = &cell->logs[state];
        size_t live = 0;

        assert(log->first <= log->n && log->n <= log->capacity);
        for (size_t i = 0; i < log->n; i++) {
                const struct entry *e = log->items[i].entry;

                if (i > 0 && i > log->first)
                        assert(log->items[i].offset > log->items[i - 1].offset);
                if (e == NULL)
                        continue;
                assert(i >= log->first);
                assert(e->cell == cell && e->state == state && e->offset == log->items[i].offset);
                if (state == FAILURE_FAILED && e->size > 0)
                        *bytes += (uint64_t)e->size;
                live++;
        }
        assert(live == log->live);
        assert(live == 0 || log->items[log->first].entry != NULL);
        return live;
}

static size_t check_site(const struct failure_table *t, const struct site *site)
{
        uint64_t count[FAILURE_STATES] = { 0 }, bytes = 0;

        assert(t->sites[site->index] == site);
        for (int p = 0; p < LIMIT_PARTITIONS; p++) {
                const struct cell *cell = site->cells[p];
                uint64_t cell_bytes = 0;
                size_t live = 0;

                if (cell == NULL)
                        continue;
                assert(cell->site == site && cell->partition == p && !cell->dropped);
                for (int state = 0; state < FAILURE_STATES; state++) {
                        size_t n = check_log(cell, state, &cell_bytes);

                        count[state] += n;
                        live += n;
                }
                assert(live > 0 && cell_bytes == cell->failed_bytes);
                bytes += cell_bytes;
        }
        assert(bytes == site->failed_bytes);
        assert(count[0] == site->count[0] && count[1] == site->count[1]);
        return count[0] + count[1];
}

static size_t check_chain(const struct failure_table *t, size_t i)
{
        size_t n = 0;

        for (const struct entry *e = t->chains[i]; e != NULL; e = e->chain, n++)
                assert((e->hash & (t->n_chains - 1)) == i);
        return n;
}

static size_t check_chains(const struct failure_table *t)
{
        size_t n = 0;

        for (size_t i = 0; i < t->n_chains; i++)
                n += check_chain(t, i);
        return n;
}

void failure_table_check(const struct failure_table *t)
{
        size_t in_logs = 0, in_chains = check_chains(t);

        for (size_t i = 0; i < t->n_sites; i++)
                in_logs += check_site(t, t->sites[i]);
        for (const struct cell *cell = t->dropped; cell != NULL; cell = cell->next_dropped) {
                assert(cell->dropped);
                in_logs += cell->logs[0].live + cell->logs[1].live;
        }
        assert(in_logs == in_chains && in_chains == t->n_entries);
}
