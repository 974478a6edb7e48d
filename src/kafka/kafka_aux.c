/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: the topics are looked at again and again, and on_topics() follows each look;
 * wanted high watermarks are gathered, asked in one piece of work, and answered one by one.
 *
 * Possible failures: the broker is away: a watermark is answered as not known, and the core asks
 * again; of the topics that counts which was seen last.
 */
#include "kafka_aux.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crr/base/log.h"
#include "kafka_record.h"

#define WATERMARK_TIMEOUT_MS 3000
#define LOOK_MS              2000 /* so long new partitions are not known of */
#define LOOK_SOON_MS         1000

struct watermarks_work {
        uv_work_t work;
        struct kafka_aux *aux;
        int n;
        int partitions[LIMIT_PARTITIONS];
        int32_t leaders[LIMIT_PARTITIONS]; /* as last seen; -1: none, or not known */
        int64_t offsets[LIMIT_PARTITIONS];
};

struct topics_work {
        uv_work_t work;
        struct kafka_aux *aux;
        struct topics_result result;
};

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
        struct kafka_aux *a = opaque;

        (void)rk;
        kafka_trouble_note(a->trouble, KAFKA_AUX, (rd_kafka_resp_err_t)code, reason);
}

int kafka_aux_init(struct kafka_aux *a, const struct kafka_settings *settings,
                   const char *bootstrap, struct kafka_trouble *trouble, struct error *err)
{
        rd_kafka_conf_t *conf = kafka_conf_new(settings, KAFKA_AUX, bootstrap, err);

        memset(a, 0, sizeof *a);
        a->settings = settings;
        a->trouble = trouble;
        a->topics[PUBLISH_REPLICATION].name = settings->replication_topic;
        a->topics[PUBLISH_FAILURES].name = settings->failures_topic;
        a->topics[PUBLISH_STATUS].name = settings->status_topic;
        if (conf == NULL)
                return (int)err->code;
        rd_kafka_conf_set_opaque(conf, a);
        rd_kafka_conf_set_error_cb(conf, on_error);
        a->handle = kafka_handle_new(conf, KAFKA_AUX, err);
        if (a->handle == NULL)
                return (int)err->code;
        a->queue = rd_kafka_queue_new(a->handle);
        return 0;
}

/* CLOSING comes when no question is out: the pool and the queue hold on to us. */

static bool is_busy(const struct kafka_aux *a)
{
        return a->watermarks_running || a->topics_running;
}

static void one_closed(struct kafka_aux *a)
{
        if (--a->open_handles == 0)
                a->on_closed(a->closed_data);
}

static void on_queue_closed(void *data)
{
        one_closed(data);
}

static void on_handle_closed(uv_handle_t *handle)
{
        one_closed(handle->data);
}

static void close_if_idle(struct kafka_aux *a)
{
        if (!a->closing || is_busy(a) || a->open_handles > 0)
                return;
        a->open_handles = 3;
        kafka_queue_close(&a->served, on_queue_closed);
        uv_close((uv_handle_t *)&a->kick, on_handle_closed);
        uv_close((uv_handle_t *)&a->refresh, on_handle_closed);
}

/* HIGH WATERMARKS */

/* A broker that does not answer takes WATERMARK_TIMEOUT_MS; everything else is said at once. */
static bool is_late(rd_kafka_resp_err_t code)
{
        return code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__TRANSPORT ||
               code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
}

/* rd_kafka_query_watermark_offsets() would take two requests a partition, and 2.0 does not keep to
 * its timeout while a broker stands still. */
static rd_kafka_resp_err_t ask_ends(struct watermarks_work *w, const int *which, int n)
{
        rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(n);
        rd_kafka_resp_err_t code;

        for (int i = 0; i < n; i++)
                rd_kafka_topic_partition_list_add(list, w->aux->settings->failures_topic,
                                                  w->partitions[which[i]])
                        ->offset = RD_KAFKA_OFFSET_END; /* in the place of a time */
        code = rd_kafka_offsets_for_times(w->aux->handle, list, WATERMARK_TIMEOUT_MS);
        for (int i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && i < n; i++)
                if (list->elems[i].err == RD_KAFKA_RESP_ERR_NO_ERROR)
                        w->offsets[which[i]] = list->elems[i].offset;
        rd_kafka_topic_partition_list_destroy(list);
        return code;
}

/* All of one leader are asked together: a broker that is away takes one timeout. Where that fails
 * otherwise it fails for one of them, and each is asked alone. */
