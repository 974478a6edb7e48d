/* SPDX-License-Identifier: Apache-2.0 */
#include "crr/base/sm.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

void sm_init(struct sm *sm, const char *name, const struct sm_state *states, uint64_t id, int first)
{
        *sm = (struct sm){ .name = name, .states = states, .id = id, .state = first };
}

void sm_move(struct sm *sm, int next)
{
        if ((sm->states[sm->state].next & SM_TO(next)) == 0) {
                fprintf(stderr, "illegal move of %s %" PRIu64 ": %s -> %s\n", sm->name, sm->id,
                        sm->states[sm->state].name, sm->states[next].name);
                abort();
        }
        sm->state = next;
}

const char *sm_state_name(const struct sm *sm)
{
        return sm->states[sm->state].name;
}
