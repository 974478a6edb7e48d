/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_OFFSET_LOG_H
#define CRR_SRC_CORE_OFFSET_LOG_H

#include <stddef.h>
#include <stdint.h>

/*
 * Entries of one (site, partition, state) in the order of their offsets: a sorted array with holes.
 *
 * Cost  Append O(1) amortised, remove and seek O(log n), insert before the end O(n). Half of it
 * holes: it is compacted, O(n).
 */
struct entry;

struct offset_log_item {
        int64_t offset;
        struct entry *entry; /* NULL: a hole */
};

struct offset_log {
        struct offset_log_item *items;
        size_t first;       /* items before it are holes */
        size_t n, capacity; /* items, holes included */
        size_t live;
};

void offset_log_deinit(struct offset_log *log);
void offset_log_add(struct offset_log *log, int64_t offset,
                    struct entry *entry);                       /* no such offset is in it */
void offset_log_remove(struct offset_log *log, int64_t offset); /* it is in it */
struct entry *offset_log_pop(struct offset_log *log);           /* any; NULL when empty */

/* Index of the first entry (not a hole) at or after this offset, or after index i; log->n: none. */
size_t offset_log_seek(const struct offset_log *log, int64_t offset);
size_t offset_log_next(const struct offset_log *log, size_t i);

size_t offset_log_memory(const struct offset_log *log);

#endif
