/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: bytes are read and parsed; a whole request goes to the application; its answer
 * is written; in a later turn of the loop the next request, perhaps read already, follows.
 *
 * Possible failures:
 *  - what is read is not a request, or too much of one: the error is answered and the connection
 *    closed, after whatever the client still sends was read for a while, or a reset would destroy
 *    the answer;
 *  - a deadline passes: the same with 408, or a plain close where nothing was asked;
 *  - the client does not take its answers: reset;
 *  - the client resets: its request is an orphan, which http_respond() frees;
 *  - the client closes its side only: what it has asked is still answered;
 *  - the client sends more than it reads: a request behind the one that is worked on waits, and
 *    from 64 KiB of such on nothing is read.
 */
#include "http_conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crr/base/sm.h"

#define READ_BYTES     65536
#define STASH_BYTES    65536
#define SMALL_BODY     16384 /* is read at once, whatever the others send */
#define WRITE_PROGRESS 16384 /* bytes that a client must take per write deadline */

static const struct sm_state states[] = {
        [CONN_IDLE] = { "idle", SM_TO(CONN_READING) | SM_TO(CONN_HANDLING) | SM_TO(CONN_WRITING) |
                                        SM_TO(CONN_CLOSED) },
        [CONN_READING] = { "reading",
                           SM_TO(CONN_HANDLING) | SM_TO(CONN_WRITING) | SM_TO(CONN_CLOSED) },
        [CONN_HANDLING] = { "handling", SM_TO(CONN_WRITING) | SM_TO(CONN_CLOSED) },
        [CONN_WRITING] = { "writing",
                           SM_TO(CONN_IDLE) | SM_TO(CONN_LINGERING) | SM_TO(CONN_CLOSED) },
        [CONN_LINGERING] = { "lingering", SM_TO(CONN_CLOSED) },
        [CONN_CLOSED] = { "closed", 0 },
};

static void on_poll(uv_poll_t *poll, int status, int events);

void conn_set_deadline(struct http_conn *c, int64_t at_ms)
{
        deadline_set(&c->server->deadlines, &c->deadline, at_ms);
}

void conn_enter(struct http_conn *c, enum conn_state state, unsigned deadline_ms)
{
        struct sm sm;

        sm_init(&sm, "connection", states, (uint64_t)c->fd, (int)c->state);
        sm_move(&sm, (int)state);
        c->server->n_writing += state == CONN_WRITING;
        c->server->n_writing -= c->state == CONN_WRITING;
        c->state = state;
        conn_set_deadline(c, server_now_ms(c->server) + deadline_ms);
}

/* WHAT IT WAITS FOR */

static bool takes_requests(const struct http_conn *c)
{
        return c->state == CONN_IDLE || c->state == CONN_READING;
}

static bool discards_input(const struct http_conn *c)
{
        return c->state == CONN_LINGERING || (c->state == CONN_WRITING && c->close_after);
}

/* Its next request has come already: it is taken when there is room for an answer. */
static bool waits_for_room(const struct http_conn *c)
{
        return takes_requests(c) && c->stash.len > 0;
}

/* How many bytes may be read now. */
static size_t room_for_input(const struct http_conn *c)
{
        if (c->eof || c->state == CONN_CLOSED)
                return 0;
        if (discards_input(c))
                return READ_BYTES;
        if (takes_requests(c))
                return waits_for_room(c) ? 0 : READ_BYTES;
        return http_budget_has_room(&c->server->budget) ? STASH_BYTES - c->stash.len : 0;
}

/*
 * What the socket is watched for. A connection whose next request is read already is watched for
 * room to answer it: so each connection has one request in a turn of the loop, and none that does
 * not read its answers. Where nothing is read a reset must be seen all the same: with
 * UV_DISCONNECT, which tells of a FIN too, again and again; after that with UV_PRIORITIZED, which
 * tells of nothing else that a client of HTTP does.
 */
