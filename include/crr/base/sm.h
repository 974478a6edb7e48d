/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_BASE_SM_H
#define CRR_BASE_SM_H

#include <stdint.h>

/*
 * A state machine that checks itself: the table says which moves exist, and
 * sm_move() aborts on any other. An illegal move is a bug, not an error.
 */
#define SM_TO(state) (UINT32_C(1) << (state))

struct sm_state {
        const char *name;
        uint32_t next; /* SM_TO(a) | SM_TO(b); 0 marks a final state */
};

struct sm {
        const char *name;              /* of the machine, for the message of an abort */
        const struct sm_state *states; /* static storage */
        uint64_t id;                   /* of the object that owns us, likewise */
        int state;
};

void sm_init(struct sm *sm, const char *name, const struct sm_state *states, uint64_t id,
             int first);
void sm_move(struct sm *sm, int next);
const char *sm_state_name(const struct sm *sm);

#endif
