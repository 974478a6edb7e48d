/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_APPLICATION_H
#define CRR_SRC_CORE_APPLICATION_H

#include "member_private.h"

/* A record as it is applied: what it says, what is known of its identity, and whether it counts.
 * Nothing is changed here (apply.c). */
struct application {
        struct member *m;
        const struct log_record *record;
        const struct decoded_record *decoded;
        struct failure_key *key; /* its identity, for the table */
        int home;
        uint16_t spelling;
        struct standing next;   /* of the record */
        struct standing newest; /* of what counts so far, when `any` */
        struct failure row;     /* of the table, when `known` */
        bool any, known, misplaced, rejected;
        struct error *err;
};

void application_begin(struct application *a); /* m, record, decoded and key are set */
bool application_counts(const struct application *a);
/* An intake tells of a time before the failure that stands. It does not count, but a failure does
 * while a retry is under way: it may be how that ended, told by a clock that is behind. */
bool application_is_late(const struct application *a);
bool application_ends_retry_late(const struct application *a);
bool application_has_failure(const struct application *a); /* FAILED or PENDING */
bool application_is_rows_place(
        const struct application *a); /* the row's record had that key there */

/* The row borrows from the table, which is about to change. */
void application_keep_row(struct application *a);

#endif
