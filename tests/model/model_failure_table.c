/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The failure table against a naive one. Random operations by a seed, every invariant walked after
 * each. It is built twice: with the table's own sizes, and with a table of tiny blocks and
 * sub-tables, in which a few entries split, merge and move everything.
 *
 *   model_failure_table [--seed N] [--steps N] [--shape NAME]
 */
#include <stdint.h>
#include <stdlib.h>

#include "check.h"
#include "naive_table.h"

static struct failure_table *table;
static size_t unlimited; /* the limit that is never reached */
static uint64_t refused_full, refused_sites;

/* PUTTING AND REMOVING */

/* At a limit nothing may change; below it nothing may be refused. */
static bool is_taken_in(int rc, size_t memory_before)
{
        if (rc == ERR_TABLE_FULL) {
                CHECK(failure_table_memory_limit(table) < unlimited);
                CHECK_INT(failure_table_memory(table), memory_before);
                refused_full++;
        } else if (rc == ERR_TOO_MANY_SITES) {
                CHECK_INT(failure_table_sites_left(table), 0);
                CHECK_INT(failure_table_memory(table), memory_before);
                refused_sites++;
        } else {
                CHECK_INT(rc, 0);
        }
        return rc == 0;
}

/* A change of the identity's entry, or a new one; false: there is no place for it. */
static bool draw_put(int site, int key, struct naive *ret)
{
        const struct naive *old = naive_find(site, key);

        *ret = old != NULL ? *old : (struct naive){ .site = site, .key = key };
        ret->is_used = true;
        if ((old == NULL || draw(10) != 0) && !naive_draw_place(ret))
                return false;
        naive_draw_facts(ret);
        return old != NULL || naive_free_slot() != NULL;
}

static void take_over(const struct naive *fresh)
{
        struct naive *n = naive_find(fresh->site, fresh->key);

        if (n == NULL)
                n = naive_free_slot();
        *n = *fresh;
        naive_note_shadows(n);
}

static int draw_site(void)
{
        return (int)draw((uint64_t)shape.sites);
}

static int draw_key(void)
{
        return (int)draw((uint64_t)shape.keys);
}

static void do_put(void)
{
        size_t memory = failure_table_memory(table);
        struct naive fresh;
        struct failure f;
        struct error err;

        if (!draw_put(draw_site(), draw_key(), &fresh))
                return;
        f = naive_failure(&fresh);
        if (is_taken_in(failure_table_put(table, &f, &err), memory))
                take_over(&fresh);
}

static void do_remove(void)
{
        int site = draw_site(), key = draw_key();
        struct naive *n = naive_find(site, key);
        struct identity id = naive_identity(site, key);

        CHECK_INT(failure_table_remove(table, &id), n != NULL);
        if (n != NULL)
                n->is_used = false;
}

/* By a key that was made before others changed the table. */
static void do_keyed(int site, int key, struct failure_key *made)
{
        struct naive *old = naive_find(site, key), fresh;
        size_t memory = failure_table_memory(table);
        struct failure f;
        struct error err;

        CHECK_INT(failure_table_get_keyed(table, made, &f), old != NULL);
        if (old != NULL)
                naive_check_same(old, &f);
        if (draw(3) == 0) {
                CHECK_INT(failure_table_remove_keyed(table, made), old != NULL);
                if (old != NULL)
                        old->is_used = false;
                return;
        }
        if (!draw_put(site, key, &fresh))
                return;
        f = naive_failure(&fresh);
        if (is_taken_in(failure_table_put_keyed(table, &f, made, &err), memory))
                take_over(&fresh);
}

/* As ingest does it: keys of all first, then one after the other; identities repeat. */
#define BATCH ((size_t)2 * FAILURE_TABLE_BATCH)
static void do_batch(void)
{
        static struct failure_key made[BATCH];
        struct identity ids[BATCH];
        int sites[BATCH], keys[BATCH];
        size_t n = 1 + draw(BATCH);

        for (size_t i = 0; i < n; i++) {
                sites[i] = draw_site();
                keys[i] = draw_key();
                ids[i] = naive_identity(sites[i], keys[i]);
        }
        failure_table_prefetch(table, ids, n, made);
        for (size_t i = 0; i < n; i++)
                do_keyed(sites[i], keys[i], &made[i]);
}

/* LOOKING */

static void do_get(void)
{
        int site = draw_site(), key = draw_key();
        struct naive *n = naive_find(site, key);
        struct identity id = naive_identity(site, key);
        struct failure f;

        CHECK_INT(failure_table_get(table, &id, &f), n != NULL);
        if (n != NULL)
                naive_check_same(n, &f);
}

struct walk {
        uint64_t last;
        int rows, limit, site, key;
        const struct failure_page *page;
};

static bool see_version(void *data, const struct failure *f)
{
        struct walk *w = data;
        uint64_t marker = marker_of(f->partition, f->offset);

        CHECK(w->rows == 0 || marker > w->last);
        w->last = marker;
        w->rows++;
        for (int i = 0; i < NAIVE_ENTRIES; i++) {
                const struct naive *n = &naive[i];

                if (naive_is_shown(n) && n->key == w->key && n->facts.partition == f->partition &&
                    n->facts.offset == f->offset) {
                        naive_check_same(n, f);
                        return w->rows < w->limit;
                }
        }
        CHECK(false);
        return false;
}

