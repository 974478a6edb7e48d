/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_HTTP_HTTP_CONN_H
#define CRR_SRC_HTTP_HTTP_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "crr/http/http_parser.h"
#include "crr/http/http_server.h"

/*
 * A connection: a socket on uv_poll, a parser, and at most one request at a time.
 *
 *            bytes              whole                respond            written, keep-alive
 *   IDLE ----------> READING ----------> HANDLING ----------> WRITING ----------------------> IDLE
 *     |                 | fault             |                    | close
 *     |                 '-------------------|------------------->| (the error's answer)
 *     v idle deadline                       | client gone        v
 *   CLOSED <--------------------------------'              LINGERING --> CLOSED
 *
 * It waits in IDLE, READING, HANDLING, WRITING and LINGERING; each but HANDLING has its deadline
 * there.
 */
enum conn_state {
        CONN_IDLE,
        CONN_READING,
        CONN_HANDLING,
        CONN_WRITING,
        CONN_LINGERING,
        CONN_CLOSED
};

struct server_request;

struct http_conn {
        uv_poll_t poll;
        int fd, events;
        struct http_server *server;
        struct http_conn *prev, *next;
        enum conn_state state;
        struct http_parser *parser;
        struct server_request *request; /* HANDLING */
        struct buf head, body;          /* being written */
        size_t written;
        bool no_body; /* the body is not sent (HEAD) */
        bool close_after, eof, in_feed;
        struct buf stash; /* bytes behind the request that is handled */
        int64_t deadline_ms;
        size_t written_at_deadline;
};

/* A request, and whose it is. */
struct server_request {
        struct http_request public; /* first: what handlers hold */
        struct http_conn *conn;     /* NULL: the client is gone, or was answered */
        struct http_parser *parser; /* ours when conn is NULL */
        struct server_request *prev, *next;
};

struct http_server {
        uv_loop_t *loop;
        struct http_limits limits;
        struct http_app app;
        struct metrics *metrics;
        struct http_budget budget;
        struct listener *listeners;
        struct http_conn *conns;
        struct server_request *requests; /* in handlers */
        unsigned n_conns, n_requests, n_writing;
        uint64_t next_id;
        uint64_t id_salt;
        uv_timer_t tick;
        char date[64];
        int spare_fd; /* given up to accept and refuse when descriptors run out */
        bool draining, closing;
        int open_handles;
        void (*closed)(void *data);
        void *closed_data;
};

void conn_open(struct http_server *s, int fd, bool refuse); /* refuse: answer 503 and close */
void conn_close(struct http_conn *c);                       /* at once; memory goes on the loop */
void conn_tick(struct http_conn *c, int64_t now_ms);        /* deadlines */
void conn_drain(struct http_conn *c); /* closed if idle, after its answer else */

/* The answer of the request in its handler. */
void conn_answer(struct http_conn *c, struct http_response *res, const struct http_request *req);

/* http_request.c */
struct server_request *server_request_new(struct http_conn *c);
void server_request_orphan(
        struct server_request *r); /* its connection goes; the parser stays with it */
void server_request_free(struct server_request *r);

/* http_response.c: status line and headers. */
void response_head(struct buf *out, const struct http_server *s, const struct http_response *res,
                   const char *request_id, size_t body_len, bool close, bool keep_alive_said);

/* http_server.c */
void server_conn_closed(struct http_server *s, struct http_conn *c);
void server_count_rejected(struct http_server *s, enum error_code cause);

#endif
