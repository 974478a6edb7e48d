/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parking: what the table has of a partition that left is kept for PARK_MS, unseen. If the
 * partition comes back it goes on at its position: what the table says of a partition follows from
 * the log below that, whoever owned it meanwhile. So it is RESTORING again, with little to read.
 *
 * It is read from its beginning all the same when something besides its rows would be missed, or
 * not be as if it had been read in one go:
 *   - something was owed to the log that no row tells of (settle.c), or such a note was dropped;
 *   - a record that belongs elsewhere was read there, or one that belongs there elsewhere, before
 *     it left or meanwhile: which of them counts is told when they are read one after the other,
 *     and then what is known of either partition rests on both (parking_spoil());
 *   - the topic's number of partitions has changed.
 *
 * That the topic was made anew meanwhile the Kafka layer finds (kafka_anchors.h). Where memory is
 * short, what is parked goes first.
 */
#include "crr/base/log.h"
#include "member_private.h"

#define PARK_MS 30000

static bool is_parked(const struct partition *p)
{
        return p->parked_until_ms != INT64_MIN;
}

static void unmark(struct member *m, struct partition *p)
{
        p->parked_until_ms = INT64_MIN;
        m->n_parked--;
}

bool parking_begin(struct member *m, struct partition *p)
{
        if (p->position == 0 || p->id >= m->n_partitions || p->is_entangled || p->n_notes > 0)
                return false;
        failure_table_park(m->table, p->id);
        p->parked_until_ms = m->now_ms + PARK_MS;
        m->n_parked++;
        return true;
}

static void end(struct member *m, struct partition *p)
{
        unmark(m, p);
        member_drop(m, p->id);
}

bool parking_resume(struct member *m, struct partition *p)
{
        if (!is_parked(p))
                return false;
        if (m->now_ms >= p->parked_until_ms || !failure_table_unpark(m->table, p->id)) {
                end(m, p);
                return false;
        }
        unmark(m, p);
        log_emit(LOG_PARTITION_BACK,
                 LOG_FIELDS(log_i("partition", p->id), log_i("position", p->position)),
                 "a partition is back before its entries were dropped: it goes on where it was");
        return true;
}

void parking_spoil(struct member *m, int partition)
{
        struct partition *p = member_partition(m, partition);

        if (p == NULL)
                return;
        p->is_entangled = true;
        if (is_parked(p))
                p->parked_until_ms = m->now_ms;
}

void parking_end(struct member *m)
{
        for (int i = 0; i < LIMIT_PARTITIONS && m->n_parked > 0; i++)
                if (is_parked(&m->partitions[i]))
                        end(m, &m->partitions[i]);
}

void parking_tick(struct member *m, bool is_memory_short)
{
        if (is_memory_short)
                parking_end(m);
        for (int i = 0; i < m->n_partitions && m->n_parked > 0; i++)
                if (is_parked(&m->partitions[i]) && m->now_ms >= m->partitions[i].parked_until_ms)
                        end(m, &m->partitions[i]);
}
