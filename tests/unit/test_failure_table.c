/* SPDX-License-Identifier: Apache-2.0 */
/* The table in its small geometry; the model test has the rest. */
#include <stdint.h>

#include "check.h"
#include "crr/base/limits.h"
#include "crr/core/failure_table.h"

static struct failure_table *table;
static char key_text[64];

static void start(size_t memory_limit, unsigned sites_max)
{
        struct failure_table_config config = { { { 1, 2 } }, memory_limit, sites_max };

        table = failure_table_new(&config);
        CHECK(table != NULL);
}

static struct failure failure_of(int key, const char *site, int partition, int64_t offset)
{
        snprintf(key_text, sizeof key_text, "key-%d", key);
        return (struct failure){
                .id = { STR("bucket"), str_from(key_text), STR("v"), str_from(site) },
                .size = 1,
                .last_modified_ms = TIME_UNKNOWN,
                .failed_at_ms = 1000,
                .timestamp_ms = 1000,
                .partition = partition,
                .offset = offset,
                .entry_offset = -1,
        };
}

static int put(int key, const char *site, int partition, int64_t offset)
{
        struct failure f = failure_of(key, site, partition, offset);
        struct error err;

        return failure_table_put(table, &f, &err);
}

/* The partition of key's entry at site "s"; -1: there is none. */
static int where(int key)
{
        struct failure f = failure_of(key, "s", 0, 0);

        return failure_table_get(table, &f.id, &f) ? f.partition : -1;
}

static uint64_t listed(void)
{
        struct failure_counts counts;

        failure_table_counts(table, &counts);
        return counts.failed;
}

static bool unpark(int partition)
{
        bool is_back = failure_table_unpark(table, partition);

        failure_table_check(table);
        return is_back;
}

/* PARKING */

static void parked_entries_are_invisible_and_come_back(void)
{
        start(SIZE_MAX / 2, 10);
        for (int i = 0; i < 100; i++)
                CHECK_INT(put(i, "s", i % 2, i), 0);
        failure_table_park(table, 1);
        CHECK_INT(listed(), 50);
        CHECK_INT(where(1), -1);
        CHECK(!failure_table_remove(
                table, &(struct identity){ STR("bucket"), STR("key-1"), STR("v"), STR("s") }));
        CHECK(unpark(1));
        CHECK_INT(listed(), 100);
        CHECK_INT(where(1), 1);
        failure_table_free(table);
}

static void a_parked_partition_can_be_dropped_and_filled_anew(void)
{
        start(SIZE_MAX / 2, 10);
        for (int i = 0; i < 100; i++)
                CHECK_INT(put(i, "s", 1, i), 0);
        failure_table_park(table, 1);
        failure_table_drop(table, 1);
        CHECK_INT(put(3, "s", 1, 7), 0);
        CHECK_INT(listed(), 1);
        while (failure_table_reap(table, 1))
                failure_table_check(table);
        CHECK_INT(listed(), 1);
        CHECK_INT(where(3), 1);
        failure_table_free(table);
}

static void a_partition_does_not_come_back_when_an_identity_of_it_was_put_elsewhere(void)
{
        struct failure f = failure_of(1, "s", 0, 0);

        start(SIZE_MAX / 2, 10);
        CHECK_INT(put(1, "s", 1, 10), 0);
        CHECK_INT(put(2, "s", 1, 11), 0);
        CHECK_INT(put(2, "s", 3, 11), 0); /* before it is parked */
        failure_table_park(table, 1);
        CHECK_INT(put(1, "s", 2, 10), 0);
        CHECK(!unpark(1));
        CHECK(failure_table_remove(table, &f.id)); /* a table does not know what that means */
        CHECK(!unpark(1));
        CHECK_INT(where(1), -1);
        CHECK_INT(where(2), 3);
        failure_table_drop(table, 1);
        CHECK_INT(put(1, "s", 1, 10), 0);
        failure_table_park(table, 1);
        CHECK(unpark(1));
        CHECK_INT(listed(), 2);
        failure_table_free(table);
}

