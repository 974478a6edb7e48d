/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SIM_EXCHANGE_H
#define TESTS_SIM_EXCHANGE_H

#include "crr/base/error.h"
#include "crr/core/peers.h"
#include "sim.h"

/*
 * A peer's question at the member that is asked: what api/peer does with it.
 *
 * Ownership  answered is called once, with a text that is borrowed for the call, unless the process
 *            dies. code 0: the text is the answer; else it is the error's message.
 */
typedef void sim_answered_fn(void *data, struct str text, enum error_code code);

void sim_exchange_begin(struct sim *s, struct sim_proc *proc, struct str question,
                        enum peer_question kind, sim_answered_fn *answered, void *data);

#endif
