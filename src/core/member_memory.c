/* SPDX-License-Identifier: Apache-2.0 */
/* The table's memory: partitions that wait for room, and what is freed, given back or got ahead. */
#include "crr/base/log.h"
#include "member_private.h"

#define REAP_STEPS  16   /* blocks of records a turn */
#define TRIM_STEPS  32   /* likewise, when there is nothing better to do */
#define TRIM_MS     1000 /* between two looks whether there is memory to give back */
#define RESUME_ROOM 0.05 /* of the memory limit */
#define HOLD_MS     1000 /* at least */

static bool has_room(const struct member *m, enum partition_shortage shortage)
{
        size_t limit = failure_table_memory_limit(m->table);

        if (shortage == SHORT_OF_SITES)
                return failure_table_sites_left(m->table) > 0;
        return (double)failure_table_room(m->table) >= RESUME_ROOM * (double)limit;
}

void member_memory_resume(struct member *m, struct partition *p)
{
        if (partition_state(p) != PARTITION_FULL || m->is_reaping)
                return;
        if (m->now_ms < p->since_ms + HOLD_MS || !has_room(m, p->shortage))
                return;
        log_emit(LOG_PARTITION_RESUMED, LOG_FIELDS(log_i("partition", p->id)),
                 "there is room in the table again");
        partition_resume(p, m->now_ms);
        m->ports.group->resume(m->ports.group, p->id, p->position);
}

/* Memory is given back when nothing is restored: that would take it again. */
void member_memory_tick(struct member *m, bool is_restoring)
{
        if (m->now_ms < m->trim_due_ms)
                return;
        m->trim_due_ms = m->now_ms + TRIM_MS;
        m->is_trimming = !is_restoring && failure_table_is_loose(m->table);
}

/* What was dropped goes first: it leaves the most behind. */
bool member_memory_work(struct member *m)
{
        if (m->is_reaping)
                m->is_reaping = failure_table_reap(m->table, REAP_STEPS);
        else if (m->is_trimming)
                m->is_trimming = failure_table_trim(m->table, TRIM_STEPS);
        return m->is_reaping || m->is_trimming;
}

bool member_wants_pages(struct member *m, struct page_range *ret)
{
        return failure_table_wants_pages(m->table, ret);
}

void member_got_pages(struct member *m, const struct page_range *range)
{
        failure_table_got_pages(m->table, range);
}
