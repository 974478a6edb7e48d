/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_RETRY_WORK_H
#define CRR_SRC_CORE_RETRY_WORK_H

#include "crr/base/error.h"
#include "retry_flow.h"

/* The work of one retry request: what retry_flow.c (its entries) and retry_work.c (its outcomes)
 * share. */
enum retry_phase { PHASE_PLACING, PHASE_CHECKING, PHASE_WAITING };

struct retry_work {
        struct retry_flow *flow;
        struct retry_request *req;
        struct retry_list *list; /* which of the flow's it is in */
        struct retry_work *prev, *next;
        enum retry_phase phase;
        int n_partitions; /* of the failure log, when it came */
        size_t cursor;
        size_t waiting; /* entries joined to a retry */
        size_t again;   /* entries to be checked again */
        bool has_failed, misdirected;
        struct retry_waiter *waiters; /* one an entry; not made before it is placed */
        uint32_t *seen;               /* hash table of entry index + 1, for duplicates */
        size_t seen_mask;
        struct error err; /* of the first that failed */
};

/* To the end of a list, out of the one that it is in. */
void retry_work_move(struct retry_work *w, struct retry_list *list);
void retry_work_unlink(struct retry_work *w);

void retry_work_fail_entry(struct retry_work *w, size_t i, const struct error *err);
void retry_work_skip_entry(struct retry_work *w, size_t i, const char *cause);

/* Every entry has its result. True, and *err as req->cause explains it: not all is well. */
bool retry_outcome(const struct retry_request *req, struct error *err);

/* May complete the request, whose memory the work is in: touch neither after it. */
void retry_work_finish_if_complete(struct retry_work *w);

#endif
