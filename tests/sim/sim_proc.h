/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SIM_PROC_H
#define TESTS_SIM_PROC_H

#include "crr/base/metrics.h"
#include "crr/core/member.h"
#include "crr/core/retry_service.h"
#include "sim.h"
#include "sim_consumer.h"
#include "sim_publisher.h"
#include "sim_questions.h"

/*
 * A process: a member and its door, and what stands for kafka/, client/ and daemon/ around them: a
 * consumer, a publisher, questions, the loop. It can be killed (all is lost), stopped and woken
 * (what came meanwhile comes then), leave (SIGTERM), and its loop alone can stand still.
 *
 * An instance is a place for a process: its URL, its transactional.id, its instance.id. At most one
 * process of an instance runs.
 */
struct sim_proc {
        struct sim *s;
        int instance;
        char url[32], transactional_id[48], name[16];
        struct member *member;
        struct retry_service *door;
        struct metrics *metrics;
        int64_t monotonic_offset_ms;
        uint64_t turn; /* of the loop; counts, so that an earlier wake-up that is late is none */
        int64_t turn_at_ms, last_turn_ms;

        bool is_dead, is_stopped, is_stalled, is_leaving;
        int64_t awakes_ms[2]; /* LANE_THREAD, LANE_LOOP: what comes before waits behind what waited
                               */
        int64_t leave_by_ms;
        struct sim_event_list deferred;
        int64_t cut_until_ms;           /* from Kafka */
        unsigned n_requests;            /* at its door, not done */
        bool was_ready[SIM_PARTITIONS]; /* at its last turn: sim_check.c */
        bool has_answered[SIM_PARTITIONS];

        struct sim_consumer consumer;
        struct sim_publisher publisher;
        struct sim_intake *intake; /* NULL: none */
        struct sim_questions questions;
        struct sim_peers *peers;
        struct sim_proc *next; /* all that there ever were, newest first */
};

struct sim_procs {
        struct sim_proc *all;
        struct sim_proc *of[SIM_INSTANCES]; /* that runs; NULL: none */
        bool wanted[SIM_INSTANCES];         /* it is started again when it is gone */
        bool is_due[SIM_INSTANCES];         /* and will be */
};

void sim_procs_init(struct sim *s);
void sim_procs_deinit(struct sim *s);

void sim_proc_start(struct sim *s, int instance);
void sim_proc_kill(struct sim *s, struct sim_proc *proc);
void sim_proc_stop(struct sim *s, struct sim_proc *proc, int64_t ms);  /* SIGSTOP; SIGCONT then */
void sim_proc_stall(struct sim *s, struct sim_proc *proc, int64_t ms); /* the loop alone */
void sim_proc_go_on(struct sim *s, struct sim_proc *proc);
void sim_proc_leave(struct sim *s, struct sim_proc *proc); /* SIGTERM */

/* Its loop has something to do. */
void sim_proc_wake(struct sim *s, struct sim_proc *proc);
int64_t sim_proc_now_ms(const struct sim_proc *proc); /* its monotonic clock */
bool sim_proc_takes_requests(const struct sim_proc *proc);

/* True when the event waits: the process does not run, or what waited comes first. */
bool sim_proc_defers(struct sim_proc *proc, struct sim_event *e);

/* More of a partition can be read. */
void sim_procs_on_stable(struct sim *s, int partition);
/* No reader of the partition has still to read what is below this offset. */
int64_t sim_procs_read_from(const struct sim *s, int partition);

#endif
