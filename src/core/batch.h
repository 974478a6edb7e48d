/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_BATCH_H
#define CRR_SRC_CORE_BATCH_H

#include "batcher.h"
#include "crr/base/arena.h"
#include "crr/core/publisher.h"

/* One transaction: what batcher.c (how it is filled) and batch_outcome.c (what becomes of it)
 * share. */
struct batch {
        struct publish_batch publish;
        struct batcher *batcher;
        struct arena arena;
        struct outgoing_list items; /* ENCODED, then SUBMITTED */
        bool is_clearing;           /* it has no outgoings */
        size_t n_retries;
        bool is_closed_to_retries, is_closed_to_settlements;
        struct publish_record *records;
        size_t capacity, bytes;
        struct publish_offset *offsets;
        uint64_t number;
        uint64_t lives; /* of partitions, when it was sent */
        bool is_kept;   /* until its retries were read back: their records are compared with it */
        bool is_told;   /* its outgoings know what became of it */
        size_t n_kept;  /* retries whose `sent` it is */
        int64_t sent_ms;
        struct batch *next; /* committed as well */
};

void batch_free(struct batch *batch); /* without outgoings */

void batch_dissolve_open(struct batcher *b); /* its outgoings are queued again */
void batch_forget(struct outgoing *o);
void batch_on_done(struct publish_batch *publish);
void batch_take_proof(const struct batch *batch); /* of ownership */

#endif
