/* SPDX-License-Identifier: Apache-2.0 */
#include "crr/core/member.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "crr/base/log.h"
#include "member_private.h"
#include "own_record.h"

#define TICK_MS        20    /* at most that late are readiness, deadlines and sweeps */
#define END_OFFSETS_MS 10000 /* not more often */
#define IDLE_TICK_MS   250

static struct metric_cell *outcome_cell(struct member *m, enum record_outcome outcome)
{
        return metrics_cell(m->metrics, METRIC_RECORDS_TOTAL,
                            metric_labels_c(m->config.failures_topic, record_outcome_name(outcome),
                                            NULL, NULL));
}

static char *copy_text(const char *text)
{
        char *copy = strdup(text);

        if (copy == NULL)
                abort();
        return copy;
}

static void free_config(struct member *m)
{
        free((char *)m->config.failures_topic);
        free((char *)m->config.replication_topic);
        free((char *)m->config.instance);
        free((char *)m->config.advertise);
        free((char *)m->config.transactional_id);
}

static void take_config(struct member *m, const struct member_config *config)
{
        struct member old = { .config = m->config };

        m->config = *config;
        m->config.failures_topic = copy_text(config->failures_topic);
        m->config.replication_topic = copy_text(config->replication_topic);
        m->config.instance = copy_text(config->instance);
        m->config.advertise = copy_text(config->advertise);
        m->config.transactional_id = copy_text(config->transactional_id);
        free_config(&old);
}

static struct failure_table *make_table(const struct member_config *config)
{
        struct failure_table_config table = {
                .key = config->hash_key,
                .memory_limit = config->memory_limit,
                .sites_max = config->max_sites,
        };

        return failure_table_new(&table);
}

struct member *member_new(const struct member_config *config, const struct member_ports *ports)
{
        struct member *m = calloc(1, sizeof *m);

        if (m == NULL)
                abort();
        m->partitions = calloc(LIMIT_PARTITIONS, sizeof *m->partitions);
        if (m->partitions == NULL)
                abort();
        take_config(m, config);
        m->ports = *ports;
        m->metrics = ports->metrics;
        m->table = make_table(config);
        if (m->table == NULL) {
                free_config(m);
                free(m->partitions);
                free(m);
                return NULL;
        }
        m->decoder = failure_decoder_new(config->max_value_bytes);
        for (int p = 0; p < LIMIT_PARTITIONS; p++)
                partition_init(&m->partitions[p], p);
        buf_init(&m->generation, SIZE_MAX);
        buf_init(&m->member_id, SIZE_MAX);
        buf_init(&m->claim, SIZE_MAX);
        buf_init(&m->scratch, SIZE_MAX);
        arrivals_init(&m->arrivals, config->max_value_bytes, ports->helpers);
        buf_init(&m->kept, SIZE_MAX);
        outgoing_map_init(&m->retries, &config->hash_key);
        outgoing_map_init(&m->settlements, &config->hash_key);
        batcher_init(&m->batcher, m);
        entry_fetch_init(&m->fetch, m);
        metadata_fetch_init(&m->metadata, m);
        retry_flow_init(&m->flow, m);
        cluster_init(&m->cluster);
        takeover_init(&m->takeover);
        for (int i = 0; i < 4; i++)
                m->outcome_cells[i] = outcome_cell(m, (enum record_outcome)i);
        return m;
}

static void drop_retry(void *data, struct outgoing *o)
{
        struct member *m = data;

        metadata_fetch_leave(&m->metadata, o);
        outgoing_list_remove(o);
        outgoing_map_remove(&m->retries, o);
        own_record_end(o);
}

static void drop_settlement(void *data, struct outgoing *o)
{
        struct member *m = data;

        outgoing_list_remove(o);
        outgoing_map_remove(&m->settlements, o);
        outgoing_free(o);
}

static void free_waiting(struct member *m)
{
        for (int p = 0; p < LIMIT_PARTITIONS; p++)
                free(m->partitions[p].waiting);
        for (struct waiting *w = m->left, *next; w != NULL; w = next) {
                next = w->next;
                free(w);
        }
}

void member_free(struct member *m)
{
        if (m == NULL)
                return;
        assert(retry_flow_requests(&m->flow) == 0);
        outgoing_map_each(&m->retries, drop_retry, m);
        outgoing_map_each(&m->settlements, drop_settlement, m);
        outgoing_map_deinit(&m->retries);
        outgoing_map_deinit(&m->settlements);
        batcher_deinit(&m->batcher);
        metadata_fetch_deinit(&m->metadata);
        free_waiting(m);
        cluster_deinit(&m->cluster);
        takeover_deinit(&m->takeover);
        failure_decoder_free(m->decoder);
        failure_table_free(m->table);
        buf_deinit(&m->generation);
        buf_deinit(&m->member_id);
        buf_deinit(&m->claim);
        buf_deinit(&m->scratch);
        arrivals_deinit(&m->arrivals);
        buf_deinit(&m->kept);
        free_config(m);
        free(m->partitions);
        free(m);
}

