/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_http.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crr/base/time.h"

#define ARENA_LIMIT ((size_t)16 * 1024 * 1024)
#define TIMEOUT_MS  30000

static void *must(void *p)
{
        if (p == NULL)
                abort();
        return p;
}

/* An exact copy, so that a read past its end is seen. */
static char *copy(const char *bytes, size_t n)
{
        char *p = must(malloc(n > 0 ? n : 1));

        memcpy(p, bytes, n);
        return p;
}

static enum http_method method_of(const char *name)
{
        if (strcmp(name, "GET") == 0 || strcmp(name, "HEAD") == 0)
                return HTTP_GET;
        return strcmp(name, "POST") == 0 ? HTTP_POST : HTTP_OTHER;
}

struct fake_exchange *fake_http_new_bytes(const char *method, const char *target, const char *body,
                                          size_t body_len)
{
        static uint64_t last_id;
        struct fake_exchange *x = must(calloc(1, sizeof *x));
        struct http_request *req = must(calloc(1, sizeof *req));
        size_t len = strlen(target);

        x->req = req;
        x->target = copy(target, len);
        x->body = copy(body, body_len);
        req->conn = x;
        req->id = ++last_id;
        snprintf(req->request_id, sizeof req->request_id, "fake-%llu", (unsigned long long)last_id);
        req->method = method_of(method);
        req->is_head = strcmp(method, "HEAD") == 0;
        req->path = (struct str){ x->target, len };
        req->query = STR("");
        str_split(req->path, '?', &req->path, &req->query);
        req->body = (struct str){ x->body, body_len };
        arena_init(&req->arena, ARENA_LIMIT);
        req->started_us = time_monotonic_us();
        req->deadline_ms = time_monotonic_ms() + TIMEOUT_MS;
        return x;
}

struct fake_exchange *fake_http_new(const char *method, const char *target, const char *body)
{
        return fake_http_new_bytes(method, target, body != NULL ? body : "",
                                   body != NULL ? strlen(body) : 0);
}

void fake_http_add_header(struct fake_exchange *x, const char *name, const char *value)
{
        struct fake_header *h = &x->headers[x->n_headers++];

        assert(x->n_headers <= FAKE_HTTP_HEADERS);
        snprintf(h->name, sizeof h->name, "%s", name);
        snprintf(h->value, sizeof h->value, "%s", value);
}

const char *fake_http_answer_header(const struct fake_exchange *x, const char *name)
{
        for (size_t i = 0; i < x->n_answer_headers; i++)
                if (strcmp(x->answer_headers[i].name, name) == 0)
                        return x->answer_headers[i].value;
        return NULL;
}

static void request_free(struct http_request *req)
{
        arena_deinit(&req->arena);
        free(req);
}

void fake_http_free(struct fake_exchange *x)
{
        if (x == NULL)
                return;
        if (x->req != NULL)
                request_free(x->req);
        free(x->target);
        free(x->body);
        free(x->answer);
        free(x);
}

struct str http_request_header(const struct http_request *req, const char *name)
{
        const struct fake_exchange *x = req->conn;

        for (size_t i = 0; i < x->n_headers; i++)
                if (strcmp(x->headers[i].name, name) == 0)
                        return str_from(x->headers[i].value);
        return STR_ABSENT;
}

void http_request_remote(const struct http_request *req, char text[HTTP_ADDRESS_SIZE])
{
        const struct fake_exchange *x = req->conn;

        snprintf(text, HTTP_ADDRESS_SIZE, "%s", x->remote != NULL ? x->remote : "127.0.0.1");
}

bool http_request_is_canceled(const struct http_request *req)
{
        const struct fake_exchange *x = req->conn;

        return x->canceled;
}

void http_respond(struct http_request *req, struct http_response *res)
{
        struct fake_exchange *x = req->conn;

        assert(!x->answered);
        assert(!res->body.overflow);
        x->answered = true;
        x->status = res->status;
        snprintf(x->content_type, sizeof x->content_type, "%s",
                 res->content_type != NULL ? res->content_type : "application/json");
        x->answer_len = res->lead.len + res->body.len;
        x->answer = must(calloc(1, x->answer_len + 1));
        if (res->lead.len > 0)
                memcpy(x->answer, res->lead.base, res->lead.len);
        if (res->body.len > 0)
                memcpy(x->answer + res->lead.len, res->body.base, res->body.len);
        for (size_t i = 0; i < res->n_headers; i++) {
                struct fake_header *h = &x->answer_headers[x->n_answer_headers++];

                snprintf(h->name, sizeof h->name, "%.*s", STR_ARG(res->headers[i].name));
                snprintf(h->value, sizeof h->value, "%.*s", STR_ARG(res->headers[i].value));
        }
        buf_deinit(&res->body);
        if (x->on_answered != NULL)
                x->on_answered(x->app_data, req, res->status);
        x->req = NULL;
        request_free(req);
}
