/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_CORE_INTAKE_H
#define CRR_CORE_INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crr/base/arena.h"
#include "crr/base/limits.h"
#include "crr/base/metrics.h"
#include "crr/core/intake_decoder.h"
#include "crr/core/publisher.h"
#include "crr/core/retry_service.h"
#include "crr/core/source.h"

/*
 * Intake: records of foreign topics, re-keyed into the failure log, exactly once.
 *
 *   a thread consumes, and fills a batch with intake_batch_add()
 *   -> intake_submit() on the loop: outcomes that the group does not know are dropped, failures
 *      that lack facts are completed from the source
 *   -> one transaction: the records, and the offsets of what was consumed
 *   -> done(): the thread goes on, or reads again from the committed offsets
 *
 * Ownership  A batch is owned by whoever has it: the thread until it is submitted, then the intake
 *            until done(). Records that are added are copied.
 * Threads    Writer and batch: whoever has them. Intake: loop thread only.
 * Errors     A record that cannot be used is counted and told, and skipped; it never stops the
 *            others. Counters are added up when the batch is committed: as exact as the log.
 */
/* Rejected records of one batch that are told; the others are counted. */
#define INTAKE_TOLD_MAX 20

#define INTAKE_MARKS    (1u << 18)

/* What came of the records of one topic. */
struct intake_counts {
        uint64_t failed, completed; /* written */
        uint64_t dropped;           /* outcomes of identities that the group does not know */
        uint64_t silent;            /* records that say nothing of interest */
        uint64_t rejected[REJECT_CAUSES_N];
        uint64_t ignored[64]; /* optional fields, by their bit */
};

/* Where a record of a batch comes from. */
struct intake_origin {
        unsigned char topic;
        bool is_outcome;
        int partition;
        int64_t offset;
};

struct intake_reject {
        struct intake_origin origin;
        enum reject_cause cause;
        struct str message;
};

/* A record whose fate is decided on the loop. */
struct intake_doubt {
        size_t record;             /* of the batch */
        bool is_outcome;           /* else a failure that lacks facts */
        bool is_native;            /* its value is one as it came */
        struct identity id;        /* of an outcome */
        struct failure failure;    /* of a failure */
        struct intake_doubt *same; /* another failure of the same object version */
};

enum intake_end {
        INTAKE_DONE,   /* committed: what was consumed is done with */
        INTAKE_REWIND, /* perhaps, or not: the committed offsets tell */
        INTAKE_CLOSED, /* not, and nothing is done about it */
};

struct intake_batch {
        void *data; /* the thread's */
        unsigned epoch;
        struct arena arena;
        struct publish_batch publish; /* offsets, generation: set by the thread */
        struct publish_offset *offsets;
        struct publish_record *records;
        struct intake_origin *origins; /* of each */
        size_t n_records, capacity, bytes;
        size_t n_consumed; /* foreign records */
        struct intake_doubt *doubts;
        size_t n_doubts, doubts_capacity;
        unsigned char failed_marks[INTAKE_MARKS / 8]; /* bits by the hash of identities that
                                                         failures of this batch are about */
        struct intake_counts counts[LIMIT_INTAKE_TOPICS];
        struct intake_reject rejects[INTAKE_TOLD_MAX];
        size_t n_rejects;

        enum intake_end end; /* out */
        void (*done)(struct intake_batch *batch);

        struct intake_batch *next; /* the intake's, as the rest */
        void *work;
};

/* FILLING */

struct intake_config {
        const char *const *topics; /* names, for counters and logs */
        size_t n_topics;
        size_t max_value_bytes;
        bool has_roles;                /* failed entries end in the role */
        bool completes;                /* there is a source: what lacks facts waits for them */
        size_t max_records, max_bytes; /* of one batch */
};

struct intake_writer;

struct intake_writer *intake_writer_new(const struct intake_config *config);
void intake_writer_free(struct intake_writer *w); /* NULL is legal */

struct intake_batch *intake_batch_new(void);
void intake_batch_free(struct intake_batch *batch); /* NULL is legal */

/* One record of topics[topic]. */
void intake_batch_add(struct intake_writer *w, struct intake_batch *batch, size_t topic,
                      const struct log_record *record);
bool intake_batch_is_full(const struct intake_writer *w, const struct intake_batch *batch);

/* TAKING IN */

struct intake;

struct intake_ports {
        struct publisher *publisher; /* the intake's own */
        struct retry_service *door;
        struct source *source; /* NULL: none */
        struct metrics *metrics;
};

struct intake *intake_new(const struct intake_config *config, const struct intake_ports *ports);
void intake_free(struct intake *in); /* no batch may be under way; NULL is legal */

/* In the order in which they were consumed. done() is called exactly once, never from inside. */
void intake_submit(struct intake *in, struct intake_batch *batch);

/* Once a turn of the loop, and at least every 100 ms while a batch is under way. */
void intake_work(struct intake *in, int64_t monotonic_ms);

/* Batches are closed from the next turns on, but the one that the publisher has. */
void intake_stop(struct intake *in);

#endif