void member_set_config(struct member *m, const struct member_config *config)
{
        take_config(m, config);
        failure_table_set_memory_limit(m->table, config->memory_limit);
}

struct partition *member_partition(struct member *m, int partition)
{
        if (partition < 0 || partition >= LIMIT_PARTITIONS)
                return NULL;
        return &m->partitions[partition];
}

bool member_partition_is_ready(const struct member *m, int partition)
{
        return partition >= 0 && partition < m->n_partitions &&
               partition_is_ready(&m->partitions[partition]);
}

int member_home_of(struct member *m, const struct identity *id)
{
        if (m->n_partitions == 0)
                return -1;
        buf_clear(&m->scratch);
        identity_write_key(id, &m->scratch);
        return partition_of_key(m->config.partitioner, buf_str(&m->scratch), m->n_partitions);
}

/* WHAT IS TOLD OF PARTITIONS */

void member_on_assignment(struct member *m)
{
        m->assigned_once = true;
}

void member_on_assignment_lost(struct member *m)
{
        m->assigned_once = false;
}

void member_on_position(struct member *m, int partition, int64_t next_offset)
{
        struct partition *p = member_partition(m, partition);

        if (p != NULL && (partition_state(p) == PARTITION_RESTORING || partition_is_ready(p)))
                partition_advance(p, next_offset);
}

void member_on_stable(struct member *m, int partition, enum member_stable stable)
{
        struct partition *p = member_partition(m, partition);
        bool was_open;

        if (p == NULL)
                return;
        was_open = p->open_transaction;
        partition_on_stable(p, stable, m->now_ms);
        if (p->open_transaction && !was_open)
                log_emit(LOG_PARTITION_WAITS,
                         LOG_FIELDS(log_i("partition", partition),
                                    log_c("waiting_for", "open transaction")),
                         "a transaction on this partition, of whatever producer, is not finished");
}

void member_on_high_watermark(struct member *m, int partition, int64_t offset)
{
        struct partition *p = member_partition(m, partition);

        if (p != NULL)
                partition_on_watermark(p, offset, m->now_ms);
}

void member_on_publisher_ready(struct member *m)
{
        m->batcher.publisher_ready = true;
        overlay_on_publisher_ready(m);
}

void member_on_publisher_lost(struct member *m)
{
        m->batcher.publisher_ready = false;
}

/* OUTGOINGS */

/* What was submitted before it was aborted may still end while its partition leaves. */
static bool may_be_written(const struct member *m, const struct outgoing *o, int partition)
{
        return member_partition_is_ready(m, partition) ||
               (o->attempts > 0 && partition < m->n_partitions &&
                partition_state(&m->partitions[partition]) == PARTITION_LEAVING);
}

/* Where a retry belongs changes only with the number of partitions. */
static bool is_misplaced(struct member *m, const struct outgoing *o)
{
        return o->n_partitions != m->n_partitions &&
               member_home_of(m, &o->failure.id) != o->failure.partition;
}

enum outgoing_end member_outgoing_check(struct member *m, struct outgoing *o, struct error *err)
{
        if (o->kind != OUTGOING_RETRY)
                return settle_check(m, o);
        if (!may_be_written(m, o, o->settles_partition) ||
            !may_be_written(m, o, o->failure.partition)) {
                error_set(err, ERR_UNAVAILABLE, "partition %d is not known any more",
                          o->failure.partition);
                return END_FAILED;
        }
        if (o->waiters == NULL) {
                error_set(err, ERR_UNAVAILABLE, "nobody waits for it any more");
                return END_FAILED;
        }
        if (o->overtaken || is_misplaced(m, o))
                return END_STALE;
        o->life = m->partitions[o->failure.partition].life;
        return END_COMMITTED;
}

/* It is in the log, or will be seen there if it is. */
static void retry_end_in_log(struct member *m, struct outgoing *o, enum outgoing_end outcome)
{
        struct metric_labels site = { .values = { o->failure.id.site } };

        metadata_fetch_leave(&m->metadata, o);
        if (outcome == END_UNKNOWN) {
                overlay_on_unknown(m, o);
                return;
        }
        metrics_add(m->metrics, METRIC_RETRIES_PUBLISHED_TOTAL, site, 1);
        overlay_on_committed(m, o);
}