static void of_two_parked_partitions_the_one_with_the_later_entry_comes_back(void)
{
        start(SIZE_MAX / 2, 10);
        CHECK_INT(put(1, "s", 1, 10), 0);
        failure_table_park(table, 1);
        CHECK_INT(put(1, "s", 2, 10), 0);
        failure_table_park(table, 2);
        CHECK_INT(where(1), -1);
        CHECK(!unpark(1));
        CHECK(unpark(2));
        CHECK_INT(where(1), 2);
        CHECK_INT(listed(), 1);
        failure_table_free(table);
}

static void what_was_not_parked_does_not_come_back(void)
{
        start(SIZE_MAX / 2, 10);
        CHECK_INT(put(1, "s", 1, 10), 0);
        CHECK(!unpark(1));
        CHECK_INT(listed(), 1);
        failure_table_free(table);
}

/* COUNTS */

static int64_t oldest_ms(void)
{
        struct failure_counts counts;

        failure_table_counts(table, &counts);
        return counts.oldest_failed_ms;
}

static void put_failed_at(int key, int64_t offset, int64_t failed_at_ms)
{
        struct failure f = failure_of(key, "s", 1, offset);
        struct error err;

        f.failed_at_ms = failed_at_ms;
        CHECK_INT(failure_table_put(table, &f, &err), 0);
}

static void the_oldest_failure_is_the_first_of_the_log_whatever_comes_and_goes(void)
{
        struct failure f = failure_of(1, "s", 0, 0);

        start(SIZE_MAX / 2, 10);
        CHECK_INT(oldest_ms(), TIME_UNKNOWN);
        put_failed_at(2, 20, 2000);
        put_failed_at(3, 30, 1000);
        CHECK_INT(oldest_ms(), 2000);
        put_failed_at(1, 10, 3000);
        CHECK_INT(oldest_ms(), 3000);
        put_failed_at(1, 10, 3500);
        CHECK_INT(oldest_ms(), 3500);
        CHECK(failure_table_remove(table, &f.id));
        CHECK_INT(oldest_ms(), 2000);
        put_failed_at(2, 40, 2000);
        CHECK_INT(oldest_ms(), 1000);
        failure_table_free(table);
}

/* LIMITS */

static void at_the_memory_limit_nothing_changes_until_it_is_raised(void)
{
        size_t limit, used;
        int n = 0;

        start(SIZE_MAX / 2, 10);
        CHECK_INT(put(n++, "s", 1, 0), 0);
        limit = failure_table_memory(table) + (64u << 10);
        failure_table_set_memory_limit(table, limit);
        while (put(n, "s", 1, n) == 0)
                n++;
        used = failure_table_memory(table);
        CHECK(n > 100 && used <= limit);
        for (int i = 0; i < 10; i++)
                CHECK_INT(put(10000 + i, "another site", 1, 10000 + i), ERR_TABLE_FULL);
        CHECK_INT(failure_table_memory(table), used);
        CHECK_INT(listed(), n);
        CHECK_INT(where(n), -1);
        failure_table_check(table);
        failure_table_set_memory_limit(table, limit + (1u << 20));
        CHECK(failure_table_room(table) > 500u << 10);
        CHECK_INT(put(n, "s", 1, n), 0);
        failure_table_check(table);
        failure_table_free(table);
}

static void holes_are_room(void)
{
        int n = 0;

        start(SIZE_MAX / 2, 10);
        CHECK_INT(put(n++, "s", 1, 0), 0);
        failure_table_set_memory_limit(table, failure_table_memory(table) + (64u << 10));
        while (put(n, "s", 1, n) == 0)
                n++;
        CHECK(failure_table_room(table) < 16u << 10);
        for (int i = 0; i < n; i += 2) {
                struct failure f = failure_of(i, "s", 0, 0);

                CHECK(failure_table_remove(table, &f.id));
        }
        CHECK(failure_table_room(table) > 16u << 10);
        CHECK_INT(put(n, "s", 1, n), 0);
        failure_table_free(table);
}

