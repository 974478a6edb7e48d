/* SPDX-License-Identifier: Apache-2.0 */
/* The transactional producer on its thread, and what it tells of batches that did not go well. */
#include "../../src/kafka/kafka_publisher.h"
#include "fake_member.h"
#include "mock_broker.h"

#define MAX_RECORDS 8

static struct mock_broker kafka;
static struct kafka_publisher publisher;
static bool closed;
static int anybody; /* the fake member is told, whichever it is */

static void on_closed(void *data)
{
        (void)data;
        closed = true;
}

static void begin(void)
{
        fake_member_clear();
        closed = false;
        mock_broker_init(&kafka, 2);
        kafka_publisher_init(&publisher, &kafka.settings, NULL, &kafka.trouble);
        kafka_publisher_start(&publisher, &kafka.loop, (struct member *)&anybody);
        kafka_publisher_on_topics(&publisher, (int64_t[PUBLISH_TOPICS]){ 0 });
        MOCK_BROKER_WAIT(&kafka, fake_member.readied == 1);
}

static void end(void)
{
        kafka_publisher_close(&publisher, on_closed, NULL);
        MOCK_BROKER_WAIT(&kafka, closed);
        kafka_publisher_deinit(&publisher);
        mock_broker_deinit(&kafka);
}

struct
try {
        struct publish_batch batch;
        struct publish_record records[MAX_RECORDS];
        bool done;
};

static void on_done(struct publish_batch *batch)
{
        struct try *t = batch->data;

        t->done = true;
}

/* n records into the first partitions of the failure log in turn, in one transaction. */
static enum publish_outcome publish(struct try *t, size_t n, int partitions)
{
        static const char value[100] = "v";

        *t = (struct try){ .batch = { .data = t, .n_records = n, .done = on_done } };
        t->batch.records = t->records;
        for (size_t i = 0; i < n; i++)
                t->records[i] = (struct publish_record){
                        .topic = PUBLISH_FAILURES,
                        .partition = (int)i % partitions,
                        .key = STR("k"),
                        .value = { value, sizeof value },
                        .timestamp_ms = TIME_UNKNOWN,
                };
        publisher.port.submit(&publisher.port, &t->batch);
        MOCK_BROKER_WAIT(&kafka, t->done);
        return t->batch.outcome;
}

static void a_record_is_where_the_publisher_says(void)
{
        struct try t;

        begin();
        CHECK_INT(publish(&t, 2, 1), PUBLISH_COMMITTED);
        CHECK_INT(t.records[0].offset, 0);
        CHECK_INT(t.records[1].offset, 1);
        end();
}

/* The broker had them already (the request was repeated after a failover), and does not say where.
 */
static void the_offset_of_a_repeated_record_is_not_made_up(void)
{
        struct try t;

        begin();
        CHECK_INT(publish(&t, 1, 1), PUBLISH_COMMITTED);
        mock_broker_answer(&kafka, MOCK_PRODUCE, 1, RD_KAFKA_RESP_ERR_DUPLICATE_SEQUENCE_NUMBER);
        CHECK_INT(publish(&t, 4, 1), PUBLISH_COMMITTED);
        for (int i = 0; i < 4; i++)
                CHECK_INT(t.records[i].offset, PUBLISH_OFFSET_UNKNOWN);
        end();
}

static void a_repeated_set_hides_no_offsets_of_another_partition(void)
{
        size_t unknown = 0;
        struct try t;

        begin();
        mock_broker_answer(&kafka, MOCK_PRODUCE, 1, RD_KAFKA_RESP_ERR_DUPLICATE_SEQUENCE_NUMBER);
        CHECK_INT(publish(&t, 8, 2), PUBLISH_COMMITTED);
        for (int i = 0; i < 8; i++)
                unknown += t.records[i].offset == PUBLISH_OFFSET_UNKNOWN;
        CHECK_INT(unknown, 4);
        for (int i = 0; i < 8; i++)
                CHECK(t.records[i].offset == PUBLISH_OFFSET_UNKNOWN ||
                      t.records[i].offset == i / 2);
        end();
}

static void a_record_that_was_refused_alone_is_named(void)
{
        struct try t;

        begin();
        mock_broker_answer(&kafka, MOCK_PRODUCE, 1, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
        CHECK_INT(publish(&t, 1, 1), PUBLISH_REFUSED);
        CHECK_INT(t.batch.refused, 0);
        CHECK_INT(fake_member.readied, 1);
        end();
}

/* Of a set that is refused nobody knows for which record: it is sent in smaller ones, and alone in
 * the end. */
static void of_a_refused_set_no_record_is_named_before_each_was_alone(void)
{
        struct try t;

        begin();
        for (int times = 1; times <= 2; times++) {
                mock_broker_answer(&kafka, MOCK_PRODUCE, 1, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
                CHECK_INT(publish(&t, 3, 1), PUBLISH_ABORTED);
                MOCK_BROKER_WAIT(&kafka, fake_member.readied == 1 + times);
        }
        mock_broker_answer(&kafka, MOCK_PRODUCE, 2, RD_KAFKA_RESP_ERR_NO_ERROR,
                           RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
        CHECK_INT(publish(&t, 3, 1), PUBLISH_REFUSED);
        CHECK_INT(t.batch.refused, 1);
        CHECK_INT(publish(&t, 3, 1), PUBLISH_COMMITTED);
        CHECK_INT(fake_member.readied, 3);
        end();
}

/* A set of all records of a transaction would be larger than the topics take; a record may be as
 * large as its own topic takes. */
static void sets_are_as_large_as_the_topics_take(void)
{
        static const int64_t most_bytes[PUBLISH_TOPICS] = {
                [PUBLISH_REPLICATION] = 1000, [PUBLISH_FAILURES] = 600
        };
        struct try t;

        fake_member_clear();
        closed = false;
        mock_broker_init(&kafka, 2);
        kafka_publisher_init(&publisher, &kafka.settings, NULL, &kafka.trouble);
        kafka_publisher_start(&publisher, &kafka.loop, (struct member *)&anybody);
        kafka_publisher_on_topics(&publisher, most_bytes);
        MOCK_BROKER_WAIT(&kafka, fake_member.readied == 1);
        CHECK_INT(publisher.port.max_record_bytes[PUBLISH_FAILURES], 400);
        CHECK_INT(publisher.port.max_record_bytes[PUBLISH_REPLICATION], 800);
        CHECK_INT(publisher.port.max_record_bytes[PUBLISH_STATUS], 5000020 - 200);
        mock_broker_count(&kafka, MOCK_PRODUCE);
        CHECK_INT(publish(&t, MAX_RECORDS, 1), PUBLISH_COMMITTED);
        CHECK(mock_broker_counted(&kafka, MOCK_PRODUCE) > 1);
        end();
}

int main(void)
{
        RUN(a_record_is_where_the_publisher_says);
        RUN(the_offset_of_a_repeated_record_is_not_made_up);
        RUN(a_repeated_set_hides_no_offsets_of_another_partition);
        RUN(a_record_that_was_refused_alone_is_named);
        RUN(of_a_refused_set_no_record_is_named_before_each_was_alone);
        RUN(sets_are_as_large_as_the_topics_take);
        return 0;
}