static void retry_end(struct member *m, struct outgoing *o, enum outgoing_end outcome,
                      const struct error *err)
{
        switch (outcome) {
        case END_COMMITTED:
        case END_UNKNOWN:
                retry_end_in_log(m, o, outcome);
                return;
        case END_FAILED:
                retry_flow_on_failed(&m->flow, o, err);
                break;
        case END_STALE:
                retry_flow_on_stale(&m->flow, o);
                break;
        case END_NO_ENTRY:
                retry_flow_on_skipped(&m->flow, o, "no_entry");
                break;
        case END_TOO_LARGE:
                retry_flow_on_skipped(&m->flow, o, "too_large");
                break;
        case END_GONE:
                retry_flow_on_skipped(&m->flow, o, "source_gone");
                break;
        case END_SUPERSEDED:
                retry_flow_on_skipped(&m->flow, o, "superseded");
                break;
        case END_WAIT: /* of settlements */
                break;
        }
        if (outgoing_state(o) == OUTGOING_READING)
                entry_fetch_discard(&m->fetch, o);
        else
                batcher_discard(&m->batcher, o);
        metadata_fetch_leave(&m->metadata, o);
        outgoing_map_remove(&m->retries, o);
        outgoing_move(o, OUTGOING_OVER);
        if (outcome == END_SUPERSEDED || (outcome == END_GONE && m->config.version_guard))
                settle_superseded(m, o);
        settle_kick(m, &o->failure.id);
        outgoing_free(o);
}

void member_outgoing_end(struct member *m, struct outgoing *o, enum outgoing_end outcome,
                         const struct error *err)
{
        if (o->kind == OUTGOING_RETRY)
                retry_end(m, o, outcome, err);
        else
                settle_end(m, o, outcome);
}

/* TIME AND WORK */

static void on_ready(struct member *m, struct partition *p)
{
        struct failure_counts counts;

        failure_table_partition_counts(m->table, p->id, &counts);
        log_emit(LOG_PARTITION_READY,
                 LOG_FIELDS(log_i("partition", p->id), log_i("records", (int64_t)p->records),
                            log_i("entries", (int64_t)(counts.failed + counts.pending)),
                            log_i("duration_ms", m->now_ms - p->since_ms)),
                 "a partition is restored");
        p->since_ms = m->now_ms;
}

int64_t member_tick(struct member *m, int64_t monotonic_ms, int64_t wall_ms)
{
        bool busy = m->retries.n > 0 || m->settler.working > 0 ||
                    retry_flow_requests(&m->flow) > 0 || cluster_is_wanted(&m->cluster);
        bool restoring = false, full = false, kept = false;

        m->now_ms = monotonic_ms;
        m->wall_ms = wall_ms;
        for (int i = 0; i < m->n_partitions; i++) {
                struct partition *p = &m->partitions[i];

                member_memory_resume(m, p);
                if (partition_tick(p, m->ports.group, monotonic_ms))
                        on_ready(m, p);
                if (partition_is_stuck(p, monotonic_ms))
                        batcher_clear(&m->batcher, p->id);
                kept |= partition_is_kept(p, monotonic_ms);
                restoring |= partition_state(p) == PARTITION_RESTORING;
                full |= partition_state(p) == PARTITION_FULL;
        }
        if (kept && monotonic_ms >= m->end_offsets_at_ms) {
                m->end_offsets_at_ms = monotonic_ms + END_OFFSETS_MS;
                m->ports.publisher->end_offsets(m->ports.publisher);
        }
        member_group_tick(m);
        overlay_tick(m);
        retry_flow_tick(&m->flow);
        parking_tick(m, full);
        member_memory_tick(m, restoring);
        return monotonic_ms + (busy || restoring ? TICK_MS : IDLE_TICK_MS);
}

bool member_work(struct member *m)
{
        bool more;

        more = member_memory_work(m);
        more |= overlay_work(m);
        retry_flow_work(&m->flow);
        more |= metadata_fetch_work(&m->metadata);
        more |= settle_work(m);
        entry_fetch_work(&m->fetch);
        more |= batcher_work(&m->batcher);
        return more || retry_flow_has_work(&m->flow);
}

void member_stop_retries(struct member *m)
{
        m->stopping = true;
        batcher_tell(&m->batcher, SIZE_MAX); /* there may be no more turns for it */
}

void member_end_retries(struct member *m)
{
        member_stop_retries(m);
        m->overdue = true;
}

bool member_has_retries(const struct member *m)
{
        return retry_flow_requests(&m->flow) > 0;
}
