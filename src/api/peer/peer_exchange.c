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
#include "crr/core/peer_serve.h"
#include "peer.h"

/* A question from its body to its answer. */
struct exchange {
        const struct api *api;
        struct http_request *req;
        enum peer_question question;
        struct body_read read;
        struct peer_serving serving;
};

static int check_address(const struct api_config *config, const struct http_request *req,
                         struct error *err)
{
        char address[HTTP_ADDRESS_SIZE];

        http_request_remote(req, address);
        for (size_t i = 0; i < config->n_allow; i++)
                if (network_has(&config->allow[i], str_from(address)))
                        return 0;
        return error_set(err, ERR_ACCESS_DENIED,
                         "%s is not in peer.allow_from, and this member has no peer.secret",
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

static void exchange_on_served(struct peer_serving *serving, struct buf *answer,
                               const struct error *err)
{
        struct exchange *x = serving->data;

        if (err != NULL)
                answer_error(x->api, x->req, err, 0);
        else
                answer_ok(x->req, answer);
}

static void serve(struct exchange *x)
{
        int64_t deadline_ms = time_monotonic_ms() + x->serving.query.timeout_ms;

        x->serving.door = x->api->door;
        x->serving.data = x;
        x->serving.done = exchange_on_served;
        x->serving.deadline_ms =
                deadline_ms < x->req->deadline_ms ? deadline_ms : x->req->deadline_ms;
        peer_serve(&x->serving, x->question);
}

static void exchange_on_read(struct body_read *read, const struct error *fault)
{
        struct exchange *x = read->data;
        struct error err;

        if (fault == NULL && peer_query_check(&x->serving.query, x->question, &err) != 0)
                fault = &err;
        if (fault != NULL)
                answer_error(x->api, x->req, fault, 0);
        else
                serve(x);
}

void peer_exchange_begin(const struct api *api, struct http_request *req,
                         enum peer_question question)
{
        struct exchange *x = arena_alloc(&req->arena, sizeof *x);
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
        peer_query_begin(&x->serving.query, &req->arena, PEER_ENTRIES_MAX);
        x->read = (struct body_read){
                .req = req,
                .events = &peer_query_events,
                .events_data = &x->serving.query,
                .data = x,
                .done = exchange_on_read,
        };
        body_reader_submit(api->bodies, &x->read);
}
