/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SIM_PROBE_H
#define TESTS_SIM_PROBE_H

#include "crr/base/buf.h"
#include "crr/core/member.h"

/* What the checks read in a member that it tells nobody. Everything else goes through its door. */
bool sim_probe_is_ready(const struct member *m, int partition);
bool sim_probe_answers(const struct member *m, int partition);
int64_t sim_probe_position(const struct member *m, int partition);
bool sim_probe_has_pending(const struct member *m);
bool sim_probe_get(const struct member *m, const struct identity *id, struct failure *ret);
bool sim_probe_is_idle(const struct member *m);             /* nothing is on its way into the log */
void sim_probe_describe(struct member *m, struct buf *out); /* what that is */

#endif
