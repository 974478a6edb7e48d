/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path of a batch on the transaction thread: begin, send_offsets, produce every record,
 * commit. Offsets go first: whoever restores a partition that the batch touches waits for it then
 * (readiness), and the broker still writes the markers of the previous transaction meanwhile.
 *
 * Possible failures, in librdkafka's three classes:
 *  - retriable: the same call again, for as long as the broker is away;
 *  - abort: abort_transaction; nothing was written. A stale generation is one of them, a refused
 *    record another. Records are refused a set at a time, so only one that was alone is to blame;
 *    else the next producer makes smaller sets, and the batch is to be submitted again. What was
 *    sent and never answered may reach the broker after the abort, and then hangs in its partition,
 *    which nobody can read on: the next producer clears it away;
 *  - fatal: the producer is made anew. Once a record was produced the outcome is unknown until it
 *    is.
 */
#include <stdint.h>
#include <string.h>

#include "kafka_publisher.h"

#define OFFSETS_TIMEOUT_MS  5000
#define FLUSH_TIMEOUT_MS    5000
#define METADATA_TIMEOUT_MS 3000

enum step { STEP_BEGIN, STEP_OFFSETS, STEP_PRODUCE, STEP_COMMIT };

static bool is_retriable(const rd_kafka_error_t *e)
{
        return rd_kafka_error_is_retriable(e) && !rd_kafka_error_txn_requires_abort(e) &&
               !rd_kafka_error_is_fatal(e);
}

static bool is_stale(rd_kafka_resp_err_t code)
{
        return code == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION ||
               code == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID ||
               code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID;
}

/* Where the record is. A broker that had it already (the set was sent again after a failover) may
 * tell no place for its set: librdkafka reports -1, and counts on from there for the others.
 * Reports of a set follow each other. */
static int64_t place_of(struct kafka_publisher *p, const rd_kafka_message_t *m)
{
        bool goes_on = p->untold.topic == m->rkt && p->untold.partition == m->partition &&
                       p->untold.next == m->offset;

        if (m->offset >= 0 && !goes_on) {
                p->untold.topic = NULL;
                return m->offset;
        }
        p->untold.topic = m->rkt;
        p->untold.partition = m->partition;
        p->untold.next = m->offset + 1;
        return PUBLISH_OFFSET_UNKNOWN;
}

void kafka_transaction_on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
        struct kafka_publisher *p = opaque;
        struct publish_record *record = m->_private;

        (void)rk;
        if (record == NULL && m->err != RD_KAFKA_RESP_ERR_NO_ERROR)
                p->clear_err = m->err;
        if (p->batch == NULL || record == NULL)
                return;
        if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR)
                p->may_come_late |=
                        rd_kafka_message_status(m) == RD_KAFKA_MSG_STATUS_POSSIBLY_PERSISTED;
        if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR)
                record->offset = place_of(p, m);
        else if (m->err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ||
                 m->err == RD_KAFKA_RESP_ERR_INVALID_RECORD) {
                p->refused = (size_t)(record - p->batch->records);
                p->n_refused++;
        }
}

static rd_kafka_error_t *send_offsets(struct kafka_publisher *p, const struct publish_batch *batch)
{
        rd_kafka_consumer_group_metadata_t *group;
        rd_kafka_topic_partition_list_t *list;
        rd_kafka_error_t *error;

        if (batch->generation.len == 0 || batch->n_offsets == 0)
                return NULL;
        error = rd_kafka_consumer_group_metadata_read(&group, batch->generation.base,
                                                      batch->generation.len);
        if (error != NULL)
                return error;
        list = rd_kafka_topic_partition_list_new((int)batch->n_offsets);
        for (size_t i = 0; i < batch->n_offsets; i++) {
                rd_kafka_topic_partition_t *at = rd_kafka_topic_partition_list_add(
                        list,
                        batch->offsets[i].topic != NULL ? batch->offsets[i].topic
                                                        : p->settings->failures_topic,
                        batch->offsets[i].partition);

                at->offset = batch->offsets[i].offset;
                at->metadata = strndup(batch->metadata.base, batch->metadata.len);
                at->metadata_size = batch->metadata.len;
        }
        for (;;) {
                error = rd_kafka_send_offsets_to_transaction(p->producer, list, group,
                                                             OFFSETS_TIMEOUT_MS);
                if (error == NULL || !is_retriable(error) || kafka_publisher_is_stopping(p))
                        break;
                rd_kafka_error_destroy(error);
        }
        rd_kafka_topic_partition_list_destroy(list);
        rd_kafka_consumer_group_metadata_destroy(group);
        return error;
}

/* NULL: none. */
static rd_kafka_headers_t *headers_of(const struct publish_record *r)
{
        rd_kafka_headers_t *headers;

        if (r->n_headers == 0)
                return NULL;
        headers = rd_kafka_headers_new(r->n_headers);
        for (size_t i = 0; i < r->n_headers; i++)
                rd_kafka_header_add(headers, r->headers[i].name, -1, r->headers[i].value.base,
                                    (ssize_t)r->headers[i].value.len);
        return headers;
}

