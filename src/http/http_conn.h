/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_HTTP_HTTP_CONN_H
#define CRR_SRC_HTTP_HTTP_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "crr/http/http_parser.h"
#include "crr/http/http_server.h"
#include "deadlines.h"
#include "http_answer.h"

/*
 * A connection: a socket on uv_poll, and at most one request at a time.
 *
 *            bytes              whole                respond            written, keep-alive
 *   IDLE ----------> READING ----------> HANDLING ----------> WRITING ----------------------> IDLE
 *     |                 | fault             |                    | close
 *     |                 '-------------------|------------------->| (the error's answer)
 *     v idle deadline                       | client gone        v
 *   CLOSED <--------------------------------'              LINGERING --> CLOSED
 *
 * It waits in IDLE, READING, HANDLING, WRITING and LINGERING, and has a deadline in each. A request
 * that comes whole goes from IDLE to HANDLING at once.
 *
 * Ownership  The parser is the connection's while a request is read, then the request's; nothing
 *            but this struct is kept while a connection is idle.
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
        struct deadline deadline;
        int64_t body_since_ms; /* READING: when the body began; 0: it did not */
        enum conn_state state;
        bool close_after;           /* this answer is the last one; what comes is discarded */
        bool eof;                   /* the client has closed its side, and all it sent is read */
        bool fin_seen;              /* the same, but something is left to read */
        struct http_parser *parser; /* IDLE, READING */
        struct server_request *request; /* HANDLING */
        struct http_answer *answer;     /* WRITING */
        struct buf stash;               /* bytes behind the request that is worked on */
        size_t stash_at;                /* up to here they are used */
};

/* A request, and whose it is. */
struct server_request {
        struct http_request public; /* first: what handlers hold */
        struct http_conn *conn;     /* NULL: the client is gone, or was answered */
        int status_told;            /* when conn is NULL: 499, or what the client was answered */
        bool is_apart;
        struct http_parser *parser;
        struct server_request *prev, *next;
};

struct http_server {
        uv_loop_t *loop;
        struct http_limits limits;
        struct http_app app;
        struct metrics *metrics;
        struct metric_cell *connections_gauge;
        struct http_budget budget;
        struct deadlines deadlines;
        struct listener *listeners;
        struct http_conn *conns;
        struct server_request *requests; /* in handlers */
        unsigned n_conns, n_requests, n_writing;
        unsigned n_apart; /* of n_requests */
        uint64_t next_id;
        uint64_t id_salt;
        uv_timer_t tick;
        uv_prepare_t turn;
        uv_idle_t busy;         /* there is memory to be given back */
        size_t body_bytes_left; /* that may be read of bodies in this turn of the loop */
        unsigned reads_left;    /* in this turn of the loop, of whatever */
        char date[64];
        int first_reserved_fd; /* this descriptor and those above are not for connections */
        int spare_fd;          /* given up to accept and refuse when descriptors run out */
        bool closing;
        int open_handles;
        void (*closed)(void *data);
        void *closed_data;
};

void conn_open(struct http_server *s, int fd, bool refuse); /* refuse: answer 503 and close */
void conn_close(struct http_conn *c);                       /* at once; memory goes on the loop */
void conn_on_deadline(struct http_conn *c);                 /* it is past */
void conn_drain(struct http_conn *c); /* closed if idle, after its answer else */

/* For http_exchange.c: */
void conn_enter(struct http_conn *c, enum conn_state state, unsigned deadline_ms);
void conn_set_deadline(struct http_conn *c, int64_t at_ms);
void conn_write_out(struct http_conn *c); /* as much as the socket takes of its answer */
void conn_go_on(struct http_conn *c);     /* after anything that may have moved it */

/* http_exchange.c: from bytes to a request to an answer. */

/* The number of bytes that were of use: up to the end of a request, and all of one that is not. */
size_t exchange_feed(struct http_conn *c, const char *bytes, size_t n);
/* Before any handler, the last answer; cause: for the metric. */
void exchange_refuse(struct http_conn *c, enum error_code code, const char *cause,
                     const char *text);
void exchange_answer(struct http_conn *c, struct http_response *res); /* of the handler */
void exchange_be_late(struct http_conn *c);                           /* READING: its deadline */
void exchange_give_up(struct http_conn *c);                           /* HANDLING: likewise */

/* http_request.c */
struct server_request *server_request_new(struct http_conn *c,
                                          bool is_apart); /* takes its parser */
void server_request_orphan(struct server_request *r, int status_told);
void server_request_free(struct server_request *r);

/* For an answer without a request; parser NULL: nothing of the client's is known. */
void server_make_request_id(struct http_server *s, const struct http_parser *parser,
                            char id[HTTP_REQUEST_ID_SIZE]);

/* http_server.c */
int64_t server_now_ms(const struct http_server *s);
void server_tick(struct http_server *s); /* what is due by now */
void server_conn_opened(struct http_server *s, struct http_conn *c);
void server_conn_closed(struct http_server *s, struct http_conn *c);
void server_count_rejected(struct http_server *s, int fd, int status, const char *cause);

#endif
