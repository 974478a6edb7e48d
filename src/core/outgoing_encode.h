/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_OUTGOING_ENCODE_H
#define CRR_SRC_CORE_OUTGOING_ENCODE_H

#include <stddef.h>

#include "crr/base/arena.h"
#include "crr/base/buf.h"
#include "crr/core/backbeat_metadata.h"
#include "crr/core/member.h"
#include "crr/core/publisher.h"
#include "outgoing.h"

/*
 * An outgoing as the records of its transaction (events.md: "Retry entries", "Settlements").
 *
 * Ownership  Keys, values and headers are put in the arena of the batch.
 */
#define OUTGOING_MAX_RECORDS 3

struct encode_context {
        enum retry_payload payload;
        const char *instance;           /* RetriedBy */
        const size_t *max_record_bytes; /* of the publisher */
        size_t max_value_bytes;         /* of the failure log: more we would reject ourselves */
        struct backbeat_reader *reader; /* payload `backbeat`, as the rest */
        bool has_status;                /* a status entry goes before the retry entry */
        struct str said;                /* what the one before it said; absent: it is the first */
        struct buf *ret_said;           /* what it says itself */
        struct arena *arena;
        struct buf *scratch;
};

enum encode_result {
        ENCODE_OK,
        ENCODE_NO_ENTRY,  /* payload `entry`, and the failure has none */
        ENCODE_TOO_LARGE, /* a record exceeds the topics' message size, or what we read */
};

/* Which of the records is the one that is watched (outgoing_watched()): records[*ret_log]. */
enum encode_result outgoing_encode(const struct outgoing *o, const struct encode_context *context,
                                   struct publish_record records[OUTGOING_MAX_RECORDS],
                                   size_t *ret_n, size_t *ret_log);

#endif
