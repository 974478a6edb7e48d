/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SIM_CONSUMER_H
#define TESTS_SIM_CONSUMER_H

#include "sim.h"

/*
 * The consumer of a process: what librdkafka and kafka/kafka_feed.c do together.
 *
 * A thread (LANE_THREAD) joins the group, sends heartbeats and fetches; the loop (LANE_LOOP) hears
 * of assignments, revocations and records. Between the event of a rebalance and the loop's answer
 * to it nothing else of the group happens, and from a revocation to the unassignment nothing is
 * read. The generation that the loop tells the member is the consumer's at that moment, which may
 * be another one than that of the event.
 */
enum sim_consumer_state {
        CONSUMER_IDLE,
        CONSUMER_JOINING,
        CONSUMER_WAITS, /* for the loop to assign or to unassign */
        CONSUMER_STEADY,
        CONSUMER_CLOSED,
};

struct sim_fetched; /* what came with one answer */

struct sim_fetch {
        bool is_assigned, is_held;
        uint64_t version;                       /* what was fetched for an earlier one is dropped */
        int64_t position;                       /* the next to fetch */
        int64_t end_told;                       /* the last end of partition that was told; -1 */
        bool is_waiting;                        /* at the broker, for more */
        struct sim_fetched *queue, **queue_end; /* fetched, and not delivered */
        bool is_delivering;
        int64_t parked_until_ms; /* what was read before it left may still be used till then */
};

struct sim_consumer {
        enum sim_consumer_state state;
        uint64_t join; /* the last that was sent */
        struct str member_id;
        int generation;
        uint32_t owned, to_add;
        bool is_lost;     /* the group has gone on without us */
        bool has_let_go;  /* it joins again, so that the partitions find another owner */
        int64_t heard_ms; /* when the group last knew us */

        bool is_revoking, revokes_lost, is_closing; /* the loop's */
        uint32_t revoked;
        int64_t revoke_by_ms;
        struct sim_fetch fetch[SIM_PARTITIONS];
        int n_partitions; /* as it knows the topic; 0: not yet */
};

void sim_consumer_start(struct sim *s, struct sim_proc *proc);
void sim_consumer_close(struct sim *s, struct sim_proc *proc);
bool sim_consumer_is_closed(const struct sim_proc *proc);

/* From the coordinator. id empty: it does not know the member. */
void sim_consumer_on_joined(struct sim *s, struct sim_proc *proc, int generation, struct str id,
                            uint32_t assigned, uint64_t join_no);
void sim_consumer_on_join_again(struct sim *s, struct sim_proc *proc, int generation, struct str id,
                                uint64_t join_no);

/* From the loop. */
void sim_consumer_turn(struct sim *s, struct sim_proc *proc); /* a revocation may be over */
void sim_consumer_hold(struct sim *s, struct sim_proc *proc, int partition);
void sim_consumer_resume(struct sim *s, struct sim_proc *proc, int partition, int64_t offset);
void sim_consumer_on_growth(struct sim *s, struct sim_proc *proc);

/* sim_fetch.c */
void sim_fetch_begin(struct sim *s, struct sim_proc *proc, int partition, int64_t offset);
void sim_fetch_end(struct sim_proc *proc, int partition);
void sim_fetch_on_stable(struct sim *s, struct sim_proc *proc, int partition);
void sim_fetch_go_on(struct sim *s, struct sim_proc *proc); /* the revocation is over */

#endif
