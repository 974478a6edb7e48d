/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_CORE_FAILURE_TABLE_H
#define CRR_CORE_FAILURE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crr/base/error.h"
#include "crr/base/siphash.h"
#include "crr/core/failure.h"

/*
 * Failure table: every failure of the partitions that this process holds, indexed by identity and
 * ordered by position. It is the failure log's materialised view: only what the log says goes in.
 *
 * Ownership  The table copies what it is given. A failure it hands out is borrowed until the next
 * call that takes a non-const table; keep a marker or an identity instead. Cost       put, remove,
 * get, find: O(1) amortised, O(log n) at worst. A page: O(rows x sites) at worst.
 *            failure_table_drop(): at most `steps` entries per call.
 * Threads    Loop thread only.
 * Errors     ERR_TABLE_FULL at the memory limit; nothing was changed then.
 */
struct failure_table;

struct failure_table *failure_table_new(const struct siphash_key *key, size_t memory_limit);
void failure_table_free(struct failure_table *t);

/* Insert, or replace the entry with this identity (which leaves its old position, partition and
 * state). */
int failure_table_put(struct failure_table *t, const struct failure *f, struct error *err);

/* True when there was one. */
bool failure_table_remove(struct failure_table *t, const struct identity *id);

/* True and *ret (borrowed) when the identity is there, in whatever state. */
bool failure_table_get(const struct failure_table *t, const struct identity *id,
                       struct failure *ret);

/* All sites of one object version, in order of (partition, offset); row returns false to stop. */
typedef bool (*failure_row_fn)(void *data, const struct failure *f);
void failure_table_find(const struct failure_table *t, struct str bucket, struct str key,
                        struct str version_id, failure_row_fn row, void *data);

/* A set of partitions. */
struct partition_set {
        uint64_t bits[16];
};
void partition_set_add(struct partition_set *s, int partition);
void partition_set_remove(struct partition_set *s, int partition);
bool partition_set_has(const struct partition_set *s, int partition);
int partition_set_count(const struct partition_set *s);

struct failure_page {
        enum failure_state state;
        struct str site;                        /* absent: every site */
        const struct partition_set *partitions; /* NULL: all */
        uint64_t marker;                        /* first position wanted */
};

/* Walk entries from the marker on in order of (partition, offset), until row returns false or there
 * are no more. */
void failure_table_page(const struct failure_table *t, const struct failure_page *page,
                        failure_row_fn row, void *data);

/*
 * Make a partition's entries invisible at once and free them in steps: failure_table_drop() begins,
 * and failure_table_reap() frees at most `steps` entries and returns true while there is more.
 */
void failure_table_drop(struct failure_table *t, int partition);
bool failure_table_reap(struct failure_table *t, unsigned steps);

struct failure_counts {
        uint64_t failed, pending;
        uint64_t failed_bytes;    /* sum of the known sizes of failed entries */
        int64_t oldest_failed_ms; /* failed_at of the failed entry that stands first, earliest over
                                     partitions; TIME_UNKNOWN: none */
};
void failure_table_counts(const struct failure_table *t, struct failure_counts *ret); /* O(sites) */
void failure_table_partition_counts(const struct failure_table *t, int partition,
                                    struct failure_counts *ret);

/* Every site that has entries. Cost O(sites x partitions). */
void failure_table_sites(const struct failure_table *t,
                         void (*site)(void *data, struct str name,
                                      const struct failure_counts *counts),
                         void *data);

size_t failure_table_memory(const struct failure_table *t); /* bytes, by own accounting */
size_t failure_table_memory_limit(const struct failure_table *t);
void failure_table_set_memory_limit(struct failure_table *t, size_t bytes);

/* Walk every invariant and abort on a broken one. For tests. */
void failure_table_check(const struct failure_table *t);

#endif
