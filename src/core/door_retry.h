/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_DOOR_RETRY_H
#define CRR_SRC_CORE_DOOR_RETRY_H

#include "door.h"

/*
 * A retry request of the group: split by owner into parts, each of which ends for itself; the
 * answer follows when the last one has.
 *
 *   SPLITTING   each entry's owner, at most LIMIT_WORK_ENTRIES a turn; what is missing decides
 *               before anything is published
 *   RUNNING     parts are here in the flow, or with other members
 *
 * Ownership  All of it lives in the request's arena.
 */
struct retry_part {
        struct retry_split *split;
        struct retry_part *next;
        struct retry_entry **entries; /* of the request */
        size_t n;
        char *url; /* NULL: ours */
        uint64_t epoch;
        bool again;            /* asked before, without an answer */
        bool is_open, is_over; /* neither: entries can be added */

        struct retry_request flow; /* ours: copies of the entries */
        struct peer_call call;
        struct peer_call probe; /* does it live? */
        bool call_out, probe_out, hung;
        int64_t probe_at_ms;
        uint64_t ticket; /* after a failure: who owns them now; 0: not wanted */
        int64_t ticket_deadline_ms;
};

struct retry_split {
        struct retry_service *service;
        struct retry_request *req;
        struct retry_split *prev, *next;
        bool is_splitting, looked_again;
        uint64_t ticket; /* splitting goes on when the claims are read; 0: it does not wait */
        int64_t ticket_deadline_ms;
        size_t cursor;
        struct retry_part *parts;
        size_t n_open;
        unsigned rounds;    /* how often entries were given to new owners */
        struct error cause; /* of the first failure */
        bool has_cause;
};

/* The part of this owner that takes one more entry; NULL: out of memory. o NULL: ours. */
struct retry_part *retry_part_for(struct retry_split *s, const struct owner *o, bool again);
void retry_part_start(struct retry_part *part);
void retry_part_tick(struct retry_part *part);    /* probes, and what waits for the claims */
void retry_part_give_up(struct retry_part *part); /* the request's time is up */

void retry_split_fail_entry(struct retry_split *s, struct retry_entry *e, enum retry_result result,
                            const struct error *cause);

/* Give entries of a part to whoever owns them now; what nobody else owns keeps `result`. */
void retry_split_give_again(struct retry_split *s, struct retry_part *part,
                            enum retry_result result, bool may_ask_same);

#endif
