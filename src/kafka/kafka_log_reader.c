/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path of a read: its items are sorted; every partition is assigned at its first wanted
 * offset; records come, and each wanted one is kept; where the next wanted one is far away the
 * partition is assigned there.
 *
 * Possible failures:
 *  - a wanted record is not there any more: the next record, or the end of the partition, has
 * passed it;
 *  - the log cannot be read before the deadline: the read fails.
 */
#include "kafka_log_reader.h"

#include <stdlib.h>
#include <string.h>

#include "crr/base/time.h"

#define POLL_MS  100
#define FAR_AWAY 500 /* records: reading over fewer is cheaper than a new assignment */

/* A read whose answer is on its way to the loop: the messages are kept until done() returned. */
struct reader_result {
        struct log_read *read;
        rd_kafka_message_t **messages;
        size_t n_messages;
        bool failed;
        struct error err;
        struct reader_result *next;
};

static int by_position(const void *a, const void *b)
{
        const struct log_read_item *x = a, *y = b;

        if (x->partition != y->partition)
                return x->partition < y->partition ? -1 : 1;
        return (x->offset > y->offset) - (x->offset < y->offset);
}

/* THE THREAD */

static bool is_stopping(struct kafka_log_reader *r)
{
        bool stop;

        uv_mutex_lock(&r->mutex);
        stop = r->stop;
        uv_mutex_unlock(&r->mutex);
        return stop;
}

static void renew_credentials(struct kafka_log_reader *r)
{
        uv_mutex_lock(&r->mutex);
        kafka_credentials_renew(&r->credentials, r->consumer, &r->credentials_version);
        uv_mutex_unlock(&r->mutex);
}

static bool make_consumer(struct kafka_log_reader *r, struct error *err)
{
        rd_kafka_conf_t *conf;

        if (r->consumer != NULL) {
                renew_credentials(r);
                return true;
        }
        conf = kafka_conf_new(r->settings, KAFKA_READER, r->bootstrap, err);
        if (conf == NULL)
                return false;
        r->consumer = kafka_handle_new(conf, KAFKA_READER, err);
        if (r->consumer == NULL)
                return false;
        rd_kafka_poll_set_consumer(r->consumer);
        renew_credentials(r);
        return true;
}

/* The first item of a partition that is not answered; n: none. Answered items have `data` of the
 * walk. */
struct walk {
        struct log_read *read;
        bool *answered;
        size_t left;
        struct reader_result *result;
};

static void assign_rest(struct kafka_log_reader *r, const struct walk *w)
{
        rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);

        for (size_t i = 0; i < w->read->n; i++) {
                const struct log_read_item *item = &w->read->items[i];

                if (!w->answered[i] &&
                    rd_kafka_topic_partition_list_find(list, r->settings->failures_topic,
                                                       item->partition) == NULL)
                        rd_kafka_topic_partition_list_add(list, r->settings->failures_topic,
                                                          item->partition)
                                ->offset = item->offset;
        }
        rd_kafka_assign(r->consumer, list->cnt > 0 ? list : NULL);
        rd_kafka_topic_partition_list_destroy(list);
}

static void answer(struct walk *w, size_t i, rd_kafka_message_t *message)
{
        struct log_read_item *item = &w->read->items[i];
        rd_kafka_timestamp_type_t type;

        w->answered[i] = true;
        w->left--;
        item->found = message != NULL;
        if (message == NULL)
                return;
        item->timestamp_ms = rd_kafka_message_timestamp(message, &type);
        item->key =
                message->key != NULL ? (struct str){ message->key, message->key_len } : STR_ABSENT;
        item->value = message->payload != NULL ? (struct str){ message->payload, message->len }
                                               : STR_ABSENT;
}

/* Everything below `next` of the partition that was not seen is gone. True: the next wanted one is
 * far away. */
static bool pass(struct walk *w, int partition, int64_t next)
{
        for (size_t i = 0; i < w->read->n; i++) {
                const struct log_read_item *item = &w->read->items[i];

                if (item->partition != partition || w->answered[i])
                        continue;
                if (item->offset >= next)
                        return item->offset > next + FAR_AWAY;
                answer(w, i, NULL);
        }
        return true; /* nothing is wanted of it any more */
}

/* True when the assignment should change. */
static bool take(struct walk *w, rd_kafka_message_t *message)
{
        bool kept = false;

        if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
                return pass(w, message->partition, message->offset);
        for (size_t i = 0; i < w->read->n; i++) {
                const struct log_read_item *item = &w->read->items[i];

                if (item->partition != message->partition || item->offset != message->offset ||
                    w->answered[i])
                        continue;
                answer(w, i, message);
                kept = true;
        }
        if (kept)
                w->result->messages[w->result->n_messages++] = message;
        return pass(w, message->partition, message->offset + 1);
}

static bool is_kept(const struct reader_result *result, const rd_kafka_message_t *message)
{
        return result->n_messages > 0 && result->messages[result->n_messages - 1] == message;
}

