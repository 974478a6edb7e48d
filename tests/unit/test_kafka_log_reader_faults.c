/* SPDX-License-Identifier: Apache-2.0 */
#include "../../src/kafka/kafka_log_reader.h"
#include "crr/base/time.h"
#include "fake_member.h"
#include "mock_broker.h"

#define MANY 3000

static struct mock_broker kafka;
static struct kafka_log_reader reader;
static bool closed;

static void on_closed(void *data)
{
        (void)data;
        closed = true;
}

static void begin(void)
{
        closed = false;
        mock_broker_init(&kafka, 3);
        kafka_log_reader_init(&reader, &kafka.settings, NULL, &kafka.trouble);
        kafka_log_reader_start(&reader, &kafka.loop);
}

static void end(void)
{
        kafka_log_reader_close(&reader, on_closed, NULL);
        MOCK_BROKER_WAIT(&kafka, closed);
        kafka_log_reader_deinit(&reader);
        mock_broker_deinit(&kafka);
}

/* What a read says, as it must be kept after done(). */
struct answers {
        struct log_read read;
        struct log_read_item items[8];
        char text[8][64]; /* "key=value", or "gone", or "left" */
        bool done, failed;
};

static void on_read(struct log_read *read, const struct error *err)
{
        struct answers *a = read->data;

        a->done = true;
        a->failed = err != NULL;
        for (size_t i = 0; err == NULL && i < read->n; i++) {
                const struct log_read_item *item = &read->items[i];
                char *text = a->text[(struct log_read_item *)item->data - a->items];

                if (!item->found)
                        snprintf(text, sizeof a->text[0], "%s", item->left ? "left" : "gone");
                else
                        snprintf(text, sizeof a->text[0], "%.*s=%.*s at %lld", (int)item->key.len,
                                 item->key.base, (int)item->value.len, item->value.base,
                                 (long long)item->timestamp_ms);
        }
}

static void want(struct answers *a, int partition, int64_t offset)
{
        size_t i = a->read.n++;

        a->items[i] = (struct log_read_item){ .data = &a->items[i],
                                              .partition = partition,
                                              .offset = offset };
}

static void read_all(struct answers *a, size_t max_bytes, int64_t timeout_ms)
{
        a->read.data = a;
        a->read.items = a->items;
        a->read.max_bytes = max_bytes;
        a->read.deadline_ms = time_monotonic_ms() + timeout_ms;
        a->read.done = on_read;
        reader.port.read(&reader.port, &a->read);
        MOCK_BROKER_WAIT(&kafka, a->done);
}

static void records_of_several_partitions_are_read_again_in_any_order(void)
{
        struct answers a = { 0 };

        begin();
        mock_broker_write(&kafka, 0, 0, 10);
        mock_broker_write(&kafka, 2, 10, 10);
        want(&a, 2, 9);
        want(&a, 0, 3);
        want(&a, 2, 0);
        want(&a, 0, 3);
        read_all(&a, SIZE_MAX, 10000);
        CHECK(!a.failed);
        CHECK_STR(a.text[0], "key-19=value-19 at 1019");
        CHECK_STR(a.text[1], "key-3=value-3 at 1003");
        CHECK_STR(a.text[2], "key-10=value-10 at 1010");
        CHECK_STR(a.text[3], "key-3=value-3 at 1003");
        end();
}

static void a_record_far_behind_the_last_one_is_read_without_those_between(void)
{
        struct answers a = { 0 };

        begin();
        mock_broker_write(&kafka, 1, 0, MANY);
        want(&a, 1, MANY - 1);
        want(&a, 1, 0);
        want(&a, 1, MANY / 2);
        read_all(&a, SIZE_MAX, 10000);
        CHECK_STR(a.text[0], "key-2999=value-2999 at 3999");
        CHECK_STR(a.text[1], "key-0=value-0 at 1000");
        CHECK_STR(a.text[2], "key-1500=value-1500 at 2500");
        end();
}

/* What was fetched for the first read and not taken does not look like the second one's log. */
static void a_read_of_earlier_records_follows_one_of_later_ones(void)
{
        begin();
        mock_broker_write(&kafka, 1, 0, MANY);
        for (int i = 0; i < 20; i++) {
                struct answers later = { 0 }, earlier = { 0 };

                want(&later, 1, 1000 + i);
                read_all(&later, SIZE_MAX, 10000);
                CHECK(strncmp(later.text[0], "key-10", 6) == 0);
                want(&earlier, 1, i);
                read_all(&earlier, SIZE_MAX, 10000);
                CHECK(strcmp(earlier.text[0], "gone") != 0);
        }
        end();
}

static void what_is_more_than_may_be_kept_is_left(void)
{
        struct answers a = { 0 };

        begin();
        mock_broker_write(&kafka, 0, 0, 10);
        for (int i = 0; i < 5; i++)
                want(&a, 0, i);
        read_all(&a, 20, 10000);
        CHECK(!a.failed);
        CHECK_STR(a.text[0], "key-0=value-0 at 1000");
        CHECK_STR(a.text[1], "key-1=value-1 at 1001");
        CHECK_STR(a.text[2], "left");
        CHECK_STR(a.text[4], "left");
        end();
}

/* The log ends far before it. */
static void a_record_that_the_log_does_not_reach_is_gone(void)
{
        struct answers a = { 0 };

        begin();
        mock_broker_write(&kafka, 0, 0, 3);
        want(&a, 0, 2);
        want(&a, 0, 50);
        read_all(&a, SIZE_MAX, 10000);
        CHECK(!a.failed);
        CHECK_STR(a.text[0], "key-2=value-2 at 1002");
        CHECK_STR(a.text[1], "gone");
        end();
}

static void a_log_that_cannot_be_read_fails_the_read_at_its_deadline(void)
{
        struct answers a = { 0 };

        begin();
        mock_broker_write(&kafka, 0, 0, 3);
        rd_kafka_mock_broker_set_down(kafka.cluster, 1);
        want(&a, 0, 1);
        read_all(&a, SIZE_MAX, 300);
        CHECK(a.failed);
        end();
}

int main(void)
{
        RUN(records_of_several_partitions_are_read_again_in_any_order);
        RUN(a_record_far_behind_the_last_one_is_read_without_those_between);
        RUN(a_read_of_earlier_records_follows_one_of_later_ones);
        RUN(what_is_more_than_may_be_kept_is_left);
        RUN(a_record_that_the_log_does_not_reach_is_gone);
        RUN(a_log_that_cannot_be_read_fails_the_read_at_its_deadline);
        return 0;
}
