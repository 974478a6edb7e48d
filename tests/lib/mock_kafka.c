/* SPDX-License-Identifier: Apache-2.0 */
#include "mock_kafka.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"

static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
        (void)rk;
        (void)level;
        (void)facility;
        (void)text;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
        char said[256];

        if (rd_kafka_conf_set(conf, name, value, said, sizeof said) != RD_KAFKA_CONF_OK)
                check_fail(__FILE__, __LINE__, name, said);
}

static rd_kafka_t *make(rd_kafka_type_t type, rd_kafka_conf_t *conf)
{
        char said[256];
        rd_kafka_t *rk;

        rd_kafka_conf_set_log_cb(conf, on_log);
        rk = rd_kafka_new(type, conf, said, sizeof said);
        if (rk == NULL)
                check_fail(__FILE__, __LINE__, "a handle", said);
        return rk;
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
        (void)rk;
        (void)opaque;
        if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
                check_fail(__FILE__, __LINE__, "produced", rd_kafka_err2str(message->err));
        *(int64_t *)message->_private = message->offset;
}

void mock_kafka_init(struct mock_kafka *m)
{
        *m = (struct mock_kafka){ .host = make(RD_KAFKA_PRODUCER, rd_kafka_conf_new()) };
        m->cluster = rd_kafka_mock_cluster_new(m->host, 1);
        CHECK(m->cluster != NULL);
        m->bootstrap = rd_kafka_mock_cluster_bootstraps(m->cluster);
        m->property = (struct kafka_property){ "bootstrap.servers", m->bootstrap };
        m->settings = (struct kafka_settings){
                .properties = &m->property,
                .n_properties = 1,
                .group = "group",
                .instance = "test",
                .failures_topic = m->failures,
                .replication_topic = m->replication,
                .replication_partitioner = "consistent",
                .failures_partitioner = "murmur2",
                .transaction_timeout_ms = 10000,
                .max_transaction_entries = 1000,
        };
        mock_kafka_next_test(m);
}

void mock_kafka_next_test(struct mock_kafka *m)
{
        snprintf(m->failures, sizeof m->failures, "failures-%u", ++m->tests);
        snprintf(m->replication, sizeof m->replication, "replication-%u", m->tests);
        for (int16_t request = 0; request < 64; request++)
                rd_kafka_mock_clear_request_errors(m->cluster, request);
}

void mock_kafka_deinit(struct mock_kafka *m)
{
        if (m->producer != NULL)
                rd_kafka_destroy(m->producer);
}

void mock_kafka_fail(struct mock_kafka *m, enum mock_request request, unsigned n,
                     rd_kafka_resp_err_t error)
{
        for (unsigned i = 0; i < n; i++)
                rd_kafka_mock_push_request_errors(m->cluster, (int16_t)request, 1, error);
}

void mock_kafka_stop_failing(struct mock_kafka *m, enum mock_request request)
{
        rd_kafka_mock_clear_request_errors(m->cluster, (int16_t)request);
}

static void make_producer(struct mock_kafka *m)
{
        rd_kafka_conf_t *conf = rd_kafka_conf_new();

        set(conf, "bootstrap.servers", m->bootstrap);
        set(conf, "linger.ms", "1000"); /* a flush does not wait for it */
        set(conf, "socket.nagle.disable", "true");
        rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
        m->producer = make(RD_KAFKA_PRODUCER, conf);
}

/* The first record of a topic would be up to a second late otherwise. */
static void warm_up(struct mock_kafka *m, const char *topic)
{
        const struct rd_kafka_metadata *metadata;
        rd_kafka_topic_t *rkt;

        if (strcmp(m->warm, topic) == 0)
                return;
        snprintf(m->warm, sizeof m->warm, "%s", topic);
        rkt = rd_kafka_topic_new(m->producer, topic, NULL);
        CHECK(rd_kafka_metadata(m->producer, 0, rkt, &metadata, 10000) ==
              RD_KAFKA_RESP_ERR_NO_ERROR);
        rd_kafka_metadata_destroy(metadata);
        rd_kafka_topic_destroy(rkt);
}

struct stamp {
        int64_t timestamp_ms;
        rd_kafka_headers_t *headers;
        int64_t *ret_offset;
};

static void produce(struct mock_kafka *m, const char *topic, int partition, const char *key,
                    const char *value, const struct stamp *stamp)
{
        rd_kafka_vu_t vus[] = {
                { .vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = topic },
                { .vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition },
                { .vtype = RD_KAFKA_VTYPE_KEY,
                  .u.mem = { (void *)key, key != NULL ? strlen(key) : 0 } },
                { .vtype = RD_KAFKA_VTYPE_VALUE,
                  .u.mem = { (void *)value, value != NULL ? strlen(value) : 0 } },
                { .vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY },
                { .vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = stamp->timestamp_ms },
                { .vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = stamp->ret_offset },
                { .vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = stamp->headers },
        };

        CHECK(rd_kafka_produceva(m->producer, vus, sizeof vus / sizeof *vus) == NULL);
}

int64_t mock_kafka_produce(struct mock_kafka *m, const char *topic, int partition, const char *key,
                           const char *value, int64_t timestamp_ms, const char *const *headers)
{
        rd_kafka_headers_t *list = rd_kafka_headers_new(4);
        int64_t offset = -1;

        if (m->producer == NULL)
                make_producer(m);
        warm_up(m, topic);
        for (; headers != NULL && *headers != NULL; headers += 2)
                rd_kafka_header_add(list, headers[0], -1, headers[1], -1);
        produce(m, topic, partition, key, value, &(struct stamp){ timestamp_ms, list, &offset });
        CHECK(rd_kafka_flush(m->producer, 10000) == RD_KAFKA_RESP_ERR_NO_ERROR);
        CHECK(offset >= 0);
        return offset;
}

void mock_kafka_produce_set(struct mock_kafka *m, const char *topic, int partition,
                            const char *const *values, size_t n, int64_t timestamp_ms)
{
        int64_t offset = -1;

        if (m->producer == NULL)
                make_producer(m);
        warm_up(m, topic);
        for (size_t i = 0; i < n; i++)
                produce(m, topic, partition, NULL, values[i],
                        &(struct stamp){ timestamp_ms, rd_kafka_headers_new(1), &offset });
        CHECK(rd_kafka_flush(m->producer, 10000) == RD_KAFKA_RESP_ERR_NO_ERROR);
        CHECK(offset >= 0);
}

void mock_kafka_read(struct mock_kafka *m, const char *topic, int partition,
                     void (*record)(void *data, rd_kafka_message_t *message), void *data)
{
        rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
        rd_kafka_conf_t *conf = rd_kafka_conf_new();
        rd_kafka_t *consumer;
        bool at_end = false;

        set(conf, "bootstrap.servers", m->bootstrap);
        set(conf, "group.id", "tests");
        set(conf, "enable.partition.eof", "true");
        set(conf, "fetch.wait.max.ms", "5");
        set(conf, "isolation.level", "read_uncommitted");
        consumer = make(RD_KAFKA_CONSUMER, conf);
        rd_kafka_poll_set_consumer(consumer);
        rd_kafka_topic_partition_list_add(list, topic, partition)->offset = 0;
        CHECK(rd_kafka_assign(consumer, list) == RD_KAFKA_RESP_ERR_NO_ERROR);
        rd_kafka_topic_partition_list_destroy(list);
        while (!at_end) {
                rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, 10000);

                CHECK(message != NULL);
                at_end = message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
                if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
                        record(data, message);
                rd_kafka_message_destroy(message);
        }
        rd_kafka_destroy_flags(consumer, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}
