/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: listeners accept; connections live on their own (http_conn.c); one timer keeps
 * all deadlines.
 *
 * Possible failures:
 *  - too many connections: each further one is answered 503, and past REFUSALS_MAX of those closed
 *    at once;
 *  - a connection would take a descriptor of the reserve: it is closed at once;
 *  - no descriptor is left: the spare one is given up to accept and close, so that clients learn of
 *    it; without that the listener rests until the next tick.
 */
#include "crr/http/http_server.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "crr/base/log.h"
#include "crr/base/time.h"
#include "crr/base/uuid.h"
#include "http_conn.h"

#define ACCEPTS      32
#define REFUSALS_MAX 64
#define BACKLOG      1024
#define RESERVED_FDS 128
#define BODY_BYTES   32768 /* of all bodies together in a turn of the loop */
#define READS        256   /* in a turn: of small requests, a millisecond */

struct listener {
        uv_poll_t poll;
        struct http_server *server;
        struct listener *next;
        int fd;
        bool open;
        bool paused; /* no descriptor was left, not even to refuse: until the next tick */
        char address[80];
};

static unsigned or_default(unsigned value, unsigned otherwise)
{
        return value != 0 ? value : otherwise;
}

/* Kafka's connections and the log need descriptors too, whoever connects to us. */
static int first_reserved_fd(void)
{
        struct rlimit limit;
        rlim_t reserve;

        if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > INT_MAX)
                return INT_MAX;
        reserve = limit.rlim_cur / 4 < RESERVED_FDS ? limit.rlim_cur / 4 : RESERVED_FDS;
        return (int)(limit.rlim_cur - reserve);
}

void http_server_set_limits(struct http_server *s, const struct http_limits *limits)
{
        s->limits = *limits;
        s->limits.idle_ms = or_default(limits->idle_ms, 60000);
        s->limits.header_ms = or_default(limits->header_ms, 10000);
        s->limits.body_ms = or_default(limits->body_ms, 10000);
        s->limits.write_ms = or_default(limits->write_ms, 20000);
        s->limits.linger_ms = or_default(limits->linger_ms, 2000);
        s->budget.limit = limits->max_buffered_bytes;
        s->first_reserved_fd = first_reserved_fd();
}

/* ACCEPTING */

static void on_connection(uv_poll_t *poll, int status, int events);

static void watch(struct listener *l)
{
        l->paused = false;
        uv_poll_start(&l->poll, UV_READABLE, on_connection);
}

static void resume_listeners(struct http_server *s)
{
        for (struct listener *l = s->listeners; l != NULL; l = l->next)
                if (l->open && l->paused)
                        watch(l);
}

/* A connection waits that nobody can take: the loop would turn for it again and again. */
static void pause_listener(struct listener *l)
{
        l->paused = true;
        uv_poll_stop(&l->poll);
}

static int open_spare(void)
{
        return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void count_closed_at_once(struct http_server *s, int fd, const char *cause)
{
        server_count_rejected(s, fd, 0, cause);
        close(fd);
}

/* False: it could not even be refused. */
static bool refuse_for_want_of_descriptors(struct http_server *s, int listener)
{
        int fd;

        if (s->spare_fd < 0)
                s->spare_fd = open_spare();
        if (s->spare_fd < 0)
                return false;
        close(s->spare_fd);
        fd = accept(listener, NULL, NULL);
        if (fd >= 0)
                count_closed_at_once(s, fd, "descriptors");
        s->spare_fd = open_spare();
        return fd >= 0;
}

static void take_connection(struct http_server *s, int fd)
{
        if (fd >= s->first_reserved_fd)
                count_closed_at_once(s, fd, "descriptors");
        else if (s->n_conns >= s->limits.max_connections + REFUSALS_MAX)
                count_closed_at_once(s, fd, "max_connections");
        else
                conn_open(s, fd, s->n_conns >= s->limits.max_connections);
}

/* False: none waits, or none can be taken now. */
static bool accept_one(struct listener *l)
{
        int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0) {
                take_connection(l->server, fd);
                return true;
        }
        if (errno == EMFILE || errno == ENFILE) {
                if (refuse_for_want_of_descriptors(l->server, l->fd))
                        return true;
                pause_listener(l);
                return false;
        }
        return errno == EINTR || errno == ECONNABORTED;
}

static void accept_some(struct listener *l, int most)
{
        while (most > 0 && accept_one(l))
                most--;
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
        accept_some(poll->data, ACCEPTS);
}