static void ask_leader(struct watermarks_work *w, const int *which, int n)
{
        rd_kafka_resp_err_t code = ask_ends(w, which, n);

        if (code == RD_KAFKA_RESP_ERR_NO_ERROR || n == 1)
                return;
        for (int i = 0; i < n && !is_late(code); i++)
                code = ask_ends(w, &which[i], 1);
}

static void work_watermarks(uv_work_t *work)
{
        struct watermarks_work *w = work->data;
        bool asked[LIMIT_PARTITIONS] = { false };
        int which[LIMIT_PARTITIONS];

        for (int first = 0; first < w->n; first++) {
                int n = 0;

                for (int i = first; !asked[first] && i < w->n; i++)
                        if (w->leaders[i] == w->leaders[first])
                                which[n++] = i;
                for (int i = 0; i < n; i++)
                        asked[which[i]] = true;
                if (n > 0)
                        ask_leader(w, which, n);
        }
}

static void after_watermarks(uv_work_t *work, int status)
{
        struct watermarks_work *w = work->data;
        struct kafka_aux *a = w->aux;

        (void)status;
        a->watermarks_running = false;
        for (int i = 0; i < w->n; i++) {
                struct error err;

                if (kafka_offset_check(a->settings->failures_topic, w->partitions[i], w->offsets[i],
                                       &err) != 0) {
                        a->on_unfit(a->data, &err);
                        w->offsets[i] = -1;
                }
                member_on_high_watermark(a->member, w->partitions[i], w->offsets[i]);
        }
        free(w);
        uv_async_send(&a->kick);
        close_if_idle(a);
}

/* The view is in no order. */
static void find_leaders(const struct topic_view *v, int32_t leaders[LIMIT_PARTITIONS])
{
        for (int p = 0; p < LIMIT_PARTITIONS; p++)
                leaders[p] = -1;
        for (int i = 0; i < v->n_partitions; i++)
                if (v->partitions[i].id >= 0 && v->partitions[i].id < LIMIT_PARTITIONS)
                        leaders[v->partitions[i].id] = v->partitions[i].leader;
}

static void ask_watermarks(struct kafka_aux *a)
{
        int32_t leaders[LIMIT_PARTITIONS];
        struct watermarks_work *w;

        if (a->watermarks_running)
                return;
        w = calloc(1, sizeof *w);
        if (w == NULL)
                abort();
        find_leaders(&a->topics[PUBLISH_FAILURES].view, leaders);
        for (int p = 0; p < LIMIT_PARTITIONS; p++) {
                if (!a->want_watermark[p])
                        continue;
                w->partitions[w->n] = p;
                w->leaders[w->n] = leaders[p];
                w->offsets[w->n++] = -1;
        }
        memset(a->want_watermark, 0, sizeof a->want_watermark);
        if (w->n == 0) {
                free(w);
                return;
        }
        w->aux = a;
        w->work.data = w;
        a->watermarks_running = true;
        uv_queue_work(a->loop, &w->work, work_watermarks, after_watermarks);
}

/* TOPICS */

static void say_topic(const struct kafka_aux *a, struct topic_watch *t, int n_partitions)
{
        if (n_partitions == 0 && !t->said) {
                t->said = true;
                log_emit(LOG_TOPIC_MISSING, LOG_FIELDS(log_c("topic", t->name)),
                         "the topic does not exist; we wait until it is made%s",
                         a->settings->create_topics ? "" : ", which kafka.create_topics does");
        }
        if (n_partitions > 0 && t->said) {
                t->said = false;
                log_emit(LOG_TOPIC_FOUND,
                         LOG_FIELDS(log_c("topic", t->name), log_i("partitions", n_partitions)),
                         "the topic exists");
        }
}

static void take_view(struct topic_view *to, struct topic_view *from)
{
        kafka_topic_view_deinit(to);
        *to = *from;
        *from = (struct topic_view){ 0 };
}

static bool topic_is_known(rd_kafka_resp_err_t code)
{
        return code == RD_KAFKA_RESP_ERR_NO_ERROR ||
               code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
}

static void note_topic(struct kafka_aux *a, const char *topic, rd_kafka_resp_err_t code)
{
        char text[300];

        snprintf(text, sizeof text, "topic %s: %s", topic, rd_kafka_err2str(code));
        kafka_trouble_note(a->trouble, KAFKA_AUX, code, text);
}

static void take_topic(struct kafka_aux *a, struct topic_watch *t, struct topic_view *view)
{
        if (topic_is_known(t->err)) {
                say_topic(a, t, view->n_partitions);
                take_view(&t->view, view);
        } else {
                note_topic(a, t->name, t->err);
        }
}

