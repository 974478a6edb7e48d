/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_HTTP_HTTP_SERVER_H
#define CRR_HTTP_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "crr/base/error.h"
#include "crr/base/metrics.h"
#include "crr/http/http_request.h"

/*
 * HTTP/1.1 server on the loop: own connections on uv_poll, llhttp parses. It parses, limits, keeps
 * deadlines and drains; what a request means is the application's.
 *
 * Ownership  The configuration's strings are copied. The application outlives the server.
 * Threads    Loop thread only.
 * Errors     Whatever is wrong before a handler could run is answered here (400, 408, 413, 414,
 *            417, 431, 501, 503, 505) with app->render_error() and counted in
 *            http_rejected_total{cause}.
 */
struct http_limits {
        size_t max_body_bytes;     /* 413 above it, as soon as it is known */
        size_t max_buffered_bytes; /* http_budget.h; 503 above it, and nothing is read ahead */
        unsigned max_connections;  /* 503 and close above it */
        unsigned max_in_flight;    /* requests in handlers; 503 + Retry-After above it. Those that
                                      stand apart have a count of their own, as large */
        unsigned request_timeout_ms;
        /* Deadlines of a connection; 0 takes the default of http_server.c. */
        unsigned idle_ms, header_ms, body_ms, write_ms, linger_ms;
};

struct http_app {
        void *data;
        /* One call per request, never from inside http_respond(). It answers now or later by
         * http_respond(). */
        void (*on_request)(void *data, struct http_request *req);
        /* The body of an error answer that the server makes itself (JSON). */
        void (*render_error)(void *data, const struct error *err, struct buf *out);
        /* Every request that was answered or whose client went (STATUS_CLIENT_GONE), for metrics
         * and logs; may be NULL. */
        void (*on_answered)(void *data, const struct http_request *req, int status);
        /* The clock of the deadlines, which does not run backwards; NULL: the loop's. */
        int64_t (*now_ms)(void *data);
        /* Does a path stand apart? Whatever clients do, such a request has its place, and its body
         * a part of the memory that other bodies do not get: health, and what a member asks
         * another, who may wait for each other. NULL: none. */
        bool (*is_apart)(void *data, struct str path);
};

struct http_server;

struct http_server *http_server_new(uv_loop_t *loop, const struct http_limits *limits,
                                    const struct http_app *app, struct metrics *metrics);

/* Bind and listen on "127.0.0.1:8900", "[::1]:0", "0.0.0.0:80". Several calls give several
 * listeners. On success *ret_address is the bound address ("127.0.0.1:43121"), which lives as long
 * as the server. */
int http_server_listen(struct http_server *s, const char *address, const char **ret_address,
                       struct error *err);

void http_server_set_limits(struct http_server *s,
                            const struct http_limits *limits); /* for SIGHUP */

/* No new connections, idle ones closed, every further answer says Connection: close. Requests that
 * have come already go to the application from in here. */
void http_server_drain(struct http_server *s);
bool http_server_is_idle(
        const struct http_server *s); /* no request in a handler and no answer unsent */
unsigned http_server_in_flight(const struct http_server *s);
unsigned http_server_connections(const struct http_server *s);

/* Close everything now; closed(data) follows on the loop. Requests still in handlers lose their
 * clients at once and are freed by their http_respond(); the server's memory goes with the last of
 * them, by http_server_free(). */
void http_server_close(struct http_server *s, void (*closed)(void *data), void *data);
void http_server_free(
        struct http_server *s); /* after closed(), with no request in a handler; NULL is legal */

#endif
