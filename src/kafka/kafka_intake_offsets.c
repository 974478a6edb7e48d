/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: a batch is committed, and its offsets are kept as those that were answered.
 * When nothing is to be taken in, they are committed again once a minute: by that a transaction of
 * ours whose end was lost in an outage (kafka_hanging.h) ends as it was answered.
 *
 * Possible failures: such a transaction keeps the committed offsets from being read, and so our
 * lanes from beginning, or another member's, who has our partitions now. Nobody went on behind what
 * it holds, then: what was answered is committed again. When nothing of it was ours, as far as we
 * know, it is aborted: an earlier process of our name may have begun it. What a member left that
 * does not come back is not ended by us.
 */
#include <string.h>

#include "crr/base/time.h"
#include "kafka_intake.h"

#define HANG_MS      5000
#define AGAIN_MS     30000
#define REACH_MS     1000
#define COMMITTED_MS 200

void kafka_intake_reach(struct kafka_intake *k, const struct intake_batch *batch)
{
        for (size_t i = 0; i < batch->publish.n_offsets; i++) {
                const struct publish_offset *at = &batch->offsets[i];
                struct kafka_lane *lane = kafka_lanes_find(&k->lanes, at->topic, at->partition);

                if (lane != NULL && batch->epoch == k->epoch)
                        lane->reached = at->offset;
                rd_kafka_topic_partition_list_del(k->answered, at->topic, at->partition);
                rd_kafka_topic_partition_list_add(k->answered, at->topic, at->partition)->offset =
                        at->offset;
        }
        k->told_ms = time_monotonic_ms();
}

/* The name that lives as long as we do. */
static const char *topic_of(const struct kafka_intake *k, const char *name)
{
        size_t t = 0;

        while (t + 1 < k->config.n_topics && strcmp(k->config.topics[t], name) != 0)
                t++;
        return k->config.topics[t];
}

/* A batch of offsets alone; NULL: of none. */
static struct intake_batch *batch_of(struct kafka_intake *k,
                                     const rd_kafka_topic_partition_list_t *list)
{
        struct intake_batch *batch;

        if (list->cnt == 0)
                return NULL;
        batch = kafka_intake_begin_batch(k);
        for (int i = 0; i < list->cnt; i++)
                kafka_intake_move_offset(k, batch, topic_of(k, list->elems[i].topic),
                                         list->elems[i].partition, list->elems[i].offset);
        kafka_intake_finish_batch(k, batch);
        return batch;
}

static bool is_idle(const struct kafka_intake *k)
{
        return k->n_out == 0 && !k->must_rewind && !k->is_lost && k->generation != NULL &&
               !k->settings->embedded;
}

struct intake_batch *kafka_intake_tell_again(struct kafka_intake *k)
{
        int64_t now_ms = time_monotonic_ms();
        rd_kafka_topic_partition_list_t *list;
        struct intake_batch *batch;

        if (!is_idle(k) || now_ms < k->told_ms + k->tell_every_ms)
                return NULL;
        k->told_ms = now_ms;
        list = rd_kafka_topic_partition_list_new((int)k->lanes.n + 1);
        for (size_t i = 0; i < k->lanes.n; i++) {
                const struct kafka_lane *lane = &k->lanes.lanes[i];

                if (lane->reached >= 0)
                        rd_kafka_topic_partition_list_add(list, lane->topic, lane->partition)
                                ->offset = lane->reached;
        }
        batch = batch_of(k, list);
        rd_kafka_topic_partition_list_destroy(list);
        return batch;
}

/* WHAT HANGS */

/* What cannot be read, if anything hangs: lanes that have not begun, or without lanes all that was
 * answered before. Its offsets: what was answered, or _INVALID. */
static rd_kafka_topic_partition_list_t *awaited(const struct kafka_intake *k)
{
        rd_kafka_topic_partition_list_t *list;

        if (k->lanes.n == 0)
                return rd_kafka_topic_partition_list_copy(k->answered);
        list = rd_kafka_topic_partition_list_new((int)k->lanes.n);
        for (size_t i = 0; i < k->lanes.n; i++) {
                const struct kafka_lane *lane = &k->lanes.lanes[i];
                const rd_kafka_topic_partition_t *was = rd_kafka_topic_partition_list_find(
                        k->answered, lane->topic, lane->partition);

                if (!kafka_lane_has_begun(lane))
                        rd_kafka_topic_partition_list_add(list, lane->topic, lane->partition)
                                ->offset = was != NULL ? was->offset : RD_KAFKA_OFFSET_INVALID;
        }
        return list;
}

static rd_kafka_resp_err_t ask(const struct kafka_intake *k,
                               const rd_kafka_topic_partition_list_t *list, int ms)
{
        rd_kafka_topic_partition_list_t *asked = rd_kafka_topic_partition_list_copy(list);
        rd_kafka_resp_err_t code = rd_kafka_committed(k->consumer, asked, ms);

        rd_kafka_topic_partition_list_destroy(asked);
        return code;
}

/* The coordinator is there: it tells of a partition that the intake never commits. */
static bool is_reached(const struct kafka_intake *k)
{
        rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
        rd_kafka_resp_err_t code;

        rd_kafka_topic_partition_list_add(list, k->settings->failures_topic, 0);
        code = ask(k, list, REACH_MS);
        rd_kafka_topic_partition_list_destroy(list);
        return code == RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* And of these it does not: it waits for somebody's transaction. */
static bool are_unstable(const struct kafka_intake *k, const rd_kafka_topic_partition_list_t *list)
{
        rd_kafka_resp_err_t code = ask(k, list, COMMITTED_MS);

        return code == RD_KAFKA_RESP_ERR__TIMED_OUT ||
               code == RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT;
}

static void drop_unknown(rd_kafka_topic_partition_list_t *list)
{
        for (int i = list->cnt - 1; i >= 0; i--)
                if (list->elems[i].offset < 0)
                        rd_kafka_topic_partition_list_del_by_idx(list, i);
}

static struct intake_batch *end(struct kafka_intake *k, rd_kafka_topic_partition_list_t *list)
{
        struct intake_batch *batch;

        kafka_trouble_note(k->trouble, KAFKA_INTAKE, RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT,
                           "the committed offsets cannot be read: a transaction is open there; if "
                           "it is ours, it is ended now");
        drop_unknown(list);
        batch = batch_of(k, list);
        if (batch == NULL)
                kafka_publisher_end_offsets(&k->publisher);
        return batch;
}

/* Nobody waits for what we had. */
static void forget(struct kafka_intake *k)
{
        rd_kafka_topic_partition_list_destroy(k->answered);
        k->answered = rd_kafka_topic_partition_list_new(0);
}

struct intake_batch *kafka_intake_free_offsets(struct kafka_intake *k)
{
        int64_t now_ms = time_monotonic_ms();
        rd_kafka_topic_partition_list_t *list;
        struct intake_batch *batch = NULL;

        if (!is_idle(k))
                k->free_ms = now_ms;
        if (now_ms < k->free_ms + HANG_MS || now_ms < k->ended_ms + AGAIN_MS)
                return NULL;
        k->free_ms = now_ms;
        list = awaited(k);
        if (list->cnt > 0 && is_reached(k)) {
                if (are_unstable(k, list)) {
                        k->ended_ms = now_ms;
                        batch = end(k, list);
                } else if (k->lanes.n == 0) {
                        forget(k);
                }
        }
        rd_kafka_topic_partition_list_destroy(list);
        return batch;
}
