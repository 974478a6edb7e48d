/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_INTAKE_PRIVATE_H
#define CRR_SRC_CORE_INTAKE_PRIVATE_H

#include "crr/base/buf.h"
#include "crr/core/backbeat_metadata.h"
#include "crr/core/intake.h"

/* What the files of the intake share: intake_batch.c (filling), intake.c (taking in),
 * intake_facts.c (what failures lack). */

/* A record is not written after all, and does not count; intake_batch_pack() takes those out, and
 * ends all doubts. */
void intake_batch_drop(struct intake_batch *batch, size_t record);
void intake_batch_pack(struct intake_batch *batch);

/* Counted, and told if not too many are. */
void intake_batch_reject(struct intake_batch *batch, const struct intake_origin *origin,
                         enum reject_cause cause, const struct error *err);

/* What the source knows is put into a failure's record, where it lacks it. A native value with
 * which that cannot be done stays as it is: the decoder is asked. */
void intake_batch_complete(struct intake_batch *batch, struct intake_doubt *d,
                           const struct backbeat_facts *facts, struct failure_decoder *decoder,
                           struct buf *scratch);

/*
 * The facts of a batch's failures, from the source: one question for each object version, a bounded
 * number under way, and all over at the deadline. What was not answered is left as it is.
 */
#define INTAKE_QUESTIONS 128

struct intake_question {
        struct source_call call;
        struct intake_facts *facts;
        struct intake_doubt *first; /* of those that it is for */
        bool is_out;
};

struct intake_facts {
        struct source *source;
        struct failure_decoder *decoder;
        struct buf scratch;
        struct intake_batch *batch;   /* NULL: none is worked on */
        struct intake_doubt **firsts; /* of each object version */
        size_t n_firsts, cursor;
        struct intake_question questions[INTAKE_QUESTIONS];
        unsigned n_out;
        int64_t deadline_ms;
};

void intake_facts_init(struct intake_facts *f, struct source *source, size_t max_value_bytes);
void intake_facts_deinit(struct intake_facts *f);
void intake_facts_begin(struct intake_facts *f, struct intake_batch *batch, int64_t now_ms);
/* True: nothing is waited for any more. */
bool intake_facts_work(struct intake_facts *f, int64_t now_ms);
void intake_facts_cancel(struct intake_facts *f);

#endif
