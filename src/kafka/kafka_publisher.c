/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: the thread makes a producer, which aborts what an earlier process of this
 * transactional.id left open (init_transactions); batches are taken one at a time, and their
 * results go back to the loop.
 *
 * Possible failures:
 *  - the broker is away: calls are repeated until it is back or we stop;
 *  - the producer is fatally wrong: it is made anew at once, and the core is told when it is usable
 * again;
 *  - it is fenced again and again although no outage explains it: another process has our
 * transactional.id; we wait 10 s, doubling, and give up after FENCINGS_MAX.
 */
#include "kafka_publisher.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crr/base/log.h"
#include "crr/base/time.h"

#define INIT_TIMEOUT_MS 5000
#define RETRY_PAUSE_MS  500
#define FENCED_WAIT_MS  10000
#define FENCINGS_MAX    4
#define WARM_UP_MS      3000
#define RECORD_OVERHEAD 1024 /* of a batch's framing and headers, below message.max.bytes */

static int64_t now_ms(void)
{
        return (int64_t)(uv_hrtime() / 1000000);
}

bool kafka_publisher_is_stopping(struct kafka_publisher *p)
{
        bool stop;

        uv_mutex_lock(&p->mutex);
        stop = p->stop;
        uv_mutex_unlock(&p->mutex);
        return stop;
}

/* Sleep, or less when we are to stop. */
static void pause_ms(struct kafka_publisher *p, int64_t ms)
{
        int64_t end = now_ms() + ms;

        uv_mutex_lock(&p->mutex);
        while (!p->stop && now_ms() < end)
                uv_cond_timedwait(&p->cond, &p->mutex, (uint64_t)(end - now_ms()) * 1000000);
        uv_mutex_unlock(&p->mutex);
}

static void destroy_producer(struct kafka_publisher *p)
{
        for (int i = 0; i < 2; i++) {
                if (p->topics[i] != NULL)
                        rd_kafka_topic_destroy(p->topics[i]);
                p->topics[i] = NULL;
        }
        if (p->producer != NULL)
                rd_kafka_destroy(p->producer);
        p->producer = NULL;
}

static void set_usable(struct kafka_publisher *p, bool usable)
{
        uv_mutex_lock(&p->mutex);
        p->usable = usable;
        p->readied += usable;
        uv_mutex_unlock(&p->mutex);
        uv_async_send(&p->wake);
}

static void give_up(struct kafka_publisher *p)
{
        uv_mutex_lock(&p->mutex);
        p->fatal = true;
        error_set(&p->fatal_error, ERR_KAFKA,
                  "fenced %u times although the broker was there: another process uses "
                  "instance.id %s in the group %s",
                  p->fencings, p->settings->instance, p->settings->group);
        uv_mutex_unlock(&p->mutex);
        uv_async_send(&p->wake);
}

static void wait_after_fencing(struct kafka_publisher *p)
{
        int64_t wait = 0;

        p->fencings++;
        for (unsigned i = 1; i < p->fencings; i++)
                wait = wait == 0 ? FENCED_WAIT_MS : 2 * wait;
        if (p->fencings >= FENCINGS_MAX) {
                give_up(p);
                return;
        }
        uv_mutex_lock(&p->mutex);
        p->fenced_wait_ms = wait > 0 ? wait : 1;
        uv_mutex_unlock(&p->mutex);
        uv_async_send(&p->wake);
        pause_ms(p, wait);
}

