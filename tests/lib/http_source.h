/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_HTTP_SOURCE_H
#define TESTS_HTTP_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include <uv.h>

/*
 * An HTTP server for GET on the test's own loop, which answers with bytes that the test chose:
 * first those of `script`, one a request, then `otherwise`; NULL answers nothing, until
 * http_source_answer(). What it heard is kept.
 */
#define HTTP_SOURCE_SCRIPT         16
#define HTTP_SOURCE_REQUESTS       256

#define HTTP_REPLY(STATUS, LENGTH) "HTTP/1.1 " STATUS "\r\nContent-Length: " LENGTH "\r\n\r\n"

struct http_source_conn;

struct http_source_request {
        char *head; /* request line and headers */
        struct http_source_conn *conn;
        bool answered;
};

struct http_source {
        uv_loop_t *loop;
        uv_tcp_t listener;
        char url[64];

        /* Set by the test. */
        const char *script[HTTP_SOURCE_SCRIPT];
        const char *otherwise;
        bool hangs_up; /* after an answer */

        /* Seen. */
        struct http_source_request requests[HTTP_SOURCE_REQUESTS];
        unsigned n_requests, n_scripted, n_waiting, most_waiting;
        unsigned n_conns, n_open;
        struct http_source_conn *conns;
};

void http_source_start(struct http_source *s, uv_loop_t *loop);
void http_source_answer(struct http_source *s, unsigned i, const char *reply);
void http_source_hang_up(struct http_source *s); /* on everybody */
void http_source_deafen(struct http_source *s);  /* nobody can connect any more */
void http_source_close(struct http_source *s);   /* both; idempotent, ends when the loop runs */
void http_source_free(struct http_source *s);    /* what was kept */

/* The path and query of the i-th request; until the next call. */
const char *http_source_target(const struct http_source *s, unsigned i);

/* Is the i-th request signed with this key, by AWS signature version 4 (service s3)? Computed from
 * the request as it came, the way of a server: the path is decoded and encoded anew. */
bool http_source_is_signed(const struct http_source *s, unsigned i, const char *region,
                           const char *access_key, const char *secret_key);

#endif
