/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_CORE_GROUP_H
#define CRR_CORE_GROUP_H

#include <stdint.h>

/*
 * Group: the port through which the core asks about the partitions that it holds, and about the
 * other members.
 *
 * Implemented by kafka/kafka_group.c and tests/lib/fake_group.c. Every question is answered exactly
 * once by the named call of core/member.h, on the loop, never from inside the question; also when
 * the broker is away (then with the failing answer). An answer about a partition that has left
 * meanwhile is ignored by the core.
 */
struct group {
        /* -> member_on_stable(partition, ...): is the committed offset stable (no open transaction
         * on it)? */
        void (*query_stable)(struct group *self, int partition);
        /* -> member_on_high_watermark(partition, ...): read uncommitted, asked of the broker after
         * this call. */
        void (*query_high_watermark)(struct group *self, int partition);
        /* Stop the records of a partition; resume from this offset on. No answer. */
        void (*hold)(struct group *self, int partition);
        void (*resume)(struct group *self, int partition, int64_t offset);

        /* -> member_on_registry(): what stands beside the group's committed offsets now. */
        void (*query_registry)(struct group *self);
        /* -> member_on_members(): who is a member of the group, as its coordinator knows it. */
        void (*query_members)(struct group *self);
        /* -> member_on_fenced(): end the transaction that a producer of this id left open; one that
         * lives cannot go on. */
        void (*fence)(struct group *self, const char *transactional_id);
};

#endif
