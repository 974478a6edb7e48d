/* SPDX-License-Identifier: Apache-2.0 */
/* What one client, or all together, can make the server keep. */
#include <stdlib.h>
#include <sys/socket.h>

#include "http_fixture.h"

#define HOST         "Host: h\r\n"
#define GET          "GET / HTTP/1.1\r\n" HOST "\r\n"
#define LATER        "GET /later HTTP/1.1\r\n" HOST "\r\n"
#define BIG          "GET /big HTTP/1.1\r\n" HOST "\r\n"

#define STASH_BYTES  65536            /* so much is read ahead of a client that is being served */
#define KEPT         ((size_t)102400) /* memory for a body of the limit: whole pages */
#define TURN_BYTES   32768            /* so much is read of all bodies in a turn of the loop */
#define TURN_READS   256              /* sockets that are read in a turn */
#define UPLOADS      20
#define CROWD        400
#define REFUSALS_MAX 64 /* connections over the limit that are answered */

static void send_posts(struct client *c, int n, size_t body)
{
        char *bytes = malloc(body);
        char head[128];

        CHECK(bytes != NULL);
        memset(bytes, 'a', body);
        snprintf(head, sizeof head, "POST / HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n", body);
        for (int i = 0; i < n; i++) {
                client_send_c(c, head);
                client_send(c, bytes, body);
        }
        free(bytes);
}

/* A POST of which nothing but the last byte is missing. */
static struct client *post_but_one(size_t body)
{
        struct client *c = client_new();

        send_posts(c, 1, body);
        c->out.len--;
        client_flush(c);
        return c;
}

static void a_body_of_the_limit_is_taken_and_one_byte_more_is_not(void)
{
        struct client *c;
        struct reply r;

        fixture_start((struct http_limits){ 0 });
        c = post_but_one(FIXTURE_MAX_BODY);
        client_send_c(c, "a");
        CHECK(client_reply(c, false, &r));
        CHECK_INT(r.status, 200);
        CHECK_INT(r.body.len, strlen("POST / ") + FIXTURE_MAX_BODY);
        client_free(c);
        c = post_but_one(FIXTURE_MAX_BODY + 1);
        CHECK(client_reply(c, false, &r));
        CHECK_INT(r.status, 413);
        client_free(c);
        CHECK_INT(fixture_rejected("EntityTooLarge"), 1);
        fixture_stop();
}

static void a_new_limit_holds_from_the_next_request_of_a_connection_on(void)
{
        struct http_limits limits;
        struct client *c;

        fixture_start((struct http_limits){ 0 });
        limits = fixture.server->limits;
        limits.max_body_bytes = 10;
        c = client_new();
        client_send_c(c, "POST / HTTP/1.1\r\n" HOST "Content-Length: 11\r\n\r\nhello");
        fixture_settle();
        http_server_set_limits(fixture.server, &limits);
        CHECK_INT(client_ask(c, " hello"), 200);
        CHECK_INT(client_ask(c, "POST / HTTP/1.1\r\n" HOST "Content-Length: 11\r\n\r\n"), 413);
        client_free(c);
        fixture_stop();
}

#define APART_POST "POST /later/apart HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello"

/* Bodies of which the last byte is missing, until they have their part of the budget. */
static void fill_with_bodies(struct client *in[3])
{
        fixture_start((struct http_limits){ .max_buffered_bytes = 4 * KEPT });
        for (int i = 0; i < 3; i++)
                in[i] = post_but_one(FIXTURE_MAX_BODY);
        WAIT(fixture.server->budget.used == 3 * KEPT);
}

static void end_bodies(struct client *in[3])
{
        struct reply r;

        for (int i = 0; i < 3; i++) {
                client_send_c(in[i], "a");
                CHECK(client_reply(in[i], false, &r));
                CHECK_INT(r.status, 200);
                client_free(in[i]);
        }
        WAIT(fixture.server->budget.used == 0);
        CHECK_INT(fixture.server->budget.received, 0);
        fixture_stop();
}

static void bodies_beyond_their_part_are_503_and_those_within_are_not_hurt(void)
{
        struct client *in[3], *out;
        struct reply r;

        fill_with_bodies(in);
        out = post_but_one(1000);
        CHECK(client_reply(out, false, &r));
        CHECK_INT(r.status, 503);
        CHECK(r.close);
        CHECK(str_eq_c(reply_header(&r, "retry-after"), "1"));
        CHECK_INT(fixture_rejected("max_buffered_bytes"), 1);
        CHECK_INT(fixture.server->budget.used, 3 * KEPT);
        client_free(out);
        end_bodies(in);
}

