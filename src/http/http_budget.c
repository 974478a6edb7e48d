/* SPDX-License-Identifier: Apache-2.0 */
#include "crr/http/http_budget.h"

bool http_budget_has_room(const struct http_budget *budget)
{
        return budget->used < budget->limit && budget->received < http_budget_bodies(budget->limit);
}

bool http_budget_holds(const struct http_budget *budget, bool is_apart)
{
        if (is_apart)
                return budget->received <= http_budget_apart(budget->limit);
        return budget->used <= budget->limit &&
               budget->received <= http_budget_bodies(budget->limit);
}

void http_budget_receive(struct http_budget *budget, size_t before, size_t now)
{
        budget->used = budget->used - before + now;
        budget->received = budget->received - before + now;
}

void http_budget_append(struct http_budget *budget, struct buf *b, const void *bytes, size_t n)
{
        size_t before = b->capacity;

        buf_append(b, bytes, n);
        http_budget_receive(budget, before, b->capacity);
}

void http_budget_drop(struct http_budget *budget, struct buf *b)
{
        http_budget_receive(budget, b->capacity, 0);
        buf_deinit(b);
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
