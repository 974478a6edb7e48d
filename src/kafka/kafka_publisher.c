/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: batches are taken one at a time by the thread, and their results go back to
 * the loop.
 *
 * Possible failures: kafka_transaction.c (a batch) and kafka_producer.c (the producer). Whatever
 * becomes of it, every batch is given back once; those that were not begun when we close are
 * PUBLISH_CLOSED.
 */
#include "kafka_publisher.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crr/base/log.h"
#include "crr/base/time.h"

#define MAX_MESSAGE_BYTES 5000020 /* message.max.bytes of the producer */
#define SET_OVERHEAD      200 /* of a record that is alone in its set: at most 137 with its headers */

/* NULL: stop, or end what hangs. Events of the producer are served while it waits. */
static struct publish_batch *take_batch(struct kafka_publisher *p)
{
        struct publish_batch *batch = NULL;

        uv_mutex_lock(&p->mutex);
        while (!p->stop && !p->fatal && !p->must_end_offsets && p->waiting == NULL) {
                uv_mutex_unlock(&p->mutex);
                kafka_producer_renew_credentials(p);
                if (p->producer != NULL)
                        rd_kafka_poll(p->producer, 0);
                uv_mutex_lock(&p->mutex);
                if (!p->stop && !p->must_end_offsets && p->waiting == NULL)
                        uv_cond_timedwait(&p->cond, &p->mutex, UINT64_C(1000000000));
        }
        if (!p->stop && !p->fatal && !p->must_end_offsets && p->waiting != NULL) {
                batch = p->waiting;
                p->waiting = batch->next;
                if (p->waiting == NULL)
                        p->waiting_end = &p->waiting;
        }
        uv_mutex_unlock(&p->mutex);
        return batch;
}

static void give_back(struct kafka_publisher *p, struct publish_batch *batch)
{
        uv_mutex_lock(&p->mutex);
        batch->next = NULL;
        *p->finished_end = batch;
        p->finished_end = &batch->next;
        uv_mutex_unlock(&p->mutex);
        uv_async_send(&p->wake);
}

static bool take_wish_to_end_offsets(struct kafka_publisher *p)
{
        bool wish;

        uv_mutex_lock(&p->mutex);
        wish = p->must_end_offsets && !p->stop && !p->fatal;
        p->must_end_offsets = false;
        uv_mutex_unlock(&p->mutex);
        return wish;
}

static void run_thread(void *data)
{
        struct kafka_publisher *p = data;

        for (;;) {
                struct publish_batch *batch;

                while (p->producer == NULL && kafka_producer_may_begin(p))
                        kafka_producer_ensure(p);
                batch = take_batch(p);
                if (batch != NULL) {
                        kafka_transaction_run(p, batch);
                        give_back(p, batch);
                } else if (take_wish_to_end_offsets(p)) {
                        kafka_producer_end_offsets(p);
                } else {
                        break;
                }
        }
        kafka_producer_destroy(p);
        uv_mutex_lock(&p->mutex);
        p->ended = true;
        uv_mutex_unlock(&p->mutex);
        uv_async_send(&p->wake);
}

/* THE LOOP'S SIDE */

static void complete(struct publish_batch *batch, enum publish_outcome outcome)
{
        if (outcome == PUBLISH_CLOSED) {
                batch->outcome = outcome;
                batch->duration_us = 0;
                error_set(&batch->err, ERR_UNAVAILABLE, "this member is stopping");
        }
        batch->done(batch);
}

static struct publish_batch *take_list(struct publish_batch **list, struct publish_batch ***end)
{
        struct publish_batch *taken = *list;

        *list = NULL;
        *end = list;
        return taken;
}

static void tell_member(const struct kafka_publisher *p, void (*what)(struct member *m))
{
        if (p->handle == KAFKA_PRODUCER)
                what(p->member);
}

static void tell_state(struct kafka_publisher *p, unsigned readied, bool usable)
{
        char id[KAFKA_TRANSACTIONAL_ID_SIZE];

        if (p->usable_seen && (!usable || readied != p->readied_seen))
                tell_member(p, member_on_publisher_lost);
        if (usable && readied != p->readied_seen) {
                kafka_producer_id(p->settings, p->handle, id);
                log_emit(LOG_PRODUCER_READY, LOG_FIELDS(log_c("transactional_id", id)),
                         "the transactional producer can be used");
                tell_member(p, member_on_publisher_ready);
        }
        p->readied_seen = readied;
        if (usable && !p->usable_seen)
                kafka_trouble_forget(p->trouble, p->handle);
        p->usable_seen = usable;
}

static void say_fenced(const struct kafka_publisher *p, int64_t wait_ms)
{
        char id[KAFKA_TRANSACTIONAL_ID_SIZE];

        kafka_producer_id(p->settings, p->handle, id);
        log_emit(LOG_PRODUCER_FENCED,
                 LOG_FIELDS(log_c("transactional_id", id),
                            log_i("wait_ms", wait_ms > 1 ? wait_ms : 0)),
                 "another process with this instance.id fenced our producer; it is made anew");
}

static void on_thread_closed(uv_handle_t *handle)
{
        struct kafka_publisher *p = handle->data;

        p->closed(p->closed_data);
}

