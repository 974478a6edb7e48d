/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_TESTS_BENCH_DATASET_H
#define CRR_TESTS_BENCH_DATASET_H

#include <stdint.h>

#include "crr/base/buf.h"
#include "crr/base/json_write.h"
#include "crr/core/failure.h"

/*
 * The data set of the benches: failure i is a function of i, so that whoever writes the failure log
 * and whoever asks for its failures need not speak with each other.
 *
 *   buckets      4,096, the smaller numbers more often; names of 8 to 33 bytes
 *   keys         25 to 85 bytes, 1 in 100 has 200 to 1,024; no two are the same
 *   version ids  60 % hexadecimal of 40 to 64 bytes, 30 % others of 32, 10 % none
 *   sites        5, holding 60, 25, 10, 4 and 1 % of the failures
 *   values       400 bytes on average
 *
 * Ownership  The failure's strings live in the row.
 */
struct dataset_row {
        struct failure failure;
        char bucket[64], key[1100], version_id[80];
};

void dataset_row(uint64_t i, struct dataset_row *ret);

/* The failure's value in the failure log, appended: as a data mover writes it. */
void dataset_write_value(const struct failure *f, struct buf *out);

/* The failure as an element of a retry request. */
void dataset_write_element(const struct failure *f, struct json_writer *w);

#endif
