/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_RECORD_LOG_H
#define CRR_SRC_CORE_RECORD_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "block_list.h"
#include "slot_index.h"

/*
 * Record logs: the records of each (site, partition, state), back to back in the order of their
 * offsets, in blocks; and the index that finds them.
 *
 * A record that goes is marked dead. A block without live ones is freed at once, and a few
 * neighbours that would fit into one block less are merged. Records move then, and the index with
 * them: no handle outlives a call that changes a log.
 *
 * Cost  An append is a copy. Out of order, a merge or a move: up to TABLE_WINDOW blocks are copied.
 */
/* That a put and the merge after it may take before they free others. */
#define LOG_BLOCKS_NEEDED 8
#define NO_LOG            0

enum log_standing {
        LOG_SHOWN,
        LOG_PARKED,  /* its entries are passed over, for now */
        LOG_DROPPED, /* for good: until they are reaped */
};

struct record_log {
        struct block_list blocks;
        uint64_t n;        /* live records */
        uint64_t bytes;    /* of their objects, where the state is FAILED and the size known */
        int64_t oldest_ms; /* when the first one failed, if oldest_is_known */
        bool oldest_is_known;
        uint8_t state, standing;
        uint16_t partition;
        uint32_t site;
        uint32_t next, prev; /* of its partition; or of those to be reaped (next alone) */
};

struct record_logs {
        struct block_store blocks;
        struct slot_index index;
        struct pool logs; /* struct record_log */
        size_t list_bytes;
        uint64_t merges, moved; /* windows, records: how much work the order was */
};

bool record_logs_init(struct record_logs *s, uint32_t blocks_max, uint32_t subs_max);
void record_logs_deinit(struct record_logs *s);
size_t record_logs_memory(const struct record_logs *s);

static inline struct record_log *record_log_at(const struct record_logs *s, uint32_t log)
{
        return pool_at(&s->logs, log);
}

static inline uint32_t record_log_of(const struct record_logs *s, uint32_t handle)
{
        return block_meta(&s->blocks, block_of(handle))->log;
}

uint32_t record_log_new(struct record_logs *s, uint32_t site, int partition, int state);
void record_log_free(struct record_logs *s,
                     uint32_t log); /* with its blocks, whatever is in them */

/* Copy a record to its place, and return its handle. Its delta is set. */
uint32_t record_log_put(struct record_logs *s, uint32_t log, uint8_t *record, uint32_t units,
                        uint64_t offset);

/* Mark it dead. The index is the caller's to change; then record_log_tidy() for its block. */
void record_log_kill(struct record_logs *s, uint32_t handle);
void record_log_tidy(struct record_logs *s, uint32_t block);

/* Copy a block's records to the lowest free block. */
void record_log_move(struct record_logs *s, uint32_t block);

/* The live records of a block; the index's lines for those to come are fetched meanwhile. */
struct block_walk {
        const struct record_logs *s;
        uint8_t *at, *end, *ahead;
        unsigned lead; /* records from `at` to `ahead` */
};
struct block_walk block_walk_begin(const struct record_logs *s, uint32_t block);
uint8_t *block_walk_next(struct block_walk *w); /* NULL: no more */

#endif
