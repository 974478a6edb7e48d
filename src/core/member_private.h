/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_MEMBER_PRIVATE_H
#define CRR_SRC_CORE_MEMBER_PRIVATE_H

#include "batcher.h"
#include "cluster.h"
#include "crr/base/limits.h"
#include "crr/core/failure_codec.h"
#include "crr/core/member.h"
#include "crr/core/retry_service.h"
#include "entry_fetch.h"
#include "outgoing.h"
#include "partition.h"
#include "retry_flow.h"
#include "takeover.h"
#include "tombstones.h"

/* A record on its way into the table. */
struct arrival {
        struct record_key key;
        struct buf key_bytes;             /* of its identity */
        struct failure_key *in_the_table; /* if the key is good */
};

/* What the files of the member share: member.c (life), apply.c (records), settle.c, retry_flow.c,
 * retry_service.c. */
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
        int64_t now_ms, wall_ms;
        int64_t expiry_due_ms;
        struct buf generation, member_id, claim, scratch;
        uint64_t lives; /* of partitions, so far */
        uint64_t epoch; /* of our claims */
        struct cluster cluster;
        struct takeover takeover;

        struct outgoing_map retries; /* the in-flight overlay */
        struct outgoing_map settlements;
        struct outgoing_list committed; /* until they are read back */
        struct outgoing_list unknown;   /* until the log tells */
        int64_t sweep_due_ms;
        struct tombstones tombstones;
        struct batcher batcher;
        struct entry_fetch fetch;
        struct arrival arrivals[FAILURE_TABLE_BATCH];
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

/* Its rows go, and what else its records have left here. */
void member_drop(struct member *m, int partition);

/* parking.c: partitions that have left, and may come back soon. */
bool parking_begin(struct member *m, struct partition *p);  /* false: it cannot be kept */
bool parking_resume(struct member *m, struct partition *p); /* true: it goes on at its position */
void parking_spoil(struct member *m, int partition); /* an identity of it was read elsewhere */
void parking_end(struct member *m);                  /* of all */
void parking_tick(struct member *m, bool is_memory_short);

/* member_memory.c */
void member_memory_resume(struct member *m, struct partition *p); /* of one that is FULL */
void member_memory_tick(struct member *m, bool is_restoring);
bool member_memory_work(
        struct member *m); /* free what was dropped, or give memory back; in slices */

enum outgoing_end {
        END_COMMITTED, /* `offset` is set */
        END_UNKNOWN,   /* it stays in the overlay */
        END_FAILED,    /* nothing was written; err says why */
        END_STALE,     /* not submitted: another record of the identity came in between */
        END_NO_ENTRY,  /* not submitted, and never will be */
        END_TOO_LARGE, /* likewise */
};

/* Told by batcher and fetch. Unless it is END_COMMITTED or END_UNKNOWN the outgoing is OVER and
 * freed here. */
void member_outgoing_end(struct member *m, struct outgoing *o, enum outgoing_end outcome,
                         const struct error *err);

/* May it be submitted? END_COMMITTED: yes. */
enum outgoing_end member_outgoing_check(struct member *m, const struct outgoing *o,
                                        struct error *err);

/* settle.c: what an owner writes without a retry. Before a partition is ready it is only noted as
 * owed. */
void settle_entry(struct member *m, const struct failure *f); /* its merged record, or its move */
void settle_complete(struct member *m, const struct failure *completed);
/* A tombstone or COMPLETED elsewhere; not `needed`: only if its home lists the identity. */
void settle_misplaced(struct member *m, const struct failure *f, bool needed);
void settle_rewrite(struct member *m, const struct failure *current, bool tombstone);
void settle_on_record(struct member *m, const struct log_record *record, const struct identity *id);
void settle_end(struct member *m, struct outgoing *o, enum outgoing_end outcome);
void settle_partition_ready(struct member *m, int partition);
void settle_partition_left(struct member *m, int partition);
/* Something that no row tells of, and that is not in the log yet. */
bool settle_owes(struct member *m, int partition);
bool settle_work(struct member *m); /* walk what is owed, and what has expired, in slices */

/* overlay.c: the retries in flight, against the log. */
void overlay_on_record(struct member *m, const struct decoded_record *record);
void overlay_on_committed(struct member *m, struct outgoing *o);
void overlay_on_unknown(struct member *m, struct outgoing *o);
void overlay_on_publisher_ready(struct member *m);
bool overlay_may_let_go(
        const struct member *m); /* nothing of a partition that leaves is submitted */
void overlay_partition_left(struct member *m, int partition);
bool overlay_hides(const struct member *m, const struct identity *id);
void overlay_tick(struct member *m); /* end what was read back, resolve what was unknown */

#endif
