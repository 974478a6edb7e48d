/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_TESTS_BENCH_TABLE_METER_H
#define CRR_TESTS_BENCH_TABLE_METER_H

#include <stddef.h>
#include <stdint.h>

/*
 * What the table's bench measures with, and what this machine can do at all.
 *
 * Units  Times in nanoseconds of this thread's CPU (its kernel part included), but for the clock.
 */
uint64_t meter_clock_ns(void);
uint64_t meter_cpu_ns(void);
uint64_t meter_cpu_since_ns(uint64_t begin_ns); /* without the cost of looking at the clock */
size_t meter_resident_bytes(void);

double meter_median(double *values, size_t n); /* sorts them */

/* A load that depends on the one before it, all over 1 GiB of huge pages, where there are any. */
double meter_pointer_chase_ns(void);

/* Reading memory in a row: bytes a nanosecond. */
double meter_stream_rate(void);

/*
 * Run work in a process of its own, so that its memory is its own: what it writes into `result`
 * (n numbers) comes back. Ends the program when it does not end well.
 */
void meter_run_apart(void (*work)(void *data, double *result), void *data, double *result,
                     size_t n);

#endif
