/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: every connection writes a request, reads its answer, and writes the next one
 * until as many were sent as were asked for.
 *
 * Possible failures: whatever is not an answer with a Content-Length on a connection that stays
 * open ends the program; so a result is of requests that were all answered.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "loadgen.h"

#define HEAD_BYTES 8192
#define READ_BYTES 262144
#define EVENTS     256
#define SILENCE_MS 60000
#define STATUS_AT  9 /* "HTTP/1.1 " */
#define HEAD_LEAST 16

struct connection {
        int fd;
        bool wants_write;
        struct str request; /* what of it is not written */
        double began_s;
        char head[HEAD_BYTES]; /* of the answer, while it is not whole */
        size_t head_len;
        size_t body_left;
        bool in_body;
};

struct load {
        int epoll;
        struct connection *connections;
        size_t n;
        const struct load_requests *requests;
        size_t next, unsent, unanswered; /* `next`: index in the list of requests */
        struct load_result *result;
        bool is_paced; /* an answer is not followed by the next request at once */
};

static int connect_to(const struct sockaddr_in *address)
{
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

        if (fd < 0 || connect(fd, (const struct sockaddr *)address, sizeof *address) != 0)
                bench_fail("cannot connect: %s", strerror(errno));
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        return fd;
}

static void watch(struct load *l, struct connection *c, int operation, bool wants_write)
{
        struct epoll_event event = { .events = EPOLLIN | (wants_write ? EPOLLOUT : 0u),
                                     .data.ptr = c };

        c->wants_write = wants_write;
        if (epoll_ctl(l->epoll, operation, c->fd, &event) != 0)
                bench_fail("epoll_ctl: %s", strerror(errno));
}

struct load *load_new(const char *host, int port, size_t connections)
{
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
        struct load *l = calloc(1, sizeof *l);

        if (l == NULL || inet_pton(AF_INET, host, &address.sin_addr) != 1)
                bench_fail("'%s' is not an IPv4 address", host);
        l->epoll = epoll_create1(EPOLL_CLOEXEC);
        l->n = connections;
        l->connections = calloc(connections, sizeof *l->connections);
        if (l->connections == NULL)
                abort();
        for (size_t i = 0; i < connections; i++) {
                l->connections[i].fd = connect_to(&address);
                watch(l, &l->connections[i], EPOLL_CTL_ADD, false);
        }
        return l;
}

void load_free(struct load *l)
{
        for (size_t i = 0; i < l->n; i++)
                close(l->connections[i].fd);
        close(l->epoll);
        free(l->connections);
        free(l);
}

/* WRITING */

static void write_on(struct load *l, struct connection *c)
{
        while (c->request.len > 0) {
                ssize_t n =
                        send(c->fd, c->request.base, c->request.len, MSG_NOSIGNAL | MSG_DONTWAIT);

                if (n < 0 && errno == EAGAIN)
                        break;
                if (n < 0)
                        bench_fail("send: %s", strerror(errno));
                c->request.base += n;
                c->request.len -= (size_t)n;
        }
        if (c->wants_write != (c->request.len > 0))
                watch(l, c, EPOLL_CTL_MOD, c->request.len > 0);
}

static void send_next(struct load *l, struct connection *c)
{
        const struct load_requests *r = l->requests;
        size_t begin = l->next == 0 ? 0 : r->ends[l->next - 1];

        if (l->unsent == 0)
                return;
        l->unsent--;
        c->request = (struct str){ r->bytes.base + begin, r->ends[l->next] - begin };
        c->began_s = meter_now_s();
        c->head_len = 0;
        c->in_body = false;
        l->next = l->next + 1 == r->n ? 0 : l->next + 1;
        write_on(l, c);
}

/* READING */

static void take_head(struct load *l, struct connection *c)
{
        static const char name[] = "\r\nContent-Length: ";
        const char *length;
        int status;

        c->head[c->head_len] = '\0';
        length = strstr(c->head, name);
        status = c->head_len > HEAD_LEAST ? (int)strtol(c->head + STATUS_AT, NULL, 10) : 0;
        if (length == NULL || status < 100 || status > 599)
                bench_fail("not an answer: %.80s", c->head);
        l->result->statuses[status]++;
        c->body_left = strtoul(length + sizeof name - 1, NULL, 10);
        l->result->bytes += c->body_left;
        c->in_body = true;
}

