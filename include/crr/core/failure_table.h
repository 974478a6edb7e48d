/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_CORE_FAILURE_TABLE_H
#define CRR_CORE_FAILURE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crr/base/error.h"
#include "crr/base/pool.h"
#include "crr/base/siphash.h"
#include "crr/core/failure.h"

/*
 * Failure table: every failure of the partitions that this process holds, indexed by identity and
 * ordered by position. It is the failure log's materialised view: only what the log says goes in.
 *
 * Ownership  The table copies what it is given. A failure that it hands out is borrowed: a row for
 *            its call; what failure_table_get() gives until the next call that takes a non-const
 *            table (its identity is the caller's own). Keep a marker or an identity instead.
 * Cost       put, remove, get, find: O(1), at most 1 ms of work each. A page: O(sites), and
 *            O(log sites) a row. Nothing is mapped and nothing large is moved after
 *            failure_table_new(), but pages of memory are touched for the first time: another
 *            thread should do that, see failure_table_wants_pages().
 * Threads    Loop thread only.
 * Units      Times in ms since the epoch, sizes in bytes.
 * Errors     ERR_TABLE_FULL at the memory limit, ERR_TOO_MANY_SITES at that of sites; nothing was
 *            changed then.
 *
 * Not kept: retried_at_ms of an entry that is FAILED and has no retry id (TIME_UNKNOWN comes back),
 * and entry_partition of one without an Entry (its own comes back).
 */
struct failure_table;

struct failure_table_config {
        struct siphash_key key;
        size_t memory_limit;
        unsigned sites_max; /* at most LIMIT_SITES */
};

/* NULL: the system does not reserve the address space. It reserves for more than the limit, so that
 * this can be raised; where reserved memory counts as used, for the limit alone. */
struct failure_table *failure_table_new(const struct failure_table_config *config);
void failure_table_free(struct failure_table *t);

/* Insert, or replace the entry with this identity (which leaves its old position, partition and
 * state). Its partition is not parked. */
int failure_table_put(struct failure_table *t, const struct failure *f, struct error *err);

/* True when there was one. */
bool failure_table_remove(struct failure_table *t, const struct identity *id);

/* True and *ret when the identity is there, in whatever state. */
bool failure_table_get(const struct failure_table *t, const struct identity *id,
                       struct failure *ret);

/*
 * An identity made ready for the table: hashed, and as its record will have it. One that is used
 * twice need not be made ready twice. And keys of some identities are made in one go, while what
 * the index and the records know of them is fetched into the cache: then changes cost half of what
 * they cost one at a time.
 */
#define FAILURE_KEY_BYTES 1184
struct failure_key {
        struct identity id; /* borrowed for as long as the key is used */
        uint64_t hash;      /* the rest is the table's */
        uint64_t names_age;
        uint32_t bucket, site;
        uint16_t image_len;
        bool is_json_plain;
        uint8_t image[FAILURE_KEY_BYTES];
};

void failure_table_key(const struct failure_table *t, const struct identity *id,
                       struct failure_key *ret);

#define FAILURE_TABLE_BATCH 16 /* more at once do not help */
void failure_table_prefetch(const struct failure_table *t, const struct identity *ids, size_t n,
                            struct failure_key *ret);

/* The same by key; that of f->id. */
int failure_table_put_keyed(struct failure_table *t, const struct failure *f,
                            struct failure_key *key, struct error *err);
bool failure_table_remove_keyed(struct failure_table *t, struct failure_key *key);
bool failure_table_get_keyed(const struct failure_table *t, struct failure_key *key,
                             struct failure *ret);

/* All sites of one object version, in order of (partition, offset); row returns false to stop, and
 * calls neither this nor failure_table_page(). */
typedef bool (*failure_row_fn)(void *data, const struct failure *f);
void failure_table_find(const struct failure_table *t, struct str bucket, struct str key,
                        struct str version_id, failure_row_fn row, void *data);

/* A set of partitions. */
struct partition_set {
        uint64_t bits[16];
};
void partition_set_add(struct partition_set *s, int partition);
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
 * and failure_table_reap() frees at most `steps` blocks of records (some hundred entries each) and
 * returns true while there is more. The partition may be filled anew at once.
 */
void failure_table_drop(struct failure_table *t, int partition);
bool failure_table_reap(struct failure_table *t, unsigned steps);

/*
 * Park a partition: its entries are invisible and kept, until they are brought back or dropped.
 * Nothing is put into it meanwhile; its identities may be put into other partitions, but then it
 * does not come back. unpark: false when it does not, or was not parked; nothing was changed then.
 * Cost O(sites).
 */
void failure_table_park(struct failure_table *t, int partition);
bool failure_table_unpark(struct failure_table *t, int partition);

struct failure_counts {
        uint64_t failed, pending;
        uint64_t failed_bytes;    /* sum of the known sizes of failed entries */
        int64_t oldest_failed_ms; /* failed_at of the failed entry that stands first, earliest over
                                     partitions; TIME_UNKNOWN: none */
};
void failure_table_counts(const struct failure_table *t, struct failure_counts *ret); /* O(logs) */
void failure_table_partition_counts(const struct failure_table *t, int partition,
                                    struct failure_counts *ret);

/* Every site that has entries. Cost O(sites x partitions). */
void failure_table_sites(const struct failure_table *t,
                         void (*site)(void *data, struct str name,
                                      const struct failure_counts *counts),
                         void *data);

/* MEMORY: in bytes, by own accounting, as the process has it: whole pages. */

size_t failure_table_memory(const struct failure_table *t);
size_t failure_table_memory_limit(const struct failure_table *t);
void failure_table_set_memory_limit(struct failure_table *t, size_t bytes);
size_t failure_table_room(const struct failure_table *t); /* below the limit, for new entries */
unsigned failure_table_sites_left(const struct failure_table *t); /* below their limit */

/* Give memory back that mass removals left: true while there is more to do. A step moves one block
 * of records, or one part of the index, and gives back at most one page. */
bool failure_table_trim(struct failure_table *t, unsigned steps);
bool failure_table_is_loose(const struct failure_table *t); /* a trim would do something */

/*
 * The first touch of a page takes the kernel longer than any work of the table. True and *ret: have
 * another thread region_touch() it, then call failure_table_got_pages(), always; no other range is
 * named until then.
 */
bool failure_table_wants_pages(struct failure_table *t, struct page_range *ret);
void failure_table_got_pages(struct failure_table *t, const struct page_range *range);

struct failure_table_stats {
        uint64_t splits_refused; /* too many entries share too much of their hash: an attack, or a
                                    defect */
        uint64_t merges, moved;  /* windows of blocks merged; records that moved */
        size_t blocks, blocks_free, block_bytes;
        size_t sub_tables, sub_tables_free;
        size_t slots, entries; /* of those sub-tables; hidden entries included */
        size_t record_bytes, index_bytes, string_bytes, other_bytes; /* of failure_table_memory() */
};
void failure_table_stats(const struct failure_table *t, struct failure_table_stats *ret);

/* Walk every invariant and abort on a broken one. For tests. */
void failure_table_check(const struct failure_table *t);

#endif
