/* SPDX-License-Identifier: Apache-2.0 */
/* Records come: are they wanted, can they be read; apply.c says what they mean. */
#include <assert.h>

#include "crr/base/log.h"
#include "member_private.h"
#include "own_record.h"

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
        bool sites = err->code == ERR_TOO_MANY_SITES;

        partition_hold(p, sites ? SHORT_OF_SITES : SHORT_OF_MEMORY, m->now_ms);
        log_emit(LOG_PARTITION_FULL,
                 LOG_FIELDS(log_i("partition", p->id), log_c("waiting_for", partition_waits_for(p)),
                            log_i("memory", (int64_t)failure_table_memory(m->table)),
                            log_i("limit", (int64_t)failure_table_memory_limit(m->table))),
                 "%s; the partition is held back, nothing is dropped%s", err->message,
                 sites ? "" : ": raise table.memory_limit");
        batcher_invalidate(&m->batcher);
        m->ports.group->hold(m->ports.group, p->id);
}

/* clearing.h: it says nothing. */
static bool is_clearing(const struct log_record *record)
{
        return record->value.base == NULL && str_eq_c(record->outcome, "cleared") &&
               str_eq_c(record->key, CLEARED_KEY);
}

/* Is it the next one of a partition that takes records? Where it belongs cannot be told before the
 * topology is known: it is read again then. */
static bool is_wanted(struct member *m, const struct log_record *record)
{
        const struct partition *p = member_partition(m, record->partition);

        return record->partition < m->n_partitions && p != NULL && record->offset >= p->position &&
               (partition_state(p) == PARTITION_RESTORING || partition_is_ready(p));
}

/* 0, or what it needs is not to be had. */
static int apply_arrival(struct member *m, struct arrival_batch *batch, size_t i, struct error *err)
{
        const struct log_record *record = &batch->records[i];
        const struct arrival *arrival = &batch->items[i];
        const struct decoded_record *decoded = &arrival->decoded;

        if (arrival->cause != REJECT_NONE) {
                arrivals_explain(batch, i, err);
                count_rejected(m, record, arrival->cause, err);
                return apply_rejected(m, record, decoded, arrival->in_the_table, err);
        }
        if (apply_record(m, record, decoded, arrival->in_the_table, arrival->hash, err) != 0)
                return -1;
        count_accepted(m, decoded);
        return 0;
}

static void take_record(struct member *m, struct arrival_batch *batch, size_t i)
{
        const struct log_record *record = &batch->records[i];
        struct partition *p = member_partition(m, record->partition);
        struct error err;

        if (!is_clearing(record)) {
                if (apply_arrival(m, batch, i, &err) != 0) {
                        hold(m, p, &err);
                        return;
                }
                p->records++;
        }
        partition_advance(p, record->offset + 1);
}

/* Looked up all at once, so that the memory of each is on its way while the others are worked on.
 */
static void look_up(struct member *m, struct arrival_batch *batch, size_t from, size_t to)
{
        struct identity ids[FAILURE_TABLE_BATCH];
        size_t good = 0;

        for (size_t i = from; i < to; i++) {
                struct arrival *arrival = &batch->items[i];

                arrival->in_the_table = &m->keys[good];
                if (arrival->is_wanted && arrival->key.is_good)
                        ids[good++] = arrival->key.id;
        }
        failure_table_prefetch(m->table, ids, good, m->keys);
}

/* The same among the retries under way. */
static void look_up_retries(struct member *m, struct arrival_batch *batch, size_t from, size_t to)
{
        for (size_t i = from; i < to; i++) {
                struct arrival *arrival = &batch->items[i];

                arrival->hash = 0;
                if (!arrival->is_wanted || !arrival->key.is_good)
                        continue;
                arrival->hash = arrival->own != NULL
                                        ? arrival->own->hash
                                        : identity_hash(&m->retries.key, &arrival->key.id);
                outgoing_map_fetch_place(&m->retries, arrival->hash);
        }
        for (size_t i = from; i < to; i++)
                outgoing_map_fetch_first(&m->retries, batch->items[i].hash);
}

/* What was wanted may be so no more: a partition is held. */
static void take_some(struct member *m, struct arrival_batch *batch, size_t from, size_t to)
{
        look_up(m, batch, from, to);
        if (m->retries.n > 0)
                look_up_retries(m, batch, from, to);
        for (size_t i = from; i < to; i++)
                if (batch->items[i].is_wanted && is_wanted(m, &batch->records[i]))
                        take_record(m, batch, i);
}

static void take_batch(struct member *m, struct arrival_batch *batch)
{
        if (batch == NULL)
                return;
        for (size_t i = 0; i < batch->n; i += FAILURE_TABLE_BATCH)
                take_some(m, batch, i,
                          batch->n - i < FAILURE_TABLE_BATCH ? batch->n : i + FAILURE_TABLE_BATCH);
        for (size_t i = 0; i < batch->n; i++)
                if (batch->items[i].own != NULL)
                        own_record_let_go(batch->items[i].own);
        arrivals_done(batch);
}

static void begin_batch(struct member *m, const struct log_record *records, size_t n)
{
        struct arrival_batch *batch = arrivals_next(&m->arrivals);

        batch->records = records;
        batch->n = n;
        batch->unread = 0;
        for (size_t i = 0; i < n; i++) {
                struct arrival *arrival = &batch->items[i];

                arrival->is_wanted = is_wanted(m, &records[i]);
                arrival->own = arrival->is_wanted ? own_record_claim(m, &records[i]) : NULL;
                batch->unread += arrival->is_wanted && arrival->own == NULL;
        }
        arrivals_begin(&m->arrivals);
}

void member_on_records_coming(struct member *m, const struct log_record *records, size_t n)
{
        struct arrival_batch *before = arrivals_end(&m->arrivals);

        assert(n <= MEMBER_BATCH);
        begin_batch(m, records, n);
        take_batch(m, before);
}

void member_on_records_came(struct member *m)
{
        take_batch(m, arrivals_end(&m->arrivals));
}

void member_on_records(struct member *m, const struct log_record *records, size_t n)
{
        for (size_t i = 0; i < n; i += MEMBER_BATCH)
                member_on_records_coming(m, records + i,
                                         n - i < MEMBER_BATCH ? n - i : MEMBER_BATCH);
        member_on_records_came(m);
}

void member_on_record(struct member *m, const struct log_record *record)
{
        member_on_records(m, record, 1);
}
