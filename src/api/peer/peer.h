/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_PEER_H
#define API_PEER_H

#include "api_private.h"
#include "crr/core/peer_answer.h"
#include "crr/core/peer_query.h"
#include "crr/http/router.h"

/*
 * The members' own dialect: PROTOCOL.md beside this file. Only members may speak it.
 */

/* A question from its body to its answer. */
struct peer_exchange {
        const struct api *api;
        struct http_request *req;
        enum peer_question question;
        struct body_read read;
        struct peer_query query;
        struct buf rows; /* PAGE, FIND: what the door gave so far */
        union {
                struct list_request list;
                struct get_request get;
                struct retry_request retry;
        } door;
};

/* peer_exchange.c: who asks is proven, and the body read; then `ask` gets a question that is whole.
 */
void peer_exchange_begin(const struct api *api, struct http_request *req,
                         enum peer_question question);
void peer_exchange_fail(struct peer_exchange *x, const struct error *err);

void peer_ask_page(struct peer_exchange *x);
void peer_ask_find(struct peer_exchange *x);
void peer_ask_retry(struct peer_exchange *x);
void peer_ask_status(struct peer_exchange *x);

#endif
