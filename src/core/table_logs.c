/* SPDX-License-Identifier: Apache-2.0 */
/* Sites, partitions and their logs: which are there, shown, parked or dropped; and the counts. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "table_private.h"

/* SITES */

uint32_t table_open_site(struct failure_table *t, struct str name)
{
        uint32_t site = intern_acquire(&t->sites, name);

        *table_site(t, site) = (struct site){ .n_logs = 0 };
        return site;
}

void table_close_site_if_unused(struct failure_table *t, uint32_t site)
{
        struct site *s = table_site(t, site);

        if (s->n_logs > 0)
                return;
        t->small_bytes -= s->n_places * sizeof *s->logs;
        free(s->logs);
        intern_release(&t->sites, site);
}

/* LOGS */

static uint32_t place_of(int partition, int state)
{
        return (uint32_t)(partition * FAILURE_STATES + state);
}

uint32_t table_log(const struct failure_table *t, uint32_t site, int partition, int state)
{
        const struct site *s = table_site(t, site);
        uint32_t place = place_of(partition, state);

        return place < s->n_places ? s->logs[place] : NO_LOG;
}

static uint32_t places_for(int partition)
{
        uint32_t places = 2 * FAILURE_STATES;

        while (places <= place_of(partition, FAILURE_STATES - 1))
                places *= 2;
        return places;
}

static void make_place(struct failure_table *t, struct site *s, int partition)
{
        uint32_t places = places_for(partition);

        if (places <= s->n_places)
                return;
        s->logs = realloc(s->logs, places * sizeof *s->logs);
        if (s->logs == NULL)
                abort();
        memset(&s->logs[s->n_places], 0, (places - s->n_places) * sizeof *s->logs);
        t->small_bytes += (places - s->n_places) * sizeof *s->logs;
        s->n_places = places;
}

size_t table_log_growth(const struct failure_table *t, uint32_t site, int partition)
{
        uint32_t has = site == INTERN_NONE ? 0 : table_site(t, site)->n_places;
        uint32_t places = places_for(partition);
        size_t growth = pool_growth(&t->logs.logs, 1) + 2 * sizeof(struct block_chunk);

        return growth + (places > has ? (places - has) * sizeof(uint32_t) : 0);
}

uint32_t table_open_log(struct failure_table *t, uint32_t site, int partition, int state)
{
        struct site *s = table_site(t, site);
        uint32_t log = record_log_new(&t->logs, site, partition, state);
        struct record_log *l = record_log_at(&t->logs, log);

        assert(!t->partitions[partition].is_parked);
        make_place(t, s, partition);
        s->logs[place_of(partition, state)] = log;
        s->n_logs++;
        l->next = t->partitions[partition].first_log;
        if (l->next != NO_LOG)
                record_log_at(&t->logs, l->next)->prev = log;
        t->partitions[partition].first_log = log;
        return log;
}

void table_leave_partition(struct failure_table *t, uint32_t log)
{
        struct record_log *l = record_log_at(&t->logs, log);

        table_site(t, l->site)->logs[place_of(l->partition, l->state)] = NO_LOG;
        if (l->prev == NO_LOG)
                t->partitions[l->partition].first_log = l->next;
        else
                record_log_at(&t->logs, l->prev)->next = l->next;
        if (l->next != NO_LOG)
                record_log_at(&t->logs, l->next)->prev = l->prev;
        l->next = l->prev = NO_LOG;
}

void table_free_log(struct failure_table *t, uint32_t log)
{
        uint32_t site = record_log_at(&t->logs, log)->site;

        record_log_free(&t->logs, log);
        table_site(t, site)->n_logs--;
        table_close_site_if_unused(t, site);
}

void table_close_log_if_empty(struct failure_table *t, uint32_t log)
{
        const struct record_log *l = record_log_at(&t->logs, log);

        if (l->n > 0 || l->standing == LOG_DROPPED)
                return;
        if (l->standing == LOG_PARKED)
                t->n_hidden--;
        table_leave_partition(t, log);
        table_free_log(t, log);
}

