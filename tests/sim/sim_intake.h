/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SIM_INTAKE_H
#define TESTS_SIM_INTAKE_H

#include "sim.h"
#include "sim_log.h"
#include "sim_proc.h"

/*
 * The intake: a foreign topic with failures, the group that reads it, and in each process what
 * kafka/kafka_intake*.c do around core/intake: a thread that fills batches, at most two ahead of
 * what is committed, and goes back to the committed offsets when a batch may be lost.
 *
 * The group has no barrier: it is assigned anew at once, and its members hear of that by their
 * heartbeats, so two of them may read a partition at a time. What keeps them apart is what keeps a
 * zombie away: offsets of an older generation are refused, and committed offsets are not told while
 * a transaction holds them.
 *
 * Each foreign record has a number. What must be so: it is written once, by a transaction of an
 * intake that commits, and those of one identity in their order.
 */
#define SIM_FOREIGN_RECORDS 1000

struct sim_foreign_record {
        int identity;
        int64_t at_ms; /* its time */
        unsigned written;
};

struct sim_intake_member {
        struct sim_proc *proc; /* NULL: the slot is free */
        int64_t heard_ms;
        uint32_t assigned;
};

struct sim_foreign {
        struct sim_foreign_record records[SIM_FOREIGN_RECORDS];
        int n_records;
        int numbers[SIM_FOREIGN][SIM_FOREIGN_RECORDS]; /* by offset */
        int64_t n[SIM_FOREIGN];
        int last[SIM_IDENTITIES]; /* the highest number that was written; -1 */
        bool is_stopped;

        int64_t generation; /* of the group */
        struct sim_intake_member members[2 * SIM_INSTANCES];
};

void sim_foreign_init(struct sim *s);
void sim_foreign_stop(struct sim *s); /* no further records */

void sim_intake_start(struct sim *s, struct sim_proc *proc);
void sim_intake_leave(struct sim_proc *proc); /* nothing more is taken in */
void sim_intake_end(struct sim *s, struct sim_proc *proc);
bool sim_intake_turn(struct sim_proc *proc); /* true: it has a batch */
bool sim_intake_is_idle(const struct sim_proc *proc);
struct sim_publisher *sim_intake_publisher(struct sim_proc *proc);
bool sim_intake_accepts(const struct sim *s, const struct sim_proc *proc, struct str generation);

/* Of every committed record of the failure log; of an intake's, that it is the only one. */
void sim_intake_check_written(struct sim *s, const struct sim_record *r);
bool sim_intake_is_done(const struct sim *s, const char **ret_why_not);
void sim_intake_check_end(struct sim *s);

#endif