static void one_site_more_than_there_may_be_is_refused_until_one_goes(void)
{
        char site[16];

        start(SIZE_MAX / 2, 3);
        for (int i = 0; i < 3; i++) {
                snprintf(site, sizeof site, "site-%d", i);
                CHECK_INT(put(1, site, 1, i), 0);
        }
        CHECK_INT(failure_table_sites_left(table), 0);
        CHECK_INT(put(1, "another", 1, 5), ERR_TOO_MANY_SITES);
        CHECK_INT(put(2, "site-1", 1, 5), 0);
        CHECK(failure_table_remove(
                table, &(struct identity){ STR("bucket"), STR("key-1"), STR("v"), STR("site-0") }));
        CHECK_INT(failure_table_sites_left(table), 1);
        CHECK_INT(put(1, "another", 1, 6), 0);
        failure_table_check(table);
        failure_table_free(table);
}

/* Keys whose hashes share their first bits, as nobody can choose them who does not know the hash
 * key. */
static void splits_that_do_not_help_are_refused_and_counted(void)
{
        struct failure_table_stats stats;
        struct failure_key made;
        struct failure f;
        int n = 0, rc = 0;

        start(SIZE_MAX / 2, 10);
        for (int key = 0; rc == 0; key++) {
                f = failure_of(key, "s", 1, n);
                failure_table_key(table, &f.id, &made);
                if (made.hash >> 50 == 0)
                        rc = put(key, "s", 1, n);
                n += made.hash >> 50 == 0 && rc == 0;
        }
        CHECK_INT(rc, ERR_TABLE_FULL);
        failure_table_stats(table, &stats);
        CHECK(stats.splits_refused > 0);
        CHECK(stats.sub_tables < 20);
        CHECK_INT(listed(), n);
        failure_table_check(table);
        for (int key = 0; listed() < (uint64_t)n + 20; key++) /* others find their place */
                put(1000000 + key, "s", 1, 1000000 + key);
        failure_table_check(table);
        failure_table_free(table);
}

/* FINDING */

static bool count_site(void *data, const struct failure *f)
{
        (void)f;
        ++*(int *)data;
        return true;
}

/* A thousand, so that there are some whose tag would have a low byte of 0. */
static void every_site_of_an_entry_is_found_whatever_its_hash_is(void)
{
        start(SIZE_MAX / 2, 10);
        for (int key = 0; key < 1000; key++) {
                CHECK_INT(put(key, "s", 1, key), 0);
                CHECK_INT(put(key, "t", 2, key), 0);
        }
        for (int key = 0; key < 1000; key++) {
                struct failure f = failure_of(key, "s", 0, 0);
                int found = 0;

                failure_table_find(table, f.id.bucket, f.id.key, f.id.version_id, count_site,
                                   &found);
                CHECK_INT(found, 2);
        }
        failure_table_free(table);
}

int main(void)
{
        RUN(parked_entries_are_invisible_and_come_back);
        RUN(a_parked_partition_can_be_dropped_and_filled_anew);
        RUN(a_partition_does_not_come_back_when_an_identity_of_it_was_put_elsewhere);
        RUN(of_two_parked_partitions_the_one_with_the_later_entry_comes_back);
        RUN(what_was_not_parked_does_not_come_back);
        RUN(the_oldest_failure_is_the_first_of_the_log_whatever_comes_and_goes);
        RUN(at_the_memory_limit_nothing_changes_until_it_is_raised);
        RUN(holes_are_room);
        RUN(one_site_more_than_there_may_be_is_refused_until_one_goes);
        RUN(splits_that_do_not_help_are_refused_and_counted);
        RUN(every_site_of_an_entry_is_found_whatever_its_hash_is);
        return 0;
}
