/* SPDX-License-Identifier: Apache-2.0 */
/* Clients that leave and servers that end, in every state that a connection can be in. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_fixture.h"

#define HOST        "Host: h\r\n"
#define GET         "GET / HTTP/1.1\r\n" HOST "\r\n"
#define LATER       "GET /later HTTP/1.1\r\n" HOST "\r\n"
#define BIG         "GET /big HTTP/1.1\r\n" HOST
#define POST        "POST / HTTP/1.1\r\n" HOST

#define STASH_BYTES 65536

/* What the client of a state has sent so far, and what the server has done. */

static struct client *sent(struct client *c, const char *text)
{
        client_send_c(c, text);
        fixture_settle();
        return c;
}

static struct client *new_one(void)
{
        return sent(client_new(), "");
}

static struct client *after_an_answer(void)
{
        struct client *c = client_new();

        CHECK_INT(client_ask(c, GET), 200);
        return c;
}

static struct client *empty_line(void)
{
        return sent(client_new(), "\r\n");
}

static struct client *in_the_head(void)
{
        return sent(client_new(), "GET / HTTP/1.1\r\nHo");
}

static struct client *in_the_body(void)
{
        return sent(client_new(), POST "Content-Length: 1000\r\n\r\nabc");
}

static struct client *between_chunks(void)
{
        return sent(client_new(), POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
}

static struct client *handled(void)
{
        struct client *c = client_new();

        client_send_c(c, LATER);
        WAIT(fixture.n_held == 1);
        return c;
}

static struct client *handled_with_one_behind(void)
{
        return sent(handled(), GET);
}

static struct client *handled_with_a_full_stash(void)
{
        struct client *c = handled();

        for (int i = 0; i < 4000; i++)
                client_send_c(c, GET);
        client_flush(c);
        WAIT(fixture_conn()->stash.len == STASH_BYTES);
        return c;
}

static struct client *handled_after_a_fin(void)
{
        struct client *c = handled();

        client_finish(c);
        WAIT(fixture_conn()->eof);
        return c;
}

static struct client *handled_with_a_fin_behind_a_full_stash(void)
{
        struct client *c = handled_with_a_full_stash();

        client_finish(c);
        WAIT(fixture_conn()->fin_seen);
        return c;
}

static struct client *written_to(const char *rest)
{
        struct client *c = client_new_reading_nothing();

        client_send_c(c, BIG);
        client_send_c(c, rest);
        WAIT(fixture.server->n_writing == 1);
        return c;
}

static struct client *written(void)
{
        return written_to("\r\n");
}

static struct client *written_for_the_last_time(void)
{
        return written_to("Connection: close\r\n\r\n" GET);
}

static struct client *written_with_one_behind(void)
{
        return written_to("\r\n" GET);
}

static struct client *written_after_a_fin(void)
{
        struct client *c = written();

        client_finish(c);
        WAIT(fixture_conn()->eof);
        return c;
}

/* Its answers have filled the socket: nothing is written, and the next request waits for room. */
static struct client *without_room_for_an_answer(void)
{
        struct client *c = client_new_reading_nothing();
        int little = 4096;

        fixture_settle();
        setsockopt(fixture_conn()->fd, SOL_SOCKET, SO_SNDBUF, &little, sizeof little);
        for (int i = 0; i < 200; i++)
                client_send_c(c, GET);
        WAIT(fixture_conn()->state == CONN_IDLE && fixture_conn()->stash_at > 0);
        fixture_settle();
        CHECK(fixture_conn()->stash.len > fixture_conn()->stash_at);
        return c;
}

static struct client *lingering(void)
{
        struct client *c = sent(client_new(), "garbage\r\n\r\n");

        CHECK(fixture_conn()->state == CONN_LINGERING);
        return c;
}

struct place {
        const char *name;
        struct client *(*go)(void);
        enum conn_state state;
};

#define PLACE(name, state)         \
        {                          \
#name, name, state \
        }

static const struct place places[] = {
        PLACE(new_one, CONN_IDLE),
        PLACE(after_an_answer, CONN_IDLE),
        PLACE(empty_line, CONN_IDLE),
        PLACE(in_the_head, CONN_READING),
        PLACE(in_the_body, CONN_READING),
        PLACE(between_chunks, CONN_READING),
        PLACE(handled, CONN_HANDLING),
        PLACE(handled_with_one_behind, CONN_HANDLING),
        PLACE(handled_with_a_full_stash, CONN_HANDLING),
        PLACE(handled_after_a_fin, CONN_HANDLING),
        PLACE(handled_with_a_fin_behind_a_full_stash, CONN_HANDLING),
        PLACE(written, CONN_WRITING),
        PLACE(written_for_the_last_time, CONN_WRITING),
        PLACE(written_with_one_behind, CONN_WRITING),
        PLACE(written_after_a_fin, CONN_WRITING),
        PLACE(without_room_for_an_answer, CONN_IDLE),
        PLACE(lingering, CONN_LINGERING),
};
#define PLACES (sizeof places / sizeof *places)

static struct client *go_to(const struct place *p)
{
        struct client *c;

