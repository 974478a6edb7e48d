/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: the group assigns partitions; they are read from the beginning; each record
 * goes to the member, and each end of a partition moves its position past transaction markers.
 *
 * Possible failures:
 *  - a position is not in the log any more (the topic was made anew): that partition is restored
 * from its beginning;
 *  - the topic does not exist: it is looked for, and found within seconds of its appearance;
 *  - partitions are taken away: they leave the member before the group hears that we let them go;
 *  - a fatal error of the consumer (fenced by another process with our instance id): the process
 * ends.
 */
#include "kafka_feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crr/base/buf.h"
#include "crr/base/log.h"
#define WAKE_EVERY_MS 20

int kafka_feed_init(struct kafka_feed *f, const struct kafka_settings *settings,
                    const char *bootstrap, struct kafka_trouble *trouble, struct metrics *metrics,
                    struct error *err)
{
        rd_kafka_conf_t *conf = kafka_conf_new(settings, KAFKA_CONSUMER, bootstrap, err);

        memset(f, 0, sizeof *f);
        f->settings = settings;
        f->trouble = trouble;
        f->metrics = metrics;
        if (conf == NULL)
                return (int)err->code;
        f->consumer = kafka_handle_new(conf, KAFKA_CONSUMER, err);
        if (f->consumer == NULL)
                return (int)err->code;
        rd_kafka_poll_set_consumer(f->consumer);
        f->queue = rd_kafka_queue_get_consumer(f->consumer);
        return 0;
}

/* GENERATION */

/* Who we are, for whoever reads the group's offsets: "url;state;epoch;member id;transactional.id".
 */
static void tell_generation(struct kafka_feed *f)
{
        rd_kafka_consumer_group_metadata_t *group;
        rd_kafka_error_t *error;
        char *member_id = rd_kafka_memberid(f->consumer);
        struct buf metadata;
        void *bytes;
        size_t n;

        group = rd_kafka_consumer_group_metadata(f->consumer);
        error = group != NULL ? rd_kafka_consumer_group_metadata_write(group, &bytes, &n) : NULL;
        if (group == NULL || error != NULL)
                abort();
        buf_init(&metadata, 4096);
        buf_printf(&metadata, "%s;ready;0;%s;crr-retryd-%s-%s", f->settings->advertise,
                   member_id != NULL ? member_id : "", f->settings->group, f->settings->instance);
        member_on_generation(f->member, (struct str){ bytes, n }, buf_str(&metadata));
        buf_deinit(&metadata);
        free(bytes);
        rd_kafka_mem_free(f->consumer, member_id);
        rd_kafka_consumer_group_metadata_destroy(group);
}

/* ASSIGNMENT */

static void list_text(const rd_kafka_topic_partition_list_t *list, struct buf *out)
{
        for (int i = 0; i < list->cnt; i++)
                buf_printf(out, "%s%d", i > 0 ? "," : "", list->elems[i].partition);
}

static void log_partitions(enum log_event event, const rd_kafka_topic_partition_list_t *list,
                           bool lost, const char *text)
{
        struct buf partitions;

        buf_init(&partitions, 8192);
        list_text(list, &partitions);
        if (event == LOG_ASSIGNED)
                log_emit(event,
                         LOG_FIELDS(log_s("partitions", buf_str(&partitions)),
                                    log_i("n", list->cnt)),
                         "%s", text);
        else
                log_emit(event,
                         LOG_FIELDS(log_s("partitions", buf_str(&partitions)),
                                    log_i("n", list->cnt), log_b("lost", lost)),
                         "%s", text);
        buf_deinit(&partitions);
}

static void count_rebalance(struct kafka_feed *f, const char *event)
{
        metrics_add(f->metrics, METRIC_CONSUMER_REBALANCES_TOTAL, LABELS_1(event), 1);
}

static bool in_range(int partition)
{
        return partition >= 0 && partition < LIMIT_PARTITIONS;
}

