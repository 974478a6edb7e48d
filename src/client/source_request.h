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
        VERDICT_REFUSED,   /* a status that is neither of them, and no failure */
        VERDICT_NO_BUCKET, /* of these: it knows no such bucket, and so tells nothing of a version
                            */
        VERDICT_GARBLED,   /* 200 without metadata, or such as cannot be read, or too large */
        VERDICT_FAILED,    /* 5xx, or no whole answer: another attempt may do better */
};

/* Reads one answer after the other, on any one thread. */
struct source_reader {
        struct json_reader *json;
        struct backbeat_reader *objects;
        struct buf metadata; /* of the answer that is read */
};

void source_reader_init(struct source_reader *r);
void source_reader_deinit(struct source_reader *r);

struct source_said {
        enum source_verdict verdict;
        struct backbeat_object *object; /* FOUND: to be freed */
        struct error why;               /* it is neither found nor gone */
};

/* Of an answer that came as a whole, and of one that did not. */
void source_read(struct source_reader *r, int status, struct str answer, struct source_said *ret);
void source_not_read(const struct curl_call *http, struct source_said *ret);

/* What the call is told of it, which takes the object; the name of the outcome. */
const char *source_settle(const char *url, struct source_said *said, struct source_call *call);

#endif