/* An outage that outlived the transaction timeout fences too, and proves nothing. */
void kafka_publisher_lose(struct kafka_publisher *p, rd_kafka_resp_err_t code)
{
        bool fenced = code == RD_KAFKA_RESP_ERR__FENCED ||
                      code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
                      code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH ||
                      code == RD_KAFKA_RESP_ERR__FATAL;
        rd_kafka_resp_err_t fatal = RD_KAFKA_RESP_ERR_NO_ERROR;
        char text[128];

        if (code == RD_KAFKA_RESP_ERR__FATAL && p->producer != NULL) {
                fatal = rd_kafka_fatal_error(p->producer, text, sizeof text);
                fenced = fatal == RD_KAFKA_RESP_ERR__FENCED ||
                         fatal == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
                         fatal == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
        }
        destroy_producer(p);
        p->clear_first = true;
        set_usable(p, false);
        if (fenced && now_ms() - p->last_good_ms < p->settings->transaction_timeout_ms)
                wait_after_fencing(p);
        else
                p->fencings = 0;
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
        struct kafka_publisher *p = opaque;

        (void)rk;
        if (code != RD_KAFKA_RESP_ERR__FATAL)
                kafka_trouble_note(p->trouble, KAFKA_PRODUCER, (rd_kafka_resp_err_t)code, reason);
}

static rd_kafka_topic_t *open_topic(struct kafka_publisher *p, const char *name,
                                    const char *partitioner)
{
        rd_kafka_topic_conf_t *conf = rd_kafka_topic_conf_new();
        char said[128];

        rd_kafka_topic_conf_set(conf, "partitioner", partitioner, said, sizeof said);
        return rd_kafka_topic_new(p->producer, name, conf);
}

static const char *library_partitioner(const struct kafka_settings *s)
{
        return strcmp(s->replication_partitioner, "murmur2") == 0 ? "murmur2" : "consistent";
}

static bool make_producer(struct kafka_publisher *p)
{
        struct error err;
        rd_kafka_conf_t *conf = kafka_conf_new(p->settings, KAFKA_PRODUCER, p->bootstrap, &err);

        if (conf == NULL)
                return false;
        rd_kafka_conf_set_opaque(conf, p);
        rd_kafka_conf_set_error_cb(conf, on_error);
        rd_kafka_conf_set_dr_msg_cb(conf, kafka_transaction_on_delivery);
        p->producer = kafka_handle_new(conf, KAFKA_PRODUCER, &err);
        p->credentials_version = 0;
        if (p->producer == NULL) {
                kafka_trouble_note(p->trouble, KAFKA_PRODUCER, RD_KAFKA_RESP_ERR__INVALID_ARG,
                                   err.message);
                return false;
        }
        p->topics[PUBLISH_REPLICATION] =
                open_topic(p, p->settings->replication_topic, library_partitioner(p->settings));
        p->topics[PUBLISH_FAILURES] = open_topic(p, p->settings->failures_topic, "murmur2");
        return true;
}

static void renew_credentials(struct kafka_publisher *p)
{
        uv_mutex_lock(&p->mutex);
        kafka_credentials_renew(&p->credentials, p->producer, &p->credentials_version);
        uv_mutex_unlock(&p->mutex);
}

/* False: not yet. */
static bool init_transactions(struct kafka_publisher *p)
{
        rd_kafka_error_t *error = rd_kafka_init_transactions(p->producer, INIT_TIMEOUT_MS);
        bool fatal;

        if (error == NULL)
                return true;
        kafka_trouble_note(p->trouble, KAFKA_PRODUCER, rd_kafka_error_code(error),
                           rd_kafka_error_string(error));
        fatal = rd_kafka_error_is_fatal(error) || !rd_kafka_error_is_retriable(error);
        rd_kafka_error_destroy(error);
        if (fatal)
                destroy_producer(p);
        return false;
}

/* The first transaction would pay for the metadata otherwise. */
static void warm_up(struct kafka_publisher *p)
{
        for (int i = 0; i < 2; i++) {
                const struct rd_kafka_metadata *metadata;

                if (rd_kafka_metadata(p->producer, 0, p->topics[i], &metadata, WARM_UP_MS) ==
                    RD_KAFKA_RESP_ERR_NO_ERROR)
                        rd_kafka_metadata_destroy(metadata);
        }
}

static bool may_begin(struct kafka_publisher *p)
{
        bool may;

        uv_mutex_lock(&p->mutex);
        while (!p->stop && !p->topics_known)
                uv_cond_wait(&p->cond, &p->mutex);
        may = !p->stop && !p->fatal;
        uv_mutex_unlock(&p->mutex);
        return may;
}

