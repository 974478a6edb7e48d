/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: a question is a piece of work for the pool, and its answer goes to the member.
 *
 * Possible failures: the coordinator is away or moves: the question is answered with its failing
 * answer, and the core asks again.
 */
#include "kafka_registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crr/base/limits.h"
#include "crr/core/member.h"
#include "kafka_hanging.h"

#define OFFSETS_TIMEOUT_MS 2000
#define MEMBERS_TIMEOUT_MS 2000
#define FENCE_TIMEOUT_MS   4000

struct registry_work {
        uv_work_t work;
        struct kafka_registry *registry;
        rd_kafka_topic_partition_list_t *offsets; /* NULL: not answered */
        const struct rd_kafka_group_list *groups; /* likewise */
        char transactional_id[KAFKA_TRANSACTIONAL_ID_SIZE];
        struct kafka_credentials credentials; /* of a producer that is made */
};

static struct registry_work *work_new(struct kafka_registry *r)
{
        struct registry_work *w = calloc(1, sizeof *w);

        if (w == NULL)
                abort();
        w->registry = r;
        w->work.data = w;
        w->credentials = *r->credentials;
        r->n_running++;
        return w;
}

static void work_end(struct registry_work *w)
{
        struct kafka_registry *r = w->registry;

        free(w);
        if (--r->n_running == 0 && r->closing)
                r->on_closed(r->closed_data);
}

/* OFFSETS AND THEIR METADATA */

static void work_offsets(uv_work_t *work)
{
        struct registry_work *w = work->data;
        rd_kafka_resp_err_t code =
                rd_kafka_committed(w->registry->handle, w->offsets, OFFSETS_TIMEOUT_MS);

        if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
                return;
        rd_kafka_topic_partition_list_destroy(w->offsets);
        w->offsets = NULL;
}

static void after_offsets(uv_work_t *work, int status)
{
        struct registry_work *w = work->data;
        struct registry_row *rows = NULL;
        size_t n = 0;

        (void)status;
        if (w->offsets != NULL) {
                rows = calloc((size_t)w->offsets->cnt + 1, sizeof *rows);
                if (rows == NULL)
                        abort();
        }
        for (int i = 0; w->offsets != NULL && i < w->offsets->cnt; i++) {
                const rd_kafka_topic_partition_t *at = &w->offsets->elems[i];

                if (at->err != RD_KAFKA_RESP_ERR_NO_ERROR || at->metadata == NULL)
                        continue;
                rows[n++] = (struct registry_row){
                        .partition = at->partition,
                        .metadata = { at->metadata, at->metadata_size },
                };
        }
        member_on_registry(w->registry->member, rows, n);
        free(rows);
        if (w->offsets != NULL)
                rd_kafka_topic_partition_list_destroy(w->offsets);
        work_end(w);
}

static void ask_offsets(struct kafka_registry *r, uv_after_work_cb after)
{
        struct registry_work *w = work_new(r);

        w->offsets = rd_kafka_topic_partition_list_new(r->n_partitions + 1);
        for (int p = 0; p < r->n_partitions; p++)
                rd_kafka_topic_partition_list_add(w->offsets, r->settings->failures_topic, p);
        uv_queue_work(r->loop, &w->work, work_offsets, after);
}

void kafka_registry_query(struct kafka_registry *r)
{
        if (!r->closing)
                ask_offsets(r, after_offsets);
}

/* MEMBERS */

static void work_members(uv_work_t *work)
{
        struct registry_work *w = work->data;
        struct kafka_registry *r = w->registry;

        if (rd_kafka_list_groups(r->handle, r->settings->group, &w->groups, MEMBERS_TIMEOUT_MS) !=
            RD_KAFKA_RESP_ERR_NO_ERROR)
                w->groups = NULL;
}

static void after_members(uv_work_t *work, int status)
{
        struct registry_work *w = work->data;
        const struct rd_kafka_group_info *group =
                w->groups != NULL && w->groups->group_cnt == 1 ? &w->groups->groups[0] : NULL;
        struct str *ids;

        (void)status;
        if (group != NULL && group->err != RD_KAFKA_RESP_ERR_NO_ERROR)
                group = NULL;
        ids = calloc((group != NULL ? (size_t)group->member_cnt : 0) + 1, sizeof *ids);
        if (ids == NULL)
                abort();
        for (int i = 0; group != NULL && i < group->member_cnt; i++)
                ids[i] = str_from(group->members[i].member_id);
        member_on_members(w->registry->member, group != NULL ? ids : NULL,
                          group != NULL ? (size_t)group->member_cnt : 0);
        free(ids);
        if (w->groups != NULL)
                rd_kafka_group_list_destroy(w->groups);
        work_end(w);
}

