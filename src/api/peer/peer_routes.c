/* SPDX-License-Identifier: Apache-2.0 */
#include "dialect.h"
#include "peer.h"

static void on_page(void *data, struct http_request *req, const struct route_args *args)
{
        peer_exchange_begin(data, req, PEER_PAGE);
}

static void on_find(void *data, struct http_request *req, const struct route_args *args)
{
        peer_exchange_begin(data, req, PEER_FIND);
}

static void on_retry(void *data, struct http_request *req, const struct route_args *args)
{
        peer_exchange_begin(data, req, PEER_RETRY);
}

static void on_status(void *data, struct http_request *req, const struct route_args *args)
{
        peer_exchange_begin(data, req, PEER_STATUS);
}

static void on_know(void *data, struct http_request *req, const struct route_args *args)
{
        peer_exchange_begin(data, req, PEER_KNOW);
}

static const struct route routes[] = {
        { HTTP_POST, PEER_PATH "page", on_page, "page",
          "Failures of partitions, from a marker on" },
        { HTTP_POST, PEER_PATH "find", on_find, "find", "Failures of one object version" },
        { HTTP_POST, PEER_PATH "retry", on_retry, "retry", "Retry failures of this member" },
        { HTTP_POST, PEER_PATH "status", on_status, "status", "This member and its partitions" },
        { HTTP_POST, PEER_PATH "know", on_know, "know",
          "Which identities this member does not know" },
        { .pattern = NULL },
};

extern const struct dialect peer_dialect;

const struct dialect peer_dialect = { .name = "peer", .routes = routes, .is_apart = true };