/* ret_n is at least 1: of a topic that is not there nothing can be said. */
static rd_kafka_resp_err_t count_partitions(struct kafka_publisher *p, enum publish_topic topic,
                                            int *ret_n)
{
        const struct rd_kafka_metadata *metadata;
        rd_kafka_resp_err_t code =
                rd_kafka_metadata(p->producer, 0, p->topics[topic], &metadata, METADATA_TIMEOUT_MS);

        if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
                return code;
        code = RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
        if (metadata->topic_cnt == 1 && metadata->topics[0].err != RD_KAFKA_RESP_ERR_NO_ERROR)
                code = metadata->topics[0].err;
        else if (metadata->topic_cnt == 1 && metadata->topics[0].partition_cnt > 0) {
                code = RD_KAFKA_RESP_ERR_NO_ERROR;
                *ret_n = metadata->topics[0].partition_cnt;
        }
        rd_kafka_metadata_destroy(metadata);
        return code;
}

/* The topic grew, or was made anew, and the producer does not know yet: it asks once a batch. */
static bool knows_more_now(struct kafka_publisher *p, rd_kafka_resp_err_t code,
                           enum publish_topic topic)
{
        int n;

        if (p->asked_anew || (code != RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION &&
                              code != RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC))
                return false;
        p->asked_anew = true;
        return count_partitions(p, topic, &n) == RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* `of`: the record that its delivery report is for; NULL: none. */
static rd_kafka_error_t *produce_one(struct kafka_publisher *p, const struct publish_record *r,
                                     struct publish_record *of)
{
        rd_kafka_headers_t *headers = headers_of(r);
        rd_kafka_error_t *error;

        for (;;) {
                rd_kafka_vu_t vus[] = {
                        { .vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = p->topics[r->topic] },
                        { .vtype = RD_KAFKA_VTYPE_PARTITION,
                          .u.i32 = r->partition < 0 ? RD_KAFKA_PARTITION_UA : r->partition },
                        { .vtype = RD_KAFKA_VTYPE_KEY,
                          .u.mem = { (void *)r->key.base, r->key.len } },
                        { .vtype = RD_KAFKA_VTYPE_VALUE,
                          .u.mem = { (void *)r->value.base, r->value.len } },
                        { .vtype = RD_KAFKA_VTYPE_TIMESTAMP,
                          .u.i64 = r->timestamp_ms == TIME_UNKNOWN ? 0 : r->timestamp_ms },
                        { .vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = of },
                        { .vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers },
                };
                size_t n = sizeof vus / sizeof *vus - (headers == NULL); /* they are the last */

                /* Not copied: the batch lives until its outcome. */
                error = rd_kafka_produceva(p->producer, vus, n);
                if (error == NULL)
                        return NULL; /* the headers went with it */
                if (rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR__QUEUE_FULL)
                        rd_kafka_poll(p->producer, 2);
                else if (!knows_more_now(p, rd_kafka_error_code(error), r->topic))
                        break;
                rd_kafka_error_destroy(error);
        }
        if (headers != NULL)
                rd_kafka_headers_destroy(headers);
        if (rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE && of != NULL) {
                p->refused = (size_t)(of - p->batch->records);
                p->n_refused = 1;
        }
        return error;
}

static rd_kafka_error_t *produce_all(struct kafka_publisher *p, const struct publish_batch *batch)
{
        for (size_t i = 0; i < batch->n_records; i++) {
                rd_kafka_error_t *error;

                batch->records[i].offset = PUBLISH_OFFSET_UNKNOWN;
                error = produce_one(p, &batch->records[i], &batch->records[i]);

                if (error != NULL)
                        return error;
        }
        return NULL;
}

static rd_kafka_error_t *commit(struct kafka_publisher *p)
{
        rd_kafka_error_t *error;

        while ((error = rd_kafka_commit_transaction(p->producer, -1)) != NULL &&
               is_retriable(error) && !kafka_publisher_is_stopping(p))
                rd_kafka_error_destroy(error);
        return error;
}

static rd_kafka_error_t *produce_everywhere(struct kafka_publisher *p, enum publish_topic topic)
{
        struct publish_record record = {
                .topic = topic,
                .key = STR("crr-retryd-aborted"),
                .timestamp_ms = TIME_UNKNOWN,
        };
        rd_kafka_error_t *error = NULL;
        int n;
        rd_kafka_resp_err_t code = count_partitions(p, topic, &n);

        if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
                return rd_kafka_error_new(code, "%s: its partitions cannot be told: %s",
                                          rd_kafka_topic_name(p->topics[topic]),
                                          rd_kafka_err2str(code));
        for (record.partition = 0; error == NULL && record.partition < n; record.partition++)
                error = produce_one(p, &record, NULL);
        return error;
}

/* What is written must be at the broker before it is aborted, or the broker has nothing to end. */
static rd_kafka_error_t *deliver(struct kafka_publisher *p)
{
        rd_kafka_resp_err_t code = rd_kafka_flush(p->producer, FLUSH_TIMEOUT_MS);

        if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
                code = p->clear_err;
        return code == RD_KAFKA_RESP_ERR_NO_ERROR
                       ? NULL
                       : rd_kafka_error_new(code, "nothing could be written to clear: %s",
                                            rd_kafka_err2str(code));
}

rd_kafka_error_t *kafka_transaction_clear(struct kafka_publisher *p)
{
        rd_kafka_error_t *error = rd_kafka_begin_transaction(p->producer);

        p->clear_err = RD_KAFKA_RESP_ERR_NO_ERROR;
        for (int topic = 0; error == NULL && topic < PUBLISH_TOPICS; topic++)
                if (p->topics[topic] != NULL)
                        error = produce_everywhere(p, (enum publish_topic)topic);
        if (error == NULL)
                error = deliver(p);
        return error != NULL ? error : rd_kafka_abort_transaction(p->producer, -1);
}

static rd_kafka_error_t *run(struct kafka_publisher *p, struct publish_batch *batch,
                             enum step *ret_step)
{
        rd_kafka_error_t *error = rd_kafka_begin_transaction(p->producer);

