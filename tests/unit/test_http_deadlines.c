/* SPDX-License-Identifier: Apache-2.0 */
/* Slow clients and slow handlers, in virtual time: each is gone at its deadline, and not before. */
#include <errno.h>
#include <sys/socket.h>

#include "http_fixture.h"

#define HOST      "Host: h\r\n"
#define GET       "GET / HTTP/1.1\r\n" HOST "\r\n"
#define BIG       "GET /big HTTP/1.1\r\n" HOST "\r\n"
#define LATE      (2 * DEADLINES_TICK_MS) /* a deadline is seen so much later at most */
#define SECOND    INT64_C(1000)

#define HEADER_MS INT64_C(10000)
#define BODY_MS   INT64_C(10000)
#define IDLE_MS   INT64_C(60000)
#define WRITE_MS  INT64_C(20000)
#define LINGER_MS INT64_C(2000)

/* Virtual time passes in ticks; what clients have sent is worked on before. */
static void pass(int64_t ms)
{
        fixture_settle();
        for (; ms > 0; ms -= DEADLINES_TICK_MS)
                fixture_advance(ms < DEADLINES_TICK_MS ? ms : DEADLINES_TICK_MS);
}

static bool has_nothing(struct client *c)
{
        fixture_settle();
        return c->in.len == c->replies_end && !client_is_ended(c);
}

static void is_timed_out(struct client *c)
{
        struct reply r;

        CHECK(client_reply(c, false, &r));
        CHECK_INT(r.status, 408);
        CHECK(r.close);
        WAIT(client_is_ended(c));
        CHECK(c->eof && !c->reset);
        client_free(c);
}

static void is_closed_without_a_word(struct client *c)
{
        WAIT(client_is_ended(c));
        CHECK(c->eof && !c->reset);
        CHECK_INT(c->in.len, c->replies_end);
        client_free(c);
}

static void headers_have_ten_seconds_from_their_first_byte(void)
{
        static const char head[] = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
        struct client *c;

        fixture_start((struct http_limits){ 0 });
        c = client_new();
        pass(HEADER_MS - SECOND);
        for (int i = 0; i < 9; i++) {
                client_send(c, &head[i], 1);
                pass(SECOND);
        }
        CHECK(has_nothing(c));
        client_send(c, &head[9], 1);
        pass(SECOND + LATE);
        is_timed_out(c);
        CHECK_INT(fixture_rejected("RequestTimeout"), 1);
        fixture_stop();
}

static void a_connection_that_asks_nothing_is_closed_after_ten_seconds(void)
{
        struct client *c;

        fixture_start((struct http_limits){ 0 });
        c = client_new();
        pass(HEADER_MS - SECOND);
        CHECK(has_nothing(c));
        pass(SECOND + LATE);
        is_closed_without_a_word(c);
        fixture_stop();
}

static void a_connection_is_idle_for_a_minute_from_its_last_answer(void)
{
        struct client *c;

        fixture_start((struct http_limits){ 0 });
        c = client_new();
        for (int i = 0; i < 3; i++) {
                CHECK_INT(client_ask(c, GET), 200);
                pass(IDLE_MS - SECOND);
        }
        CHECK(has_nothing(c));
        pass(SECOND + LATE);
        is_closed_without_a_word(c);
        fixture_stop();
}

static void empty_lines_do_not_keep_a_connection(void)
{
        struct client *c;

        fixture_start((struct http_limits){ 0 });
        c = client_new();
        for (int i = 0; i < 9; i++) {
                client_send_c(c, "\r\n");
                pass(SECOND);
        }
        CHECK(has_nothing(c));
        pass(SECOND + LATE);
        is_closed_without_a_word(c);
        fixture_stop();
}

static void a_body_has_ten_seconds_and_its_size_at_50_kilobytes_a_second(void)
{
        struct client *c;

        fixture_start((struct http_limits){ .max_body_bytes = 10000000 });
        c = client_new();
        client_send_c(c, "POST / HTTP/1.1\r\n" HOST "Content-Length: 5000000\r\n\r\n");
        for (int i = 0; i < 10; i++) {
                client_send_c(c, "a");
                pass((BODY_MS + 100000) / 10 - SECOND / 10);
        }
        CHECK(has_nothing(c));
        pass(SECOND + LATE);
        is_timed_out(c);
        CHECK_INT(fixture.server->budget.used, 0);
        fixture_stop();
}

