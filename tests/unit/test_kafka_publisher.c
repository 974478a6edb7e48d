/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "publisher_fixture.h"

static void nothing_begins_before_the_topics_are_known(void)
{
        struct test_batch batch;

        publisher_start();
        test_batch_init(&batch);
        test_batch_submit(&batch);
        for (int i = 0; i < 20; i++)
                uv_run(&publisher_loop, UV_RUN_NOWAIT);
        CHECK(!publisher.usable_seen && !batch.done);
        kafka_publisher_on_topics(&publisher, (int64_t[PUBLISH_TOPICS]){ 0 });
        test_batch_wait(&batch);
        CHECK_INT(batch.publish.outcome, PUBLISH_COMMITTED);
        CHECK(publisher.usable_seen);
        publisher_stop();
}

static void batches_are_done_in_their_order(void)
{
        struct test_batch batches[5];

        publisher_start_usable();
        for (size_t i = 0; i < 5; i++) {
                test_batch_init(&batches[i]);
                test_batch_submit(&batches[i]);
        }
        for (size_t i = 5; i-- > 0;)
                test_batch_wait(&batches[i]);
        for (size_t i = 0; i < 5; i++) {
                CHECK_INT(batches[i].publish.outcome, PUBLISH_COMMITTED);
                if (i > 0)
                        CHECK(batches[i].records[3].offset > batches[i - 1].records[3].offset);
        }
        publisher_stop();
}

static void when_it_closes_what_was_not_begun_is_given_back(void)
{
        struct test_batch batches[3];

        publisher_start(); /* the topics are not known: none begins */
        for (size_t i = 0; i < 3; i++) {
                test_batch_init(&batches[i]);
                test_batch_submit(&batches[i]);
        }
        publisher_close();
        for (size_t i = 0; i < 3; i++) {
                CHECK(batches[i].done);
                CHECK_INT(batches[i].publish.outcome, PUBLISH_CLOSED);
                CHECK_INT(batches[i].publish.err.code, ERR_UNAVAILABLE);
        }
        publisher_stop();
}

static bool is_taken(const struct test_batch *batch)
{
        bool taken;

        uv_mutex_lock(&publisher.mutex);
        taken = publisher.waiting != &batch->publish;
        uv_mutex_unlock(&publisher.mutex);
        return taken;
}

static void the_batch_under_way_ends_first(void)
{
        struct test_batch running, waiting;

        publisher_start_usable();
        mock_kafka_fail(&publisher_mock, MOCK_END_TXN, 2,
                        RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS);
        test_batch_init(&running);
        test_batch_init(&waiting);
        test_batch_submit(&running);
        while (!is_taken(&running))
                uv_sleep(1);
        test_batch_submit(&waiting);
        publisher_close();
        CHECK(running.done && waiting.done);
        CHECK_INT(running.publish.outcome, PUBLISH_COMMITTED);
        CHECK_INT(waiting.publish.outcome, PUBLISH_CLOSED);
        publisher_stop();
}

static void it_ends_without_a_batch_too(void)
{
        publisher_start();
        publisher_stop();
}

int main(void)
{
        publisher_begin();
        RUN(nothing_begins_before_the_topics_are_known);
        RUN(batches_are_done_in_their_order);
        RUN(when_it_closes_what_was_not_begun_is_given_back);
        RUN(the_batch_under_way_ends_first);
        RUN(it_ends_without_a_batch_too);
        publisher_end();
        return 0;
}
