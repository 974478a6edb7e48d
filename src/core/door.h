/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_DOOR_H
#define CRR_SRC_CORE_DOOR_H

#include "crr/core/peers.h"
#include "member_private.h"
#include "silence.h"

/*
 * What the files of the door share: retry_service.c (the face), door_peers.c (asking other
 * members), door_list.c, door_get.c, door_retry.c and door_part.c (a retry and its parts),
 * door_know.c, door_cluster.c.
 *
 * A request is worked on in turns; while it waits for other members it does not move. What it has
 * with them lies in its arena.
 */
struct retry_service {
        struct member *local;
        struct peers *peers; /* NULL: no other members are asked */
        unsigned peer_timeout_ms;
        struct silence silence; /* members that did not answer */
        struct list_request *lists, **lists_end;
        unsigned rows_left; /* that listings may look at in this turn */
        struct get_request *gets, **gets_end;
        struct retry_request *retries, **retries_end;
        struct know_request *knows, **knows_end;
        unsigned knows_left;        /* identities that may be looked at in this turn */
        struct retry_split *splits; /* retries that other members have a part in */
        struct cluster_request *clusters;
};

/* Who can tell about a partition. */
enum holder {
        HOLDER_US,
        HOLDER_PEER,
        HOLDER_NONE, /* nobody that we know of or that answers, or we ourselves, later */
};
enum holder door_holder(const struct retry_service *s, int partition, const struct owner **ret);

/* Likewise, but for whether a peer answers: by what the claims say. */
enum holder door_claimant(const struct retry_service *s, int partition, const struct owner **ret);

void door_set_unavailable(const struct member *m, struct error *err);

/* ERR_MISDIRECTED, ERR_UNAVAILABLE: a peer asks us for what is not ours, or sees another topic. */
int door_check_local(const struct member *m, const struct partition_set *only, int n_partitions,
                     struct coverage *ret, struct error *err);

/* ASKING: one question to one member, for a page or an object. */
struct door_ask {
        struct door_work *work;
        struct door_ask *next;
        struct peer_call call;
        uint64_t epoch; /* of the owner that is asked */
        bool is_over;
        size_t at; /* rows that were taken */
};

/* What a request has with other members. */
struct door_work {
        struct retry_service *service;
        struct arena *arena;
        struct door_ask *asks; /* newest first */
        unsigned n_out;
        struct partition_set lost; /* nobody answered for them */
        uint64_t ticket;           /* of the cluster: look again whom to ask; 0: not wanted */
        int64_t ticket_deadline_ms;
        unsigned refreshes;
        bool looked_again;
        bool out_of_memory;
};

void door_work_init(struct door_work *w, struct retry_service *s, struct arena *arena);

bool door_work_is_waiting(const struct door_work *w); /* NULL: it is not */

/* Whoever is asked has answered, and what had to be looked up is known. */
bool door_work_may_go_on(struct door_work *w);

/* Nobody is known to own a partition: perhaps somebody does by now. True: the claims are read
 * again; false: they were, for this request, or its owner is silent and they are read anyway. */
bool door_work_look_again(struct door_work *w, int partition);

/* `question` without url, timeout and done. */
void door_work_ask(struct door_work *w, const struct peer_call *question, const struct owner *o);

/* The answer that holds a partition from this position on; NULL: none yet. */
struct door_ask *door_work_answer(const struct door_work *w, int partition, uint64_t from);

/* True when the request is done. */
bool door_list_step(struct retry_service *s, struct list_request *req);
bool door_get_step(struct retry_service *s, struct get_request *req);

/* A retry lives in the flow or with other members from then on. */
void door_retry_begin(struct retry_service *service, struct retry_request *req);
void door_retry_tick(struct retry_service *service);
bool door_retry_work(struct retry_service *service); /* true while there is more */

enum know_step { KNOW_OVER, KNOW_GOES_ON, KNOW_WAITS };
enum know_step door_know_step(struct retry_service *s, struct know_request *req);

void door_cluster_work(struct retry_service *s);

#endif
