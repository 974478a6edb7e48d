/* SPDX-License-Identifier: Apache-2.0 */
/* Topics: what the cluster says of them, their settings, and making those that are missing
 * (kafka.create_topics).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crr/base/log.h"
#include "kafka_aux.h"

#define LOOK_TIMEOUT_MS     2000
#define CREATE_TIMEOUT_MS   10000
#define SETTINGS_TIMEOUT_MS 5000
#define MARKER_BYTES        100 /* a commit marker and its framing */
#define CREATED_PARTITIONS  6
#define DELETE_RETENTION_MS "86400000"
#define TOO_SHORT_MS        600000 /* a replay, and a partition that was parked, must not miss them */

static int32_t *copy_ids(const int32_t *ids, int n)
{
        int32_t *copy = malloc((size_t)(n + 1) * sizeof *copy);

        if (copy == NULL)
                abort();
        memcpy(copy, ids, (size_t)n * sizeof *copy);
        return copy;
}

static struct topic_view view_of(const rd_kafka_metadata_topic_t *topic)
{
        struct topic_view v = { .n_partitions = topic->partition_cnt };

        v.partitions = calloc((size_t)topic->partition_cnt + 1, sizeof *v.partitions);
        if (v.partitions == NULL)
                abort();
        for (int i = 0; i < topic->partition_cnt; i++) {
                const rd_kafka_metadata_partition_t *p = &topic->partitions[i];

                v.partitions[i] = (struct kafka_partition){
                        .id = p->id,
                        .leader = p->leader,
                        .replicas = copy_ids(p->replicas, p->replica_cnt),
                        .isrs = copy_ids(p->isrs, p->isr_cnt),
                        .n_replicas = (size_t)p->replica_cnt,
                        .n_isrs = (size_t)p->isr_cnt,
                };
        }
        return v;
}

void kafka_topic_view_deinit(struct topic_view *v)
{
        for (int i = 0; i < v->n_partitions; i++) {
                free((int32_t *)v->partitions[i].replicas);
                free((int32_t *)v->partitions[i].isrs);
        }
        free(v->partitions);
        *v = (struct topic_view){ 0 };
}

/* False: no broker answered. */
static bool look_at(rd_kafka_t *handle, const char *name, struct topic_view *view,
                    rd_kafka_resp_err_t *ret_err, int *ret_brokers)
{
        rd_kafka_topic_t *topic = rd_kafka_topic_new(handle, name, NULL);
        const struct rd_kafka_metadata *metadata;
        bool reached = rd_kafka_metadata(handle, 0, topic, &metadata, LOOK_TIMEOUT_MS) ==
                       RD_KAFKA_RESP_ERR_NO_ERROR;

        *view = (struct topic_view){ 0 };
        if (reached) {
                *ret_brokers = metadata->broker_cnt;
                *ret_err = metadata->topic_cnt == 1 ? metadata->topics[0].err
                                                    : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
                if (*ret_err == RD_KAFKA_RESP_ERR_NO_ERROR)
                        *view = view_of(&metadata->topics[0]);
                rd_kafka_metadata_destroy(metadata);
        }
        rd_kafka_topic_destroy(topic);
        return reached;
}

void kafka_topics_look(const struct kafka_aux *a, struct topics_result *ret)
{
        *ret = (struct topics_result){ .reached = true };
        for (int i = 0; i < PUBLISH_TOPICS && ret->reached; i++)
                if (a->topics[i].name != NULL)
                        ret->reached = look_at(a->handle, a->topics[i].name, &ret->topics[i].view,
                                               &ret->topics[i].err, &ret->brokers);
}

void kafka_topics_result_deinit(struct topics_result *r)
{
        for (int i = 0; i < PUBLISH_TOPICS; i++)
                kafka_topic_view_deinit(&r->topics[i].view);
}

const struct topic_watch *kafka_topics_missing(const struct kafka_aux *a)
{
        static const enum publish_topic order[PUBLISH_TOPICS] = { PUBLISH_FAILURES,
                                                                  PUBLISH_REPLICATION,
                                                                  PUBLISH_STATUS };

        for (int i = 0; i < PUBLISH_TOPICS; i++) {
                const struct topic_watch *t = &a->topics[order[i]];

                if (t->name != NULL && t->view.n_partitions == 0)
                        return t;
        }
        return NULL;
}