static void set_date(struct http_server *s)
{
        time_t now = (time_t)(time_wall_ms() / 1000);
        struct tm tm;

        gmtime_r(&now, &tm);
        strftime(s->date, sizeof s->date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
}

int64_t server_now_ms(const struct http_server *s)
{
        return s->app.now_ms != NULL ? s->app.now_ms(s->app.data) : (int64_t)uv_now(s->loop);
}

void server_tick(struct http_server *s)
{
        struct deadline *due;

        while ((due = deadlines_next_due(&s->deadlines, server_now_ms(s))) != NULL)
                conn_on_deadline(
                        (struct http_conn *)((char *)due - offsetof(struct http_conn, deadline)));
}

static void on_tick(uv_timer_t *timer)
{
        struct http_server *s = timer->data;

        set_date(s);
        server_tick(s);
        resume_listeners(s);
}

static void on_busy(uv_idle_t *busy)
{
}

static void on_turn(uv_prepare_t *turn)
{
        struct http_server *s = turn->data;

        s->body_bytes_left = BODY_BYTES;
        s->reads_left = READS;
        if (http_budget_work(&s->budget))
                uv_idle_start(&s->busy, on_busy);
        else
                uv_idle_stop(&s->busy);
}

struct http_server *http_server_new(uv_loop_t *loop, const struct http_limits *limits,
                                    const struct http_app *app, struct metrics *metrics)
{
        struct http_server *s = calloc(1, sizeof *s);

        if (s == NULL)
                abort();
        s->loop = loop;
        s->app = *app;
        s->metrics = metrics;
        s->connections_gauge = metrics_cell(metrics, METRIC_HTTP_CONNECTIONS, NO_LABELS);
        deadlines_init(&s->deadlines, server_now_ms(s));
        http_server_set_limits(s, limits);
        random_bytes(&s->id_salt, sizeof s->id_salt);
        s->spare_fd = open_spare();
        set_date(s);
        uv_timer_init(loop, &s->tick);
        s->tick.data = s;
        uv_timer_start(&s->tick, on_tick, DEADLINES_TICK_MS, DEADLINES_TICK_MS);
        uv_prepare_init(loop, &s->turn);
        s->turn.data = s;
        uv_prepare_start(&s->turn, on_turn);
        uv_idle_init(loop, &s->busy);
        s->busy.data = s;
        s->open_handles = 3; /* tick, turn and busy */
        return s;
}

/* LISTENING */

struct address {
        struct sockaddr_storage storage;
        socklen_t len;
};

static bool parse_port(const char *text, uint16_t *ret)
{
        unsigned long long port;

        if (!str_to_u64(str_from(text), 65535, &port))
                return false;
        *ret = (uint16_t)port;
        return true;
}

static bool parse_address(const char *text, struct address *ret)
{
        const char *colon = strrchr(text, ':');
        struct sockaddr_in *v4 = (struct sockaddr_in *)&ret->storage;
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&ret->storage;
        char host[64];
        uint16_t port;

        memset(ret, 0, sizeof *ret);
        if (colon == NULL || (size_t)(colon - text) >= sizeof host || !parse_port(colon + 1, &port))
                return false;
        snprintf(host, sizeof host, "%.*s", (int)(colon - text), text);
        if (host[0] == '[' && host[strlen(host) - 1] == ']') {
                host[strlen(host) - 1] = '\0';
                v6->sin6_family = AF_INET6;
                v6->sin6_port = htons(port);
                ret->len = sizeof *v6;
                return inet_pton(AF_INET6, host + 1, &v6->sin6_addr) == 1;
        }
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        ret->len = sizeof *v4;
        return inet_pton(AF_INET, host, &v4->sin_addr) == 1;
}

static void print_address(const struct address *a, char *text, size_t n)
{
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)&a->storage;
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&a->storage;
        char host[64];

        if (a->storage.ss_family == AF_INET6) {
                inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
                snprintf(text, n, "[%s]:%u", host, ntohs(v6->sin6_port));
        } else {
                inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
                snprintf(text, n, "%s:%u", host, ntohs(v4->sin_port));
        }
}