/* False: the producer is lost again. */
static bool clear(struct kafka_publisher *p)
{
        rd_kafka_error_t *error = kafka_transaction_clear(p);

        if (error == NULL)
                return true;
        kafka_trouble_note(p->trouble, KAFKA_PRODUCER, rd_kafka_error_code(error),
                           rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
        destroy_producer(p);
        pause_ms(p, RETRY_PAUSE_MS);
        return false;
}

static void ensure_producer(struct kafka_publisher *p)
{
        bool usable = false;

        if (p->producer != NULL)
                return;
        while (!usable && may_begin(p)) {
                if (p->producer == NULL && !make_producer(p)) {
                        pause_ms(p, RETRY_PAUSE_MS);
                        continue;
                }
                renew_credentials(p);
                usable = init_transactions(p);
                if (!usable)
                        pause_ms(p, RETRY_PAUSE_MS);
        }
        if (!usable)
                return;
        warm_up(p);
        p->last_good_ms = now_ms();
        if (p->clear_first && !p->settings->embedded && !clear(p))
                return;
        p->clear_first = false;
        set_usable(p, true);
}

/* NULL: stop. Events of the producer are served while it waits. */
static struct publish_batch *take_batch(struct kafka_publisher *p)
{
        struct publish_batch *batch = NULL;

        uv_mutex_lock(&p->mutex);
        while (!p->stop && !p->fatal && p->waiting == NULL) {
                uv_mutex_unlock(&p->mutex);
                renew_credentials(p);
                if (p->producer != NULL)
                        rd_kafka_poll(p->producer, 0);
                uv_mutex_lock(&p->mutex);
                if (!p->stop && p->waiting == NULL)
                        uv_cond_timedwait(&p->cond, &p->mutex, UINT64_C(1000000000));
        }
        if (!p->stop && !p->fatal && p->waiting != NULL) {
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

static void run_thread(void *data)
{
        struct kafka_publisher *p = data;

        for (;;) {
                struct publish_batch *batch;

                while (p->producer == NULL && may_begin(p))
                        ensure_producer(p);
                batch = take_batch(p);
                if (batch == NULL)
                        break;
                kafka_transaction_run(p, batch);
                give_back(p, batch);
        }
        destroy_producer(p);
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

static void tell_state(struct kafka_publisher *p, unsigned readied, bool usable)
{
        char id[512];

        if (p->usable_seen && (!usable || readied != p->readied_seen))
                member_on_publisher_lost(p->member);
        if (usable && readied != p->readied_seen) {
                snprintf(id, sizeof id, "crr-retryd-%s-%s", p->settings->group,
                         p->settings->instance);
                log_emit(LOG_PRODUCER_READY, LOG_FIELDS(log_c("transactional_id", id)),
                         "the transactional producer can be used");
                member_on_publisher_ready(p->member);
        }
        p->readied_seen = readied;
        p->usable_seen = usable;
}

static void say_fenced(const struct kafka_publisher *p, int64_t wait_ms)
{
        char id[512];

        snprintf(id, sizeof id, "crr-retryd-%s-%s", p->settings->group, p->settings->instance);
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
                error_set(&batch->err, ERR_UNAVAILABLE, "this member is stopping");
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

void kafka_publisher_init(struct kafka_publisher *p, const struct kafka_settings *settings,
                          const char *bootstrap, struct kafka_trouble *trouble)
{
        memset(p, 0, sizeof *p);
        p->port = (struct publisher){ submit, 5000020 - RECORD_OVERHEAD };
        p->settings = settings;
        p->bootstrap = bootstrap;
        p->trouble = trouble;
        p->waiting_end = &p->waiting;
        p->finished_end = &p->finished;
        p->clear_first = true; /* of whoever had this transactional.id before */
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

void kafka_publisher_on_topics(struct kafka_publisher *p)
{
        uv_mutex_lock(&p->mutex);
        p->topics_known = true;
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
