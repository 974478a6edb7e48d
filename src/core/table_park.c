/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Partitions that are parked, and dropped.
 *
 * An identity has at most one entry that is shown, but parked ones besides. A parked entry whose
 * identity is put elsewhere is marked as shadowed, and its place is noted: when its partition comes
 * back, only these are looked at. That parked entries may shadow each other is found then, too.
 */
#include <assert.h>
#include <stdlib.h>

#include "table_private.h"

#define UNPARK_STEPS 256

/* SHADOWS */

static void note_shadow(struct failure_table *t, uint32_t handle)
{
        uint8_t *record = record_at(&t->logs.blocks, handle);

        if (record_flags(record) & RECORD_SHADOWED)
                return;
        if (t->n_shadows == t->shadows_capacity) {
                size_t capacity = t->shadows_capacity == 0 ? 16 : 2 * t->shadows_capacity;

                t->shadows = realloc(t->shadows, capacity * sizeof *t->shadows);
                if (t->shadows == NULL)
                        abort();
                t->small_bytes += (capacity - t->shadows_capacity) * sizeof *t->shadows;
                t->shadows_capacity = capacity;
        }
        record_set_flags(record, record_flags(record) | RECORD_SHADOWED);
        t->shadows[t->n_shadows++] = (struct shadow){ record_log_of(&t->logs, handle),
                                                      record_offset(&t->logs.blocks, handle) };
}

void table_note_shadows(struct failure_table *t, const struct sought *s, const uint8_t *except)
{
        struct slot_walk w;

        slot_walk_begin(&w, &t->logs.index, s->hash, s->tag);
        while (slot_walk_next(&w)) {
                const uint8_t *record = record_at(&t->logs.blocks, *slot_handle(&w));

                if (record != except && table_is_sought(record, s) &&
                    table_standing(t, *slot_handle(&w)) == LOG_PARKED)
                        note_shadow(t, *slot_handle(&w));
        }
}

static void forget_shadows(struct failure_table *t, int partition)
{
        size_t n = 0;

        for (size_t i = 0; i < t->n_shadows; i++)
                if (record_log_at(&t->logs, t->shadows[i].log)->partition != partition)
                        t->shadows[n++] = t->shadows[i];
        t->n_shadows = n;
}

/* PARKING */

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

/* One of two entries of an identity goes: the parked one, or the one that is shown. */
static void settle_conflict(struct failure_table *t, uint8_t *parked, const struct found *shown)
{
        const uint8_t *other = record_at(&t->logs.blocks, shown->handle);
        struct slot_walk slot = shown->slot;

        if (record_timestamp_ms(parked) <= record_timestamp_ms(other))
                slot_index_find(&t->logs.index, record_hash(parked),
                                record_handle(&t->logs.blocks, parked), &slot);
        table_remove(t, record_hash(parked), &slot);
}

static void uncover(struct failure_table *t, const struct shadow *shadow)
{
        uint8_t *parked = record_log_find(&t->logs, shadow->log, shadow->offset);
        struct sought s;
        struct found found;

        assert(parked != NULL);
        record_set_flags(parked, record_flags(parked) & ~(unsigned)RECORD_SHADOWED);
        table_seek_record(t, parked, &s);
        table_note_shadows(t, &s, parked);
        if (table_find(t, &s, &found) && !found.is_dropped)
                settle_conflict(t, parked, &found);
}

bool failure_table_unpark(struct failure_table *t, int partition)
{
        unsigned steps = 0;
        size_t i = 0;

        if (!t->partitions[partition].is_parked)
                return false;
        while (i < t->n_shadows) {
                struct shadow shadow = t->shadows[i];

                if (record_log_at(&t->logs, shadow.log)->partition != partition) {
                        i++;
                        continue;
                }
                if (steps++ == UNPARK_STEPS)
                        return true;
                t->shadows[i] = t->shadows[--t->n_shadows];
                uncover(t, &shadow);
        }
        set_standing(t, partition, LOG_SHOWN);
        return false;
}

/* DROPPING */

void failure_table_drop(struct failure_table *t, int partition)
{
        if (t->partitions[partition].is_parked)
                forget_shadows(t, partition);
        else
                set_standing(t, partition, LOG_PARKED);
        while (t->partitions[partition].first_log != NO_LOG) {
                uint32_t log = t->partitions[partition].first_log;
                struct record_log *l = record_log_at(&t->logs, log);

                table_leave_partition(t, log);
                l->standing = LOG_DROPPED;
                l->next = t->dropped_log;
                t->dropped_log = log;
        }
        t->partitions[partition].is_parked = false;
}
