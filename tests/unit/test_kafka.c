/* SPDX-License-Identifier: Apache-2.0 */
/* All of the Kafka layer, on a broker in this process. */
#include <stdio.h>
#include <unistd.h>

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

static void begin_on_mock(void)
{
        struct kafka_callbacks callbacks = { NULL, on_fatal };
        struct error err;

        fake_member_clear();
        closed = false;
        fatal = 0;
        kafka = kafka_new(&mock.loop, &mock.settings, &callbacks, mock.metrics, &err);
        CHECK(kafka != NULL);
        kafka_start(kafka, NULL);
}

static void begin(int partitions)
{
        mock_broker_init(&mock, partitions);
        begin_on_mock();
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

static bool waits_for(const char *what)
{
        struct kafka_status status;

        kafka_status(kafka, &status);
        return status.waiting_for != NULL && strcmp(status.waiting_for, what) == 0;
}

static bool producer_is_ready(void)
{
        struct kafka_status status;

        kafka_status(kafka, &status);
        return status.producer_ready;
}

static void a_status_topic_that_is_missing_is_waited_for(void)
{
        mock_broker_init(&mock, 1);
        rd_kafka_mock_topic_set_error(mock.cluster, "status",
                                      RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
        mock.settings.status_topic = "status";
        begin_on_mock();
        MOCK_BROKER_WAIT(&mock, waits_for("topic status"));
        CHECK_INT(fake_member.n_partitions, 1);
        CHECK(!producer_is_ready());
        rd_kafka_mock_topic_set_error(mock.cluster, "status", RD_KAFKA_RESP_ERR_NO_ERROR);
        MOCK_BROKER_WAIT(&mock, producer_is_ready());
        CHECK(!waits_for("topic status"));
        end();
}

/* librdkafka before 2.3 aborts when a handle ends that has joined a group and has no assignment
 * yet. Nothing is freed then: so this is the last of these tests. */
static void it_can_end_while_the_group_shares_out_its_partitions_for_the_first_time(void)
{
        mock_broker_init(&mock, 1);
        mock_broker_hold(&mock, MOCK_SYNC_GROUP, 60000);
        begin_on_mock();
        MOCK_BROKER_WAIT(&mock, mock_broker_holds(&mock, MOCK_SYNC_GROUP));
        kafka_close(kafka, on_closed, NULL);
        MOCK_BROKER_WAIT(&mock, closed);
        CHECK_INT(kafka_stuck(kafka) != NULL, rd_kafka_version() < 0x02030000);
}

int main(void)
{
        RUN(a_log_with_as_many_partitions_as_markers_count_is_refused);
        RUN(a_log_with_one_partition_less_is_taken);
        RUN(a_status_topic_that_is_missing_is_waited_for);
        RUN(it_can_end_while_the_group_shares_out_its_partitions_for_the_first_time);
        fflush(stdout);
        _exit(0);
}
