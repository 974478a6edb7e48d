/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_BATCHER_H
#define CRR_SRC_CORE_BATCHER_H

#include <stdbool.h>

#include "crr/base/buf.h"
#include "crr/core/failure_table.h"
#include "outgoing.h"

/*
 * Batcher: which records go together into a transaction (natural group commit: what waited while
 * the previous one ran is the next one), and what becomes of them.
 *
 * Outgoings enter QUEUED by batcher_queue(). Each turn at most LIMIT_RETRY_ENTRIES of either kind
 * are revalidated and encoded into the open batch; it is submitted when no other is running. What
 * happens then is told, outgoing by outgoing, to member_outgoing_end(): that they are committed to
 * at most LIMIT_TOLD_ENTRIES of them a turn, before most of their records are read back, and to
 * fewer where that completes requests; until then they are SUBMITTED.
 *
 * After an abort they are queued again, before the others, at most LIMIT_SUBMIT_ATTEMPTS submits in
 * all: what is published of one object is so in the order in which it was queued. After a stale
 * generation nothing is submitted until the group has a new one.
 *
 * One record that Kafka does not take aborts all that is with it: what was aborted once shares no
 * batch with the other kind any more, a settlement that was aborted twice none at all, and
 * settlements wait after an abort.
 */
struct member;
struct batch;

struct batcher {
        struct member *member;
        struct outgoing_list retries, settlements; /* QUEUED */
        struct batch *open, *running;
        struct batch *committed, **committed_end; /* not all of their outgoings know it */
        bool open_is_stale; /* something in the open batch must be looked at again */
        bool publisher_ready;
        struct buf stale_generation;
        int64_t stale_until_ms;     /* do not wait for a new generation longer than that */
        struct partition_set stuck; /* partitions that do not go on */
        int64_t offsets_due_ms;     /* when the next transaction for the offsets alone is due */
        int64_t claim_again_ms;     /* not for the claim's sake before */
        int64_t settlements_at_ms;  /* none before */
        int64_t settlements_pause_ms;
        uint64_t batches;  /* made so far */
        size_t kept_bytes; /* of batches whose records are read back */
        bool settled_last; /* the last batch was one of settlements that had been aborted */
};

void batcher_init(struct batcher *b, struct member *member);
void batcher_deinit(struct batcher *b); /* everything in it is freed; no batch may be running */

void batcher_queue(struct batcher *b,
                   struct outgoing *o); /* OWED, READING or SUBMITTED -> QUEUED */
/* It was on its way before all that is queued, and comes from the end of its batch: retries keep
 * their order. */
void batcher_queue_again(struct batcher *b, struct outgoing *o);
void batcher_discard(struct batcher *b,
                     struct outgoing *o);   /* out of the queue or the open batch; then OVER */
void batcher_invalidate(struct batcher *b); /* a partition left, or a record came in between */
/* A transaction of ours may hang there: a commit, soon (clearing.h). */
void batcher_clear(struct batcher *b, int partition);
void batcher_claim(struct batcher *b); /* offsets alone, soon: they carry our claim */
bool batcher_work(struct batcher *b);
/* Tell so many outgoings, at most, that they are committed. */
void batcher_tell(struct batcher *b, size_t most);
bool batcher_is_idle(const struct batcher *b);
size_t batcher_queued(const struct batcher *b); /* retries that wait for a transaction */
/* What is queued fills transactions: nothing more has to be read for it now. */
bool batcher_has_enough(const struct batcher *b);

#endif
