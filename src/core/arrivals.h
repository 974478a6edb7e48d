/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_ARRIVALS_H
#define CRR_SRC_CORE_ARRIVALS_H

#include "crr/core/failure_codec.h"
#include "crr/core/failure_table.h"
#include "crr/core/helpers.h"
#include "crr/core/member.h"

/*
 * Records on their way into the table: a batch of them is read before its first one is applied, and
 * while the batch before it is. What a record says does not depend on those before it, so helpers
 * may read some.
 *
 * Ownership  An arrival borrows from its record. A batch lives until the one after the next begins.
 */
struct arrival {
        struct buf key_bytes, strings; /* what its key and its value had escaped */
        struct record_key key;
        struct decoded_record decoded;
        enum reject_cause cause;
        bool is_wanted;
        struct outgoing *own; /* the retry that it is of: it is not parsed (own_record.h) */
        struct failure_key *in_the_table; /* if the key is good */
        uint64_t hash; /* likewise, while retries are on their way: of the identity */
};

#define ARRIVAL_KEPT_BYTES ((size_t)4096) /* of a buffer, for the next batch */

struct arrival_batch {
        struct arrivals *arrivals;
        const struct log_record *records;
        size_t n, unread; /* of them the records to be parsed */
        struct arrival items[MEMBER_BATCH];
};

struct arrivals {
        struct helpers *helpers; /* NULL: there are none */
        struct failure_decoder *decoders[HELPERS_WORKERS];
        struct arrival_batch batches[2];
        unsigned last;                 /* the batch that began last */
        bool is_begun, is_with_helper; /* that one: not ended yet */
};

void arrivals_init(struct arrivals *a, size_t max_value_bytes, struct helpers *helpers);
void arrivals_deinit(struct arrivals *a);

/* The batch to begin next: its records, how many of them are unread, and its items' `is_wanted` and
 * `own` are the caller's to set. */
struct arrival_batch *arrivals_next(struct arrivals *a);
void arrivals_begin(struct arrivals *a); /* the one before was ended */

/* What was begun, all of it read; NULL: nothing was. */
struct arrival_batch *arrivals_end(struct arrivals *a);

/* All of it was applied: the memory of large strings is given back. */
void arrivals_done(struct arrival_batch *batch);

/* Why a record was rejected, in words. The batch was ended. */
void arrivals_explain(struct arrival_batch *batch, size_t i, struct error *err);

#endif
