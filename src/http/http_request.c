/* SPDX-License-Identifier: Apache-2.0 */
#include "crr/http/http_request.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "crr/base/time.h"
#include "http_conn.h"

#define ARENA_SLACK (16u << 20)

static bool is_sane_id(struct str id)
{
        if (id.len == 0 || id.len >= HTTP_REQUEST_ID_SIZE)
                return false;
        for (size_t i = 0; i < id.len; i++) {
                char c = id.base[i];

                if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '.' || c == '_' || c == '-'))
                        return false;
        }
        return true;
}

void server_make_request_id(struct http_server *s, const struct http_parser *parser,
                            char id[HTTP_REQUEST_ID_SIZE])
{
        struct str theirs = STR_ABSENT;

        if (parser != NULL && http_parser_state(parser) == HTTP_PARSE_DONE)
                theirs = http_parser_header(parser, "x-request-id");
        if (is_sane_id(theirs))
                snprintf(id, HTTP_REQUEST_ID_SIZE, "%.*s", STR_ARG(theirs));
        else
                snprintf(id, HTTP_REQUEST_ID_SIZE, "%016" PRIx64 "%016" PRIx64, s->id_salt,
                         ++s->next_id);
}

static enum http_method method_of(enum http_verb verb)
{
        if (verb == HTTP_VERB_POST)
                return HTTP_POST;
        return verb == HTTP_VERB_OTHER ? HTTP_OTHER : HTTP_GET;
}

struct server_request *server_request_new(struct http_conn *c, bool is_apart)
{
        struct http_server *s = c->server;
        struct server_request *r = calloc(1, sizeof *r);
        struct http_request *req;

        if (r == NULL)
                abort();
        req = &r->public;
        r->conn = c;
        r->parser = c->parser;
        c->parser = NULL;
        req->server = s;
        req->conn = r;
        req->id = ++s->next_id;
        req->method = method_of(http_parser_verb(r->parser));
        req->is_head = http_parser_verb(r->parser) == HTTP_VERB_HEAD;
        req->path = http_parser_target(r->parser);
        req->query = STR("");
        str_split(req->path, '?', &req->path, &req->query);
        req->body = http_parser_body(r->parser);
        server_make_request_id(s, r->parser, req->request_id);
        arena_init(&req->arena, 2 * s->limits.max_body_bytes + ARENA_SLACK);
        req->started_us = time_monotonic_us();
        req->deadline_ms = time_monotonic_ms() + s->limits.request_timeout_ms;
        req->dialect = req->route = "none";
        r->next = s->requests;
        if (r->next != NULL)
                r->next->prev = r;
        s->requests = r;
        s->n_requests++;
        r->is_apart = is_apart;
        s->n_apart += is_apart;
        return r;
}

void server_request_orphan(struct server_request *r, int status_told)
{
        r->conn->request = NULL;
        r->conn = NULL;
        r->status_told = status_told;
}

void server_request_free(struct server_request *r)
{
        struct http_server *s = r->public.server;

        if (r->prev != NULL)
                r->prev->next = r->next;
        else
                s->requests = r->next;
        if (r->next != NULL)
                r->next->prev = r->prev;
        s->n_requests--;
        s->n_apart -= r->is_apart;
        http_parser_free(r->parser);
        arena_deinit(&r->public.arena);
        free(r);
}

struct str http_request_header(const struct http_request *req, const char *name)
{
        const struct server_request *r = req->conn;

        return http_parser_header(r->parser, name);
}

void http_request_remote(const struct http_request *req, char text[HTTP_ADDRESS_SIZE])
{
        const struct server_request *r = req->conn;
        struct sockaddr_storage address = { 0 };
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address;
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address;
        socklen_t len = sizeof address;

        text[0] = '\0';
        if (r->conn == NULL || getpeername(r->conn->fd, (struct sockaddr *)&address, &len) != 0)
                return;
        if (address.ss_family == AF_INET6)
                inet_ntop(AF_INET6, &v6->sin6_addr, text, HTTP_ADDRESS_SIZE);
        else
                inet_ntop(AF_INET, &v4->sin_addr, text, HTTP_ADDRESS_SIZE);
}

bool http_request_is_canceled(const struct http_request *req)
{
        const struct server_request *r = req->conn;

        return r->conn == NULL;
}

void http_respond(struct http_request *req, struct http_response *res)
{
        struct server_request *r = req->conn;
        struct http_server *s = req->server;
        struct http_conn *c = r->conn;

        if (s->app.on_answered != NULL)
                s->app.on_answered(s->app.data, req, c != NULL ? res->status : r->status_told);
        if (c == NULL) {
                buf_deinit(&res->body);
                server_request_free(r);
                return;
        }
        exchange_answer(c, res);
}
