/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_probe.h"

#include "member_private.h"

bool sim_probe_is_ready(const struct member *m, int partition)
{
        return member_partition_is_ready(m, partition);
}

bool sim_probe_answers(const struct member *m, int partition)
{
        return member_answers_for(m, partition);
}

int64_t sim_probe_position(const struct member *m, int partition)
{
        return m->partitions[partition].position;
}

bool sim_probe_get(const struct member *m, const struct identity *id, struct failure *ret)
{
        return failure_table_get(m->table, id, ret);
}

bool sim_probe_has_pending(const struct member *m)
{
        struct failure_counts counts;

        failure_table_counts(m->table, &counts);
        return counts.pending > 0;
}

static void describe(void *data, struct outgoing *o)
{
        buf_printf(data, " %s in state %d of %.*s/%.*s partition %d settles %d@%lld;",
                   outgoing_kind_name(o->kind), (int)outgoing_state(o), STR_ARG(o->failure.id.key),
                   STR_ARG(o->failure.id.site), o->failure.partition, o->settles_partition,
                   (long long)o->settles);
}

void sim_probe_describe(struct member *m, struct buf *out)
{
        outgoing_map_each(&m->retries, describe, out);
        outgoing_map_each(&m->settlements, describe, out);
}

bool sim_probe_is_idle(const struct member *m)
{
        struct member_status status;

        member_status(m, &status);
        return status.in_flight == 0 && status.settlements == 0;
}
