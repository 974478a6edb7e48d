/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Partitions that are parked, and dropped.
 *
 * An identity has at most one entry that is shown, but parked ones besides. Which of them is right
 * the log tells, not the table: a partition that holds a parked entry whose identity was put
 * elsewhere does not come back.
 */
#include "table_private.h"

void table_note_shadows(struct failure_table *t, const struct sought *s)
{
        struct slot_walk w;

        slot_walk_begin(&w, &t->logs.index, s->hash, s->tag);
        while (slot_walk_next(&w)) {
                uint32_t handle = *slot_handle(&w);
                const struct record_log *l =
                        record_log_at(&t->logs, record_log_of(&t->logs, handle));

                if (l->standing == LOG_PARKED &&
                    table_is_sought(record_at(&t->logs.blocks, handle), s))
                        t->partitions[l->partition].is_shadowed = true;
        }
}

static void set_standing(struct failure_table *t, int partition, enum log_standing standing)
{
        uint32_t log = t->partitions[partition].first_log;

        for (; log != NO_LOG; log = record_log_at(&t->logs, log)->next) {
                struct record_log *l = record_log_at(&t->logs, log);

                l->standing = (uint8_t)standing;
                table_count_log(t, l, standing == LOG_SHOWN ? 1 : -1);
                if (standing == LOG_SHOWN)
                        t->n_hidden--;
                else
                        t->n_hidden++;
        }
        t->partitions[partition].is_parked = standing == LOG_PARKED;
}

void failure_table_park(struct failure_table *t, int partition)
{
        if (!t->partitions[partition].is_parked)
                set_standing(t, partition, LOG_PARKED);
}

bool failure_table_unpark(struct failure_table *t, int partition)
{
        if (!t->partitions[partition].is_parked || t->partitions[partition].is_shadowed)
                return false;
        set_standing(t, partition, LOG_SHOWN);
        return true;
}

void failure_table_drop(struct failure_table *t, int partition)
{
        if (!t->partitions[partition].is_parked)
                set_standing(t, partition, LOG_PARKED);
        while (t->partitions[partition].first_log != NO_LOG) {
                uint32_t log = t->partitions[partition].first_log;
                struct record_log *l = record_log_at(&t->logs, log);

                table_leave_partition(t, log);
                l->standing = LOG_DROPPED;
                l->next = t->dropped_log;
                t->dropped_log = log;
        }
        t->partitions[partition].is_parked = t->partitions[partition].is_shadowed = false;
}