static void drop_error(rd_kafka_error_t *error, struct kafka_feed *f)
{
        if (error == NULL)
                return;
        kafka_trouble_note(f->trouble, KAFKA_CONSUMER, rd_kafka_error_code(error),
                           rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
}

static void start_waker(struct kafka_feed *f);

static void on_assign(struct kafka_feed *f, rd_kafka_topic_partition_list_t *list)
{
        count_rebalance(f, "assigned");
        if (list->cnt > 0)
                log_partitions(LOG_ASSIGNED, list, false, "partitions of the failure log are ours");
        tell_generation(f);
        for (int i = 0; i < list->cnt; i++)
                list->elems[i].offset = RD_KAFKA_OFFSET_BEGINNING;
        drop_error(rd_kafka_incremental_assign(f->consumer, list), f);
        for (int i = 0; i < list->cnt; i++) {
                if (!in_range(list->elems[i].partition))
                        continue;
                f->assigned[list->elems[i].partition] = true;
                member_on_assigned(f->member, list->elems[i].partition);
        }
        f->assigned_once = true;
        member_on_assignment(f->member);
        start_waker(f);
}

static void on_revoke(struct kafka_feed *f, rd_kafka_topic_partition_list_t *list)
{
        bool lost = rd_kafka_assignment_lost(f->consumer) != 0;

        count_rebalance(f, lost ? "lost" : "revoked");
        log_partitions(LOG_REVOKED, list, lost,
                       "partitions of the failure log are not ours any more");
        tell_generation(f);
        for (int i = 0; i < list->cnt; i++) {
                if (!in_range(list->elems[i].partition))
                        continue;
                f->assigned[list->elems[i].partition] = false;
                member_on_revoked(f->member, list->elems[i].partition);
        }
        drop_error(rd_kafka_incremental_unassign(f->consumer, list), f);
        if (lost)
                member_on_assignment_lost(f->member);
}

static void on_rebalance(struct kafka_feed *f, rd_kafka_event_t *event)
{
        rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(event);

        if (rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
                on_assign(f, list);
        else
                on_revoke(f, list);
}

/* Change where one partition is read from: out of the assignment, and in again. */
static void reassign(struct kafka_feed *f, int partition, int64_t offset)
{
        rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

        if (f->settings->embedded) { /* no group: the assignment is one list */
                f->position[partition] = offset;
                for (int p = 0; p < f->n_static; p++)
                        rd_kafka_topic_partition_list_add(list, f->settings->failures_topic, p)
                                ->offset = f->position[p];
                rd_kafka_assign(f->consumer, list);
        } else {
                rd_kafka_topic_partition_list_add(list, f->settings->failures_topic, partition)
                        ->offset = offset;
                drop_error(rd_kafka_incremental_unassign(f->consumer, list), f);
                drop_error(rd_kafka_incremental_assign(f->consumer, list), f);
        }
        rd_kafka_topic_partition_list_destroy(list);
}

static void forward_partition(struct kafka_feed *f, int partition, rd_kafka_queue_t *to)
{
        rd_kafka_queue_t *queue =
                rd_kafka_queue_get_partition(f->consumer, f->settings->failures_topic, partition);

        if (queue == NULL)
                return;
        rd_kafka_queue_forward(queue, to);
        rd_kafka_queue_destroy(queue);
}

void kafka_feed_hold(struct kafka_feed *f, int partition)
{
        if (f->assigned[partition])
                forward_partition(f, partition, NULL);
}

void kafka_feed_resume(struct kafka_feed *f, int partition, int64_t offset)
{
        if (!f->assigned[partition])
                return;
        reassign(f, partition, offset > 0 ? offset : RD_KAFKA_OFFSET_BEGINNING);
        forward_partition(f, partition, f->queue);
        start_waker(f);
}

static void subscribe(struct kafka_feed *f)
{
        rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);

        rd_kafka_topic_partition_list_add(topics, f->settings->failures_topic,
                                          RD_KAFKA_PARTITION_UA);
        rd_kafka_subscribe(f->consumer, topics);
        rd_kafka_topic_partition_list_destroy(topics);
}

static void assign_all(struct kafka_feed *f, int n_partitions)
{
        rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(n_partitions);

        f->n_static = n_partitions;
        for (int p = 0; p < n_partitions; p++) {
                f->assigned[p] = true;
                f->position[p] = 0;
                rd_kafka_topic_partition_list_add(list, f->settings->failures_topic, p)->offset = 0;
        }
        rd_kafka_assign(f->consumer, list);
        member_on_generation(f->member, STR(""), STR(""));
        for (int p = 0; p < n_partitions; p++)
                member_on_assigned(f->member, p);
        log_partitions(LOG_ASSIGNED, list, false, "every partition of the embedded broker is ours");
        rd_kafka_topic_partition_list_destroy(list);
        f->assigned_once = true;
        member_on_assignment(f->member);
        start_waker(f);
}

/* Nothing is read before it is known how many partitions there are: where a record belongs depends
 * on it. */
void kafka_feed_on_topology(struct kafka_feed *f, int n_partitions)
{
        if (f->settings->embedded && f->n_static != n_partitions)
                assign_all(f, n_partitions);
        else if (!f->settings->embedded && !f->subscribed)
                subscribe(f);
        f->subscribed = true;
}

/* EVENTS */

static void on_fetch(struct kafka_feed *f, rd_kafka_event_t *event)
{
        const rd_kafka_message_t *message;

        while ((message = rd_kafka_event_message_next(event)) != NULL) {
                if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR || !in_range(message->partition))
                        continue;
                f->position[message->partition] = message->offset + 1;
                kafka_batch_add(&f->batch, message);
        }
        kafka_batch_keep(&f->batch, event);
}

static void feed_on_rest(void *data)
{
        struct kafka_feed *f = data;

        if (f->closing)
                kafka_batch_drop(&f->batch);
        else
                kafka_batch_give(&f->batch);
}

static void on_partition_error(struct kafka_feed *f, rd_kafka_resp_err_t code,
                               const rd_kafka_topic_partition_t *at)
{
        if (!in_range(at->partition) || strcmp(at->topic, f->settings->failures_topic) != 0)
                return;
        if (code == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
                f->position[at->partition] = at->offset;
                member_on_position(f->member, at->partition, at->offset);
        } else if (code == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET && f->assigned[at->partition]) {
                member_on_reset(f->member, at->partition,
                                "the position is not in the log any more");
                reassign(f, at->partition, RD_KAFKA_OFFSET_BEGINNING);
                start_waker(f);
        }
}

