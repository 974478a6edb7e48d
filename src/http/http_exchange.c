/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: bytes make a request; it goes to its handler; the answer is made, and written
 * by http_conn.c.
 *
 * Possible failures:
 *  - the bytes are not a request, or too much of one, or too slow: answered here, the last answer
 *    of the connection;
 *  - too many requests are in work, or too many bytes are kept: answered 503, and the connection
 *    goes on;
 *  - the handler does not answer: 504, and its request is an orphan.
 */
#include <sys/socket.h>

#include "http_conn.h"

#define BODY_RATE 50   /* bytes per millisecond that a body must come with, on the whole */
#define NET_MS    5000 /* behind request_timeout: the application should have answered */

/* ANSWERING */

static void begin_writing(struct http_conn *c, struct http_response *res,
                          struct http_answer_facts *facts)
{
        facts->date = c->server->date;
        facts->close = c->close_after;
        c->answer = http_answer_new(&c->server->budget, res, facts);
        conn_enter(c, CONN_WRITING, c->server->limits.write_ms);
}

void exchange_answer(struct http_conn *c, struct http_response *res)
{
        const struct http_request *req = &c->request->public;
        const struct http_parser *parser = c->request->parser;
        struct http_answer_facts facts = {
                .request_id = req->request_id,
                .is_head = req->is_head,
                .say_keep_alive = http_parser_is_http10(parser),
        };

        c->close_after |= !http_parser_keep_alive(parser) || (c->eof && c->stash.len == 0);
        begin_writing(c, res, &facts);
        server_request_free(c->request);
        c->request = NULL;
        conn_write_out(c);
        conn_go_on(c);
}

/* An answer of our own. */
static void answer_error(struct http_conn *c, enum error_code code, const char *text,
                         struct http_answer_facts *facts)
{
        struct http_server *s = c->server;
        struct http_response res = { .status = error_http_status(code) };
        struct error err;

        error_set(&err, code, "%s", text);
        buf_init(&res.body, 65536);
        s->app.render_error(s->app.data, &err, &res.body);
        if (code == ERR_UNAVAILABLE)
                res.headers[res.n_headers++] = (struct http_header){ STR("Retry-After"), STR("1") };
        begin_writing(c, &res, facts);
        conn_write_out(c);
}

/* Before any handler; cause: for the metric. What was read of the request is dropped. */
static void refuse(struct http_conn *c, enum error_code code, const char *cause, const char *text)
{
        char id[HTTP_REQUEST_ID_SIZE];
        struct http_answer_facts facts = { .request_id = id };

        server_count_rejected(c->server, c->fd, error_http_status(code), cause);
        server_make_request_id(c->server, c->parser, id);
        if (c->parser != NULL) {
                facts.is_head = http_parser_verb(c->parser) == HTTP_VERB_HEAD;
                facts.say_keep_alive = http_parser_is_http10(c->parser);
                http_parser_free(c->parser);
                c->parser = NULL;
        }
        answer_error(c, code, text, &facts);
}

void exchange_refuse(struct http_conn *c, enum error_code code, const char *cause, const char *text)
{
        c->close_after = true;
        refuse(c, code, cause, text);
}

/* READING */

static bool is_apart_target(const struct http_server *s, struct str target)
{
        struct str query;

        if (s->app.is_apart == NULL)
                return false;
        str_split(target, '?', &target, &query);
        return s->app.is_apart(s->app.data, target);
}

static void handle(struct http_conn *c)
{
        struct http_server *s = c->server;
        bool is_apart = is_apart_target(s, http_parser_target(c->parser));
        const char *full = NULL;

        if ((is_apart ? s->n_apart : s->n_requests - s->n_apart) >= s->limits.max_in_flight)
                full = "max_in_flight";
        else if (!is_apart && s->budget.used > s->budget.limit)
                full = "max_buffered_bytes";
        if (full != NULL) {
                c->close_after |= !http_parser_keep_alive(c->parser);
                refuse(c, ERR_UNAVAILABLE, full, "too many requests are in work");
                return;
        }
        conn_enter(c, CONN_HANDLING, s->limits.request_timeout_ms + NET_MS);
        c->request = server_request_new(c, is_apart);
        s->app.on_request(s->app.data, &c->request->public);
}

