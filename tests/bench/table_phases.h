/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_TESTS_BENCH_TABLE_PHASES_H
#define CRR_TESTS_BENCH_TABLE_PHASES_H

#include <stddef.h>
#include <stdint.h>

/*
 * The parts of the table's bench. Each is run in a process of its own (meter_run_apart()), with the
 * bench as data, and fills its results.
 */
struct bench {
        uint64_t entries;
        int partitions;
        unsigned runs; /* of the worst operation */
};

/* CPU time of an operation in ns, of a page in us. */
#define SPEEDS(X)                                                     \
        X(PUT_NEW, "put, new, batches of 16")                         \
        X(PUT_AGAIN, "put, of an entry that is there, batches of 16") \
        X(PUT_AGAIN_SINGLE, "  one at a time")                        \
        X(FIND_HIT, "find all sites of a version, hit")               \
        X(FIND_MISS, "  miss")                                        \
        X(GET_HIT, "get one identity, hit")                           \
        X(REMOVE, "remove, batches of 16")                            \
        X(REMOVE_SINGLE, "  one at a time")                           \
        X(PAGE_FULL, "page of 1,000 of one site, us")                 \
        X(PAGE_FULL_P99, "  p99")                                     \
        X(PAGE_HALF, "  50 % removed")                                \
        X(PAGE_SPARSE, "  95 % removed")                              \
        X(PAGE_SPARSE_P99, "  95 % removed, p99")                     \
        X(PAGE_ALL_SITES, "page of 1,000 of all sites, us")           \
        X(PAGE_BYTES, "bytes of records in a page of 1,000")          \
        X(REAP, "free a dropped partition, an entry")

enum speed {
#define X(id, text) SPEED_##id,
        SPEEDS(X)
#undef X
                SPEED_N
};
void phase_speed(void *bench, double *result);

/* Bytes, but for the last ones. */
#define SIZES(X)                                                            \
        X(LEAST, "key and packed version id, an entry")                     \
        X(FRESH, "own accounting, fresh, an entry")                         \
        X(FRESH_RESIDENT, "resident memory, fresh, an entry")               \
        X(CHURNED, "own accounting after 4 x turnover, an entry")           \
        X(CHURNED_RESIDENT, "resident memory after 4 x turnover, an entry") \
        X(RECORDS, "  records of the fresh ones, an entry")                 \
        X(INDEX, "  index of the fresh ones, an entry")                     \
        X(STRINGS, "  names of the fresh ones, an entry")                   \
        X(OTHER, "  other of the fresh ones, an entry")                     \
        X(REMOVED, "own accounting after 95 % removed, of fresh")           \
        X(TRIMMED, "own accounting after idle trim, of fresh")              \
        X(TRIMMED_RESIDENT, "resident memory after idle trim, of fresh")    \
        X(TRIM_MS, "idle trim in all, ms")                                  \
        X(TRIM_STEP_US, "longest step of it, us")

enum size {
#define X(id, text) SIZE_##id,
        SIZES(X)
#undef X
                SIZE_N
};
void phase_memory(void *bench, double *result);

/* Longest single operation in us: the least of the runs for each, the most over all; and the same
 * with the scheduler's noise. */
enum worst { WORST_PUT, WORST_REMOVE, WORST_PUT_RAW, WORST_REMOVE_RAW, WORST_N };
void phase_worst(const struct bench *bench, double *result);

/* CPU time of a record of 400 bytes in ns, from its bytes into the table. */
enum path { PATH_BATCHED, PATH_SINGLE, PATH_N };
void phase_path(void *bench, double *result);

#endif
