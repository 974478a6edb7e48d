/* SPDX-License-Identifier: Apache-2.0 */
#include "standing.h"

static int rank(const struct standing *s)
{
        return 4 * s->is_failure + 2 * s->is_repeated + s->is_home;
}

bool standing_is_newer(const struct standing *next, const struct standing *known)
{
        bool same_partition = next->partition == known->partition;

        if (same_partition && !next->is_moved)
                return true;
        if (next->timestamp_ms != known->timestamp_ms)
                return next->timestamp_ms > known->timestamp_ms;
        if (rank(next) != rank(known))
                return rank(next) > rank(known);
        return same_partition || next->partition < known->partition;
}
