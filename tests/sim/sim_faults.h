/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SIM_FAULTS_H
#define TESTS_SIM_FAULTS_H

#include "sim.h"

/* What goes wrong, by the dice: one fault after another until the world heals. */
void sim_profile_make(struct sim *s);
void sim_faults_init(struct sim *s);
void sim_faults_heal(struct sim *s);

/* The process is in the middle of something: perhaps it is stopped or killed just now. */
void sim_faults_interrupt(struct sim *s, struct sim_proc *proc);
/* So long the transaction thread stands still, and the loop goes on; the group perhaps does too. */
int64_t sim_faults_thread(struct sim *s);

#endif
