/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_HTTP_FIXTURE_H
#define TESTS_HTTP_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "check.h"
#include "http_conn.h"

/*
 * The HTTP server on a real loop and a real port, its clients on the same loop, its deadlines in
 * virtual time. What a request gets is in its path:
 *
 *   /later...   kept, until the test answers it
 *   /big...     FIXTURE_BIG bytes, at once
 *   any other   the method, the path and the body, at once
 *
 * One server at a time, between fixture_start() and fixture_stop().
 */
#define FIXTURE_BIG      ((size_t)16 << 20) /* more than the sockets of both sides keep */
#define FIXTURE_MAX_BODY 100000
#define FIXTURE_HELD     64

struct fixture {
        uv_loop_t loop;
        struct http_server *server;
        struct metrics *metrics;
        uint16_t port;
        int64_t now_ms;
        unsigned n_routed;
        struct http_request *held[FIXTURE_HELD]; /* answered ones are NULL */
        unsigned n_held;                         /* so many were kept so far */
        int last_status;                         /* of the last that was answered, or 499 */
        bool closed;
};

extern struct fixture fixture;

/* Limits that are 0 get a default: those of connections are not reached by accident. */
void fixture_start(struct http_limits limits);
void fixture_close(void); /* http_server_close(), and its end; fixture_stop() does it too */
/* Everything ends: whatever was kept is answered; nothing is left in the loop or in the budget. */
void fixture_stop(void);

void fixture_turn(void);              /* of the loop; waits for an event */
void fixture_advance(int64_t ms);     /* virtual time, and what is due then */
void fixture_answer(unsigned i);      /* the i-th kept request: 200, "late" */
struct http_conn *fixture_conn(void); /* the connection that was opened last */
double fixture_rejected(const char *cause);
void fixture_settle(void); /* all that was sent so far is worked on: another client was served */

/* Turn the loop until it is true; a test fails that waits for 20 s. */
#define WAIT(condition)                                                     \
        do {                                                                \
                uint64_t end_ = fixture_wait_end();                         \
                while (!(condition))                                        \
                        fixture_wait(end_, __FILE__, __LINE__, #condition); \
        } while (0)
uint64_t fixture_wait_end(void);
void fixture_wait(uint64_t end, const char *file, int line, const char *what);

struct client {
        uv_poll_t poll;
        int fd;
        bool reads; /* false: what comes stays in the socket */
        bool eof, reset;
        struct buf in, out; /* what has come, what is to be sent */
        size_t replies_end; /* of the replies that were taken from `in` */
};

struct client *client_new(void);
struct client *client_new_reading_nothing(void);
void client_free(struct client *c); /* closes its socket, if it is open */

void client_send(struct client *c, const char *bytes, size_t n);
void client_send_c(struct client *c, const char *text);
void client_flush(struct client *c);  /* wait until all is in the socket, or the connection broke */
void client_finish(struct client *c); /* FIN: its side is closed, once all is sent */
void client_reset(struct client *c);  /* RST */
bool client_is_ended(const struct client *c); /* the server has closed, one way or the other */

struct reply {
        int status;
        bool close;            /* it says Connection: close */
        struct str head, body; /* until more comes */
};

/* The next answer; waits for it. False: the connection ended without one. is_head: of a request
 * HEAD, no body follows. */
bool client_reply(struct client *c, bool is_head, struct reply *ret);
/* The value of a header; absent: none. */
struct str reply_header(const struct reply *r, const char *name);

/* Send, and the status of the one answer. */
int client_ask(struct client *c, const char *request);

#endif