static void on_consumer_fatal(struct kafka_feed *f, rd_kafka_resp_err_t code, const char *text)
{
        struct error err;
        char reason[256] = "";
        rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(f->consumer, reason, sizeof reason);

        (void)code;
        error_set(&err, ERR_KAFKA, "the consumer cannot go on: %s (%s)",
                  reason[0] != '\0' ? reason : text, rd_kafka_err2name(fatal));
        f->on_fatal(f->fatal_data, &err);
}

static void on_error_event(struct kafka_feed *f, rd_kafka_event_t *event)
{
        rd_kafka_resp_err_t code = rd_kafka_event_error(event);
        const char *text = rd_kafka_event_error_string(event);
        rd_kafka_topic_partition_t *at = rd_kafka_event_topic_partition(event);

        if (at != NULL) {
                on_partition_error(f, code, at);
                rd_kafka_topic_partition_destroy(at);
        }
        if (code == RD_KAFKA_RESP_ERR__PARTITION_EOF)
                return;
        if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
            code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
            code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION)
                f->on_topic_trouble(f->topic_data);
        else if (code == RD_KAFKA_RESP_ERR__FATAL || rd_kafka_event_error_is_fatal(event))
                on_consumer_fatal(f, code, text);
        else
                kafka_trouble_note(f->trouble, KAFKA_CONSUMER, code, text != NULL ? text : "");
}

static void finish_close(struct kafka_feed *f);

/* Everything else than records is heard of after the records before it. */
static void serve(void *data, rd_kafka_event_t *event)
{
        struct kafka_feed *f = data;

        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_FETCH) {
                on_fetch(f, event);
                return;
        }
        feed_on_rest(f);
        switch (rd_kafka_event_type(event)) {
        case RD_KAFKA_EVENT_REBALANCE:
                on_rebalance(f, event);
                break;
        case RD_KAFKA_EVENT_ERROR:
                if (!f->closing)
                        on_error_event(f, event);
                break;
        default:
                break;
        }
        rd_kafka_event_destroy(event);
}

/* A broker thread whose local queue is full sleeps up to a second; new credentials wake it, and
 * change nothing. */
static void wake_brokers(struct kafka_feed *f)
{
        kafka_credentials_give(f->credentials, f->consumer);
}

static void on_waker(uv_timer_t *timer)
{
        struct kafka_feed *f = timer->data;
        struct member_status status;

        if (f->closing) {
                if (rd_kafka_consumer_closed(f->consumer))
                        finish_close(f);
                return;
        }
        member_status(f->member, &status);
        if (status.restoring == 0)
                uv_timer_stop(timer);
        else
                wake_brokers(f);
}

static void start_waker(struct kafka_feed *f)
{
        if (!f->closing)
                uv_timer_start(&f->waker, on_waker, WAKE_EVERY_MS, WAKE_EVERY_MS);
}

void kafka_feed_start(struct kafka_feed *f, uv_loop_t *loop, struct member *member)
{
        f->member = member;
        f->started = true;
        uv_timer_init(loop, &f->waker);
        f->waker.data = f;
        f->batch.member = member;
        kafka_queue_start(&f->served, loop, f->queue, serve, feed_on_rest, f);
}

/* CLOSING */

static void one_closed(struct kafka_feed *f)
{
        if (--f->open_handles > 0)
                return;
        f->closed = true;
        f->on_closed(f->closed_data);
}

static void on_queue_closed(void *data)
{
        one_closed(data);
}

static void on_timer_closed(uv_handle_t *handle)
{
        one_closed(handle->data);
}

static void finish_close(struct kafka_feed *f)
{
        uv_timer_stop(&f->waker);
        f->open_handles = 2;
        kafka_queue_close(&f->served, on_queue_closed);
        uv_close((uv_handle_t *)&f->waker, on_timer_closed);
}

/* librdkafka 2.0 asserts when a group is left before its first assignment was seen: then it is not
 * left at all, and the session times out. */
void kafka_feed_close(struct kafka_feed *f, void (*on_closed)(void *data), void *data)
{
        rd_kafka_error_t *error = NULL;

        f->on_closed = on_closed;
        f->closed_data = data;
        if (!f->started) {
                f->on_closed(f->closed_data);
                return;
        }
        f->closing = true;
        if (f->assigned_once)
                error = rd_kafka_consumer_close_queue(f->consumer, f->queue);
        if (!f->assigned_once || error != NULL) {
                drop_error(error, f);
                finish_close(f);
                return;
        }
        uv_timer_start(&f->waker, on_waker, 1, 1);
}

void kafka_feed_deinit(struct kafka_feed *f)
{
        if (f->queue != NULL)
                rd_kafka_queue_destroy(f->queue);
        if (f->consumer != NULL)
                rd_kafka_destroy_flags(f->consumer, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}