/* COUNTS */

void table_count(struct failure_table *t, uint32_t log, const uint8_t *record, int sign)
{
        struct record_log *l = record_log_at(&t->logs, log);
        struct site *s = table_site(t, l->site);
        int64_t size = l->state == FAILURE_FAILED ? record_size(record) : 0;
        uint64_t bytes = size > 0 ? (uint64_t)(size * sign) : 0;

        l->bytes += bytes;
        if (l->standing != LOG_SHOWN)
                return;
        s->n[l->state] += (uint64_t)sign;
        s->failed_bytes += bytes;
}

void table_count_log(struct failure_table *t, const struct record_log *l, int sign)
{
        struct site *s = table_site(t, l->site);

        s->n[l->state] += sign > 0 ? l->n : -l->n;
        s->failed_bytes += sign > 0 ? l->bytes : -l->bytes;
}

static int64_t oldest_ms(const struct failure_table *t, struct record_log *l)
{
        struct block_walk w;

        if (!l->oldest_is_known) {
                w = block_walk_begin(&t->logs, l->blocks.first);
                l->oldest_ms = record_failed_at_ms(block_walk_next(&w));
                l->oldest_is_known = true;
        }
        return l->oldest_ms;
}

static void add_oldest(const struct failure_table *t, uint32_t log, struct failure_counts *counts)
{
        struct record_log *l = record_log_at(&t->logs, log);
        int64_t ms;

        if (log == NO_LOG || l->standing != LOG_SHOWN || l->state != FAILURE_FAILED)
                return;
        ms = oldest_ms(t, l);
        if (ms != TIME_UNKNOWN &&
            (counts->oldest_failed_ms == TIME_UNKNOWN || ms < counts->oldest_failed_ms))
                counts->oldest_failed_ms = ms;
}

static void add_site(const struct failure_table *t, uint32_t site, struct failure_counts *counts)
{
        const struct site *s = table_site(t, site);

        counts->failed += s->n[FAILURE_FAILED];
        counts->pending += s->n[FAILURE_PENDING];
        counts->failed_bytes += s->failed_bytes;
        for (uint32_t place = 0; place < s->n_places; place++)
                add_oldest(t, s->logs[place], counts);
}

void failure_table_counts(const struct failure_table *t, struct failure_counts *ret)
{
        *ret = (struct failure_counts){ .oldest_failed_ms = TIME_UNKNOWN };
        for (uint32_t site = 0; site < t->sites.strings.n; site++)
                if (!pool_is_free(&t->sites.strings, site))
                        add_site(t, site, ret);
}

void failure_table_partition_counts(const struct failure_table *t, int partition,
                                    struct failure_counts *ret)
{
        uint32_t log = t->partitions[partition].first_log;

        *ret = (struct failure_counts){ .oldest_failed_ms = TIME_UNKNOWN };
        if (t->partitions[partition].is_parked)
                return;
        for (; log != NO_LOG; log = record_log_at(&t->logs, log)->next) {
                const struct record_log *l = record_log_at(&t->logs, log);

                if (l->state == FAILURE_FAILED)
                        ret->failed += l->n;
                else
                        ret->pending += l->n;
                ret->failed_bytes += l->bytes;
                add_oldest(t, log, ret);
        }
}

void failure_table_sites(const struct failure_table *t,
                         void (*site)(void *data, struct str name,
                                      const struct failure_counts *counts),
                         void *data)
{
        for (uint32_t i = 0; i < t->sites.strings.n; i++) {
                struct failure_counts counts = { .oldest_failed_ms = TIME_UNKNOWN };

                if (pool_is_free(&t->sites.strings, i))
                        continue;
                add_site(t, i, &counts);
                if (counts.failed + counts.pending > 0)
                        site(data, intern_str(&t->sites, i), &counts);
        }
}
