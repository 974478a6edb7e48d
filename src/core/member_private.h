/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_MEMBER_PRIVATE_H
#define CRR_SRC_CORE_MEMBER_PRIVATE_H

#include "arrivals.h"
#include "batcher.h"
#include "clearing.h"
#include "cluster.h"
#include "crr/base/limits.h"
#include "crr/core/failure_codec.h"
#include "crr/core/member.h"
#include "crr/core/retry_service.h"
#include "entry_fetch.h"
#include "metadata_fetch.h"
#include "outgoing.h"
#include "partition.h"
#include "retry_flow.h"
#include "settle.h"
#include "takeover.h"
#include "tombstones.h"

/* What the files of the member share: member.c and member_*.c, on_record.c and apply.c (records),
 * overlay.c, parking.c, settle*.c, retry_flow.c, batcher.c, and the door (door.h). */
struct member {
        struct member_config config;
        struct member_ports ports;
        struct metrics *metrics;
        struct failure_table *table;
        struct failure_decoder *decoder;

        struct partition *partitions; /* LIMIT_PARTITIONS of them */
        int n_partitions;             /* of the topic; 0: it is missing */
        int assigned;                 /* partitions not ABSENT */
        int n_parked;                 /* partitions that the table keeps meanwhile */
        bool assigned_once, stopping, overdue, misplaced_said;
        bool is_reaping;  /* the table has dropped entries to free */
        bool is_trimming; /* the table has memory to give back */
        int64_t trim_due_ms;
        int64_t end_offsets_at_ms; /* what hangs there: not before */
        int64_t now_ms, wall_ms;
        struct buf generation, member_id, claim, scratch;
        struct buf kept; /* strings of the row that a record replaces */
        uint64_t lives;  /* of partitions, so far */
        uint64_t epoch;  /* of our claims */
        struct cluster cluster;
        struct takeover takeover;

        struct outgoing_map retries; /* the in-flight overlay */
        struct outgoing_map settlements;
        struct waiting *left; /* of partitions that have left or are restored anew */
        int64_t sweep_due_ms;
        struct settler settler;
        struct tombstones tombstones;
        struct batcher batcher;
        struct clearing clearing;
        struct entry_fetch fetch;
        struct metadata_fetch metadata;
        struct arrivals arrivals;
        struct failure_key keys[FAILURE_TABLE_BATCH];
        struct retry_flow flow;

        struct metric_cell *outcome_cells[4]; /* records_total by enum record_outcome */
};

struct partition *member_partition(struct member *m, int partition); /* NULL: out of range */
bool member_partition_is_ready(const struct member *m, int partition);
int member_home_of(struct member *m, const struct identity *id); /* the partition it belongs to */

/* member_group.c: ownership. */
bool member_has_group(const struct member *m);
/* What is known of it may be told: it is restored, and ours for certain. */
bool member_answers_for(const struct member *m, int partition);
const char *member_partition_waits_for(const struct member *m, int partition); /* or NULL */
void member_prove(struct member *m, uint64_t lives, int64_t begun_ms); /* all that lived then */
void member_group_tick(struct member *m);

/* member_lives.c */
void member_drop(struct member *m, int partition); /* its rows go */

/* parking.c: partitions that have left, and may come back soon. */
bool parking_begin(struct member *m, struct partition *p);  /* false: it cannot be kept */
bool parking_resume(struct member *m, struct partition *p); /* true: it goes on at its position */
void parking_spoil(struct member *m, int partition);        /* it is read anew when it comes back */
void parking_end(struct member *m);                         /* of all */
void parking_tick(struct member *m, bool is_memory_short);

/* member_memory.c */
void member_memory_resume(struct member *m, struct partition *p); /* of one that is FULL */
void member_memory_tick(struct member *m, bool is_restoring);
bool member_memory_work(
        struct member *m); /* free what was dropped, or give memory back; in slices */

/* Told by batcher and fetch. Unless it is END_COMMITTED or END_UNKNOWN the outgoing is OVER and
 * freed here. */
void member_outgoing_end(struct member *m, struct outgoing *o, enum outgoing_end outcome,
                         const struct error *err);

/* May it be submitted? END_COMMITTED: yes, and it is as it will stand in the log. */
enum outgoing_end member_outgoing_check(struct member *m, struct outgoing *o, struct error *err);

/* apply.c: the only place where the table changes. key: of the record's identity, for the table;
 * hash: as overlay_on_record(). A rejected record is one that decoded->failure.id may tell.
 * ERR_TABLE_FULL, ERR_TOO_MANY_SITES: nothing was changed. */
int apply_record(struct member *m, const struct log_record *record,
                 const struct decoded_record *decoded, struct failure_key *key, uint64_t hash,
                 struct error *err);
int apply_rejected(struct member *m, const struct log_record *record,
                   const struct decoded_record *decoded, struct failure_key *key,
                   struct error *err);
/* A row that was replaced comes back; false: the table is full. */
bool apply_again(struct member *m, const struct failure *f);

/* overlay.c: the retries in flight, against the log. */
/* hash: of the record's identity, in m->retries; any when there are none. */
void overlay_on_record(struct member *m, const struct decoded_record *record, uint64_t hash);
void overlay_on_committed(struct member *m, struct outgoing *o);
void overlay_on_unknown(struct member *m, struct outgoing *o);
void overlay_on_publisher_ready(struct member *m);
bool overlay_may_let_go(
        const struct member *m); /* nothing of a partition that leaves is submitted */
bool overlay_hides(const struct member *m, const struct identity *id);
/* The retry of an identity that is under way; NULL: none. */
struct outgoing *overlay_find(struct member *m, const struct identity *id);
struct outgoing *overlay_find_hash(struct member *m, const struct identity *id, uint64_t hash);
void overlay_tick(struct member *m); /* end what was read back, resolve what was unknown */
bool overlay_work(struct member *m); /* what waited for partitions that have left; true: more */

#endif
