/* SPDX-License-Identifier: Apache-2.0 */
#include "table_meter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crr/base/region.h"
#include "table_data.h"

#define CHASE_BYTES ((size_t)1 << 30)
#define CHASE_STEPS 3000000
#define LINE        64

static uint64_t now_ns(clockid_t clock)
{
        struct timespec t;

        clock_gettime(clock, &t);
        return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

uint64_t meter_clock_ns(void)
{
        return now_ns(CLOCK_MONOTONIC);
}

uint64_t meter_cpu_ns(void)
{
        return now_ns(CLOCK_THREAD_CPUTIME_ID);
}

/* What an empty measurement shows, at the least. */
static uint64_t look_cost_ns(void)
{
        static uint64_t known;
        uint64_t least = UINT64_MAX;

        for (int i = 0; known == 0 && i < 1000; i++) {
                uint64_t begin = meter_cpu_ns(), ns = meter_cpu_ns() - begin;

                least = ns < least ? ns : least;
        }
        if (known == 0)
                known = least;
        return known;
}

uint64_t meter_cpu_since_ns(uint64_t begin_ns)
{
        uint64_t ns = meter_cpu_ns() - begin_ns, cost = look_cost_ns();

        return ns > cost ? ns - cost : 0;
}

size_t meter_resident_bytes(void)
{
        FILE *file = fopen("/proc/self/statm", "re");
        unsigned long total = 0, resident = 0;

        if (file == NULL || fscanf(file, "%lu %lu", &total, &resident) != 2) /* NOLINT */
                abort();
        fclose(file);
        return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static int compare(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return x < y ? -1 : x > y;
}

double meter_median(double *values, size_t n)
{
        qsort(values, n, sizeof *values, compare);
        return values[n / 2];
}

/* THE MACHINE */

static struct region make_region(void)
{
        struct region r;

        if (!region_init(&r, CHASE_BYTES, REGION_HUGE))
                abort();
        region_touch(r.base, r.size);
        return r;
}

static uint32_t *at_line(const struct region *r, size_t i)
{
        return (uint32_t *)(void *)(r->base + i * LINE);
}

/* One cycle through all lines, in random order (Sattolo's algorithm). */
static void link_lines(const struct region *r)
{
        size_t n = r->size / LINE;

        for (size_t i = 0; i < n; i++)
                *at_line(r, i) = (uint32_t)i;
        for (size_t i = n - 1; i > 0; i--) {
                size_t j = data_mix(i) % i;
                uint32_t swap = *at_line(r, i);

                *at_line(r, i) = *at_line(r, j);
                *at_line(r, j) = swap;
        }
}

/* So that a loop whose result nobody needs is run all the same. */
static volatile uint64_t sink;

static void chase(void *data, double *result)
{
        struct region r = make_region();
        uint64_t begin;
        uint32_t at = 0;

        (void)data;
        link_lines(&r);
        begin = meter_cpu_ns();
        for (unsigned i = 0; i < CHASE_STEPS; i++)
                at = *at_line(&r, at);
        sink = at;
        *result = (double)(meter_cpu_ns() - begin) / CHASE_STEPS;
}

double meter_pointer_chase_ns(void)
{
        double ns;

        meter_run_apart(chase, NULL, &ns, 1);
        return ns;
}

static void stream(void *data, double *result)
{
        struct region r = make_region();
        double rates[3];

        (void)data;
        for (int round = 0; round < 3; round++) {
                uint64_t begin = meter_cpu_ns(), sum = 0;

                for (size_t i = 0; i < r.size; i += sizeof sum)
                        sum += *(const uint64_t *)(const void *)(r.base + i);
                sink = sum;
                rates[round] = (double)r.size / (double)(meter_cpu_ns() - begin);
        }
        *result = meter_median(rates, 3);
}

double meter_stream_rate(void)
{
        double rate;

        meter_run_apart(stream, NULL, &rate, 1);
        return rate;
}

/* PROCESSES */

void meter_run_apart(void (*work)(void *data, double *result), void *data, double *result, size_t n)
{
        double *shared = mmap(NULL, n * sizeof *shared, PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        int status = 1;
        pid_t pid;

        if (shared == MAP_FAILED)
                abort();
        fflush(stdout);
        pid = fork();
        if (pid < 0)
                abort();
        if (pid == 0) {
                work(data, shared);
                fflush(stdout);
                _exit(0);
        }
        if (waitpid(pid, &status, 0) != pid || status != 0) {
                fprintf(stderr, "a part of the bench did not end well (status %d)\n", status);
                exit(1);
        }
        memcpy(result, shared, n * sizeof *result);
        munmap(shared, n * sizeof *shared);
}
