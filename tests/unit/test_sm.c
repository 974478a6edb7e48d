/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "child.h"
#include "crr/base/sm.h"

enum { CLOSED, OPEN, LOCKED, GONE, N_STATES };

static const struct sm_state door[N_STATES] = {
        [CLOSED] = { "closed", SM_TO(OPEN) | SM_TO(LOCKED) | SM_TO(GONE) },
        [OPEN] = { "open", SM_TO(CLOSED) | SM_TO(OPEN) },
        [LOCKED] = { "locked", SM_TO(CLOSED) },
        [GONE] = { "gone", 0 },
};

static struct sm sm;

static void a_machine_begins_where_it_is_told_to(void)
{
        for (int first = 0; first < N_STATES; first++) {
                sm_init(&sm, "door", door, 7, first);
                CHECK_INT(sm.state, first);
                CHECK_STR(sm_state_name(&sm), door[first].name);
        }
}

static void move_to(void *data)
{
        sm_move(&sm, *(const int *)data);
}

/* Every pair of states: what the table has is done, and everything else ends the process. */
static void the_table_is_all_that_may_happen(void)
{
        char said[4096], want[128];

        for (int from = 0; from < N_STATES; from++) {
                for (int to = 0; to < N_STATES; to++) {
                        sm_init(&sm, "door", door, 7, from);
                        if ((door[from].next >> to & 1) != 0) {
                                sm_move(&sm, to);
                                CHECK_INT(sm.state, to);
                                continue;
                        }
                        CHECK(child_aborts(move_to, &to, said, sizeof said));
                        snprintf(want, sizeof want, "illegal move of door 7: %s -> %s\n",
                                 door[from].name, door[to].name);
                        CHECK_STR(said, want);
                }
        }
}

int main(void)
{
        RUN(a_machine_begins_where_it_is_told_to);
        RUN(the_table_is_all_that_may_happen);
        return 0;
}
