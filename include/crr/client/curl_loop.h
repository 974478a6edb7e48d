/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_CLIENT_CURL_LOOP_H
#define CRR_CLIENT_CURL_LOOP_H

#include <stdbool.h>
#include <stddef.h>

#include <uv.h>

#include "crr/base/buf.h"
#include "crr/base/error.h"
#include "crr/base/str.h"

/*
 * HTTP requests on the loop: libcurl's multi handle driven by uv_poll and one timer. Connections
 * are kept and used again; more requests than connections wait their turn, within their time.
 *
 * Ownership  A call is embedded by the caller and borrowed, with all it points to, until done.
 * Threads    Loop thread only (names are resolved on threads of libcurl).
 * Errors     An answer of any status is an answer, redirects too. Without one, `result` says what
 *            is known of what the other side did, and `err` why; `answer.overflow` tells an answer
 *            that was too large.
 */
enum curl_result {
        CURL_ANSWERED,  /* status and body are set */
        CURL_UNREACHED, /* nothing of the request was sent: no connection, no such host */
        CURL_LOST,      /* it was sent, in part at least, and no whole answer came in time */
};

#define CURL_CALL_MAX_HEADERS 4

struct curl_call {
        void *data;      /* the caller's */
        const char *url; /* http:// or https://; sent as it is, dot segments too */
        bool is_post;    /* else GET */
        struct str body; /* of a POST */
        const char *headers[CURL_CALL_MAX_HEADERS]; /* "Name: value"; NULL ends them; copied */
        unsigned timeout_ms;                        /* connection, request and answer together */
        size_t max_answer_bytes;
        void (*done)(struct curl_call *call); /* once, never from inside curl_loop_start() */

        enum curl_result result; /* out, as the rest */
        bool timed_out;          /* not CURL_ANSWERED: all of its time was over */
        int status;
        struct buf answer; /* the body; from done() on the caller's, who frees it */
        struct error err;  /* ERR_UNAVAILABLE, unless CURL_ANSWERED */

        void *transfer; /* the loop's */
};

struct curl_loop_limits {
        long connections_per_host;
        long connections;
        long kept; /* idle ones; 0: four times as many as requests are under way at the moment */
};

struct curl_loop;

struct curl_loop *curl_loop_new(uv_loop_t *loop, const struct curl_loop_limits *limits);
void curl_loop_start(struct curl_loop *c, struct curl_call *call);
/* done is not called then; result is CURL_UNREACHED or CURL_LOST. */
void curl_loop_cancel(struct curl_loop *c, struct curl_call *call);

/* Calls under way are done as CURL_LOST, on the loop; then closed(data). */
void curl_loop_close(struct curl_loop *c, void (*closed)(void *data), void *data);
void curl_loop_free(struct curl_loop *c); /* after closed(); NULL is legal */

#endif
