/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_MOCK_BROKER_H
#define TESTS_MOCK_BROKER_H

#include <stdbool.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <uv.h>

#include "../../src/kafka/kafka_trouble.h"
#include "check.h"

/*
 * One broker in this process, with the topics `failures` and `replication`, and what a part of the
 * Kafka layer needs around it: settings, a loop, a place for troubles. One at a time.
 */
struct mock_broker {
        rd_kafka_t *host;
        rd_kafka_mock_cluster_t *cluster;
        struct kafka_property properties[2];
        struct kafka_settings settings;
        struct metrics *metrics;
        struct kafka_trouble trouble;
        uv_loop_t loop;
};

/* Keys of Kafka's protocol. */
enum mock_request {
        MOCK_PRODUCE = 0,
        MOCK_LIST_OFFSETS = 2,
        MOCK_SYNC_GROUP = 14,
        MOCK_TXN_OFFSET_COMMIT = 28,
};

void mock_broker_init(struct mock_broker *k, int failure_partitions);
void mock_broker_deinit(struct mock_broker *k);

/* The next requests of this kind are answered so: n codes, RD_KAFKA_RESP_ERR_NO_ERROR is none. */
void mock_broker_answer_all(struct mock_broker *k, enum mock_request request,
                            const rd_kafka_resp_err_t *codes, size_t n);
#define mock_broker_answer(k, request, n, ...) \
        mock_broker_answer_all(k, request, (const rd_kafka_resp_err_t[]){ __VA_ARGS__ }, n)

/* How many requests of this kind came since; 10 are counted at most. */
void mock_broker_count(struct mock_broker *k, enum mock_request request);
size_t mock_broker_counted(struct mock_broker *k, enum mock_request request);

/* The next request of this kind is answered so much later. */
void mock_broker_hold(struct mock_broker *k, enum mock_request request, int ms);
bool mock_broker_holds(struct mock_broker *k, enum mock_request request); /* it came */

void mock_broker_set_leader(struct mock_broker *k, int partition, bool has_one);
int64_t mock_broker_end(struct mock_broker *k, const char *topic, int partition);

/* n records into one partition of the failure log: keys "key-<i>", values "value-<i>", from first
 * on. Returns the offset of the first. */
int64_t mock_broker_write(struct mock_broker *k, int partition, int first, int n);

/* Turns of the loop until it is so; the test's time limit ends a wait without an end. */
#define MOCK_BROKER_WAIT(k, condition)                   \
        do {                                             \
                while (!(condition))                     \
                        uv_run(&(k)->loop, UV_RUN_ONCE); \
        } while (0)

#endif
