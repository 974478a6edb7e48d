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
 * What clients send has a part of it only, and a larger part where it is a request that stands
 * apart (http_server.h): whatever is posted, members can ask each other, and answers can be
 * written.
 *
 * Units  Bytes of memory, that is the buffers' capacities; of a large body (http_body.h) its pages.
 * Cost   http_budget_work(): HTTP_GIVEN_BACK bytes at most, some 20 us.
 * Errors Nothing is refused here: whoever adds looks whether there is room, before or after.
 *        `received` may pass its part by what one read gives, and `used` the limit by answers,
 *        which are never refused.
 */
#define HTTP_GIVEN_BACK ((size_t)131072)
#define HTTP_PAGE       ((size_t)4096)

struct http_pages; /* http_body.c */

struct http_budget {
        size_t used, limit;
        size_t received;            /* of `used`: what clients have sent */
        struct http_pages *leaving; /* pages of bodies that are gone; they count until given back */
};

/* What so many bytes take in whole pages. */
static inline size_t http_pages_of(size_t bytes)
{
        return (bytes + HTTP_PAGE - 1) / HTTP_PAGE * HTTP_PAGE;
}

/* The part of bodies: three quarters, so that one of as many bytes has its place. */
static inline size_t http_budget_bodies(size_t limit)
{
        return http_pages_of(limit / 4 * 3);
}

static inline size_t http_budget_apart(size_t limit)
{
        return limit / 8 * 7;
}

bool http_budget_has_room(const struct http_budget *budget); /* to read ahead */

/* Has what was received its place? */
bool http_budget_holds(const struct http_budget *budget, bool is_apart);

/* Of what was received: so much memory was had for it, so much is now. */
void http_budget_receive(struct http_budget *budget, size_t before, size_t now);
void http_budget_append(struct http_budget *budget, struct buf *b, const void *bytes, size_t n);
void http_budget_drop(struct http_budget *budget, struct buf *b); /* deinits it */

/* An answer counts from now on until it is released. */
void http_budget_take(struct http_budget *budget, const struct buf *filled);
void http_budget_release(struct http_budget *budget, struct buf *b); /* deinits it */

/* Give pages of bodies back to the system, which takes long for many at once; true while there are
 * more. A budget is not done with before. */
bool http_budget_work(struct http_budget *budget);

#endif
