/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: the consumer's records are added to a batch until it is full, or nothing more
 * has come for a moment; the batch has the offsets behind them, and the generation under which they
 * were read.
 *
 * Possible failures: the consumer says that something is wrong, and goes on by itself; partitions
 * are assigned anew while a batch is filled: it is thrown away, because nothing of it was committed
 * and whoever has them now begins at the committed offsets; what comes from then on is of the new
 * assignment, and begins the next batch.
 */
#include <stdlib.h>
#include <string.h>

#include "crr/base/time.h"
#include "kafka_intake.h"
#include "kafka_record.h"

#define FIRST_WAIT_MS 200 /* for the first record of a batch */
#define LINGER_MS     20  /* for more of them */
#define LAG_EVERY_MS  1000

/* ASSIGNMENTS */

static void tell_assigned(struct kafka_intake *k, int n)
{
        uv_mutex_lock(&k->mutex);
        k->n_assigned = n;
        k->is_assigned_told = false;
        uv_mutex_unlock(&k->mutex);
        uv_async_send(&k->wake);
}

/* The group's generation, as the publisher's transactions name it. */
static void keep_generation(struct kafka_intake *k)
{
        rd_kafka_consumer_group_metadata_t *group = rd_kafka_consumer_group_metadata(k->consumer);
        void *bytes;

        if (group == NULL ||
            rd_kafka_consumer_group_metadata_write(group, &bytes, &k->generation_len) != NULL)
                abort();
        free(k->generation);
        k->generation = bytes;
        rd_kafka_consumer_group_metadata_destroy(group);
}

static void begin_epoch(struct kafka_intake *k)
{
        k->epoch++;
        k->must_rewind = false;
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *partitions, void *opaque)
{
        struct kafka_intake *k = opaque;
        bool is_assign = code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;

        rd_kafka_assign(rk, is_assign ? partitions : NULL);
        begin_epoch(k);
        if (!is_assign)
                return; /* nothing is read before the next one */
        keep_generation(k);
        tell_assigned(k, partitions->cnt);
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
        struct kafka_intake *k = opaque;

        (void)rk;
        kafka_trouble_note(k->trouble, KAFKA_INTAKE, (rd_kafka_resp_err_t)code, reason);
}

/* An embedded broker has no groups: every partition is read from its beginning. */
static void assign_all(struct kafka_intake *k)
{
        k->reached = rd_kafka_topic_partition_list_new(16);
        for (size_t t = 0; t < k->config.n_topics; t++)
                for (int p = 0; p < k->settings->embedded_partitions; p++)
                        rd_kafka_topic_partition_list_add(k->reached, k->config.topics[t], p)
                                ->offset = RD_KAFKA_OFFSET_BEGINNING;
        rd_kafka_assign(k->consumer, k->reached);
        begin_epoch(k);
        tell_assigned(k, k->reached->cnt);
}

static void subscribe(struct kafka_intake *k)
{
        rd_kafka_topic_partition_list_t *topics =
                rd_kafka_topic_partition_list_new((int)k->config.n_topics);

        for (size_t t = 0; t < k->config.n_topics; t++)
                rd_kafka_topic_partition_list_add(topics, k->config.topics[t],
                                                  RD_KAFKA_PARTITION_UA);
        rd_kafka_subscribe(k->consumer, topics);
        rd_kafka_topic_partition_list_destroy(topics);
}

bool kafka_intake_make_consumer(struct kafka_intake *k)
{
        struct error err;
        rd_kafka_conf_t *conf = kafka_conf_new(k->settings, KAFKA_INTAKE, k->bootstrap, &err);

        if (conf != NULL) {
                rd_kafka_conf_set_opaque(conf, k);
                rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
                rd_kafka_conf_set_error_cb(conf, on_error);
                k->consumer = kafka_handle_new(conf, KAFKA_INTAKE, &err);
        }
        if (k->consumer == NULL) {
                kafka_trouble_note(k->trouble, KAFKA_INTAKE, RD_KAFKA_RESP_ERR__INVALID_ARG,
                                   err.message);
                return false;
        }
        rd_kafka_poll_set_consumer(k->consumer);
        if (k->settings->embedded)
                assign_all(k);
        else
                subscribe(k);
        return true;
}

void kafka_intake_end_consumer(struct kafka_intake *k)
{
        if (k->consumer == NULL)
                return;
        rd_kafka_consumer_close(k->consumer);
        rd_kafka_destroy(k->consumer);
        k->consumer = NULL;
        if (k->reached != NULL)
                rd_kafka_topic_partition_list_destroy(k->reached);
        k->reached = NULL;
}

void kafka_intake_reach(struct kafka_intake *k, const struct intake_batch *batch)
{
        for (size_t i = 0; k->reached != NULL && i < batch->publish.n_offsets; i++)
                rd_kafka_topic_partition_list_set_offset(k->reached, batch->offsets[i].topic,
                                                         batch->offsets[i].partition,
                                                         batch->offsets[i].offset);
}

void kafka_intake_rewind(struct kafka_intake *k)
{
        rd_kafka_topic_partition_list_t *list = NULL;

        if (k->reached != NULL)
                list = rd_kafka_topic_partition_list_copy(k->reached);
        else if (rd_kafka_assignment(k->consumer, &list) != RD_KAFKA_RESP_ERR_NO_ERROR)
                return;
        for (int i = 0; k->reached == NULL && i < list->cnt; i++)
                list->elems[i].offset = RD_KAFKA_OFFSET_STORED;
        rd_kafka_assign(k->consumer, NULL);
        rd_kafka_assign(k->consumer, list);
        rd_kafka_topic_partition_list_destroy(list);
        begin_epoch(k);
}

