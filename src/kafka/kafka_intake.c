/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: the thread fills a batch and hands it to the loop, and while that one is on
 * its way, the next; a batch that is committed comes back and is freed.
 *
 * Possible failures:
 *  - the failure log takes nothing: no batch comes back, and the thread does not consume;
 *  - a batch is not known to be committed: when all that were handed over are back, the consumer
 *    goes back to the committed offsets, which are stable only when the transaction has ended;
 *  - the partitions are assigned anew: likewise, by the assignment itself; batches of before come
 *    back and are freed, committed or fenced;
 *  - a transaction that hangs in the committed offsets keeps the partitions from being read:
 *    kafka_intake_offsets.c.
 */
#include "kafka_intake.h"

#include <stdlib.h>
#include <string.h>

#include "crr/base/log.h"
#include "crr/base/time.h"

#define SERVE_MS       50
#define NO_CONSUMER_MS 1000 /* before it is tried again to make one */

/* THE THREAD */

bool kafka_intake_is_stopping(struct kafka_intake *k)
{
        bool stop;

        uv_mutex_lock(&k->mutex);
        stop = k->stop;
        uv_mutex_unlock(&k->mutex);
        return stop;
}

static struct intake_batch *take_over(struct kafka_intake *k)
{
        struct intake_batch *batch;

        uv_mutex_lock(&k->mutex);
        batch = k->over;
        k->over = NULL;
        k->over_end = &k->over;
        uv_mutex_unlock(&k->mutex);
        return batch;
}

/* What came back. */
static void free_what_is_over(struct kafka_intake *k)
{
        struct intake_batch *batch = take_over(k);

        while (batch != NULL) {
                struct intake_batch *next = batch->next;

                if (batch->end == INTAKE_DONE)
                        kafka_intake_reach(k, batch);
                else if (batch->end == INTAKE_REWIND && batch->epoch == k->epoch)
                        k->must_rewind = true;
                k->n_out--;
                intake_batch_free(batch);
                batch = next;
        }
}

static void wait_for_a_batch(struct kafka_intake *k, int64_t ms)
{
        uv_mutex_lock(&k->mutex);
        if (!k->stop && k->over == NULL)
                uv_cond_timedwait(&k->cond, &k->mutex, (uint64_t)ms * 1000000);
        uv_mutex_unlock(&k->mutex);
}

static void hand_over(struct kafka_intake *k, struct intake_batch *batch)
{
        batch->next = NULL;
        k->n_out++;
        uv_mutex_lock(&k->mutex);
        *k->filled_end = batch;
        k->filled_end = &batch->next;
        uv_mutex_unlock(&k->mutex);
        uv_async_send(&k->wake);
}

static void renew_credentials(struct kafka_intake *k)
{
        uv_mutex_lock(&k->mutex);
        kafka_credentials_renew(&k->credentials, k->consumer, &k->credentials_version);
        uv_mutex_unlock(&k->mutex);
}

/* Nothing is consumed until a batch comes back; the group must not wait for us meanwhile. */
static void wait_and_serve(struct kafka_intake *k)
{
        wait_for_a_batch(k, SERVE_MS);
        kafka_intake_serve(k, 0);
}

static void turn(struct kafka_intake *k)
{
        struct intake_batch *batch;

        free_what_is_over(k);
        if (k->is_lost || (k->consumer == NULL && !kafka_intake_make_consumer(k))) {
                kafka_intake_end_consumer(k);
                wait_for_a_batch(k, NO_CONSUMER_MS);
                return;
        }
        renew_credentials(k);
        kafka_intake_tell_lags(k);
        kafka_intake_free_offsets(k);
        if (k->must_rewind && k->n_out == 0)
                kafka_intake_rewind(k);
        if (k->must_rewind || k->n_out == KAFKA_INTAKE_AHEAD) {
                wait_and_serve(k);
                return;
        }
        batch = kafka_intake_read(k);
        if (batch == NULL)
                batch = kafka_intake_tell_again(k);
        if (batch != NULL)
                hand_over(k, batch);
}

