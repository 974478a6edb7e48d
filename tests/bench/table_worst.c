/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The longest single operation, one at a time. The same sequence is run some times, each in a
 * process of its own with memory of its own, and of each operation the shortest time counts: what
 * the scheduler adds is left out, what the table does itself is not. Meanwhile another thread
 * touches the memory ahead, as in the daemon.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "crr/base/limits.h"
#include "crr/base/region.h"
#include "crr/core/failure_table.h"
#include "table_data.h"
#include "table_meter.h"
#include "table_phases.h"

#define LOOK_EVERY 16 /* operations, as ingest looks once a turn */

struct toucher {
        struct page_range range;
        atomic_int state; /* IDLE, WANTED, DONE, OVER */
};
enum { TOUCHER_IDLE, TOUCHER_WANTED, TOUCHER_DONE, TOUCHER_OVER };

struct run {
        const struct bench *bench;
        uint32_t *least; /* ns by operation: the puts, then the removals; shared by the runs */
        double raw[2];
};

static void *touch(void *data)
{
        struct toucher *t = data;
        const struct timespec nap = { .tv_nsec = 50000 };

        while (atomic_load(&t->state) != TOUCHER_OVER) {
                if (atomic_load(&t->state) == TOUCHER_WANTED) {
                        int wanted = TOUCHER_WANTED;

                        region_touch(t->range.base, t->range.bytes);
                        atomic_compare_exchange_strong(&t->state, &wanted, TOUCHER_DONE);
                } else {
                        nanosleep(&nap, NULL);
                }
        }
        return NULL;
}

static void look(struct toucher *t, struct failure_table *table)
{
        if (atomic_load(&t->state) == TOUCHER_DONE) {
                failure_table_got_pages(table, &t->range);
                atomic_store(&t->state, TOUCHER_IDLE);
        }
        if (atomic_load(&t->state) == TOUCHER_IDLE && failure_table_wants_pages(table, &t->range))
                atomic_store(&t->state, TOUCHER_WANTED);
}

static void note(struct run *run, size_t at, uint64_t ns, int kind)
{
        if (ns < run->least[at])
                run->least[at] = (uint32_t)ns;
        if ((double)ns / 1e3 > run->raw[kind])
                run->raw[kind] = (double)ns / 1e3;
}

static void put_all(struct run *run, struct failure_table *t, struct toucher *toucher)
{
        struct dataset_row row;
        struct error err;

        for (uint64_t i = 0; i < run->bench->entries; i++) {
                uint64_t begin;

                data_failure(i, i, &row);
                if (i % LOOK_EVERY == 0)
                        look(toucher, t);
                begin = meter_clock_ns();
                if (failure_table_put(t, &row.failure, &err) != 0)
                        abort();
                note(run, i, meter_clock_ns() - begin, 0);
        }
}

static void remove_half(struct run *run, struct failure_table *t)
{
        uint64_t n = run->bench->entries;
        struct dataset_row row;

        for (uint64_t i = 0; i < n / 2; i++) {
                uint64_t begin;

                data_failure(data_shuffled(i, n), 0, &row);
                begin = meter_clock_ns();
                if (!failure_table_remove(t, &row.failure.id))
                        abort();
                note(run, n + i, meter_clock_ns() - begin, 1);
        }
}

/* Wait for the first pages, as the daemon has them before the first record comes. */
static void run_once(void *data, double *result)
{
        struct run *run = data;
        struct failure_table_config config = { { { 1, 2 } }, SIZE_MAX / 2, LIMIT_SITES };
        struct failure_table *t = failure_table_new(&config);
        struct toucher toucher = { .state = TOUCHER_IDLE };
        pthread_t thread;

        data_init(run->bench->partitions);
        if (t == NULL || pthread_create(&thread, NULL, touch, &toucher) != 0)
                abort();
        look(&toucher, t);
        while (atomic_load(&toucher.state) == TOUCHER_WANTED)
                ;
        put_all(run, t, &toucher);
        remove_half(run, t);
        result[0] = run->raw[0];
        result[1] = run->raw[1];
        atomic_store(&toucher.state, TOUCHER_OVER);
        pthread_join(thread, NULL);
}

static double worst_us(const uint32_t *ns, size_t n)
{
        uint32_t most = 0;

        for (size_t i = 0; i < n; i++)
                most = ns[i] > most ? ns[i] : most;
        return (double)most / 1e3;
}

void phase_worst(const struct bench *bench, double *result)
{
        size_t n = bench->entries, operations = n + n / 2;
        struct run run = { .bench = bench };
        double raw[2][16];

        run.least = mmap(NULL, operations * sizeof *run.least, PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (run.least == MAP_FAILED)
                abort();
        memset(run.least, 0xff, operations * sizeof *run.least);
        for (unsigned i = 0; i < bench->runs; i++) {
                double once[2];

                meter_run_apart(run_once, &run, once, 2);
                raw[0][i] = once[0];
                raw[1][i] = once[1];
        }
        result[WORST_PUT] = worst_us(run.least, n);
        result[WORST_REMOVE] = worst_us(run.least + n, n / 2);
        result[WORST_PUT_RAW] = meter_median(raw[0], bench->runs);
        result[WORST_REMOVE_RAW] = meter_median(raw[1], bench->runs);
        munmap(run.least, operations * sizeof *run.least);
}
