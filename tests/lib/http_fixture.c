/* SPDX-License-Identifier: Apache-2.0 */
#include "http_fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_walker.h"

#define START_MS INT64_C(1000000)
#define WAIT_NS  UINT64_C(20000000000)

struct fixture fixture;

static void *must(void *p)
{
        if (p == NULL)
                abort();
        return p;
}

/* THE APPLICATION */

static void respond(struct http_request *req, struct buf body)
{
        struct http_response res = { .status = 200, .content_type = "text/plain", .body = body };

        http_respond(req, &res);
}

static void on_request(void *data, struct http_request *req)
{
        static const char *const methods[] = { "GET", "POST", "OTHER" };
        struct buf body;

        fixture.n_routed++;
        if (str_has_prefix(req->path, "/later")) {
                CHECK(fixture.n_held < FIXTURE_HELD);
                fixture.held[fixture.n_held++] = req;
                return;
        }
        buf_init(&body, SIZE_MAX);
        if (str_has_prefix(req->path, "/big")) {
                must(buf_reserve(&body, FIXTURE_BIG)); /* not touched: it costs no memory */
                body.len = FIXTURE_BIG;
        } else {
                buf_printf(&body, "%s %.*s ", methods[req->method], STR_ARG(req->path));
                buf_append_str(&body, req->body);
        }
        respond(req, body);
}

static void render_error(void *data, const struct error *err, struct buf *out)
{
        buf_printf(out, "{\"code\":%d}", error_http_status(err->code));
}

static void on_answered(void *data, const struct http_request *req, int status)
{
        fixture.last_status = status;
        for (unsigned i = 0; i < fixture.n_held; i++)
                if (fixture.held[i] == req)
                        fixture.held[i] = NULL;
}

static int64_t now_ms(void *data)
{
        return fixture.now_ms;
}

static bool is_apart(void *data, struct str path)
{
        return str_has_prefix(path, "/later/apart");
}

void fixture_answer(unsigned i)
{
        struct buf body;

        CHECK(i < fixture.n_held && fixture.held[i] != NULL);
        buf_init(&body, SIZE_MAX);
        buf_append_c(&body, "late");
        respond(fixture.held[i], body);
}

/* LIFE */

#define DEFAULT(member, value)                   \
        do {                                     \
                if (limits.member == 0)          \
                        limits.member = (value); \
        } while (0)

void fixture_start(struct http_limits limits)
{
        struct http_app app = { NULL, on_request, render_error, on_answered, now_ms, is_apart };
        const char *address;
        struct error err;

        DEFAULT(max_body_bytes, FIXTURE_MAX_BODY);
        DEFAULT(max_buffered_bytes, SIZE_MAX / 2);
        DEFAULT(max_connections, 1000);
        DEFAULT(max_in_flight, 1000);
        DEFAULT(request_timeout_ms, 30000);
        fixture = (struct fixture){ .now_ms = START_MS };
        CHECK_INT(uv_loop_init(&fixture.loop), 0);
        fixture.metrics = metrics_new(1);
        fixture.server = http_server_new(&fixture.loop, &limits, &app, fixture.metrics);
        CHECK_INT(http_server_listen(fixture.server, "127.0.0.1:0", &address, &err), 0);
        fixture.port = (uint16_t)strtoul(strrchr(address, ':') + 1, NULL, 10);
}

static void on_closed(void *data)
{
        fixture.closed = true;
}

void fixture_close(void)
{
        http_server_close(fixture.server, on_closed, NULL);
        WAIT(fixture.closed);
        CHECK_INT(http_server_connections(fixture.server), 0);
}

void fixture_stop(void)
{
        if (!fixture.closed)
                fixture_close();
        for (unsigned i = 0; i < fixture.n_held; i++)
                if (fixture.held[i] != NULL)
                        fixture_answer(i);
        CHECK_INT(http_server_in_flight(fixture.server), 0);
        CHECK(http_server_is_idle(fixture.server));
        while (http_budget_work(&fixture.server->budget))
                ;
        CHECK_INT(fixture.server->budget.used, 0);
        CHECK_INT(metrics_get(fixture.metrics, METRIC_HTTP_CONNECTIONS, NO_LABELS), 0);
        http_server_free(fixture.server);
        metrics_free(fixture.metrics);
        uv_run(&fixture.loop, UV_RUN_DEFAULT);
        CHECK_INT(uv_loop_close(&fixture.loop), 0);
}

void fixture_turn(void)
{
        const char *broken;

        uv_run(&fixture.loop, UV_RUN_ONCE);
        broken = http_walk(fixture.server);
        if (broken != NULL)
                check_fail(__FILE__, __LINE__, broken, " does not hold");
}

uint64_t fixture_wait_end(void)
{
        return uv_hrtime() + WAIT_NS;
}

void fixture_wait(uint64_t end, const char *file, int line, const char *what)
{
        if (uv_hrtime() > end)
                check_fail(file, line, what, " in 20 s");
        fixture_turn();
}

void fixture_advance(int64_t ms)
{
        fixture.now_ms += ms;
        server_tick(fixture.server);
}

struct http_conn *fixture_conn(void)
{
        return fixture.server->conns;
}

double fixture_rejected(const char *cause)
{
        return metrics_get(fixture.metrics, METRIC_HTTP_REJECTED_TOTAL, LABELS_1(cause));
}

