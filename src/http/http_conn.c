/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: bytes are read and parsed; a whole request goes to the application; its answer
 * is written; the next request, perhaps read already, follows.
 *
 * Possible failures:
 *  - what is read is not a request, or too much of one: the error is answered and the connection
 * closed, after whatever the client still sends was read for a while, or a reset would destroy the
 * answer;
 *  - a deadline passes: the same with 408, or a plain close where nothing was asked;
 *  - the client goes away: its request is an orphan, which http_respond() frees;
 *  - the client closes its side only: it still gets its answer.
 */
#include "http_conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "crr/base/time.h"

#define READ_BYTES      65536
#define READS_PER_EVENT 4
#define STASH_BYTES     65536
#define BODY_RATE       50    /* bytes per millisecond that a body must come with, on the whole */
#define WRITE_PROGRESS  16384 /* bytes that must go out per write deadline */
#define NET_MS          5000  /* behind request_timeout: the application should have answered */

static void on_poll(uv_poll_t *poll, int status, int events);
static void process(struct http_conn *c, const char *bytes, size_t n);

/* The one place that decides what the socket is watched for. */
static void arm(struct http_conn *c)
{
        int events = 0;

        if (c->state == CONN_CLOSED)
                return;
        if (c->state == CONN_WRITING)
                events |= UV_WRITABLE;
        if (!c->eof && (c->state == CONN_LINGERING || c->stash.len < STASH_BYTES))
                events |= UV_READABLE;
        else if (!c->eof)
                events |= UV_DISCONNECT;
        if (events == c->events)
                return;
        c->events = events;
        if (events != 0)
                uv_poll_start(&c->poll, events, on_poll);
        else
                uv_poll_stop(&c->poll);
}

static void set_state(struct http_conn *c, enum conn_state state, unsigned deadline_ms)
{
        c->server->n_writing += state == CONN_WRITING;
        c->server->n_writing -= c->state == CONN_WRITING;
        c->state = state;
        c->deadline_ms = time_monotonic_ms() + deadline_ms;
}

/* CLOSING */

static void on_closed(uv_handle_t *handle)
{
        struct http_conn *c = handle->data;

        close(c->fd);
        http_parser_free(c->parser);
        buf_deinit(&c->head);
        buf_deinit(&c->stash);
        server_conn_closed(c->server, c);
        free(c);
}

/* Unsent answers count like bodies: they may pass the budget, and then no new body is taken. */
static void drop_body(struct http_conn *c)
{
        c->server->budget.used -= c->body.len;
        buf_deinit(&c->body);
}

void conn_close(struct http_conn *c)
{
        if (c->state == CONN_CLOSED)
                return;
        if (c->request != NULL)
                server_request_orphan(c->request);
        drop_body(c);
        set_state(c, CONN_CLOSED, 0);
        uv_close((uv_handle_t *)&c->poll, on_closed);
}

static void linger(struct http_conn *c)
{
        if (c->eof) {
                conn_close(c);
                return;
        }
        set_state(c, CONN_LINGERING, c->server->limits.linger_ms);
        shutdown(c->fd, SHUT_WR);
}

/* WRITING */

static ssize_t send_some(struct http_conn *c)
{
        size_t body_len = c->no_body ? 0 : c->body.len;
        struct iovec parts[2] = { { c->head.base, c->head.len }, { c->body.base, body_len } };
        struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };

        if (c->written < c->head.len) {
                parts[0].iov_base = c->head.base + c->written;
                parts[0].iov_len -= c->written;
        } else {
                size_t skip = c->written - c->head.len;

                message.msg_iov = &parts[1];
                message.msg_iovlen = 1;
                parts[1] = (struct iovec){ c->body.base + skip, body_len - skip };
        }
        return sendmsg(c->fd, &message, MSG_NOSIGNAL);
}

static void on_written(struct http_conn *c)
{
        drop_body(c);
        buf_clear(&c->head);
        if (c->close_after || c->server->draining) {
                linger(c);
                return;
        }
        http_parser_next(c->parser);
        set_state(c, CONN_IDLE, c->server->limits.idle_ms);
}

