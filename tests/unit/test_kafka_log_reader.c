/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "crr/base/log.h"
#include "crr/base/time.h"
#include "kafka_log_reader.h"
#include "mock_kafka.h"

#define ITEMS 8

static struct mock_kafka mock;
static struct metrics *metrics;
static struct kafka_trouble trouble;
static struct kafka_log_reader reader;
static uv_loop_t loop;
static uv_timer_t watchdog;
static bool closed;

static void on_watchdog(uv_timer_t *timer)
{
        (void)timer;
        check_fail(__FILE__, __LINE__, "an answer", "nothing happened for ten seconds");
}

static void start(void)
{
        static struct kafka_property quick[] = { { "bootstrap.servers", NULL },
                                                 { "fetch.error.backoff.ms", "5" },
                                                 { "topic.metadata.refresh.fast.interval.ms",
                                                   "5" } };

        mock_kafka_next_test(&mock);
        quick[0].value = mock.bootstrap;
        mock.settings.properties = quick;
        mock.settings.n_properties = 3;
        metrics = metrics_new(10);
        CHECK(uv_loop_init(&loop) == 0);
        uv_timer_init(&loop, &watchdog);
        uv_timer_start(&watchdog, on_watchdog, 10000, 0);
        kafka_trouble_init(&trouble, metrics, mock.bootstrap);
        kafka_log_reader_init(&reader, &mock.settings, NULL, &trouble);
        kafka_log_reader_start(&reader, &loop);
        closed = false;
}

static void on_closed(void *data)
{
        *(bool *)data = true;
}

static void close_reader(void)
{
        kafka_log_reader_close(&reader, on_closed, &closed);
        while (!closed)
                uv_run(&loop, UV_RUN_ONCE);
}

static void stop(void)
{
        if (!closed)
                close_reader();
        uv_close((uv_handle_t *)&watchdog, NULL);
        uv_run(&loop, UV_RUN_DEFAULT);
        CHECK(uv_loop_close(&loop) == 0);
        kafka_log_reader_deinit(&reader);
        kafka_trouble_deinit(&trouble);
        metrics_free(metrics);
}

/* Records "k<n>" = "v<n>" at the timestamp n + 1, every tenth a tombstone. */
static void fill(int partition, int n)
{
        for (int i = 0; i < n; i++) {
                char key[16], value[16];

                snprintf(key, sizeof key, "k%d", i);
                snprintf(value, sizeof value, "v%d", i);
                CHECK_INT(mock_kafka_produce(&mock, mock.failures, partition, key,
                                             i % 10 == 9 ? NULL : value, i + 1, NULL),
                          i);
        }
}

/* READS */

struct test_read {
        struct log_read read;
        struct log_read_item items[ITEMS];
        unsigned found;
        bool done, failed;
        struct error err;
};

/* Every record that was found is the one that was asked for. */
static void check_item(struct test_read *r, const struct log_read_item *item)
{
        char key[16], value[16];

        if (!item->found)
                return;
        r->found |= 1u << (size_t)item->data;
        snprintf(key, sizeof key, "k%d", (int)item->offset);
        snprintf(value, sizeof value, "v%d", (int)item->offset);
        CHECK(str_eq_c(item->key, key));
        CHECK_INT(item->timestamp_ms, item->offset + 1);
        if (item->offset % 10 == 9)
                CHECK(item->value.base == NULL);
        else
                CHECK(str_eq_c(item->value, value));
}

static void on_read(struct log_read *read, const struct error *err)
{
        struct test_read *r = read->data;

        CHECK(!r->done);
        r->done = true;
        r->failed = err != NULL;
        if (err != NULL)
                r->err = *err;
        for (size_t i = 0; err == NULL && i < read->n; i++)
                check_item(r, &read->items[i]);
}

struct place {
        int partition;
        int64_t offset;
};

