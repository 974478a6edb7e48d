/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_TESTS_BENCH_TABLE_DATA_H
#define CRR_TESTS_BENCH_TABLE_DATA_H

#include <stddef.h>
#include <stdint.h>

#include "dataset.h"

/*
 * Rows of the data set with places in the log: which object version at which site follows from
 * `id`, its place from `seq`. Partitions come in runs of 256.
 */
#define DATA_LARGE_SITE STR("us-east-1-aws") /* the one with 60 % */

void data_init(int partitions);
void data_failure(uint64_t id, uint64_t seq, struct dataset_row *ret);

/* Bytes of an entry that no table can save: the key, and the version in its shortest form. */
size_t data_least_bytes(const struct failure *f);

uint64_t data_mix(uint64_t x); /* one of 2^64 numbers into another, each its own */

/* The i-th of the numbers below n in an order of no pattern. */
uint64_t data_shuffled(uint64_t i, uint64_t n);

#endif
