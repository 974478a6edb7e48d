/* SPDX-License-Identifier: Apache-2.0 */
#include "offset_log.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 8
#define COMPACT_FROM   64

void offset_log_deinit(struct offset_log *log)
{
        free(log->items);
        *log = (struct offset_log){ 0 };
}

/* Index of the first item, hole or not, at or after this offset. */
static size_t lower_bound(const struct offset_log *log, int64_t offset)
{
        size_t low = log->first, high = log->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (log->items[middle].offset < offset)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static void compact(struct offset_log *log)
{
        size_t n = 0;

        for (size_t i = log->first; i < log->n; i++)
                if (log->items[i].entry != NULL)
                        log->items[n++] = log->items[i];
        log->n = n;
        log->first = 0;
        if (log->capacity > FIRST_CAPACITY && n < log->capacity / 4) {
                size_t capacity = n < FIRST_CAPACITY ? FIRST_CAPACITY : 2 * n;
                struct offset_log_item *items = realloc(log->items, capacity * sizeof *items);

                if (items == NULL)
                        return;
                log->items = items;
                log->capacity = capacity;
        }
}

static void make_room(struct offset_log *log)
{
        if (log->n < log->capacity)
                return;
        log->capacity = log->capacity == 0 ? FIRST_CAPACITY : log->capacity + log->capacity / 2;
        log->items = realloc(log->items, log->capacity * sizeof *log->items);
        if (log->items == NULL)
                abort();
}

void offset_log_add(struct offset_log *log, int64_t offset, struct entry *entry)
{
        size_t at;

        make_room(log);
        at = log->n;
        if (log->n > log->first && log->items[log->n - 1].offset >= offset)
                at = lower_bound(log, offset);
        if (at < log->n && log->items[at].offset == offset) {
                assert(log->items[at].entry == NULL);
        } else {
                memmove(&log->items[at + 1], &log->items[at], (log->n - at) * sizeof *log->items);
                log->n++;
        }
        log->items[at] = (struct offset_log_item){ offset, entry };
        log->live++;
}

void offset_log_remove(struct offset_log *log, int64_t offset)
{
        size_t at = lower_bound(log, offset);

        assert(at < log->n && log->items[at].offset == offset && log->items[at].entry != NULL);
        log->items[at].entry = NULL;
        log->live--;
        while (log->first < log->n && log->items[log->first].entry == NULL)
                log->first++;
        if (log->n >= COMPACT_FROM && log->live < log->n / 2)
                compact(log);
}

struct entry *offset_log_pop(struct offset_log *log)
{
        while (log->n > log->first) {
                struct entry *entry = log->items[--log->n].entry;

                if (entry != NULL) {
                        log->live--;
                        return entry;
                }
        }
        return NULL;
}

size_t offset_log_next(const struct offset_log *log, size_t i)
{
        for (i++; i < log->n && log->items[i].entry == NULL; i++)
                ;
        return i;
}

size_t offset_log_seek(const struct offset_log *log, int64_t offset)
{
        size_t at = lower_bound(log, offset);

        if (at < log->n && log->items[at].entry == NULL)
                return offset_log_next(log, at);
        return at;
}

size_t offset_log_memory(const struct offset_log *log)
{
        return log->capacity * sizeof(struct offset_log_item);
}