static void do_find(void)
{
        int key = draw_key(), n = 0;
        struct identity id = naive_identity(0, key);
        struct walk w = { .key = key, .limit = draw(4) == 0 ? 2 : NAIVE_ENTRIES };

        for (int i = 0; i < NAIVE_ENTRIES; i++)
                n += naive_is_shown(&naive[i]) && naive[i].key == key;
        failure_table_find(table, id.bucket, id.key, id.version_id, see_version, &w);
        CHECK_INT(w.rows, n < w.limit ? n : w.limit);
}

static bool see_row(void *data, const struct failure *f)
{
        struct walk *w = data;
        const struct naive *n;

        if (w->rows == w->limit)
                return false;
        n = naive_next(w->page, w->site, w->last);
        CHECK(n != NULL);
        naive_check_same(n, f);
        w->last = marker_of(f->partition, f->offset) + 1;
        w->rows++;
        return true;
}

static void do_page(void)
{
        struct partition_set some = { { 0 } };
        struct failure_page page = { .state = draw(3) == 0 ? FAILURE_PENDING : FAILURE_FAILED };
        struct walk w = { .page = &page, .limit = 1 + (int)draw(40), .site = -1 };

        if (draw(2) == 0) {
                w.site = draw_site();
                page.site = naive_identity(w.site, 0).site;
        }
        for (int p = 0; p < shape.partitions; p++)
                if (draw(2) == 0)
                        partition_set_add(&some, p);
        if (draw(3) == 0)
                page.partitions = &some;
        if (draw(2) == 0) {
                const struct naive *n = &naive[draw(NAIVE_ENTRIES)];

                page.marker = marker_of(n->facts.partition, n->facts.offset + (int64_t)draw(2));
        }
        w.last = page.marker;
        failure_table_page(table, &page, see_row, &w);
        if (w.rows < w.limit)
                CHECK(naive_next(&page, w.site, w.last) == NULL);
}

/* COUNTS */

static void check_counts(const struct failure_counts *counts, int site, int partition)
{
        struct failure_counts want = naive_counts(site, partition);

        CHECK_INT(counts->failed, want.failed);
        CHECK_INT(counts->pending, want.pending);
        CHECK(counts->failed_bytes == want.failed_bytes);
        CHECK_INT(counts->oldest_failed_ms, want.oldest_failed_ms);
}

/* data: a byte for each site, set for those that have entries. */
static void see_site(void *data, struct str name, const struct failure_counts *counts)
{
        bool *seen = data;

        for (int site = 0; site < shape.sites; site++) {
                if (!str_eq(naive_identity(site, 0).site, name))
                        continue;
                CHECK(!seen[site]);
                seen[site] = true;
                check_counts(counts, site, -1);
        }
}

static void do_counts(void)
{
        int partition = (int)draw((uint64_t)shape.partitions);
        bool seen[2000] = { false };
        struct failure_counts counts;

        failure_table_counts(table, &counts);
        check_counts(&counts, -1, -1);
        failure_table_partition_counts(table, partition, &counts);
        check_counts(&counts, -1, partition);
        failure_table_sites(table, see_site, seen);
        for (int i = 0; i < NAIVE_ENTRIES; i++)
                CHECK(!naive_is_shown(&naive[i]) || seen[naive[i].site]);
}

/* PARTITIONS */

static void do_drop(void)
{
        int partition = (int)draw((uint64_t)shape.partitions);

        failure_table_drop(table, partition);
        naive_drop(partition);
}

static void do_park(void)
{
        int partition = (int)draw((uint64_t)shape.partitions);

        failure_table_park(table, partition);
        naive_parked[partition] = true;
}

static void do_unpark(void)
{
        int partition = (int)draw((uint64_t)shape.partitions);

        CHECK_INT(failure_table_unpark(table, partition), naive_unpark(partition));
}

/* MEMORY */

static void do_pages(void)
{
        struct page_range range, other;

        if (!failure_table_wants_pages(table, &range))
                return;
        region_touch(range.base, range.bytes);
        if (failure_table_wants_pages(table, &other)) {
                CHECK(other.base != range.base);
                failure_table_got_pages(table, &other);
        }
        do_put();
        failure_table_got_pages(table, &range);
}

/* A new entry of a new site in a new bucket needs memory, whatever is there. */
static void do_limit(void)
{
        struct failure f = { .id = { STR("new"), STR("new"), STR("new"), STR("new") }, .size = -1 };
        size_t before = failure_table_memory_limit(table), used = failure_table_memory(table);
        struct error err;
        int rc;

        if (naive_parked[0])
                return;
        failure_table_set_memory_limit(table, used);
        rc = failure_table_put(table, &f, &err);
        CHECK(rc == ERR_TABLE_FULL || rc == ERR_TOO_MANY_SITES);
        CHECK_INT(failure_table_memory(table), used);
        CHECK(!failure_table_get(table, &f.id, &f));
        failure_table_set_memory_limit(table, before);
}

