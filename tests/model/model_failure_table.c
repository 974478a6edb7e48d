/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The failure table against a naive one: an array that is scanned. Random operations by a seed,
 * every invariant walked after each.
 *
 *   model_failure_table [--seed N] [--steps N]
 */
#include <assert.h>
#include <stdint.h>

#include "check.h"
#include "crr/base/limits.h"
#include "crr/core/failure_table.h"

#define ENTRIES_MAX 600

/* One shape of world: how many of each the identities are drawn from. */
struct shape {
        int partitions, sites, keys;
};

struct naive {
        bool used;
        int partition, site, key;
        int64_t offset, size, failed_at_ms;
        enum failure_state state;
        bool has_role;
};

static struct naive naive[ENTRIES_MAX];
static int64_t next_offset[LIMIT_PARTITIONS];
static struct failure_table *table;
static struct shape shape;
static uint64_t random_state;

static uint64_t draw(uint64_t n)
{
        random_state ^= random_state << 13;
        random_state ^= random_state >> 7;
        random_state ^= random_state << 17;
        return (random_state * UINT64_C(0x2545f4914f6cdd1d) >> 33) % n;
}

/* IDENTITIES */

static char site_text[32], key_text[32], version_text[16];

static struct identity identity_of(int site, int key)
{
        snprintf(site_text, sizeof site_text, "site-%d", site);
        snprintf(key_text, sizeof key_text, "key/%d", key / 3);
        snprintf(version_text, sizeof version_text, "%d", key % 3);
        return (struct identity){
                .bucket = key % 2 ? STR("bucket") : STR("b"),
                .key = str_from(key_text),
                .version_id = str_from(version_text),
                .site = str_from(site_text),
        };
}

static struct naive *naive_find(int site, int key)
{
        for (int i = 0; i < ENTRIES_MAX; i++)
                if (naive[i].used && naive[i].site == site && naive[i].key == key)
                        return &naive[i];
        return NULL;
}

static void check_same(const struct naive *n, const struct failure *f)
{
        struct identity id = identity_of(n->site, n->key);

        CHECK(identity_eq(&f->id, &id));
        CHECK_INT(f->partition, n->partition);
        CHECK_INT(f->offset, n->offset);
        CHECK_INT(f->size, n->size);
        CHECK_INT(f->failed_at_ms, n->failed_at_ms);
        CHECK_INT(f->state, n->state);
        CHECK_INT(f->role.base != NULL, n->has_role);
}

/* OPERATIONS */

static struct naive *free_slot(void)
{
        for (int i = 0; i < ENTRIES_MAX; i++)
                if (!naive[i].used)
                        return &naive[i];
        return NULL;
}

/* A fresh offset at the end mostly; below it now and then, where a replay may put one. */
static int64_t pick_offset(int partition)
{
        int64_t offset = next_offset[partition] + 2 * (int64_t)draw(3);

        if (draw(20) == 0 && next_offset[partition] > 10) {
                offset = 2 * (int64_t)draw((uint64_t)next_offset[partition] / 2) + 1;
                for (int i = 0; i < ENTRIES_MAX; i++)
                        if (naive[i].used && naive[i].partition == partition &&
                            naive[i].offset == offset)
                                return pick_offset(partition);
                return offset;
        }
        offset -= offset % 2;
        next_offset[partition] = offset + 2;
        return offset;
}

static void do_put(void)
{
        int site = (int)draw((uint64_t)shape.sites), key = (int)draw((uint64_t)shape.keys);
        struct naive *n = naive_find(site, key);
        struct failure f = { .id = identity_of(site, key),
                             .last_modified_ms = TIME_UNKNOWN,
                             .attempts = -1 };
        struct error err;

        if (n == NULL)
                n = free_slot();
        if (n == NULL)
                return;
        *n = (struct naive){
                .used = true,
                .partition = (int)draw((uint64_t)shape.partitions),
                .site = site,
                .key = key,
                .size = draw(4) == 0 ? -1 : (int64_t)draw(1000),
                .failed_at_ms = draw(5) == 0 ? TIME_UNKNOWN : (int64_t)draw(100000),
                .state = draw(3) == 0 ? FAILURE_PENDING : FAILURE_FAILED,
                .has_role = draw(2) == 0,
        };
        n->offset = pick_offset(n->partition);
        f.state = n->state;
        f.size = n->size;
        f.failed_at_ms = n->failed_at_ms;
        f.partition = n->partition;
        f.offset = n->offset;
        f.role = n->has_role ? STR("arn:role") : STR_ABSENT;
        f.error_code = draw(2) ? STR("AccessDenied") : STR_ABSENT;
        CHECK_INT(failure_table_put(table, &f, &err), 0);
}

static void do_remove(void)
{
        int site = (int)draw((uint64_t)shape.sites), key = (int)draw((uint64_t)shape.keys);
        struct naive *n = naive_find(site, key);
        struct identity id = identity_of(site, key);

        CHECK_INT(failure_table_remove(table, &id), n != NULL);
        if (n != NULL)
                n->used = false;
}

static void do_get(void)
{
        int site = (int)draw((uint64_t)shape.sites), key = (int)draw((uint64_t)shape.keys);
        struct naive *n = naive_find(site, key);
        struct identity id = identity_of(site, key);
        struct failure f;

        CHECK_INT(failure_table_get(table, &id, &f), n != NULL);
        if (n != NULL)
                check_same(n, &f);
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
        struct str digits = { f->id.site.base + 5, f->id.site.len - 5 };
        unsigned long long site;

        CHECK(str_to_u64(digits, 1000000, &site));

        CHECK(w->rows == 0 || marker > w->last);
        w->last = marker;
        w->rows++;
        CHECK(naive_find((int)site, w->key) != NULL);
        return true;
}

