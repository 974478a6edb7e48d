/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_HTTP_HTTP_BODY_H
#define CRR_SRC_HTTP_HTTP_BODY_H

#include <stdbool.h>
#include <stddef.h>

#include "crr/base/str.h"
#include "crr/http/http_budget.h"

/*
 * The bytes of a request's body, one behind the other. A small one stands in the heap; a large one
 * in pages of its own, which the kernel moves when there must be more: nothing is copied, however
 * much has come, and the heap has no part in it.
 *
 * Ownership  A view of the bytes ends at the next append.
 * Cost       An append: its bytes. A body that outgrows HTTP_BODY_SMALL is copied once. The pages
 *            of one that is released are given back little by little (http_budget_work()).
 * Units      `kept`: bytes of memory, which count in the budget.
 * Errors     False: the system gives no more memory; the body is as it was.
 */
#define HTTP_BODY_SMALL ((size_t)65536)

struct http_body {
        char *base;
        size_t len, capacity;
        size_t kept; /* of the capacity what has memory */
        bool is_mapped;
};

/* Begin with a zeroed one. */
bool http_body_append(struct http_body *b, struct http_budget *budget, const void *bytes, size_t n);
void http_body_release(struct http_body *b, struct http_budget *budget); /* zeroes it */

static inline struct str http_body_str(const struct http_body *b)
{
        return (struct str){ b->base != NULL ? b->base : "", b->len };
}

#endif
