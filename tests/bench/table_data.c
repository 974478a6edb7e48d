/* SPDX-License-Identifier: Apache-2.0 */
#include "table_data.h"

#include <stdbool.h>
#include <string.h>

static int n_partitions;

uint64_t data_mix(uint64_t x)
{
        x += UINT64_C(0x9e3779b97f4a7c15);
        x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
        return x ^ x >> 31;
}

/* A Feistel network over the next even number of bits; what falls outside goes round again. */
uint64_t data_shuffled(uint64_t i, uint64_t n)
{
        unsigned half = 1;
        uint64_t mask;

        while (UINT64_C(1) << 2 * half < n)
                half++;
        mask = (UINT64_C(1) << half) - 1;
        do {
                uint64_t left = i >> half, right = i & mask;

                for (unsigned round = 0; round < 4; round++) {
                        uint64_t mixed = left ^ (data_mix(right + (round << 24)) & mask);

                        left = right;
                        right = mixed;
                }
                i = left << half | right;
        } while (i >= n);
        return i;
}

void data_init(int partitions)
{
        n_partitions = partitions;
}

void data_failure(uint64_t id, uint64_t seq, struct dataset_row *ret)
{
        uint64_t random = data_mix(id);
        struct failure *f = &ret->failure;

        dataset_row(id, ret);
        f->partition = (int)(data_mix(seq >> 8 ^ 0xabcdef) % (unsigned)n_partitions);
        f->offset = 1000 + (int64_t)seq * 2 + (int64_t)(random & 1);
        f->timestamp_ms = f->failed_at_ms + (int64_t)(random >> 50 & 0x7ff);
}

static bool is_packable(struct str s)
{
        for (size_t i = 0; i < s.len; i++)
                if (strchr("0123456789abcdef", s.base[i]) == NULL)
                        return false;
        return s.len % 2 == 0;
}

size_t data_least_bytes(const struct failure *f)
{
        size_t version = f->id.version_id.len;

        return f->id.key.len + (is_packable(f->id.version_id) ? version / 2 : version);
}
