/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: the consumer joins the intake's group; what it is assigned becomes lanes, and
 * is read from the committed offsets on.
 *
 * Possible failures: a topic is missing or an answer late: librdkafka goes on by itself; partitions
 * are assigned anew, or must be read again from the committed offsets: a new epoch begins, and what
 * was not taken from the lanes is dropped; the consumer is beyond repair: it is made anew.
 */
#include <stdlib.h>
#include <string.h>

#include "crr/base/time.h"
#include "kafka_intake.h"

#define LAG_EVERY_MS   1000
#define LAG_UNKNOWN_MS 100 /* while it is not known */

/* ASSIGNMENTS */

static void tell_assigned(struct kafka_intake *k, int n)
{
        uv_mutex_lock(&k->mutex);
        k->n_assigned = n;
        k->is_assigned_told = false;
        k->has_lags = false;
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

/* NULL: nothing. What was read and not committed will be read again. */
static void assign(struct kafka_intake *k, rd_kafka_t *consumer,
                   const rd_kafka_topic_partition_list_t *partitions)
{
        rd_kafka_resp_err_t code;

        kafka_lanes_clear(&k->lanes);
        if (partitions != NULL)
                kafka_lanes_assign(&k->lanes, consumer, partitions, time_monotonic_ms());
        code = rd_kafka_assign(consumer, partitions);
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
                kafka_trouble_note(k->trouble, KAFKA_INTAKE, code, "the assignment is refused");
                k->is_lost = true;
        }
        k->epoch++;
        k->must_rewind = false;
        k->lag_due_ms = 0;
        kafka_intake_look_later(k);
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *partitions, void *opaque)
{
        struct kafka_intake *k = opaque;
        bool is_assign = code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;

        assign(k, rk, is_assign ? partitions : NULL);
        if (!is_assign) {
                tell_assigned(k, -1);
                return; /* nothing is read before the next one */
        }
        keep_generation(k);
        tell_assigned(k, partitions->cnt);
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
        struct kafka_intake *k = opaque;

        (void)rk;
        k->is_lost |= code == RD_KAFKA_RESP_ERR__FATAL;
        kafka_trouble_note(k->trouble, KAFKA_INTAKE, (rd_kafka_resp_err_t)code, reason);
}

/* An embedded broker has no groups: every partition is read, at first from its beginning. */
static void assign_all(struct kafka_intake *k)
{
        rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);

        for (size_t t = 0; t < k->config.n_topics; t++)
                for (int p = 0; p < k->settings->embedded_partitions; p++)
                        rd_kafka_topic_partition_list_add(list, k->config.topics[t], p)->offset =
                                RD_KAFKA_OFFSET_BEGINNING;
        assign(k, k->consumer, list);
        tell_assigned(k, list->cnt);
        rd_kafka_topic_partition_list_destroy(list);
}

static void subscribe(struct kafka_intake *k)
{
        rd_kafka_topic_partition_list_t *topics =
                rd_kafka_topic_partition_list_new((int)k->config.n_topics);

        for (size_t t = 0; t < k->config.n_topics; t++)
                rd_kafka_topic_partition_list_add(topics, k->config.topics[t],
                                                  RD_KAFKA_PARTITION_UA);
        if (rd_kafka_subscribe(k->consumer, topics) != RD_KAFKA_RESP_ERR_NO_ERROR)
                k->is_lost = true;
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
                k->credentials_version = 0;
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
        kafka_lanes_clear(&k->lanes);
        rd_kafka_consumer_close(k->consumer);
        rd_kafka_destroy(k->consumer);
        k->consumer = NULL;
        k->is_lost = false;
        tell_assigned(k, -1);
}

/* The embedded broker keeps no offsets: we do. */
static int64_t offset_to_go_on_from(const struct kafka_intake *k, const struct kafka_lane *lane)
{
        if (!k->settings->embedded)
                return RD_KAFKA_OFFSET_STORED;
        return lane->reached >= 0 ? lane->reached : RD_KAFKA_OFFSET_BEGINNING;
}

void kafka_intake_rewind(struct kafka_intake *k)
{
        rd_kafka_topic_partition_list_t *list =
                rd_kafka_topic_partition_list_new((int)k->lanes.n + 1);

        for (size_t i = 0; i < k->lanes.n; i++)
                rd_kafka_topic_partition_list_add(list, k->lanes.lanes[i].topic,
                                                  k->lanes.lanes[i].partition)
                        ->offset = offset_to_go_on_from(k, &k->lanes.lanes[i]);
        rd_kafka_assign(k->consumer, NULL);
        assign(k, k->consumer, list);
        rd_kafka_topic_partition_list_destroy(list);
}

void kafka_intake_serve(struct kafka_intake *k, int wait_ms)
{
        rd_kafka_message_t *message = rd_kafka_consumer_poll(k->consumer, wait_ms);

        if (message == NULL) {
                kafka_lanes_on_empty(&k->lanes);
                return;
        }
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR ||
            message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
                if (!kafka_lanes_put(&k->lanes, message, time_monotonic_ms()))
                        k->must_rewind = true;
                return;
        }
        k->is_lost |= message->err == RD_KAFKA_RESP_ERR__FATAL;
        kafka_trouble_note(k->trouble, KAFKA_INTAKE, message->err,
                           rd_kafka_message_errstr(message));
        rd_kafka_message_destroy(message);
}

/* LAG */

/* What is not committed yet. Where nothing was, what is to be taken next is the first of it. -1:
 * nothing has come since it was assigned, no end either. */
static int64_t lag_of(struct kafka_intake *k, const struct kafka_lane *lane)
{
        int64_t low, high, from = lane->reached;

        if (from < 0 && lane->first < lane->n)
                from = lane->kept[lane->first]->offset;
        if (from < 0)
                return lane->is_at_end ? 0 : -1;
        if (rd_kafka_get_watermark_offsets(k->consumer, lane->topic, lane->partition, &low,
                                           &high) != RD_KAFKA_RESP_ERR_NO_ERROR)
                return -1;
        return high > from ? high - from : 0;
}

/* Of a topic's partitions; false: of one it is not known. */
static bool add_lag(int64_t *sum, int64_t lag)
{
        *sum = lag < 0 || *sum < 0 ? -1 : *sum + lag;
        return lag >= 0;
}

void kafka_intake_tell_lags(struct kafka_intake *k)
{
        int64_t lags[LIMIT_INTAKE_TOPICS] = { 0 }, now_ms = time_monotonic_ms();
        bool is_known = true;

        if (now_ms < k->lag_due_ms)
                return;
        for (size_t i = 0; i < k->lanes.n; i++) {
                const struct kafka_lane *lane = &k->lanes.lanes[i];

                is_known &= add_lag(&lags[lane->topic_number], lag_of(k, lane));
        }
        k->lag_due_ms = now_ms + (is_known ? LAG_EVERY_MS : LAG_UNKNOWN_MS);
        uv_mutex_lock(&k->mutex);
        memcpy(k->lags, lags, sizeof lags);
        k->has_lags = true;
        uv_mutex_unlock(&k->mutex);
        uv_async_send(&k->wake);
}
