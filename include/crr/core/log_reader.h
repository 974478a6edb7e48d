/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_CORE_LOG_READER_H
#define CRR_CORE_LOG_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crr/base/error.h"
#include "crr/base/str.h"

/*
 * Log reader: the port that reads records of the failure log again, by partition and offset.
 *
 * Implemented by kafka/kafka_log_reader.c (own handle and thread) and tests/lib/fake_log_reader.c.
 * done is called exactly once per read, on the loop, never from inside read(); the request is
 * borrowed until then.
 */
struct log_read_item {
        void *data; /* the caller's */
        int partition;
        int64_t offset;
        bool found;            /* out: the record is still there */
        bool left;             /* out: not read yet, because of max_bytes */
        int64_t timestamp_ms;  /* out */
        struct str key, value; /* out: borrowed until done returns; absent: null */
};

struct log_read {
        void *data;
        struct log_read_item *items; /* may be reordered by the implementation */
        size_t n;
        size_t max_bytes;    /* of keys and values: with more than that the rest is left */
        int64_t deadline_ms; /* monotonic: fail with ERR_UNAVAILABLE then */
        void (*done)(struct log_read *read,
                     const struct error *err); /* err NULL: every item is answered */
        struct log_read *next;                 /* the implementation's queue */
};

struct log_reader {
        void (*read)(struct log_reader *self, struct log_read *read);
};

#endif
