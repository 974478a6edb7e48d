/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_PARTITION_H
#define CRR_SRC_CORE_PARTITION_H

#include <stdbool.h>
#include <stdint.h>

#include "crr/base/sm.h"
#include "crr/core/group.h"
#include "crr/core/member.h"
#include "outgoing.h"

/*
 * One partition of the failure log as this member has it.
 *
 *              assigned                position >= target
 *     ABSENT ------------> RESTORING ---------------------> READY
 *        ^                  ^  |  ^                           |
 *        |   revoked        |  |  '---------- reset ----------|
 *        '------------------+--|------------------------------|
 *                   resumed |  v  limit of memory or sites    |
 *                          FULL <----------------------------'
 *
 *     RESTORING, READY, FULL -- the group wants it back --> LEAVING -- revoked --> ABSENT
 *
 * Readiness (design: barrier, then high watermark): in RESTORING we ask until the committed offset
 * is stable (no transaction holds offsets of this partition), then for the high watermark read
 * uncommitted; that is the target. A transaction that was open when we came is below it, so it
 * cannot be overtaken.
 *
 * What is known of a READY partition may be answered only while our ownership is proven: another
 * member may have taken over from a process that stood still and does not know it yet. A proof is
 * the time at which something was begun that only the owner can do.
 *
 * A high watermark is asked for by ticket: partition_want_watermark() returns a number, and the
 * wish is granted when `watermark_granted` reaches it: then `watermark` was read by the broker
 * after the wish was made.
 */
enum partition_state {
        PARTITION_ABSENT,
        PARTITION_RESTORING,
        PARTITION_READY,
        PARTITION_FULL,
        PARTITION_LEAVING,
};
#define PARTITION_STATES 5

/* What a partition that is FULL waits for. */
enum partition_shortage { SHORT_OF_MEMORY, SHORT_OF_SITES };

/* Outgoings that wait for something to be known of a partition. */
struct waiting {
        struct outgoing_list committed; /* for their records, in the order of offsets */
        struct outgoing_list undecided; /* for a high watermark, in the order of tickets */
        struct outgoing_list owed;      /* for it to be ready, or for room among those under way */
        struct outgoing_list hidden;    /* for its rows that hide them to leave */
        struct waiting *next;           /* of partitions that have left */
};

struct partition {
        struct sm sm;
        int id;
        int64_t position;       /* the next offset to come: everything below it is applied */
        int64_t target;         /* RESTORING: ready when the position is here; -1: not known yet */
        uint64_t target_ticket; /* 0: the barrier is not passed */
        bool open_transaction;  /* the barrier's last answer: unstable */
        int64_t unstable_since_ms; /* since when it says so */
        int64_t ask_stable_at_ms;  /* not before */
        bool stable_asked,
                stable_stale; /* a question is out; its answer is about an earlier life */

        uint64_t watermark_wanted, watermark_asked, watermark_granted;
        bool watermark_out, watermark_stale;
        int64_t ask_watermark_at_ms;
        int64_t watermark;        /* last known; -1: none */
        int64_t behind_watermark; /* the oldest one not reached yet; -1: none */
        int64_t behind_since_ms;
        int64_t still_position,
                still_since_ms; /* the position, and since when it has not changed */
        int64_t cleared_ms;     /* the last time that partition_is_stuck() said so */
        int64_t clear_every_ms; /* not again before */

        uint64_t life;     /* counts restores: what is about an earlier one does not count. 0: none
                            */
        uint64_t left;     /* the life's number when an earlier one ended; 0: there was none */
        uint64_t content;  /* the life in which its first record was read: an earlier one than
                              `life` when it was parked meanwhile */
        bool is_entangled; /* what is known of it does not follow from its own log alone */
        size_t n_notes;    /* of this life, as outgoing->is_note says */
        struct waiting *waiting; /* outgoings of this life; NULL: none yet */
        int64_t proof_ms;        /* of our ownership in this life; INT64_MIN: none yet */
        bool claimed;            /* our claim was committed in this life */
        int64_t parked_until_ms; /* ABSENT: the table keeps its entries until then; INT64_MIN: not
                                  */

        enum partition_shortage shortage;       /* FULL */
        int64_t since_ms;                       /* when this state began */
        uint64_t records;                       /* taken in this life */
        uint64_t restored;                      /* of these: when it became READY */
        uint64_t settle_cursor[FAILURE_STATES]; /* READY: walks for what is owed to the log,
                                                   markers; UINT64_MAX: done */
        uint64_t expiry_cursor;                 /* READY: walk for expired retries, likewise */
        int64_t expiry_due_ms;                  /* the next one */
        unsigned expired;                       /* retries, found by the walk under way */
};

void partition_init(struct partition *p, int id);

/* A new life: RESTORING from this position on. From any state. */
void partition_restore(struct partition *p, int64_t position, int64_t now_ms);
void partition_begin_leaving(struct partition *p, int64_t now_ms); /* -> LEAVING */
void partition_leave(struct partition *p);                         /* -> ABSENT */
void partition_hold(struct partition *p, enum partition_shortage shortage,
                    int64_t now_ms);                        /* -> FULL, position kept */
void partition_resume(struct partition *p, int64_t now_ms); /* FULL -> RESTORING, position kept */

enum partition_state partition_state(const struct partition *p);
bool partition_is_ready(const struct partition *p);
const char *partition_state_text(enum partition_state state);

void partition_advance(struct partition *p, int64_t next_offset);
uint64_t partition_want_watermark(struct partition *p);

void partition_prove(struct partition *p, int64_t begun_ms);
bool partition_is_proven(const struct partition *p, int64_t now_ms, int64_t valid_ms);

/* It has been waiting for the end of somebody's transaction for so long. */
bool partition_waits_for_transaction(const struct partition *p, int64_t now_ms, int64_t ms);
void partition_ask_stable_now(struct partition *p);

void partition_on_stable(struct partition *p, enum member_stable stable, int64_t now_ms);
void partition_on_watermark(struct partition *p, int64_t offset, int64_t now_ms);

/* Ask what is to be asked, and become READY when it is time: true at that moment. */
bool partition_tick(struct partition *p, struct group *group, int64_t now_ms);

bool partition_is_behind(const struct partition *p, int64_t now_ms);
/*
 * There is more to come, and nothing comes: a transaction is open below the end. It may be one of
 * ours that an outage left hanging, which the broker does not end by itself. True now and then: at
 * first after 3 s, then more and more seldom.
 */
bool partition_is_stuck(struct partition *p, int64_t now_ms);
/* By the barrier's word one is open in the group's offsets, for 3 s. */
bool partition_is_kept(const struct partition *p, int64_t now_ms);

const char *partition_waits_for(const struct partition *p); /* "open transaction", "replay",
                                                             * "memory", "too_many_sites"; NULL
                                                             */

#endif
