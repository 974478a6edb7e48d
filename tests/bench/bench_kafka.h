/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_TESTS_BENCH_BENCH_KAFKA_H
#define CRR_TESTS_BENCH_BENCH_KAFKA_H

#include <librdkafka/rdkafka.h>

#include "kafka_conf.h"

/*
 * Kafka for the benches: handles with the very settings that the daemon's have, so that what is
 * compared differs in what is done with them.
 *
 * Errors  End the program.
 */
struct bench_kafka {
        struct kafka_property bootstrap;
        struct kafka_settings settings;
};

void bench_kafka_init(struct bench_kafka *b, const char *bootstrap, const char *group);

/* A configuration of this kind, to which the caller may add. */
rd_kafka_conf_t *bench_kafka_conf(const struct bench_kafka *b, enum kafka_handle handle);
rd_kafka_t *bench_kafka_handle(rd_kafka_conf_t *conf, enum kafka_handle handle);

/* A handle's topic, after its metadata came: its first fetch or produce does not wait for them. */
rd_kafka_topic_t *bench_kafka_topic(rd_kafka_t *handle, const char *name, int *ret_partitions);

/* End the program if there is an error; the second is a producer's delivery report. */
void bench_kafka_must(rd_kafka_error_t *error, const char *what);
void bench_kafka_on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *data);

#endif
