/* SPDX-License-Identifier: Apache-2.0 */
#include "crr/http/http_budget.h"

bool http_budget_has_room(const struct http_budget *budget)
{
        return budget->used < budget->limit;
}

void http_budget_append(struct http_budget *budget, struct buf *b, const void *bytes, size_t n)
{
        budget->used -= b->capacity;
        buf_append(b, bytes, n);
        budget->used += b->capacity;
}

void http_budget_take(struct http_budget *budget, const struct buf *filled)
{
        budget->used += filled->capacity;
}

void http_budget_release(struct http_budget *budget, struct buf *b)
{
        budget->used -= b->capacity;
        buf_deinit(b);
}
