/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "publisher_fixture.h"

static void a_batch_is_written_and_every_record_learns_its_offset(void)
{
        struct test_batch batch, second;

        publisher_start_usable();
        test_batch_run(&batch);
        CHECK_INT(batch.publish.outcome, PUBLISH_COMMITTED);
        CHECK(batch.publish.duration_us > 0);
        CHECK_INT(batch.records[1].offset, 0);
        CHECK_INT(batch.records[2].offset, 1);
        CHECK_INT(batch.records[3].offset, 0);
        test_batch_init(&second);
        second.publish.generation = test_generation();
        test_batch_submit(&second);
        test_batch_wait(&second);
        CHECK_INT(second.publish.outcome, PUBLISH_COMMITTED);
        publisher_check_log(0, "empty= empty= ");
        publisher_check_log(1, "key=pending other=(null) key=pending other=(null) ");
        publisher_stop();
}

/* Rows: what the broker says to which request, and what becomes of the batch. */
static const struct {
        const char *name;
        enum mock_request request;
        unsigned times;
        rd_kafka_resp_err_t error;
        bool in_group;
        enum publish_outcome want;
} outcomes[] = {
        { "the coordinator is busy at the end: tried again", MOCK_END_TXN, 2,
          RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS, false, PUBLISH_COMMITTED },
        { "the last transaction's markers are being written", MOCK_ADD_PARTITIONS, 2,
          RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS, false, PUBLISH_COMMITTED },
        { "a leader is elected meanwhile", MOCK_PRODUCE, 1,
          RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, false, PUBLISH_COMMITTED },
        { "a topic may not be written", MOCK_ADD_PARTITIONS, 1,
          RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, false, PUBLISH_ABORTED },
        { "a record may not be written", MOCK_PRODUCE, 1, RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP,
          false, PUBLISH_ABORTED },
        { "the group may not be read", MOCK_ADD_OFFSETS, 1,
          RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, true, PUBLISH_ABORTED },
        { "a stale generation", MOCK_TXN_OFFSET_COMMIT, 1, RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION,
          true, PUBLISH_STALE },
        { "a member that was thrown out", MOCK_TXN_OFFSET_COMMIT, 1,
          RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, true, PUBLISH_STALE },
        { "another process with our instance id in the group", MOCK_TXN_OFFSET_COMMIT, 1,
          RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, true, PUBLISH_STALE },
};

static void every_answer_of_the_broker_has_its_outcome(void)
{
        publisher_start_usable();
        for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++) {
                struct test_batch batch;

                printf("  %s\n", outcomes[i].name);
                fflush(stdout);
                mock_kafka_fail(&publisher_mock, outcomes[i].request, outcomes[i].times,
                                outcomes[i].error);
                test_batch_init(&batch);
                if (outcomes[i].in_group)
                        batch.publish.generation = test_generation();
                test_batch_submit(&batch);
                test_batch_wait(&batch);
                mock_kafka_stop_failing(&publisher_mock, outcomes[i].request);
                if (batch.publish.outcome != outcomes[i].want)
                        check_fail(__FILE__, __LINE__, outcomes[i].name, batch.publish.err.message);
                CHECK(publisher.usable_seen && publisher.readied_seen == 1);
                if (outcomes[i].want == PUBLISH_COMMITTED)
                        continue;
                CHECK_INT(batch.publish.err.code, ERR_KAFKA);
                publisher_check_goes_on();
        }
        publisher_stop();
}

static void a_record_that_is_too_large_is_named(void)
{
        static char large[6000000];
        struct test_batch batch;

        publisher_start_usable();
        test_batch_init(&batch);
        memset(large, 'x', sizeof large);
        batch.records[2].value = (struct str){ large, sizeof large };
        test_batch_submit(&batch);
        test_batch_wait(&batch);
        CHECK_INT(batch.publish.outcome, PUBLISH_REFUSED);
        CHECK_INT(batch.publish.refused, 2);
        publisher_check_goes_on();
        publisher_stop();
}

int main(void)
{
        publisher_begin();
        RUN(a_batch_is_written_and_every_record_learns_its_offset);
        RUN(every_answer_of_the_broker_has_its_outcome);
        RUN(a_record_that_is_too_large_is_named);
        publisher_end();
        return 0;
}
