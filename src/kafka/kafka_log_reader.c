/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path of a read: its items are sorted; every partition is read from its first wanted
 * offset on; records come, and the wanted ones are copied; where the next wanted one is far away
 * the partition is read from there, and after the last one no more.
 *
 * Possible failures:
 *  - a wanted record is not there any more: the next record, or the end of the partition, has
 *    passed it, or the log begins behind it or ends before it;
 *  - the wanted records are more than the caller wants to have at once: the rest is left;
 *  - the log cannot be read before the deadline: the read fails.
 *
 * Partitions are started and stopped one by one, which only librdkafka's older ("simple") consumer
 * can do: an assignment of the newer one stops all of them and throws away what was fetched
 * already.
 */
#include "kafka_log_reader.h"

#include <stdlib.h>
#include <string.h>

#include "crr/base/limits.h"
#include "crr/base/time.h"
#include "kafka_record.h"

#define POLL_MS        20
#define FAR_AWAY       1000 /* records: reading over fewer is cheaper than to begin anew there */
#define ASK_TIMEOUT_MS 1000

/* A copy of a record, in one piece. */
struct kept {
        struct kept *next;
        char bytes[];
};

/* A read whose answer is on its way to the loop: what it kept lives until done() returned. */
struct reader_result {
        struct log_read *read;
        struct kept *kept;
        bool failed;
        struct error err;
        struct reader_result *next;
};

/* The items of one partition, by offset: those below `next` are answered. */
struct range {
        int partition;
        size_t next, end;
};

struct walk {
        struct log_read *read;
        struct reader_result *result;
        struct range *ranges;
        size_t n_ranges;
        struct range *of[LIMIT_PARTITIONS];
        size_t open;  /* ranges that are not answered */
        size_t bytes; /* kept so far */
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

/* A broker thread does not see at once that a partition is to be read, or that there is room again;
 * new credentials wake it, and change nothing. */
static void wake_brokers(struct kafka_log_reader *r)
{
        uv_mutex_lock(&r->mutex);
        kafka_credentials_give(&r->credentials, r->consumer);
        uv_mutex_unlock(&r->mutex);
}

/* Nothing is stored about what was read. */
static rd_kafka_topic_t *open_topic(struct kafka_log_reader *r)
{
        rd_kafka_topic_conf_t *conf = rd_kafka_topic_conf_new();
        char said[128];

        if (rd_kafka_topic_conf_set(conf, "auto.commit.enable", "false", said, sizeof said) !=
                    RD_KAFKA_CONF_OK ||
            rd_kafka_topic_conf_set(conf, "auto.offset.reset", "error", said, sizeof said) !=
                    RD_KAFKA_CONF_OK)
                abort();
        return rd_kafka_topic_new(r->consumer, r->settings->failures_topic, conf);
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
        r->topic = open_topic(r);
        renew_credentials(r);
        return true;
}

static struct log_read_item *wanted(const struct walk *w, const struct range *range)
{
        return &w->read->items[range->next];
}

static void fail(struct walk *w, const char *text)
{
        w->result->failed = true;
        error_set(&w->result->err, ERR_UNAVAILABLE, "the failure log cannot be read again now%s",
                  text);
}

/* From the range's first wanted offset on. */
static void start(struct kafka_log_reader *r, struct walk *w, const struct range *range)
{
        if (rd_kafka_consume_start_queue(r->topic, range->partition, wanted(w, range)->offset,
                                         r->queue) != 0)
                fail(w, ": a partition cannot be read");
}

static void stop(struct kafka_log_reader *r, const struct range *range)
{
        rd_kafka_consume_stop(r->topic, range->partition);
}

static void start_anew(struct kafka_log_reader *r, struct walk *w, const struct range *range)
{
        stop(r, range);
        start(r, w, range);
        wake_brokers(r);
}

static void make_ranges(struct walk *w)
{
        for (size_t i = 0; i < w->read->n; i++) {
                int partition = w->read->items[i].partition;
                struct range *range = w->of[partition];

                if (range == NULL) {
                        range = w->of[partition] = &w->ranges[w->n_ranges++];
                        *range = (struct range){ .partition = partition, .next = i };
                }
                range->end = i + 1;
        }
        w->open = w->n_ranges;
}

/* The next item is answered; with a record it is found. */
static void answer(struct walk *w, struct range *range, const rd_kafka_message_t *message,
                   const char *bytes)
{
        struct log_read_item *item = &w->read->items[range->next++];

        item->left = false;
        w->open -= range->next == range->end;
        if (message == NULL)
                return;
        item->found = true;
        item->timestamp_ms = kafka_record_of(message).timestamp_ms; /* as the feed tells it */
        item->key = message->key != NULL ? (struct str){ bytes, message->key_len } : STR_ABSENT;
        item->value = message->payload != NULL
                              ? (struct str){ bytes + message->key_len, message->len }
                              : STR_ABSENT;
}

static void answer_gone(struct walk *w, struct range *range, int64_t below)
{
        while (range->next < range->end && wanted(w, range)->offset < below)
                answer(w, range, NULL, NULL);
}

/* Copied: a message would keep the whole response that it came in. */
static const char *keep(struct walk *w, const rd_kafka_message_t *message)
{
        struct kept *kept = malloc(sizeof *kept + message->key_len + message->len);

        if (kept == NULL)
                abort();
        if (message->key_len > 0)
                memcpy(kept->bytes, message->key, message->key_len);
        if (message->len > 0)
                memcpy(kept->bytes + message->key_len, message->payload, message->len);
        kept->next = w->result->kept;
        w->result->kept = kept;
        w->bytes += message->key_len + message->len;
        return kept->bytes;
}

static void take_record(struct walk *w, struct range *range, const rd_kafka_message_t *message)
{
        const char *bytes = NULL;

        answer_gone(w, range, message->offset);
        while (range->next < range->end && wanted(w, range)->offset == message->offset) {
                if (bytes == NULL)
                        bytes = keep(w, message);
                answer(w, range, message, bytes);
        }
}

/* The log does not reach to the wanted offset: what is below its beginning is gone; if nothing is,
 * it ends before it. */
static void on_out_of_range(struct kafka_log_reader *r, struct walk *w, struct range *range)
{
        rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
        rd_kafka_topic_partition_t *at = rd_kafka_topic_partition_list_add(
                list, r->settings->failures_topic, range->partition);
        rd_kafka_resp_err_t code;

        at->offset = RD_KAFKA_OFFSET_BEGINNING; /* in the place of a time */
        code = rd_kafka_offsets_for_times(r->consumer, list, ASK_TIMEOUT_MS);
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
                code = at->err;
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
                answer_gone(w, range,
                            wanted(w, range)->offset < at->offset ? at->offset : INT64_MAX);
        else
                kafka_trouble_note(r->trouble, KAFKA_READER, code, rd_kafka_err2str(code));
        rd_kafka_topic_partition_list_destroy(list);
        if (range->next < range->end)
                start_anew(r, w, range);
}

/* What comes next may be read later, or be out of range: the broker tells when it is asked for. */
static void on_end(struct kafka_log_reader *r, struct walk *w, struct range *range, int64_t end)
{
        answer_gone(w, range, end);
        if (range->next < range->end && wanted(w, range)->offset > end)
                start_anew(r, w, range);
}

static void take_error(struct kafka_log_reader *r, struct walk *w, struct range *range,
                       const rd_kafka_message_t *message)
{
        if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
                on_end(r, w, range, message->offset);
        else if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET)
                on_out_of_range(r, w, range);
        else
                kafka_trouble_note(r->trouble, KAFKA_READER, message->err,
                                   rd_kafka_message_errstr(message));
}

