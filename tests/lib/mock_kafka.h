/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_MOCK_KAFKA_H
#define TESTS_MOCK_KAFKA_H

#include <stdbool.h>
#include <stdint.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "kafka_conf.h"

/*
 * librdkafka's in-process cluster of one broker, with errors to order: what a real broker says
 * seldom, this one says when it is asked. What it does not do (read_committed, fencing, groups) is
 * shown on a real broker only. Everything here blocks for milliseconds and aborts when it fails.
 *
 * One cluster serves all tests of a program, each with topics of its own, which are made when they
 * are first written to and have MOCK_PARTITIONS partitions. It is left to the end of the process:
 * to make a topic by a call, or to end the cluster, takes up to a second in librdkafka 2.0, whose
 * thread is not always woken.
 */
#define MOCK_PARTITIONS 4

enum mock_request {
        MOCK_PRODUCE = 0,
        MOCK_FETCH = 1,
        MOCK_METADATA = 3,
        MOCK_INIT_PRODUCER_ID = 22,
        MOCK_ADD_PARTITIONS = 24,
        MOCK_ADD_OFFSETS = 25,
        MOCK_END_TXN = 26,
        MOCK_TXN_OFFSET_COMMIT = 28,
};

struct mock_kafka {
        rd_kafka_t *host; /* the cluster lives in a handle */
        rd_kafka_mock_cluster_t *cluster;
        const char *bootstrap;
        rd_kafka_t *producer;           /* made when the first record is */
        char warm[64];                  /* the topic that it knows */
        struct kafka_property property; /* bootstrap.servers */
        unsigned tests;
        char failures[32], replication[32]; /* the topics of this test */
        struct kafka_settings settings;     /* of a daemon on this cluster; not embedded */
};

void mock_kafka_init(struct mock_kafka *m);
void mock_kafka_next_test(struct mock_kafka *m); /* other topics, no errors on order */
void mock_kafka_deinit(struct mock_kafka *m);    /* but for the cluster */

/* The next n requests of this kind are answered so. */
void mock_kafka_fail(struct mock_kafka *m, enum mock_request request, unsigned n,
                     rd_kafka_resp_err_t error);
void mock_kafka_stop_failing(struct mock_kafka *m, enum mock_request request);

/* key and value may be NULL; headers: name, value, ..., NULL; or NULL. Returns the offset. */
int64_t mock_kafka_produce(struct mock_kafka *m, const char *topic, int partition, const char *key,
                           const char *value, int64_t timestamp_ms, const char *const *headers);

/* Records without keys, in one set: who has read one of them has them all. */
void mock_kafka_produce_set(struct mock_kafka *m, const char *topic, int partition,
                            const char *const *values, size_t n, int64_t timestamp_ms);

/* Every record from the beginning to the end. */
void mock_kafka_read(struct mock_kafka *m, const char *topic, int partition,
                     void (*record)(void *data, rd_kafka_message_t *message), void *data);

#endif