static void do_find(void)
{
        int key = (int)draw((uint64_t)shape.keys), n = 0;
        struct identity id = identity_of(0, key);
        struct walk w = { .key = key };

        for (int i = 0; i < ENTRIES_MAX; i++)
                n += naive[i].used && naive[i].key == key;
        failure_table_find(table, id.bucket, id.key, id.version_id, see_version, &w);
        CHECK_INT(w.rows, n);
}

/* The next row of a page by the naive table: the least position at or after `from`. */
static const struct naive *naive_next(const struct walk *w, uint64_t from)
{
        const struct naive *best = NULL;

        for (int i = 0; i < ENTRIES_MAX; i++) {
                const struct naive *n = &naive[i];

                if (!n->used || n->state != w->page->state ||
                    (w->site >= 0 && n->site != w->site) ||
                    marker_of(n->partition, n->offset) < from ||
                    (w->page->partitions != NULL &&
                     !partition_set_has(w->page->partitions, n->partition)))
                        continue;
                if (best == NULL ||
                    marker_of(n->partition, n->offset) < marker_of(best->partition, best->offset))
                        best = n;
        }
        return best;
}

static bool see_row(void *data, const struct failure *f)
{
        struct walk *w = data;
        const struct naive *n;

        if (w->rows == w->limit)
                return false;
        n = naive_next(w, w->last);
        CHECK(n != NULL);
        check_same(n, f);
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
                w.site = (int)draw((uint64_t)shape.sites);
                page.site = identity_of(w.site, 0).site;
        }
        for (int p = 0; p < shape.partitions; p++)
                if (draw(2) == 0)
                        partition_set_add(&some, p);
        if (draw(3) == 0)
                page.partitions = &some;
        if (draw(2) == 0) {
                int p = (int)draw((uint64_t)shape.partitions);

                page.marker = marker_of(p, (int64_t)draw((uint64_t)next_offset[p] + 2));
        }
        w.last = page.marker;
        failure_table_page(table, &page, see_row, &w);
        if (w.rows < w.limit)
                CHECK(naive_next(&w, w.last) == NULL);
}

static void do_drop(void)
{
        int partition = (int)draw((uint64_t)shape.partitions);

        failure_table_drop(table, partition);
        for (int i = 0; i < ENTRIES_MAX; i++)
                if (naive[i].partition == partition)
                        naive[i].used = false;
        next_offset[partition] = 0;
}

static void do_counts(void)
{
        struct failure_counts all, one;
        uint64_t failed = 0, pending = 0, bytes = 0, of_partitions = 0;

        for (int i = 0; i < ENTRIES_MAX; i++) {
                failed += naive[i].used && naive[i].state == FAILURE_FAILED;
                pending += naive[i].used && naive[i].state == FAILURE_PENDING;
                if (naive[i].used && naive[i].state == FAILURE_FAILED && naive[i].size > 0)
                        bytes += (uint64_t)naive[i].size;
        }
        failure_table_counts(table, &all);
        CHECK_INT(all.failed, failed);
        CHECK_INT(all.pending, pending);
        CHECK_INT(all.failed_bytes, bytes);
        for (int p = 0; p < shape.partitions; p++) {
                failure_table_partition_counts(table, p, &one);
                of_partitions += one.failed + one.pending;
        }
        CHECK_INT(of_partitions, failed + pending);
}

/* At the limit a put changes nothing, and a smaller entry in place of one that is there still goes
 * in. */
static void do_limit(void)
{
        size_t before = failure_table_memory_limit(table), used = failure_table_memory(table);
        struct failure f = { .id = identity_of(shape.sites, shape.keys), .size = -1 };
        struct error err;

        failure_table_set_memory_limit(table, used);
        CHECK_INT(failure_table_put(table, &f, &err), ERR_TABLE_FULL);
        CHECK_INT(failure_table_memory(table), used);
        failure_table_set_memory_limit(table, before);
}

static void step(void)
{
        uint64_t what = draw(100);

        if (what < 45)
                do_put();
        else if (what < 65)
                do_remove();
        else if (what < 75)
                do_get();
        else if (what < 82)
                do_page();
        else if (what < 88)
                do_find();
        else if (what < 90)
                do_drop();
        else if (what < 93)
                do_counts();
        else if (what < 94)
                do_limit();
        else
                failure_table_reap(table, 1 + (unsigned)draw(8));
}

static void run(struct shape s, uint64_t seed, long steps)
{
        struct siphash_key key = { { seed, 7 } };

        shape = s;
        random_state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
        memset(naive, 0, sizeof naive);
        memset(next_offset, 0, sizeof next_offset);
        table = failure_table_new(&key, SIZE_MAX / 2);
        printf("partitions %d sites %d keys %d seed %llu\n", s.partitions, s.sites, s.keys,
               (unsigned long long)seed);
        fflush(stdout);
        for (long i = 0; i < steps; i++) {
                step();
                failure_table_check(table);
        }
        failure_table_free(table);
        table = NULL;
}

int main(int argc, char **argv)
{
        static const struct shape shapes[] = {
                { 1, 1, 20 },   { 1, 3, 200 },    { 3, 5, 300 },
                { 64, 40, 60 }, { 1000, 3, 500 }, { 3, 1000, 10 },
        };
        uint64_t seed = 1;
        long steps = 10000;

        for (int i = 1; i + 1 < argc; i += 2) {
                if (strcmp(argv[i], "--seed") == 0)
                        seed = strtoull(argv[i + 1], NULL, 10);
                else if (strcmp(argv[i], "--steps") == 0)
                        steps = strtol(argv[i + 1], NULL, 10);
        }
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
                run(shapes[i], seed, steps);
        return 0;
}
