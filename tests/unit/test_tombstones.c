/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "tombstones.h"

static struct tombstones t;

static void clear(void)
{
        memset(&t, 0, sizeof t);
}

static void a_tombstone_is_found_by_its_hash_and_partition(void)
{
        const struct tombstone *found;

        clear();
        CHECK(tombstones_find(&t, 7, 0) == NULL);
        CHECK(tombstones_find(&t, 0, 0) == NULL);
        tombstones_add(&t, 7, 3, 100, 5000);
        found = tombstones_find(&t, 7, 3);
        CHECK(found != NULL);
        CHECK_INT(found->offset, 100);
        CHECK_INT(found->timestamp_ms, 5000);
        CHECK(tombstones_find(&t, 7, 2) == NULL);
        CHECK(tombstones_find(&t, 8, 3) == NULL);
        CHECK(tombstones_find(&t, 7 + TOMBSTONE_SLOTS, 3) == NULL);
}

static void the_latest_takes_the_slot(void)
{
        clear();
        tombstones_add(&t, 7, 3, 100, 5000);
        tombstones_add(&t, 7, 3, 200, 6000);
        CHECK_INT(tombstones_find(&t, 7, 3)->offset, 200);
        tombstones_add(&t, 7 + TOMBSTONE_SLOTS, 3, 300, 7000);
        CHECK(tombstones_find(&t, 7, 3) == NULL);
        CHECK_INT(tombstones_find(&t, 7 + TOMBSTONE_SLOTS, 3)->offset, 300);
        tombstones_add(&t, 7 + TOMBSTONE_SLOTS, 4, 10, 7000);
        CHECK(tombstones_find(&t, 7 + TOMBSTONE_SLOTS, 3) == NULL);
}

static void every_slot_is_used(void)
{
        clear();
        for (uint64_t hash = 0; hash < TOMBSTONE_SLOTS; hash++)
                tombstones_add(&t, hash, 0, (int64_t)hash, 0);
        for (uint64_t hash = 0; hash < TOMBSTONE_SLOTS; hash++)
                CHECK_INT(tombstones_find(&t, hash, 0)->offset, hash);
}

static void a_partition_that_left_is_forgotten_and_no_other(void)
{
        clear();
        for (uint64_t hash = 0; hash < TOMBSTONE_SLOTS; hash++)
                tombstones_add(&t, hash, (int)(hash % 3), 1, 0);
        tombstones_forget(&t, 1);
        for (uint64_t hash = 0; hash < TOMBSTONE_SLOTS; hash++)
                CHECK_INT(tombstones_find(&t, hash, (int)(hash % 3)) != NULL, hash % 3 != 1);
}

int main(void)
{
        RUN(a_tombstone_is_found_by_its_hash_and_partition);
        RUN(the_latest_takes_the_slot);
        RUN(every_slot_is_used);
        RUN(a_partition_that_left_is_forgotten_and_no_other);
        return 0;
}
