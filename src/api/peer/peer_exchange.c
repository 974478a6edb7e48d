/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: the asker proves that it is a member; its question is read in slices; it is
 * put to the door as a local one.
 *
 * Possible failures: no proof (403), a question that is not one (400), what the door refuses.
 */
#include "answer.h"
#include "crr/base/time.h"
#include "crr/core/peer_auth.h"
#include "peer.h"

static int check_address(const struct api_config *config, const struct http_request *req,
                         struct error *err)
{
        char address[HTTP_ADDRESS_SIZE];

        http_request_remote(req, address);
        for (size_t i = 0; i < config->n_allow; i++)
                if (network_has(&config->allow[i], str_from(address)))
                        return 0;
        return error_set(err, ERR_ACCESS_DENIED,
                         "%s is not in peer.allow_from, and the members have no peer.secret",
                         address);
}

static int check_member(const struct api_config *config, const struct http_request *req,
                        struct error *err)
{
        if (config->peer_secret.base == NULL)
                return check_address(config, req, err);
        return peer_auth_check(config->peer_secret, req->path, req->body,
                               http_request_header(req, PEER_AUTH_HEADER), time_wall_ms(), err);
}

void peer_exchange_fail(struct peer_exchange *x, const struct error *err)
{
        buf_deinit(&x->rows);
        answer_error(x->api, x->req, err, 0);
}

static void ask(struct peer_exchange *x)
{
        switch (x->question) {
        case PEER_PAGE:
                peer_ask_page(x);
                break;
        case PEER_FIND:
                peer_ask_find(x);
                break;
        case PEER_RETRY:
                peer_ask_retry(x);
                break;
        case PEER_STATUS:
                peer_ask_status(x);
                break;
        }
}

static void exchange_on_read(struct body_read *read, const struct error *fault)
{
        struct peer_exchange *x = read->data;
        struct error err;

        if (fault == NULL && peer_query_check(&x->query, x->question, &err) != 0)
                fault = &err;
        if (fault != NULL)
                peer_exchange_fail(x, fault);
        else
                ask(x);
}

void peer_exchange_begin(const struct api *api, struct http_request *req,
                         enum peer_question question)
{
        struct peer_exchange *x = arena_alloc(&req->arena, sizeof *x);
        struct error err;

        if (x == NULL)
                error_set(&err, ERR_TOO_LARGE, "the request is too large");
        if (x == NULL || check_member(&api->config, req, &err) != 0) {
                answer_error(api, req, &err, 0);
                return;
        }
        x->api = api;
        x->req = req;
        x->question = question;
        peer_query_begin(&x->query, &req->arena, PEER_ENTRIES_MAX);
        x->read = (struct body_read){
                .req = req,
                .events = &peer_query_events,
                .events_data = &x->query,
                .data = x,
                .done = exchange_on_read,
        };
        body_reader_submit(api->bodies, &x->read);
}
