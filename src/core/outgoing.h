/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_OUTGOING_H
#define CRR_SRC_CORE_OUTGOING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crr/base/buf.h"
#include "crr/base/siphash.h"
#include "crr/base/sm.h"
#include "crr/core/failure.h"

/*
 * What is on its way into the log: a retry, or a settlement (a record that an owner writes without
 * a retry). The retries are the in-flight overlay:
 *
 *      .--> READING --.                  .-- committed --> COMMITTED -- read back ---> OVER
 *      |  (what it    v                  |                 (hidden)
 *      |   needs)                        |
 *    OWED -------> QUEUED --> ENCODED --> SUBMITTED -- unknown --> UNKNOWN -- the log -> OVER
 *                    ^      (in a batch)   |                       (listed)    tells
 *                    '---------------------+-- aborted
 *                                          '-- refused, given up --> OVER
 *
 * It stays listed until COMMITTED, and a second retry of the identity joins it in every state.
 *
 * A settlement that cannot be written goes back to OWED from every state before COMMITTED and from
 * UNKNOWN: only another record of the identity ends what is owed. Of one identity one at a time is
 * elsewhere than OWED, and none while a retry of it is on its way.
 *
 * Ownership  An outgoing owns copies of all its strings. It is in one map, and in at most one list.
 */
enum outgoing_kind {
        OUTGOING_RETRY,
        OUTGOING_MERGE,     /* a FAILED record with what it kept from the PENDING one */
        OUTGOING_RELIST,    /* a retry without an outcome: FAILED, RetryLost */
        OUTGOING_CLOSE,     /* the same, where outcomes cannot be known: a tombstone */
        OUTGOING_COMPLETE,  /* the tombstone after a COMPLETED value */
        OUTGOING_REWRITE,   /* the current record again, after a settlement that came too late */
        OUTGOING_MOVE,      /* a record to the partition and key that are its own */
        OUTGOING_SUPERSEDE, /* a FAILED record that says Superseded: it must not be retried */
        OUTGOING_HIDDEN,    /* never written: the row that comes back when a misplaced one leaves */
};
#define OUTGOING_KINDS 9

enum outgoing_state {
        OUTGOING_OWED,
        OUTGOING_READING,
        OUTGOING_QUEUED,
        OUTGOING_ENCODED,
        OUTGOING_SUBMITTED,
        OUTGOING_COMMITTED,
        OUTGOING_UNKNOWN,
        OUTGOING_OVER,
};

struct batch;
struct retry_waiter;
struct object_queue;
struct source_get;
struct backbeat_object;

struct outgoing {
        struct outgoing *map_next;
        uint64_t hash;
        struct outgoing *prev, *next; /* in the list that `list` names */
        struct outgoing_list *list;
        size_t list_bytes;

        enum outgoing_kind kind;
        struct sm sm;
        struct failure
                failure; /* as it will stand in the log: target partition, state, attempts, ... */
        bool tombstone;  /* the record is a tombstone */
        bool force;      /* ForceRetry */
        bool overtaken;  /* another record of the identity was read since it was made, or who forced
                          * it gave up: it is looked at anew */
        int64_t stands;  /* offset of the record that it answers to; -1: none */
        int settles_partition; /* where that stands: not the target's only for a MOVE */
        int n_partitions;      /* RETRY: of the log, when its target was chosen */
        uint16_t spelling;     /* of that record's key */
        uint64_t life;         /* of the partition that it is watched in */
        struct str traceparent;

        /* Settlements. */
        int64_t settles; /* all up to here: the header */
        bool is_note;    /* no row tells of it, and it is not in the log yet */
        bool is_working; /* not OWED: it counts among those under way */
        bool is_gated;   /* OWED: until another outgoing of the identity is over */
        unsigned pause;  /* the next one, when it fails: doubled so often */
        int64_t due_ms;  /* OWED and paused: not before */
        bool completes;  /* MOVE: the identity is gone by what stands there; of a tombstone: by what
                            stands in another partition, so it is a COMPLETED value that was moved */
        bool has_value;  /* MOVE: what stands there is not a tombstone */
        bool is_beaten;  /* MOVE: the identity was completed since */
        bool cleans;     /* MOVE: what stands there goes, and nothing takes its place */
        bool from_facts; /* MOVE: the record is made anew from `failure` */

        bool wants_record, wants_entry; /* to be read first */
        struct buf read, read_entry;    /* what was read: the following point into it */
        struct str entry;               /* absent: none */
        struct str moved_key, moved_value;

