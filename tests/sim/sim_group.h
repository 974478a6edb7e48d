/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SIM_GROUP_H
#define TESTS_SIM_GROUP_H

#include "sim.h"

/*
 * The simulated group coordinator: members, generations, cooperative rebalances.
 *
 *   EMPTY, STABLE -- somebody joins, leaves or is gone --> PREPARING -- all have joined -->
 * COMPLETING
 *   -- the leader has assigned --> STABLE
 *
 * A partition that another member still owns is not given away: its owner gets an assignment
 * without it, lets it go and joins again, and the next generation assigns it. A member hears of a
 * rebalance by its heartbeat. A static member (group.instance.id) that comes back within its
 * session gets its assignment again, in the same generation, and the process before it is fenced.
 */
enum sim_group_state { GROUP_EMPTY, GROUP_PREPARING, GROUP_COMPLETING, GROUP_STABLE };

struct sim_group_member {
        struct sim_proc *proc; /* NULL: the slot is free */
        struct str id;
        uint32_t owned;      /* partitions, as it said when it joined */
        uint32_t assigned;   /* of the last generation */
        bool has_joined;     /* PREPARING, COMPLETING: waits for its assignment */
        int64_t deadline_ms; /* of its session */
        uint64_t join;       /* which of its requests is answered */
};

#define SIM_GROUP_MEMBERS (4 * SIM_INSTANCES)

struct sim_group {
        enum sim_group_state state;
        int generation;
        unsigned members_so_far;
        struct sim_group_member members[SIM_GROUP_MEMBERS];
        bool shuffles;            /* the next assignment moves a partition although it need not */
        int known_partitions;     /* to the leader; */
        int64_t learns_ms;        /* of the others not before */
        int64_t orphans_since_ms; /* partitions that nobody is assigned */
};

void sim_group_init(struct sim *s);

/* Answered by sim_consumer_on_joined(). */
void sim_group_join(struct sim *s, struct sim_proc *proc, struct str id, uint32_t owned,
                    uint64_t join);
void sim_group_leave(struct sim *s, struct str id);
void sim_group_rebalance(struct sim *s); /* a member joins again for a reason of its own */

enum sim_heartbeat { HEARTBEAT_OK, HEARTBEAT_REBALANCE, HEARTBEAT_UNKNOWN };
enum sim_heartbeat sim_group_heartbeat(struct sim *s, struct str id, int generation);

/* TxnOffsetCommit: the token is that of sim_group_token(). */
bool sim_group_accepts(const struct sim *s, struct str token);
struct str sim_group_token(struct sim *s, int generation, struct str id, int static_instance);

/* The coordinator's own view: the process is a member, and the partition is assigned to it. */
bool sim_group_owns(const struct sim *s, const struct sim_proc *proc, int partition);
void sim_group_coordinator_is_back(struct sim *s); /* every session begins anew */

#endif
