/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: headers and query are checked, the body waits for its turns in the body
 * reader, its elements become a request of the door, which publishes; done renders what was
 * published.
 *
 * Possible failures are: a bad query, header or body (answered as soon as it is seen, nothing is
 * published); partitions that entries need are unknown, or Kafka refuses (503 from the door); the
 * outcome is not known at the deadline (504). A client that goes away before its body is read is
 * not served; after that the retry goes on without it.
 */
#include <stddef.h>

#include "answer.h"
#include "crr.h"
#include "crr/base/limits.h"
#include "crr_body.h"
#include "crr_query.h"
#include "crr_render.h"

/* What is committed must be told: above any answer that a body of this size can ask for. */
#define ANSWER_LIMIT         ((size_t)512 * 1024 * 1024)
#define RESERVED_MOST        ((size_t)16 * 1024 * 1024)
#define COVERAGE_LIMIT       8192u
#define TRACEPARENT_MAX_SIZE 256

struct retry {
        const struct api *api;
        struct http_request *req;
        struct body_read read;
        struct crr_body body;
        struct retry_request door;

        struct writing writing;
        struct buf out;
        struct json_writer json;
        size_t written; /* entries, those that are left out too */
};

static int idempotency_key_check(struct str key, struct error *err)
{
        bool ok = key.len >= 1 && key.len <= LIMIT_IDEMPOTENCY_KEY;

        for (size_t i = 0; ok && i < key.len; i++)
                ok = key.base[i] >= 0x20 && key.base[i] <= 0x7e;
        if (!ok)
                return error_set(err, ERR_MALFORMED_POST,
                                 "header Idempotency-Key: must be 1 to %d printable ASCII bytes",
                                 LIMIT_IDEMPOTENCY_KEY);
        return 0;
}

static int read_headers(struct retry_request *door, const struct http_request *req,
                        struct error *err)
{
        struct str key = http_request_header(req, "idempotency-key");
        struct str trace = http_request_header(req, "traceparent");

        door->has_idempotency_key = key.base != NULL;
        if (door->has_idempotency_key && idempotency_key_check(key, err) != 0)
                return err->code;
        door->retry_id = door->has_idempotency_key ? uuid_v5_url(key) : uuid_v4();
        /* The header is a courtesy to tracing systems: a wrong one is no reason to refuse. */
        if (trace.len > 0 && trace.len <= TRACEPARENT_MAX_SIZE)
                door->traceparent = trace;
        return 0;
}

static void answer_published(struct retry *r)
{
        struct http_header header = { .name = STR("Crr-Coverage") };
        struct buf coverage;

        if (coverage_is_whole(&r->door.coverage)) {
                answer_ok(r->req, &r->out);
                return;
        }
        buf_init(&coverage, COVERAGE_LIMIT);
        crr_render_coverage_header(&coverage, &r->door.coverage);
        header.value = buf_str(&coverage);
        answer_ok_with_header(r->req, &r->out, header);
        buf_deinit(&coverage);
}

/* Room for the rest, by the size of the first slice: otherwise the buffer would grow by copying
 * megabytes in one turn. */
static void reserve_rest(struct retry *r)
{
        size_t each = r->out.len / r->written;
        size_t rest = (each + each / 8) * (r->door.n - r->written);

        buf_reserve(&r->out, rest < RESERVED_MOST ? rest : RESERVED_MOST);
}

static bool write_published(struct writing *writing)
{
        struct retry *r = (struct retry *)((char *)writing - offsetof(struct retry, writing));
        size_t left = r->door.n - r->written;
        size_t end = r->written + (left < API_WORK_ROWS ? left : API_WORK_ROWS);

        for (; r->written < end; r->written++)
                if (r->door.entries[r->written].result == RETRY_PUBLISHED)
                        crr_render_failure(&r->json, r->door.entries[r->written].failure,
                                           CRR_ROW_RETRIED);
        if (r->written == API_WORK_ROWS && r->written < r->door.n)
                reserve_rest(r);
        if (r->written < r->door.n)
                return false;
        json_array_close(&r->json);
        answer_published(r);
        return true;
}

static void retry_on_published(struct retry_request *door, const struct error *err)
{
        struct retry *r = door->data;
        struct error explained;

        if (err == NULL) {
                buf_init(&r->out, ANSWER_LIMIT);
                json_writer_init(&r->json, &r->out);
                json_array_open(&r->json);
                r->writing.write = write_published;
                writings_begin(r->api->writings, &r->writing);
                return;
        }
        explained = *err;
        crr_explain_missing(&explained, &door->coverage);
        answer_error(r->api, r->req, &explained, door->retry_after_s);
}

static void retry_on_body(struct body_read *read, const struct error *fault)
{
        struct retry *r = read->data;
        struct error err;

        if (fault == NULL && crr_body_finish(&r->body, &err) != 0)
                fault = &err;
        if (fault != NULL) {
                answer_error(r->api, r->req, fault, 0);
                return;
        }
        r->door.entries = r->body.entries;
        r->door.n = r->body.n;
        retry_service_retry(r->api->door, &r->door);
}

/* 0 when the retry is ready to read its body. */
static int retry_init(struct retry *r, const struct api *api, struct http_request *req,
                      struct error *err)
{
        struct crr_query query;
        int rc = crr_query_parse(&query, req, CRR_PARAM_PARTIAL, err);

        r->api = api;
        r->req = req;
        r->door = (struct retry_request){
                .data = r,
                .partial = query.partial,
                .deadline_ms = req->deadline_ms,
                .arena = &req->arena,
                .done = retry_on_published,
        };
        r->read = (struct body_read){
                .req = req,
                .events = &crr_body_events,
                .events_data = &r->body,
                .data = r,
                .done = retry_on_body,
        };
        if (rc == 0)
                rc = read_headers(&r->door, req, err);
        if (rc == 0)
                rc = crr_body_init(&r->body, req->body, api->config.max_elements, &req->arena, err);
        return rc;
}

void crr_on_retry(void *data, struct http_request *req, const struct route_args *args)
{
        const struct api *api = data;
        struct retry *r = arena_alloc(&req->arena, sizeof *r);
        struct error err;

        if (r == NULL)
                error_set(&err, ERR_TOO_LARGE, "the request is too large");
        if (r == NULL || retry_init(r, api, req, &err) != 0) {
                answer_error(api, req, &err, 0);
                return;
        }
        body_reader_submit(api->bodies, &r->read);
}