/* True: all is out (or the connection is gone). */
static bool write_out(struct http_conn *c)
{
        size_t total = c->head.len + (c->no_body ? 0 : c->body.len);

        while (c->written < total) {
                ssize_t n = send_some(c);

                if (n < 0 && (errno == EAGAIN || errno == EINTR))
                        return false;
                if (n < 0) {
                        conn_close(c);
                        return true;
                }
                c->written += (size_t)n;
        }
        on_written(c);
        return true;
}

static void begin_writing(struct http_conn *c, struct http_response *res, const char *request_id,
                          bool is_head, bool keep_alive_said)
{
        drop_body(c);
        buf_clear(&c->head);
        c->body = res->body;
        c->server->budget.used += c->body.len;
        res->body = (struct buf){ 0 };
        c->no_body = is_head;
        c->written = c->written_at_deadline = 0;
        response_head(&c->head, c->server, res, request_id, res->lead.len + c->body.len,
                      c->close_after, keep_alive_said);
        if (!is_head)
                buf_append_str(&c->head, res->lead);
        set_state(c, CONN_WRITING, c->server->limits.write_ms);
}

static void take_stash(struct http_conn *c)
{
        struct buf stash;

        if (c->state != CONN_IDLE)
                return;
        stash = c->stash;
        buf_init(&c->stash, STASH_BYTES + READ_BYTES);
        if (stash.len > 0)
                process(c, stash.base, stash.len);
        buf_deinit(&stash);
        if (c->state == CONN_IDLE && c->eof)
                conn_close(c);
}

void conn_answer(struct http_conn *c, struct http_response *res, const struct http_request *req)
{
        bool http10 = http_parser_is_http10(c->parser);

        c->close_after = c->close_after || !http_parser_keep_alive(c->parser) || c->eof ||
                         c->server->draining;
        begin_writing(c, res, req->request_id, req->is_head, http10);
        server_request_free(c->request);
        c->request = NULL;
        if (!write_out(c) || c->in_feed) {
                arm(c);
                return;
        }
        take_stash(c);
        arm(c);
}

/* An answer of our own, before any handler. */
static void answer_error(struct http_conn *c, enum error_code code, const char *text)
{
        struct http_server *s = c->server;
        struct http_response res = { .status = error_http_status(code) };
        struct error err;

        server_count_rejected(s, code);
        error_set(&err, code, "%s", text);
        buf_init(&res.body, 65536);
        s->app.render_error(s->app.data, &err, &res.body);
        if (code == ERR_UNAVAILABLE) {
                res.headers[0] = (struct http_header){ STR("Retry-After"), STR("1") };
                res.n_headers = 1;
        }
        c->close_after = true;
        begin_writing(c, &res, NULL, false, false);
        write_out(c);
}

/* READING */

static void handle(struct http_conn *c)
{
        struct http_server *s = c->server;

        if (s->n_requests >= s->limits.max_in_flight) {
                answer_error(c, ERR_UNAVAILABLE, "too many requests are in work");
                return;
        }
        set_state(c, CONN_HANDLING, s->limits.request_timeout_ms + NET_MS);
        c->request = server_request_new(c);
        s->app.on_request(s->app.data, &c->request->public);
}

static void say_continue(struct http_conn *c)
{
        static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
        ssize_t n;

        if (http_parser_state(c->parser) != HTTP_PARSE_BODY ||
            !http_parser_wants_continue(c->parser))
                return;
        n = send(c->fd, text, sizeof text - 1, MSG_NOSIGNAL);
        (void)n; /* a client that cannot take it waits for its own time-out, and sends the body */
}

static void follow_parser(struct http_conn *c, enum http_parse_state before)
{
        const struct http_limits *limits = &c->server->limits;
        enum http_parse_state now = http_parser_state(c->parser);

        if (now == before)
                return;
        if (now == HTTP_PARSE_HEAD)
                set_state(c, CONN_READING, limits->header_ms);
        else if (now == HTTP_PARSE_BODY)
                set_state(c, CONN_READING,
                          limits->body_ms +
                                  (unsigned)(http_parser_expected_body(c->parser) / BODY_RATE));
        else if (now == HTTP_PARSE_DONE)
                handle(c);
        else if (now == HTTP_PARSE_BAD)
                answer_error(c, http_parser_fault(c->parser), http_parser_fault_text(c->parser));
}

static bool takes_input(const struct http_conn *c)
{
        return c->state == CONN_IDLE || c->state == CONN_READING;
}