static void run_thread(void *data)
{
        struct kafka_intake *k = data;

        k->writer = intake_writer_new(&k->config);
        kafka_lanes_init(&k->lanes, k->config.topics, k->config.n_topics);
        while (!kafka_intake_is_stopping(k))
                turn(k);
        kafka_intake_end_consumer(k); /* others may have the partitions; what is out is fenced */
        while (k->n_out > 0) {
                uv_mutex_lock(&k->mutex);
                while (k->over == NULL)
                        uv_cond_wait(&k->cond, &k->mutex);
                uv_mutex_unlock(&k->mutex);
                free_what_is_over(k);
        }
        intake_writer_free(k->writer);
        uv_mutex_lock(&k->mutex);
        k->ended = true;
        uv_mutex_unlock(&k->mutex);
        uv_async_send(&k->wake);
}

/* THE LOOP */

static void batch_on_done(struct intake_batch *batch)
{
        struct kafka_intake *k = batch->data;

        batch->next = NULL;
        uv_mutex_lock(&k->mutex);
        *k->over_end = batch;
        k->over_end = &batch->next;
        uv_cond_signal(&k->cond);
        uv_mutex_unlock(&k->mutex);
}

static void on_part_closed(void *data)
{
        struct kafka_intake *k = data;

        if (--k->open_parts == 0)
                k->closed(k->closed_data);
}

static void on_wake_closed(uv_handle_t *handle)
{
        on_part_closed(handle->data);
}

static void submit_all(struct kafka_intake *k, struct intake_batch *batch)
{
        while (batch != NULL) {
                struct intake_batch *next = batch->next;

                batch->data = k;
                batch->done = batch_on_done;
                intake_submit(k->intake, batch);
                batch = next;
        }
}

static void see_assigned(struct kafka_intake *k, int n)
{
        k->assigned_seen = n;
        k->lag_seen = -1;
        if (n < 0)
                return;
        kafka_trouble_forget(k->trouble, KAFKA_INTAKE);
        log_emit(LOG_INTAKE_ASSIGNED, LOG_FIELDS(log_i("n", n)),
                 "partitions of the intake's topics are assigned");
}

static void see_lags(struct kafka_intake *k, const int64_t *lags)
{
        int64_t sum = 0;
        bool is_known = true;

        for (size_t t = 0; t < k->config.n_topics; t++) {
                if (lags[t] < 0) {
                        is_known = false;
                        continue;
                }
                sum += lags[t];
                metrics_set(k->metrics, METRIC_CONSUMER_LAG, LABELS_1(k->config.topics[t]),
                            (double)lags[t]);
        }
        if (is_known && k->lag_seen < 0)
                kafka_trouble_forget(k->trouble, KAFKA_INTAKE); /* what kept it */
        k->lag_seen = is_known ? sum : -1;
}

static void on_wake(uv_async_t *handle)
{
        struct kafka_intake *k = handle->data;
        struct intake_batch *batch;
        int64_t lags[LIMIT_INTAKE_TOPICS];
        bool ended, is_told, has_lags;
        int n_assigned;

        uv_mutex_lock(&k->mutex);
        batch = k->filled;
        k->filled = NULL;
        k->filled_end = &k->filled;
        ended = k->ended;
        is_told = k->is_assigned_told;
        k->is_assigned_told = true;
        n_assigned = k->n_assigned;
        has_lags = k->has_lags;
        memcpy(lags, k->lags, sizeof lags);
        uv_mutex_unlock(&k->mutex);
        kafka_trouble_collect(k->trouble);
        if (!is_told)
                see_assigned(k, n_assigned);
        if (has_lags)
                see_lags(k, lags);
        submit_all(k, batch);
        if (ended && k->started) {
                uv_thread_join(&k->thread);
                k->started = false;
                uv_close((uv_handle_t *)&k->wake, on_wake_closed);
        }
}

