/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_SETTLE_H
#define CRR_SRC_CORE_SETTLE_H

#include "crr/core/failure_codec.h"
#include "outgoing.h"
#include "standing.h"

/*
 * Settlements: what the owner of a partition writes without a retry.
 *
 * apply.c says what a record makes due; nothing is written before the partition is ready. What was
 * noted stays noted until another record of the identity answers to it (settle.c).
 */
struct member;
struct waiting;

#define SETTLE_PAUSES 10

struct settler {
        struct outgoing_list paused[SETTLE_PAUSES]; /* OWED; each in the order of due_ms */
        size_t working;                             /* settlements that are not OWED */
        int next;                                   /* partition to be walked next */
        int64_t walk_at_ms;                         /* rows that owe: not before */
};

/* What the row owes (failure_owes()). renew: what it says has changed; a mark that is owed for it
 * stays owed. */
void settle_row(struct member *m, const struct failure *f);
void settle_renew(struct member *m, const struct failure *f);

/* A failure where it does not belong that is not the row (any more). is_beaten: by a completion. */
void settle_stray(struct member *m, const struct failure *f, bool is_beaten);

/* Where it belongs stands `f`, which the misplaced row of that partition hides. settles: -1, or of
 * its record. */
void settle_hide(struct member *m, const struct failure *f, int64_t settles, int partition);

/* A retry was not published because a newer version is there, or the source has this one no longer:
 * the failure is to say so. */
void settle_superseded(struct member *m, const struct outgoing *retry);

/* That is owed for the record of this place at `settles` or before: a settlement that was under way
 * takes its place, and it is the failure of that (settle_mark()) which is to say so. */
bool settle_owes_mark(struct member *m, const struct failure *f, int64_t settles);
void settle_mark(struct member *m, const struct failure *f);

/* What is hidden is the row again if that one is gone. */
void settle_reveal(struct member *m, const struct identity *id);

/* A completion where it does not belong. */
void settle_completion(struct member *m, const struct failure *f, bool has_value);

/* Where the identity belongs a tombstone is due that settles all up to an offset: after a COMPLETED
 * value, or again (OUTGOING_REWRITE) after a record that does not count. by_time: the identity was
 * completed in another partition, so that offsets do not tell what else is older. */
void settle_tombstone(struct member *m, enum outgoing_kind kind, const struct failure *gone,
                      int64_t settles, bool by_time);

/* The record of a row was moved away, and the moved one is about to be read: if it is not, move it
 * again. */
void settle_afterthought(struct member *m, const struct failure *f);

/* What a record of an identity changes of that. */
void settle_on_record(struct member *m, const struct decoded_record *decoded,
                      const struct log_record *record, uint16_t spelling);
void settle_on_gone(struct member *m, const struct identity *id, const struct standing *gone);
/* Another record stands there: what was due for the earlier ones is not. */
void settle_supersede(struct member *m, const struct identity *id, int partition,
                      uint16_t spelling);
/* One that does not count stands there. False: nothing is due for those before it, or they are
 * older than what was moved there. */
bool settle_cover(struct member *m, const struct failure *at, bool is_moved);
/* A tombstone that says "moved" stands at `at`, for the record at `settles`. */
void settle_on_moved(struct member *m, const struct failure *at, int64_t settles);

/* The newest failure that is noted besides the row and hands its facts down; NULL: none. */
const struct failure *settle_known_failure(struct member *m, const struct identity *id);

/* The newest completion that is noted, and how far a tombstone that is due settles (-1: none is).
 */
bool settle_knows_gone(struct member *m, const struct identity *id, struct standing *ret);
int64_t settle_tombstone_due(struct member *m, const struct identity *id, int partition);

/* FLOW */

enum outgoing_end settle_check(struct member *m, struct outgoing *o);
/* The record that a MOVE was to read is not in the log. END_COMMITTED: it goes on without. */
enum outgoing_end settle_check_gone(struct member *m, struct outgoing *o);
void settle_end(struct member *m, struct outgoing *o, enum outgoing_end outcome);
void settle_over(struct member *m, struct outgoing *o);        /* it is freed */
void settle_kick(struct member *m, const struct identity *id); /* an outgoing of it is over */
bool settle_work(struct member *m); /* a slice of all that is to do; true: there is more */
/* What is owed by a partition that has left goes, and what only waited for it goes on. */
bool settle_retire(struct member *m, struct waiting *w, unsigned *slice);

#endif
