/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_CORE_PEER_SERVE_H
#define CRR_CORE_PEER_SERVE_H

#include "crr/base/buf.h"
#include "crr/core/peer_query.h"
#include "crr/core/retry_service.h"

/*
 * A member's question, put to the door as a local one, and its answer (src/api/peer/PROTOCOL.md).
 *
 * Ownership  Embedded by the caller and borrowed until done, which is called exactly once: with the
 *            answer, which it may move out, or with the error. What is read for it lies in the
 *            arena.
 * Threads    Loop thread only.
 * Errors     What the door says. A retry of which anything was decided is an answer, which says of
 *            each entry what; else nothing was done.
 */
struct peer_serving {
        struct retry_service *door;
        struct peer_query query; /* whole and checked */
        int64_t deadline_ms;     /* monotonic; of a RETRY or KNOW */
        void *data;              /* the caller's */
        void (*done)(struct peer_serving *s, struct buf *answer, const struct error *err);

        struct buf rows, answer; /* PAGE, FIND: what the door gave so far */
        union {
                struct list_request list;
                struct get_request get;
                struct retry_request retry;
                struct know_request know;
        } asked;
};

/* door, query, deadline_ms, data and done are set. */
void peer_serve(struct peer_serving *s, enum peer_question question);

#endif
