/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_KAFKA_KAFKA_AUX_H
#define CRR_SRC_KAFKA_KAFKA_AUX_H

#include <stdbool.h>

#include "crr/base/limits.h"
#include "crr/core/publisher.h"
#include "kafka_queue.h"
#include "kafka_trouble.h"

/*
 * Auxiliary handle: what is asked of the brokers, on a read_uncommitted handle that never joins the
 * group. The consumer is never asked: a question would wait behind its long poll. The registry
 * (kafka_registry.h) asks on this handle too.
 *
 *   high watermarks  blocking calls of a millisecond in libuv's pool, all wanted partitions in one
 *                    piece of work
 *   topics           likewise, every 2 s; every second while one is missing
 *   their settings, and creating them
 *                    requests of the Admin API, answered on the handle's queue
 *
 * Threads  Loop only, but the pool's pieces of work, which touch nothing but themselves and the
 *          handle.
 */
struct topic_view {
        int n_partitions; /* 0: missing */
        struct kafka_partition *partitions;
};

struct topic_settings {
        bool asked;
        int64_t max_message_bytes; /* of the records that are sent at once; 0: not known */
};

/* One of the topics that we write to. */
struct topic_watch {
        const char *name; /* NULL: there is no such topic */
        struct topic_view view;
        rd_kafka_resp_err_t err; /* of the last look that was answered */
        bool said;               /* that it is missing */
        struct topic_settings settings;
};

struct topics_work;
struct watermarks_work;

struct kafka_aux {
        const struct kafka_settings *settings;
        struct kafka_trouble *trouble;
        struct member *member;
        void (*on_topics)(void *data); /* something changed; all exist: start what needs them */
        void (*on_unfit)(void *data, const struct error *err); /* offsets that no marker holds */
        void *data;

        uv_loop_t *loop;
        rd_kafka_t *handle;
        rd_kafka_queue_t *queue;
        struct kafka_queue served;
        uv_async_t kick; /* questions are answered in a later turn */
        uv_timer_t refresh;
        bool started, closing;
        int open_handles;
        void (*on_closed)(void *data);
        void *closed_data;

        bool want_watermark[LIMIT_PARTITIONS];
        bool watermarks_running, topics_running;
        struct topic_watch topics[PUBLISH_TOPICS]; /* by enum publish_topic */
        bool create_running, settings_running;
};

int kafka_aux_init(struct kafka_aux *a, const struct kafka_settings *settings,
                   const char *bootstrap, struct kafka_trouble *trouble, struct error *err);
void kafka_aux_start(struct kafka_aux *a, uv_loop_t *loop, struct member *member);
void kafka_aux_query_watermark(struct kafka_aux *a, int partition);
void kafka_aux_look_soon(struct kafka_aux *a); /* at the topics */
void kafka_aux_close(struct kafka_aux *a, void (*on_closed)(void *data), void *data);
void kafka_aux_destroy(struct kafka_aux *a); /* the handle, when it is closed; on any thread */
void kafka_aux_deinit(struct kafka_aux *a);  /* what is left of it, too */

/* kafka_topics.c: the pool's piece of work for the topics, and making missing ones. */
struct topics_result {
        bool reached;
        int brokers;
        struct {
                rd_kafka_resp_err_t err; /* TOPIC_AUTHORIZATION_FAILED and the like */
                struct topic_view view;
        } topics[PUBLISH_TOPICS];
};
void kafka_topics_look(const struct kafka_aux *a, struct topics_result *ret); /* blocks */
void kafka_topics_result_deinit(struct topics_result *r);
/* The first that is not there, the failure log before the others; NULL: all are. */
const struct topic_watch *kafka_topics_missing(const struct kafka_aux *a);
void kafka_topic_view_deinit(struct topic_view *v);
void kafka_topics_create(struct kafka_aux *a,
                         int brokers); /* what is missing; the answer comes as an event */
void kafka_topics_ask_settings(struct kafka_aux *a); /* likewise; then on_topics */
bool kafka_topics_settings_are_out(const struct kafka_aux *a);
/* Of each topic; 0: not known. */
void kafka_topics_most_bytes(const struct kafka_aux *a, int64_t ret[PUBLISH_TOPICS]);
void kafka_topics_on_created(struct kafka_aux *a, rd_kafka_event_t *event);
void kafka_topics_on_settings(struct kafka_aux *a, rd_kafka_event_t *event);

#endif
