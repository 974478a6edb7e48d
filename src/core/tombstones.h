/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_TOMBSTONES_H
#define CRR_SRC_CORE_TOMBSTONES_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The latest tombstones, so that a settlement which comes after one is seen to be void although the
 * table does not know the identity any more. A fixed cache by hash: an older tombstone is forgotten
 * when its slot is taken, and then a late settlement lists a failure that was completed (it is
 * never the other way round).
 */
#define TOMBSTONE_SLOTS 8192

struct tombstone {
        uint64_t hash;
        int64_t offset, timestamp_ms;
        int32_t partition;
        bool used;
};

struct tombstones {
        struct tombstone slots[TOMBSTONE_SLOTS];
};

static inline void tombstones_add(struct tombstones *t, uint64_t hash, int partition,
                                  int64_t offset, int64_t timestamp_ms)
{
        t->slots[hash % TOMBSTONE_SLOTS] = (struct tombstone){
                .hash = hash,
                .offset = offset,
                .timestamp_ms = timestamp_ms,
                .partition = partition,
                .used = true,
        };
}

static inline const struct tombstone *tombstones_find(const struct tombstones *t, uint64_t hash,
                                                      int partition)
{
        const struct tombstone *slot = &t->slots[hash % TOMBSTONE_SLOTS];

        return slot->used && slot->hash == hash && slot->partition == partition ? slot : (void *)0;
}

static inline void tombstones_forget(struct tombstones *t, int partition)
{
        for (unsigned i = 0; i < TOMBSTONE_SLOTS; i++)
                if (t->slots[i].partition == partition)
                        t->slots[i].used = false;
}

#endif
