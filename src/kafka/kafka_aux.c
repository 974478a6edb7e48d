/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: questions are gathered, asked in one request a kind, and answered partition by
 * partition.
 *
 * Possible failures: the broker is away, or the coordinator moves: the questions are answered with
 * their failing answer, and the core asks again.
 */
#include "kafka_aux.h"

#include <stdlib.h>
#include <string.h>

#include "crr/base/log.h"

#define STABLE_TIMEOUT_MS    5000
#define WATERMARK_TIMEOUT_MS 3000
#define LOOK_MS              10000
#define LOOK_SOON_MS         1000

struct watermarks_work {
        uv_work_t work;
        struct kafka_aux *aux;
        int n;
        int partitions[LIMIT_PARTITIONS];
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
        return a->stable_running || a->watermarks_running || a->topics_running;
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

/* STABLE OFFSETS */

static enum member_stable stable_of(rd_kafka_resp_err_t code)
{
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
                return MEMBER_STABLE;
        return code == RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT ? MEMBER_UNSTABLE
                                                                : MEMBER_STABLE_UNKNOWN;
}

static void answer_all_stable(struct kafka_aux *a, const bool *asked, enum member_stable stable)
{
        for (int p = 0; p < LIMIT_PARTITIONS; p++)
                if (asked[p])
                        member_on_stable(a->member, p, stable);
}

static void ask_stable(struct kafka_aux *a)
{
        rd_kafka_AdminOptions_t *options;
        rd_kafka_topic_partition_list_t *list;
        rd_kafka_ListConsumerGroupOffsets_t *request;
        bool *asked;
        char said[128];

        if (a->stable_running)
                return;
        asked = malloc(sizeof a->want_stable);
        if (asked == NULL)
                abort();
        memcpy(asked, a->want_stable, sizeof a->want_stable);
        memset(a->want_stable, 0, sizeof a->want_stable);
        list = rd_kafka_topic_partition_list_new(16);
        for (int p = 0; p < LIMIT_PARTITIONS; p++)
                if (asked[p])
                        rd_kafka_topic_partition_list_add(list, a->settings->failures_topic, p);
        if (list->cnt == 0 || a->settings->embedded || a->closing) {
                rd_kafka_topic_partition_list_destroy(list);
                answer_all_stable(a, asked, a->closing ? MEMBER_STABLE_UNKNOWN : MEMBER_STABLE);
                free(asked);
                return;
        }
        request = rd_kafka_ListConsumerGroupOffsets_new(a->settings->group, list);
        options = rd_kafka_AdminOptions_new(a->handle, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS);
        rd_kafka_AdminOptions_set_request_timeout(options, STABLE_TIMEOUT_MS, said, sizeof said);
        rd_kafka_error_destroy(rd_kafka_AdminOptions_set_require_stable_offsets(options, 1));
        rd_kafka_AdminOptions_set_opaque(options, asked);
        a->stable_running = true;
        rd_kafka_ListConsumerGroupOffsets(a->handle, &request, 1, options, a->queue);
        rd_kafka_AdminOptions_destroy(options);
        rd_kafka_ListConsumerGroupOffsets_destroy(request);
        rd_kafka_topic_partition_list_destroy(list);
}

/* The answers of the partitions that are in the result; those that are not stay in `asked`. */
static void answer_partitions(struct kafka_aux *a, const rd_kafka_group_result_t *group,
                              bool *asked)
{
        const rd_kafka_topic_partition_list_t *list = rd_kafka_group_result_partitions(group);

        for (int i = 0; list != NULL && i < list->cnt; i++) {
                int p = list->elems[i].partition;

                if (p < 0 || p >= LIMIT_PARTITIONS || !asked[p])
                        continue;
                asked[p] = false;
                member_on_stable(a->member, p, stable_of(list->elems[i].err));
        }
}

static void on_stable_event(struct kafka_aux *a, rd_kafka_event_t *event)
{
        bool *asked = rd_kafka_event_opaque(event);
        rd_kafka_resp_err_t code = rd_kafka_event_error(event);
        const rd_kafka_group_result_t **groups = NULL;
        const rd_kafka_error_t *error = NULL;
        size_t n = 0;

        a->stable_running = false;
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
                groups = rd_kafka_ListConsumerGroupOffsets_result_groups(
                        rd_kafka_event_ListConsumerGroupOffsets_result(event), &n);
        if (n > 0)
                error = rd_kafka_group_result_error(groups[0]);
        if (error != NULL)
                code = rd_kafka_error_code(error);
        else if (n > 0)
                answer_partitions(a, groups[0], asked);
        answer_all_stable(a, asked,
                          code == RD_KAFKA_RESP_ERR_NO_ERROR ? MEMBER_STABLE_UNKNOWN
                                                             : stable_of(code));
        free(asked);
        uv_async_send(&a->kick); /* what was asked meanwhile */
        close_if_idle(a);
}

/* HIGH WATERMARKS */

static void work_watermarks(uv_work_t *work)
{
        struct watermarks_work *w = work->data;
        bool reachable = true;

        for (int i = 0; i < w->n; i++) {
                int64_t low, high;

                w->offsets[i] = -1;
                if (!reachable)
                        continue; /* one timeout is enough */
                if (rd_kafka_query_watermark_offsets(
                            w->aux->handle, w->aux->settings->failures_topic, w->partitions[i],
                            &low, &high, WATERMARK_TIMEOUT_MS) == RD_KAFKA_RESP_ERR_NO_ERROR)
                        w->offsets[i] = high;
                else
                        reachable = false;
        }
}

static void after_watermarks(uv_work_t *work, int status)
{
        struct watermarks_work *w = work->data;
        struct kafka_aux *a = w->aux;

        (void)status;
        a->watermarks_running = false;
        for (int i = 0; i < w->n; i++)
                member_on_high_watermark(a->member, w->partitions[i], w->offsets[i]);
        free(w);
        uv_async_send(&a->kick);
        close_if_idle(a);
}

static void ask_watermarks(struct kafka_aux *a)
{
        struct watermarks_work *w;

        if (a->watermarks_running)
                return;
        w = calloc(1, sizeof *w);
        if (w == NULL)
                abort();
        for (int p = 0; p < LIMIT_PARTITIONS; p++)
                if (a->want_watermark[p])
                        w->partitions[w->n++] = p;
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

static void say_topic(const char *topic, const struct topic_view *before,
                      const struct topic_view *now, bool *said)
{
        if (now->n_partitions == 0 && !*said) {
                *said = true;
                log_emit(LOG_TOPIC_MISSING, LOG_FIELDS(log_c("topic", topic)),
                         "the topic does not exist; we wait for it");
        }
        if (now->n_partitions > 0 && *said) {
                *said = false;
                log_emit(LOG_TOPIC_FOUND,
                         LOG_FIELDS(log_c("topic", topic), log_i("partitions", now->n_partitions)),
                         "the topic exists");
        }
        (void)before;
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

static void take_topics(struct kafka_aux *a, struct topics_result *r)
{
        if (topic_is_known(r->failures_err)) {
                say_topic(a->settings->failures_topic, &a->failures, &r->failures,
                          &a->failures_said);
                take_view(&a->failures, &r->failures);
        } else {
                kafka_trouble_note(a->trouble, KAFKA_AUX, r->failures_err, "the failure log");
        }
        if (topic_is_known(r->replication_err)) {
                say_topic(a->settings->replication_topic, &a->replication, &r->replication,
                          &a->replication_said);
                take_view(&a->replication, &r->replication);
        } else {
                kafka_trouble_note(a->trouble, KAFKA_AUX, r->replication_err,
                                   "the replication topic");
        }
        if (a->settings->create_topics &&
            (a->failures.n_partitions == 0 || a->replication.n_partitions == 0))
                kafka_topics_create(a, r->brokers);
        if (a->failures.n_partitions > 0)
                kafka_topics_ask_policy(a);
        a->on_topics(a->data);
}

static bool is_settled(const struct kafka_aux *a)
{
        return a->trouble->broker_up && a->failures.n_partitions > 0 &&
               a->replication.n_partitions > 0;
}

static void work_topics(uv_work_t *work)
{
        struct topics_work *w = work->data;

        rd_kafka_poll(w->aux->handle, 0); /* its error callback */
        kafka_topics_look(w->aux->handle, w->aux->settings, &w->result);
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
        kafka_topic_view_deinit(&w->result.failures);
        kafka_topic_view_deinit(&w->result.replication);
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
        case RD_KAFKA_EVENT_LISTCONSUMERGROUPOFFSETS_RESULT:
                on_stable_event(a, event);
                break;
        case RD_KAFKA_EVENT_CREATETOPICS_RESULT:
                kafka_topics_on_created(a, event);
                break;
        case RD_KAFKA_EVENT_DESCRIBECONFIGS_RESULT:
                kafka_topics_on_policy(a, event);
                break;
        default:
                break;
        }
        rd_kafka_event_destroy(event);
}

static void on_kick(uv_async_t *handle)
{
        struct kafka_aux *a = handle->data;

        ask_stable(a);
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

void kafka_aux_query_stable(struct kafka_aux *a, int partition)
{
        a->want_stable[partition] = true;
        uv_async_send(&a->kick);
}

void kafka_aux_query_watermark(struct kafka_aux *a, int partition)
{
        a->want_watermark[partition] = true;
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

void kafka_aux_deinit(struct kafka_aux *a)
{
        kafka_topic_view_deinit(&a->failures);
        kafka_topic_view_deinit(&a->replication);
        if (a->queue != NULL)
                rd_kafka_queue_destroy(a->queue);
        if (a->handle != NULL)
                rd_kafka_destroy_flags(a->handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}