void fixture_settle(void)
{
        struct client *c = client_new();
        unsigned with_it;

        CHECK(client_ask(c, "GET /settle HTTP/1.0\r\n\r\n") != 0);
        with_it = http_server_connections(fixture.server);
        client_free(c);
        WAIT(http_server_connections(fixture.server) < with_it);
}

/* CLIENTS */

static void client_arm(struct client *c);

static void take(struct client *c)
{
        static char bytes[65536];
        ssize_t n = recv(c->fd, bytes, sizeof bytes, 0);

        if (n > 0)
                buf_append(&c->in, bytes, (size_t)n);
        else if (n == 0)
                c->eof = true;
        else if (errno != EAGAIN)
                c->reset = true;
}

static void give(struct client *c)
{
        ssize_t n = send(c->fd, c->out.base, c->out.len, MSG_NOSIGNAL);

        if (n > 0) {
                memmove(c->out.base, c->out.base + n, c->out.len - (size_t)n);
                c->out.len -= (size_t)n;
        } else if (errno != EAGAIN) {
                c->reset = true;
        }
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
        struct client *c = poll->data;

        if (status < 0 || (events & UV_READABLE) != 0)
                take(c);
        if ((events & UV_WRITABLE) != 0 && !c->reset && c->out.len > 0)
                give(c);
        client_arm(c);
}

static void client_arm(struct client *c)
{
        int events = 0;

        if (c->fd < 0)
                return;
        if (!c->reset && !c->eof && c->reads)
                events |= UV_READABLE;
        if (!c->reset && c->out.len > 0)
                events |= UV_WRITABLE;
        if (events != 0)
                uv_poll_start(&c->poll, events, on_poll);
        else
                uv_poll_stop(&c->poll);
}

static struct client *connect_to_it(bool reads)
{
        struct client *c = must(calloc(1, sizeof *c));
        struct sockaddr_in to = { .sin_family = AF_INET,
                                  .sin_port = htons(fixture.port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int one = 1, little = 4096;

        c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        CHECK(c->fd >= 0);
        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (!reads)
                setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &little, sizeof little);
        CHECK_INT(connect(c->fd, (struct sockaddr *)&to, sizeof to), 0);
        CHECK_INT(uv_poll_init(&fixture.loop, &c->poll, c->fd), 0);
        c->poll.data = c;
        c->reads = reads;
        buf_init(&c->in, SIZE_MAX);
        buf_init(&c->out, SIZE_MAX);
        client_arm(c);
        return c;
}

struct client *client_new(void)
{
        return connect_to_it(true);
}

struct client *client_new_reading_nothing(void)
{
        return connect_to_it(false);
}

static void on_handle_closed(uv_handle_t *handle)
{
        free(handle->data);
}

static void close_socket(struct client *c)
{
        if (c->fd < 0)
                return;
        uv_poll_stop(&c->poll);
        close(c->fd);
        c->fd = -1;
}

void client_free(struct client *c)
{
        close_socket(c);
        buf_deinit(&c->in);
        buf_deinit(&c->out);
        uv_close((uv_handle_t *)&c->poll, on_handle_closed);
}

void client_send(struct client *c, const char *bytes, size_t n)
{
        buf_append(&c->out, bytes, n);
        client_arm(c);
}

void client_send_c(struct client *c, const char *text)
{
        client_send(c, text, strlen(text));
}

void client_flush(struct client *c)
{
        WAIT(c->out.len == 0 || c->reset);
}

void client_finish(struct client *c)
{
        client_flush(c);
        shutdown(c->fd, SHUT_WR);
}

void client_reset(struct client *c)
{
        struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

        client_flush(c);
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        close_socket(c);
}

bool client_is_ended(const struct client *c)
{
        return c->eof || c->reset;
}

/* REPLIES */

struct str reply_header(const struct reply *r, const char *name)
{
        struct str line, rest = r->head, left, right;

        while (str_split(rest, '\n', &line, &rest))
                if (str_split(line, ':', &left, &right) && str_ieq_c(left, name)) {
                        right.len--; /* the CR */
                        return str_trim(right);
                }
        return STR_ABSENT;
}

/* True: a whole one stands at the end of those that were taken. */
static bool find_reply(const struct client *c, bool is_head, struct reply *r)
{
        const char *base = c->in.base + c->replies_end;
        size_t n = c->in.len - c->replies_end;
        const char *end = n > 0 ? memmem(base, n, "\r\n\r\n", 4) : NULL;
        unsigned long long length = 0;

        if (end == NULL)
                return false;
        r->head = (struct str){ base, (size_t)(end + 4 - base) };
        CHECK(str_has_prefix(r->head, "HTTP/1.1 "));
        r->status = (int)strtol(base + strlen("HTTP/1.1 "), NULL, 10);
        r->close = str_eq_c(reply_header(r, "connection"), "close");
        if (r->status >= 200)
                CHECK(str_to_u64(reply_header(r, "content-length"), SIZE_MAX, &length));
        r->body = (struct str){ end + 4, is_head ? 0 : length };
        return n - r->head.len >= r->body.len;
}

bool client_reply(struct client *c, bool is_head, struct reply *ret)
{
        bool found = false;

        WAIT((found = find_reply(c, is_head, ret)) || client_is_ended(c));
        if (found)
                c->replies_end += ret->head.len + ret->body.len;
        return found;
}

int client_ask(struct client *c, const char *request)
{
        struct reply r;

        client_send_c(c, request);
        return client_reply(c, false, &r) ? r.status : 0;
}
