/* SPDX-License-Identifier: Apache-2.0 */
/* All of the Kafka layer, on a broker in this process. */
#include "crr/base/limits.h"
#include "crr/kafka/kafka.h"
#include "fake_member.h"
#include "mock_broker.h"

static struct mock_broker mock;
static struct kafka *kafka;
static bool closed;
static int fatal;
static struct error fatal_error;

static void on_fatal(void *data, const struct error *err)
{
        (void)data;
        fatal++;
        fatal_error = *err;
}

static void on_closed(void *data)
{
        (void)data;
        closed = true;
}

static rd_kafka_resp_err_t mock_refuses; /* to tell of the failure log */

static void begin(int partitions)
{
        struct kafka_callbacks callbacks = { NULL, on_fatal };
        struct error err;

        fake_member_clear();
        closed = false;
        fatal = 0;
        mock_broker_init(&mock, partitions);
        if (mock_refuses != RD_KAFKA_RESP_ERR_NO_ERROR)
                rd_kafka_mock_topic_set_error(mock.cluster, "failures", mock_refuses);
        kafka = kafka_new(&mock.loop, &mock.settings, &callbacks, mock.metrics, &err);
        CHECK(kafka != NULL);
        kafka_start(kafka, NULL);
}

static void end(void)
{
        kafka_close(kafka, on_closed, NULL);
        MOCK_BROKER_WAIT(&mock, closed);
        kafka_free(kafka);
        mock_broker_deinit(&mock);
}

static void a_log_with_as_many_partitions_as_markers_count_is_refused(void)
{
        begin(LIMIT_PARTITIONS);
        MOCK_BROKER_WAIT(&mock, fatal > 0);
        CHECK_INT(fatal_error.code, ERR_BAD_CONFIG);
        CHECK(strstr(fatal_error.message, "has 1024 partitions; it must have fewer than 1024") !=
              NULL);
        CHECK_INT(fake_member.n_partitions, 0);
        end();
}

static void a_log_with_one_partition_less_is_taken(void)
{
        begin(LIMIT_PARTITIONS - 1);
        MOCK_BROKER_WAIT(&mock, fake_member.n_partitions > 0);
        CHECK_INT(fake_member.n_partitions, LIMIT_PARTITIONS - 1);
        CHECK_INT(fatal, 0);
        end();
}

/* Its description is kept from us by the cluster's rules for users. */
static void a_topic_that_we_may_not_see_is_told_as_that(void)
{
        struct kafka_status status;

        mock_refuses = RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
        begin(1);
        do {
                uv_run(&mock.loop, UV_RUN_ONCE);
                kafka_status(kafka, &status);
        } while (strstr(status.detail, "authorization") == NULL);
        mock_refuses = RD_KAFKA_RESP_ERR_NO_ERROR;
        CHECK_STR(status.waiting_for, "topic failures");
        CHECK_STR(status.detail, "the topic failures: Broker: Topic authorization failed; it needs "
                                 "READ, WRITE and DESCRIBE");
        end();
}

int main(void)
{
        RUN(a_log_with_as_many_partitions_as_markers_count_is_refused);
        RUN(a_log_with_one_partition_less_is_taken);
        RUN(a_topic_that_we_may_not_see_is_told_as_that);
        return 0;
}
