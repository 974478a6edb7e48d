/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: a request is looked up and its answer made at once; it is held for the
 * latency, each with a timer of its own, and sent.
 *
 * Possible failures:
 *  - there is no such object or version: 404, after the latency too;
 *  - the lot falls on an error: 503, likewise;
 *  - the server is stopped: what is held is let go without a client.
 */
#include "metadata_server.h"

#include <assert.h>
#include <stdlib.h>

#include <uv.h>

#include "crr/base/json_write.h"
#include "crr/base/metrics.h"
#include "crr/base/siphash.h"
#include "crr/base/url.h"
#include "crr/http/http_server.h"
#include "metadata.h"
#include "objects.h"

#define MAX_CONNECTIONS    4096
#define MAX_BODY_BYTES     65536
#define MAX_BUFFERED_BYTES ((size_t)64 << 20)
#define ANSWER_MS          60000 /* beside the latency */

/* An answer that waits for its time. */
struct held {
        uv_timer_t timer;
        struct http_request *req;
        struct http_response res;
        struct metadata_server *server;
        struct held *next, **link; /* of all that are held */
};

struct metadata_server {
        uv_thread_t thread;
        uv_loop_t loop;
        uv_async_t stop;
        struct metrics *metrics;
        struct http_server *http;
        struct objects objects;
        uint64_t latency_ms, n_requests, seed;
        double errors;
        struct held *held;
        struct buf metadata;
};

/* WHAT IS ANSWERED */

static void error_body(struct buf *out, const char *code, const char *text)
{
        struct json_writer w;

        json_writer_init(&w, out);
        json_object_open(&w);
        json_key(&w, "code");
        json_c(&w, code);
        json_key(&w, "message");
        json_c(&w, text);
        json_object_close(&w);
}

/* The version that is asked for; NULL: there is none such. */
static const struct object_version *pick(const struct object *o, struct str wire_id)
{
        const struct object_version *versions[] = { &o->current, &o->version };
        const struct object_version *found = NULL;
        struct buf id;

        if (wire_id.len == 0)
                return &o->current;
        buf_init(&id, SIZE_MAX);
        for (size_t n = 0; n < 2 && found == NULL; n++) {
                buf_clear(&id);
                objects_wire_id(versions[n]->id, &id);
                if (str_eq(buf_str(&id), wire_id))
                        found = versions[n];
        }
        buf_deinit(&id);
        return found;
}

/* The parts of the request's path and query, decoded; false: they are not spelled right. */
struct wanted {
        struct str bucket, key, version_id;
};

static bool decode(struct str raw, struct arena *arena, struct str *ret)
{
        struct buf text;
        bool good;

        buf_init(&text, raw.len);
        good = url_decode(&text, raw, false);
        *ret = arena_str(arena, buf_str(&text));
        buf_deinit(&text);
        return good && ret->base != NULL;
}

static bool read_request(struct http_request *req, const struct route_args *args,
                         struct wanted *ret)
{
        const struct url_param *version;
        struct url_query query;
        struct error err;

        if (!decode(args->arg[0], &req->arena, &ret->bucket) ||
            !decode(args->arg[1], &req->arena, &ret->key) ||
            url_query_parse(&query, req->query, &req->arena, &err) != 0)
                return false;
        version = url_query_find(&query, "versionId");
        ret->version_id = version != NULL ? version->value : STR("");
        return true;
}

static bool is_error(struct metadata_server *s)
{
        struct siphash_key key = { { s->seed, 0 } };
        uint64_t n = s->n_requests++;

        return generator_is_of_share(siphash13(&key, &n, sizeof n), s->errors);
}

static int make_answer(struct metadata_server *s, const struct wanted *wanted, struct buf *out)
{
        const struct object_version *version = NULL;
        struct json_writer w;
        struct object o;

        if (is_error(s)) {
                error_body(out, "ServiceUnavailable", "please try again");
                return 503;
        }
        if (objects_find(&s->objects, wanted->bucket, wanted->key, &o))
                version = pick(&o, wanted->version_id);
        if (version == NULL) {
                error_body(out, "ObjNotFound", "there is no such object version");
                return 404;
        }
        buf_clear(&s->metadata);
        metadata_write(&o, version, &s->metadata);
        json_writer_init(&w, out);
        json_object_open(&w);
        json_key(&w, "Body");
        json_str(&w, buf_str(&s->metadata));
        json_object_close(&w);
        return 200;
}

/* WHEN */

static void on_timer_closed(uv_handle_t *handle)
{
        free(handle->data);
}

static void let_go(struct held *h)
{
        *h->link = h->next;
        if (h->next != NULL)
                h->next->link = h->link;
        http_respond(h->req, &h->res);
        uv_close((uv_handle_t *)&h->timer, on_timer_closed);
}

