/* SPDX-License-Identifier: Apache-2.0 */
#include "crr/core/failure_table.h"

void partition_set_add(struct partition_set *s, int partition)
{
        s->bits[partition / 64] |= UINT64_C(1) << (partition % 64);
}

bool partition_set_has(const struct partition_set *s, int partition)
{
        return (s->bits[partition / 64] >> (partition % 64) & 1) != 0;
}

int partition_set_count(const struct partition_set *s)
{
        int n = 0;

        for (int i = 0; i < 16; i++)
                n += __builtin_popcountll(s->bits[i]);
        return n;
}
