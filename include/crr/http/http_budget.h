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
 * Cost   http_budget_work(): HTTP_GIVEN_BACK bytes at most, some 20 us.
 * Errors Whoever adds looks first whether there is room: `used` may pass `limit` by what is added
 *        then, and by answers, which are never refused.
 */
#define HTTP_GIVEN_BACK ((size_t)131072)

struct http_pages; /* http_body.c */

struct http_budget {
        size_t used, limit;
        struct http_pages *leaving; /* pages of bodies that are gone; they count until given back */
};

bool http_budget_has_room(const struct http_budget *budget);

/* A buffer that is filled here, or comes filled, counts from now on until it is released. */
void http_budget_append(struct http_budget *budget, struct buf *b, const void *bytes, size_t n);
void http_budget_take(struct http_budget *budget, const struct buf *filled);
void http_budget_release(struct http_budget *budget, struct buf *b); /* deinits it */

/* Give pages of bodies back to the system, which takes long for many at once; true while there are
 * more. A budget is not done with before. */
bool http_budget_work(struct http_budget *budget);

#endif