        /* Retries of payload `backbeat` (metadata_fetch.c). */
        struct object_queue *object; /* READING: in whose order it waits; NULL: in none */
        struct outgoing *object_prev, *object_next;
        bool is_dated;                    /* there: its version id tells its age */
        struct source_get *current, *own; /* what it asked the source: the object, its version */
        bool newer_is_there; /* the current version is another one, and at the site already */
        const struct backbeat_object *metadata; /* of its version, from then on; in `own` */

        unsigned attempts;                      /* submits so far */
        size_t first_record, n_records, record; /* in its batch; `record` is the one watched */
        int64_t floor;      /* the position when it was submitted: its record stands behind */
        int64_t offset;     /* COMMITTED: where that record stands; -1 not known */
        bool read_back;     /* its record was seen in the log */
        struct batch *sent; /* COMMITTED: which keeps what was written for it; NULL: not kept */
        bool is_claimed;    /* its record was claimed, and is being applied (own_record.h) */
        bool detached; /* a settlement that was read before its outcome came: out of the map already
                        */
        uint64_t ticket; /* of the high watermark that decides; 0: the publisher is not back */
        struct retry_waiter *waiters;
};

/* How it ends, or stops for a while. */
enum outgoing_end {
        END_COMMITTED,  /* `offset` is set */
        END_UNKNOWN,    /* it stays in the overlay */
        END_FAILED,     /* nothing was written; err says why */
        END_STALE,      /* not submitted: another record of the identity came in between */
        END_NO_ENTRY,   /* not submitted, and never will be */
        END_TOO_LARGE,  /* likewise */
        END_GONE,       /* likewise: the source has no such version */
        END_SUPERSEDED, /* likewise: a newer version is at the site already */
        END_WAIT,       /* not submitted: a settlement whose time has not come yet */
};

/* A copy of *failure; state OWED. */
struct outgoing *outgoing_new(enum outgoing_kind kind, const struct failure *failure,
                              struct str traceparent);
void outgoing_free(struct outgoing *o); /* in no list, no map, no waiters */
void outgoing_move(struct outgoing *o, enum outgoing_state next);
enum outgoing_state outgoing_state(const struct outgoing *o);
const char *outgoing_kind_name(enum outgoing_kind kind); /* label of settlements_total */
size_t outgoing_bytes(const struct outgoing *o);         /* estimate of its records */

/* The partition of the record that is waited for: of a settlement that which settles. */
int outgoing_watched(const struct outgoing *o);

/* Keep what was read for it (copied). */
void outgoing_keep_entry(struct outgoing *o, struct str entry);
void outgoing_keep_record(struct outgoing *o, struct str key, struct str value);

struct outgoing_list {
        struct outgoing *head, *tail;
        struct outgoing *cursor; /* of who walks it while it grows at its end; NULL: it is there */
        size_t n;
        size_t bytes;
};

void outgoing_list_append(struct outgoing_list *l, struct outgoing *o);
void outgoing_list_prepend(struct outgoing_list *l, struct outgoing *o);
void outgoing_list_remove(struct outgoing *o); /* from whichever it is in; legal when in none */

/* By identity, which may have several. Where a hash is passed it is identity_hash() with the map's
 * key. */
struct outgoing_map {
        struct outgoing **buckets;
        size_t n_buckets, n;
        struct siphash_key key;
};

void outgoing_map_init(struct outgoing_map *map, const struct siphash_key *key);
void outgoing_map_deinit(struct outgoing_map *map); /* empty */
struct outgoing *outgoing_map_find(const struct outgoing_map *map, const struct identity *id);
struct outgoing *outgoing_map_find_hash(const struct outgoing_map *map, const struct identity *id,
                                        uint64_t hash);
struct outgoing *outgoing_map_next(const struct outgoing *o); /* another of the identity */
/* Ahead of several finds, for all of them one after the other: the place where to look, then what
 * stands there, is on its way from memory meanwhile. */
void outgoing_map_fetch_place(const struct outgoing_map *map, uint64_t hash);
void outgoing_map_fetch_first(const struct outgoing_map *map, uint64_t hash);
void outgoing_map_add(struct outgoing_map *map, struct outgoing *o);
void outgoing_map_add_hash(struct outgoing_map *map, struct outgoing *o, uint64_t hash);
void outgoing_map_remove(struct outgoing_map *map, struct outgoing *o);

/* Every element, which visit may remove. */
void outgoing_map_each(struct outgoing_map *map, void (*visit)(void *data, struct outgoing *o),
                       void *data);

uint64_t identity_hash(const struct siphash_key *key, const struct identity *id);

#endif
