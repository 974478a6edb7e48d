/* SPDX-License-Identifier: Apache-2.0 */
#include "crr/api/api.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "answer.h"
#include "crr/base/log.h"
#include "crr/base/time.h"
#include "dialect.h"

struct api *api_new(const struct api_config *config, struct retry_service *door,
                    struct metrics *metrics, const struct api_health *health)
{
        struct api *api = calloc(1, sizeof *api);

        if (api == NULL)
                abort();
        assert(config->max_elements > 0);
        api->config = *config;
        api->door = door;
        api->metrics = metrics;
        api->health = *health;
        api->bodies = body_reader_new();
        api->writings = writings_new();
        return api;
}

void api_free(struct api *api)
{
        if (api == NULL)
                return;
        body_reader_free(api->bodies);
        writings_free(api->writings);
        free(api);
}

void api_set_config(struct api *api, const struct api_config *config)
{
        assert(config->max_elements > 0);
        api->config = *config;
}

bool api_work(struct api *api)
{
        bool any = body_reader_has_work(api->bodies); /* what is read now goes to the door */

        body_reader_work(api->bodies);
        any |= writings_work(api->writings);
        return any;
}

/* True when the request was taken: handled, or refused for its method. */
static bool dispatch(struct api *api, const struct dialect *d, struct http_request *req)
{
        struct str path = req->path;
        const struct route *route;
        struct route_args args;
        const char *allow;

        if (d->canonical_path != NULL)
                path = d->canonical_path(req->path, &req->arena);
        if (path.base == NULL)
                return false;
        switch (route_find(d->routes, req->method, path, &route, &args, &allow)) {
        case ROUTE_FOUND:
                req->dialect = d->name;
                req->route = route->name;
                route->handler(api, req, &args);
                return true;
        case ROUTE_NO_METHOD:
                req->dialect = d->name;
                answer_method_not_allowed(req, allow);
                return true;
        case ROUTE_NO_PATH:
                break;
        }
        return false;
}

void api_on_request(void *data, struct http_request *req)
{
        struct api *api = data;
        struct error err;
        struct str shown;

        for (size_t i = 0; dialects[i] != NULL; i++)
                if (dispatch(api, dialects[i], req))
                        return;
        shown = str_is_utf8(req->path) ? req->path : STR("the path is not UTF-8");
        error_set(&err, ERR_ROUTE_NOT_FOUND, "no such route: %.*s", STR_ARG(shown));
        answer_error(api, req, &err, 0);
}

bool api_is_apart(void *data, struct str path)
{
        const struct route *route;
        struct route_args args;
        const char *allow;

        (void)data;
        for (size_t i = 0; dialects[i] != NULL; i++)
                if (dialects[i]->is_apart && route_find(dialects[i]->routes, HTTP_GET, path, &route,
                                                        &args, &allow) != ROUTE_NO_PATH)
                        return true;
        return false;
}

void api_render_error(void *data, const struct error *err, struct buf *out)
{
        answer_render_error(err, out);
}

static const char *method_label(const struct http_request *req)
{
        switch (req->method) {
        case HTTP_GET:
                return req->is_head ? "HEAD" : "GET";
        case HTTP_POST:
                return "POST";
        case HTTP_OTHER:
                break;
        }
        return "OTHER";
}

static void log_answer(const struct http_request *req, const char *method, int status,
                       int64_t duration_ms)
{
        if (status == STATUS_CLIENT_GONE)
                log_emit(LOG_HTTP_CANCELED,
                         LOG_FIELDS(log_c("req", req->request_id), log_i("status", status)),
                         "the client left before its answer");
        else
                log_emit(LOG_HTTP_REQUEST,
                         LOG_FIELDS(log_c("req", req->request_id), log_c("method", method),
                                    log_s("path", req->path), log_i("status", status),
                                    log_i("duration_ms", duration_ms)),
                         "answered %d", status);
}

void api_on_answered(void *data, const struct http_request *req, int status)
{
        const struct api *api = data;
        const char *dialect = req->dialect != NULL ? req->dialect : "none";
        const char *route = req->route != NULL ? req->route : "none";
        const char *method = method_label(req);
        int64_t took_us = time_monotonic_us() - req->started_us;
        char code[16];

        snprintf(code, sizeof code, "%d", status);
        metrics_add(api->metrics, METRIC_HTTP_REQUESTS_TOTAL,
                    LABELS_4(dialect, route, method, code), 1);
        metrics_observe(api->metrics, METRIC_HTTP_REQUEST_DURATION, LABELS_2(dialect, route),
                        (double)took_us / 1e6);
        log_answer(req, method, status, took_us / 1000);
}
