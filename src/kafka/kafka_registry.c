/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: a question is asked asynchronously; its answer is an event of the queue.
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

#define OFFSETS_TIMEOUT_MS 3000
#define MEMBERS_TIMEOUT_MS 3000
#define FENCE_TIMEOUT_MS   5000

struct fence_work {
        uv_work_t work;
        struct kafka_registry *registry;
        char transactional_id[512];
};

static void close_if_idle(struct kafka_registry *r);

/* OFFSETS AND THEIR METADATA */

void kafka_registry_query(struct kafka_registry *r)
{
        rd_kafka_ListConsumerGroupOffsets_t *request;
        rd_kafka_AdminOptions_t *options;
        char said[128];

        request = rd_kafka_ListConsumerGroupOffsets_new(r->settings->group, NULL);
        options = rd_kafka_AdminOptions_new(r->handle, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS);
        rd_kafka_AdminOptions_set_request_timeout(options, OFFSETS_TIMEOUT_MS, said, sizeof said);
        r->offsets_out = true;
        rd_kafka_ListConsumerGroupOffsets(r->handle, &request, 1, options, r->queue);
        rd_kafka_AdminOptions_destroy(options);
        rd_kafka_ListConsumerGroupOffsets_destroy(request);
}

/* NULL: the answer is an error. */
static const rd_kafka_topic_partition_list_t *offsets_of(rd_kafka_event_t *event)
{
        const rd_kafka_group_result_t **groups;
        size_t n = 0;

        if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR)
                return NULL;
        groups = rd_kafka_ListConsumerGroupOffsets_result_groups(
                rd_kafka_event_ListConsumerGroupOffsets_result(event), &n);
        if (n == 0 || rd_kafka_group_result_error(groups[0]) != NULL)
                return NULL;
        return rd_kafka_group_result_partitions(groups[0]);
}

static void on_offsets(struct kafka_registry *r, rd_kafka_event_t *event)
{
        const rd_kafka_topic_partition_list_t *list = offsets_of(event);
        struct registry_row *rows = NULL;
        size_t n = 0;

        r->offsets_out = false;
        if (list != NULL) {
                rows = calloc((size_t)list->cnt + 1, sizeof *rows);
                if (rows == NULL)
                        abort();
        }
        for (int i = 0; list != NULL && i < list->cnt; i++) {
                const rd_kafka_topic_partition_t *at = &list->elems[i];

                if (strcmp(at->topic, r->settings->failures_topic) != 0 ||
                    at->err != RD_KAFKA_RESP_ERR_NO_ERROR || at->metadata == NULL)
                        continue;
                rows[n++] = (struct registry_row){
                        .partition = at->partition,
                        .offset = at->offset,
                        .metadata = { at->metadata, at->metadata_size },
                };
        }
        member_on_registry(r->member, rows, n);
        free(rows);
        close_if_idle(r);
}

/* MEMBERS */

void kafka_registry_query_members(struct kafka_registry *r)
{
        const char *groups[] = { r->settings->group };
        rd_kafka_AdminOptions_t *options =
                rd_kafka_AdminOptions_new(r->handle, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS);
        char said[128];

        rd_kafka_AdminOptions_set_request_timeout(options, MEMBERS_TIMEOUT_MS, said, sizeof said);
        r->members_out = true;
        rd_kafka_DescribeConsumerGroups(r->handle, groups, 1, options, r->queue);
        rd_kafka_AdminOptions_destroy(options);
}

static const rd_kafka_ConsumerGroupDescription_t *group_of(rd_kafka_event_t *event)
{
        const rd_kafka_ConsumerGroupDescription_t **groups;
        size_t n = 0;

        if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR)
                return NULL;
        groups = rd_kafka_DescribeConsumerGroups_result_groups(
                rd_kafka_event_DescribeConsumerGroups_result(event), &n);
        if (n == 0 || rd_kafka_ConsumerGroupDescription_error(groups[0]) != NULL)
                return NULL;
        return groups[0];
}

