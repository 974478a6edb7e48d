/* SPDX-License-Identifier: Apache-2.0 */
#include "claim.h"

#include <inttypes.h>

void claim_write(const struct claim *c, struct buf *out)
{
        buf_printf(out, "%.*s;%.*s;%" PRIu64 ";%.*s;%.*s;%.*s", STR_ARG(c->url), STR_ARG(c->state),
                   c->epoch, STR_ARG(c->member_id), STR_ARG(c->transactional_id),
                   STR_ARG(c->version));
}

bool claim_parse(struct str text, struct claim *ret)
{
        struct str rest = text, epoch;
        unsigned long long number;

        if (!str_split(rest, ';', &ret->url, &rest) || !str_split(rest, ';', &ret->state, &rest) ||
            !str_split(rest, ';', &epoch, &rest) || !str_split(rest, ';', &ret->member_id, &rest) ||
            !str_split(rest, ';', &ret->transactional_id, &ret->version) ||
            !str_to_u64(epoch, UINT64_MAX, &number))
                return false;
        ret->epoch = number;
        return ret->url.len > 0;
}
