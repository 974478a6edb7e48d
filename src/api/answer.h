/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_ANSWER_H
#define API_ANSWER_H

#include "api_private.h"
#include "crr/base/buf.h"
#include "crr/base/error.h"
#include "crr/http/http_request.h"

/*
 * Answers in JSON. Each of these answers the request, which is gone afterwards.
 */

/* 200 with the bytes of *body, which are moved out of it. A body that outgrew its limit is 500. */
void answer_ok(struct http_request *req, struct buf *body);
void answer_ok_with_header(struct http_request *req, struct buf *body, struct http_header header);
/* The same with bytes before *body, which are copied. */
void answer_page(struct http_request *req, struct str lead, struct buf *body);
void answer_text(struct http_request *req, struct buf *body, const char *content_type);

/* 503 with Retry-After and a body that says why. */
void answer_unavailable(const struct api *api, struct http_request *req, struct buf *body);

/* The error's status and body; 503 says Retry-After. retry_after_s 0: as /ready would say. */
void answer_error(const struct api *api, struct http_request *req, const struct error *err,
                  unsigned retry_after_s);
void answer_method_not_allowed(struct http_request *req, const char *allow);

/* The code that the wire knows for an error of whatever layer. */
enum error_code answer_wire_code(enum error_code code);

/* Backbeat's shape: {"code":400,"description":"...","InvalidQueryParameter":true}. */
void answer_render_error(const struct error *err, struct buf *out);

#endif
