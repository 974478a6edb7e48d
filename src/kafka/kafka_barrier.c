/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: what is wanted is asked together, and the coordinator answers at once: stable.
 *
 * Possible failures:
 *  - it does not answer: a partition is not stable, and each is asked alone. That the coordinator
 *    is there at all was shown just before, by a question that never waits: about a topic whose
 *    offsets the group never commits;
 *  - that takes too long: the rest is not known, and asked again by the core.
 */
#include "kafka_barrier.h"

#include <stdlib.h>
#include <string.h>

#include "crr/base/time.h"
#include "crr/core/member.h"

#define TOGETHER_MS 150
#define ALONE_MS    100
#define REACH_MS    2000 /* the first question finds the coordinator, which takes up to a second */
#define WORK_MS     3000

struct barrier_work {
        uv_work_t work;
        struct kafka_barrier *barrier;
        bool reached;
        int n;
        int partitions[LIMIT_PARTITIONS];
        enum member_stable stable[LIMIT_PARTITIONS];
};

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
        struct kafka_barrier *b = opaque;

        (void)rk;
        kafka_trouble_note(b->trouble, KAFKA_BARRIER, (rd_kafka_resp_err_t)code, reason);
}

int kafka_barrier_init(struct kafka_barrier *b, const struct kafka_settings *settings,
                       const char *bootstrap, struct kafka_trouble *trouble, struct error *err)
{
        rd_kafka_conf_t *conf = kafka_conf_new(settings, KAFKA_BARRIER, bootstrap, err);

        memset(b, 0, sizeof *b);
        b->settings = settings;
        b->trouble = trouble;
        if (conf == NULL)
                return (int)err->code;
        rd_kafka_conf_set_opaque(conf, b);
        rd_kafka_conf_set_error_cb(conf, on_error);
        b->handle = kafka_handle_new(conf, KAFKA_BARRIER, err);
        return b->handle != NULL ? 0 : (int)err->code;
}

/* IN THE POOL */

static rd_kafka_resp_err_t ask(rd_kafka_t *handle, const char *topic, const int *partitions, int n,
                               int timeout_ms)
{
        rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(n);
        rd_kafka_resp_err_t code;

        for (int i = 0; i < n; i++)
                rd_kafka_topic_partition_list_add(list, topic, partitions[i]);
        code = rd_kafka_committed(handle, list, timeout_ms);
        for (int i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && i < list->cnt; i++)
                code = list->elems[i].err;
        rd_kafka_topic_partition_list_destroy(list);
        return code;
}

static void ask_each(struct barrier_work *w, int64_t end_ms)
{
        const struct kafka_barrier *b = w->barrier;

        for (int i = 0; i < w->n && time_monotonic_ms() < end_ms; i++) {
                rd_kafka_resp_err_t code =
                        ask(b->handle, b->settings->failures_topic, &w->partitions[i], 1, ALONE_MS);

                if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
                        w->stable[i] = MEMBER_STABLE;
                else if (code == RD_KAFKA_RESP_ERR__TIMED_OUT ||
                         code == RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT)
                        w->stable[i] = MEMBER_UNSTABLE;
        }
}

static bool reach(const struct kafka_barrier *b)
{
        const int first = 0;

        return ask(b->handle, b->settings->replication_topic, &first, 1, REACH_MS) ==
               RD_KAFKA_RESP_ERR_NO_ERROR;
}

static void work_stable(uv_work_t *work)
{
        struct barrier_work *w = work->data;
        const struct kafka_barrier *b = w->barrier;
        int64_t end_ms = time_monotonic_ms() + WORK_MS;
        bool is_stable = false;

        rd_kafka_poll(b->handle, 0); /* its error callback */
        w->reached = reach(b);
        if (w->reached && w->n > 0)
                is_stable = ask(b->handle, b->settings->failures_topic, w->partitions, w->n,
                                TOGETHER_MS) == RD_KAFKA_RESP_ERR_NO_ERROR;
        for (int i = 0; i < w->n; i++)
                w->stable[i] = is_stable ? MEMBER_STABLE : MEMBER_STABLE_UNKNOWN;
        if (w->reached && !is_stable)
                ask_each(w, end_ms);
}

/* ON THE LOOP */

static void on_kick_closed(uv_handle_t *handle)
{
        struct kafka_barrier *b = handle->data;

        b->on_closed(b->closed_data);
}

static void close_if_idle(struct kafka_barrier *b)
{
        if (!b->closing || b->is_running || b->is_closed)
                return;
        b->is_closed = true;
        uv_close((uv_handle_t *)&b->kick, on_kick_closed);
}

static void after_stable(uv_work_t *work, int status)
{
        struct barrier_work *w = work->data;
        struct kafka_barrier *b = w->barrier;

        (void)status;
        b->is_running = false;
        b->is_warm |= w->reached;
        for (int i = 0; i < w->n; i++)
                member_on_stable(b->member, w->partitions[i], w->stable[i]);
        free(w);
        if (!b->closing)
                uv_async_send(&b->kick); /* what was asked meanwhile */
        close_if_idle(b);
}

static void answer_at_once(struct kafka_barrier *b, enum member_stable stable)
{
        for (int p = 0; p < LIMIT_PARTITIONS; p++) {
                if (!b->wanted[p])
                        continue;
                b->wanted[p] = false;
                member_on_stable(b->member, p, stable);
        }
}

static void on_kick(uv_async_t *handle)
{
        struct kafka_barrier *b = handle->data;
        struct barrier_work *w;

        if (b->is_running)
                return;
        if (b->settings->embedded) { /* no group, no offsets */
                answer_at_once(b, MEMBER_STABLE);
                return;
        }
        w = calloc(1, sizeof *w);
        if (w == NULL)
                abort();
        for (int p = 0; p < LIMIT_PARTITIONS; p++)
                if (b->wanted[p])
                        w->partitions[w->n++] = p;
        memset(b->wanted, 0, sizeof b->wanted);
        if (w->n == 0 && (b->is_warm || !b->wants_warm_up)) {
                free(w);
                return;
        }
        b->wants_warm_up = false;
        w->barrier = b;
        w->work.data = w;
        b->is_running = true;
        uv_queue_work(b->loop, &w->work, work_stable, after_stable);
}

void kafka_barrier_warm_up(struct kafka_barrier *b)
{
        b->wants_warm_up = true;
        if (!b->closing)
                uv_async_send(&b->kick);
}

void kafka_barrier_start(struct kafka_barrier *b, uv_loop_t *loop, struct member *member)
{
        b->loop = loop;
        b->member = member;
        b->started = true;
        uv_async_init(loop, &b->kick, on_kick);
        b->kick.data = b;
}

void kafka_barrier_query(struct kafka_barrier *b, int partition)
{
        b->wanted[partition] = true;
        if (!b->closing)
                uv_async_send(&b->kick);
}

void kafka_barrier_close(struct kafka_barrier *b, void (*on_closed)(void *data), void *data)
{
        b->on_closed = on_closed;
        b->closed_data = data;
        if (!b->started) {
                on_closed(data);
                return;
        }
        b->closing = true;
        close_if_idle(b);
}

void kafka_barrier_deinit(struct kafka_barrier *b)
{
        if (b->handle != NULL)
                rd_kafka_destroy_flags(b->handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
        b->handle = NULL;
}
