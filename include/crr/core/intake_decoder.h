/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_CORE_INTAKE_DECODER_H
#define CRR_CORE_INTAKE_DECODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crr/base/error.h"
#include "crr/core/failure_codec.h"

/*
 * What foreign pipelines write, read by its shape, record by record (events.md, "Foreign formats"):
 * Backbeat's failed entries and queue entries, and native values, keyed or not.
 *
 * Ownership  A decoder is reused; what it gives lives until its next decode, and no longer than the
 *            record.
 * Cost       One parse (a queue entry: two, its metadata is JSON in a string; a native value: two);
 *            nothing is allocated when warm.
 * Threads    One thread at a time; it shares nothing.
 */
enum intake_format { INTAKE_FAILED_ENTRY, INTAKE_QUEUE_ENTRY, INTAKE_NATIVE };
const char *intake_format_name(enum intake_format format); /* "failed_entry", ... */

/* One thing that a record says of one identity. */
struct intake_item {
        bool completed;         /* an outcome; else a failure */
        struct failure failure; /* the id, and of a failure what the record tells: state FAILED,
                                   unknown facts as struct failure says, no place in the log.
                                   failed_at defaults to the record's timestamp; role of a queue
                                   entry: the first of its replicationInfo.role */
        struct str value;       /* of a native FAILED value: as it came, to be written as it is;
                                   absent: to be encoded */
};

struct intake_decoded {
        enum intake_format format;
        struct intake_item *items; /* in the order of the record */
        size_t n;                  /* 0: it says nothing of interest (PENDING, canary, ...) */
        uint64_t ignored_fields;   /* as decoded_record's; bits are those of failure_field_name() */
};

struct intake_decoder;

/* has_roles: the last field of a failed entry's member is the percent-encoded role. */
struct intake_decoder *intake_decoder_new(size_t max_value_bytes, bool has_roles);
void intake_decoder_free(struct intake_decoder *d); /* NULL is legal */

/* Of the record only key, value and timestamp count. REJECT_NONE and *ret; or the cause, with the
 * place and the rule in err->message. */
enum reject_cause intake_decode(struct intake_decoder *d, const struct log_record *record,
                                struct intake_decoded *ret, struct error *err);

#endif