static void take_topics(struct kafka_aux *a, struct topics_result *r)
{
        for (int i = 0; i < PUBLISH_TOPICS; i++) {
                a->topics[i].err = r->topics[i].err;
                if (a->topics[i].name != NULL)
                        take_topic(a, &a->topics[i], &r->topics[i].view);
        }
        if (a->settings->create_topics && kafka_topics_missing(a) != NULL)
                kafka_topics_create(a, r->brokers);
        kafka_topics_ask_settings(a);
        a->on_topics(a->data);
}

static bool has_leaders(const struct topic_view *v)
{
        for (int p = 0; p < v->n_partitions; p++)
                if (v->partitions[p].leader < 0)
                        return false;
        return v->n_partitions > 0;
}

static bool is_settled(const struct kafka_aux *a)
{
        for (int i = 0; i < PUBLISH_TOPICS; i++)
                if (a->topics[i].name != NULL && !has_leaders(&a->topics[i].view))
                        return false;
        return a->trouble->broker_up;
}

static void work_topics(uv_work_t *work)
{
        struct topics_work *w = work->data;

        rd_kafka_poll(w->aux->handle, 0); /* its error callback */
        kafka_topics_look(w->aux, &w->result);
        rd_kafka_poll(w->aux->handle, 0);
}

static void look(uv_timer_t *timer);

static void after_topics(uv_work_t *work, int status)
{
        struct topics_work *w = work->data;
        struct kafka_aux *a = w->aux;

        (void)status;
        a->topics_running = false;
        kafka_trouble_on_broker(a->trouble, w->result.reached);
        if (w->result.reached && !a->closing)
                take_topics(a, &w->result);
        kafka_topics_result_deinit(&w->result);
        free(w);
        if (!a->closing)
                uv_timer_start(&a->refresh, look, is_settled(a) ? LOOK_MS : LOOK_SOON_MS, 0);
        close_if_idle(a);
}

static void look(uv_timer_t *timer)
{
        struct kafka_aux *a = timer->data;
        struct topics_work *w;

        if (a->topics_running || a->closing)
                return;
        w = calloc(1, sizeof *w);
        if (w == NULL)
                abort();
        w->aux = a;
        w->work.data = w;
        a->topics_running = true;
        uv_queue_work(a->loop, &w->work, work_topics, after_topics);
}

void kafka_aux_look_soon(struct kafka_aux *a)
{
        if (!a->closing && !a->topics_running)
                uv_timer_start(&a->refresh, look, 50, 0);
}

/* LIFE */

static void serve(void *data, rd_kafka_event_t *event)
{
        struct kafka_aux *a = data;

        switch (rd_kafka_event_type(event)) {
        case RD_KAFKA_EVENT_CREATETOPICS_RESULT:
                kafka_topics_on_created(a, event);
                break;
        case RD_KAFKA_EVENT_DESCRIBECONFIGS_RESULT:
                kafka_topics_on_settings(a, event);
                break;
        default:
                break;
        }
        rd_kafka_event_destroy(event);
}

static void on_kick(uv_async_t *handle)
{
        struct kafka_aux *a = handle->data;

        ask_watermarks(a);
        kafka_trouble_collect(a->trouble);
}

void kafka_aux_start(struct kafka_aux *a, uv_loop_t *loop, struct member *member)
{
        a->loop = loop;
        a->member = member;
        a->started = true;
        uv_async_init(loop, &a->kick, on_kick);
        uv_timer_init(loop, &a->refresh);
        a->kick.data = a->refresh.data = a;
        kafka_queue_start(&a->served, loop, a->queue, serve, NULL, a);
        uv_timer_start(&a->refresh, look, 1, 0);
}

void kafka_aux_query_watermark(struct kafka_aux *a, int partition)
{
        a->want_watermark[partition] = true;
        if (!a->closing)
                uv_async_send(&a->kick);
}

void kafka_aux_close(struct kafka_aux *a, void (*on_closed)(void *data), void *data)
{
        a->on_closed = on_closed;
        a->closed_data = data;
        if (!a->started) {
                on_closed(data);
                return;
        }
        a->closing = true;
        close_if_idle(a);
}

void kafka_aux_destroy(struct kafka_aux *a)
{
        if (a->queue != NULL)
                rd_kafka_queue_destroy(a->queue);
        a->queue = NULL;
        if (a->handle != NULL)
                rd_kafka_destroy_flags(a->handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
        a->handle = NULL;
}

void kafka_aux_deinit(struct kafka_aux *a)
{
        for (int i = 0; i < PUBLISH_TOPICS; i++)
                kafka_topic_view_deinit(&a->topics[i].view);
        kafka_aux_destroy(a);
}
