/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients that a server must outlive, all of them in this one process:
 *
 *   bench_abuse [--slow N] [--silent N] [--posts N] [--entries N] [--bytes N] HOST PORT PAGE
 *
 *   slow    a third of them send a byte of a request's head a second, a third a byte of its body,
 *           a third ask for PAGE and take 1 KiB of it a second
 *   silent  ask for PAGE again and again, and read nothing
 *   posts   retries of unknown entries, so many in so many bytes, as fast as the socket takes them
 *
 * The happy path is: all connect, and a line of JSON says so; each does what it does until SIGTERM;
 * then a line says what was answered to the posts, and how many of the others were put out.
 *
 * Possible failures: the server ends a connection, which is what it should do: another one takes
 * its place at once. One that cannot be made ends the program.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crr/base/buf.h"
#include "meter.h"

#define EVENTS       256
#define SLOW_PIECE   1024 /* of a page that is taken slowly, a second */
#define SMALL_WINDOW 4096 /* what the kernel takes for one that does not read */
#define PIPELINED    1000 /* requests of one that reads nothing */
#define LATEST_MS    5
#define ENDLESS_BODY 10000
#define PIECE        16384 /* sent at once: a processor is not taken from others for longer */
#define ANSWER_BYTES 4096
#define STATUS_AT    9 /* "HTTP/1.1 " */
#define STATUSES     600

enum kind { KIND_HEAD, KIND_BODY, KIND_READER, KIND_SILENT, KIND_POST, KINDS };

struct client {
        enum kind kind;
        int fd;
        size_t sent; /* bytes of what its kind sends */
};

struct options {
        size_t slow, silent, posts, entries, bytes;
        struct sockaddr_in address;
        const char *page;
};

struct crowd {
        int epoll;
        struct client *clients; /* the slow ones first */
        size_t n, slow;
        struct buf sends[KINDS];
        uint64_t gone[KINDS], statuses[STATUSES], posted;
        double next_s; /* when the next of the slow ones does its bit */
        size_t turn;   /* which */
};

static volatile sig_atomic_t is_over;

static void on_signal(int number)
{
        (void)number;
        is_over = 1;
}

/* WHAT THEY SEND */

static void make_posts(struct buf *out, size_t entries, size_t bytes)
{
        static const char form[] =
                "%c{\"Bucket\":\"nobody\",\"Key\":\"%0*zu\",\"VersionId\":\"v\",\"StorageClass\":\"nowhere\"}";
        int width = (int)(bytes / entries) - (int)sizeof form + 8;
        struct buf body;

        buf_init(&body, SIZE_MAX);
        for (size_t i = 0; i < entries; i++)
                buf_printf(&body, form, i == 0 ? '[' : ',', width, i);
        buf_append_char(&body, ']');
        buf_printf(out, "POST /_/crr/failed HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n",
                   body.len);
        buf_append_str(out, buf_str(&body));
        buf_deinit(&body);
}

static void make_sends(struct crowd *c, const struct options *o)
{
        for (int kind = 0; kind < KINDS; kind++)
                buf_init(&c->sends[kind], SIZE_MAX);
        buf_append_c(&c->sends[KIND_HEAD], "GET /live HTTP/1.1\r\nHost: h\r\nX: ");
        buf_printf(&c->sends[KIND_BODY],
                   "POST /_/crr/failed HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n",
                   ENDLESS_BODY);
        buf_printf(&c->sends[KIND_READER], "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", o->page);
        for (int i = 0; i < PIPELINED; i++)
                buf_append_str(&c->sends[KIND_SILENT], buf_str(&c->sends[KIND_READER]));
        make_posts(&c->sends[KIND_POST], o->entries, o->bytes);
}

/* CONNECTIONS */

static bool reads_little(enum kind kind)
{
        return kind == KIND_READER || kind == KIND_SILENT;
}

static uint32_t events_of(enum kind kind)
{
        if (kind == KIND_POST)
                return EPOLLIN | EPOLLOUT | EPOLLET;
        return reads_little(kind) ? 0 : EPOLLIN; /* a reset is told to all */
}

static void send_some(struct crowd *c, struct client *client)
{
        const struct buf *all = &c->sends[client->kind];

        while (client->sent < all->len) {
                size_t left = all->len - client->sent;
                ssize_t n = send(client->fd, all->base + client->sent, left < PIECE ? left : PIECE,
                                 MSG_NOSIGNAL | MSG_DONTWAIT);

                if (n < 0)
                        return; /* what became of the connection is seen by an event */
                client->sent += (size_t)n;
        }
}

static void open_one(struct crowd *c, struct client *client, const struct sockaddr_in *address)
{
        struct epoll_event event = { .events = events_of(client->kind), .data.ptr = client };
        int window = SMALL_WINDOW;

        client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (reads_little(client->kind))
                setsockopt(client->fd, SOL_SOCKET, SO_RCVBUF, &window, sizeof window);
        if (client->fd < 0 ||
            connect(client->fd, (const struct sockaddr *)address, sizeof *address) != 0 ||
            epoll_ctl(c->epoll, EPOLL_CTL_ADD, client->fd, &event) != 0)
                bench_fail("cannot connect: %s", strerror(errno));
        client->sent = 0;
        send_some(c, client);
}

static void open_anew(struct crowd *c, struct client *client, const struct options *o)
{
        close(client->fd);
        c->gone[client->kind]++;
        open_one(c, client, &o->address);
}

