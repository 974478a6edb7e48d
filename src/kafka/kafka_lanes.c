/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka_lanes.h"

#include <stdlib.h>
#include <string.h>

#define LOOK_EVERY_MS 2 /* at partitions that are at their end */

void kafka_lanes_init(struct kafka_lanes *l, const char *const *topics, size_t n_topics)
{
        *l = (struct kafka_lanes){ .topics = topics, .n_topics = n_topics };
}

static void drop_kept(struct kafka_lane *lane)
{
        while (lane->first < lane->n)
                rd_kafka_message_destroy(lane->kept[lane->first++]);
        free(lane->kept);
}

void kafka_lanes_clear(struct kafka_lanes *l)
{
        for (size_t i = 0; i < l->n; i++) {
                drop_kept(&l->lanes[i]);
                rd_kafka_queue_destroy(l->lanes[i].queue);
        }
        free(l->lanes);
        l->lanes = NULL;
        l->n = l->current = 0;
        l->until = INT64_MIN;
        l->begun_ms = INT64_MAX;
}

/* librdkafka leaves a queue alone that was forwarded by the application, to nowhere here, also when
 * its partition is assigned: so nothing of it comes by the consumer's queue. */
static rd_kafka_queue_t *queue_of(rd_kafka_t *consumer, const char *topic, int partition)
{
        rd_kafka_queue_t *queue = rd_kafka_queue_get_partition(consumer, topic, partition);

        if (queue == NULL)
                abort(); /* it would be for a producer */
        rd_kafka_queue_forward(queue, NULL);
        return queue;
}

void kafka_lanes_assign(struct kafka_lanes *l, rd_kafka_t *consumer,
                        const rd_kafka_topic_partition_list_t *partitions, int64_t now_ms)
{
        kafka_lanes_clear(l);
        l->consumer = consumer;
        l->lanes = calloc((size_t)partitions->cnt + 1, sizeof *l->lanes);
        if (l->lanes == NULL)
                abort();
        for (int i = 0; i < partitions->cnt; i++) {
                const rd_kafka_topic_partition_t *at = &partitions->elems[i];
                size_t t = 0;

                while (t < l->n_topics && strcmp(l->topics[t], at->topic) != 0)
                        t++;
                if (t < l->n_topics)
                        l->lanes[l->n++] = (struct kafka_lane){
                                .topic = l->topics[t],
                                .topic_number = t,
                                .partition = at->partition,
                                .queue = queue_of(consumer, at->topic, at->partition),
                                .heard_ms = now_ms,
                                .reached = -1,
                        };
        }
}

struct kafka_lane *kafka_lanes_find(struct kafka_lanes *l, const char *topic, int partition)
{
        for (size_t i = 0; i < l->n; i++)
                if (l->lanes[i].partition == partition && strcmp(l->lanes[i].topic, topic) == 0)
                        return &l->lanes[i];
        return NULL;
}

/* KEEPING */

static void keep(struct kafka_lanes *l, struct kafka_lane *lane, rd_kafka_message_t *message,
                 int64_t now_ms)
{
        lane->heard_ms = now_ms;
        if (l->begun_ms == INT64_MAX)
                l->begun_ms = now_ms;
        if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
                lane->is_at_end = lane->first == lane->n;
                rd_kafka_message_destroy(message);
                return;
        }
        lane->is_at_end = false;
        if (lane->first == lane->n)
                lane->first = lane->n = 0;
        if (lane->n == lane->capacity) {
                lane->capacity = lane->capacity > 0 ? 2 * lane->capacity : LANES_BATCH;
                lane->kept = realloc(lane->kept, lane->capacity * sizeof(rd_kafka_message_t *));
                if (lane->kept == NULL)
                        abort();
        }
        lane->kept[lane->n++] = message;
}

void kafka_lanes_on_empty(struct kafka_lanes *l)
{
        for (size_t i = 0; i < l->n; i++)
                l->lanes[i].is_mixed = false;
}

bool kafka_lanes_put(struct kafka_lanes *l, rd_kafka_message_t *message, int64_t now_ms)
{
        struct kafka_lane *lane = message->rkt == NULL
                                          ? NULL
                                          : kafka_lanes_find(l, rd_kafka_topic_name(message->rkt),
                                                             message->partition);

        if (lane == NULL) {
                rd_kafka_message_destroy(message);
                return false;
        }
        keep(l, lane, message, now_ms);
        lane->is_mixed = true;
        return true;
}

