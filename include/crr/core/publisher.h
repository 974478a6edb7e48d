/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_CORE_PUBLISHER_H
#define CRR_CORE_PUBLISHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crr/base/error.h"
#include "crr/base/str.h"

/*
 * Publisher: the port through which records leave the core, one Kafka transaction a batch.
 *
 * Implemented by kafka/kafka_publisher.c (a transactional producer on its own thread) and by
 * tests/lib/fake_publisher.c.
 *
 * Contract of every implementation:
 *   - the transaction holds begin, the offsets with the generation, every record, commit, in this
 *     order;
 *   - done is called exactly once per submit, on the loop, never from inside submit;
 *   - the batch and all its views are borrowed until then;
 *   - batches are executed in the order of their submits.
 */
enum publish_topic { PUBLISH_REPLICATION, PUBLISH_FAILURES, PUBLISH_STATUS };
#define PUBLISH_TOPICS 3 /* the last of them need not be there */

struct publish_header {
        const char *name;
        struct str value;
};

#define PUBLISH_MAX_HEADERS 4

struct publish_record {
        enum publish_topic topic;
        int partition;         /* -1: by the topic's configured partitioner */
        struct str key, value; /* value absent: a tombstone */
        int64_t timestamp_ms;  /* TIME_UNKNOWN: now */
        struct publish_header headers[PUBLISH_MAX_HEADERS];
        size_t n_headers;
        int64_t offset; /* out, after PUBLISH_COMMITTED: where it is, or PUBLISH_OFFSET_UNKNOWN */
};

/* It is in the log, and nobody told where: a broker that had it already may not say. */
#define PUBLISH_OFFSET_UNKNOWN (-1)

struct publish_offset {
        int partition;
        int64_t offset;    /* position; never "invalid": 0 for an empty partition */
        const char *topic; /* NULL: the failure log */
};

enum publish_outcome {
        PUBLISH_COMMITTED,
        PUBLISH_ABORTED, /* nothing was written; the same batch may be submitted again */
        PUBLISH_STALE,   /* likewise: the generation is not current any more, take the new one */
        PUBLISH_REFUSED, /* likewise, because of one record (`refused`): never submit that one again
                          */
        PUBLISH_UNKNOWN, /* perhaps written; the log tells after the publisher was ready again */
        PUBLISH_CLOSED,  /* never begun: we are closing */
};

/*
 * After PUBLISH_UNKNOWN the implementation begins, writes and aborts a transaction in every
 * partition of all topics before it is ready again: what the lost one left hanging there is
 * aborted with it, and would be made visible by the next commit otherwise.
 */
struct publish_batch {
        void *data; /* the submitter's */
        struct publish_record *records;
        size_t n_records;
        const struct publish_offset
                *offsets; /* every partition that the group's offsets are moved in: of the member's
                             own, every partition of the failure log that the batch touches, but
                             those of others that it only clears */
        size_t n_offsets;
        struct str generation; /* opaque token of the group (group.h); empty: no group, send no
                                  offsets */
        struct str metadata;   /* kept with the offsets: who we are (design/kafka.md section 5) */

        enum publish_outcome outcome; /* out */
        size_t refused;               /* out, PUBLISH_REFUSED: index of the record */
        struct error err;             /* out, but PUBLISH_COMMITTED */
        int64_t duration_us;          /* out */
        void (*done)(struct publish_batch *batch);
        struct publish_batch *next; /* the implementation's queue */
};

struct publisher {
        void (*submit)(struct publisher *self, struct publish_batch *batch);
        /* By topic: key + value + headers above it are refused, so ask before. Less when the topics
         * are known. */
        size_t max_record_bytes[PUBLISH_TOPICS];
        /* Soon, between two batches: of our transactions that hang in the group's offsets, because
         * an outage swallowed their end, nothing is left. */
        void (*end_offsets)(struct publisher *self);
};

#endif
