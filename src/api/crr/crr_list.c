/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: the query is parsed into a request of the door, which calls row for each
 * failure (rendered at once, since it is borrowed) and then done; done puts what stands before and
 * after around the rows and answers.
 *
 * Possible failures are: a bad query (answered at once); partitions whose failures are unknown
 * (503 that names them, unless the client takes a partial answer).
 */
#include "answer.h"
#include "crr.h"
#include "crr/base/limits.h"
#include "crr/base/url.h"
#include "crr_query.h"
#include "crr_render.h"

/* A page of LIMIT_PAGE_ROWS whose every byte is escaped stays below it. */
#define PAGE_LIMIT ((size_t)32 * 1024 * 1024)

struct listing {
        const struct api *api;
        struct http_request *req;
        struct buf rows;
        struct json_writer writer; /* over rows */
        struct str role;           /* absent: every role */
        union {
                struct list_request list;
                struct get_request get;
        } door;
};

static struct listing *listing_new(const struct api *api, struct http_request *req)
{
        struct listing *l = arena_alloc(&req->arena, sizeof *l);
        struct error err;

        if (l == NULL) {
                error_set(&err, ERR_TOO_LARGE, "the request is too large");
                answer_error(api, req, &err, 0);
                return NULL;
        }
        l->api = api;
        l->req = req;
        buf_init(&l->rows, PAGE_LIMIT);
        json_writer_init(&l->writer, &l->rows);
        return l;
}

static void listing_on_row(struct listing *l, const struct failure *f)
{
        if (l->role.base == NULL || str_eq(l->role, f->role))
                crr_render_failure(&l->writer, f, CRR_ROW_LISTED);
}

/* Answers, after which the listing is gone with its request. */
static void listing_on_done(struct listing *l, const struct error *err, const uint64_t *next_marker,
                            const struct coverage *coverage)
{
        struct error explained;
        struct buf lead;

        if (err != NULL) {
                explained = *err;
                crr_explain_missing(&explained, coverage);
                buf_deinit(&l->rows);
                answer_error(l->api, l->req, &explained, 0);
                return;
        }
        buf_init(&lead, CRR_PAGE_BEGIN_LIMIT);
        crr_render_page_begin(&lead, next_marker);
        crr_render_page_end(&l->writer, coverage);
        answer_page(l->req, buf_str(&lead), &l->rows);
        buf_deinit(&lead);
}

static void list_on_row(struct list_request *door, const struct failure *f)
{
        listing_on_row(door->data, f);
}

static void list_on_done(struct list_request *door, const struct error *err)
{
        listing_on_done(door->data, err, door->truncated ? &door->next_marker : NULL,
                        &door->coverage);
}

void crr_on_list(void *data, struct http_request *req, const struct route_args *args)
{
        const struct api *api = data;
        struct crr_query query;
        struct listing *l;
        struct error err;

        if (crr_query_parse(&query, req,
                            CRR_PARAM_SITENAME | CRR_PARAM_MARKER | CRR_PARAM_MAX_KEYS |
                                    CRR_PARAM_PARTIAL,
                            &err) != 0) {
                answer_error(api, req, &err, 0);
                return;
        }
        l = listing_new(api, req);
        if (l == NULL)
                return;
        l->door.list = (struct list_request){
                .data = l,
                .site = query.site,
                .marker = query.marker,
                .max_rows = query.max_keys,
                .partial = query.partial,
                .arena = &req->arena,
                .row = list_on_row,
                .done = list_on_done,
        };
        retry_service_list(api->door, &l->door.list);
}

static void get_on_row(struct get_request *door, const struct failure *f)
{
        listing_on_row(door->data, f);
}

static void get_on_done(struct get_request *door, const struct error *err)
{
        listing_on_done(door->data, err, NULL, &door->coverage);
}

/* A part of the path into text, in the arena. */
static int decode_part(struct str *ret, const char *name, struct str raw, size_t max,
                       struct arena *arena, struct error *err)
{
        struct buf text;
        bool ok;

        buf_init(&text, raw.len + 1);
        ok = url_decode(&text, raw, false);
        *ret = arena_str(arena, buf_str(&text));
        buf_deinit(&text);
        if (!ok)
                return error_set(err, ERR_INVALID_QUERY, "%s: a bad percent-escape", name);
        if (ret->base == NULL)
                return error_set(err, ERR_TOO_LARGE, "the request is too large");
        if (!str_is_utf8(*ret))
                return error_set(err, ERR_INVALID_QUERY, "%s: not UTF-8", name);
        if (ret->len > max)
                return error_set(err, ERR_INVALID_QUERY, "%s: must be at most %zu bytes, is %zu",
                                 name, max, ret->len);
        return 0;
}

void crr_on_object(void *data, struct http_request *req, const struct route_args *args)
{
        const struct api *api = data;
        struct str bucket, key;
        struct crr_query query;
        struct listing *l;
        struct error err;

        if (decode_part(&bucket, "bucket", args->arg[0], LIMIT_BUCKET_BYTES, &req->arena, &err) ||
            decode_part(&key, "key", args->arg[1], LIMIT_KEY_BYTES, &req->arena, &err) ||
            crr_query_parse(&query, req,
                            CRR_PARAM_VERSION_ID | CRR_PARAM_SITENAME | CRR_PARAM_ROLE |
                                    CRR_PARAM_PARTIAL,
                            &err)) {
                answer_error(api, req, &err, 0);
                return;
        }
        l = listing_new(api, req);
        if (l == NULL)
                return;
        l->role = query.role;
        l->door.get = (struct get_request){
                .data = l,
                .bucket = bucket,
                .key = key,
                .version_id = query.version_id,
                .site = query.site,
                .partial = query.partial,
                .arena = &req->arena,
                .row = get_on_row,
                .done = get_on_done,
        };
        retry_service_get(api->door, &l->door.get);
}
