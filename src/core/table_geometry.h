/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_TABLE_GEOMETRY_H
#define CRR_SRC_CORE_TABLE_GEOMETRY_H

#include "crr/base/region.h"

/*
 * The sizes of the failure table's parts. The model test builds the table with small ones too, so
 * that a few entries split and merge everything.
 */
#ifndef TABLE_BLOCK_SHIFT
#define TABLE_BLOCK_SHIFT 14  /* a block of records: 16 KiB */
#define TABLE_SUB_SHIFT   7   /* a sub-table of the index: 128 buckets, 8 KiB, 1536 slots */
#define TABLE_CHUNK       128 /* blocks in a chunk of a log's list */
#define TABLE_SITE_CLASS  256 /* sites of one identity that share a home in the index */
#define TABLE_MERGE_STEP  128 /* units that a block loses between two tries to merge it */
#define TABLE_MERGE_BELOW 74  /* percent of a block from which on it is tried */
#define TABLE_PAGE        REGION_HUGE
#endif

/* For functions that only prefetch: gcc takes one for a function that does nothing, and drops its
 * calls, unless it is always inlined. And for those that would pass their state through memory. */
#define ALWAYS_INLINE inline __attribute__((always_inline))

/*
 * Fetch a line of a record or of the index, one of so many that it is gone before it is needed
 * again. Such a line need not be kept in the second-level cache, where it would take the place of
 * page tables: what a large table waits for is those, twice a search, as much as the lines.
 */
#define FETCH_ONCE(at) __builtin_prefetch(at, 0, 0)

/* So many adjacent blocks are merged into one less, and so full. Fuller ones are merged earlier,
 * and not more often: what is freed costs three blocks to copy in any case. Seven into five would
 * cost two and a half, but hold 4 % more memory after a turnover. */
#define TABLE_WINDOW 4
#define TABLE_FILL   98 /* percent */

#endif
