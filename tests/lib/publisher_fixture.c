/* SPDX-License-Identifier: Apache-2.0 */
#include "publisher_fixture.h"

#include "check.h"
#include "crr/base/log.h"
#include "world.h"

struct mock_kafka publisher_mock;
struct kafka_publisher publisher;
uv_loop_t publisher_loop;
static struct world world; /* the member that is told; its own publisher is another */
static struct kafka_trouble trouble;
static uv_timer_t watchdog;
static bool closed;

static void on_watchdog(uv_timer_t *timer)
{
        (void)timer;
        check_fail(__FILE__, __LINE__, "something happens", "nothing did for ten seconds");
}

static void on_fatal(void *data, const struct error *err)
{
        (void)data;
        check_fail(__FILE__, __LINE__, "nothing fatal", err->message);
}

void publisher_begin(void)
{
        log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
        mock_kafka_init(&publisher_mock);
}

void publisher_end(void)
{
        mock_kafka_deinit(&publisher_mock);
}

void publisher_start(void)
{
        mock_kafka_next_test(&publisher_mock);
        world_init(&world, 2);
        world_start(&world);
        CHECK(uv_loop_init(&publisher_loop) == 0);
        uv_timer_init(&publisher_loop, &watchdog);
        uv_timer_start(&watchdog, on_watchdog, 10000, 0);
        kafka_trouble_init(&trouble, world.metrics, publisher_mock.bootstrap);
        kafka_publisher_init(&publisher, &publisher_mock.settings, NULL, &trouble);
        publisher.on_fatal = on_fatal;
        kafka_publisher_start(&publisher, &publisher_loop, world.member);
        closed = false;
}

void publisher_start_usable(void)
{
        publisher_start();
        kafka_publisher_on_topics(&publisher, (int64_t[PUBLISH_TOPICS]){ 0 });
        publisher_wait_usable(1);
}

static void on_closed(void *data)
{
        *(bool *)data = true;
}

void publisher_close(void)
{
        kafka_publisher_close(&publisher, on_closed, &closed);
        while (!closed)
                uv_run(&publisher_loop, UV_RUN_ONCE);
}

void publisher_stop(void)
{
        if (!closed)
                publisher_close();
        uv_close((uv_handle_t *)&watchdog, NULL);
        uv_run(&publisher_loop, UV_RUN_DEFAULT);
        CHECK(uv_loop_close(&publisher_loop) == 0);
        kafka_publisher_deinit(&publisher);
        kafka_trouble_deinit(&trouble);
        world_deinit(&world);
}

void publisher_wait_usable(unsigned readied)
{
        while (publisher.readied_seen < readied || !publisher.usable_seen)
                uv_run(&publisher_loop, UV_RUN_ONCE);
}

/* BATCHES */

static void on_done(struct publish_batch *publish)
{
        struct test_batch *batch = publish->data;

        CHECK(!batch->done);
        batch->done = true;
}

void test_batch_init(struct test_batch *batch)
{
        *batch = (struct test_batch){
                .records = {
                        { .topic = PUBLISH_REPLICATION, .partition = -1, .key = STR("object"),
                          .value = STR("entry"), .timestamp_ms = TIME_UNKNOWN,
                          .headers = { { "crr-retry-id", STR("id") } }, .n_headers = 1 },
                        { .topic = PUBLISH_FAILURES, .partition = 1, .key = STR("key"),
                          .value = STR("pending"), .timestamp_ms = 1234 },
                        { .topic = PUBLISH_FAILURES, .partition = 1, .key = STR("other"),
                          .timestamp_ms = TIME_UNKNOWN },
                        { .topic = PUBLISH_FAILURES, .partition = 0, .key = STR("empty"),
                          .value = STR(""), .timestamp_ms = TIME_UNKNOWN },
                },
                .offsets = { { 0, 5 }, { 1, 7 } },
                .publish = { .done = on_done, .metadata = STR("who we are") },
        };
}

void test_batch_submit(struct test_batch *batch)
{
        batch->publish.data = batch;
        batch->publish.records = batch->records;
        batch->publish.n_records = BATCH_RECORDS;
        batch->publish.offsets = batch->offsets;
        batch->publish.n_offsets = 2;
        publisher.port.submit(&publisher.port, &batch->publish);
        CHECK(!batch->done);
}

void test_batch_wait(const struct test_batch *batch)
{
        while (!batch->done)
                uv_run(&publisher_loop, UV_RUN_ONCE);
}

void test_batch_run(struct test_batch *batch)
{
        test_batch_init(batch);
        test_batch_submit(batch);
        test_batch_wait(batch);
}

struct str test_generation(void)
{
        static char bytes[256];
        rd_kafka_consumer_group_metadata_t *group = rd_kafka_consumer_group_metadata_new("group");
        void *text;
        size_t n;

        CHECK(rd_kafka_consumer_group_metadata_write(group, &text, &n) == NULL);
        CHECK(n <= sizeof bytes);
        memcpy(bytes, text, n);
        rd_kafka_mem_free(NULL, text);
        rd_kafka_consumer_group_metadata_destroy(group);
        return (struct str){ bytes, n };
}

static void append_record(void *data, rd_kafka_message_t *message)
{
        struct buf *text = data;

        buf_printf(text, "%.*s=", (int)message->key_len, (const char *)message->key);
        if (message->payload != NULL)
                buf_append(text, message->payload, message->len);
        else
                buf_append_c(text, "(null)");
        buf_append_char(text, ' ');
}

void publisher_check_log(int partition, const char *want)
{
        struct buf text;

        buf_init(&text, SIZE_MAX);
        mock_kafka_read(&publisher_mock, publisher_mock.failures, partition, append_record, &text);
        buf_append_char(&text, '\0');
        CHECK_STR(text.base, want);
        buf_deinit(&text);
}

void publisher_check_cleared(int partition)
{
        static const char clearing[] = "crr-retryd-aborted=(null) ";
        struct buf text;

        buf_init(&text, SIZE_MAX);
        mock_kafka_read(&publisher_mock, publisher_mock.failures, partition, append_record, &text);
        CHECK(text.len >= sizeof clearing - 1);
        CHECK(memcmp(text.base + text.len - (sizeof clearing - 1), clearing, sizeof clearing - 1) ==
              0);
        buf_deinit(&text);
}

void publisher_check_goes_on(void)
{
        for (int i = 0; i < 3; i++) {
                struct test_batch next;

                test_batch_run(&next);
                if (next.publish.outcome == PUBLISH_COMMITTED)
                        return;
                CHECK_INT(next.publish.outcome, PUBLISH_ABORTED);
        }
        check_fail(__FILE__, __LINE__, "the next one is committed", "");
}
