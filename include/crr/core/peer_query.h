/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_CORE_PEER_QUERY_H
#define CRR_CORE_PEER_QUERY_H

#include "crr/base/buf.h"
#include "crr/base/json_read.h"
#include "crr/core/peers.h"

/*
 * What a member asks another one, as JSON, both ways in one place (src/api/peer/PROTOCOL.md). The
 * version is part of the path: PEER_PATH and the question's name.
 *
 * Ownership  What is read lies in the query's arena.
 * Errors     ERR_MALFORMED_POST names the field.
 */
#define PEER_PATH "/_/peer/v1/"

const char *peer_question_name(enum peer_question question); /* "page", "find", ... */

void peer_query_write(const struct peer_call *call, struct buf *out);

struct peer_query {
        struct arena *arena; /* set by peer_query_begin() */
        size_t max_entries;

        int n_partitions; /* of the failure log, as the asker knows it */
        struct partition_set partitions;
        uint64_t marker;
        unsigned max_rows;
        struct str site; /* absent: every site */
        struct str bucket, key, version_id;
        struct uuid retry_id;
        bool has_idempotency_key, again;
        struct str traceparent; /* absent: none */
        unsigned timeout_ms;
        struct retry_entry *entries;
        size_t n_entries, capacity;

        struct json_object top, element; /* progress of the reading */
        enum { PEER_TAKES_NOTHING, PEER_TAKES_PARTITIONS, PEER_TAKES_ENTRIES } takes;
        struct retry_entry entry;
};

/* A question as it comes, event by event. More than max_entries entries are ERR_TOO_LARGE. */
void peer_query_begin(struct peer_query *q, struct arena *arena, size_t max_entries);
extern const struct json_events peer_query_events; /* their data is a struct peer_query */
int peer_query_check(const struct peer_query *q, enum peer_question question, struct error *err);

#endif
