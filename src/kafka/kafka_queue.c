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

static void on_more(uv_idle_t *handle);

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

static void drain(struct kafka_queue *q)
{
        bool more = serve_slice(q);

        if (q->rest != NULL)
                q->rest(q->data);
        if (q->closing)
                return;
        if (more)
                uv_idle_start(&q->more, on_more);
        else
                uv_idle_stop(&q->more);
}

static void on_more(uv_idle_t *handle)
{
        drain(handle->data);
}

/* One slice a turn: while there is more, it is taken by on_more(). */
static void drain_unless_busy(struct kafka_queue *q)
{
        if (!uv_is_active((uv_handle_t *)&q->more))
                drain(q);
}

static void on_wake(uv_async_t *handle)
{
        drain_unless_busy(handle->data);
}

static void on_heartbeat(uv_timer_t *handle)
{
        drain_unless_busy(handle->data);
}

void kafka_queue_start(struct kafka_queue *q, uv_loop_t *loop, rd_kafka_queue_t *queue,
                       void (*serve)(void *data, rd_kafka_event_t *event), void (*rest)(void *data),
                       void *data)
{
        *q = (struct kafka_queue){
                .queue = queue, .serve = serve, .rest = rest, .data = data, .open_handles = 3
        };
        uv_async_init(loop, &q->wake, on_wake);
        uv_idle_init(loop, &q->more);
        uv_timer_init(loop, &q->heartbeat);
        q->wake.data = q->more.data = q->heartbeat.data = q;
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
        uv_close((uv_handle_t *)&q->more, on_closed);
        uv_close((uv_handle_t *)&q->heartbeat, on_closed);
}
