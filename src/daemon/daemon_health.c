/* SPDX-License-Identifier: Apache-2.0 */
/* What the daemon says of itself: /ready, /_/healthcheck and /metrics. */
#include <stdlib.h>
#include <string.h>

#include "crr/base/log.h"
#include "daemon_private.h"

/* READY */

/* A topic that is missing cannot be retried into; a broker that is away can come back before
 * anybody notices, and what is known stays known for a while. */
static bool misses_topic(const struct kafka_status *k)
{
        return k->waiting_for != NULL && strncmp(k->waiting_for, "topic", 5) == 0;
}

/* Ready, and none that leaves or waits for a proof that it is ours. */
static bool has_all(const struct member_status *m)
{
        return m->assigned_once && m->ready == m->assigned;
}

static const char *state_name(const struct daemon *d, const struct member_status *m,
                              const struct kafka_status *k)
{
        if (!daemon_is_running(d))
                return "stopping";
        if (!m->assigned_once || misses_topic(k))
                return "waiting";
        if (m->full > 0)
                return "full";
        if (m->restoring > 0)
                return "restoring";
        if (m->behind)
                return "behind";
        return has_all(m) && k->producer_ready && m->publisher_ready ? "ready" : "waiting";
}

static const char *reason(const struct member_status *m, const struct kafka_status *k)
{
        if (k->waiting_for != NULL)
                return k->waiting_for;
        if (m->waiting_for != NULL)
                return m->waiting_for;
        if (m->behind)
                return "replay";
        return has_all(m) ? "producer" : "assignment";
}

void daemon_health_ready(void *daemon, struct api_ready *ret)
{
        struct daemon *d = daemon;
        struct kafka_status *k = &d->kafka_status;
        struct member_status m;

        member_status(d->member, &m);
        kafka_status(d->kafka, k);
        *ret = (struct api_ready){
                .state = state_name(d, &m, k),
                .assigned = m.assigned,
                .ready_partitions = m.ready,
                .restored_records = m.restored_records,
                .remaining_records = m.remaining_records,
        };
        ret->ready = strcmp(ret->state, "ready") == 0;
        if (ret->ready || !daemon_is_running(d))
                return;
        ret->waiting_for = reason(&m, k);
        if (k->waiting_for != NULL && k->detail[0] != '\0')
                ret->detail = k->detail;
}

static void log_ready(struct daemon *d, const struct api_ready *ready, int64_t now_ms)
{
        int64_t took_ms = now_ms - d->not_ready_since_ms;

        if (ready->ready) {
                log_emit(LOG_READY,
                         LOG_FIELDS(log_i("partitions", ready->assigned),
                                    log_i("duration_ms", took_ms)),
                         "ready");
                return;
        }
        d->not_ready_since_ms = now_ms;
        log_emit(LOG_NOT_READY,
                 LOG_FIELDS(log_c("state", ready->state), log_c("waiting_for", ready->waiting_for)),
                 "not ready: %s", ready->detail != NULL ? ready->detail : ready->state);
}

void daemon_watch_ready(struct daemon *d, int64_t now_ms)
{
        struct api_ready ready;

        daemon_health_ready(d, &ready);
        if (ready.ready != d->was_ready)
                log_ready(d, &ready, now_ms);
        d->was_ready = ready.ready;
}

/* HEALTHCHECK */

static void reserve_partitions(struct daemon *d, size_t n)
{
        if (n <= d->partitions_capacity)
                return;
        d->partitions = realloc(d->partitions, n * sizeof *d->partitions);
        if (d->partitions == NULL)
                abort();
        d->partitions_capacity = n;
}

static void add_intake(const struct daemon *d, struct api_replication *ret)
{
        struct kafka_intake_status s;

        if (!kafka_intake_status(d->kafka, &s))
                return;
        ret->intake = s.state;
        ret->intake_partitions = s.partitions;
        ret->intake_lag = s.lag;
        ret->intake_said = s.error;
}

void daemon_health_replication(void *daemon, struct api_replication *ret)
{
        struct daemon *d = daemon;
        const struct kafka_partition *from;
        size_t n = kafka_replication_partitions(d->kafka, &from);

        reserve_partitions(d, n);
        for (size_t i = 0; i < n; i++)
                d->partitions[i] = (struct api_topic_partition){
                        .id = from[i].id,
                        .leader = from[i].leader,
                        .replicas = from[i].replicas,
                        .isrs = from[i].isrs,
                        .n_replicas = from[i].n_replicas,
                        .n_isrs = from[i].n_isrs,
                };
        kafka_status(d->kafka, &d->kafka_status);
        *ret = (struct api_replication){
                .topic = settings_text(d->settings, SETTING_TOPICS_REPLICATION),
                .partitions = d->partitions,
                .n_partitions = n,
                .producer_ok = d->kafka_status.producer_ready,
                .source = d->source != NULL ? source_backbeat_status(d->source) : NULL,
        };
        add_intake(d, ret);
}

/* METRICS */

void daemon_health_collect(void *daemon)
{
        struct daemon *d = daemon;
        struct api_ready ready;

        daemon_health_ready(d, &ready);
        metrics_set(d->metrics, METRIC_READY, NO_LABELS, ready.ready);
        metrics_set(d->metrics, METRIC_BUILD_INFO, LABELS_2(CRR_VERSION, kafka_library_version()),
                    1);
        for (int level = 0; level < LOG_LEVEL_COUNT; level++)
                metrics_cell(d->metrics, METRIC_LOG_MESSAGES_TOTAL,
                             LABELS_1(log_level_name((enum log_level)level)))
                        ->value = (double)log_count((enum log_level)level);
        metrics_set(d->metrics, METRIC_EVENT_LOOP_TURN_CPU_MAX, NO_LABELS,
                    (double)d->longest_turn_ns / 1e9);
        d->longest_turn_ns = 0;
        member_collect(d->member);
        process_collect(d->metrics);
}