/* TAKING */

static bool is_empty(const struct kafka_lane *lane)
{
        return lane->first == lane->n;
}

/* As the last answer of the broker said; an end of the partition comes later, if at all. */
static bool is_last(const struct kafka_lanes *l, const struct kafka_lane *lane)
{
        int64_t low, high;

        return rd_kafka_get_watermark_offsets(l->consumer, lane->topic, lane->partition, &low,
                                              &high) == RD_KAFKA_RESP_ERR_NO_ERROR &&
               lane->kept[lane->n - 1]->offset + 1 >= high;
}

static void look(struct kafka_lanes *l, struct kafka_lane *lane, int64_t now_ms)
{
        rd_kafka_message_t *messages[LANES_BATCH];
        ssize_t n = rd_kafka_consume_batch_queue(lane->queue, 0, messages, LANES_BATCH);

        for (ssize_t i = 0; i < n; i++)
                keep(l, lane, messages[i], now_ms);
        if (n > 0 && !is_empty(lane))
                lane->is_at_end = is_last(l, lane);
}

/* Every lane that has nothing, but those at their end only now and then. */
static void look_at_empty(struct kafka_lanes *l, int64_t now_ms)
{
        bool is_time = now_ms >= l->looked_ms + LOOK_EVERY_MS;

        if (is_time)
                l->looked_ms = now_ms;
        for (size_t i = 0; i < l->n; i++) {
                struct kafka_lane *lane = &l->lanes[i];

                if (is_empty(lane) && !lane->is_mixed && (is_time || !lane->is_at_end))
                        look(l, lane, now_ms);
        }
}

static int64_t time_of(const struct kafka_lane *lane)
{
        rd_kafka_timestamp_type_t type;
        int64_t time = rd_kafka_message_timestamp(lane->kept[lane->first], &type);

        return type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE || time < 0 ? 0 : time;
}

static bool is_awaited(const struct kafka_lanes *l, const struct kafka_lane *lane, int64_t now_ms)
{
        int64_t since_ms = lane->heard_ms > l->begun_ms ? lane->heard_ms : l->begun_ms;

        return is_empty(lane) && !lane->is_at_end && now_ms - since_ms < LANES_WAIT_MS;
}

/* The lane whose record is the oldest, and until when it goes before all others; NULL: one is
 * waited for, or all are empty. */
static struct kafka_lane *oldest(const struct kafka_lanes *l, int64_t now_ms, int64_t *ret_until)
{
        struct kafka_lane *found = NULL;
        int64_t first = INT64_MAX, second = INT64_MAX;

        for (size_t i = 0; i < l->n; i++) {
                struct kafka_lane *lane = &l->lanes[i];
                int64_t time;

                if (is_awaited(l, lane, now_ms))
                        return NULL;
                if (is_empty(lane))
                        continue;
                time = time_of(lane);
                if (found == NULL || time < first) {
                        second = first;
                        first = time;
                        found = lane;
                } else if (time < second) {
                        second = time;
                }
        }
        *ret_until = second;
        return found;
}

static rd_kafka_message_t *take(struct kafka_lanes *l, struct kafka_lane *lane,
                                struct kafka_lane **ret_lane)
{
        l->current = (size_t)(lane - l->lanes);
        *ret_lane = lane;
        return lane->kept[lane->first++];
}

/* What lies together is taken together. */
static struct kafka_lane *current_if_due(struct kafka_lanes *l)
{
        struct kafka_lane *lane = l->current < l->n ? &l->lanes[l->current] : NULL;

        return lane != NULL && !is_empty(lane) && time_of(lane) <= l->until ? lane : NULL;
}

rd_kafka_message_t *kafka_lanes_next(struct kafka_lanes *l, int64_t now_ms,
                                     struct kafka_lane **ret_lane)
{
        struct kafka_lane *lane = current_if_due(l);

        if (lane != NULL && now_ms < l->looked_ms + LOOK_EVERY_MS)
                return take(l, lane, ret_lane); /* nothing is new at the others */
        look_at_empty(l, now_ms);
        lane = oldest(l, now_ms, &l->until);
        return lane != NULL ? take(l, lane, ret_lane) : NULL;
}

bool kafka_lane_has_begun(const struct kafka_lane *lane)
{
        return lane->reached >= 0 || !is_empty(lane) || lane->is_at_end;
}
