/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: the group assigns partitions; they are read from the beginning; each record
 * goes to the member, and each end of a partition moves its position past transaction markers.
 *
 * Possible failures:
 *  - a position is not in the log any more, or the record read last is not (the topic was made
 *    anew): that partition is restored from its beginning;
 *  - the topic does not exist: it is looked for, and found within seconds of its appearance;
 *  - partitions are taken away: they leave the member before the group hears that we let them go;
 *  - a fatal error of the consumer (fenced by another process with our instance id), an assignment
 *    that cannot be changed (what is read then is not what the member believes), or an offset that
 *    no marker can hold: the process ends.
 */
#include "kafka_feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crr/base/buf.h"
#include "crr/base/log.h"
#include "crr/base/time.h"
#include "kafka_record.h"

#define WAKE_EVERY_MS 20
#define LEAVE_MS      3000 /* a partition that leaves waits at most so long for a transaction */
#define LEAVE_LOOK_MS 2

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

static void tell_generation(struct kafka_feed *f)
{
        rd_kafka_consumer_group_metadata_t *group;
        rd_kafka_error_t *error;
        char *member_id = rd_kafka_memberid(f->consumer);
        void *bytes;
        size_t n;

        group = rd_kafka_consumer_group_metadata(f->consumer);
        error = group != NULL ? rd_kafka_consumer_group_metadata_write(group, &bytes, &n) : NULL;
        if (group == NULL || error != NULL)
                abort();
        member_on_generation(f->member, (struct str){ bytes, n },
                             member_id != NULL ? str_from(member_id) : STR(""));
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

static void start_waker(struct kafka_feed *f);
static void on_waker(uv_timer_t *timer);

/* Returns where it is to be read from. */
static int64_t take_partition(struct kafka_feed *f, int partition)
{
        int64_t from;

        f->assigned[partition] = true;
        from = member_on_assigned(f->member, partition);
        if (from > 0) {
                kafka_anchors_return(f->anchors, partition);
                return from;
        }
        kafka_anchors_forget(f->anchors, partition);
        return RD_KAFKA_OFFSET_BEGINNING;
}

static void on_assign(struct kafka_feed *f, rd_kafka_topic_partition_list_t *list)
{
        count_rebalance(f, "assigned");
        if (list->cnt > 0)
                log_partitions(LOG_ASSIGNED, list, false, "partitions of the failure log are ours");
        tell_generation(f);
        for (int i = 0; i < list->cnt; i++)
                list->elems[i].offset = in_range(list->elems[i].partition)
                                                ? take_partition(f, list->elems[i].partition)
                                                : RD_KAFKA_OFFSET_BEGINNING;
        kafka_assignment_add(f, list);
        kafka_anchors_check(f->anchors); /* of what is back: is it still that log? */
        kafka_trouble_forget(f->trouble, KAFKA_CONSUMER);
        f->assigned_once = true;
        member_on_assignment(f->member);
        start_waker(f);
}

static void read_from(struct kafka_feed *f, int partition, int64_t offset)
{
        if (offset == 0)
                kafka_anchors_forget(f->anchors, partition);
        kafka_assignment_read_from(f, partition, offset);
        start_waker(f);
}

void kafka_feed_hold(struct kafka_feed *f, int partition)
{
        if (f->assigned[partition] && !f->closing)
                kafka_assignment_hold(f, partition);
}

void kafka_feed_resume(struct kafka_feed *f, int partition, int64_t offset)
{
        if (f->assigned[partition] && !f->closing)
                read_from(f, partition, offset);
}

void kafka_feed_reset(struct kafka_feed *f, int partition, const char *cause)
{
        if (!f->assigned[partition] || f->closing)
                return;
        member_on_reset(f->member, partition, cause);
        read_from(f, partition, 0);
}

static void let_go(struct kafka_feed *f, bool lost)
{
        rd_kafka_topic_partition_list_t *list = f->leaving;

        f->leaving = NULL;
        log_partitions(LOG_REVOKED, list, lost,
                       "partitions of the failure log are not ours any more");
        for (int i = 0; i < list->cnt; i++) {
                if (!in_range(list->elems[i].partition))
                        continue;
                f->assigned[list->elems[i].partition] = false;
                kafka_anchors_leave(f->anchors, list->elems[i].partition);
                member_on_revoked(f->member, list->elems[i].partition);
        }
        kafka_assignment_let_go(f, list);
        rd_kafka_topic_partition_list_destroy(list);
        if (lost)
                member_on_assignment_lost(f->member);
}

/* The transaction under way may end, under the generation that the group has by now; between this
 * event and the unassignment nothing is read. What was lost is somebody else's already. */
static void on_revoke(struct kafka_feed *f, rd_kafka_topic_partition_list_t *list)
{
        bool lost = rd_kafka_assignment_lost(f->consumer) != 0;

        count_rebalance(f, lost ? "lost" : "revoked");
        tell_generation(f);
        f->leaving = rd_kafka_topic_partition_list_copy(list);
        f->leave_by_ms = time_monotonic_ms() + LEAVE_MS;
        for (int i = 0; !lost && i < list->cnt; i++)
                if (in_range(list->elems[i].partition))
                        member_on_leaving(f->member, list->elems[i].partition);
        if (lost || member_may_let_go(f->member))
                let_go(f, lost);
        else
                uv_timer_start(&f->waker, on_waker, LEAVE_LOOK_MS, LEAVE_LOOK_MS);
}

static void on_rebalance(struct kafka_feed *f, rd_kafka_event_t *event)
{
        rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(event);

        if (rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
                on_assign(f, list);
        else
                on_revoke(f, list);
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
                rd_kafka_topic_partition_list_add(list, f->settings->failures_topic, p)->offset =
                        RD_KAFKA_OFFSET_BEGINNING;
        }
        kafka_assignment_add(f, list);
        member_on_generation(f->member, STR(""), STR(""));
        for (int p = 0; p < n_partitions; p++)
                member_on_assigned(f->member, p);
        log_partitions(LOG_ASSIGNED, list, false, "every partition of the embedded broker is ours");
        rd_kafka_topic_partition_list_destroy(list);
        f->assigned_once = true;
        member_on_assignment(f->member);
        start_waker(f);
}

/* librdkafka asks for the leaders of a topic that it knows. Otherwise it may look for one before it
 * has heard of any, when the topic is assigned, and looks again half a second later. */
static void hold_topic(struct kafka_feed *f)
{
        if (f->topic == NULL)
                f->topic = rd_kafka_topic_new(f->consumer, f->settings->failures_topic, NULL);
}

/* Nothing is read before it is known how many partitions there are: where a record belongs depends
 * on it. */
void kafka_feed_on_topology(struct kafka_feed *f, int n_partitions)
{
        hold_topic(f);
        if (f->settings->embedded && f->n_static != n_partitions)
                assign_all(f, n_partitions);
        else if (!f->settings->embedded && !f->subscribed)
                subscribe(f);
        f->subscribed = true;
}

/* EVENTS */

static bool offset_fits(struct kafka_feed *f, int partition, int64_t offset)
{
        struct error err;

        if (kafka_offset_check(f->settings->failures_topic, partition, offset, &err) == 0)
                return true;
        f->on_fatal(f->fatal_data, &err);
        return false;
}

static void on_fetch(struct kafka_feed *f, rd_kafka_event_t *event)
{
        const rd_kafka_message_t *message;

        while ((message = rd_kafka_event_message_next(event)) != NULL) {
                if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR || !in_range(message->partition) ||
                    !offset_fits(f, message->partition, message->offset))
                        continue;
                f->position[message->partition] = message->offset + 1;
                kafka_batch_add(&f->batch, message);
        }
        kafka_batch_keep(&f->batch, event);
}

