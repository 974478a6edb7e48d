/* SPDX-License-Identifier: Apache-2.0 */
/* A record comes: is it wanted, can it be read; apply.c says what it means. */
#include "crr/base/log.h"
#include "member_private.h"

static void count_rejected(struct member *m, const struct log_record *record,
                           enum reject_cause cause, const struct error *err)
{
        metrics_add(m->metrics, METRIC_RECORDS_REJECTED_TOTAL,
                    LABELS_2(m->config.failures_topic, reject_cause_name(cause)), 1);
        log_emit(LOG_RECORD_REJECTED,
                 LOG_FIELDS(log_c("topic", m->config.failures_topic),
                            log_i("partition", record->partition), log_i("offset", record->offset),
                            log_c("cause", reject_cause_name(cause))),
                 "%s", err->message);
}

static void count_ignored(struct member *m, uint64_t fields)
{
        for (unsigned bit = 0; bit < 64 && fields != 0; bit++, fields >>= 1)
                if (fields & 1)
                        metrics_add(m->metrics, METRIC_FIELDS_IGNORED_TOTAL,
                                    LABELS_2(m->config.failures_topic, failure_field_name(bit)), 1);
}

static void count_accepted(struct member *m, const struct decoded_record *decoded)
{
        count_ignored(m, decoded->ignored_fields);
        m->outcome_cells[decoded->outcome]->value += 1;
}

static void hold(struct member *m, struct partition *p, const struct error *err)
{
        log_emit(LOG_PARTITION_FULL,
                 LOG_FIELDS(log_i("partition", p->id),
                            log_i("memory", (int64_t)failure_table_memory(m->table)),
                            log_i("limit", (int64_t)failure_table_memory_limit(m->table))),
                 "%s; the partition is held back, nothing is dropped: raise table.memory_limit",
                 err->message);
        partition_hold(p, m->now_ms);
        batcher_invalidate(&m->batcher);
        m->ports.group->hold(m->ports.group, p->id);
}

/* batcher_clear(): it says nothing. */
static bool is_clearing(const struct log_record *record)
{
        return record->value.base == NULL && str_eq_c(record->outcome, "cleared") &&
               str_eq_c(record->key, BATCHER_CLEARED_KEY);
}

void member_on_record(struct member *m, const struct log_record *record)
{
        struct partition *p = member_partition(m, record->partition);
        struct decoded_record decoded;
        struct error err;
        enum reject_cause cause;
        int rc;

        if (record->partition >= m->n_partitions)
                return; /* where it belongs cannot be told: read again when the topology is known */
        if (p == NULL || record->offset < p->position ||
            (partition_state(p) != PARTITION_RESTORING && partition_state(p) != PARTITION_READY))
                return;
        if (is_clearing(record)) {
                partition_advance(p, record->offset + 1);
                return;
        }
        cause = failure_decode(m->decoder, record, &decoded, &err);
        if (cause == REJECT_NONE) {
                rc = apply_record(m, record, &decoded, &err);
        } else {
                count_rejected(m, record, cause, &err);
                rc = apply_rejected(m, record, &decoded, &err);
        }
        if (rc != 0) {
                hold(m, p, &err);
                return;
        }
        if (cause == REJECT_NONE)
                count_accepted(m, &decoded);
        p->records++;
        partition_advance(p, record->offset + 1);
}
