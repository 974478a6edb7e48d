/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_CRR_QUERY_H
#define API_CRR_QUERY_H

#include <stdbool.h>
#include <stdint.h>

#include "crr/base/error.h"
#include "crr/base/str.h"
#include "crr/http/http_request.h"

/*
 * The queries of the CRR routes. A parameter that a route does not know is refused: a filter that
 * is silently ignored makes a retry hit everything.
 *
 * Ownership  Strings live in the request's arena.
 * Errors     ERR_INVALID_QUERY names the parameter and its rule.
 */
struct crr_query {
        struct str site, role; /* absent: not asked for */
        struct str version_id; /* empty when absent */
        uint64_t marker;
        unsigned max_keys;
        bool partial;
};

enum crr_param {
        CRR_PARAM_SITENAME = 1,
        CRR_PARAM_MARKER = 2,
        CRR_PARAM_MAX_KEYS = 4,
        CRR_PARAM_PARTIAL = 8,
        CRR_PARAM_VERSION_ID = 16,
        CRR_PARAM_ROLE = 32,
};

/* `known` is the set of enum crr_param that the route takes. */
int crr_query_parse(struct crr_query *q, struct http_request *req, unsigned known,
                    struct error *err);

#endif
