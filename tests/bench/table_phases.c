/* SPDX-License-Identifier: Apache-2.0 */
#include "table_phases.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "crr/base/limits.h"
#include "crr/base/region.h"
#include "crr/core/failure_table.h"
#include "table_data.h"
#include "table_meter.h"

#define BATCH      64 /* failures that are made outside the clock */
#define PAGE_ROWS  1000
#define ROW_BYTES  1200 /* of key and version, at most */
#define PAGES      1000
#define LOOKUPS    1000000
#define SEQ_MARKER 2 /* offsets a sequence number */

/* The failures of a batch. */
struct batch {
        struct dataset_row row[BATCH];
        struct identity id[BATCH];
        size_t n;
};

static struct batch batch;
static uint64_t random_state;

static uint64_t draw(uint64_t n)
{
        random_state = data_mix(random_state);
        return random_state % n;
}

static void make(size_t i, uint64_t id, uint64_t seq)
{
        data_failure(id, seq, &batch.row[i]);
        batch.id[i] = batch.row[i].failure.id;
        batch.n = i + 1;
}

static struct failure_table *new_table(void)
{
        struct failure_table_config config = { { { 1, 2 } }, SIZE_MAX / 2, LIMIT_SITES };
        struct failure_table *t = failure_table_new(&config);

        if (t == NULL)
                abort();
        return t;
}

/* As the daemon's other thread does it. */
static void touch_ahead(struct failure_table *t)
{
        struct page_range range;

        while (failure_table_wants_pages(t, &range)) {
                region_touch(range.base, range.bytes);
                failure_table_got_pages(t, &range);
        }
}

/* TIMED */

static uint64_t put_batch(struct failure_table *t, bool single)
{
        static struct failure_key keys[FAILURE_TABLE_BATCH];
        uint64_t begin = meter_cpu_ns();
        struct error err;

        for (size_t i = 0; i < batch.n; i += FAILURE_TABLE_BATCH) {
                size_t n = batch.n - i < FAILURE_TABLE_BATCH ? batch.n - i : FAILURE_TABLE_BATCH;

                if (!single)
                        failure_table_prefetch(t, &batch.id[i], n, keys);
                for (size_t j = 0; j < n; j++) {
                        int rc = single ? failure_table_put(t, &batch.row[i + j].failure, &err)
                                        : failure_table_put_keyed(t, &batch.row[i + j].failure,
                                                                  &keys[j], &err);

                        if (rc != 0)
                                abort();
                }
        }
        return meter_cpu_since_ns(begin);
}

static uint64_t remove_batch(struct failure_table *t, bool single)
{
        static struct failure_key keys[FAILURE_TABLE_BATCH];
        uint64_t begin = meter_cpu_ns();

        for (size_t i = 0; i < batch.n; i += FAILURE_TABLE_BATCH) {
                size_t n = batch.n - i < FAILURE_TABLE_BATCH ? batch.n - i : FAILURE_TABLE_BATCH;

                if (!single)
                        failure_table_prefetch(t, &batch.id[i], n, keys);
                for (size_t j = 0; j < n; j++) {
                        const struct identity *id = &batch.id[i + j];
                        bool removed = single ? failure_table_remove(t, id)
                                              : failure_table_remove_keyed(t, &keys[j]);

                        if (!removed)
                                abort();
                }
        }
        return meter_cpu_since_ns(begin);
}

static double put_new(struct failure_table *t, uint64_t from, uint64_t to, bool touches)
{
        uint64_t ns = 0;

        for (uint64_t at = from; at < to; at += BATCH) {
                for (size_t i = 0; i < BATCH && at + i < to; i++)
                        make(i, at + i, at + i);
                if (touches)
                        touch_ahead(t);
                ns += put_batch(t, false);
        }
        return (double)ns / (double)(to - from);
}

static double put_again(struct failure_table *t, uint64_t entries, uint64_t n, uint64_t *seq,
                        bool single)
{
        uint64_t ns = 0, done = 0;

        for (; done < n; done += BATCH) {
                for (size_t i = 0; i < BATCH; i++)
                        make(i, draw(entries), (*seq)++);
                touch_ahead(t);
                ns += put_batch(t, single);
        }
        return (double)ns / (double)done;
}

static double remove_shuffled(struct failure_table *t, uint64_t entries, uint64_t from, uint64_t to,
                              bool single)
{
        uint64_t ns = 0;

        for (uint64_t at = from; at < to; at += BATCH) {
                for (size_t i = 0; i < BATCH && at + i < to; i++)
                        make(i, data_shuffled(at + i, entries), 0);
                ns += remove_batch(t, single);
        }
        return (double)ns / (double)(to - from);
}

static bool count_row(void *data, const struct failure *f)
{
        *(uint64_t *)data += 1 + (f->offset < 0);
        return true;
}

