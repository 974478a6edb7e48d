/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state machine of a connection, over a socketpair and in virtual time. The input is what a
 * client sends; 0xFE and a byte behind it is something else that happens (enum event).
 *
 * Without the events, the same answers come whatever the pieces are and whether handlers answer at
 * once or later. With them, everything holds after each (http_walk()), and at the end nothing is
 * left: no connection, no request, no byte in the budget, no handle in the loop.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"
#include "http_walker.h"

#define MAX_BODY  ((size_t)2048)
#define BIG       ((size_t)300000) /* more than a socketpair keeps */
#define INPUT_MAX 4096
#define HELD      256    /* more requests than fit into an input */
#define TURNS_MAX 100000 /* a connection that needs more is stuck */
#define START_MS  1000000
#define ESCAPE    0xfe

enum event {
        EVENT_TURN,
        EVENT_ANSWER,
        EVENT_LATER, /* handlers do not answer at once from now on, or do again */
        EVENT_TIME,
        EVENT_READING, /* the client reads no more, or does again */
        EVENT_FIN,
        EVENT_CLOSE,
        EVENT_LIMITS, /* small ones */
        EVENT_DRAIN,
        EVENT_SERVER_CLOSE,
        EVENT__COUNT
};

struct world {
        uv_loop_t loop;
        struct http_server *server;
        struct metrics *metrics;
        int64_t now_ms;
        bool later, server_closed;
        struct http_request *held[HELD];
        unsigned n_held, routed, answered;
        bool is_head[HELD]; /* of the routed requests, in their order */

        int fd; /* the client's end; -1: closed */
        bool reads, fin;
        bool ended; /* the server has closed its side */
        struct buf got;
};

static struct world w;

/* THE APPLICATION */

static void respond(struct http_request *req)
{
        struct http_response res = { .status = 200 };

        buf_init(&res.body, SIZE_MAX);
        buf_append_str(&res.body, req->path);
        buf_append_c(&res.body, "\n");
        buf_append_str(&res.body, req->body);
        if (str_has_prefix(req->path, "/big")) {
                char *room = buf_reserve(&res.body, BIG);

                memset(room, 'b', BIG);
                res.body.len += BIG;
        }
        http_respond(req, &res);
}

static void on_request(void *data, struct http_request *req)
{
        HOLDS(req->body.len <= MAX_BODY && req->path.len <= HTTP_TARGET_BYTES);
        HOLDS(w.routed < HELD);
        w.is_head[w.routed++] = req->is_head;
        if (w.later)
                w.held[w.n_held++] = req;
        else
                respond(req);
}

static void answer_held(void)
{
        for (unsigned i = 0; i < w.n_held; i++)
                respond(w.held[i]);
        w.n_held = 0;
}

static void render_error(void *data, const struct error *err, struct buf *out)
{
        buf_append_c(out, "refused");
}

static void on_answered(void *data, const struct http_request *req, int status)
{
        HOLDS(status == 200 || status == STATUS_CLIENT_GONE || status == 504);
        w.answered++;
}

static int64_t now_ms(void *data)
{
        return w.now_ms;
}

/* LIFE */

static void on_server_closed(void *data)
{
        w.server_closed = true;
}

static void start_server(void)
{
        struct http_limits limits = { MAX_BODY, 1 << 20, 10, HELD, 30000 };
        struct http_app app = { NULL, on_request, render_error, on_answered, now_ms };

        w = (struct world){ .now_ms = START_MS, .fd = -1 };
        HOLDS(uv_loop_init(&w.loop) == 0);
        w.metrics = metrics_new(1);
        w.server = http_server_new(&w.loop, &limits, &app, w.metrics);
        uv_timer_stop(&w.server->tick);
}

static void close_server(void)
{
        if (!w.server->closing)
                http_server_close(w.server, on_server_closed, NULL);
}

static void stop_server(void)
{
        close_server();
        while (!w.server_closed)
                uv_run(&w.loop, UV_RUN_NOWAIT);
        http_server_free(w.server);
        metrics_free(w.metrics);
        uv_run(&w.loop, UV_RUN_DEFAULT);
        HOLDS(uv_loop_close(&w.loop) == 0);
}

static void connect_client(bool later)
{
        int pair[2];

        HOLDS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
        w.fd = pair[0];
        w.later = later;
        w.reads = true;
        w.fin = w.ended = false;
        w.routed = w.answered = 0;
        buf_init(&w.got, SIZE_MAX);
        conn_open(w.server, pair[1], false);
}

static void close_client(void)
{
        if (w.fd >= 0)
                close(w.fd);
        w.fd = -1;
}

static void leave_nothing(void)
{
        close_client();
        answer_held();
        while (w.server->n_conns > 0)
                uv_run(&w.loop, UV_RUN_NOWAIT);
        HOLDS(http_walk(w.server) == NULL);
        HOLDS(w.server->n_requests == 0 && w.server->budget.used == 0);
        HOLDS(w.routed == w.answered);
        buf_deinit(&w.got);
}

static void read_answers(void)
{
        static char bytes[65536];
        ssize_t n;

        while (w.fd >= 0 && w.reads && !w.ended) {
                n = recv(w.fd, bytes, sizeof bytes, 0);
                if (n < 0 && errno == EAGAIN)
                        return;
                if (n > 0)
                        buf_append(&w.got, bytes, (size_t)n);
                else
                        w.ended = true;
        }
}

static void turn(void)
{
        const char *broken;

        uv_run(&w.loop, UV_RUN_NOWAIT);
        read_answers();
        broken = http_walk(w.server);
        if (broken != NULL)
                fprintf(stderr, "broken: %s\n", broken);
        HOLDS(broken == NULL);
}

