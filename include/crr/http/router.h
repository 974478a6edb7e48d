/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_HTTP_ROUTER_H
#define CRR_HTTP_ROUTER_H

#include <stddef.h>

#include "crr/base/str.h"

/*
 * A route table is data: method, pattern, handler, and one line for the documentation. `{name}`
 * matches one segment (no '/', not empty), `{name*}` the whole rest (not empty). Paths are matched
 * raw, before percent-decoding.
 */
enum http_method { HTTP_GET, HTTP_POST, HTTP_OTHER }; /* HEAD is a GET without a body */

struct http_request;
struct route_args;

typedef void (*route_handler)(void *data, struct http_request *req, const struct route_args *args);

struct route {
        enum http_method method;
        const char *pattern;
        route_handler handler;
        const char *name; /* for the metrics' label "route" */
        const char *summary;
};

#define ROUTE_MAX_ARGS 4

struct route_args {
        size_t n;
        struct str arg[ROUTE_MAX_ARGS]; /* point into the path */
};

enum route_result { ROUTE_FOUND, ROUTE_NO_METHOD, ROUTE_NO_PATH };

/* routes ends with a NULL pattern. On ROUTE_FOUND *ret and *ret_args are set. On ROUTE_NO_METHOD
 * *ret_allow is the value of the Allow header: "GET, HEAD", "GET, HEAD, POST" or "POST". */
enum route_result route_find(const struct route *routes, enum http_method method, struct str path,
                             const struct route **ret, struct route_args *ret_args,
                             const char **ret_allow);

#endif
