/* SPDX-License-Identifier: Apache-2.0 */
/* Requests on one connection: behind each other, in pieces, with a closed side, and what an answer
 * carries. */
#include <stdlib.h>

#include "http_fixture.h"

#define HOST "Host: h\r\n"
#define N    100

static void ask_for(struct client *c, const char *path, int i)
{
        char text[128];

        snprintf(text, sizeof text, "GET %s%d HTTP/1.1\r\n" HOST "\r\n", path, i);
        client_send_c(c, text);
}

static void is_answered(struct client *c, const char *body)
{
        struct reply r;

        CHECK(client_reply(c, false, &r));
        CHECK_INT(r.status, 200);
        if (!str_eq_c(r.body, body))
                check_fail(__FILE__, __LINE__, body, r.body.base);
}

static void answers_come_in_order(struct client *c, const char *path)
{
        for (int i = 0; i < N; i++) {
                char body[64];

                snprintf(body, sizeof body, "GET %s%d ", path, i);
                is_answered(c, body);
        }
}

static void a_hundred_requests_at_once_are_answered_in_order(void)
{
        struct client *c;

        fixture_start((struct http_limits){ 0 });
        c = client_new();
        for (int i = 0; i < N; i++)
                ask_for(c, "/", i);
        answers_come_in_order(c, "/");
        CHECK_INT(fixture.n_routed, N);
        CHECK_INT(fixture.server->budget.used, 0);
        client_free(c);
        fixture_stop();
}

/* Others are served between two requests of one connection. */
static void a_client_has_one_request_in_a_turn_of_the_loop(void)
{
        struct client *c;
        unsigned before;

        fixture_start((struct http_limits){ 0 });
        c = client_new();
        for (int i = 0; i < N; i++)
                ask_for(c, "/", i);
        client_flush(c);
        WAIT(fixture.n_routed > 0);
        while ((before = fixture.n_routed) < N) {
                fixture_turn();
                CHECK(fixture.n_routed <= before + 1);
        }
        answers_come_in_order(c, "/");
        client_free(c);
        fixture_stop();
}

static void a_hundred_requests_that_are_answered_later_have_one_handler_at_a_time(void)
{
        struct client *c;

        fixture_start((struct http_limits){ 0 });
        c = client_new();
        for (int i = 0; i < FIXTURE_HELD; i++)
                ask_for(c, "/later", i);
        for (unsigned i = 0; i < FIXTURE_HELD; i++) {
                WAIT(fixture.n_held > i);
                CHECK_INT(fixture.n_held, i + 1);
                fixture_answer(i);
                is_answered(c, "late");
        }
        client_free(c);
        fixture_stop();
}

static void pipelined_requests_come_in_any_pieces(void)
{
        static const char one[] = "POST /p HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc"
                                  "POST /q HTTP/1.1\r\n" HOST
                                  "Transfer-Encoding: chunked\r\n\r\n2\r\nde\r\n0\r\n\r\n";

        fixture_start((struct http_limits){ 0 });
        for (size_t step = 1; step < sizeof one; step += 3) {
                struct client *c = client_new();

                for (size_t at = 0; at < sizeof one - 1; at += step) {
                        size_t rest = sizeof one - 1 - at;

                        client_send(c, one + at, rest < step ? rest : step);
                        client_flush(c);
                        uv_run(&fixture.loop, UV_RUN_NOWAIT);
                }
                is_answered(c, "POST /p abc");
                is_answered(c, "POST /q de");
                client_free(c);
        }
        fixture_stop();
}

static void a_request_and_a_fin_at_once_are_answered(void)
{
        struct client *c;
        struct reply r;

        fixture_start((struct http_limits){ 0 });
        c = client_new();
        ask_for(c, "/", 1);
        client_finish(c);
        CHECK(client_reply(c, false, &r));
        CHECK_INT(r.status, 200);
        WAIT(client_is_ended(c));
        CHECK(c->eof && !c->reset);
        client_free(c);
        fixture_stop();
}

