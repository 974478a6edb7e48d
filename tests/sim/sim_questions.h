/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SIM_QUESTIONS_H
#define TESTS_SIM_QUESTIONS_H

#include "crr/core/group.h"
#include "crr/core/log_reader.h"
#include "sim.h"

/*
 * The questions of a process to Kafka: the ports `group` and `log_reader`. Each travels, is
 * answered by what is so at the broker then, and the answer travels back. What does not come back
 * in time fails.
 */
struct sim_questions {
        struct group group;
        struct log_reader reader;
        struct log_read *read; /* under way */
        void *reading;         /* which one that is */
};

void sim_questions_init(struct sim_questions *q);

#endif