/* CREATING */

static void set_config(rd_kafka_NewTopic_t *topic, const char *name, const char *value)
{
        rd_kafka_NewTopic_set_config(topic, name, value);
}

static rd_kafka_NewTopic_t *new_topic(const char *name, int replicas, bool compacted)
{
        char said[128];
        rd_kafka_NewTopic_t *topic =
                rd_kafka_NewTopic_new(name, CREATED_PARTITIONS, replicas, said, sizeof said);

        set_config(topic, "max.message.bytes", "5000020");
        if (compacted) {
                set_config(topic, "cleanup.policy", "compact");
                set_config(topic, "delete.retention.ms", DELETE_RETENTION_MS);
                set_config(topic, "segment.ms", "3600000");
        }
        if (replicas >= 3)
                set_config(topic, "min.insync.replicas", "2");
        return topic;
}

void kafka_topics_create(struct kafka_aux *a, int brokers)
{
        rd_kafka_AdminOptions_t *options;
        rd_kafka_NewTopic_t *topics[PUBLISH_TOPICS];
        int replicas = brokers < 3 ? brokers : 3;
        char said[128];
        size_t n = 0;

        if (a->create_running || brokers == 0)
                return;
        for (int i = 0; i < PUBLISH_TOPICS; i++)
                if (a->topics[i].name != NULL && a->topics[i].view.n_partitions == 0)
                        topics[n++] = new_topic(a->topics[i].name, replicas, i == PUBLISH_FAILURES);
        options = rd_kafka_AdminOptions_new(a->handle, RD_KAFKA_ADMIN_OP_CREATETOPICS);
        rd_kafka_AdminOptions_set_operation_timeout(options, CREATE_TIMEOUT_MS, said, sizeof said);
        a->create_running = true;
        rd_kafka_CreateTopics(a->handle, topics, n, options, a->queue);
        rd_kafka_AdminOptions_destroy(options);
        rd_kafka_NewTopic_destroy_array(topics, n);
}

