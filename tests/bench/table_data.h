/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_TESTS_BENCH_TABLE_DATA_H
#define CRR_TESTS_BENCH_TABLE_DATA_H

#include <stddef.h>
#include <stdint.h>

#include "crr/core/failure.h"

/*
 * The data set of the table's bench: a failure as a function of two numbers. Which object version
 * at which site follows from `id`, its place and times from `seq`.
 *
 *   buckets     3,000, a few of them with most of the objects; names of 8 to 63 bytes
 *   keys        99 % of 25 to 85 bytes, 1 % of 200 to 1,024
 *   versions    60 % hex of 40 to 64 digits, 30 % other text of 32, 10 % none
 *   sites       5, with 60, 25, 10, 4 and 1 %
 *   errors      6; sizes up to 1 MB, a third of them up to 16 GB
 *   partitions  by runs of 256 in a row
 *
 * Ownership  Strings point into `text`, which has room for DATA_TEXT_BYTES, or live for ever.
 */
#define DATA_TEXT_BYTES 1200
#define DATA_SITES      5

void data_init(int partitions);
void data_failure(uint64_t id, uint64_t seq, char *text, struct failure *ret);
struct str data_site(unsigned i);

/* Bytes of an entry that no table can save: the key, and the version in its shortest form. */
size_t data_least_bytes(const struct failure *f);

uint64_t data_mix(uint64_t x); /* one of 2^64 numbers into another, each its own */

/* The i-th of the numbers below n in an order of no pattern. */
uint64_t data_shuffled(uint64_t i, uint64_t n);

#endif