static int wanted_events(const struct http_conn *c)
{
        int events = 0;

        if (c->state == CONN_WRITING || waits_for_room(c))
                events |= UV_WRITABLE;
        if (room_for_input(c) > 0)
                events |= UV_READABLE;
        else if (!c->eof && !c->fin_seen)
                events |= UV_DISCONNECT;
        return events != 0 ? events : UV_PRIORITIZED;
}

/* The one place that decides what the socket is watched for. */
static void arm(struct http_conn *c)
{
        int events;

        if (c->state == CONN_CLOSED)
                return;
        events = wanted_events(c);
        if (events == c->events)
                return;
        c->events = events;
        uv_poll_start(&c->poll, events, on_poll);
}

/* CLOSING */

static void on_closed(uv_handle_t *handle)
{
        struct http_conn *c = handle->data;

        close(c->fd);
        server_conn_closed(c->server, c);
        free(c);
}

static void drop_input(struct http_conn *c)
{
        http_budget_drop(&c->server->budget, &c->stash);
        c->stash_at = 0;
        http_parser_free(c->parser);
        c->parser = NULL;
}

static void drop_answer(struct http_conn *c)
{
        http_answer_free(c->answer);
        c->answer = NULL;
}

void conn_close(struct http_conn *c)
{
        if (c->state == CONN_CLOSED)
                return;
        if (c->request != NULL)
                server_request_orphan(c->request, STATUS_CLIENT_GONE);
        drop_input(c);
        drop_answer(c);
        conn_enter(c, CONN_CLOSED, 0);
        deadline_clear(&c->deadline);
        uv_close((uv_handle_t *)&c->poll, on_closed);
}

/* Without telling it in order: the kernel would go on trying to send what is not read. */
static void reset(struct http_conn *c)
{
        struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        conn_close(c);
}

static void linger(struct http_conn *c)
{
        if (c->eof) {
                conn_close(c);
                return;
        }
        drop_input(c);
        conn_enter(c, CONN_LINGERING, c->server->limits.linger_ms);
        shutdown(c->fd, SHUT_WR);
}

/* After anything that may have moved it. */
void conn_go_on(struct http_conn *c)
{
        if (c->eof && takes_requests(c) && !waits_for_room(c))
                conn_close(c);
        if (waits_for_room(c) && (c->events & UV_WRITABLE) == 0)
                conn_set_deadline(c, server_now_ms(c->server) + c->server->limits.write_ms);
        arm(c);
}

/* WRITING */

void conn_write_out(struct http_conn *c)
{
        enum http_progress progress = http_answer_send(c->answer, c->fd);

        if (progress == HTTP_BLOCKED)
                return;
        if (progress == HTTP_FAILED) {
                conn_close(c);
                return;
        }
        drop_answer(c);
        if (c->close_after)
                linger(c);
        else
                conn_enter(c, CONN_IDLE,
                           c->stash.len > 0 ? c->server->limits.write_ms
                                            : c->server->limits.idle_ms);
}

/* READING */

/* The next request, which came while another one was worked on. */
static void take_stash(struct http_conn *c)
{
        struct buf *stash = &c->stash;
        size_t taken = exchange_feed(c, stash->base + c->stash_at, stash->len - c->stash_at);

        if (stash->len == 0)
                return; /* it was dropped */
        c->stash_at += taken;
        if (c->stash_at == stash->len || discards_input(c)) {
                http_budget_drop(&c->server->budget, stash);
                c->stash_at = 0;
        }
}

static void take_input(struct http_conn *c, const char *bytes, size_t n)
{
        size_t taken = 0;

        if (takes_requests(c))
                taken = exchange_feed(c, bytes, n);
        if (taken < n && c->state != CONN_CLOSED && !discards_input(c))
                http_budget_append(&c->server->budget, &c->stash, bytes + taken, n - taken);
}

static void on_eof(struct http_conn *c)
{
        c->eof = true;
        if (c->state == CONN_LINGERING)
                conn_close(c);
}

static bool is_in_large_body(const struct http_conn *c)
{
        return c->body_since_ms > 0 &&
               (c->parser == NULL || !http_parser_body_is_within(c->parser, SMALL_BODY));
}

/* Once an event, and of all large bodies together no more than a share of the turn of the loop:
 * whoever sends little is not kept waiting by those that send much. */
