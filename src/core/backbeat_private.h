/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_BACKBEAT_PRIVATE_H
#define CRR_SRC_CORE_BACKBEAT_PRIVATE_H

#include <stddef.h>
#include <stdint.h>

#include "crr/base/json_read.h"
#include "crr/core/backbeat_metadata.h"
#include "span.h"

/* What one parse of an object's metadata finds. */
struct backbeat_metadata {
        int64_t size;
        int64_t last_modified_ms;
        struct str version_id; /* hex; empty: none */
        struct str role;       /* of the source: the first of replicationInfo.role; absent: none */
        const struct backbeat_backend *backends; /* in the document's order */
        size_t n_backends;
        uint64_t ignored; /* bits of failure_field_name() */

        /* The text before the value of replicationInfo, that value (an object or null), and the
         * text behind it. info absent: there is none; it can be put between the two. */
        struct str head, info, tail;
        bool has_members;
};

struct backbeat_reader {
        struct json_reader *json;
        struct buf strings; /* those of the last text that had escapes, and its version id */
        struct buf info;    /* a replicationInfo as it is to be, before it is written in a string */
        struct buf escaped; /* as it is written there */
        struct found_backend {
                struct span site;
                enum backend_status status;
        } * found;
        struct backbeat_backend *backends; /* the same when the strings stand still */
        size_t n, capacity;                /* of both */
        size_t most;                       /* of them in one text */
};

/* 0 and *ret, which lives until the reader's next call; or the error, whose kind is the fault. */
int backbeat_read(struct backbeat_reader *r, struct str metadata, struct backbeat_metadata *ret,
                  struct error *err);
/* Append it as a JSON string; where its first byte is. Behind its last one stands the quote. */
size_t backbeat_escape(struct buf *out, struct str text);
enum json_fault backbeat_reader_fault(const struct backbeat_reader *r); /* of the last error */

#endif