static void whatever_is_posted_what_has_no_body_is_answered(void)
{
        struct client *in[3], *c;

        fill_with_bodies(in);
        c = client_new();
        CHECK_INT(client_ask(c, GET), 200);
        CHECK_INT(client_ask(c, "POST / HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n"), 200);
        CHECK_INT(client_ask(c, "POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\na"), 503);
        client_free(c);
        end_bodies(in);
}

static void whatever_is_posted_bodies_of_what_stands_apart_have_room(void)
{
        struct client *in[3], *apart;
        struct reply r;

        fill_with_bodies(in);
        apart = client_new();
        client_send_c(apart, APART_POST);
        WAIT(fixture.n_held == 1);
        fixture_answer(0);
        CHECK(client_reply(apart, false, &r));
        CHECK_INT(r.status, 200);
        client_free(apart);
        end_bodies(in);
}

/* Anybody can name such a path. */
static void bodies_of_what_stands_apart_leave_room_for_answers(void)
{
        static const char bytes[60000];
        struct client *in[3], *apart, *c;
        struct reply r;

        fill_with_bodies(in);
        apart = client_new();
        client_send_c(apart, "POST /later/apart HTTP/1.1\r\n" HOST "Content-Length: 65536\r\n\r\n");
        client_send(apart, bytes, sizeof bytes);
        CHECK(client_reply(apart, false, &r));
        CHECK_INT(r.status, 503);
        c = client_new();
        CHECK_INT(client_ask(c, GET), 200);
        client_free(apart);
        client_free(c);
        end_bodies(in);
}

static void answers_that_nobody_reads_count_and_requests_behind_them_are_503(void)
{
        struct client *c, *silent;
        struct reply r;

        fixture_start((struct http_limits){ .max_buffered_bytes = FIXTURE_BIG / 2 });
        c = client_new();
        silent = client_new_reading_nothing();
        client_send_c(silent, BIG);
        WAIT(fixture.server->n_writing == 1);
        CHECK(fixture.server->budget.used >= FIXTURE_BIG);
        client_send_c(c, GET);
        CHECK(client_reply(c, false, &r));
        CHECK_INT(r.status, 503);
        CHECK(!r.close);
        CHECK(str_eq_c(reply_header(&r, "retry-after"), "1"));
        CHECK_INT(fixture_rejected("max_buffered_bytes"), 1);
        client_reset(silent);
        WAIT(fixture.server->budget.used == 0);
        CHECK_INT(client_ask(c, GET), 200);
        client_free(silent);
        client_free(c);
        fixture_stop();
}

static void little_is_read_ahead_and_all_of_it_is_answered(void)
{
        struct client *c;
        struct reply r;
        int n = 100;

        fixture_start((struct http_limits){ 0 });
        c = client_new();
        client_send_c(c, LATER);
        send_posts(c, n, 50000);
        WAIT(fixture.n_held == 1 && fixture_conn()->stash.len == STASH_BYTES);
        CHECK_INT(fixture_conn()->events, UV_DISCONNECT);
        CHECK_INT(fixture.server->budget.used, STASH_BYTES);
        fixture_answer(0);
        CHECK(client_reply(c, false, &r));
        for (int i = 0; i < n; i++) {
                CHECK(client_reply(c, false, &r));
                CHECK_INT(r.status, 200);
                CHECK(fixture_conn()->stash.len <= STASH_BYTES);
        }
        WAIT(fixture.server->budget.used == 0);
        client_free(c);
        fixture_stop();
}

static void nothing_is_read_ahead_when_the_budget_is_used_up(void)
{
        struct client *c, *silent;
        struct http_conn *conn;
        struct reply r;

        fixture_start((struct http_limits){ .max_buffered_bytes = FIXTURE_BIG / 2 });
        c = client_new();
        client_send_c(c, LATER);
        WAIT(fixture.n_held == 1);
        conn = fixture_conn();
        silent = client_new_reading_nothing();
        client_send_c(silent, BIG);
        WAIT(fixture.server->n_writing == 1);
        client_send_c(c, GET GET);
        fixture_settle(); /* the first of them was read before anybody looked */
        CHECK(conn->stash.len < STASH_BYTES);
        CHECK_INT(conn->events, UV_DISCONNECT);
        client_reset(silent);
        WAIT(fixture.server->n_writing == 0);
        fixture_answer(0);
        for (int i = 0; i < 3; i++) {
                CHECK(client_reply(c, false, &r));
                CHECK_INT(r.status, 200);
        }
        client_free(silent);
        client_free(c);
        fixture_stop();
}

/* A connection that has asked for more than it reads waits, and is not asked for more. */
static void a_client_that_reads_no_answers_has_one_of_them_in_memory(void)
{
        struct client *silent;

        fixture_start((struct http_limits){ 0 });
        silent = client_new_reading_nothing();
        for (int i = 0; i < 10; i++)
                client_send_c(silent, BIG);
        WAIT(fixture.server->n_writing == 1);
        fixture_settle();
        CHECK_INT(fixture.n_routed, 2); /* one is fixture_settle()'s */
        CHECK(fixture.server->budget.used < FIXTURE_BIG + STASH_BYTES + 1);
        client_free(silent);
        fixture_stop();
}

