/* SPDX-License-Identifier: Apache-2.0 */
/* The producer's own life: what it ends before it can be used, and when it is given up. */
#include "../../src/kafka/kafka_publisher.h"
#include "fake_member.h"
#include "mock_broker.h"

#define LONG_AGO_MS 700000

static struct mock_broker kafka;
static struct kafka_publisher publisher;

static void on_wake(uv_async_t *handle)
{
        (void)handle;
}

/* Its calls are made here, without its thread. */
static void begin_on(struct mock_broker *k)
{
        kafka_publisher_init(&publisher, &k->settings, NULL, &k->trouble);
        uv_async_init(&k->loop, &publisher.wake, on_wake);
        kafka_publisher_on_topics(&publisher, (int64_t[PUBLISH_TOPICS]){ 0 });
}

static void begin(void)
{
        mock_broker_init(&kafka, 2);
        begin_on(&kafka);
}

static void end(void)
{
        kafka_producer_destroy(&publisher);
        uv_close((uv_handle_t *)&publisher.wake, NULL);
        kafka_publisher_deinit(&publisher);
        mock_broker_deinit(&kafka);
}

/* After an unknown outcome, as core/publisher.h says. */
static bool ensure_cleared(void)
{
        publisher.clear_first = true;
        kafka_producer_ensure(&publisher);
        CHECK(publisher.usable == !publisher.clear_first);
        CHECK(publisher.usable == (publisher.producer != NULL));
        return publisher.usable;
}

static void every_partition_is_cleared(void)
{
        begin();
        CHECK(ensure_cleared());
        CHECK_INT(mock_broker_end(&kafka, "failures", 0), 1);
        CHECK_INT(mock_broker_end(&kafka, "failures", 1), 1);
        CHECK_INT(mock_broker_end(&kafka, "replication", 0), 1);
        end();
}

static void the_status_topic_is_cleared_too_if_there_is_one(void)
{
        mock_broker_init(&kafka, 2);
        rd_kafka_mock_topic_create(kafka.cluster, "status", 3, 1);
        kafka.settings.status_topic = "status";
        begin_on(&kafka);
        CHECK(ensure_cleared());
        CHECK_INT(mock_broker_end(&kafka, "replication", 0), 1);
        CHECK_INT(mock_broker_end(&kafka, "failures", 1), 1);
        CHECK_INT(mock_broker_end(&kafka, "status", 0), 1);
        CHECK_INT(mock_broker_end(&kafka, "status", 2), 1);
        end();
}

/* Not with TOPIC_AUTHORIZATION_FAILED: a mock cluster tells of partitions beside it, as no broker
 * does, and librdkafka reads beyond them. */
static void a_producer_that_could_not_ask_what_to_clear_is_not_usable(void)
{
        begin();
        rd_kafka_mock_topic_set_error(kafka.cluster, "replication",
                                      RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
        CHECK(!ensure_cleared());
        rd_kafka_mock_topic_set_error(kafka.cluster, "replication", RD_KAFKA_RESP_ERR_NO_ERROR);
        CHECK(ensure_cleared());
        CHECK_INT(mock_broker_end(&kafka, "replication", 0), 1);
        end();
}

/* The last write of the three: nothing comes after it that would tell. */
static void a_producer_that_could_not_clear_everything_is_not_usable(void)
{
        begin();
        mock_broker_answer(&kafka, MOCK_PRODUCE, 3, RD_KAFKA_RESP_ERR_NO_ERROR,
                           RD_KAFKA_RESP_ERR_NO_ERROR,
                           RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
        CHECK(!ensure_cleared());
        CHECK(ensure_cleared());
        end();
}

/* What may hang in the group's offsets is ended before anything else. */
static void a_producer_that_could_not_send_its_first_offset_is_not_usable(void)
{
        begin();
        mock_broker_answer(&kafka, MOCK_TXN_OFFSET_COMMIT, 1,
                           RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED);
        kafka_producer_ensure(&publisher);
        CHECK(!publisher.usable);
        CHECK(publisher.producer == NULL);
        kafka_producer_ensure(&publisher);
        CHECK(publisher.usable);
        end();
}

static void fence(void)
{
        publisher.began_ms = (int64_t)(uv_hrtime() / 1000000); /* no outage explains it */
        kafka_publisher_lose(&publisher, RD_KAFKA_RESP_ERR__FENCED);
}

static void four_fencings_in_a_row_end_the_process(void)
{
        begin();
        publisher.ready_ms = (int64_t)(uv_hrtime() / 1000000);
        for (int i = 0; i < 3; i++)
                fence();
        CHECK(!publisher.fatal);
        fence();
        CHECK(publisher.fatal);
        end();
}

static void fencings_that_lie_far_apart_end_nothing(void)
{
        begin();
        for (int i = 0; i < 10; i++) {
                publisher.ready_ms = (int64_t)(uv_hrtime() / 1000000) - LONG_AGO_MS;
                fence();
        }
        CHECK(!publisher.fatal);
        CHECK_INT(publisher.fencings, 1);
        end();
}

int main(void)
{
        RUN(every_partition_is_cleared);
        RUN(the_status_topic_is_cleared_too_if_there_is_one);
        RUN(a_producer_that_could_not_ask_what_to_clear_is_not_usable);
        RUN(a_producer_that_could_not_clear_everything_is_not_usable);
        RUN(a_producer_that_could_not_send_its_first_offset_is_not_usable);
        RUN(four_fencings_in_a_row_end_the_process);
        RUN(fencings_that_lie_far_apart_end_nothing);
        return 0;
}