/* Limited for a while at what is in use and a little more, then unlimited again. */
static void do_limited(void)
{
        if (failure_table_memory_limit(table) < unlimited)
                failure_table_set_memory_limit(table, unlimited);
        else
                failure_table_set_memory_limit(table, failure_table_memory(table) + draw(20000));
}

/* Chunks of a log's list are not asked for beforehand. */
#define LIMIT_SLACK 4096

static void check_memory(size_t before)
{
        size_t memory = failure_table_memory(table), limit = failure_table_memory_limit(table);
        struct failure_table_stats stats;

        CHECK(memory <= before || memory <= limit + LIMIT_SLACK);
        CHECK_INT(failure_table_room(table) < SIZE_MAX / 2, 1);
        failure_table_stats(table, &stats);
        CHECK_INT(stats.record_bytes + stats.index_bytes + stats.string_bytes + stats.other_bytes,
                  memory);
}

/* RUNNING */

static const struct {
        unsigned share;
        void (*run)(void);
} operations[] = {
        { 40, do_put },  { 18, do_remove }, { 3, do_batch },  { 6, do_get },
        { 6, do_page },  { 5, do_find },    { 1, do_drop },   { 3, do_counts },
        { 1, do_limit }, { 2, do_park },    { 3, do_unpark }, { 2, do_pages },
};

static void step(void)
{
        uint64_t what = draw(100), sum = 0;
        size_t before = failure_table_memory(table);

        for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
                sum += operations[i].share;
                if (what < sum) {
                        operations[i].run();
                        check_memory(before);
                        return;
                }
        }
        if (what < 95)
                failure_table_reap(table, 1 + (unsigned)draw(3));
        else if (what < 99 || !shape.is_limited)
                failure_table_trim(table, 1 + (unsigned)draw(4));
        else
                do_limited();
}

/* Most goes, and what is left is moved together: the memory goes too. */
static void empty_it(void)
{
        for (int i = 0; i < NAIVE_ENTRIES; i++) {
                struct identity id = naive_identity(naive[i].site, naive[i].key);

                if (!naive_is_shown(&naive[i]) || i % 20 == 0)
                        continue;
                CHECK(failure_table_remove(table, &id));
                naive[i].is_used = false;
        }
        while (failure_table_reap(table, 1))
                failure_table_check(table);
        while (failure_table_trim(table, 1))
                failure_table_check(table);
        CHECK(!failure_table_is_loose(table));
        do_counts();
}

static void run(const struct shape *s, uint64_t seed, long steps)
{
        struct failure_table_config config = { { { seed, 7 } }, SIZE_MAX / 2, s->sites_max };

        naive_init(s, seed);
        unlimited = config.memory_limit;
        refused_full = refused_sites = 0;
        table = failure_table_new(&config);
        printf("%s: seed %llu", s->name, (unsigned long long)seed);
        fflush(stdout);
        for (long i = 0; i < steps; i++) {
                step();
                failure_table_check(table);
        }
        failure_table_set_memory_limit(table, unlimited);
        empty_it();
        printf(", refused %llu full, %llu sites\n", (unsigned long long)refused_full,
               (unsigned long long)refused_sites);
        CHECK(!s->is_limited || refused_full > 0 || steps < 2000);
        CHECK(s->sites <= (int)s->sites_max || refused_sites > 0 || steps < 2000);
        failure_table_free(table);
        table = NULL;
}

int main(int argc, char **argv)
{
        static const struct shape shapes[] = {
                { "one of each", 1, 1, 20, 10, 3, false },
                { "one partition", 1, 3, 200, LIMIT_SITES, 3, false },
                { "three partitions", 3, 5, 300, LIMIT_SITES, 1000, false },
                { "far offsets", 2, 2, 150, LIMIT_SITES, INT64_C(1) << 31, false },
                { "a limit", 3, 4, 250, LIMIT_SITES, 3, true },
                { "64 partitions, 40 sites", 64, 40, 60, LIMIT_SITES, 3, false },
                { "1000 partitions", 1000, 3, 500, LIMIT_SITES, 3, false },
                { "1000 sites", 3, 1000, 4, LIMIT_SITES, 3, false },
                { "too many sites", 3, 60, 10, 40, 3, false },
        };
        uint64_t seed = 1;
        long steps = 1500;
        const char *only = NULL;

        for (int i = 1; i + 1 < argc; i += 2) {
                if (strcmp(argv[i], "--seed") == 0)
                        seed = strtoull(argv[i + 1], NULL, 10);
                else if (strcmp(argv[i], "--steps") == 0)
                        steps = strtol(argv[i + 1], NULL, 10);
                else if (strcmp(argv[i], "--shape") == 0)
                        only = argv[i + 1];
        }
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
                if (only == NULL || strcmp(only, shapes[i].name) == 0)
                        run(&shapes[i], seed, steps);
        return 0;
}
