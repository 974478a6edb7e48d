/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_RETRY_FLOW_H
#define CRR_SRC_CORE_RETRY_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crr/core/retry_service.h"
#include "outgoing.h"

/*
 * Retry flow: one retry request from its entries to its answer.
 *
 *   PLACING   each entry's partition; duplicates found; what is missing decides before anything is
 *             published
 *   CHECKING  each entry joins the retry that is in flight for it, begins one, or is left out
 *   WAITING   for the transactions of the retries it joined
 *
 * At most LIMIT_RETRY_ENTRIES entries a turn are placed or checked, and RETRY_FLOW_SHARED_ENTRIES
 * while somebody lists or looks up, who waits for the end of a turn; the requests in turn: one that
 * is not done with its slice stands behind the others again.
 *
 * Ownership  The work of a request lives in the request's arena.
 */
#define RETRY_FLOW_SHARED_ENTRIES 32
#define RETRY_FLOW_ASKED_MS       100 /* so long after a question the next one is expected */

struct member;
struct retry_work;

struct retry_waiter {
        struct retry_work *work;
        struct outgoing *on; /* NULL: it waits for nothing */
        struct retry_waiter *prev, *next;
        uint64_t hash; /* of the entry's identity */
        int home;      /* its partition */
        bool again;    /* to be checked again: its retry was stale */
};

struct retry_list {
        struct retry_work *head, *tail;
        size_t n;
};

struct retry_flow {
        struct member *member;
        struct retry_list busy;    /* PLACING or CHECKING, or with entries to be checked again */
        struct retry_list waiting; /* the others */
        int64_t deadline_ms;       /* no request's is before it */
        size_t answered;           /* requests, so far */
        int64_t asked_ms;          /* when somebody listed or looked up last */
};

void retry_flow_init(struct retry_flow *f, struct member *member);
void retry_flow_add(struct retry_flow *f, struct retry_request *req);
void retry_flow_on_asked(struct retry_flow *f); /* somebody lists or looks up */
void retry_flow_work(struct retry_flow *f);     /* one turn's share */
bool retry_flow_has_work(const struct retry_flow *f);
size_t retry_flow_requests(const struct retry_flow *f);
void retry_flow_tick(struct retry_flow *f); /* deadlines */

/* What became of a retry, for all that wait for it. They leave it (o->waiters is NULL afterwards).
 */
void retry_flow_on_committed(struct retry_flow *f, struct outgoing *o);
void retry_flow_on_failed(struct retry_flow *f, struct outgoing *o, const struct error *err);
void retry_flow_on_unknown(struct retry_flow *f,
                           struct outgoing *o); /* nobody will ever know: 504 */
void retry_flow_on_skipped(struct retry_flow *f, struct outgoing *o, const char *cause);
void retry_flow_on_stale(struct retry_flow *f, struct outgoing *o);

#endif
