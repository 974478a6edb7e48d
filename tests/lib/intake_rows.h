/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_INTAKE_ROWS_H
#define TESTS_INTAKE_ROWS_H

#include "crr/core/intake_decoder.h"

/*
 * Tables of records of the intake, and what they say, as text:
 *
 *   FAILED b|k|v|s size=1 modified=2 failed=3 role=r; COMPLETED b|k|v|t without Size
 *
 * is a failure and an outcome (bucket, key, version id, site), and that Size was left out. Where no
 * other time is given, a failure is of the record's. A record that is rejected has its cause.
 */
#define STAMP INT64_C(1790000000123) /* the record's time */
#define LIMIT ((size_t)5000020)

extern struct intake_decoded got; /* by the last decode() */
extern struct error err;

enum reject_cause decode(struct intake_decoder *d, struct str value);

struct row {
        const char *value, *want;
};

/* Ends the program at the first that is not as wanted. */
void check_rows(struct intake_decoder *d, const struct row *rows, size_t n);
#define CHECK_ROWS(d, rows) check_rows(d, rows, sizeof(rows) / sizeof *(rows))

#endif