static void gather(struct crowd *c, const struct options *o)
{
        c->slow = o->slow;
        c->n = o->slow + o->silent + o->posts;
        c->epoll = epoll_create1(EPOLL_CLOEXEC);
        c->clients = calloc(c->n + 1, sizeof *c->clients);
        if (c->clients == NULL || c->epoll < 0)
                abort();
        for (size_t i = 0; i < c->n; i++) {
                if (i < o->slow)
                        c->clients[i].kind = (enum kind)(i % (KIND_READER + 1));
                else
                        c->clients[i].kind = i < o->slow + o->silent ? KIND_SILENT : KIND_POST;
                open_one(c, &c->clients[i], &o->address);
        }
        c->next_s = meter_now_s();
}

/* WHAT THEY DO */

/* What does not succeed is told by an event. */
static void do_a_bit(struct client *client)
{
        char piece[SLOW_PIECE];
        ssize_t n;

        if (client->kind == KIND_READER)
                n = recv(client->fd, piece, sizeof piece, MSG_DONTWAIT);
        else
                n = send(client->fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        (void)n;
}

/* Each of the slow ones once a second, one after the other. */
static void go_slowly(struct crowd *c)
{
        while (c->slow > 0 && meter_now_s() >= c->next_s) {
                do_a_bit(&c->clients[c->turn]);
                c->turn = (c->turn + 1) % c->slow;
                c->next_s += 1.0 / (double)c->slow;
        }
}

/* False: the server has ended it, or says that it will. */
static bool take_answer(struct crowd *c, struct client *client)
{
        char answer[ANSWER_BYTES + 1];
        ssize_t n = recv(client->fd, answer, ANSWER_BYTES, MSG_DONTWAIT);
        long status;

        if (n < 0 && errno == EAGAIN)
                return true;
        if (n <= STATUS_AT || client->kind != KIND_POST)
                return false;
        answer[n] = '\0';
        status = strtol(answer + STATUS_AT, NULL, 10);
        if (status < 100 || status >= STATUSES)
                bench_fail("not an answer: %.80s", answer);
        c->statuses[status]++;
        if (strstr(answer, "Connection: close") != NULL)
                return false;
        client->sent = 0;
        return true;
}

static void on_event(struct crowd *c, struct client *client, uint32_t events,
                     const struct options *o)
{
        bool goes_on = (events & (EPOLLERR | EPOLLHUP)) == 0;

        if (goes_on && (events & EPOLLIN) != 0)
                goes_on = take_answer(c, client);
        if (goes_on && client->kind == KIND_POST)
                send_some(c, client);
        if (!goes_on)
                open_anew(c, client, o);
}

static void misbehave(struct crowd *c, const struct options *o)
{
        struct epoll_event events[EVENTS];
        int n;

        while (!is_over) {
                n = epoll_wait(c->epoll, events, EVENTS, LATEST_MS);
                for (int i = 0; i < n; i++)
                        on_event(c, events[i].data.ptr, events[i].events, o);
                go_slowly(c);
        }
}

/* THE PROGRAM */

static size_t number(const char *text)
{
        unsigned long long value;

        if (!str_to_u64(str_from(text), UINT32_MAX, &value))
                bench_fail("'%s' is not a number", text);
        return (size_t)value;
}

static void parse(struct options *o, int argc, char **argv)
{
        static const struct option known[] = { { "slow", required_argument, NULL, 's' },
                                               { "silent", required_argument, NULL, 'q' },
                                               { "posts", required_argument, NULL, 'p' },
                                               { "entries", required_argument, NULL, 'e' },
                                               { "bytes", required_argument, NULL, 'b' },
                                               { NULL, 0, NULL, 0 } };
        int option;

        *o = (struct options){ .entries = 10000, .bytes = (size_t)4 << 20 };
        while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
                size_t *value = option == 's'   ? &o->slow
                                : option == 'q' ? &o->silent
                                : option == 'p' ? &o->posts
                                : option == 'e' ? &o->entries
                                : option == 'b' ? &o->bytes
                                                : NULL;

                if (value == NULL)
                        exit(2);
                *value = number(optarg);
        }
        if (argc - optind != 3)
                bench_fail("usage: bench_abuse [options] HOST PORT PAGE");
        o->address = (struct sockaddr_in){ .sin_family = AF_INET,
                                           .sin_port = htons((uint16_t)number(argv[optind + 1])) };
        if (inet_pton(AF_INET, argv[optind], &o->address.sin_addr) != 1)
                bench_fail("'%s' is not an IPv4 address", argv[optind]);
        o->page = argv[optind + 2];
}

static void print(const struct crowd *c)
{
        printf("{\"slow_gone\":%" PRIu64 ",\"silent_gone\":%" PRIu64 ",\"posts_gone\":%" PRIu64,
               c->gone[KIND_HEAD] + c->gone[KIND_BODY] + c->gone[KIND_READER], c->gone[KIND_SILENT],
               c->gone[KIND_POST]);
        printf(",\"posts\":{");
        for (int status = 0, n = 0; status < STATUSES; status++)
                if (c->statuses[status] > 0)
                        printf("%s\"%d\":%" PRIu64, n++ > 0 ? "," : "", status,
                               c->statuses[status]);
        printf("}}\n");
}

int main(int argc, char **argv)
{
        static struct crowd crowd;
        struct options options;

        parse(&options, argc, argv);
        signal(SIGTERM, on_signal);
        if (sched_setscheduler(0, SCHED_IDLE, &(struct sched_param){ 0 }) != 0)
                bench_fail("cannot be idle: %s", strerror(errno));
        make_sends(&crowd, &options);
        gather(&crowd, &options);
        printf("{\"connected\":%zu}\n", crowd.n);
        fflush(stdout);
        misbehave(&crowd, &options);
        print(&crowd);
        for (size_t i = 0; i < crowd.n; i++)
                close(crowd.clients[i].fd);
        close(crowd.epoll);
        free(crowd.clients);
        for (int kind = 0; kind < KINDS; kind++)
                buf_deinit(&crowd.sends[kind]);
        return 0;
}
