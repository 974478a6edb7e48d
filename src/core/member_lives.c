/* SPDX-License-Identifier: Apache-2.0 */
/* The lives of a member's partitions: they come, leave, and are read anew. */
#include <stdlib.h>

#include "crr/base/log.h"
#include "member_private.h"

void member_drop(struct member *m, int partition)
{
        failure_table_drop(m->table, partition);
        m->is_reaping = true;
}

/* What waits for the partition is looked at in slices (overlay_work()); what is queued, when it is
 * its turn. */
static void end_life(struct member *m, struct partition *p)
{
        bool had_records = p->waiting != NULL;

        if (p->waiting != NULL) {
                p->waiting->next = m->left;
                m->left = p->waiting;
        }
        p->waiting = NULL;
        p->n_notes = 0;
        p->life = ++m->lives;
        if (had_records)
                p->left = p->life;
        batcher_invalidate(&m->batcher);
}

static void begin_life(struct member *m, struct partition *p, int64_t position)
{
        partition_restore(p, position, m->now_ms);
        p->life = ++m->lives;
        p->waiting = calloc(1, sizeof *p->waiting);
        if (p->waiting == NULL)
                abort();
}

static void begin_anew(struct member *m, struct partition *p)
{
        begin_life(m, p, 0);
        p->content = p->life;
        p->is_entangled = false;
}

static void restart(struct member *m, struct partition *p)
{
        end_life(m, p);
        member_drop(m, p->id);
        begin_anew(m, p);
}

void member_on_topology(struct member *m, int n_partitions)
{
        int before = m->n_partitions;

        if (n_partitions == before)
                return;
        m->n_partitions = n_partitions;
        parking_end(m);
        if (n_partitions == 0 || m->assigned == 0)
                return;
        log_emit(LOG_TOPIC_CHANGED,
                 LOG_FIELDS(log_c("topic", m->config.failures_topic),
                            log_i("partitions", n_partitions), log_i("before", before)),
                 "identities belong to other partitions now: all are restored anew");
        for (int i = 0; i < LIMIT_PARTITIONS; i++) {
                if (partition_state(&m->partitions[i]) == PARTITION_ABSENT)
                        continue;
                end_life(m, &m->partitions[i]);
                member_drop(m, i);
        }
        for (int i = 0; i < LIMIT_PARTITIONS; i++) {
                if (partition_state(&m->partitions[i]) == PARTITION_ABSENT)
                        continue;
                begin_anew(m, &m->partitions[i]);
                m->ports.group->resume(m->ports.group, i, 0);
        }
}

int64_t member_on_assigned(struct member *m, int partition)
{
        struct partition *p = member_partition(m, partition);

        if (p == NULL)
                return 0;
        if (partition_state(p) == PARTITION_ABSENT)
                m->assigned++;
        if (parking_resume(m, p))
                begin_life(m, p, p->position);
        else
                restart(m, p);
        return p->position;
}

void member_on_revoked(struct member *m, int partition)
{
        struct partition *p = member_partition(m, partition);
        bool is_kept;

        if (p == NULL || partition_state(p) == PARTITION_ABSENT)
                return;
        m->assigned--;
        is_kept = parking_begin(m, p);
        partition_leave(p);
        end_life(m, p);
        if (!is_kept)
                member_drop(m, partition);
}

void member_on_reset(struct member *m, int partition, const char *cause)
{
        struct partition *p = member_partition(m, partition);

        if (p == NULL || partition_state(p) == PARTITION_ABSENT)
                return;
        log_emit(LOG_PARTITION_RESET,
                 LOG_FIELDS(log_i("partition", partition), log_c("cause", cause)),
                 "the partition is restored from its beginning");
        restart(m, p);
}