/* A BATCH */

static size_t topic_of(struct kafka_intake *k, const rd_kafka_message_t *message)
{
        const char *name;

        if (message->rkt == k->last_topic)
                return k->last_topic_number;
        name = rd_kafka_topic_name(message->rkt);
        k->last_topic = message->rkt;
        k->last_topic_number = 0;
        while (strcmp(k->config.topics[k->last_topic_number], name) != 0)
                k->last_topic_number++;
        return k->last_topic_number;
}

static void move_offset(struct kafka_intake *k, struct intake_batch *batch, size_t topic,
                        const rd_kafka_message_t *message)
{
        struct publish_batch *publish = &batch->publish;
        struct publish_offset *at = batch->offsets;
        size_t n = publish->n_offsets;

        while (n > 0 && (batch->offsets[n - 1].partition != message->partition ||
                         batch->offsets[n - 1].topic != k->config.topics[topic]))
                n--;
        if (n > 0) {
                batch->offsets[n - 1].offset = message->offset + 1;
                return;
        }
        if (publish->n_offsets == k->offsets_capacity) {
                k->offsets_capacity = k->offsets_capacity > 0 ? 2 * k->offsets_capacity : 16;
                at = realloc(batch->offsets, k->offsets_capacity * sizeof *at);
                if (at == NULL)
                        abort();
                batch->offsets = at;
        }
        batch->offsets[publish->n_offsets++] = (struct publish_offset){
                .partition = message->partition,
                .offset = message->offset + 1,
                .topic = k->config.topics[topic],
        };
}

static void take(struct kafka_intake *k, struct intake_batch *batch,
                 const rd_kafka_message_t *message)
{
        struct log_record record;
        size_t topic;

        if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
                return;
        if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
                kafka_trouble_note(k->trouble, KAFKA_INTAKE, message->err,
                                   rd_kafka_message_errstr(message));
                return;
        }
        topic = topic_of(k, message);
        record = kafka_record_of(message);
        intake_batch_add(k->writer, batch, topic, &record);
        move_offset(k, batch, topic, message);
}

static struct intake_batch *begin_batch(struct kafka_intake *k)
{
        struct intake_batch *batch = intake_batch_new(k->writer);

        batch->epoch = k->epoch;
        k->offsets_capacity = 0;
        return batch;
}

/* The partitions were assigned anew within a poll: what was read before will be read again. */
static struct intake_batch *begin_again(struct kafka_intake *k, struct intake_batch *batch)
{
        intake_batch_free(batch);
        return begin_batch(k);
}

/* The same poll that tells of an assignment may return the first record of it. */
static struct intake_batch *fill(struct kafka_intake *k)
{
        struct intake_batch *batch = begin_batch(k);
        int64_t end_ms = time_monotonic_ms() + FIRST_WAIT_MS, left_ms = FIRST_WAIT_MS;

        while (left_ms > 0 && !intake_batch_is_full(k->writer, batch) &&
               !kafka_intake_is_stopping(k)) {
                rd_kafka_message_t *message = rd_kafka_consumer_poll(k->consumer, (int)left_ms);
                bool is_first;

                if (batch->epoch != k->epoch)
                        batch = begin_again(k, batch);
                is_first = batch->n_consumed == 0;
                if (message != NULL) {
                        take(k, batch, message);
                        rd_kafka_message_destroy(message);
                }
                if (is_first && batch->n_consumed > 0)
                        end_ms = time_monotonic_ms() + LINGER_MS;
                left_ms = end_ms - time_monotonic_ms();
        }
        return batch;
}

struct intake_batch *kafka_intake_read(struct kafka_intake *k)
{
        struct intake_batch *batch = fill(k);

        if (batch->n_consumed == 0 || kafka_intake_is_stopping(k)) {
                intake_batch_free(batch);
                return NULL;
        }
        batch->publish.generation =
                arena_str(&batch->arena, (struct str){ k->generation, k->generation_len });
        batch->publish.metadata = STR("");
        return batch;
}

/* LAG */

static int64_t lag_of(struct kafka_intake *k, const rd_kafka_topic_partition_t *at)
{
        int64_t low, high;

        if (at->offset < 0 ||
            rd_kafka_get_watermark_offsets(k->consumer, at->topic, at->partition, &low, &high) !=
                    RD_KAFKA_RESP_ERR_NO_ERROR)
                return 0;
        return high > at->offset ? high - at->offset : 0;
}

void kafka_intake_tell_lags(struct kafka_intake *k)
{
        rd_kafka_topic_partition_list_t *list;
        int64_t lags[LIMIT_INTAKE_TOPICS] = { 0 };

        if (time_monotonic_ms() < k->lag_due_ms)
                return;
        k->lag_due_ms = time_monotonic_ms() + LAG_EVERY_MS;
        if (rd_kafka_assignment(k->consumer, &list) != RD_KAFKA_RESP_ERR_NO_ERROR)
                return;
        rd_kafka_position(k->consumer, list);
        for (int i = 0; i < list->cnt; i++)
                for (size_t t = 0; t < k->config.n_topics; t++)
                        if (strcmp(k->config.topics[t], list->elems[i].topic) == 0)
                                lags[t] += lag_of(k, &list->elems[i]);
        rd_kafka_topic_partition_list_destroy(list);
        uv_mutex_lock(&k->mutex);
        memcpy(k->lags, lags, sizeof lags);
        uv_mutex_unlock(&k->mutex);
        uv_async_send(&k->wake);
}
