/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SIM_MOVERS_H
#define TESTS_SIM_MOVERS_H

#include "sim.h"
#include "sim_txn.h"

/*
 * The movers: they write failures, and what became of them; they take retry entries and let some of
 * them fail again. Their knowledge of the topic may be old, and some use a wrong partition.
 */
struct sim_movers {
        unsigned n_open;  /* retries that they work on, records on their way */
        bool is_stopped;  /* no failures of their own any more */
        int n_partitions; /* as they know it */
};

void sim_movers_init(struct sim *s);
void sim_movers_on_entry(struct sim *s, const struct sim_entry *entry);
void sim_movers_stop(struct sim *s);
bool sim_movers_are_done(const struct sim *s);

#endif
