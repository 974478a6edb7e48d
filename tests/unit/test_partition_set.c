/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "crr/base/limits.h"
#include "crr/core/failure_table.h"
#include "draw.h"

static void a_set_has_what_was_added_and_nothing_beside_it(void)
{
        static const int edges[] = { 0, 1, 31, 32, 63, 64, 65, 127, 128, 511, 512, 1022, 1023 };

        for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) {
                struct partition_set s = { { 0 } };

                partition_set_add(&s, edges[i]);
                CHECK_INT(partition_set_count(&s), 1);
                for (int p = 0; p < LIMIT_PARTITIONS; p++)
                        CHECK_INT(partition_set_has(&s, p), p == edges[i]);
                partition_set_add(&s, edges[i]);
                CHECK_INT(partition_set_count(&s), 1);
        }
}

static void it_agrees_with_an_array_of_flags(void)
{
        for (uint64_t seed = 0; seed < 20; seed++) {
                struct draw d = draw_seed(seed);
                struct partition_set s = { { 0 } };
                bool naive[LIMIT_PARTITIONS] = { false };
                int n = 0;

                for (int step = 0; step < 1500; step++) {
                        int p = (int)draw(&d, LIMIT_PARTITIONS);

                        partition_set_add(&s, p);
                        n += !naive[p];
                        naive[p] = true;
                        CHECK_INT(partition_set_count(&s), n);
                }
                for (int p = 0; p < LIMIT_PARTITIONS; p++)
                        CHECK_INT(partition_set_has(&s, p), naive[p]);
        }
}

static void all_partitions_fit(void)
{
        struct partition_set s = { { 0 } };

        for (int p = 0; p < LIMIT_PARTITIONS; p++)
                partition_set_add(&s, p);
        CHECK_INT(partition_set_count(&s), LIMIT_PARTITIONS);
}

int main(void)
{
        RUN(a_set_has_what_was_added_and_nothing_beside_it);
        RUN(it_agrees_with_an_array_of_flags);
        RUN(all_partitions_fit);
        return 0;
}
