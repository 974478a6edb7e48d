/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_CLIENT_SOURCE_BACKBEAT_H
#define CRR_CLIENT_SOURCE_BACKBEAT_H

#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "crr/base/metrics.h"
#include "crr/core/source.h"

/*
 * Source: the port `source` over HTTP, by the route that Backbeat's own clients use:
 *
 *   GET <url>/_/backbeat/metadata/<bucket>/<key>[?versionId=<version id>]
 *   200 {"Body":"<metadata JSON>"}
 *
 * Bucket, key and version id are percent-encoded byte by byte, all but A-Z a-z 0-9 - . _ ~ and the
 * slashes of a key, which stay. An empty version id is as an absent one.
 *
 *   found        200 with metadata of at most SOURCE_METADATA_BYTES
 *   gone         404 that the source itself says: a JSON object whose "code" is one of ObjNotFound,
 *                NoSuchKey, NoSuchVersion. What a proxy, or an S3 server without this route, says
 *                with a 404 is no such word. Nor is NoSuchBucket: a store that is not the one that
 *                is replicated from says so of every bucket.
 *   unavailable  all else. Redirects are not followed. 5xx and lost connections are tried again
 *                within the call's deadline. After many such failures in a row the breaker opens:
 *                calls, those that wait too, are done at once, until a probe was answered.
 *
 * Ownership  The configuration is copied; loop and metrics outlive it.
 * Cost       A call under way costs about 1 KiB and its answer; at most `concurrency` are out, what
 *            is over waits in order. A turn of the loop reads 128 KiB of answers and does their
 *            calls; what is larger than 64 KiB is read by a thread of libuv's pool. While 4 MiB are
 *            not read yet, nothing more is sent.
 * Threads    Loop thread only.
 * Units      Monotonic ms.
 */
#define SOURCE_METADATA_BYTES ((size_t)2 << 20)

struct source_role {
        const char *arn, *access_key, *secret_key;
};

struct source_auth {
        const char *region, *access_key, *secret_key; /* access_key NULL: nothing is signed */
        const struct source_role *roles;              /* a call's role that is here signs it */
        size_t n_roles;
};

/* How failures are taken; NULL where it is asked for: SOURCE_PACE. */
struct source_pace {
        unsigned attempts;         /* of a call, the first one too */
        int64_t backoff_ms;        /* before the second; four times as long before each further */
        unsigned breaker_failures; /* attempts in a row; see client/breaker.h */
        int64_t breaker_span_ms, breaker_open_ms, breaker_open_max_ms;
};
#define SOURCE_PACE ((struct source_pace){ 3, 100, 10, 1000, 1000, 10000 })

struct source_config {
        const char *url;     /* no query, no credentials */
        unsigned timeout_ms; /* of one attempt */
        unsigned concurrency;
        struct source_auth auth;
        const struct source_pace *pace;
};

struct source_backbeat;

struct source_backbeat *source_backbeat_new(uv_loop_t *loop, const struct source_config *config,
                                            struct metrics *metrics);
struct source *source_backbeat_port(struct source_backbeat *s);

/* SIGHUP: timeout_ms and auth count for the requests that begin from now on; the rest stays. */
void source_backbeat_reconfigure(struct source_backbeat *s, const struct source_config *config);

size_t source_backbeat_unread(const struct source_backbeat *s); /* bytes of answers in memory */
const char *source_backbeat_status(const struct source_backbeat *s); /* "ok" "open" "half-open" */

/* Calls under way are done as unavailable, and those that begin meanwhile; then nothing may be
 * asked any more; then closed(data), on the loop. */
void source_backbeat_close(struct source_backbeat *s, void (*closed)(void *data), void *data);
void source_backbeat_free(struct source_backbeat *s); /* after closed(); NULL is legal */

#endif