static void read_in(struct http_conn *c)
{
        static char bytes[READ_BYTES];
        size_t room = room_for_input(c);
        bool is_large = is_in_large_body(c);
        ssize_t n;

        if (is_large && room > c->server->body_bytes_left)
                room = c->server->body_bytes_left;
        if (room == 0)
                return;
        n = recv(c->fd, bytes, room, 0);
        if (n > 0 && is_large)
                c->server->body_bytes_left -= (size_t)n;
        if (n > 0)
                take_input(c, bytes, (size_t)n);
        else if (n == 0)
                on_eof(c);
        else if (errno != EAGAIN && errno != EINTR)
                conn_close(c);
}

/* A turn of the loop reads from so many sockets; the others are heard of again in the next one. */
static bool has_turn(struct http_server *s)
{
        if (s->reads_left == 0)
                return false;
        s->reads_left--;
        return true;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
        struct http_conn *c = poll->data;

        if (status < 0 || (events & UV_PRIORITIZED) != 0) {
                conn_close(c);
                return;
        }
        if ((events & UV_DISCONNECT) != 0)
                c->fin_seen = true;
        if ((events & UV_WRITABLE) != 0) {
                if (c->state == CONN_WRITING)
                        conn_write_out(c);
                else if (waits_for_room(c))
                        take_stash(c);
        }
        if ((events & UV_READABLE) != 0 && has_turn(c->server))
                read_in(c);
        conn_go_on(c);
}

/* LIFE */

/* What the kernel has taken from us it gives up by itself, after a close too, instead of trying for
 * many minutes; later than we would. */
static void set_options(int fd, unsigned write_ms)
{
        unsigned give_up_ms = 2 * write_ms;
        int one = 1;

        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &give_up_ms, sizeof give_up_ms);
}

void conn_open(struct http_server *s, int fd, bool refuse)
{
        struct http_conn *c = calloc(1, sizeof *c);

        if (c == NULL)
                abort();
        if (uv_poll_init(s->loop, &c->poll, fd) != 0) {
                close(fd);
                free(c);
                return;
        }
        set_options(fd, s->limits.write_ms);
        c->poll.data = c;
        c->fd = fd;
        c->server = s;
        buf_init(&c->stash, STASH_BYTES);
        server_conn_opened(s, c);
        conn_set_deadline(c, server_now_ms(s) + s->limits.header_ms);
        if (refuse)
                exchange_refuse(c, ERR_UNAVAILABLE, "max_connections", "too many connections");
        arm(c);
}

void conn_drain(struct http_conn *c)
{
        c->close_after = true;
        if (c->state == CONN_IDLE)
                read_in(c); /* what was sent before it could know is answered */
        if (c->state == CONN_IDLE && c->stash.len == 0)
                conn_close(c);
        conn_go_on(c);
}

static void reset_slow_reader(struct http_conn *c)
{
        server_count_rejected(c->server, c->fd, 0, "slow_reader");
        reset(c);
}

static void on_idle_deadline(struct http_conn *c)
{
        if (waits_for_room(c))
                reset_slow_reader(c);
        else
                conn_close(c);
}

static void on_write_deadline(struct http_conn *c)
{
        int64_t taken = http_answer_taken(c->answer, c->fd);

        if (taken - c->answer->taken_before < WRITE_PROGRESS) {
                reset_slow_reader(c);
                return;
        }
        c->answer->taken_before = taken;
        conn_set_deadline(c, server_now_ms(c->server) + c->server->limits.write_ms);
}

void conn_on_deadline(struct http_conn *c)
{
        switch (c->state) {
        case CONN_IDLE:
                on_idle_deadline(c);
                break;
        case CONN_LINGERING:
                conn_close(c);
                break;
        case CONN_READING:
                exchange_be_late(c);
                break;
        case CONN_HANDLING:
                exchange_give_up(c);
                break;
        case CONN_WRITING:
                on_write_deadline(c);
                break;
        case CONN_CLOSED:
                break;
        }
        conn_go_on(c);
}
