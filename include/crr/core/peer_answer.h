/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_CORE_PEER_ANSWER_H
#define CRR_CORE_PEER_ANSWER_H

#include "crr/base/buf.h"
#include "crr/base/json_read.h"
#include "crr/core/peers.h"

/*
 * What a member answers another one, as JSON, both ways in one place (src/api/peer/PROTOCOL.md).
 *
 * Ownership  What is read lies in the call's arena.
 * Errors     Reading: ERR_UNAVAILABLE when the answer is not understood or does not fit the arena.
 */

/* One failure behind those in `rows`, which become an answer's. */
void peer_answer_write_row(struct buf *rows, const struct failure *f);

/* known_below UINT64_MAX: every row that was asked for. */
void peer_answer_write_page(struct buf *out, struct str rows, uint64_t known_below,
                            const struct partition_set *missing);

/* False: the retry was refused as a whole, and nothing was done. Duplicates are left out before
 * that is known, so they say nothing. */
bool peer_answer_has_results(const struct retry_entry *entries, size_t n);
/* Every entry's result. `err` says why some failed; NULL: none did. */
void peer_answer_write_results(struct buf *out, const struct retry_entry *entries, size_t n,
                               const struct error *err);

/* Which entries of a KNOW are absent. */
void peer_answer_write_absent(struct buf *out, const struct know_entry *entries, size_t n);

/* An answer of status 200: rows and missing partitions, or the results of the call's entries. */
int peer_answer_read(struct json_reader *json, struct str text, struct peer_call *call,
                     struct error *err);

#endif