static double find(struct failure_table *t, uint64_t first, uint64_t range, uint64_t want_rows)
{
        uint64_t ns = 0, rows = 0, done = 0;

        for (; done < LOOKUPS; done += BATCH) {
                uint64_t begin;

                for (size_t i = 0; i < BATCH; i++)
                        make(i, first + draw(range), 0);
                begin = meter_cpu_ns();
                for (size_t i = 0; i < BATCH; i++)
                        failure_table_find(t, batch.id[i].bucket, batch.id[i].key,
                                           batch.id[i].version_id, count_row, &rows);
                ns += meter_cpu_since_ns(begin);
        }
        if (rows != done * want_rows)
                abort();
        return (double)ns / (double)done;
}

static double get(struct failure_table *t, uint64_t range)
{
        uint64_t ns = 0, done = 0;
        struct failure f;

        for (; done < LOOKUPS; done += BATCH) {
                uint64_t begin;

                for (size_t i = 0; i < BATCH; i++)
                        make(i, draw(range), 0);
                begin = meter_cpu_ns();
                for (size_t i = 0; i < BATCH; i++)
                        if (!failure_table_get(t, &batch.id[i], &f))
                                abort();
                ns += meter_cpu_since_ns(begin);
        }
        return (double)ns / (double)done;
}

/* PAGES */

struct page_copy {
        char text[PAGE_ROWS * ROW_BYTES];
        size_t len;
        unsigned rows;
        uint64_t sum;
};

static bool copy_row(void *data, const struct failure *f)
{
        struct page_copy *p = data;

        if (p->rows == PAGE_ROWS)
                return false;
        memcpy(p->text + p->len, f->id.key.base, f->id.key.len);
        p->len += f->id.key.len;
        memcpy(p->text + p->len, f->id.version_id.base, f->id.version_id.len);
        p->len += f->id.version_id.len;
        p->sum += (uint64_t)(f->size + f->last_modified_ms + f->failed_at_ms + f->attempts) +
                  f->error_code.len + f->id.bucket.len;
        p->rows++;
        return true;
}

static double page(const struct failure_table *t, const struct bench *b, struct str site,
                   double *ret_p99)
{
        static struct page_copy copy;
        double us[PAGES];
        double median;

        for (int i = 0; i < PAGES; i++) {
                struct failure_page wanted = {
                        .state = FAILURE_FAILED,
                        .site = site,
                        .marker = marker_of((int)draw((uint64_t)b->partitions),
                                            (int64_t)draw(b->entries * SEQ_MARKER)),
                };
                uint64_t begin;

                copy.len = copy.rows = 0;
                begin = meter_cpu_ns();
                failure_table_page(t, &wanted, copy_row, &copy);
                us[i] = (double)meter_cpu_since_ns(begin) / 1e3;
        }
        median = meter_median(us, PAGES);
        if (ret_p99 != NULL)
                *ret_p99 = us[PAGES * 99 / 100];
        return median;
}

static double page_bytes(const struct failure_table *t)
{
        struct failure_table_stats stats;

        failure_table_stats(t, &stats);
        return (double)(stats.blocks * stats.block_bytes) / (double)stats.entries * PAGE_ROWS;
}

/* PHASES */

static double reap_partition(struct failure_table *t)
{
        struct failure_counts counts;
        uint64_t begin, entries;

        failure_table_partition_counts(t, 0, &counts);
        entries = counts.failed + counts.pending;
        begin = meter_cpu_ns();
        failure_table_drop(t, 0);
        while (failure_table_reap(t, 16))
                ;
        return (double)(meter_cpu_ns() - begin) / (double)(entries > 0 ? entries : 1);
}

void phase_speed(void *bench, double *result)
{
        const struct bench *b = bench;
        struct failure_table *t = new_table();
        uint64_t n = b->entries, seq = n;

        random_state = 1;
        data_init(b->partitions);
        result[SPEED_PUT_NEW] = put_new(t, 0, n, true);
        result[SPEED_PAGE_BYTES] = page_bytes(t);
        result[SPEED_FIND_HIT] = find(t, 0, n, 1);
        result[SPEED_FIND_MISS] = find(t, UINT64_C(1) << 40, UINT64_C(1) << 30, 0);
        result[SPEED_GET_HIT] = get(t, n);
        result[SPEED_PAGE_FULL] = page(t, b, DATA_LARGE_SITE, &result[SPEED_PAGE_FULL_P99]);
        result[SPEED_PAGE_ALL_SITES] = page(t, b, STR_ABSENT, NULL);
        result[SPEED_PUT_AGAIN] = put_again(t, n, n / 20, &seq, false);
        result[SPEED_PUT_AGAIN_SINGLE] = put_again(t, n, n / 20, &seq, true);
        result[SPEED_REMOVE] = remove_shuffled(t, n, 0, n / 2, false);
        result[SPEED_PAGE_HALF] = page(t, b, DATA_LARGE_SITE, NULL);
        result[SPEED_REMOVE_SINGLE] = remove_shuffled(t, n, n / 2, n * 95 / 100, true);
        result[SPEED_PAGE_SPARSE] = page(t, b, DATA_LARGE_SITE, &result[SPEED_PAGE_SPARSE_P99]);
        put_new(t, n * 2, n * 2 + n / 2, true);
        result[SPEED_REAP] = reap_partition(t);
        failure_table_free(t);
}

