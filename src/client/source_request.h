/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CLIENT_SOURCE_REQUEST_H
#define CRR_SRC_CLIENT_SOURCE_REQUEST_H

#include "crr/base/arena.h"
#include "crr/base/json_read.h"
#include "crr/client/curl_loop.h"
#include "crr/client/source_backbeat.h"

/* What is sent to the source, and what its answers mean. Nothing here waits. */

/* Room for escapes: of quotes in the metadata (twice its size), of characters beyond ASCII (up to
 * three times), and for the little else that an answer holds. */
#define SOURCE_ANSWER_BYTES (3 * SOURCE_METADATA_BYTES + ((size_t)64 << 10))

/* A copy that lives in the arena, whose content before (of *to) is freed. */
void source_auth_replace(struct source_auth *to, struct arena *arena,
                         const struct source_auth *from);

/* Start `http`, all of which is set but URL and headers: these are written here, and signed with
 * the keys of the call's role, if there are any. False: the name is too long, nothing is started.
 */
bool source_send(struct curl_loop *curl, const char *base, const struct source_auth *auth,
                 const struct source_call *call, struct curl_call *http);

enum source_verdict {
        VERDICT_FOUND,
        VERDICT_GONE,
        VERDICT_REFUSED, /* a status that is neither of them, and no failure */
        VERDICT_GARBLED, /* 200 without metadata, or too large */
        VERDICT_FAILED,  /* 5xx, or no whole answer: another attempt may do better */
};

/* Reads one answer after the other. */
struct source_reader {
        struct json_reader *json;
        struct buf metadata; /* of the answer read last, if it was found */
};

void source_reader_init(struct source_reader *r);
void source_reader_deinit(struct source_reader *r);

/* err: why it is neither found nor gone. */
enum source_verdict source_read(struct source_reader *r, const struct curl_call *http,
                                struct error *err);

/* What the call is told of it; the name of the outcome. The metadata stays the reader's. */
const char *source_settle(const struct source_reader *r, const char *url,
                          enum source_verdict verdict, const struct error *why,
                          struct source_call *call);

#endif
