/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Write rows of the data set into a failure log, as a data mover would:
 *
 *   bench_fill BOOTSTRAP TOPIC FIRST COUNT
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench_kafka.h"
#include "crr/core/identity.h"
#include "dataset.h"
#include "meter.h"

#define FLUSH_MS 60000

static uint64_t number(const char *text)
{
        unsigned long long value;

        if (!str_to_u64(str_from(text), UINT64_MAX, &value))
                bench_fail("'%s' is not a number", text);
        return value;
}

static rd_kafka_t *new_producer(const char *bootstrap)
{
        rd_kafka_conf_t *conf = rd_kafka_conf_new();
        char said[256];

        if (rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap, said, sizeof said) != 0 ||
            rd_kafka_conf_set(conf, "linger.ms", "20", said, sizeof said) != 0 ||
            rd_kafka_conf_set(conf, "enable.idempotence", "true", said, sizeof said) != 0)
                bench_fail("%s", said);
        rd_kafka_conf_set_dr_msg_cb(conf, bench_kafka_on_delivery);
        return bench_kafka_handle(conf, KAFKA_PRODUCER);
}

static void produce(rd_kafka_t *producer, rd_kafka_topic_t *topic, int n_partitions, uint64_t i)
{
        static struct dataset_row row;
        static struct buf key = { .limit = SIZE_MAX }, value = { .limit = SIZE_MAX };
        int partition;

        buf_clear(&key);
        buf_clear(&value);
        dataset_row(i, &row);
        identity_write_key(&row.failure.id, &key);
        dataset_write_value(&row.failure, &value);
        partition = partition_of_key(PARTITIONER_MURMUR2, buf_str(&key), n_partitions);
        while (rd_kafka_produce(topic, partition, RD_KAFKA_MSG_F_COPY, value.base, value.len,
                                key.base, key.len, NULL) != 0) {
                if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL)
                        bench_fail("%s", rd_kafka_err2str(rd_kafka_last_error()));
                rd_kafka_poll(producer, 10);
        }
}

int main(int argc, char **argv)
{
        rd_kafka_topic_t *topic;
        rd_kafka_t *producer;
        uint64_t first, count;
        int n_partitions;

        if (argc != 5)
                bench_fail("usage: bench_fill BOOTSTRAP TOPIC FIRST COUNT");
        first = number(argv[3]);
        count = number(argv[4]);
        producer = new_producer(argv[1]);
        topic = bench_kafka_topic(producer, argv[2], &n_partitions);
        for (uint64_t i = first; i < first + count; i++)
                produce(producer, topic, n_partitions, i);
        if (rd_kafka_flush(producer, FLUSH_MS) != RD_KAFKA_RESP_ERR_NO_ERROR)
                bench_fail("not everything was written");
        rd_kafka_topic_destroy(topic);
        rd_kafka_destroy(producer);
        return 0;
}
