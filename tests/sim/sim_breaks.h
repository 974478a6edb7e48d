/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SIM_BREAKS_H
#define TESTS_SIM_BREAKS_H

#include <stdbool.h>

/*
 * Where a run can break the protocol (--break), so that everybody can see that the simulation finds
 * it: in the world around the core, and of the core by what the linker puts between its files. The
 * product has no switch for it. More of the kind, by changes of the text: mutants.py.
 */
#define SIM_BREAKS(X)                                                                         \
        X(BARRIER, "barrier")       /* open transactions are not waited for */                \
        X(GENERATION, "generation") /* offsets go with the generation of the moment, not with \
                                       that under which the batch was made */                 \
        X(ANSWER, "answer")         /* a retry is answered when it is written, not when it is \
                                       committed */                                           \
        X(OVERLAY, "overlay")       /* what was submitted is not known until it is read back */

enum sim_break {
        SIM_BREAK_NOTHING,
#define X(id, name) SIM_BREAK_##id,
        SIM_BREAKS(X)
#undef X
};

bool sim_breaks(enum sim_break what);
void sim_break(enum sim_break what);           /* from now on */
enum sim_break sim_break_of(const char *name); /* SIM_BREAK_NOTHING: there is none of that name */

#endif
