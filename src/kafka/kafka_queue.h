/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_KAFKA_KAFKA_QUEUE_H
#define CRR_SRC_KAFKA_KAFKA_QUEUE_H

#include <stdbool.h>

#include <librdkafka/rdkafka.h>
#include <uv.h>

/*
 * A queue of librdkafka served on the loop: woken when something comes (the wake-up is edge
 * triggered, so it is drained or goes on in the next turn), once a turn and for SLICE_US at most,
 * and once a second in any case (a consumer that is not polled is thrown out of its group).
 *
 * Ownership  The queue reference stays the caller's. An event is serve()'s, who destroys it.
 */
struct kafka_queue {
        rd_kafka_queue_t *queue;
        uv_async_t wake;
        uv_idle_t turn; /* active: something came, or there is more */
        uv_timer_t heartbeat;
        void (*serve)(void *data, rd_kafka_event_t *event);
        bool (*rest)(void *data); /* nothing more comes in this turn; true: it wants another one.
                                   * NULL is legal */
        void *data;
        int open_handles;
        bool closing;
        void (*closed)(void *data);
};

void kafka_queue_start(struct kafka_queue *q, uv_loop_t *loop, rd_kafka_queue_t *queue,
                       void (*serve)(void *data, rd_kafka_event_t *event), bool (*rest)(void *data),
                       void *data);
void kafka_queue_close(struct kafka_queue *q,
                       void (*closed)(void *data)); /* serves nothing any more */

#endif