        printf("  %s\n", p->name);
        fixture_start((struct http_limits){ 0 });
        c = p->go();
        CHECK_INT(http_server_connections(fixture.server), 1);
        CHECK_INT(fixture_conn()->state, p->state);
        return c;
}

static void the_kept_request_is_canceled(void)
{
        CHECK(http_request_is_canceled(fixture.held[0]));
        fixture_answer(0);
        CHECK_INT(fixture.last_status, STATUS_CLIENT_GONE);
}

static void a_reset_frees_the_connection_and_cancels_its_request(void)
{
        for (size_t i = 0; i < PLACES; i++) {
                struct client *c = go_to(&places[i]);

                client_reset(c);
                WAIT(http_server_connections(fixture.server) == 0);
                CHECK_INT(fixture.server->budget.used, 0);
                CHECK_INT(http_server_in_flight(fixture.server), fixture.n_held);
                if (fixture.n_held > 0)
                        the_kept_request_is_canceled();
                client_free(c);
                fixture_stop();
        }
}

/* A close looks like a FIN until something is sent to it. */
static void a_close_frees_the_connection_at_the_latest_after_the_answer(void)
{
        for (size_t i = 0; i < PLACES; i++) {
                struct client *c = go_to(&places[i]);

                client_free(c);
                if (fixture.n_held > 0)
                        fixture_answer(0);
                WAIT(http_server_connections(fixture.server) == 0);
                CHECK_INT(fixture.server->budget.used, 0);
                fixture_stop();
        }
}

static void a_client_without_room_for_its_next_answer_is_reset_at_the_write_deadline(void)
{
        struct client *c;
        unsigned give_up_ms = 0;
        socklen_t n = sizeof give_up_ms;

        fixture_start((struct http_limits){ 0 });
        c = without_room_for_an_answer();
        CHECK_INT(getsockopt(fixture_conn()->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &give_up_ms, &n),
                  0);
        CHECK_INT(give_up_ms, 40000); /* what the kernel has, it does not keep for ever either */
        while (http_server_connections(fixture.server) == 1) {
                size_t used = fixture_conn()->stash_at; /* the kernels find room for a few more */

                fixture_advance(19000);
                fixture_settle();
                CHECK_INT(http_server_connections(fixture.server), 1);
                if (fixture_conn()->stash_at != used)
                        continue;
                fixture_advance(1000 + 2 * DEADLINES_TICK_MS);
                WAIT(http_server_connections(fixture.server) == 0);
        }
        CHECK_INT(fixture_rejected("slow_reader"), 1);
        client_send_c(c, "x");
        c->reads = true;
        WAIT(c->reset);
        client_free(c);
        fixture_stop();
}

static void the_server_can_be_closed(void)
{
        for (size_t i = 0; i < PLACES; i++) {
                struct client *c = go_to(&places[i]);

                fixture_close();
                client_free(c);
                fixture_stop();
        }
}

static void nobody_can_connect(void)
{
        struct sockaddr_in to = { .sin_family = AF_INET,
                                  .sin_port = htons(fixture.port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        CHECK(connect(fd, (struct sockaddr *)&to, sizeof to) != 0 && errno == ECONNREFUSED);
        close(fd);
}

/* Bytes that complete what the client has begun. */
static const char *rest_of(const struct place *p)
{
        static char body[998];

        if (p->go == in_the_head)
                return "st: h\r\n\r\n";
        if (p->go == between_chunks)
                return "0\r\n\r\n";
        memset(body, 'a', sizeof body - 1);
        return body;
}

/* After the end: the last answer that came; none of them is cut. */
static struct reply last_reply(struct client *c)
{
        struct reply r = { 0 };

        while (client_reply(c, false, &r))
                ;
        CHECK_INT(c->replies_end, c->in.len);
        return r;
}

static void drain_at(const struct place *p)
{
        bool waits = p->go == without_room_for_an_answer;
        struct client *c = go_to(p);
        struct reply r;

        http_server_drain(fixture.server);
        if (p->state == CONN_READING)
                client_send_c(c, rest_of(p));
        CHECK(http_server_is_idle(fixture.server) ==
              (fixture.n_held == 0 && p->state != CONN_WRITING));
        if (fixture.n_held > 0)
                fixture_answer(0);
        c->reads = true;
        client_send_c(c, "");
        WAIT(client_is_ended(c));
        CHECK(c->eof || waits);
        r = last_reply(c);
        CHECK((r.status != 0) == (p->state != CONN_IDLE || waits));
        if (p->state == CONN_READING || p->state == CONN_HANDLING)
                CHECK(r.status == 200 && r.close);
        client_free(c);
        WAIT(http_server_connections(fixture.server) == 0);
        CHECK(http_server_is_idle(fixture.server));
        nobody_can_connect();
        fixture_stop();
}

static void a_drained_server_answers_what_was_asked_and_closes(void)
{
        for (size_t i = 0; i < PLACES; i++)
                drain_at(&places[i]);
}

static void what_came_before_the_drain_was_seen_is_answered(void)
{
        struct client *known, *unknown;
        struct reply r;

        fixture_start((struct http_limits){ 0 });
        known = new_one();
        CHECK_INT(send(known->fd, GET, strlen(GET), 0), strlen(GET));
        unknown = client_new();
        CHECK_INT(send(unknown->fd, GET, strlen(GET), 0), strlen(GET));
        CHECK_INT(http_server_connections(fixture.server), 1);
        http_server_drain(fixture.server);
        CHECK_INT(http_server_connections(fixture.server), 2);
        CHECK(client_reply(known, false, &r));
        CHECK(r.status == 200 && r.close);
        CHECK(client_reply(unknown, false, &r));
        CHECK(r.status == 200 && r.close);
        client_free(known);
        client_free(unknown);
        fixture_stop();
}

int main(void)
{
        RUN(a_reset_frees_the_connection_and_cancels_its_request);
        RUN(a_close_frees_the_connection_at_the_latest_after_the_answer);
        RUN(a_client_without_room_for_its_next_answer_is_reset_at_the_write_deadline);
        RUN(the_server_can_be_closed);
        RUN(a_drained_server_answers_what_was_asked_and_closes);
        RUN(what_came_before_the_drain_was_seen_is_answered);
        return 0;
}