/* What lives, by place: the object that is there. */
struct population {
        uint32_t *ids;
        uint64_t n, next_seq;
};

/* One turn: as many go as there are, at random, and others come. */
static void turn_over(struct failure_table *t, struct population *p)
{
        for (uint64_t done = 0; done < p->n; done += BATCH) {
                uint64_t places[BATCH];
                size_t n = p->n - done < BATCH ? p->n - done : BATCH;

                for (size_t i = 0; i < n; i++) {
                        places[i] = draw(p->n);
                        make(i, p->ids[places[i]], p->ids[places[i]]);
                        failure_table_remove(t, &batch.id[i]);
                        p->ids[places[i]] = (uint32_t)p->next_seq;
                        make(i, p->next_seq, p->next_seq);
                        p->next_seq++;
                }
                batch.n = n;
                put_batch(t, true);
                for (size_t i = 0; i < n; i++) /* two came to one place */
                        if (p->ids[places[i]] != (uint32_t)(p->next_seq - n + i))
                                failure_table_remove(t, &batch.id[i]);
        }
}

static void measure(const struct failure_table *t, size_t base, double by, double *ret_own,
                    double *ret_resident)
{
        *ret_own = (double)failure_table_memory(t) / by;
        *ret_resident = (double)(meter_resident_bytes() - base) / by;
}

static void trim(struct failure_table *t, double *result)
{
        uint64_t begin = meter_cpu_ns(), longest = 0;
        bool more = true;

        while (more) {
                uint64_t step = meter_cpu_ns(), took;

                more = failure_table_trim(t, 1);
                took = meter_cpu_since_ns(step);
                if (took > longest)
                        longest = took;
        }
        result[SIZE_TRIM_MS] = (double)(meter_cpu_ns() - begin) / 1e6;
        result[SIZE_TRIM_STEP_US] = (double)longest / 1e3;
}

static double least_bytes(uint64_t n)
{
        uint64_t sum = 0;

        for (uint64_t i = 0; i < n; i++) {
                make(0, i, i);
                sum += data_least_bytes(&batch.row[0].failure);
        }
        return (double)sum / (double)n;
}

static void fresh(struct failure_table *t, const struct bench *b, size_t base, double *result)
{
        double n = (double)b->entries;
        struct failure_table_stats stats;

        put_new(t, 0, b->entries, false);
        measure(t, base, n, &result[SIZE_FRESH], &result[SIZE_FRESH_RESIDENT]);
        failure_table_stats(t, &stats);
        result[SIZE_RECORDS] = (double)stats.record_bytes / n;
        result[SIZE_INDEX] = (double)stats.index_bytes / n;
        result[SIZE_STRINGS] = (double)stats.string_bytes / n;
        result[SIZE_OTHER] = (double)stats.other_bytes / n;
}

void phase_memory(void *bench, double *result)
{
        const struct bench *b = bench;
        double n = (double)b->entries, ignored;
        struct population p = { .n = b->entries, .next_seq = b->entries };
        struct failure_table *t;
        size_t base;

        random_state = 1;
        data_init(b->partitions);
        memset(&batch, 1, sizeof batch);
        p.ids = malloc(b->entries * sizeof *p.ids);
        if (p.ids == NULL)
                abort();
        for (uint64_t i = 0; i < b->entries; i++)
                p.ids[i] = (uint32_t)i;
        result[SIZE_LEAST] = least_bytes(b->entries < 1000000 ? b->entries : 1000000);
        base = meter_resident_bytes();
        t = new_table();
        fresh(t, b, base, result);
        for (int turn = 0; turn < 4; turn++)
                turn_over(t, &p);
        measure(t, base, n, &result[SIZE_CHURNED], &result[SIZE_CHURNED_RESIDENT]);
        for (uint64_t i = 0; i < b->entries; i++) {
                if (data_shuffled(i, b->entries) < b->entries / 20)
                        continue;
                make(0, p.ids[i], p.ids[i]);
                if (!failure_table_remove(t, &batch.id[0]))
                        abort();
        }
        measure(t, base, n * result[SIZE_FRESH], &result[SIZE_REMOVED], &ignored);
        trim(t, result);
        measure(t, base, n * result[SIZE_FRESH], &result[SIZE_TRIMMED],
                &result[SIZE_TRIMMED_RESIDENT]);
        failure_table_free(t);
        free(p.ids);
}