void kafka_registry_query_members(struct kafka_registry *r)
{
        struct registry_work *w;

        if (r->closing)
                return;
        w = work_new(r);
        uv_queue_work(r->loop, &w->work, work_members, after_members);
}

/* FENCING */

static rd_kafka_t *producer_of(struct kafka_registry *r, const char *transactional_id)
{
        struct error err;
        char said[256];
        rd_kafka_conf_t *conf = kafka_conf_new(r->settings, KAFKA_PRODUCER, r->bootstrap, &err);

        if (conf == NULL)
                return NULL;
        if (rd_kafka_conf_set(conf, "transactional.id", transactional_id, said, sizeof said) ==
            RD_KAFKA_CONF_OK)
                return kafka_handle_new(conf, KAFKA_PRODUCER, &err);
        rd_kafka_conf_destroy(conf);
        return NULL;
}

/* init_transactions with another producer's id ends what that one left open, and fences it; what
 * hangs all the same is ended, too. */
static void fence(struct registry_work *w, enum kafka_handle handle)
{
        const struct kafka_settings *settings = w->registry->settings;
        rd_kafka_t *producer = producer_of(w->registry, w->transactional_id);
        char group[KAFKA_GROUP_SIZE];
        unsigned version = 0;
        rd_kafka_error_t *error;

        if (producer == NULL)
                return;
        kafka_group_id(settings, handle, group);
        kafka_credentials_renew(&w->credentials, producer, &version);
        error = rd_kafka_init_transactions(producer, FENCE_TIMEOUT_MS);
        if (error == NULL)
                error = kafka_hanging_offsets_end(producer, group, settings->failures_topic);
        if (error != NULL) {
                kafka_trouble_note(w->registry->trouble, KAFKA_PRODUCER, rd_kafka_error_code(error),
                                   rd_kafka_error_string(error));
                rd_kafka_error_destroy(error);
        }
        rd_kafka_destroy(producer);
}

/* Who takes foreign records in has two producers, and died with both. */
static void work_fence(uv_work_t *work)
{
        struct registry_work *w = work->data;
        size_t n = strlen(w->transactional_id);

        fence(w, KAFKA_PRODUCER);
        if (w->registry->settings->n_intake_topics == 0)
                return;
        snprintf(w->transactional_id + n, sizeof w->transactional_id - n, KAFKA_INTAKE_SUFFIX);
        fence(w, KAFKA_INTAKE_PRODUCER);
}

static void after_fence(uv_work_t *work, int status)
{
        struct registry_work *w = work->data;

        (void)status;
        member_on_fenced(w->registry->member);
        work_end(w);
}

void kafka_registry_fence(struct kafka_registry *r, const char *transactional_id)
{
        struct registry_work *w;

        if (r->closing)
                return;
        w = work_new(r);
        snprintf(w->transactional_id, sizeof w->transactional_id, "%s", transactional_id);
        uv_queue_work(r->loop, &w->work, work_fence, after_fence);
}

/* LIFE */

void kafka_registry_start(struct kafka_registry *r, uv_loop_t *loop, rd_kafka_t *handle,
                          struct member *member)
{
        r->loop = loop;
        r->handle = handle;
        r->member = member;
}

static void after_warm_up(uv_work_t *work, int status)
{
        struct registry_work *w = work->data;

        (void)status;
        if (w->offsets != NULL)
                rd_kafka_topic_partition_list_destroy(w->offsets);
        work_end(w);
}

/* The first question finds the coordinator, which takes up to a second: before anybody waits. */
void kafka_registry_on_topology(struct kafka_registry *r, int n_partitions)
{
        bool is_first = r->n_partitions == 0 && n_partitions > 0;

        r->n_partitions = n_partitions;
        if (is_first && !r->settings->embedded && !r->closing)
                ask_offsets(r, after_warm_up);
}

void kafka_registry_close(struct kafka_registry *r, void (*on_closed)(void *data), void *data)
{
        r->on_closed = on_closed;
        r->closed_data = data;
        r->closing = true;
        if (r->n_running == 0)
                on_closed(data);
}