static void a_chunked_body_may_last_as_long_as_it_comes_at_50_kilobytes_a_second(void)
{
        static char chunk[6 + 60000 + 2] = "EA60\r\n";
        struct client *quick, *slow;

        memset(chunk + 6, 'a', 60000);
        chunk[sizeof chunk - 2] = '\r';
        chunk[sizeof chunk - 1] = '\n';
        fixture_start((struct http_limits){ .max_body_bytes = 10000000 });
        quick = client_new();
        slow = client_new();
        client_send_c(quick, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
        client_send_c(slow, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
        for (int i = 0; i < 9; i++) {
                client_send_c(slow, "1\r\na\r\n");
                client_send(quick, chunk, sizeof chunk);
                client_flush(quick);
                pass(SECOND);
        }
        CHECK(has_nothing(slow));
        pass(SECOND + LATE);
        is_timed_out(slow);
        for (int i = 0; i < 60; i++) {
                client_send(quick, chunk, sizeof chunk);
                client_flush(quick);
                pass(SECOND);
        }
        CHECK(has_nothing(quick));
        pass(BODY_MS + 60 * SECOND);
        is_timed_out(quick);
        fixture_stop();
}

#define SLOW 200

/* Half of them in the headers, half in the body, a byte a second each. */
static void two_hundred_slow_clients_are_gone_and_others_are_served(void)
{
        static const char head[] = "GET /0123456789 HTTP/1.1\r\nHost: h\r\n\r\n";
        struct client *slow[SLOW], *healthy;

        fixture_start((struct http_limits){ 0 });
        healthy = client_new();
        for (int i = 0; i < SLOW; i++) {
                slow[i] = client_new();
                if (i % 2 == 1)
                        client_send_c(slow[i],
                                      "POST / HTTP/1.1\r\n" HOST "Content-Length: 1000\r\n\r\n");
        }
        for (int second = 0; second < 10; second++) {
                for (int i = 0; i < SLOW; i++)
                        client_send(slow[i], &head[second], 1);
                pass(SECOND);
                CHECK_INT(client_ask(healthy, GET), 200);
        }
        pass(SECOND);
        for (int i = 0; i < SLOW; i++)
                is_timed_out(slow[i]);
        CHECK_INT(client_ask(healthy, GET), 200);
        WAIT(http_server_connections(fixture.server) == 1);
        CHECK_INT(fixture_rejected("RequestTimeout"), SLOW);
        CHECK_INT(fixture.server->budget.used, 0);
        client_free(healthy);
        fixture_stop();
}

#define SILENT 50

static void those_that_never_read_are_reset_and_their_answers_are_freed(void)
{
        struct client *silent[SILENT];

        fixture_start((struct http_limits){ 0 });
        for (int i = 0; i < SILENT; i++) {
                silent[i] = client_new_reading_nothing();
                client_send_c(silent[i], BIG);
        }
        WAIT(fixture.server->n_writing == SILENT);
        CHECK(fixture.server->budget.used <= (size_t)2 * SILENT * FIXTURE_BIG);
        pass(WRITE_MS - SECOND);
        CHECK_INT(fixture.server->n_writing, SILENT);
        pass(SECOND + LATE);
        WAIT(http_server_connections(fixture.server) == 0);
        CHECK_INT(fixture.server->budget.used, 0);
        CHECK_INT(fixture_rejected("slow_reader"), SILENT);
        for (int i = 0; i < SILENT; i++) {
                silent[i]->reads = true;
                client_send_c(silent[i], "x");
                WAIT(silent[i]->reset);
                client_free(silent[i]);
        }
        fixture_stop();
}

/* Read so many bytes of what the client has not taken yet. */
static void read_slowly(struct client *c, size_t n)
{
        static char bytes[20000];

        while (n > 0) {
                ssize_t got = recv(c->fd, bytes, n < sizeof bytes ? n : sizeof bytes, 0);

                CHECK(got > 0 || (got < 0 && errno == EAGAIN));
                if (got > 0)
                        n -= (size_t)got;
                else
                        fixture_turn();
        }
}

/* Far fewer bytes than the kernel's buffer has to lose before it calls the socket writable; the
 * first of them are of an answer before. */
static void an_answer_goes_on_while_20_kilobytes_a_deadline_are_read(void)
{
        static char body[90000];
        struct client *c;

        fixture_start((struct http_limits){ 0 });
        c = client_new_reading_nothing();
        memset(body, 'a', sizeof body);
        client_send_c(c, "POST / HTTP/1.1\r\n" HOST "Content-Length: 90000\r\n\r\n");
        client_send(c, body, sizeof body);
        client_send_c(c, BIG);
        WAIT(fixture.server->n_writing == 1);
        pass(WRITE_MS - SECOND);
        for (int i = 0; i < 10; i++) {
                read_slowly(c, 20000);
                pass(WRITE_MS);
                CHECK_INT(fixture.server->n_writing, 1);
        }
        read_slowly(c, 1000);
        pass(2 * WRITE_MS);
        CHECK_INT(fixture.server->n_writing, 0);
        client_free(c);
        fixture_stop();
}

static void after_the_last_answer_a_client_has_two_seconds_to_go(void)
{
        struct client *c;
        struct reply r;

        fixture_start((struct http_limits){ 0 });
        c = client_new();
        client_send_c(c, "POST / HTTP/1.1\r\n" HOST "Content-Length: 999999\r\n\r\n");
        CHECK(client_reply(c, false, &r));
        CHECK_INT(r.status, 413);
        for (int i = 0; i < 7; i++) {
                client_send_c(c, "more of the body");
                pass(DEADLINES_TICK_MS);
        }
        CHECK_INT(http_server_connections(fixture.server), 1);
        CHECK(!c->reset);
        pass(LINGER_MS - 7 * DEADLINES_TICK_MS + LATE);
        WAIT(http_server_connections(fixture.server) == 0);
        client_free(c);
        fixture_stop();
}

static void a_handler_that_does_not_answer_is_504_and_forgotten(void)
{
        struct client *c;
        struct reply r;
        char id[HTTP_REQUEST_ID_SIZE];

        fixture_start((struct http_limits){ .request_timeout_ms = 30000 });
        c = client_new();
        client_send_c(c, "POST /later HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello" GET);
        WAIT(fixture.n_held == 1);
        snprintf(id, sizeof id, "%s", fixture.held[0]->request_id);
        pass(30000 + 5000 - SECOND);
        CHECK(has_nothing(c));
        pass(SECOND + LATE);
        CHECK(client_reply(c, false, &r));
        CHECK_INT(r.status, 504);
        CHECK(r.close);
        CHECK(str_eq_c(reply_header(&r, "x-request-id"), id));
        CHECK(http_request_is_canceled(fixture.held[0]));
        CHECK_INT(http_server_in_flight(fixture.server), 1);
        CHECK(str_eq_c(fixture.held[0]->body, "hello"));
        client_free(c);
        WAIT(http_server_connections(fixture.server) == 0);
        fixture_answer(0);
        CHECK_INT(fixture.last_status, 504);
        CHECK_INT(http_server_in_flight(fixture.server), 0);
        CHECK_INT(fixture.n_routed, 4); /* three are fixture_settle()'s, none the one behind */
        fixture_stop();
}

static void the_server_looks_at_its_deadlines_by_itself(void)
{
        struct client *c;

        fixture_start((struct http_limits){ .header_ms = 500 });
        c = client_new();
        client_send_c(c, "GET");
        fixture_settle();
        fixture.now_ms += 500 + LATE;
        is_timed_out(c);
        fixture_stop();
}

int main(void)
{
        RUN(headers_have_ten_seconds_from_their_first_byte);
        RUN(a_connection_that_asks_nothing_is_closed_after_ten_seconds);
        RUN(a_connection_is_idle_for_a_minute_from_its_last_answer);
        RUN(empty_lines_do_not_keep_a_connection);
        RUN(a_body_has_ten_seconds_and_its_size_at_50_kilobytes_a_second);
        RUN(a_chunked_body_may_last_as_long_as_it_comes_at_50_kilobytes_a_second);
        RUN(two_hundred_slow_clients_are_gone_and_others_are_served);
        RUN(those_that_never_read_are_reset_and_their_answers_are_freed);
        RUN(an_answer_goes_on_while_20_kilobytes_a_deadline_are_read);
        RUN(after_the_last_answer_a_client_has_two_seconds_to_go);
        RUN(a_handler_that_does_not_answer_is_504_and_forgotten);
        RUN(the_server_looks_at_its_deadlines_by_itself);
        return 0;
}