static void end_thread(struct kafka_publisher *p)
{
        struct publish_batch *left;

        uv_thread_join(&p->thread);
        p->started = false;
        left = take_list(&p->waiting, &p->waiting_end);
        while (left != NULL) {
                struct publish_batch *next = left->next;

                complete(left, PUBLISH_CLOSED);
                left = next;
        }
        if (p->closed != NULL)
                uv_close((uv_handle_t *)&p->wake, on_thread_closed);
}

static void on_wake(uv_async_t *handle)
{
        struct kafka_publisher *p = handle->data;
        struct publish_batch *batch;
        bool usable, fatal, ended;
        unsigned readied;
        int64_t fenced;

        uv_mutex_lock(&p->mutex);
        batch = take_list(&p->finished, &p->finished_end);
        usable = p->usable;
        readied = p->readied;
        fatal = p->fatal;
        ended = p->ended;
        fenced = p->fenced_wait_ms;
        p->fenced_wait_ms = 0;
        uv_mutex_unlock(&p->mutex);
        kafka_trouble_collect(p->trouble);
        if (fenced > 0)
                say_fenced(p, fenced);
        while (batch !=
               NULL) { /* outcomes first: what was unknown may be decided by the new producer */
                struct publish_batch *next = batch->next;

                complete(batch, batch->outcome);
                batch = next;
        }
        tell_state(p, readied, usable);
        if (fatal && p->closed == NULL)
                p->on_fatal(p->fatal_data, &p->fatal_error);
        if (ended && p->started && p->closed != NULL)
                end_thread(p);
}

static void submit(struct publisher *port, struct publish_batch *batch)
{
        struct kafka_publisher *p = (struct kafka_publisher *)port;

        batch->next = NULL;
        uv_mutex_lock(&p->mutex);
        if (p->ended) { /* the loop completes it: never from inside submit */
                batch->outcome = PUBLISH_CLOSED;
                *p->finished_end = batch;
                p->finished_end = &batch->next;
                uv_async_send(&p->wake);
        } else {
                *p->waiting_end = batch;
                p->waiting_end = &batch->next;
                uv_cond_signal(&p->cond);
        }
        uv_mutex_unlock(&p->mutex);
}

static void end_offsets(struct publisher *port)
{
        kafka_publisher_end_offsets((struct kafka_publisher *)port);
}

/* A topic's limit bounds its records. A producer has one limit for what it sends at once, which is
 * the least of them; a record above that is sent alone. */
static void set_most(struct kafka_publisher *p, const int64_t most_bytes[PUBLISH_TOPICS])
{
        p->max_set_bytes = MAX_MESSAGE_BYTES;
        for (int i = 0; i < PUBLISH_TOPICS; i++) {
                bool is_less = most_bytes[i] > 0 && most_bytes[i] < MAX_MESSAGE_BYTES;
                int64_t most = is_less ? most_bytes[i] : MAX_MESSAGE_BYTES;

                if (most < p->max_set_bytes)
                        p->max_set_bytes = most;
                p->port.max_record_bytes[i] =
                        most > SET_OVERHEAD ? (size_t)(most - SET_OVERHEAD) : 0;
        }
}

void kafka_publisher_init(struct kafka_publisher *p, const struct kafka_settings *settings,
                          const char *bootstrap, struct kafka_trouble *trouble)
{
        static const int64_t nothing_known[PUBLISH_TOPICS];

        memset(p, 0, sizeof *p);
        p->port.submit = submit;
        p->port.end_offsets = end_offsets;
        set_most(p, nothing_known);
        p->settings = settings;
        p->bootstrap = bootstrap;
        p->trouble = trouble;
        p->handle = KAFKA_PRODUCER;
        p->waiting_end = &p->waiting;
        p->finished_end = &p->finished;
        p->outage_ms = INT64_MIN / 2;
        uv_mutex_init(&p->mutex);
        uv_cond_init(&p->cond);
}

void kafka_publisher_start(struct kafka_publisher *p, uv_loop_t *loop, struct member *member)
{
        p->member = member;
        uv_async_init(loop, &p->wake, on_wake);
        p->wake.data = p;
        p->started = true;
        if (uv_thread_create(&p->thread, run_thread, p) != 0)
                abort();
}

void kafka_publisher_on_topics(struct kafka_publisher *p, const int64_t most_bytes[PUBLISH_TOPICS])
{
        uv_mutex_lock(&p->mutex);
        p->topics_known = true;
        set_most(p, most_bytes);
        uv_cond_signal(&p->cond);
        uv_mutex_unlock(&p->mutex);
}

void kafka_publisher_set_credentials(struct kafka_publisher *p, const struct kafka_credentials *c)
{
        uv_mutex_lock(&p->mutex);
        p->credentials = *c;
        uv_cond_signal(&p->cond);
        uv_mutex_unlock(&p->mutex);
}

void kafka_publisher_end_offsets(struct kafka_publisher *p)
{
        uv_mutex_lock(&p->mutex);
        p->must_end_offsets = !p->settings->embedded;
        uv_cond_signal(&p->cond);
        uv_mutex_unlock(&p->mutex);
}

void kafka_publisher_close(struct kafka_publisher *p, void (*closed)(void *data), void *data)
{
        p->closed = closed;
        p->closed_data = data;
        uv_mutex_lock(&p->mutex);
        p->stop = true;
        uv_cond_signal(&p->cond);
        uv_mutex_unlock(&p->mutex);
        uv_async_send(&p->wake);
}

void kafka_publisher_deinit(struct kafka_publisher *p)
{
        uv_mutex_destroy(&p->mutex);
        uv_cond_destroy(&p->cond);
}
