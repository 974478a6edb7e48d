/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "crr/base/log.h"
#include "publisher_fixture.h"

/* Rows: what fences it, when, and what becomes of the batch. */
static const struct {
        const char *name;
        enum mock_request request;
        rd_kafka_resp_err_t error;
        bool in_group;
        enum publish_outcome want;
} losses[] = {
        { "before anything was written", MOCK_ADD_OFFSETS, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH,
          true, PUBLISH_ABORTED },
        { "at the end", MOCK_END_TXN, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, false,
          PUBLISH_UNKNOWN },
        { "at the end, by another process", MOCK_END_TXN, RD_KAFKA_RESP_ERR_PRODUCER_FENCED, false,
          PUBLISH_UNKNOWN },
        { "our transactional id is not ours any more", MOCK_END_TXN,
          RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, false, PUBLISH_UNKNOWN },
};

static void a_producer_that_is_lost_is_made_anew_at_once(void)
{
        for (size_t i = 0; i < sizeof losses / sizeof *losses; i++) {
                struct test_batch batch;

                printf("  %s\n", losses[i].name);
                fflush(stdout);
                publisher_start_usable();
                mock_kafka_fail(&publisher_mock, losses[i].request, 1, losses[i].error);
                test_batch_init(&batch);
                if (losses[i].in_group)
                        batch.publish.generation = test_generation();
                test_batch_submit(&batch);
                test_batch_wait(&batch);
                if (batch.publish.outcome != losses[i].want)
                        check_fail(__FILE__, __LINE__, losses[i].name, batch.publish.err.message);
                CHECK_INT(batch.publish.err.code, ERR_KAFKA);
                publisher_wait_usable(2);
                publisher_check_goes_on();
                publisher_stop();
        }
}

/* What a lost batch left hanging in a partition is ended before anything else is written there. */
static void after_an_unknown_outcome_every_partition_is_cleared(void)
{
        struct test_batch batch;

        publisher_start_usable();
        mock_kafka_fail(&publisher_mock, MOCK_END_TXN, 1, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH);
        test_batch_run(&batch);
        CHECK_INT(batch.publish.outcome, PUBLISH_UNKNOWN);
        publisher_wait_usable(2);
        publisher_check_log(0, "empty= crr-retryd-aborted=(null) ");
        publisher_check_log(1, "key=pending other=(null) crr-retryd-aborted=(null) ");
        publisher_check_log(MOCK_PARTITIONS - 1, "crr-retryd-aborted=(null) ");
        publisher_stop();
}

static struct buf said;

static void keep_line(void *data, struct str line)
{
        (void)data;
        buf_append_str(&said, line);
}

static void fence(void)
{
        struct test_batch batch;

        test_batch_init(&batch);
        batch.publish.generation = test_generation();
        mock_kafka_fail(&publisher_mock, MOCK_ADD_OFFSETS, 1,
                        RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH);
        test_batch_submit(&batch);
        test_batch_wait(&batch);
        CHECK_INT(batch.publish.outcome, PUBLISH_ABORTED);
}

static bool has_said(const char *text)
{
        return memmem(said.base, said.len, text, strlen(text)) != NULL;
}

static void fenced_again_it_waits_and_can_be_stopped_meanwhile(void)
{
        buf_init(&said, SIZE_MAX);
        log_sink(keep_line, NULL);
        log_configure(LOG_LEVEL_WARN, LOG_FORMAT_LOGFMT);
        publisher_start_usable();
        fence();
        publisher_wait_usable(2);
        CHECK(has_said("event=producer_fenced transactional_id=crr-retryd-group-test wait_ms=0 "));
        fence();
        while (!has_said("wait_ms=10000"))
                uv_run(&publisher_loop, UV_RUN_ONCE);
        CHECK(!publisher.usable_seen);
        publisher_stop();
        log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
        log_sink(NULL, NULL);
        buf_deinit(&said);
}

int main(void)
{
        publisher_begin();
        RUN(a_producer_that_is_lost_is_made_anew_at_once);
        RUN(after_an_unknown_outcome_every_partition_is_cleared);
        RUN(fenced_again_it_waits_and_can_be_stopped_meanwhile);
        publisher_end();
        return 0;
}