void kafka_topics_on_created(struct kafka_aux *a, rd_kafka_event_t *event)
{
        const rd_kafka_CreateTopics_result_t *result = rd_kafka_event_CreateTopics_result(event);
        const rd_kafka_topic_result_t **topics = NULL;
        size_t n = 0;

        a->create_running = false;
        if (rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR_NO_ERROR && result != NULL)
                topics = rd_kafka_CreateTopics_result_topics(result, &n);
        for (size_t i = 0; i < n; i++) {
                const char *name = rd_kafka_topic_result_name(topics[i]);
                rd_kafka_resp_err_t code = rd_kafka_topic_result_error(topics[i]);

                if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
                        log_emit(LOG_TOPIC_CREATED,
                                 LOG_FIELDS(log_c("topic", name),
                                            log_i("partitions", CREATED_PARTITIONS)),
                                 "a missing topic was created");
                else if (code != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
                        kafka_trouble_note(a->trouble, KAFKA_AUX, code,
                                           rd_kafka_topic_result_error_string(topics[i]));
        }
        kafka_aux_look_soon(a);
}

/* SETTINGS OF THE TOPICS */

/* Once for each topic, and again when it was missing meanwhile. */
static bool wants_settings(struct topic_watch *t)
{
        if (t->view.n_partitions == 0)
                t->settings = (struct topic_settings){ 0 };
        return t->view.n_partitions > 0 && !t->settings.asked;
}

void kafka_topics_ask_settings(struct kafka_aux *a)
{
        rd_kafka_ConfigResource_t *resources[PUBLISH_TOPICS];
        rd_kafka_AdminOptions_t *options;
        char said[128];
        size_t n = 0;

        if (a->settings_running || a->settings->embedded)
                return;
        for (int i = 0; i < PUBLISH_TOPICS; i++) {
                struct topic_watch *t = &a->topics[i];

                if (!wants_settings(t))
                        continue;
                t->settings.asked = true;
                resources[n++] = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, t->name);
        }
        if (n == 0)
                return;
        options = rd_kafka_AdminOptions_new(a->handle, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
        rd_kafka_AdminOptions_set_request_timeout(options, SETTINGS_TIMEOUT_MS, said, sizeof said);
        a->settings_running = true;
        rd_kafka_DescribeConfigs(a->handle, resources, n, options, a->queue);
        rd_kafka_AdminOptions_destroy(options);
        rd_kafka_ConfigResource_destroy_array(resources, n);
}

bool kafka_topics_settings_are_out(const struct kafka_aux *a)
{
        return a->settings_running;
}

void kafka_topics_most_bytes(const struct kafka_aux *a, int64_t ret[PUBLISH_TOPICS])
{
        for (int i = 0; i < PUBLISH_TOPICS; i++)
                ret[i] = a->topics[i].settings.max_message_bytes;
}

static void say_setting(const char *topic, const char *name, const char *value, const char *text)
{
        log_emit(LOG_TOPIC_SETTINGS,
                 LOG_FIELDS(log_c("topic", topic), log_c("setting", name), log_c("value", value)),
                 "%s", text);
}

static void take_setting(struct kafka_aux *a, int which, const char *name, const char *value)
{
        const char *topic = a->topics[which].name;
        bool is_log = which == PUBLISH_FAILURES;
        unsigned long long number;

        if (is_log && strcmp(name, "cleanup.policy") == 0 && strcmp(value, "compact") != 0)
                say_setting(topic, name, value,
                            "the failure log should have cleanup.policy=compact: retention will "
                            "forget failures");
        if (!str_to_u64(str_from(value), INT64_MAX, &number))
                return;
        if (is_log && strcmp(name, "delete.retention.ms") == 0 && number < TOO_SHORT_MS)
                say_setting(topic, name, value,
                            "tombstones of the failure log go so soon that a reader may miss them, "
                            "and list failures that are over");
        if (strcmp(name, "max.message.bytes") != 0)
                return;
        a->topics[which].settings.max_message_bytes = (int64_t)number;
        if (number <= MARKER_BYTES)
                say_setting(topic, name, value,
                            "not even commit markers fit: this topic can never be retried into");
}

static int topic_named(const struct kafka_aux *a, const char *name)
{
        int i = 0;

        while (i < PUBLISH_TOPICS &&
               (a->topics[i].name == NULL || strcmp(a->topics[i].name, name) != 0))
                i++;
        return i;
}

static void take_settings(struct kafka_aux *a, const rd_kafka_ConfigResource_t *resource)
{
        int which = topic_named(a, rd_kafka_ConfigResource_name(resource));
        rd_kafka_resp_err_t code = rd_kafka_ConfigResource_error(resource);
        const rd_kafka_ConfigEntry_t **entries;
        size_t n;

        if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
                kafka_trouble_note(a->trouble, KAFKA_AUX, code,
                                   rd_kafka_ConfigResource_error_string(resource));
        entries = rd_kafka_ConfigResource_configs(resource, &n);
        for (size_t i = 0; i < n; i++) {
                const char *value = rd_kafka_ConfigEntry_value(entries[i]);

                if (value != NULL && which < PUBLISH_TOPICS)
                        take_setting(a, which, rd_kafka_ConfigEntry_name(entries[i]), value);
        }
}

/* What could not be asked is asked at the next look; nobody waits for it. */
void kafka_topics_on_settings(struct kafka_aux *a, rd_kafka_event_t *event)
{
        const rd_kafka_DescribeConfigs_result_t *result =
                rd_kafka_event_DescribeConfigs_result(event);
        const rd_kafka_ConfigResource_t **resources = NULL;
        size_t n = 0;

        a->settings_running = false;
        if (rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR_NO_ERROR && result != NULL)
                resources = rd_kafka_DescribeConfigs_result_resources(result, &n);
        for (size_t i = 0; i < n; i++)
                take_settings(a, resources[i]);
        for (int i = 0; n == 0 && i < PUBLISH_TOPICS; i++)
                a->topics[i].settings.asked = a->topics[i].settings.max_message_bytes > 0;
        if (!a->closing)
                a->on_topics(a->data);
}
