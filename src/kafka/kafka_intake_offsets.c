/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: a batch is committed. When nothing is to be taken in, the same offsets are
 * committed once a minute: by that a transaction of ours whose end was lost in an outage
 * (kafka_hanging.h) ends as it was answered.
 *
 * Possible failures: before that, such a transaction keeps the committed offsets from being read,
 * and so our lanes from beginning, or those of the member that has our partitions now. It is
 * aborted: records may be read twice then, none is lost. What a member left that does not come back
 * is not ended by us.
 */
#include "crr/base/time.h"
#include "kafka_intake.h"

#define HANG_MS      5000
#define AGAIN_MS     30000
#define REACH_MS     1000
#define COMMITTED_MS 200

void kafka_intake_reach(struct kafka_intake *k, const struct intake_batch *batch)
{
        for (size_t i = 0; i < batch->publish.n_offsets && batch->epoch == k->epoch; i++) {
                const struct publish_offset *at = &batch->offsets[i];
                struct kafka_lane *lane = kafka_lanes_find(&k->lanes, at->topic, at->partition);

                if (lane != NULL)
                        lane->reached = at->offset;
        }
        k->told_ms = time_monotonic_ms();
        k->may_hang = true;
}

struct intake_batch *kafka_intake_tell_again(struct kafka_intake *k)
{
        int64_t now_ms = time_monotonic_ms();
        struct intake_batch *batch;

        if (k->n_out > 0 || k->must_rewind || k->settings->embedded ||
            now_ms < k->told_ms + k->tell_every_ms)
                return NULL;
        k->told_ms = now_ms;
        batch = kafka_intake_begin_batch(k);
        for (size_t i = 0; i < k->lanes.n; i++) {
                const struct kafka_lane *lane = &k->lanes.lanes[i];

                if (lane->reached >= 0)
                        kafka_intake_move_offset(k, batch, lane, lane->reached);
        }
        if (batch->publish.n_offsets == 0) {
                intake_batch_free(batch);
                return NULL;
        }
        kafka_intake_finish_batch(k, batch);
        return batch;
}

/* WHAT HANGS */

/* By the intake's group. */
static rd_kafka_resp_err_t ask(const struct kafka_intake *k, rd_kafka_topic_partition_list_t *list,
                               int ms)
{
        rd_kafka_resp_err_t code = rd_kafka_committed(k->consumer, list, ms);

        rd_kafka_topic_partition_list_destroy(list);
        return code;
}

/* The coordinator is there: it tells of a partition of which this group never commits anything. */
static bool is_reached(const struct kafka_intake *k)
{
        rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

        rd_kafka_topic_partition_list_add(list, k->settings->replication_topic, 0);
        return ask(k, list, REACH_MS) == RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* And of ours it does not: it waits for somebody's transaction. */
static bool are_unstable(const struct kafka_intake *k)
{
        rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)k->lanes.n);
        rd_kafka_resp_err_t code;

        for (size_t i = 0; i < k->lanes.n; i++)
                rd_kafka_topic_partition_list_add(list, k->lanes.lanes[i].topic,
                                                  k->lanes.lanes[i].partition);
        code = ask(k, list, COMMITTED_MS);
        return code == RD_KAFKA_RESP_ERR__TIMED_OUT ||
               code == RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT;
}

static bool have_all_begun(const struct kafka_lanes *l)
{
        for (size_t i = 0; i < l->n; i++)
                if (!kafka_lane_has_begun(&l->lanes[i]))
                        return false;
        return true;
}

static bool is_in_the_way(struct kafka_intake *k)
{
        if (k->lanes.n == 0)
                return k->may_hang; /* of others, who have our partitions */
        if (have_all_begun(&k->lanes) || !is_reached(k) || !are_unstable(k))
                return false;
        kafka_trouble_note(k->trouble, KAFKA_INTAKE, RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT,
                           "the committed offsets cannot be read: a transaction is open there; if "
                           "it is ours, it is ended now");
        return true;
}

void kafka_intake_look_later(struct kafka_intake *k)
{
        k->look_ms = time_monotonic_ms() + HANG_MS;
}

void kafka_intake_free_offsets(struct kafka_intake *k)
{
        if (k->n_out > 0 || k->settings->embedded)
                kafka_intake_look_later(k);
        if (time_monotonic_ms() < k->look_ms)
                return;
        kafka_intake_look_later(k);
        if (!is_in_the_way(k))
                return;
        k->look_ms = time_monotonic_ms() + AGAIN_MS;
        k->may_hang = false;
        kafka_publisher_end_offsets(&k->publisher);
}