static void on_due(uv_timer_t *timer)
{
        let_go(timer->data);
}

static void hold(struct metadata_server *s, struct http_request *req,
                 const struct http_response *res)
{
        struct held *h = calloc(1, sizeof *h);

        if (h == NULL)
                abort();
        *h = (struct held){ .req = req, .res = *res, .server = s };
        h->next = s->held;
        h->link = &s->held;
        if (h->next != NULL)
                h->next->link = &h->next;
        s->held = h;
        uv_timer_init(&s->loop, &h->timer);
        h->timer.data = h;
        uv_timer_start(&h->timer, on_due, s->latency_ms, 0);
}

static void on_metadata(void *data, struct http_request *req, const struct route_args *args)
{
        struct metadata_server *s = data;
        struct http_response res = { 0 };
        struct wanted wanted;

        buf_init(&res.body, SIZE_MAX);
        if (read_request(req, args, &wanted)) {
                res.status = make_answer(s, &wanted, &res.body);
        } else {
                error_body(&res.body, "InvalidURI", "the request is not spelled right");
                res.status = 400;
        }
        if (s->latency_ms > 0)
                hold(s, req, &res);
        else
                http_respond(req, &res);
}

static const struct route routes[] = {
        { HTTP_GET, "/_/backbeat/metadata/{bucket}/{key*}", on_metadata, "metadata",
          "the metadata of an object version" },
        { 0 },
};

static void on_request(void *data, struct http_request *req)
{
        struct http_response res = { .status = 404 };
        const struct route *route;
        struct route_args args;
        const char *allow;

        if (route_find(routes, req->method, req->path, &route, &args, &allow) == ROUTE_FOUND) {
                route->handler(data, req, &args);
                return;
        }
        buf_init(&res.body, SIZE_MAX);
        error_body(&res.body, "RouteNotFound", "only metadata is served");
        http_respond(req, &res);
}

static void render_error(void *data, const struct error *err, struct buf *out)
{
        (void)data;
        error_body(out, error_name(err->code), error_text(err->code));
}

/* LIFE */

static void on_http_closed(void *data)
{
        (void)data; /* the loop ends as the last handle does */
}

static void on_stop(uv_async_t *stop)
{
        struct metadata_server *s = stop->data;

        http_server_close(s->http, on_http_closed, s);
        while (s->held != NULL)
                let_go(s->held);
        uv_close((uv_handle_t *)stop, NULL);
}

static void run(void *data)
{
        struct metadata_server *s = data;

        uv_run(&s->loop, UV_RUN_DEFAULT);
}

static struct metadata_server *server_new(const struct options *o)
{
        struct metadata_server *s = calloc(1, sizeof *s);
        struct http_limits limits = {
                .max_body_bytes = MAX_BODY_BYTES,
                .max_buffered_bytes = MAX_BUFFERED_BYTES,
                .max_connections = MAX_CONNECTIONS,
                .max_in_flight = MAX_CONNECTIONS,
                .request_timeout_ms = (unsigned)o->metadata_latency_ms + ANSWER_MS,
        };
        struct http_app app = { s, on_request, render_error, NULL, NULL, NULL };

        if (s == NULL || uv_loop_init(&s->loop) != 0 ||
            uv_async_init(&s->loop, &s->stop, on_stop) != 0)
                abort();
        s->stop.data = s;
        options_objects(o, &s->objects);
        s->latency_ms = o->metadata_latency_ms;
        s->errors = o->metadata_errors;
        s->seed = o->seed;
        buf_init(&s->metadata, SIZE_MAX);
        s->metrics = metrics_new(1);
        s->http = http_server_new(&s->loop, &limits, &app, s->metrics);
        return s;
}

static void server_free(struct metadata_server *s)
{
        int busy;

        http_server_free(s->http);
        metrics_free(s->metrics);
        buf_deinit(&s->metadata);
        busy = uv_loop_close(&s->loop);
        assert(busy == 0);
        free(s);
}

struct metadata_server *metadata_server_start(const struct options *o, const char **ret_address,
                                              struct error *err)
{
        struct metadata_server *s = server_new(o);

        if (http_server_listen(s->http, o->metadata_listen, ret_address, err) != 0) {
                on_stop(&s->stop);
                run(s);
                server_free(s);
                return NULL;
        }
        if (uv_thread_create(&s->thread, run, s) != 0)
                abort();
        return s;
}

void metadata_server_stop(struct metadata_server *s)
{
        if (s == NULL)
                return;
        uv_async_send(&s->stop);
        uv_thread_join(&s->thread);
        server_free(s);
}
