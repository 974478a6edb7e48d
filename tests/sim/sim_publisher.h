/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SIM_PUBLISHER_H
#define TESTS_SIM_PUBLISHER_H

#include "crr/core/publisher.h"
#include "sim.h"

/*
 * A port `publisher` of a process, the member's or the intake's: its transaction thread, as
 * kafka/kafka_publisher.c has it. A batch is begin and offsets, every record (each partition's for
 * itself), commit; each step is a request that travels. A producer that was fenced is made anew,
 * and what it had written is of unknown outcome until then.
 */
enum sim_trouble {
        TROUBLE_NONE,
        TROUBLE_ABORT_EARLY, /* Kafka refuses after the offsets */
        TROUBLE_ABORT_LATE,  /* after the records */
        TROUBLE_LOST,        /* the producer fails before it commits */
        TROUBLE_LOST_ANSWER, /* the transaction commits, and the producer fails before it knows */
        TROUBLES
};

struct sim_batch;

struct sim_publisher {
        struct publisher port; /* the first member */
        struct sim_proc *proc;
        bool is_intake; /* its offsets are of another group, and the member hears nothing of it */
        struct publish_batch *submitted; /* given to us and not done */
        struct sim_batch *running;
        struct sim_producer *producer;
        int epoch;
        bool is_usable;
        enum sim_trouble trouble; /* of the next batch */
};

void sim_publisher_start(struct sim *s, struct sim_publisher *p, struct sim_proc *proc,
                         struct str transactional_id);

#endif
