/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"

#include <stdio.h>

#include "crr/base/json_write.h"
#include "crr/base/log.h"

#define ERROR_BODY_LIMIT      16384u
#define DEFAULT_RETRY_AFTER_S 1u

enum error_code answer_wire_code(enum error_code code)
{
        if (code == ERR_BAD_JSON)
                return ERR_MALFORMED_POST;
        if (code == ERR_KAFKA || code == ERR_TABLE_FULL || code == ERR_SYSTEM ||
            code == ERR_BAD_CONFIG)
                return ERR_UNAVAILABLE;
        return code;
}

/* Messages quote what clients sent, and are cut at a byte: only whole UTF-8 may go out. */
static struct str utf8_prefix(struct str s)
{
        size_t cut = s.len;

        while (cut > 0 && s.len - cut < 4 && !str_is_utf8((struct str){ s.base, cut }))
                cut--;
        s.len = cut;
        return str_is_utf8(s) ? s : STR("the message is not UTF-8");
}

void answer_render_error(const struct error *err, struct buf *out)
{
        enum error_code code = answer_wire_code(err->code);
        struct json_writer w;

        json_writer_init(&w, out);
        json_object_open(&w);
        json_key(&w, "code");
        json_int(&w, error_http_status(code));
        json_key(&w, "description");
        json_str(&w, utf8_prefix(str_from(err->message[0] ? err->message : error_text(code))));
        json_key(&w, error_name(code));
        json_bool(&w, true);
        json_object_close(&w);
}

/* Answers with the bytes of res->lead and *body, or 500 when they outgrew their limit. */
static void answer_with(struct http_request *req, struct http_response res, struct buf *body)
{
        struct error err;

        if (body->overflow) {
                error_set(&err, ERR_INTERNAL, "the answer is larger than %zu bytes", body->limit);
                log_emit(LOG_INTERNAL_ERROR, LOG_FIELDS(log_c("where", "answer")), "%s",
                         err.message);
                buf_clear(body);
                answer_render_error(&err, body);
                res = (struct http_response){ .status = error_http_status(err.code) };
        }
        res.body = buf_move(body);
        http_respond(req, &res);
}

static void answer(struct http_request *req, int status, struct buf *body, const char *content_type,
                   const struct http_header *header)
{
        struct http_response res = { .status = status, .content_type = content_type };

        if (header != NULL)
                res.headers[res.n_headers++] = *header;
        answer_with(req, res, body);
}

void answer_ok(struct http_request *req, struct buf *body)
{
        answer(req, 200, body, NULL, NULL);
}

void answer_page(struct http_request *req, struct str lead, struct buf *body)
{
        answer_with(req, (struct http_response){ .status = 200, .lead = lead }, body);
}

void answer_ok_with_header(struct http_request *req, struct buf *body, struct http_header header)
{
        answer(req, 200, body, NULL, &header);
}

void answer_text(struct http_request *req, struct buf *body, const char *content_type)
{
        answer(req, 200, body, content_type, NULL);
}

static void answer_with_retry_after(const struct api *api, struct http_request *req,
                                    struct buf *body, unsigned retry_after_s)
{
        struct http_header header = { .name = STR("Retry-After") };
        struct api_ready ready = { 0 };
        char text[16];

        if (retry_after_s == 0) {
                api->health.ready(api->health.data, &ready);
                retry_after_s = ready.retry_after_s;
        }
        snprintf(text, sizeof text, "%u",
                 retry_after_s > 0 ? retry_after_s : DEFAULT_RETRY_AFTER_S);
        header.value = str_from(text);
        answer(req, error_http_status(ERR_UNAVAILABLE), body, NULL, &header);
}

void answer_unavailable(const struct api *api, struct http_request *req, struct buf *body)
{
        answer_with_retry_after(api, req, body, 0);
}

void answer_error(const struct api *api, struct http_request *req, const struct error *err,
                  unsigned retry_after_s)
{
        enum error_code code = answer_wire_code(err->code);
        struct buf body;

        buf_init(&body, ERROR_BODY_LIMIT);
        answer_render_error(err, &body);
        if (code == ERR_UNAVAILABLE)
                answer_with_retry_after(api, req, &body, retry_after_s);
        else
                answer(req, error_http_status(code), &body, NULL, NULL);
}

void answer_method_not_allowed(struct http_request *req, const char *allow)
{
        struct http_header header = { STR("Allow"), str_from(allow) };
        struct error err;
        struct buf body;

        error_set(&err, ERR_METHOD_NOT_ALLOWED, "this route answers %s", allow);
        buf_init(&body, ERROR_BODY_LIMIT);
        answer_render_error(&err, &body);
        answer(req, error_http_status(err.code), &body, NULL, &header);
}
