/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_TOMBSTONES_H
#define CRR_SRC_CORE_TOMBSTONES_H

#include "standing.h"

/*
 * The latest completions (tombstones, COMPLETED values), so that what comes after one and is older
 * is seen to be so although the table does not know the identity any more. A fixed cache by hash:
 * an older one is forgotten when its slot is taken, and then a late settlement, or a misplaced
 * failure from before it, lists a failure that was completed (it is never the other way round).
 */
#define TOMBSTONE_SLOTS 8192

struct tombstone {
        uint64_t hash;
        uint64_t content; /* of its partition: of what was read anew since it does not tell; 0:
                             empty */
        struct standing standing;
};

struct tombstones {
        struct tombstone slots[TOMBSTONE_SLOTS];
        bool has_misplaced; /* one was added that did not stand where its identity belongs */
};

/* NULL: none is known. Whether its partition still has that content the caller looks. */
static inline struct tombstone *tombstones_find(struct tombstones *t, uint64_t hash)
{
        struct tombstone *slot = &t->slots[hash % TOMBSTONE_SLOTS];

        return slot->content != 0 && slot->hash == hash ? slot : (struct tombstone *)0;
}

static inline void tombstones_add(struct tombstones *t, uint64_t hash, uint64_t content,
                                  const struct standing *standing)
{
        t->slots[hash % TOMBSTONE_SLOTS] = (struct tombstone){ hash, content, *standing };
        t->has_misplaced |= !standing->is_home;
}

#endif