static void take(struct kafka_log_reader *r, struct walk *w, const rd_kafka_message_t *message)
{
        struct range *range = message->partition >= 0 && message->partition < LIMIT_PARTITIONS
                                      ? w->of[message->partition]
                                      : NULL;

        if (range == NULL || range->next == range->end)
                return; /* it came before its partition was stopped */
        if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
                take_error(r, w, range, message);
        } else {
                take_record(w, range, message);
                if (range->next < range->end &&
                    wanted(w, range)->offset > message->offset + FAR_AWAY)
                        start_anew(r, w, range);
        }
        if (range->next == range->end)
                stop(r, range);
}

static void read_on(struct kafka_log_reader *r, struct walk *w)
{
        while (w->open > 0 && w->bytes < w->read->max_bytes && !w->result->failed) {
                rd_kafka_message_t *message = rd_kafka_consume_queue(r->queue, POLL_MS);

                if (message == NULL)
                        wake_brokers(r);
                else
                        take(r, w, message);
                if (message != NULL)
                        rd_kafka_message_destroy(message);
                if (w->open > 0 && (time_monotonic_ms() >= w->read->deadline_ms || is_stopping(r)))
                        fail(w, "");
        }
}

/* A queue for each read: what was fetched for an earlier one would look like a hole in the log. */
static void read_all(struct kafka_log_reader *r, struct walk *w)
{
        r->queue = rd_kafka_queue_new(r->consumer);
        qsort(w->read->items, w->read->n, sizeof *w->read->items, by_position);
        make_ranges(w);
        for (size_t i = 0; i < w->n_ranges && !w->result->failed; i++)
                start(r, w, &w->ranges[i]);
        wake_brokers(r);
        read_on(r, w);
        for (size_t i = 0; i < w->n_ranges; i++)
                if (w->ranges[i].next < w->ranges[i].end)
                        stop(r, &w->ranges[i]);
        rd_kafka_queue_destroy(r->queue);
}

static struct reader_result *run_read(struct kafka_log_reader *r, struct log_read *read)
{
        struct reader_result *result = calloc(1, sizeof *result);
        struct walk w = { .read = read, .result = result };

        w.ranges = calloc(read->n, sizeof *w.ranges);
        if (result == NULL || w.ranges == NULL)
                abort();
        result->read = read;
        for (size_t i = 0; i < read->n; i++) {
                read->items[i].found = false;
                read->items[i].left = true;
        }
        if (make_consumer(r, &result->err))
                read_all(r, &w);
        else
                result->failed = true;
        free(w.ranges);
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
        while (result->kept != NULL) {
                struct kept *next = result->kept->next;

                free(result->kept);
                result->kept = next;
        }
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
                if (r->topic != NULL)
                        rd_kafka_topic_destroy(r->topic);
                if (r->consumer != NULL)
                        rd_kafka_destroy_flags(r->consumer, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
                r->topic = NULL;
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