        *ret_step = STEP_BEGIN;
        if (error == NULL) {
                *ret_step = STEP_OFFSETS;
                error = send_offsets(p, batch);
        }
        if (error == NULL) {
                *ret_step = STEP_PRODUCE;
                error = produce_all(p, batch);
        }
        if (error == NULL) {
                *ret_step = STEP_COMMIT;
                error = commit(p);
        }
        return error;
}

/* NULL when nothing of the transaction is left. */
static rd_kafka_error_t *abort_it(struct kafka_publisher *p)
{
        rd_kafka_error_t *error;

        while ((error = rd_kafka_abort_transaction(p->producer, -1)) != NULL &&
               is_retriable(error) && !kafka_publisher_is_stopping(p))
                rd_kafka_error_destroy(error);
        return error;
}

/* It is known which record was refused: of a set all of them are. */
static bool was_alone(const struct kafka_publisher *p)
{
        return p->n_refused == 1 || (p->n_refused > 0 && p->sets == KAFKA_SETS_OF_ONE);
}

static enum publish_outcome outcome_of_abort(const struct kafka_publisher *p,
                                             rd_kafka_resp_err_t code)
{
        if (p->n_refused > 0)
                return was_alone(p) ? PUBLISH_REFUSED : PUBLISH_ABORTED;
        return is_stale(code) ? PUBLISH_STALE : PUBLISH_ABORTED;
}

static void conclude(struct kafka_publisher *p, struct publish_batch *batch,
                     rd_kafka_error_t *error, enum step step)
{
        rd_kafka_resp_err_t code = rd_kafka_error_code(error);
        rd_kafka_error_t *left = error;

        error_set(&batch->err, ERR_KAFKA, "Kafka refused the transaction: %s (%s)",
                  rd_kafka_error_string(error), rd_kafka_err2name(code));
        if (!rd_kafka_error_is_fatal(error)) {
                left = step == STEP_BEGIN ? NULL : abort_it(p);
                rd_kafka_error_destroy(error);
        }
        if (left == NULL)
                batch->outcome = outcome_of_abort(p, code);
        else
                batch->outcome = step < STEP_PRODUCE ? PUBLISH_ABORTED : PUBLISH_UNKNOWN;
        p->clear_first |= batch->outcome == PUBLISH_UNKNOWN || p->may_come_late;
        batch->refused = p->refused;
        if (left == NULL && p->n_refused > 0 && !was_alone(p))
                kafka_producer_make_smaller_sets(p);
        else if (left == NULL && p->may_come_late)
                kafka_publisher_lose(p, RD_KAFKA_RESP_ERR_NO_ERROR);
        if (left != NULL) {
                kafka_trouble_note(p->trouble, p->handle, rd_kafka_error_code(left),
                                   rd_kafka_error_string(left));
                kafka_publisher_lose(p, rd_kafka_error_code(left));
                rd_kafka_error_destroy(left);
        }
}

void kafka_transaction_run(struct kafka_publisher *p, struct publish_batch *batch)
{
        uint64_t begin = uv_hrtime();
        rd_kafka_error_t *error;
        enum step step;

        p->batch = batch;
        p->began_ms = (int64_t)(begin / 1000000);
        p->refused = p->n_refused = 0;
        p->may_come_late = p->asked_anew = false;
        p->untold.topic = NULL;
        error = run(p, batch, &step);
        if (error == NULL)
                batch->outcome = PUBLISH_COMMITTED;
        else
                conclude(p, batch, error, step);
        p->batch = NULL;
        batch->duration_us = (int64_t)((uv_hrtime() - begin) / 1000);
}
