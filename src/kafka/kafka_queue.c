/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka_queue.h"

#define SLICE_US     1000
#define HEARTBEAT_MS 1000

/* A thread of librdkafka calls this with a lock held: nothing but the wake-up. */
static void on_event(rd_kafka_t *rk, void *data)
{
        struct kafka_queue *q = data;

        (void)rk;
        uv_async_send(&q->wake);
}

/* True: there is more. */
static bool serve_slice(struct kafka_queue *q)
{
        uint64_t end = uv_hrtime() + SLICE_US * UINT64_C(1000);

        while (!q->closing) {
                rd_kafka_event_t *event = rd_kafka_queue_poll(q->queue, 0);

                if (event == NULL)
                        return false;
                q->serve(q->data, event);
                if (uv_hrtime() >= end)
                        return true;
        }
        return false;
}

static void on_turn(uv_idle_t *handle)
{
        struct kafka_queue *q = handle->data;
        bool more = serve_slice(q);

        if (q->rest != NULL)
                more |= q->rest(q->data);
        if (!q->closing && !more)
                uv_idle_stop(&q->turn);
}

/* Nothing is served from here: a turn in which the queue has been served already, and is woken
 * again, would be twice as long. */
static void on_wake(uv_async_t *handle)
{
        struct kafka_queue *q = handle->data;

        uv_idle_start(&q->turn, on_turn);
}

static void on_heartbeat(uv_timer_t *handle)
{
        struct kafka_queue *q = handle->data;

        uv_idle_start(&q->turn, on_turn);
}

void kafka_queue_start(struct kafka_queue *q, uv_loop_t *loop, rd_kafka_queue_t *queue,
                       void (*serve)(void *data, rd_kafka_event_t *event), bool (*rest)(void *data),
                       void *data)
{
        *q = (struct kafka_queue){
                .queue = queue, .serve = serve, .rest = rest, .data = data, .open_handles = 3
        };
        uv_async_init(loop, &q->wake, on_wake);
        uv_idle_init(loop, &q->turn);
        uv_timer_init(loop, &q->heartbeat);
        q->wake.data = q->turn.data = q->heartbeat.data = q;
        uv_timer_start(&q->heartbeat, on_heartbeat, HEARTBEAT_MS, HEARTBEAT_MS);
        rd_kafka_queue_cb_event_enable(queue, on_event, q);
        uv_async_send(&q->wake); /* what came before the wake-ups were enabled */
}

static void on_closed(uv_handle_t *handle)
{
        struct kafka_queue *q = handle->data;

        if (--q->open_handles == 0)
                q->closed(q->data);
}

void kafka_queue_close(struct kafka_queue *q, void (*closed)(void *data))
{
        q->closing = true;
        q->closed = closed;
        rd_kafka_queue_cb_event_enable(q->queue, NULL, NULL);
        uv_close((uv_handle_t *)&q->wake, on_closed);
        uv_close((uv_handle_t *)&q->turn, on_closed);
        uv_close((uv_handle_t *)&q->heartbeat, on_closed);
}