static void a_client_that_closes_its_side_during_the_handler_is_answered(void)
{
        struct client *c;
        struct reply r;

        fixture_start((struct http_limits){ 0 });
        c = client_new();
        ask_for(c, "/later", 1);
        WAIT(fixture.n_held == 1);
        client_finish(c);
        WAIT(fixture_conn()->eof);
        CHECK(!http_request_is_canceled(fixture.held[0]));
        fixture_answer(0);
        CHECK(client_reply(c, false, &r));
        CHECK_INT(r.status, 200);
        CHECK(r.close);
        WAIT(client_is_ended(c));
        CHECK(c->eof && !c->reset);
        client_free(c);
        fixture_stop();
}

static void all_that_was_asked_before_the_fin_is_answered(void)
{
        struct client *c;

        fixture_start((struct http_limits){ 0 });
        c = client_new();
        ask_for(c, "/later", 1);
        for (int i = 0; i < N; i++)
                ask_for(c, "/", i);
        client_finish(c);
        WAIT(fixture.n_held == 1 && fixture_conn()->eof);
        fixture_answer(0);
        is_answered(c, "late");
        answers_come_in_order(c, "/");
        WAIT(client_is_ended(c));
        CHECK(c->eof && !c->reset);
        client_free(c);
        fixture_stop();
}

/* So much is asked ahead that the FIN waits behind what is not read yet. */
static void the_fin_behind_a_full_stash_takes_no_answer_away(void)
{
        struct client *c;
        int more = 4000;

        fixture_start((struct http_limits){ 0 });
        c = client_new();
        ask_for(c, "/later", 1);
        for (int i = 0; i < more; i++)
                ask_for(c, "/", i);
        client_finish(c);
        WAIT(fixture.n_held == 1 && fixture_conn()->fin_seen);
        CHECK_INT(fixture_conn()->events, UV_PRIORITIZED);
        fixture_settle();
        CHECK(!fixture_conn()->eof);
        fixture_answer(0);
        is_answered(c, "late");
        for (int i = 0; i < more; i++) {
                char body[64];

                snprintf(body, sizeof body, "GET /%d ", i);
                is_answered(c, body);
        }
        WAIT(client_is_ended(c));
        CHECK(c->eof && !c->reset);
        client_free(c);
        fixture_stop();
}

