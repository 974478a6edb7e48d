/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_KAFKA_KAFKA_BATCH_H
#define CRR_SRC_KAFKA_KAFKA_BATCH_H

#include <stdbool.h>

#include <librdkafka/rdkafka.h>

#include "crr/core/member.h"
#include "kafka_anchors.h"

/*
 * Batch: records of the failure log on their way to the member, some at once. One batch is filled
 * while the member has the one before.
 *
 * Ownership  Events that were added are the batch's; they hold the bytes of their records until
 *            the member has applied these. Then they are spent, and destroyed some at a time.
 * Cost       Destroying an event takes 0.1 us, but 0.02 to 0.4 ms where free() waits for a thread
 *            of librdkafka that is growing its heap, which it is when a restoration begins.
 */
#define KAFKA_BATCH_BYTES (128u << 10) /* values of so many bytes are not made to wait */
#define KAFKA_BATCH_SPENT ((size_t)2 * MEMBER_BATCH) /* events at most; a power of two */

struct kafka_records {
        const rd_kafka_message_t *messages[MEMBER_BATCH];
        struct log_record records[MEMBER_BATCH];
        rd_kafka_event_t *events[MEMBER_BATCH];
        size_t n_records, n_events, bytes;
};

struct kafka_batch {
        struct member *member;
        struct kafka_anchors *anchors; /* hear of a record before the member does */
        struct kafka_records halves[2];
        unsigned filling; /* the other one is with the member, or empty */
        struct {
                rd_kafka_event_t *events[KAFKA_BATCH_SPENT];
                size_t first, end; /* they only grow */
        } spent;
};

/* A message of the event that is at hand. A batch that is full is given to the member first. */
void kafka_batch_add(struct kafka_batch *b, const rd_kafka_message_t *message);

/* After its messages. More spent events are destroyed than come. */
void kafka_batch_keep(struct kafka_batch *b, rd_kafka_event_t *event);

/* Destroy spent events, for a part of a turn at most. True: some are left. */
bool kafka_batch_clean(struct kafka_batch *b);

void kafka_batch_give(struct kafka_batch *b); /* all was applied when this returns */
void kafka_batch_drop(struct kafka_batch *b); /* what was not given yet; the rest was applied.
                                               * Every event is destroyed */

#endif