/* Bytes of the piece that belong to the head. */
static size_t read_head(struct load *l, struct connection *c, const char *bytes, size_t n)
{
        size_t room = sizeof c->head - 1 - c->head_len, before = c->head_len;
        const char *end;

        if (n > room)
                n = room;
        memcpy(c->head + c->head_len, bytes, n);
        c->head_len += n;
        end = memmem(c->head, c->head_len, "\r\n\r\n", 4);
        if (end == NULL && n == room)
                bench_fail("the head of an answer is too long");
        if (end == NULL)
                return n;
        c->head_len = (size_t)(end - c->head) + 4;
        take_head(l, c);
        return c->head_len - before;
}

static void on_answered(struct load *l, struct connection *c)
{
        meter_record(&l->result->latencies, (uint64_t)((meter_now_s() - c->began_s) * 1e6));
        l->unanswered--;
        if (!l->is_paced)
                send_next(l, c);
}

static void take_bytes(struct load *l, struct connection *c, const char *bytes, size_t n)
{
        size_t used = c->in_body ? 0 : read_head(l, c, bytes, n);

        if (!c->in_body)
                return;
        if (n - used > c->body_left || c->request.len > 0)
                bench_fail("more was answered than asked for");
        c->body_left -= n - used;
        if (c->body_left == 0)
                on_answered(l, c);
}

static void read_on(struct load *l, struct connection *c)
{
        static char bytes[READ_BYTES];
        ssize_t n = recv(c->fd, bytes, sizeof bytes, MSG_DONTWAIT);

        if (n < 0 && errno == EAGAIN)
                return;
        if (n <= 0)
                bench_fail("a connection was closed");
        take_bytes(l, c, bytes, (size_t)n);
}

static void begin(struct load *l, const struct load_requests *requests, size_t first, size_t count,
                  struct load_result *ret)
{
        *ret = (struct load_result){ 0 };
        l->requests = requests;
        l->result = ret;
        l->next = first;
        l->unsent = l->unanswered = count;
}

static void await(struct load *l, size_t unanswered)
{
        while (l->unanswered > unanswered) {
                struct epoll_event events[EVENTS];
                int n = epoll_wait(l->epoll, events, EVENTS, SILENCE_MS);

                if (n == 0)
                        bench_fail("%zu requests are not answered", l->unanswered);
                for (int i = 0; i < n; i++) {
                        struct connection *c = events[i].data.ptr;

                        if ((events[i].events & EPOLLOUT) != 0)
                                write_on(l, c);
                        if ((events[i].events & ~(uint32_t)EPOLLOUT) != 0)
                                read_on(l, c);
                }
        }
}

void load_run(struct load *l, const struct load_requests *requests, size_t first, size_t count,
              struct load_result *ret)
{
        double began_s = meter_now_s();

        begin(l, requests, first, count, ret);
        for (size_t i = 0; i < l->n; i++)
                send_next(l, &l->connections[i]);
        await(l, 0);
        ret->seconds = meter_now_s() - began_s;
}

/* Until then; it is late already when an answer took longer than a request's time. */
static void sleep_until(double s)
{
        struct timespec t = { .tv_sec = (time_t)s };

        t.tv_nsec = (long)((s - (double)t.tv_sec) * 1e9);
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
                ;
}

void load_pace(struct load *l, const struct load_requests *requests, size_t first, size_t count,
               double per_s, struct load_result *ret)
{
        double began_s = meter_now_s();

        begin(l, requests, first, count, ret);
        l->is_paced = true;
        for (size_t i = 0; i < count; i++) {
                double due_s = began_s + (double)i / per_s;
                bool is_late = meter_now_s() > due_s;

                sleep_until(due_s);
                send_next(l, &l->connections[0]);
                if (is_late)
                        l->connections[0].began_s = due_s;
                await(l, count - i - 1);
        }
        l->is_paced = false;
        ret->seconds = meter_now_s() - began_s;
}
