/* SPDX-License-Identifier: Apache-2.0 */
#include "mock_broker.h"

#include <string.h>

#define MAX_ANSWERS 16
#define COUNTED     10
#define TIMEOUT_MS  10000

static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
        (void)rk;
        (void)level;
        (void)facility;
        (void)text;
}

static void make_cluster(struct mock_broker *k, int failure_partitions)
{
        rd_kafka_conf_t *conf = rd_kafka_conf_new();
        char said[256];

        rd_kafka_conf_set_log_cb(conf, on_log); /* it has no broker of its own, and would say so */
        k->host = rd_kafka_new(RD_KAFKA_PRODUCER, conf, said, sizeof said);
        CHECK(k->host != NULL);
        k->cluster = rd_kafka_mock_cluster_new(k->host, 1);
        CHECK(k->cluster != NULL);
        rd_kafka_mock_topic_create(k->cluster, "failures", failure_partitions, 1);
        rd_kafka_mock_topic_create(k->cluster, "replication", 1, 1);
}

void mock_broker_init(struct mock_broker *k, int failure_partitions)
{
        memset(k, 0, sizeof *k);
        make_cluster(k, failure_partitions);
        k->properties[0] = (struct kafka_property){ "bootstrap.servers",
                                                    rd_kafka_mock_cluster_bootstraps(k->cluster) };
        k->properties[1] = (struct kafka_property){ "linger.ms", "20" }; /* whole sets */
        k->settings = (struct kafka_settings){
                .properties = k->properties,
                .n_properties = 1,
                .producer_properties = k->properties + 1,
                .n_producer_properties = 1,
                .group = "group",
                .instance = "me",
                .failures_topic = "failures",
                .replication_topic = "replication",
                .replication_partitioner = "consistent",
                .failures_partitioner = "murmur2",
                .max_transaction_entries = 1000,
                .transaction_timeout_ms = 10000,
        };
        k->metrics = metrics_new(10);
        kafka_trouble_init(&k->trouble, k->metrics, "mock");
        uv_loop_init(&k->loop);
}

void mock_broker_deinit(struct mock_broker *k)
{
        uv_run(&k->loop, UV_RUN_DEFAULT);
        CHECK_INT(uv_loop_close(&k->loop), 0);
        kafka_trouble_deinit(&k->trouble);
        metrics_free(k->metrics);
        rd_kafka_mock_cluster_destroy(k->cluster);
        rd_kafka_destroy(k->host);
}

void mock_broker_answer_all(struct mock_broker *k, enum mock_request request,
                            const rd_kafka_resp_err_t *codes, size_t n)
{
        rd_kafka_resp_err_t copy[MAX_ANSWERS];

        CHECK(n <= MAX_ANSWERS);
        memcpy(copy, codes, n * sizeof *codes);
        rd_kafka_mock_push_request_errors_array(k->cluster, (int16_t)request, n, copy);
}

/* Answers without an error that are laid ready, one a request. */
#define OK RD_KAFKA_RESP_ERR_NO_ERROR, 0

void mock_broker_count(struct mock_broker *k, enum mock_request request)
{
        rd_kafka_mock_broker_push_request_error_rtts(k->cluster, 1, (int16_t)request, COUNTED, OK,
                                                     OK, OK, OK, OK, OK, OK, OK, OK, OK);
}

void mock_broker_hold(struct mock_broker *k, enum mock_request request, int ms)
{
        rd_kafka_mock_broker_push_request_error_rtts(k->cluster, 1, (int16_t)request, 1,
                                                     RD_KAFKA_RESP_ERR_NO_ERROR, ms);
}

static size_t left_ready(struct mock_broker *k, enum mock_request request)
{
        size_t left = 0;

        rd_kafka_mock_broker_error_stack_cnt(k->cluster, 1, (int16_t)request, &left);
        return left;
}

bool mock_broker_holds(struct mock_broker *k, enum mock_request request)
{
        return left_ready(k, request) == 0;
}

size_t mock_broker_counted(struct mock_broker *k, enum mock_request request)
{
        return COUNTED - left_ready(k, request);
}

void mock_broker_set_leader(struct mock_broker *k, int partition, bool has_one)
{
        rd_kafka_mock_partition_set_leader(k->cluster, "failures", partition, has_one ? 1 : -1);
}

static rd_kafka_t *client_of(struct mock_broker *k, rd_kafka_type_t type)
{
        rd_kafka_conf_t *conf = rd_kafka_conf_new();
        rd_kafka_t *client;
        char said[256];

        rd_kafka_conf_set(conf, "bootstrap.servers", k->properties[0].value, said, sizeof said);
        client = rd_kafka_new(type, conf, said, sizeof said);
        CHECK(client != NULL);
        return client;
}

int64_t mock_broker_end(struct mock_broker *k, const char *topic, int partition)
{
        rd_kafka_t *client = client_of(k, RD_KAFKA_CONSUMER);
        int64_t low, high = -1;

        CHECK_INT(
                rd_kafka_query_watermark_offsets(client, topic, partition, &low, &high, TIMEOUT_MS),
                RD_KAFKA_RESP_ERR_NO_ERROR);
        rd_kafka_destroy(client);
        return high;
}

int64_t mock_broker_write(struct mock_broker *k, int partition, int first, int n)
{
        int64_t begin = mock_broker_end(k, "failures", partition);
        rd_kafka_t *client = client_of(k, RD_KAFKA_PRODUCER);

        for (int i = first; i < first + n; i++) {
                char key[32], value[32];
                int key_len = snprintf(key, sizeof key, "key-%d", i);
                int value_len = snprintf(value, sizeof value, "value-%d", i);
                const rd_kafka_vu_t parts[] = {
                        { .vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = "failures" },
                        { .vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition },
                        { .vtype = RD_KAFKA_VTYPE_KEY, .u.mem = { key, (size_t)key_len } },
                        { .vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = { value, (size_t)value_len } },
                        { .vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = 1000 + i },
                        { .vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY },
                };

                CHECK(rd_kafka_produceva(client, parts, sizeof parts / sizeof *parts) == NULL);
        }
        CHECK_INT(rd_kafka_flush(client, TIMEOUT_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
        rd_kafka_destroy(client);
        return begin;
}
