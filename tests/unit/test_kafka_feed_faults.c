/* SPDX-License-Identifier: Apache-2.0 */
#include "../../src/kafka/kafka_feed.h"
#include "../../src/kafka/kafka_record.h"
#include "fake_member.h"
#include "mock_broker.h"

static struct mock_broker kafka;
static struct kafka_feed feed;
static struct kafka_credentials credentials;
static struct kafka_anchors anchors;
static bool closed;
static int fatal;

static void on_fatal(void *data, const struct error *err)
{
        (void)data;
        CHECK_INT(err->code, ERR_KAFKA);
        fatal++;
}

static void on_closed(void *data)
{
        (void)data;
        closed = true;
}

static void begin(void)
{
        struct error err;

        fake_member_clear();
        closed = false;
        fatal = 0;
        mock_broker_init(&kafka, 2);
        CHECK_INT(
                kafka_feed_init(&feed, &kafka.settings, NULL, &kafka.trouble, kafka.metrics, &err),
                0);
        kafka_anchors_init(&anchors, NULL, NULL, NULL);
        feed.credentials = &credentials;
        feed.anchors = &anchors;
        feed.on_fatal = on_fatal;
        kafka_feed_start(&feed, &kafka.loop, NULL);
}

static void end(void)
{
        kafka_feed_close(&feed, on_closed, NULL);
        MOCK_BROKER_WAIT(&kafka, closed);
        kafka_feed_deinit(&feed);
        mock_broker_deinit(&kafka);
}

/* The group never gave it: what is believed to be read from its beginning would not be. */
static void an_assignment_that_cannot_be_changed_ends_the_process(void)
{
        begin();
        feed.assigned[1] = true;
        kafka_feed_resume(&feed, 1, 0);
        CHECK_INT(fatal, 1);
        end();
}

/* The group would take the change for the answer to its revocation. */
static void nothing_is_read_anew_before_what_was_revoked_is_let_go(void)
{
        begin();
        feed.assigned[1] = true;
        feed.leaving = rd_kafka_topic_partition_list_new(1);
        kafka_feed_resume(&feed, 1, 7);
        CHECK_INT(fatal, 0);
        CHECK(feed.moved[1]);
        CHECK_INT(feed.position[1], 7);
        end();
}

static void an_offset_that_no_marker_holds_is_refused(void)
{
        struct error err;

        CHECK_INT(kafka_offset_check("failures", 3, LIMIT_OFFSET - 1, &err), 0);
        CHECK_INT(kafka_offset_check("failures", 3, LIMIT_OFFSET, &err), ERR_BAD_CONFIG);
        CHECK(strstr(err.message, "8796093022208 in partition 3") != NULL);
}

int main(void)
{
        RUN(an_assignment_that_cannot_be_changed_ends_the_process);
        RUN(nothing_is_read_anew_before_what_was_revoked_is_let_go);
        RUN(an_offset_that_no_marker_holds_is_refused);
        return 0;
}
