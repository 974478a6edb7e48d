/* SPDX-License-Identifier: Apache-2.0 */
#include "meter.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double seconds(struct timespec t)
{
        return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

double meter_now_s(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return seconds(t);
}

double meter_cpu_s(pid_t pid)
{
        struct timespec t;
        clockid_t clock;

        if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) != 0)
                bench_fail("no process %d", (int)pid);
        return seconds(t);
}

/* Below METER_STEPS exact, then by the leading bits. */
static size_t slot_of(uint64_t us)
{
        uint64_t shift = 0;

        while (us >> shift >= 2 * METER_STEPS)
                shift++;
        return shift * METER_STEPS + (us >> shift);
}

static double value_of(size_t slot)
{
        size_t shift = slot < METER_STEPS ? 0 : slot / METER_STEPS - 1;

        return (double)((slot - shift * METER_STEPS) << shift);
}

void meter_record(struct meter_latencies *l, uint64_t us)
{
        if (us > UINT64_C(1) << 40)
                us = UINT64_C(1) << 40;
        l->counts[slot_of(us)]++;
        l->n++;
        l->sum_us += us;
        if (us > l->max_us)
                l->max_us = us;
}

double meter_percentile(const struct meter_latencies *l, double share)
{
        uint64_t wanted = (uint64_t)(share * (double)l->n), seen = 0;
        size_t slot = 0;

        if (l->n == 0)
                return 0;
        while ((seen += l->counts[slot]) <= wanted && seen < l->n)
                slot++;
        return value_of(slot);
}

void bench_fail(const char *format, ...)
{
        char text[512];
        va_list ap;

        va_start(ap, format);
        vsnprintf(text, sizeof text, format, ap);
        va_end(ap);
        fprintf(stderr, "%s\n", text);
        exit(1);
}