/* Bytes that came while a request is handled or its answer is written wait in the stash. */
static void process(struct http_conn *c, const char *bytes, size_t n)
{
        size_t at = 0;

        c->in_feed = true;
        while (at < n && takes_input(c)) {
                enum http_parse_state before = http_parser_state(c->parser);

                at += http_parser_feed(c->parser, bytes + at, n - at);
                follow_parser(c, before);
        }
        c->in_feed = false;
        if (at < n && c->state != CONN_LINGERING && c->state != CONN_CLOSED)
                buf_append(&c->stash, bytes + at, n - at);
        if (takes_input(c))
                say_continue(c);
}

static void on_eof(struct http_conn *c)
{
        c->eof = true;
        if (c->state == CONN_HANDLING || c->state == CONN_WRITING)
                c->close_after = true; /* half-closed: it still gets its answer */
        else
                conn_close(c);
}

static void read_in(struct http_conn *c)
{
        static char bytes[READ_BYTES];

        for (int i = 0; i < READS_PER_EVENT && !c->eof && c->state != CONN_CLOSED; i++) {
                ssize_t n;

                if (c->state != CONN_LINGERING && c->stash.len >= STASH_BYTES)
                        return;
                n = recv(c->fd, bytes, sizeof bytes, 0);
                if (n < 0 && (errno == EAGAIN || errno == EINTR))
                        return;
                if (n < 0)
                        conn_close(c);
                else if (n == 0)
                        on_eof(c);
                else if (c->state != CONN_LINGERING)
                        process(c, bytes, (size_t)n);
                if (n > 0 && (size_t)n < sizeof bytes)
                        return;
        }
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
        struct http_conn *c = poll->data;

        if (status < 0 || ((events & UV_DISCONNECT) != 0 && (events & UV_READABLE) == 0 &&
                           c->state == CONN_HANDLING)) {
                conn_close(c);
                return;
        }
        if ((events & UV_WRITABLE) != 0 && c->state == CONN_WRITING && write_out(c))
                take_stash(c);
        if ((events & UV_READABLE) != 0 && c->state != CONN_CLOSED)
                read_in(c);
        arm(c);
}

/* LIFE */

void conn_open(struct http_server *s, int fd, bool refuse)
{
        struct http_conn *c = calloc(1, sizeof *c);
        int one = 1;

        if (c == NULL)
                abort();
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        c->fd = fd;
        c->server = s;
        c->parser = http_parser_new(s->limits.max_body_bytes, &s->budget);
        buf_init(&c->head, 65536);
        buf_init(&c->stash, STASH_BYTES + READ_BYTES);
        uv_poll_init(s->loop, &c->poll, fd);
        c->poll.data = c;
        c->next = s->conns;
        if (c->next != NULL)
                c->next->prev = c;
        s->conns = c;
        s->n_conns++;
        set_state(c, CONN_IDLE, s->limits.header_ms);
        if (refuse)
                answer_error(c, ERR_UNAVAILABLE, "too many connections");
        arm(c);
}

void conn_drain(struct http_conn *c)
{
        c->close_after = true;
        if (c->state == CONN_IDLE)
                conn_close(c);
}

static void give_up_handler(struct http_conn *c)
{
        server_request_orphan(c->request);
        c->parser = http_parser_new(c->server->limits.max_body_bytes, &c->server->budget);
        answer_error(c, ERR_GATEWAY_TIMEOUT, "the request was not answered in time");
}

static void on_write_deadline(struct http_conn *c)
{
        if (c->written - c->written_at_deadline < WRITE_PROGRESS) {
                conn_close(c);
                return;
        }
        c->written_at_deadline = c->written;
        c->deadline_ms = time_monotonic_ms() + c->server->limits.write_ms;
}

void conn_tick(struct http_conn *c, int64_t now_ms)
{
        if (now_ms < c->deadline_ms)
                return;
        switch (c->state) {
        case CONN_IDLE:
        case CONN_LINGERING:
                conn_close(c);
                break;
        case CONN_READING:
                answer_error(c, ERR_REQUEST_TIMEOUT, "the request did not arrive in time");
                break;
        case CONN_HANDLING:
                give_up_handler(c);
                break;
        case CONN_WRITING:
                on_write_deadline(c);
                break;
        case CONN_CLOSED:
                break;
        }
        arm(c);
}
