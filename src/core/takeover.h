/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_TAKEOVER_H
#define CRR_SRC_CORE_TAKEOVER_H

#include <stdbool.h>
#include <stdint.h>

#include "crr/core/member.h"
#include "partition.h"

/*
 * Takeover: a partition that cannot become ready because its last owner died in the middle of a
 * transaction. The broker would end that after the transaction's timeout and up to 10 s more
 * (design/kafka.md, section 4); its transactional.id, which the claim names, ends it at once. It is
 * only done to an owner that is no member of the group any more: one that lives ends its own.
 */
struct takeover {
        bool members_out;
        int64_t ask_members_at_ms;
        bool fence_out;
        int64_t fence_again_ms; /* not the same id before */
        char *fenced;           /* the transactional.id that was fenced last */
};

void takeover_init(struct takeover *t);
void takeover_deinit(struct takeover *t);

/* No other member is known to have written there last: what hangs may be a transaction of ours. */
bool takeover_may_be_ours(const struct member *m, const struct partition *p);

/* Look at the partitions that wait for an open transaction. */
void takeover_tick(struct member *m);

#endif
