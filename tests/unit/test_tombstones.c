/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "tombstones.h"

static struct tombstones t;

static void clear(void)
{
        memset(&t, 0, sizeof t);
}

static void add(uint64_t hash, uint64_t content, int64_t offset, bool is_home)
{
        struct standing standing = { .partition = 3, .offset = offset, .is_home = is_home };

        standing.timestamp_ms = offset * 10;
        tombstones_add(&t, hash, content, &standing);
}

static void a_tombstone_is_found_by_its_hash(void)
{
        const struct tombstone *found;

        clear();
        CHECK(tombstones_find(&t, 7) == NULL);
        CHECK(tombstones_find(&t, 0) == NULL);
        add(7, 5, 100, true);
        found = tombstones_find(&t, 7);
        CHECK(found != NULL);
        CHECK_INT(found->content, 5);
        CHECK_INT(found->standing.partition, 3);
        CHECK_INT(found->standing.offset, 100);
        CHECK_INT(found->standing.timestamp_ms, 1000);
        CHECK(tombstones_find(&t, 8) == NULL);
        CHECK(tombstones_find(&t, 7 + TOMBSTONE_SLOTS) == NULL);
}

static void the_latest_takes_the_slot(void)
{
        clear();
        add(7, 5, 100, true);
        add(7, 5, 200, true);
        CHECK_INT(tombstones_find(&t, 7)->standing.offset, 200);
        add(7 + TOMBSTONE_SLOTS, 6, 300, true);
        CHECK(tombstones_find(&t, 7) == NULL);
        CHECK_INT(tombstones_find(&t, 7 + TOMBSTONE_SLOTS)->standing.offset, 300);
}

static void every_slot_is_used(void)
{
        clear();
        for (uint64_t hash = 0; hash < TOMBSTONE_SLOTS; hash++)
                add(hash, 1, (int64_t)hash, true);
        for (uint64_t hash = 0; hash < TOMBSTONE_SLOTS; hash++)
                CHECK_INT(tombstones_find(&t, hash)->standing.offset, hash);
}

static void that_one_was_misplaced_is_known_from_then_on(void)
{
        clear();
        add(7, 1, 1, true);
        CHECK(!t.has_misplaced);
        add(8, 1, 2, false);
        add(8, 1, 3, true);
        CHECK(t.has_misplaced);
}

int main(void)
{
        RUN(a_tombstone_is_found_by_its_hash);
        RUN(the_latest_takes_the_slot);
        RUN(every_slot_is_used);
        RUN(that_one_was_misplaced_is_known_from_then_on);
        return 0;
}
