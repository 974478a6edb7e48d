/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_TESTS_BENCH_METER_H
#define CRR_TESTS_BENCH_METER_H

#include <stdint.h>
#include <sys/types.h>

/*
 * What the benches measure with: the clock, the CPU time of a process (ours or another one's, its
 * kernel part included), and a histogram of latencies.
 *
 * Units  Seconds as doubles, latencies in microseconds.
 */
double meter_now_s(void);
double meter_cpu_s(pid_t pid); /* 0: ours; ends the program when there is no such process */

/* 64 steps per power of two: a percentile is wrong by at most 1.6 %. */
#define METER_STEPS UINT64_C(64)
struct meter_latencies {
        uint64_t counts[40 * METER_STEPS];
        uint64_t n, sum_us, max_us;
};

void meter_record(struct meter_latencies *l, uint64_t us);
double meter_percentile(const struct meter_latencies *l, double share); /* in us; 0.99: p99 */

/* End the program with a message on standard error. */
_Noreturn void bench_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