static bool feed_on_rest(void *data)
{
        struct kafka_feed *f = data;

        if (f->closing)
                kafka_batch_drop(&f->batch);
        else
                kafka_batch_give(&f->batch);
        return kafka_batch_clean(&f->batch);
}

static void on_partition_error(struct kafka_feed *f, rd_kafka_resp_err_t code,
                               const rd_kafka_topic_partition_t *at)
{
        if (!in_range(at->partition) || strcmp(at->topic, f->settings->failures_topic) != 0)
                return;
        if (code == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
                if (!offset_fits(f, at->partition, at->offset))
                        return;
                f->position[at->partition] = at->offset;
                member_on_position(f->member, at->partition, at->offset);
        } else if (code == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
                kafka_feed_reset(f, at->partition, "the position is not in the log any more");
        }
}

static void on_consumer_fatal(struct kafka_feed *f, const char *text)
{
        struct error err;
        char reason[256] = "";
        rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(f->consumer, reason, sizeof reason);

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
                on_consumer_fatal(f, text);
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

        if (f->leaving != NULL) {
                if (!member_may_let_go(f->member) && time_monotonic_ms() < f->leave_by_ms)
                        return;
                let_go(f, false);
                start_waker(f);
        }
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
        if (f->leaving == NULL && !f->closing)
                uv_timer_start(&f->waker, on_waker, WAKE_EVERY_MS, WAKE_EVERY_MS);
}

void kafka_feed_start(struct kafka_feed *f, uv_loop_t *loop, struct member *member)
{
        f->member = member;
        f->started = true;
        uv_timer_init(loop, &f->waker);
        f->waker.data = f;
        f->batch.member = member;
        f->batch.anchors = f->anchors;
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
        kafka_batch_drop(&f->batch);
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
                kafka_assignment_check(f, error);
                finish_close(f);
                return;
        }
        uv_timer_start(&f->waker, on_waker, 1, 1);
}

void kafka_feed_deinit(struct kafka_feed *f)
{
        if (f->leaving != NULL)
                rd_kafka_topic_partition_list_destroy(f->leaving);
        f->leaving = NULL;
        if (f->queue != NULL)
                rd_kafka_queue_destroy(f->queue);
        f->queue = NULL;
        if (f->topic != NULL)
                rd_kafka_topic_destroy(f->topic);
        f->topic = NULL;
        if (f->consumer != NULL)
                rd_kafka_destroy_flags(f->consumer, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
        f->consumer = NULL;
}
