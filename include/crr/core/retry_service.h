/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_CORE_RETRY_SERVICE_H
#define CRR_CORE_RETRY_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crr/base/arena.h"
#include "crr/base/buf.h"
#include "crr/base/error.h"
#include "crr/base/uuid.h"
#include "crr/core/failure.h"
#include "crr/core/failure_table.h"

/*
 * The one door: list, get and retry for every dialect. Asynchronous also when every partition is
 * ours: done is called exactly once per request, later, never from inside the call that submits.
 *
 * Ownership  A request is embedded by the caller and borrowed, with all it points to, until done.
 *            The failure given to `row` is borrowed for that call.
 * Errors     ERR_UNAVAILABLE (partitions unknown, Kafka refused, too busy, stopping),
 *            ERR_GATEWAY_TIMEOUT (a retry's outcome is not known at the deadline). `retry_after_s`
 *            then says when a repeat makes sense.
 */
struct coverage {
        int partitions;               /* of the failure log */
        struct partition_set missing; /* not restored here, or without an owner */
};
bool coverage_is_whole(const struct coverage *c);

/*
 * A question of another member: only what is ours is told, and nobody else is asked. What is not
 * ours is ERR_MISDIRECTED; what is ours but not known is named in coverage, and the rest told.
 */
struct local_scope {
        bool is_local;
        struct partition_set only; /* list, get: of these partitions */
        int n_partitions;          /* of the failure log, as the asker knows it */
};

struct list_request {
        void *data;
        struct str site; /* absent: every site */
        uint64_t marker;
        unsigned max_rows;   /* 1..LIMIT_PAGE_ROWS; a member asks for one more */
        bool partial;        /* answer although partitions are missing */
        struct arena *arena; /* rows of other members lie here */
        struct local_scope scope;
        void (*row)(struct list_request *req, const struct failure *f);
        void (*done)(struct list_request *req, const struct error *err);

        bool truncated;           /* out */
        uint64_t next_marker;     /* out, when truncated */
        struct coverage coverage; /* out, also with ERR_UNAVAILABLE */

        struct list_request *next; /* the service's, as the rest */
        uint64_t cursor;
        unsigned rows;
        void *work;
};

struct get_request {
        void *data;
        struct str bucket, key, version_id;
        struct str site; /* absent: every site */
        bool partial;
        struct arena *arena; /* as that of a list_request */
        struct local_scope scope;
        void (*row)(struct get_request *req, const struct failure *f);
        void (*done)(struct get_request *req, const struct error *err);

        struct coverage coverage; /* out */
        struct get_request *next; /* the service's, as the rest */
        void *work;
};

enum retry_result {
        RETRY_WAITING,
        RETRY_PUBLISHED, /* committed: by this request or by one that was under way; `failure` is
                            set */
        RETRY_SKIPPED,   /* left out of the answer */
        RETRY_FAILED,    /* nothing was written for it */
        RETRY_UNKNOWN,   /* its outcome is not known yet */
};

struct retry_entry {
        struct identity id;
        bool force;
        enum retry_result result; /* out */
        struct failure *failure;  /* out, RETRY_PUBLISHED: state PENDING, attempts of this retry; in
                                     the arena */
        void *work;               /* the service's; start with NULL */
};

struct retry_request {
        void *data;
        struct retry_entry *entries;
        size_t n;
        struct uuid retry_id;
        bool has_idempotency_key; /* retry_id was made from one: entries PENDING with it are
                                     answered again */
        struct str traceparent;   /* absent: none */
        bool partial;
        int64_t deadline_ms; /* monotonic */
        struct arena *arena;
        struct local_scope scope;
        bool again; /* it was asked before, without an answer: entries that failed again since then
                       were published by it */
        void (*done)(struct retry_request *req, const struct error *err);

        struct coverage coverage; /* out: partitions that entries needed and that are missing */
        unsigned retry_after_s;   /* out, with an error */
        struct error cause;       /* out, with an error: of the first entry that failed */
        struct retry_request *next;
        void *work; /* the service's; start with NULL */
};

/*
 * Which identities does the group not know: neither failed nor pending, nor with a retry under way?
 * `absent` is only set where that is certain: the owner of the identity's partition has read all
 * that stood in the log when it was asked. Whatever cannot be told in time stays in doubt.
 */
struct know_entry {
        struct identity id;
        bool absent; /* out */
        int home;    /* the service's, as the rest */
        bool is_placed;
};

struct know_request {
        void *data;
        struct know_entry *entries;
        size_t n;            /* at most PEER_ENTRIES_MAX (peers.h) */
        int64_t deadline_ms; /* monotonic */
        struct arena *arena; /* questions to other members lie here */
        struct local_scope scope;
        void (*done)(struct know_request *req);

        struct know_request *next; /* the service's, as the rest */
        void *work;
};

/*
 * The group as it is seen from here: every member that claims a partition is asked for its state.
 */
#define CLUSTER_MEMBERS_MAX 1024

struct cluster_member {
        struct str url;
        struct str status; /* JSON object; absent: it did not answer */
        struct error err;  /* why not */
        int64_t silent_ms; /* nobody asks it since, because it did not answer; 0: it is asked */
        struct partition_set claimed;
};

struct cluster_request {
        void *data;
        struct arena *arena;
        void (*done)(struct cluster_request *req);

        int n_partitions;               /* out, as the rest; of the failure log */
        struct partition_set missing;   /* nobody that answers has them ready */
        struct cluster_member *members; /* the first is this one */
        size_t n_members;

        struct cluster_request *next; /* the service's */
        size_t n_out;
        void *work;
};

struct member;
struct retry_service;

struct peers;

/* peers NULL: no other members are asked. */
struct retry_service *retry_service_new(struct member *local, struct peers *peers,
                                        unsigned peer_timeout_ms);
void retry_service_set_peer_timeout(struct retry_service *s, unsigned ms); /* SIGHUP */
void retry_service_free(struct retry_service *s);

void retry_service_list(struct retry_service *s, struct list_request *req);
void retry_service_get(struct retry_service *s, struct get_request *req);
void retry_service_retry(struct retry_service *s, struct retry_request *req);

void retry_service_know(struct retry_service *s, struct know_request *req);

void retry_service_cluster(struct retry_service *s, struct cluster_request *req);

/* What this member says of itself, as a JSON object. */
void retry_service_write_status(const struct retry_service *s, struct buf *out);

/* Once a turn of the loop, after member_work(): completes what can be. True while there is more. */
bool retry_service_work(struct retry_service *s);

#endif