/* The number of bytes that the socket took. */
static size_t give(struct str bytes)
{
        ssize_t n = w.fd >= 0 && !w.fin ? send(w.fd, bytes.base, bytes.len, MSG_NOSIGNAL) : -1;

        return n > 0 ? (size_t)n : 0;
}

static void finish(void)
{
        if (w.fd >= 0)
                shutdown(w.fd, SHUT_WR);
        w.fin = true;
}

/* THE SAME ANSWERS */

/* One answer at the front of *got as a line of told; false: none, or it is cut. */
static bool tell_answer(struct str *got, unsigned *n, struct buf *told)
{
        const char *end_of_head = memmem(got->base, got->len, "\r\n\r\n", 4);
        const char *at;
        size_t length, head;
        bool is_head;

        if (end_of_head == NULL)
                return false;
        HOLDS(got->len > 9 && memcmp(got->base, "HTTP/1.1 ", 9) == 0);
        head = (size_t)(end_of_head + 4 - got->base);
        if (got->base[9] == '1') { /* 100 Continue: it depends on the pieces */
                *got = (struct str){ got->base + head, got->len - head };
                return true;
        }
        at = memmem(got->base, head, "Content-Length: ", 16);
        HOLDS(at != NULL);
        length = strtoul(at + 16, NULL, 10);
        is_head = *n < w.routed && w.is_head[*n];
        if (got->base[9] != '2') {
                HOLDS(memmem(got->base, head, "Connection: close\r\n", 19) != NULL);
                buf_append_c(told, "refused\n");
                *got = STR("");
                return true;
        }
        HOLDS(*n < w.routed);
        ++*n;
        length = is_head ? 0 : length;
        HOLDS(got->len - head >= length);
        buf_printf(told, "%zu: ", length);
        buf_append(told, got->base + head, length);
        buf_append_c(told, "\n");
        *got = (struct str){ got->base + head + length, got->len - head - length };
        return true;
}

static void tell(struct buf *told)
{
        struct str got = buf_str(&w.got);
        unsigned n = 0;

        while (got.len > 0)
                HOLDS(tell_answer(&got, &n, told));
        HOLDS(n == w.routed);
}

/* Send it, close the sending side, and read until the server closes. */
static void converse(struct str bytes, size_t step, bool later, struct buf *told)
{
        connect_client(later);
        for (unsigned turns = 0; !w.ended; turns++) {
                struct str piece = { bytes.base, bytes.len < step ? bytes.len : step };
                size_t taken = give(piece);

                bytes.base += taken;
                bytes.len -= taken;
                if (bytes.len == 0 && !w.fin)
                        finish();
                turn();
                answer_held();
                HOLDS(turns < TURNS_MAX);
        }
        tell(told);
        leave_nothing();
}

static void same_answers(struct str bytes)
{
        const struct {
                size_t step;
                bool later;
        } ways[] = { { SIZE_MAX, true }, { 1 + bytes.len / 512, false }, { 37, true } };
        struct buf first, other;

        start_server();
        buf_init(&first, SIZE_MAX);
        converse(bytes, SIZE_MAX, false, &first);
        for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
                buf_init(&other, SIZE_MAX);
                converse(bytes, ways[i].step, ways[i].later, &other);
                HOLDS(str_eq(buf_str(&first), buf_str(&other)));
                buf_deinit(&other);
        }
        buf_deinit(&first);
        stop_server();
}

/* EVERYTHING ELSE */

static void set_small_limits(void)
{
        struct http_limits limits = w.server->limits;

        limits.max_body_bytes = 100;
        limits.max_buffered_bytes = 1000;
        limits.max_in_flight = 1;
        http_server_set_limits(w.server, &limits);
}

static void happen(enum event event, unsigned how)
{
        switch (event) {
        case EVENT_TURN:
        case EVENT__COUNT:
                break;
        case EVENT_ANSWER:
                answer_held();
                break;
        case EVENT_LATER:
                w.later = !w.later;
                break;
        case EVENT_TIME:
                w.now_ms += 1000 + 4000 * (int64_t)how;
                server_tick(w.server);
                break;
        case EVENT_READING:
                w.reads = !w.reads;
                break;
        case EVENT_FIN:
                finish();
                break;
        case EVENT_CLOSE:
                close_client();
                break;
        case EVENT_LIMITS:
                set_small_limits();
                break;
        case EVENT_DRAIN:
                if (!w.server->closing)
                        http_server_drain(w.server);
                break;
        case EVENT_SERVER_CLOSE:
                close_server();
                break;
        }
        turn();
}

static void anything(struct str input)
{
        start_server();
        connect_client(false);
        while (input.len > 0) {
                const char *escape = memchr(input.base, ESCAPE, input.len);
                size_t n = escape != NULL ? (size_t)(escape - input.base) : input.len;

                give((struct str){ input.base, n });
                if (escape != NULL && n + 1 < input.len) {
                        unsigned code = (unsigned char)escape[1];

                        happen((enum event)(code % EVENT__COUNT), code / EVENT__COUNT);
                }
                n += escape == NULL ? 0 : n + 1 < input.len ? 2 : 1;
                input = (struct str){ input.base + n, input.len - n };
        }
        turn();
        close_server();
        leave_nothing();
        stop_server();
}

static void copy_without_events(struct str input, struct buf *out)
{
        for (size_t i = 0; i < input.len; i++) {
                if ((unsigned char)input.base[i] == ESCAPE)
                        i++;
                else
                        buf_append_char(out, input.base[i]);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct str input = fuzz_input(data, size);
        struct buf bytes;

        if (size > INPUT_MAX)
                return 0;
        buf_init(&bytes, SIZE_MAX);
        copy_without_events(input, &bytes);
        same_answers(buf_str(&bytes));
        anything(input);
        buf_deinit(&bytes);
        return 0;
}
