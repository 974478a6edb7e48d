/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_HTTP_HTTP_BUDGET_H
#define CRR_HTTP_HTTP_BUDGET_H

#include <stdbool.h>
#include <stddef.h>

#include "crr/base/buf.h"

/*
 * The memory that all connections of a server share for what clients send and do not take: bodies,
 * requests that came ahead of their turn, answers that are not out yet.
 *
 * Units  Bytes of memory, that is the buffers' capacities; of a large body (http_body.h) its pages.
 * Errors Whoever adds looks first whether there is room: `used` may pass `limit` by what is added
 *        then, and by answers, which are never refused.
 */
struct http_budget {
        size_t used, limit;
};

bool http_budget_has_room(const struct http_budget *budget);

/* A buffer that is filled here, or comes filled, counts from now on until it is released. */
void http_budget_append(struct http_budget *budget, struct buf *b, const void *bytes, size_t n);
void http_budget_take(struct http_budget *budget, const struct buf *filled);
void http_budget_release(struct http_budget *budget, struct buf *b); /* deinits it */

#endif
