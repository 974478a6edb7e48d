/* SPDX-License-Identifier: Apache-2.0 */
/* What a member says of itself: for /ready, and the gauges for /metrics. */
#include "member_private.h"

static void count_restoring(const struct partition *p, struct member_status *s)
{
        s->restored_records += p->records;
        if (p->target > p->position)
                s->remaining_records += (uint64_t)(p->target - p->position);
}

static void count_partition(const struct member *m, const struct partition *p,
                            struct member_status *s)
{
        switch (partition_state(p)) {
        case PARTITION_ABSENT:
                return;
        case PARTITION_READY:
                s->ready += member_answers_for(m, p->id);
                s->restored_records += p->restored;
                s->behind |= partition_is_behind(p, m->now_ms);
                if (p->watermark > p->position)
                        s->lag_records += (uint64_t)(p->watermark - p->position);
                break;
        case PARTITION_RESTORING:
                s->restoring++;
                count_restoring(p, s);
                break;
        case PARTITION_FULL:
                s->full++;
                count_restoring(p, s);
                break;
        case PARTITION_LEAVING:
                break;
        }
        s->assigned++;
}

/* The most telling reason of all partitions: what an operator can do something about comes first.
 */
static const char *waits_for(const struct member *m)
{
        const char *found = NULL;

        if (m->n_partitions == 0)
                return "topic";
        if (!m->assigned_once)
                return "assignment";
        for (int i = 0; i < m->n_partitions; i++) {
                const char *reason = member_partition_waits_for(m, i);

                if (partition_state(&m->partitions[i]) == PARTITION_FULL)
                        return reason;
                if (reason != NULL && (found == NULL || m->partitions[i].open_transaction))
                        found = reason;
        }
        return found;
}

void member_status(const struct member *m, struct member_status *ret)
{
        *ret = (struct member_status){
                .partitions = m->n_partitions,
                .assigned_once = m->assigned_once,
                .publisher_ready = m->batcher.publisher_ready,
                .in_flight = m->retries.n,
                .settlements = m->settlements.n,
                .waiting_for = waits_for(m),
        };
        for (int i = 0; i < m->n_partitions; i++)
                count_partition(m, &m->partitions[i], ret);
}

/* Of all sites that share a cell: those beyond the cap are one. */
static void keep_oldest(struct metric_cell *cell, double seconds)
{
        if (cell->value == 0 || seconds < cell->value)
                cell->value = seconds;
}

static void collect_site(void *data, struct str name, const struct failure_counts *counts)
{
        struct metrics *metrics = data;
        struct metric_labels site = { .values = { name } };

        metrics_add(metrics, METRIC_FAILED_ENTRIES, site, (double)counts->failed);
        metrics_add(metrics, METRIC_PENDING_ENTRIES, site, (double)counts->pending);
        metrics_add(metrics, METRIC_FAILED_OBJECT_BYTES, site, (double)counts->failed_bytes);
        if (counts->oldest_failed_ms != TIME_UNKNOWN)
                keep_oldest(metrics_cell(metrics, METRIC_OLDEST_FAILURE, site),
                            (double)counts->oldest_failed_ms / 1e3);
}

static void collect_partitions(const struct member *m, const struct member_status *s)
{
        int n[PARTITION_STATES] = { 0 };

        for (int i = 0; i < m->n_partitions; i++)
                n[partition_state(&m->partitions[i])]++;
        for (int state = 0; state < PARTITION_STATES; state++)
                metrics_set(m->metrics, METRIC_PARTITIONS,
                            LABELS_1(partition_state_text((enum partition_state)state)), n[state]);
        metrics_set(m->metrics, METRIC_RESTORE_REMAINING, NO_LABELS, (double)s->remaining_records);
        metrics_set(m->metrics, METRIC_CONSUMER_LAG, LABELS_1(m->config.failures_topic),
                    (double)(s->lag_records + s->remaining_records));
}

void member_collect(struct member *m)
{
        struct failure_table_stats table;
        struct member_status status;

        member_status(m, &status);
        collect_partitions(m, &status);
        metrics_reset(m->metrics, METRIC_FAILED_ENTRIES);
        metrics_reset(m->metrics, METRIC_PENDING_ENTRIES);
        metrics_reset(m->metrics, METRIC_FAILED_OBJECT_BYTES);
        metrics_reset(m->metrics, METRIC_OLDEST_FAILURE);
        failure_table_sites(m->table, collect_site, m->metrics);
        metrics_set(m->metrics, METRIC_TABLE_MEMORY_BYTES, NO_LABELS,
                    (double)failure_table_memory(m->table));
        metrics_set(m->metrics, METRIC_TABLE_MEMORY_LIMIT_BYTES, NO_LABELS,
                    (double)failure_table_memory_limit(m->table));
        failure_table_stats(m->table, &table);
        metrics_cell(m->metrics, METRIC_TABLE_SPLITS_REFUSED_TOTAL, NO_LABELS)->value =
                (double)table.splits_refused;
        metrics_set(m->metrics, METRIC_RETRIES_IN_FLIGHT, NO_LABELS, (double)status.in_flight);
}
