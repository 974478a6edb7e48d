/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_KAFKA_KAFKA_FEED_H
#define CRR_SRC_KAFKA_KAFKA_FEED_H

#include <stdbool.h>

#include "crr/base/limits.h"
#include "kafka_anchors.h"
#include "kafka_batch.h"
#include "kafka_credentials.h"
#include "kafka_queue.h"
#include "kafka_trouble.h"

/*
 * Feed: the consumer of the failure log, on the loop. It joins the group (or takes every partition
 * of an embedded broker), tells the member what it holds, and hands it record after record.
 *
 * Threads  Loop only.
 */
struct kafka_feed {
        const struct kafka_settings *settings;
        const struct kafka_credentials *credentials; /* those of now */
        struct kafka_anchors *anchors;               /* told of every record */
        struct kafka_trouble *trouble;
        struct metrics *metrics;
        struct member *member;
        void (*on_fatal)(void *data, const struct error *err);
        void *fatal_data;
        void (*on_topic_trouble)(void *data); /* the topic is gone, it seems: look soon */
        void *topic_data;

        rd_kafka_t *consumer;
        rd_kafka_queue_t *queue;
        rd_kafka_topic_t *topic; /* held, so that its leaders are known when it is assigned */
        struct kafka_queue served;
        struct kafka_batch batch;
        uv_timer_t waker; /* while something restores: wake the brokers */
        bool started, subscribed, assigned_once, closing, closed;
        int open_handles;
        void (*on_closed)(void *data);
        void *closed_data;

        rd_kafka_topic_partition_list_t *leaving; /* revoked, and not let go yet; NULL: none */
        int64_t leave_by_ms;

        int n_static; /* embedded: partitions assigned */
        bool assigned[LIMIT_PARTITIONS];
        bool held[LIMIT_PARTITIONS];  /* once at least: its queue is ours */
        bool moved[LIMIT_PARTITIONS]; /* to be read from `position` when what leaves is let go */
        int64_t position[LIMIT_PARTITIONS];
};

int kafka_feed_init(struct kafka_feed *f, const struct kafka_settings *settings,
                    const char *bootstrap, struct kafka_trouble *trouble, struct metrics *metrics,
                    struct error *err);
void kafka_feed_start(struct kafka_feed *f, uv_loop_t *loop, struct member *member);
void kafka_feed_on_topology(struct kafka_feed *f, int n_partitions); /* it may begin to read */

void kafka_feed_hold(struct kafka_feed *f, int partition);
void kafka_feed_resume(struct kafka_feed *f, int partition, int64_t offset);
void kafka_feed_reset(struct kafka_feed *f, int partition, const char *cause); /* read it anew */

/* Leave the group; on_closed when it is left. kafka_feed_deinit() frees the handle, which may take
 * for ever (kafka.c): on any thread when it is closed, and again without harm. */
void kafka_feed_close(struct kafka_feed *f, void (*on_closed)(void *data), void *data);
void kafka_feed_deinit(struct kafka_feed *f);

/*
 * kafka_assignment.c: what the consumer reads, and from where. An assignment that cannot be changed
 * is fatal: the member would take a part of the log for the whole.
 */
void kafka_assignment_check(struct kafka_feed *f,
                            rd_kafka_error_t *error); /* NULL: it was changed */
void kafka_assignment_add(struct kafka_feed *f, const rd_kafka_topic_partition_list_t *list);
void kafka_assignment_hold(struct kafka_feed *f, int partition);
void kafka_assignment_read_from(struct kafka_feed *f, int partition, int64_t offset);
void kafka_assignment_let_go(struct kafka_feed *f, const rd_kafka_topic_partition_list_t *list);
/* It has a name in the group, and its first share is still to come. */
bool kafka_assignment_is_awaited(const struct kafka_feed *f);

#endif
