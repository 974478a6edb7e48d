/* SPDX-License-Identifier: Apache-2.0 */
/* In which order the records of several partitions are taken. The test's time is its own. */
#include "check.h"
#include "crr/base/log.h"
#include "kafka_lanes.h"
#include "mock_kafka.h"

#define ASSIGNED_MS 1000
#define BEGUN_MS    (ASSIGNED_MS + INT64_C(100) * LANES_WAIT_MS)

static struct mock_kafka mock;
static char topic[32];
static const char *const topics[] = { topic };
static rd_kafka_t *consumer;
static struct kafka_lanes lanes;

static void begin(void)
{
        static unsigned tests;
        struct error err;

        mock_kafka_next_test(&mock);
        snprintf(topic, sizeof topic, "foreign-%u", ++tests);
        consumer =
                kafka_handle_new(kafka_conf_new(&mock.settings, KAFKA_INTAKE, mock.bootstrap, &err),
                                 KAFKA_INTAKE, &err);
        CHECK(consumer != NULL);
        rd_kafka_poll_set_consumer(consumer);
        kafka_lanes_init(&lanes, topics, 1);
}

static void produce(int partition, int64_t timestamp_ms)
{
        mock_kafka_produce(&mock, topic, partition, NULL, "value", timestamp_ms, NULL);
}

/* The first two partitions are lanes; of them the first `n_begun` are fetched. */
static void assign(int n_begun)
{
        rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(2);

        for (int p = 0; p < 2; p++)
                rd_kafka_topic_partition_list_add(list, topic, p)->offset = 0;
        kafka_lanes_assign(&lanes, consumer, list, ASSIGNED_MS);
        list->cnt = n_begun;
        CHECK(rd_kafka_assign(consumer, list) == RD_KAFKA_RESP_ERR_NO_ERROR);
        list->cnt = 2;
        rd_kafka_topic_partition_list_destroy(list);
}

static void serve(int64_t now_ms)
{
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, 5);

        if (message == NULL)
                kafka_lanes_on_empty(&lanes);
        else
                CHECK(kafka_lanes_put(&lanes, message, now_ms));
}

/* The partition of the next record; -1: it has to wait. */
static int next(int64_t now_ms)
{
        struct kafka_lane *lane;
        rd_kafka_message_t *message = kafka_lanes_next(&lanes, now_ms, &lane);
        int partition = message != NULL ? lane->partition : -1;

        if (message != NULL)
                rd_kafka_message_destroy(message);
        return partition;
}

static void end(void)
{
        kafka_lanes_clear(&lanes);
        rd_kafka_consumer_close(consumer);
        rd_kafka_destroy(consumer);
}

static int next_there_is(void)
{
        int partition;

        while ((partition = next(ASSIGNED_MS)) < 0)
                serve(ASSIGNED_MS);
        return partition;
}

static void records_come_in_the_order_of_their_times(void)
{
        static const int order[] = { 1, 0, 0, 1, 0, 1, 1 };
        const size_t n = sizeof order / sizeof *order;

        begin();
        for (size_t i = 0; i < n; i++)
                produce(order[i], 1000 + (int64_t)i);
        assign(2);
        for (size_t i = 0; i < n; i++)
                CHECK_INT(next_there_is(), order[i]);
        end();
}

static void a_silent_partition_is_waited_for_from_when_another_has_begun(void)
{
        begin();
        produce(0, 1000);
        assign(1);
        while (lanes.lanes[0].n == 0) {
                CHECK_INT(next(BEGUN_MS), -1);
                serve(BEGUN_MS);
        }
        CHECK_INT(next(BEGUN_MS + LANES_WAIT_MS - 1), -1);
        CHECK_INT(next(BEGUN_MS + LANES_WAIT_MS), 0);
        end();
}

int main(void)
{
        log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
        mock_kafka_init(&mock);
        RUN(records_come_in_the_order_of_their_times);
        RUN(a_silent_partition_is_waited_for_from_when_another_has_begun);
        mock_kafka_deinit(&mock);
        return 0;
}