void kafka_intake_init(struct kafka_intake *k, const struct kafka_settings *settings,
                       const char *bootstrap, struct kafka_trouble *trouble)
{
        memset(k, 0, sizeof *k);
        k->settings = settings;
        k->bootstrap = bootstrap;
        k->trouble = trouble;
        k->filled_end = &k->filled;
        k->over_end = &k->over;
        k->is_assigned_told = true;
        k->assigned_seen = k->n_assigned = -1;
        k->lag_seen = -1;
        k->tell_every_ms = KAFKA_INTAKE_TELL_MS;
        uv_mutex_init(&k->mutex);
        uv_cond_init(&k->cond);
        kafka_publisher_init(&k->publisher, settings, bootstrap, trouble);
        k->publisher.handle = KAFKA_INTAKE_PRODUCER;
}

void kafka_intake_deinit(struct kafka_intake *k)
{
        kafka_publisher_deinit(&k->publisher);
        uv_mutex_destroy(&k->mutex);
        uv_cond_destroy(&k->cond);
        free(k->generation);
}

void kafka_intake_set(struct kafka_intake *k, struct intake *intake,
                      const struct intake_config *config, struct metrics *metrics)
{
        k->intake = intake;
        k->config = *config;
        k->metrics = metrics;
}

void kafka_intake_start(struct kafka_intake *k, uv_loop_t *loop)
{
        if (k->intake == NULL)
                return;
        kafka_publisher_start(&k->publisher, loop, NULL);
        uv_async_init(loop, &k->wake, on_wake);
        k->wake.data = k;
        k->started = true;
        if (uv_thread_create(&k->thread, run_thread, k) != 0)
                abort();
}

void kafka_intake_set_credentials(struct kafka_intake *k, const struct kafka_credentials *c)
{
        uv_mutex_lock(&k->mutex);
        k->credentials = *c;
        uv_mutex_unlock(&k->mutex);
        kafka_publisher_set_credentials(&k->publisher, c);
}

static const char *if_any(const char *text)
{
        return text[0] != '\0' ? text : NULL;
}

static void tell_waiting(const struct kafka_trouble *t, enum kafka_handle handle, const char *known,
                         struct kafka_intake_status *ret)
{
        const char *said = kafka_trouble_of(t, handle);

        ret->state = kafka_trouble_wait(t, handle, known);
        if (said != NULL)
                ret->error = said;
}

bool kafka_intake_tell(const struct kafka_intake *k, struct kafka_intake_status *ret)
{
        const struct kafka_trouble *t = k->trouble;

        *ret = (struct kafka_intake_status){ .state = "ok",
                                             .partitions = k->assigned_seen,
                                             .lag = k->assigned_seen >= 0 ? k->lag_seen : -1,
                                             .error = if_any(t->last_of[KAFKA_INTAKE]) };
        if (ret->error == NULL)
                ret->error = if_any(t->last_of[KAFKA_INTAKE_PRODUCER]);
        if (!t->broker_up) {
                ret->state = kafka_trouble_is_auth(t) ? "authentication" : "broker";
                ret->error = if_any(t->last_text);
        } else if (ret->partitions < 0) {
                tell_waiting(t, KAFKA_INTAKE, "assignment", ret);
        } else if (!k->publisher.usable_seen) {
                tell_waiting(t, KAFKA_INTAKE_PRODUCER, "producer", ret);
        } else if (ret->lag < 0) {
                ret->state = "lag";
        }
        return k->intake != NULL;
}

void kafka_intake_close(struct kafka_intake *k, void (*closed)(void *data), void *data)
{
        k->closed = closed;
        k->closed_data = data;
        if (k->intake == NULL) {
                closed(data);
                return;
        }
        k->open_parts = 2;
        uv_mutex_lock(&k->mutex);
        k->stop = true;
        uv_cond_signal(&k->cond);
        uv_mutex_unlock(&k->mutex);
        kafka_publisher_close(&k->publisher, on_part_closed, k);
}