static void read_all(struct kafka_log_reader *r, struct walk *w)
{
        struct reader_result *result = w->result;

        qsort(w->read->items, w->read->n, sizeof *w->read->items, by_position);
        assign_rest(r, w);
        while (w->left > 0 && !result->failed) {
                rd_kafka_message_t *message = rd_kafka_consumer_poll(r->consumer, POLL_MS);

                if (message != NULL && (message->err == RD_KAFKA_RESP_ERR_NO_ERROR ||
                                        message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)) {
                        if (take(w, message) && w->left > 0)
                                assign_rest(r, w);
                } else if (message != NULL &&
                           message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
                        pass(w, message->partition, INT64_MAX - FAR_AWAY - 1);
                } else if (message != NULL) {
                        kafka_trouble_note(r->trouble, KAFKA_READER, message->err,
                                           rd_kafka_message_errstr(message));
                }
                if (message != NULL && !is_kept(result, message))
                        rd_kafka_message_destroy(message);
                if (w->left > 0 &&
                    (time_monotonic_ms() >= w->read->deadline_ms || is_stopping(r))) {
                        result->failed = true;
                        error_set(&result->err, ERR_UNAVAILABLE,
                                  "the failure log cannot be read again now");
                }
        }
        rd_kafka_assign(r->consumer, NULL);
}

static struct reader_result *run_read(struct kafka_log_reader *r, struct log_read *read)
{
        struct reader_result *result = calloc(1, sizeof *result);
        struct walk w = { .read = read, .left = read->n, .result = result };

        if (result == NULL)
                abort();
        result->read = read;
        result->messages = calloc(read->n, sizeof(rd_kafka_message_t *));
        w.answered = calloc(read->n, sizeof(bool));
        if (result->messages == NULL || w.answered == NULL)
                abort();
        for (size_t i = 0; i < read->n; i++)
                read->items[i].found = false;
        if (make_consumer(r, &result->err))
                read_all(r, &w);
        else
                result->failed = true;
        free(w.answered);
        return result;
}

static struct log_read *take_read(struct kafka_log_reader *r)
{
        struct log_read *read;

        uv_mutex_lock(&r->mutex);
        while (!r->stop && r->waiting == NULL)
                uv_cond_wait(&r->cond, &r->mutex);
        read = r->waiting; /* also when we stop: every read is answered */
        if (read != NULL) {
                r->waiting = read->next;
                if (r->waiting == NULL)
                        r->waiting_end = &r->waiting;
        }
        uv_mutex_unlock(&r->mutex);
        return read;
}

static void run_thread(void *data)
{
        struct kafka_log_reader *r = data;
        struct log_read *read;

        while ((read = take_read(r)) != NULL) {
                struct reader_result *result = run_read(r, read);

                uv_mutex_lock(&r->mutex);
                *r->finished_end = result;
                r->finished_end = &result->next;
                uv_mutex_unlock(&r->mutex);
                uv_async_send(&r->wake);
        }
        uv_mutex_lock(&r->mutex);
        r->ended = true;
        uv_mutex_unlock(&r->mutex);
        uv_async_send(&r->wake);
}

/* THE LOOP */

static void complete(struct reader_result *result)
{
        result->read->done(result->read, result->failed ? &result->err : NULL);
        for (size_t i = 0; i < result->n_messages; i++)
                rd_kafka_message_destroy(result->messages[i]);
        free(result->messages);
        free(result);
}

static void on_closed(uv_handle_t *handle)
{
        struct kafka_log_reader *r = handle->data;

        r->closed(r->closed_data);
}

static void on_wake(uv_async_t *handle)
{
        struct kafka_log_reader *r = handle->data;
        struct reader_result *result;
        bool ended;

        uv_mutex_lock(&r->mutex);
        result = r->finished;
        r->finished = NULL;
        r->finished_end = &r->finished;
        ended = r->ended;
        uv_mutex_unlock(&r->mutex);
        while (result != NULL) {
                struct reader_result *next = result->next;

                complete(result);
                result = next;
        }
        if (ended && r->started) {
                uv_thread_join(&r->thread);
                r->started = false;
                if (r->consumer != NULL)
                        rd_kafka_destroy_flags(r->consumer, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
                r->consumer = NULL;
                uv_close((uv_handle_t *)&r->wake, on_closed);
        }
}

static void read_port(struct log_reader *port, struct log_read *read)
{
        struct kafka_log_reader *r = (struct kafka_log_reader *)port;

        read->next = NULL;
        uv_mutex_lock(&r->mutex);
        *r->waiting_end = read;
        r->waiting_end = &read->next;
        uv_cond_signal(&r->cond);
        uv_mutex_unlock(&r->mutex);
}

void kafka_log_reader_init(struct kafka_log_reader *r, const struct kafka_settings *settings,
                           const char *bootstrap, struct kafka_trouble *trouble)
{
        memset(r, 0, sizeof *r);
        r->port = (struct log_reader){ read_port };
        r->settings = settings;
        r->bootstrap = bootstrap;
        r->trouble = trouble;
        r->waiting_end = &r->waiting;
        r->finished_end = &r->finished;
        uv_mutex_init(&r->mutex);
        uv_cond_init(&r->cond);
}

void kafka_log_reader_start(struct kafka_log_reader *r, uv_loop_t *loop)
{
        uv_async_init(loop, &r->wake, on_wake);
        r->wake.data = r;
        r->started = true;
        if (uv_thread_create(&r->thread, run_thread, r) != 0)
                abort();
}

void kafka_log_reader_set_credentials(struct kafka_log_reader *r, const struct kafka_credentials *c)
{
        uv_mutex_lock(&r->mutex);
        r->credentials = *c;
        uv_mutex_unlock(&r->mutex);
}

void kafka_log_reader_close(struct kafka_log_reader *r, void (*closed)(void *data), void *data)
{
        r->closed = closed;
        r->closed_data = data;
        uv_mutex_lock(&r->mutex);
        r->stop = true;
        uv_cond_signal(&r->cond);
        uv_mutex_unlock(&r->mutex);
}

void kafka_log_reader_deinit(struct kafka_log_reader *r)
{
        uv_mutex_destroy(&r->mutex);
        uv_cond_destroy(&r->cond);
}