/* Bytes of the bodies that were read so far. */
static uint64_t body_bytes(void)
{
        uint64_t n = 0;

        for (const struct http_conn *c = fixture.server->conns; c != NULL; c = c->next)
                n += c->body_since_ms > 0 ? http_parser_body_size(c->parser) : 0;
        return n;
}

static void bodies_have_a_share_of_a_turn_however_many_they_are(void)
{
        static char chunk[7 + 90000] = "15F90\r\n";
        struct client *senders[UPLOADS];
        uint64_t before;

        fixture_start((struct http_limits){ 0 });
        memset(chunk + 7, 'a', sizeof chunk - 7);
        for (int i = 0; i < UPLOADS; i++) {
                senders[i] = client_new();
                client_send_c(senders[i],
                              "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
                fixture_settle();
        }
        for (int i = 0; i < UPLOADS; i++)
                CHECK_INT(send(senders[i]->fd, chunk, sizeof chunk, 0), sizeof chunk);
        CHECK_INT(body_bytes(), 0);
        while ((before = body_bytes()) < UPLOADS * UINT64_C(90000)) {
                fixture_turn();
                CHECK(body_bytes() <= before + TURN_BYTES);
        }
        for (int i = 0; i < UPLOADS; i++)
                client_free(senders[i]);
        fixture_stop();
}

static void a_turn_reads_so_many_sockets_however_many_have_something(void)
{
        struct client *crowd[CROWD];
        unsigned first, before;

        fixture_start((struct http_limits){ .max_connections = 2 * CROWD });
        for (int i = 0; i < CROWD; i++) {
                crowd[i] = client_new();
                WAIT(fixture.server->n_conns == (unsigned)i + 1);
        }
        for (int i = 0; i < CROWD; i++)
                CHECK_INT(send(crowd[i]->fd, GET, strlen(GET), 0), strlen(GET));
        first = fixture.n_routed;
        while ((before = fixture.n_routed) < first + CROWD) {
                fixture_turn();
                CHECK(fixture.n_routed <= before + TURN_READS);
        }
        for (int i = 0; i < CROWD; i++)
                client_free(crowd[i]);
        fixture_stop();
}

static void a_small_body_does_not_wait_for_the_share_that_large_ones_use_up(void)
{
        struct client *large[UPLOADS], *small;
        struct reply r;

        fixture_start((struct http_limits){ 0 });
        small = client_new();
        client_send_c(small, "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\n");
        fixture_settle();
        for (int i = 0; i < UPLOADS; i++) {
                large[i] = client_new();
                send_posts(large[i], 1, FIXTURE_MAX_BODY);
        }
        WAIT(body_bytes() > 5); /* they use up the turns from now on */
        CHECK_INT(send(small->fd, "hello", 5, 0), 5);
        CHECK(client_reply(small, false, &r));
        CHECK_INT(r.status, 200);
        CHECK(body_bytes() > 0);
        for (int i = 0; i < UPLOADS; i++)
                CHECK_INT(client_reply(large[i], false, &r) ? r.status : -1, 200);
        for (int i = 0; i < UPLOADS; i++)
                client_free(large[i]);
        client_free(small);
        fixture_stop();
}

static void requests_over_the_limit_are_503_and_their_connection_goes_on(void)
{
        struct client *in[2], *out;
        struct reply r;

        fixture_start((struct http_limits){ .max_in_flight = 2 });
        for (unsigned i = 0; i < 2; i++) {
                in[i] = client_new();
                client_send_c(in[i], LATER);
                WAIT(fixture.n_held == i + 1);
        }
        out = client_new();
        client_send_c(out, GET);
        CHECK(client_reply(out, false, &r));
        CHECK_INT(r.status, 503);
        CHECK(!r.close);
        CHECK(str_eq_c(reply_header(&r, "retry-after"), "1"));
        client_send_c(out, "HEAD / HTTP/1.1\r\n" HOST "X-Request-Id: mine\r\n\r\n");
        CHECK(client_reply(out, true, &r));
        CHECK_INT(r.status, 503);
        CHECK(str_eq_c(reply_header(&r, "x-request-id"), "mine"));
        CHECK_INT(fixture_rejected("max_in_flight"), 2);
        fixture_answer(0);
        CHECK_INT(client_ask(out, GET), 200);
        client_send_c(out, "GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
        CHECK(client_reply(out, false, &r) && r.close);
        for (int i = 0; i < 2; i++)
                client_free(in[i]);
        client_free(out);
        fixture_stop();
}

#define APART "GET /later/apart?x HTTP/1.1\r\n" HOST "\r\n"

static void what_stands_apart_has_its_place_when_clients_have_taken_all_others(void)
{
        struct client *busy, *apart[2];

        fixture_start((struct http_limits){ .max_in_flight = 1 });
        busy = client_new();
        client_send_c(busy, LATER);
        WAIT(fixture.n_held == 1);
        apart[0] = client_new();
        client_send_c(apart[0], APART);
        WAIT(fixture.n_held == 2);
        apart[1] = client_new();
        CHECK_INT(client_ask(apart[1], APART), 503); /* their own places are as many */
        fixture_answer(0);
        CHECK_INT(client_ask(busy, "GET / HTTP/1.1\r\n" HOST "\r\n"), 200);
        client_free(busy);
        for (int i = 0; i < 2; i++)
                client_free(apart[i]);
        fixture_stop();
}

static void connections_over_the_limit_are_503_then_closed_at_once(void)
{
        struct client *in[3], *refused[REFUSALS_MAX], *out;
        struct reply r;

        fixture_start((struct http_limits){ .max_connections = 3 });
        for (int i = 0; i < 3; i++) {
                in[i] = client_new();
                CHECK_INT(client_ask(in[i], GET), 200);
        }
        for (int i = 0; i < REFUSALS_MAX; i++) {
                refused[i] = client_new();
                CHECK(client_reply(refused[i], false, &r));
                CHECK_INT(r.status, 503);
                CHECK(r.close && str_eq_c(reply_header(&r, "retry-after"), "1"));
        }
        out = client_new();
        CHECK(!client_reply(out, false, &r));
        CHECK_INT(fixture_rejected("max_connections"), REFUSALS_MAX + 1);
        CHECK_INT(metrics_get(fixture.metrics, METRIC_HTTP_CONNECTIONS, NO_LABELS),
                  3 + REFUSALS_MAX);
        client_free(out);
        for (int i = 0; i < REFUSALS_MAX; i++)
                client_free(refused[i]);
        for (int i = 0; i < 3; i++)
                CHECK_INT(client_ask(in[i], GET), 200);
        client_free(in[0]);
        WAIT(http_server_connections(fixture.server) == 2);
        CHECK_INT(metrics_get(fixture.metrics, METRIC_HTTP_CONNECTIONS, NO_LABELS), 2);
        in[0] = client_new();
        CHECK_INT(client_ask(in[0], GET), 200);
        for (int i = 0; i < 3; i++)
                client_free(in[i]);
        fixture_stop();
}

static void an_idle_connection_keeps_nothing_but_itself(void)
{
        struct client *c;

        fixture_start((struct http_limits){ 0 });
        c = client_new();
        send_posts(c, 2, 50000);
        for (int i = 0; i < 2; i++) {
                struct reply r;

                CHECK(client_reply(c, false, &r));
        }
        CHECK(fixture_conn()->state == CONN_IDLE);
        CHECK(fixture_conn()->parser == NULL && fixture_conn()->answer == NULL);
        CHECK(fixture_conn()->request == NULL && fixture_conn()->stash.base == NULL);
        CHECK(sizeof(struct http_conn) <= 384); /* half a kilobyte, with what malloc adds */
        client_free(c);
        fixture_stop();
}

int main(void)
{
        RUN(a_body_of_the_limit_is_taken_and_one_byte_more_is_not);
        RUN(a_new_limit_holds_from_the_next_request_of_a_connection_on);
        RUN(bodies_beyond_their_part_are_503_and_those_within_are_not_hurt);
        RUN(whatever_is_posted_what_has_no_body_is_answered);
        RUN(whatever_is_posted_bodies_of_what_stands_apart_have_room);
        RUN(bodies_of_what_stands_apart_leave_room_for_answers);
        RUN(answers_that_nobody_reads_count_and_requests_behind_them_are_503);
        RUN(little_is_read_ahead_and_all_of_it_is_answered);
        RUN(nothing_is_read_ahead_when_the_budget_is_used_up);
        RUN(a_client_that_reads_no_answers_has_one_of_them_in_memory);
        RUN(bodies_have_a_share_of_a_turn_however_many_they_are);
        RUN(a_turn_reads_so_many_sockets_however_many_have_something);
        RUN(a_small_body_does_not_wait_for_the_share_that_large_ones_use_up);
        RUN(requests_over_the_limit_are_503_and_their_connection_goes_on);
        RUN(what_stands_apart_has_its_place_when_clients_have_taken_all_others);
        RUN(connections_over_the_limit_are_503_then_closed_at_once);
        RUN(an_idle_connection_keeps_nothing_but_itself);
        return 0;
}
