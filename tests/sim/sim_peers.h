/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SIM_PEERS_H
#define TESTS_SIM_PEERS_H

#include "crr/core/peers.h"
#include "sim.h"

/*
 * The members' network: the port `peers` of a process as client/peer_client.c has it, and what
 * api/peer does with a question. Questions and answers are the real JSON. A question to a process
 * that stands still waits in its socket; the answer to one that has timed out is dropped.
 */
struct sim_call;

struct sim_peers {
        struct peers port;
        struct sim_proc *proc;
};

struct sim_net {
        struct sim_call *calls;                             /* not over */
        int64_t cut_until_ms[SIM_INSTANCES][SIM_INSTANCES]; /* nothing passes, either way */
        int64_t slow_until_ms[SIM_INSTANCES];               /* whatever comes from or goes to it */
        struct json_reader *json;
};

void sim_net_init(struct sim *s);
void sim_net_deinit(struct sim *s);
void sim_peers_init(struct sim_proc *proc);
void sim_net_on_death(struct sim *s, struct sim_proc *proc); /* its connections break */

/* Every question of a process that is dead fails now. */
void sim_peers_fail(struct sim *s, struct sim_proc *proc);

#endif
