/* SPDX-License-Identifier: Apache-2.0 */
#include "../../src/kafka/kafka_aux.h"
#include "fake_member.h"
#include "mock_broker.h"

static struct mock_broker kafka;
static struct kafka_aux aux;
static bool closed;

static void on_topics(void *data)
{
        (void)data;
}

static void on_closed(void *data)
{
        (void)data;
        closed = true;
}

static void begin(int partitions)
{
        struct error err;

        fake_member_clear();
        closed = false;
        mock_broker_init(&kafka, partitions);
        CHECK_INT(kafka_aux_init(&aux, &kafka.settings, NULL, &kafka.trouble, &err), 0);
        aux.on_topics = on_topics;
        kafka_aux_start(&aux, &kafka.loop, NULL);
}

static void end(void)
{
        kafka_aux_close(&aux, on_closed, NULL);
        MOCK_BROKER_WAIT(&kafka, closed);
        kafka_aux_deinit(&aux);
        mock_broker_deinit(&kafka);
}

/* The first n partitions. */
static void ask_watermarks(int n)
{
        fake_member.n_watermarks = 0;
        for (int p = 0; p < n; p++) {
                fake_member.watermarks[p] = -2;
                kafka_aux_query_watermark(&aux, p);
        }
        MOCK_BROKER_WAIT(&kafka, fake_member.n_watermarks == n);
}

static void watermarks_are_the_ends_of_the_partitions(void)
{
        begin(3);
        mock_broker_write(&kafka, 1, 0, 5);
        ask_watermarks(3);
        CHECK_INT(fake_member.watermarks[0], 0);
        CHECK_INT(fake_member.watermarks[1], 5);
        CHECK_INT(fake_member.watermarks[2], 0);
        end();
}

static void a_partition_without_a_leader_does_not_keep_the_watermarks_of_others(void)
{
        begin(3);
        mock_broker_set_leader(&kafka, 0, false);
        ask_watermarks(3);
        CHECK_INT(fake_member.watermarks[0], -1);
        CHECK_INT(fake_member.watermarks[1], 0);
        CHECK_INT(fake_member.watermarks[2], 0);
        end();
}

static bool has_seen_leader(bool has_one)
{
        return aux.topics[PUBLISH_FAILURES].view.n_partitions > 0 && !aux.topics_running &&
               (aux.topics[PUBLISH_FAILURES].view.partitions[0].leader >= 0) == has_one;
}

/* It is looked at every second, and not every ten. */
static void a_partition_that_has_a_leader_again_has_a_watermark_soon(void)
{
        begin(1);
        MOCK_BROKER_WAIT(&kafka, has_seen_leader(true));
        mock_broker_set_leader(&kafka, 0, false);
        kafka_aux_look_soon(&aux);
        MOCK_BROKER_WAIT(&kafka, has_seen_leader(false));
        CHECK(uv_timer_get_due_in(&aux.refresh) <= 1000);
        ask_watermarks(1);
        CHECK_INT(fake_member.watermarks[0], -1);
        mock_broker_set_leader(&kafka, 0, true);
        MOCK_BROKER_WAIT(&kafka, has_seen_leader(true));
        CHECK(uv_timer_get_due_in(&aux.refresh) > 1000);
        ask_watermarks(1);
        CHECK_INT(fake_member.watermarks[0], 0);
        end();
}

/* The answer to the question about all of them fails as a whole. */
static void a_refusal_of_one_question_about_many_is_a_question_about_each(void)
{
        begin(3);
        ask_watermarks(3);
        mock_broker_answer(&kafka, MOCK_LIST_OFFSETS, 2, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                           RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
        ask_watermarks(3);
        CHECK_INT(fake_member.watermarks[0], -1);
        CHECK_INT(fake_member.watermarks[1], 0);
        CHECK_INT(fake_member.watermarks[2], 0);
        end();
}

int main(void)
{
        RUN(watermarks_are_the_ends_of_the_partitions);
        RUN(a_partition_without_a_leader_does_not_keep_the_watermarks_of_others);
        RUN(a_partition_that_has_a_leader_again_has_a_watermark_soon);
        RUN(a_refusal_of_one_question_about_many_is_a_question_about_each);
        return 0;
}
