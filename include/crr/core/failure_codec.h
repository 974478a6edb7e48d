/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_CORE_FAILURE_CODEC_H
#define CRR_CORE_FAILURE_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crr/base/buf.h"
#include "crr/base/error.h"
#include "crr/core/failure.h"

/*
 * Failure-log values, both ways, and what the retry entries hold (events.md).
 *
 * Ownership  A decoder is reused; the strings it gives live until its next decode, and no longer
 *            than the record.
 * Cost       One parse; nothing is allocated when warm.
 */
struct log_record {
        int partition;
        int64_t offset;
        int64_t timestamp_ms; /* its time: header crr-timestamp, else the broker's; TIME_UNKNOWN:
                                 none */
        struct str key;       /* absent: null key */
        struct str value;     /* absent: a tombstone */
        int64_t settles;      /* header crr-settles; -1: none (a bad one counts as none) */
        struct str outcome;   /* header crr-outcome; absent: none */
        bool from_intake;     /* an intake wrote it, with crr-timestamp and without crr-settles: its
                                 time is that of the foreign record */
};

/* Why a record is rejected: the label `cause`. */
#define REJECT_CAUSES(X)                  \
        X(NONE, "")                       \
        X(NOT_JSON, "not_json")           \
        X(BAD_UTF8, "bad_utf8")           \
        X(DUPLICATE_KEY, "duplicate_key") \
        X(MISSING_FIELD, "missing_field") \
        X(BAD_FIELD, "bad_field")         \
        X(BAD_KEY, "bad_key")             \
        X(KEY_MISMATCH, "key_mismatch")   \
        X(TOO_LARGE, "too_large")         \
        X(UNKNOWN_FORMAT, "unknown_format")

enum reject_cause {
#define X(id, name) REJECT_##id,
        REJECT_CAUSES(X)
#undef X
                REJECT_CAUSES_N
};
const char *reject_cause_name(enum reject_cause cause);

enum record_outcome { RECORD_FAILED, RECORD_PENDING, RECORD_COMPLETED, RECORD_TOMBSTONE };
const char *record_outcome_name(
        enum record_outcome outcome); /* "failed", ... : the label of records_total */

struct decoded_record {
        enum record_outcome outcome;
        struct failure failure; /* id, partition, offset and timestamp for all outcomes, the rest
                                   for FAILED and PENDING. failed_at of a FAILED one defaults to the
                                   timestamp; entry_offset set */
        bool canonical_key;
        struct str entry;        /* `Entry`; absent: none */
        uint64_t ignored_fields; /* bit i: optional field i had a bad value and was left out */
};

struct failure_decoder;

struct failure_decoder *failure_decoder_new(size_t max_value_bytes);
void failure_decoder_free(struct failure_decoder *d);

/* REJECT_NONE and *ret; or the cause, with the place and rule in err->message, and of *ret the
 * identity that the key names (absent: none), partition, offset and timestamp. */
enum reject_cause failure_decode(struct failure_decoder *d, const struct log_record *record,
                                 struct decoded_record *ret, struct error *err);

/* A record's key, parsed beforehand (identity_parse_key()). */
struct record_key {
        struct identity id;
        bool is_good; /* it names an identity */
        bool is_canonical;
};

/* The same for a record whose key was parsed already; *ret may borrow from it. Strings of the value
 * that had escapes are appended to `strings`, and live as long as that is not touched. */
enum reject_cause failure_decode_keyed(struct failure_decoder *d, const struct log_record *record,
                                       const struct record_key *key, struct buf *strings,
                                       struct decoded_record *ret, struct error *err);

/* The same for a record whose key does not matter: the identity is the value's. A tombstone is
 * REJECT_UNKNOWN_FORMAT. */
enum reject_cause failure_decode_value(struct failure_decoder *d, const struct log_record *record,
                                       struct decoded_record *ret, struct error *err);

/* Names for bits of ignored_fields: "Size", ...; NULL past the last. */
const char *failure_field_name(unsigned bit);
uint64_t failure_field_bit(const char *name); /* the other way; the name is one of those */

/* The value of a failure-log record (state FAILED or PENDING; PENDING writes RetryId, RetriedBy,
 * RetriedAt; FAILED writes RetryId when there is one). `entry` absent: no Entry. */
void failure_encode(const struct failure *f, struct str retried_by, struct str entry,
                    struct buf *out);

/* The value that says COMPLETED. */
void completion_encode(const struct identity *id, struct buf *out);

/* The retry entry of payload mode `native`: the failure as the API shows it, PENDING, Attempts,
 * RetryId. */
void retry_entry_encode_native(const struct failure *f, struct buf *out);

#endif
