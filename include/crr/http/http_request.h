/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_HTTP_HTTP_REQUEST_H
#define CRR_HTTP_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crr/base/arena.h"
#include "crr/base/buf.h"
#include "crr/base/str.h"
#include "crr/http/router.h"

/*
 * One HTTP request, whole (its body has arrived), on its way to one answer.
 *
 * Ownership  The request, its arena and all that its views point to live from the handler's call
 *            until http_respond(), which the handler's side calls exactly once, at any later time.
 *            The client may be gone or answered 504 by then: http_respond() copes, so a kept
 *            pointer stays good until it is called. http_respond() frees the request: touch nothing
 *            after it.
 * Threads    Loop thread only.
 */
struct http_server;

#define HTTP_REQUEST_ID_SIZE 33
#define STATUS_CLIENT_GONE   499 /* of http_app.on_answered(): nobody was answered */

struct http_header {
        struct str name, value;
};

struct http_request {
        struct http_server *server;
        uint64_t id;                           /* of this process, counting up */
        char request_id[HTTP_REQUEST_ID_SIZE]; /* X-Request-Id of the answer; the client's own if it
                                                  sent a sane one */
        enum http_method method;               /* HEAD arrives as HTTP_GET with is_head set */
        bool is_head;
        struct str path;  /* raw, before '?' */
        struct str query; /* raw, after '?'; empty if none */
        struct str body;
        struct arena arena;  /* limit: 2 * max_body_bytes + 16 MiB; dies with the request */
        int64_t started_us;  /* monotonic: when its last byte arrived */
        int64_t deadline_ms; /* monotonic: request_timeout from then; handlers answer before it */
        const char *dialect,
                *route; /* literals for the metrics, set by the handler before it answers */
        void *conn;     /* the server's */
};

/* The value of a header (name in lower case), trimmed; absent when there is none. */
struct str http_request_header(const struct http_request *req, const char *name);

/* The client's address as text; empty when it has gone. */
#define HTTP_ADDRESS_SIZE 46
void http_request_remote(const struct http_request *req, char text[HTTP_ADDRESS_SIZE]);

/* True when the client has gone or was answered 504: work for this request may stop (http_respond()
 * is still owed). */
bool http_request_is_canceled(const struct http_request *req);

struct http_response {
        int status;
        const char *content_type; /* NULL: application/json */
        struct str lead;          /* sent before the body, as its first bytes: copied; short */
        struct buf body;          /* moved in: the server frees it; may be empty */
        struct http_header headers[4];
        size_t n_headers; /* values are copied before http_respond() returns */
};

/* Answer. Every answer gets X-Request-Id, Date, Content-Length and what Connection needs. */
void http_respond(struct http_request *req, struct http_response *res);

#endif
