/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_KAFKA_KAFKA_LANES_H
#define CRR_SRC_KAFKA_KAFKA_LANES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <librdkafka/rdkafka.h>

/*
 * Lanes: the partitions that a consumer has, each with a queue of its own, so that their records
 * are taken in the order of their times, as far as each partition has that order itself. So an
 * outcome does not overtake the failure that it is about, although they come by different topics,
 * where one consumer has both.
 *
 * A partition of which nothing has come yet, and no end either, is waited for, but not longer than
 * LANES_WAIT_MS from when the first of them came: then the others go on. (Until then it may be the
 * committed offsets of all of them that are waited for: somebody's transaction holds them.)
 *
 * Whoever polls the consumer is told of rebalances, also while nothing is taken from the lanes; a
 * record that comes so all the same is given to kafka_lanes_put().
 *
 * Ownership  A message that is taken is the caller's.
 * Threads    One.
 */
#define LANES_WAIT_MS 2000
#define LANES_BATCH   256

struct kafka_lane {
        const char *topic; /* of those that the lanes were made with */
        size_t topic_number;
        int partition;
        rd_kafka_queue_t *queue;
        bool is_mixed; /* earlier ones than those of its queue may be in the consumer's */
        rd_kafka_message_t **kept; /* kept[first..n) are to be taken */
        size_t first, n, capacity;
        bool is_at_end;   /* as far as is known nothing more is there */
        int64_t heard_ms; /* when something came of it last, or it was assigned */
        int64_t reached;  /* what is below is done with; -1: not known yet */
};

struct kafka_lanes {
        const char *const *topics;
        size_t n_topics;
        rd_kafka_t *consumer;
        struct kafka_lane *lanes;
        size_t n;
        size_t current; /* the lane that was taken from last */
        int64_t until;  /* it is taken from up to this time, that of the next one of the others */
        int64_t looked_ms; /* when all were looked at */
        int64_t begun_ms;  /* when something came of any of them first; INT64_MAX: not yet */
};

void kafka_lanes_init(struct kafka_lanes *l, const char *const *topics, size_t n_topics);
void kafka_lanes_clear(struct kafka_lanes *l); /* no partitions; what was not taken is dropped */

/* Before the consumer is assigned them. A partition of a topic that is not ours is left out. */
void kafka_lanes_assign(struct kafka_lanes *l, rd_kafka_t *consumer,
                        const rd_kafka_topic_partition_list_t *partitions, int64_t now_ms);

/* From the consumer's queue: kept, or destroyed. False: it is not of a lane, and lost with that. */
bool kafka_lanes_put(struct kafka_lanes *l, rd_kafka_message_t *message, int64_t now_ms);

/* Nothing is left in the consumer's queue. */
void kafka_lanes_on_empty(struct kafka_lanes *l);

/* The next record, which may be an error of its partition but no end of it, and its lane; NULL:
 * there is none, or one has to wait. */
rd_kafka_message_t *kafka_lanes_next(struct kafka_lanes *l, int64_t now_ms,
                                     struct kafka_lane **ret_lane);

/* Something has come of it, or its end. */
bool kafka_lane_has_begun(const struct kafka_lane *lane);

struct kafka_lane *kafka_lanes_find(struct kafka_lanes *l, const char *topic, int partition);

#endif