static void on_members(struct kafka_registry *r, rd_kafka_event_t *event)
{
        const rd_kafka_ConsumerGroupDescription_t *group = group_of(event);
        size_t n = group != NULL ? rd_kafka_ConsumerGroupDescription_member_count(group) : 0;
        struct str *ids = calloc(n + 1, sizeof *ids);

        if (ids == NULL)
                abort();
        r->members_out = false;
        for (size_t i = 0; i < n; i++)
                ids[i] = str_from(rd_kafka_MemberDescription_consumer_id(
                        rd_kafka_ConsumerGroupDescription_member(group, i)));
        member_on_members(r->member, group != NULL ? ids : NULL, n);
        free(ids);
        close_if_idle(r);
}

/* FENCING */

/* init_transactions with another producer's id ends what that one left open, and fences it. */
static void work_fence(uv_work_t *work)
{
        struct fence_work *w = work->data;
        struct kafka_registry *r = w->registry;
        struct error err;
        char said[256];
        rd_kafka_conf_t *conf = kafka_conf_new(r->settings, KAFKA_PRODUCER, r->bootstrap, &err);
        rd_kafka_t *producer;
        rd_kafka_error_t *error;

        if (conf == NULL)
                return;
        if (rd_kafka_conf_set(conf, "transactional.id", w->transactional_id, said, sizeof said) !=
            RD_KAFKA_CONF_OK) {
                rd_kafka_conf_destroy(conf);
                return;
        }
        producer = kafka_handle_new(conf, KAFKA_PRODUCER, &err);
        if (producer == NULL)
                return;
        error = rd_kafka_init_transactions(producer, FENCE_TIMEOUT_MS);
        if (error != NULL) {
                kafka_trouble_note(r->trouble, KAFKA_PRODUCER, rd_kafka_error_code(error),
                                   rd_kafka_error_string(error));
                rd_kafka_error_destroy(error);
        }
        rd_kafka_destroy(producer);
}

static void after_fence(uv_work_t *work, int status)
{
        struct fence_work *w = work->data;
        struct kafka_registry *r = w->registry;

        (void)status;
        r->fence_out = false;
        free(w);
        member_on_fenced(r->member);
        close_if_idle(r);
}

void kafka_registry_fence(struct kafka_registry *r, const char *transactional_id)
{
        struct fence_work *w = calloc(1, sizeof *w);

        if (w == NULL)
                abort();
        w->registry = r;
        w->work.data = w;
        snprintf(w->transactional_id, sizeof w->transactional_id, "%s", transactional_id);
        r->fence_out = true;
        uv_queue_work(r->loop, &w->work, work_fence, after_fence);
}

/* LIFE */

static void serve(void *data, rd_kafka_event_t *event)
{
        struct kafka_registry *r = data;

        switch (rd_kafka_event_type(event)) {
        case RD_KAFKA_EVENT_LISTCONSUMERGROUPOFFSETS_RESULT:
                on_offsets(r, event);
                break;
        case RD_KAFKA_EVENT_DESCRIBECONSUMERGROUPS_RESULT:
                on_members(r, event);
                break;
        default:
                break;
        }
}

void kafka_registry_start(struct kafka_registry *r, uv_loop_t *loop, rd_kafka_t *handle,
                          struct member *member)
{
        r->loop = loop;
        r->handle = handle;
        r->member = member;
        r->started = true;
        r->queue = rd_kafka_queue_new(handle);
        kafka_queue_start(&r->served, loop, r->queue, serve, r);
}

static void on_queue_closed(void *data)
{
        struct kafka_registry *r = data;

        r->on_closed(r->closed_data);
}

static void close_if_idle(struct kafka_registry *r)
{
        if (!r->closing || r->is_closed || r->offsets_out || r->members_out || r->fence_out)
                return;
        r->is_closed = true;
        kafka_queue_close(&r->served, on_queue_closed);
}

void kafka_registry_close(struct kafka_registry *r, void (*on_closed)(void *data), void *data)
{
        r->on_closed = on_closed;
        r->closed_data = data;
        if (!r->started) {
                on_closed(data);
                return;
        }
        r->closing = true;
        close_if_idle(r);
}

void kafka_registry_deinit(struct kafka_registry *r)
{
        if (r->queue != NULL)
                rd_kafka_queue_destroy(r->queue);
}
