/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_LOG_REWRITE_H
#define CRR_SRC_CORE_LOG_REWRITE_H

#include "record_log.h"

/*
 * The blocks of a log put in order: what record_log.c does when a record is not simply appended.
 * Blocks are written anew and the index follows; the old ones are freed last.
 */

/* A block behind this one; its first record will have this offset. */
uint32_t log_add_block(struct record_logs *s, uint32_t log, uint32_t after, uint64_t offset);
void log_remove_block(struct record_logs *s, uint32_t block);

/* Write a block again with one more record in it. Returns its handle. */
uint32_t log_rewrite_with(struct record_logs *s, uint32_t log, uint32_t block,
                          const uint8_t *record, uint32_t units, uint64_t offset);

/* Merge some neighbours of this block with it, if they fit into one block less. */
void log_merge_around(struct record_logs *s, uint32_t block);

/* Would log_merge_around() find anything? */
bool log_can_merge_around(const struct record_logs *s, uint32_t block);

#endif