static int open_socket(struct address *a, const char *text, struct error *err)
{
        int fd = socket(a->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        int one = 1;

        if (fd < 0)
                return error_set(err, ERR_SYSTEM, "cannot make a socket for %s: %s", text,
                                 strerror(errno));
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        if (bind(fd, (struct sockaddr *)&a->storage, a->len) != 0 || listen(fd, BACKLOG) != 0 ||
            getsockname(fd, (struct sockaddr *)&a->storage, &a->len) != 0) {
                error_set(err, ERR_SYSTEM, "cannot listen on %s: %s", text, strerror(errno));
                close(fd);
                return (int)err->code;
        }
        return fd;
}

int http_server_listen(struct http_server *s, const char *address, const char **ret_address,
                       struct error *err)
{
        struct address a;
        struct listener *l;
        int fd;

        if (!parse_address(address, &a))
                return error_set(err, ERR_BAD_CONFIG, "'%s' is not an address like 127.0.0.1:8900",
                                 address);
        fd = open_socket(&a, address, err);
        if (fd < 0)
                return fd;
        l = calloc(1, sizeof *l);
        if (l == NULL)
                abort();
        l->server = s;
        l->fd = fd;
        l->open = true;
        print_address(&a, l->address, sizeof l->address);
        uv_poll_init(s->loop, &l->poll, fd);
        l->poll.data = l;
        watch(l);
        l->next = s->listeners;
        s->listeners = l;
        s->open_handles++;
        *ret_address = l->address;
        return 0;
}

/* COUNTS */

void server_count_rejected(struct http_server *s, int fd, int status, const char *cause)
{
        metrics_add(s->metrics, METRIC_HTTP_REJECTED_TOTAL, LABELS_1(cause), 1);
        log_emit(LOG_HTTP_REFUSED,
                 LOG_FIELDS(log_i("conn", fd), log_i("status", status), log_c("cause", cause)),
                 status != 0 ? "answered by the server itself" : "closed without an answer");
}

bool http_server_is_idle(const struct http_server *s)
{
        return s->n_requests == 0 && s->n_writing == 0;
}

unsigned http_server_in_flight(const struct http_server *s)
{
        return s->n_requests;
}

unsigned http_server_connections(const struct http_server *s)
{
        return s->n_conns;
}

/* ENDING */

static void tell_closed_if_so(struct http_server *s)
{
        if (s->closing && s->open_handles == 0 && s->n_conns == 0 && s->closed != NULL)
                s->closed(s->closed_data);
}

void server_conn_opened(struct http_server *s, struct http_conn *c)
{
        c->next = s->conns;
        if (c->next != NULL)
                c->next->prev = c;
        s->conns = c;
        s->n_conns++;
        s->connections_gauge->value = s->n_conns;
}

void server_conn_closed(struct http_server *s, struct http_conn *c)
{
        if (c->prev != NULL)
                c->prev->next = c->next;
        else
                s->conns = c->next;
        if (c->next != NULL)
                c->next->prev = c->prev;
        s->n_conns--;
        s->connections_gauge->value = s->n_conns;
        tell_closed_if_so(s);
}

static void on_listener_closed(uv_handle_t *handle)
{
        struct listener *l = handle->data;

        close(l->fd);
        l->server->open_handles--;
        tell_closed_if_so(l->server);
}

static void close_listeners(struct http_server *s)
{
        for (struct listener *l = s->listeners; l != NULL; l = l->next) {
                if (!l->open)
                        continue;
                l->open = false;
                uv_close((uv_handle_t *)&l->poll, on_listener_closed);
        }
}

void http_server_drain(struct http_server *s)
{
        struct http_conn *next;

        for (struct listener *l = s->listeners; l != NULL; l = l->next)
                if (l->open)
                        accept_some(l, BACKLOG);
        close_listeners(s);
        for (struct http_conn *c = s->conns; c != NULL; c = next) {
                next = c->next;
                conn_drain(c);
        }
}

static void on_own_handle_closed(uv_handle_t *handle)
{
        struct http_server *s = handle->data;

        s->open_handles--;
        tell_closed_if_so(s);
}

void http_server_close(struct http_server *s, void (*closed)(void *data), void *data)
{
        struct http_conn *next;

        s->closed = closed;
        s->closed_data = data;
        s->closing = true;
        close_listeners(s);
        for (struct http_conn *c = s->conns; c != NULL; c = next) {
                next = c->next;
                conn_close(c);
        }
        uv_close((uv_handle_t *)&s->tick, on_own_handle_closed);
        uv_close((uv_handle_t *)&s->turn, on_own_handle_closed);
        uv_close((uv_handle_t *)&s->busy, on_own_handle_closed);
}

void http_server_free(struct http_server *s)
{
        if (s == NULL)
                return;
        assert(s->n_requests == 0 && s->n_conns == 0);
        while (s->listeners != NULL) {
                struct listener *next = s->listeners->next;

                free(s->listeners);
                s->listeners = next;
        }
        while (http_budget_work(&s->budget))
                ;
        if (s->spare_fd >= 0)
                close(s->spare_fd);
        free(s);
}
