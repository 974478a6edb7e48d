/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_TABLE_PRIVATE_H
#define CRR_SRC_CORE_TABLE_PRIVATE_H

#include "crr/base/limits.h"
#include "crr/core/failure_table.h"
#include "intern.h"
#include "offset_log.h"

/*
 * What the files of the table share: failure_table.c (entries), table_page.c (order),
 * table_check.c.
 *
 * An entry is in one chain of the hash (by object version: all sites of one are in one chain) and
 * in one offset log, that of its cell (site, partition) and state. A cell that was dropped keeps
 * its entries in their chains, where they are passed over, until they are reaped.
 */
struct cell {
        struct site *site;
        int partition;
        bool dropped;
        struct offset_log logs[FAILURE_STATES];
        uint64_t failed_bytes;
        struct cell *next_dropped;
};

struct site {
        struct interned *name;
        size_t index; /* in table->sites */
        uint64_t count[FAILURE_STATES], failed_bytes;
        size_t n_cells; /* dropped ones included */
        struct cell *cells[LIMIT_PARTITIONS];
};

struct entry {
        struct entry *chain;
        uint64_t hash;
        struct cell *cell;
        struct interned *bucket, *error_code, *role;
        int64_t size, last_modified_ms, failed_at_ms, retried_at_ms, offset, timestamp_ms,
                entry_offset, covered_to;
        int entry_partition;
        struct uuid retry_id;
        int32_t attempts;
        uint16_t key_len, spelling;
        uint8_t version_len, state;
        bool unsettled, foreign_key, repeated;
        char bytes[]; /* key, version id */
};

struct failure_table {
        struct siphash_key key;
        struct entry **chains;
        size_t n_chains, n_entries; /* dropped ones included */
        struct intern strings;      /* buckets, sites, error codes, roles */
        struct site **sites;
        size_t n_sites, sites_capacity;
        struct cell *dropped;
        size_t memory, memory_limit; /* without the strings' */
};

void entry_view(const struct entry *e, struct failure *ret);
struct site *table_find_site(const struct failure_table *t,
                             struct str name); /* NULL: no entries of it */
struct str site_name(const struct site *site);

#endif
