/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_CLEARING_H
#define CRR_SRC_CORE_CLEARING_H

#include "crr/core/publisher.h"
#include "partition.h"

/*
 * Clearing: an outage may swallow the end of a transaction that was committed and answered. Then
 * nobody can read on in the partition: not we, nor the movers. The broker ends it with the next
 * commit of the same producer there, so there is one: of a tombstone that says nothing, under a key
 * that is no identity's (outcome `cleared`; we pass it over).
 *
 * Which of our producers it was is not known: the batcher's clears in a batch of its own
 * (batcher_clear), the intake's, if there is one, here.
 */
#define CLEARED_KEY "crr-retryd-cleared"

struct clearing {
        struct publish_batch publish; /* records NULL: none is out */
};

struct member;

struct publish_record clearing_record(int partition);
void clearing_say(const struct publish_batch *publish, const char *whose); /* what became of it */

/* Of these partitions, at least one; nothing while one is out, or without an intake. */
void clearing_by_the_intake(struct member *m, const struct partition_set *stuck);

#endif