/* It is asked after each read of a body, and where there is plenty of room nobody looks at whose.
 */
static bool has_no_room(const struct http_conn *c)
{
        const struct http_budget *budget = &c->server->budget;
        enum http_parse_state state = http_parser_state(c->parser);

        if (state != HTTP_PARSE_BODY && state != HTTP_PARSE_DONE)
                return false;
        if (http_budget_holds(budget, false) || http_parser_body(c->parser).len == 0)
                return false;
        return !http_budget_holds(budget, true) ||
               !is_apart_target(c->server, http_parser_target(c->parser));
}

static void refuse_bad(struct http_conn *c)
{
        enum error_code fault = http_parser_fault(c->parser);
        const char *cause = fault == ERR_UNAVAILABLE ? "max_buffered_bytes" : error_name(fault);

        exchange_refuse(c, fault, cause, http_parser_fault_text(c->parser));
}

static int64_t body_deadline(const struct http_conn *c)
{
        return c->body_since_ms + c->server->limits.body_ms +
               (int64_t)(http_parser_body_size(c->parser) / BODY_RATE);
}

static void say_continue(struct http_conn *c)
{
        static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
        ssize_t n;

        if (!http_parser_wants_continue(c->parser))
                return;
        n = send(c->fd, text, sizeof text - 1, MSG_NOSIGNAL);
        if (n > 0 && (size_t)n < sizeof text - 1)
                conn_close(c);
        /* A client that cannot take it now waits for its own time-out, and sends the body. */
}

static void begin_body(struct http_conn *c)
{
        if (c->state == CONN_IDLE)
                conn_enter(c, CONN_READING, 0);
        c->body_since_ms = server_now_ms(c->server);
        conn_set_deadline(c, body_deadline(c));
        say_continue(c);
}

static void follow_parser(struct http_conn *c, enum http_parse_state before)
{
        enum http_parse_state now = http_parser_state(c->parser);

        if (now == before)
                return;
        c->body_since_ms = 0;
        switch (now) {
        case HTTP_PARSE_IDLE:
                break;
        case HTTP_PARSE_HEAD:
                conn_enter(c, CONN_READING, c->server->limits.header_ms);
                break;
        case HTTP_PARSE_BODY:
                begin_body(c);
                break;
        case HTTP_PARSE_DONE:
                handle(c);
                break;
        case HTTP_PARSE_BAD:
                refuse_bad(c);
                break;
        }
}

/* The number of bytes that were of use: up to the end of a request, and all of one that is not. */
size_t exchange_feed(struct http_conn *c, const char *bytes, size_t n)
{
        struct http_server *s = c->server;
        enum http_parse_state before;
        size_t taken;

        if (c->parser == NULL)
                c->parser = http_parser_new(s->limits.max_body_bytes, &s->budget);
        before = http_parser_state(c->parser);
        taken = http_parser_feed(c->parser, bytes, n);
        if (has_no_room(c))
                exchange_refuse(c, ERR_UNAVAILABLE, "max_buffered_bytes",
                                "too many bytes are kept for other requests");
        else
                follow_parser(c, before);
        return taken;
}

void exchange_give_up(struct http_conn *c)
{
        struct server_request *r = c->request;
        struct http_answer_facts facts = { .request_id = r->public.request_id,
                                           .is_head = r->public.is_head };

        c->close_after = true;
        server_request_orphan(r, error_http_status(ERR_GATEWAY_TIMEOUT));
        answer_error(c, ERR_GATEWAY_TIMEOUT, "the request was not answered in time", &facts);
}

void exchange_be_late(struct http_conn *c)
{
        if (c->body_since_ms > 0 && server_now_ms(c->server) < body_deadline(c))
                conn_set_deadline(c, body_deadline(c)); /* chunked, and it comes quickly enough */
        else
                exchange_refuse(c, ERR_REQUEST_TIMEOUT, error_name(ERR_REQUEST_TIMEOUT),
                                "the request did not arrive in time");
}