static void submit(struct test_read *r, const struct place *places, size_t n, int64_t timeout_ms)
{
        *r = (struct test_read){
                .read = { .data = r,
                          .items = r->items,
                          .n = n,
                          .done = on_read,
                          .deadline_ms = time_monotonic_ms() + timeout_ms },
        };
        for (size_t i = 0; i < n; i++) {
                r->items[i].data = (void *)i; /* NOLINT(performance-no-int-to-ptr) */
                r->items[i].partition = places[i].partition;
                r->items[i].offset = places[i].offset;
        }
        reader.port.read(&reader.port, &r->read);
        CHECK(!r->done);
}

static void wait_done(const struct test_read *r)
{
        while (!r->done)
                uv_run(&loop, UV_RUN_ONCE);
}

static void records_are_read_wherever_they_stand(void)
{
        static const struct {
                const char *name;
                struct place places[ITEMS];
                size_t n;
        } table[] = {
                { "one", { { 0, 0 } }, 1 },
                { "the last one", { { 0, 29 } }, 1 },
                { "a tombstone is a record", { { 0, 9 } }, 1 },
                { "several, out of order", { { 0, 20 }, { 0, 3 }, { 0, 11 } }, 3 },
                { "several partitions", { { 1, 2 }, { 0, 2 }, { 1, 1 }, { 0, 7 } }, 4 },
                { "the same twice", { { 0, 5 }, { 0, 5 } }, 2 },
        };

        start();
        fill(0, 30);
        fill(1, 10);
        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                struct test_read r;

                submit(&r, table[i].places, table[i].n, 8000);
                wait_done(&r);
                if (r.failed || r.found != (1u << table[i].n) - 1)
                        check_fail(__FILE__, __LINE__, table[i].name, r.err.message);
        }
        stop();
}

static void reads_are_answered_in_their_order(void)
{
        static const struct place place = { 0, 3 };
        struct test_read reads[4];

        start();
        fill(0, 5);
        for (size_t i = 0; i < 4; i++)
                submit(&reads[i], &place, 1, 8000);
        for (size_t i = 0; i < 4; i++) {
                wait_done(&reads[i]);
                CHECK_INT(reads[i].found, 1);
        }
        stop();
}

static void errors_that_pass_are_waited_out(void)
{
        static const struct place places[] = { { 0, 1 }, { 1, 1 } };
        struct test_read r;

        start();
        fill(0, 5);
        fill(1, 5);
        mock_kafka_fail(&mock, MOCK_FETCH, 1, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
        submit(&r, places, 2, 8000);
        wait_done(&r);
        CHECK(!r.failed);
        CHECK_INT(r.found, 3);
        stop();
}

static void a_log_that_cannot_be_read_fails_at_the_deadline(void)
{
        static const struct place place = { 0, 1 };
        struct test_read r;

        start();
        fill(0, 5);
        mock_kafka_fail(&mock, MOCK_FETCH, 100, RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR);
        submit(&r, &place, 1, 150);
        wait_done(&r);
        CHECK(r.failed);
        CHECK_STR(r.err.message, "the failure log cannot be read again now");
        mock_kafka_stop_failing(&mock, MOCK_FETCH);
        submit(&r, &place, 1, 8000); /* the handle is as good as before */
        wait_done(&r);
        CHECK_INT(r.found, 1);
        stop();
}

static void when_it_closes_every_read_is_answered(void)
{
        static const struct place place = { 0, 1 };
        struct test_read reads[3];

        start();
        fill(0, 5);
        mock_kafka_fail(&mock, MOCK_FETCH, 100, RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR);
        for (size_t i = 0; i < 3; i++)
                submit(&reads[i], &place, 1, 60000);
        close_reader();
        for (size_t i = 0; i < 3; i++)
                CHECK(reads[i].done && reads[i].failed);
        stop();
}

static void it_ends_without_a_read_too(void)
{
        start();
        stop();
}

int main(void)
{
        log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
        mock_kafka_init(&mock);
        RUN(records_are_read_wherever_they_stand);
        RUN(reads_are_answered_in_their_order);
        RUN(errors_that_pass_are_waited_out);
        RUN(a_log_that_cannot_be_read_fails_at_the_deadline);
        RUN(when_it_closes_every_read_is_answered);
        RUN(it_ends_without_a_read_too);
        mock_kafka_deinit(&mock);
        return 0;
}