static void a_request_that_never_gets_whole_before_the_fin_is_not_answered(void)
{
        static const char *const cut[] = {
                "\r\n",
                "GET",
                "GET / HTTP/1.1\r\n" HOST,
                "POST / HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nabc",
                "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        };
        struct reply r;

        fixture_start((struct http_limits){ 0 });
        for (size_t i = 0; i < sizeof cut / sizeof *cut; i++) {
                struct client *c = client_new();

                client_send_c(c, cut[i]);
                client_finish(c);
                CHECK(!client_reply(c, false, &r));
                CHECK(c->eof && !c->reset);
                client_free(c);
        }
        CHECK_INT(fixture.n_routed, 0);
        fixture_stop();
}

static void head_says_the_length_and_sends_no_body(void)
{
        struct client *c;
        struct reply r;

        fixture_start((struct http_limits){ 0 });
        c = client_new();
        client_send_c(c, "HEAD /a HTTP/1.1\r\n" HOST "\r\n");
        CHECK(client_reply(c, true, &r));
        CHECK_INT(r.status, 200);
        CHECK(str_eq_c(reply_header(&r, "content-length"), "7"));
        ask_for(c, "/", 1);
        is_answered(c, "GET /1 ");
        client_send_c(c, "HEAD /a HTTP/1.1\r\n" HOST "Content-Length: 999999\r\n\r\n");
        CHECK(client_reply(c, true, &r));
        CHECK_INT(r.status, 413);
        WAIT(client_is_ended(c));
        CHECK_INT(c->in.len, c->replies_end);
        client_free(c);
        fixture_stop();
}

static void http_1_0_goes_on_only_when_it_is_asked_for(void)
{
        struct client *c;
        struct reply r;

        fixture_start((struct http_limits){ 0 });
        c = client_new();
        client_send_c(c, "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        CHECK(client_reply(c, false, &r));
        CHECK(str_eq_c(reply_header(&r, "connection"), "keep-alive"));
        client_send_c(c, "GET /a HTTP/1.0\r\n\r\n");
        CHECK(client_reply(c, false, &r));
        CHECK_INT(r.status, 200);
        CHECK(r.close);
        WAIT(client_is_ended(c));
        client_free(c);
        fixture_stop();
}

static void the_request_id_is_the_client_s_if_it_is_sane_and_else_a_new_one(void)
{
        static const struct {
                const char *line, *wanted;
        } table[] = {
                { "X-Request-Id: abc-1.2_Z\r\n", "abc-1.2_Z" },
                { "x-request-id:  trimmed \r\n", "trimmed" },
                { "X-Request-Id: 12345678901234567890123456789012\r\n",
                  "12345678901234567890123456789012" },
                { "X-Request-Id: 123456789012345678901234567890123\r\n", NULL },
                { "X-Request-Id: with blank\r\n", NULL },
                { "X-Request-Id: \"quoted\"\r\n", NULL },
                { "X-Request-Id:\r\n", NULL },
                { "", NULL },
        };
        struct client *c;
        struct reply r;

        fixture_start((struct http_limits){ 0 });
        c = client_new();
        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                struct str id;

                client_send_c(c, "GET / HTTP/1.1\r\n" HOST);
                client_send_c(c, table[i].line);
                client_send_c(c, "\r\n");
                CHECK(client_reply(c, false, &r));
                id = reply_header(&r, "x-request-id");
                if (table[i].wanted != NULL)
                        CHECK(str_eq_c(id, table[i].wanted));
                else
                        CHECK_INT(id.len, HTTP_REQUEST_ID_SIZE - 1);
        }
        client_free(c);
        fixture_stop();
}

static void a_body_that_waits_for_100_continue_gets_it_once(void)
{
        static const char head[] =
                "POST /a HTTP/1.1\r\n" HOST "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n";
        struct client *c;
        struct reply r;

        fixture_start((struct http_limits){ 0 });
        c = client_new();
        client_send_c(c, head);
        CHECK(client_reply(c, false, &r));
        CHECK_INT(r.status, 100);
        client_send_c(c, "abc");
        is_answered(c, "POST /a abc");

        client_send_c(c, head); /* the body comes with it: nobody waits */
        client_send_c(c, "abc");
        is_answered(c, "POST /a abc");

        client_send_c(c, "POST /a HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 3\r\n"
                         "Expect: 100-continue\r\n\r\n");
        fixture_settle();
        client_send_c(c, "abc");
        is_answered(c, "POST /a abc");

        client_send_c(c, "POST /a HTTP/1.1\r\n" HOST
                         "Content-Length: 999999\r\nExpect: 100-continue\r\n\r\n");
        CHECK(client_reply(c, false, &r));
        CHECK_INT(r.status, 413);
        client_free(c);
        fixture_stop();
}

int main(void)
{
        RUN(a_hundred_requests_at_once_are_answered_in_order);
        RUN(a_client_has_one_request_in_a_turn_of_the_loop);
        RUN(a_hundred_requests_that_are_answered_later_have_one_handler_at_a_time);
        RUN(pipelined_requests_come_in_any_pieces);
        RUN(a_request_and_a_fin_at_once_are_answered);
        RUN(a_client_that_closes_its_side_during_the_handler_is_answered);
        RUN(all_that_was_asked_before_the_fin_is_answered);
        RUN(the_fin_behind_a_full_stash_takes_no_answer_away);
        RUN(a_request_that_never_gets_whole_before_the_fin_is_not_answered);
        RUN(head_says_the_length_and_sends_no_body);
        RUN(http_1_0_goes_on_only_when_it_is_asked_for);
        RUN(the_request_id_is_the_client_s_if_it_is_sane_and_else_a_new_one);
        RUN(a_body_that_waits_for_100_continue_gets_it_once);
        return 0;
}
