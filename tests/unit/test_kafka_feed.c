/* SPDX-License-Identifier: Apache-2.0 */
/* The feed as an embedded broker has it: no group, every partition is ours. */
#include "../../src/daemon/helper.h"
#include "check.h"
#include "crr/base/log.h"
#include "kafka_feed.h"
#include "mock_kafka.h"
#include "world.h"

static struct helper *helper;
static struct mock_kafka mock;
static struct world
        w; /* the member; what it asks is answered by the world, the log is the mock's */
static struct kafka_credentials credentials;
static struct kafka_trouble trouble;
static struct kafka_feed feed;
static struct kafka_anchors anchors;
static uv_loop_t loop;
static uv_timer_t ticker, watchdog;
static bool closed;

static void on_watchdog(uv_timer_t *timer)
{
        (void)timer;
        check_fail(__FILE__, __LINE__, "records", "nothing happened for ten seconds");
}

static void on_tick(uv_timer_t *timer)
{
        (void)timer;
        world_advance(&w, 20);
}

/* A failure where it belongs; the high watermark goes along. */
static void fail(const char *key, const char *value)
{
        char record_key[64], record[256];
        int home;

        snprintf(record_key, sizeof record_key, "b/%s?versionId=v&sitename=aws", key);
        snprintf(record, sizeof record,
                 "{\"Bucket\":\"b\",\"Key\":\"%s\",\"VersionId\":\"v\",\"StorageClass\":\"aws\"}",
                 key);
        home = partition_of_key(PARTITIONER_MURMUR2, str_from(record_key), MOCK_PARTITIONS);
        w.logs[home].n = 1 + mock_kafka_produce(&mock, mock.failures, home, record_key,
                                                value != NULL ? value : record, 1000, NULL);
}

static void bury(const char *key)
{
        char record_key[64];
        int home;

        snprintf(record_key, sizeof record_key, "b/%s?versionId=v&sitename=aws", key);
        home = partition_of_key(PARTITIONER_MURMUR2, str_from(record_key), MOCK_PARTITIONS);
        w.logs[home].n =
                1 + mock_kafka_produce(&mock, mock.failures, home, record_key, NULL, 1000, NULL);
}

static void fail_many(int from, int to)
{
        char key[16];

        for (int i = from; i < to; i++) {
                snprintf(key, sizeof key, "k%d", i);
                fail(key, NULL);
        }
}

static void begin(void)
{
        mock_kafka_next_test(&mock);
        mock.settings.embedded = true;
        world_init(&w, MOCK_PARTITIONS);
        w.feeding = false;
        w.hold_batches = true; /* nothing is published here */
        for (int p = 0; p < MOCK_PARTITIONS; p++)
                fail(p == 0 ? "a" : p == 1 ? "b" : p == 2 ? "c" : "d", NULL);
}

static void start(void)
{
        struct member_ports ports = { &w.publisher, &w.group, &w.reader, w.metrics };
        struct error err;

        helper = helper_new(); /* NULL: one processor */
        ports.helpers = helper != NULL ? &helper->port : NULL;

        w.member = member_new(&w.config, &ports);
        w.door = retry_service_new(w.member, NULL, 0);
        member_tick(w.member, w.now_ms, w.wall_ms);
        member_on_publisher_ready(w.member);
        CHECK(uv_loop_init(&loop) == 0);
        uv_timer_init(&loop, &watchdog);
        uv_timer_start(&watchdog, on_watchdog, 10000, 0);
        uv_timer_init(&loop, &ticker);
        uv_timer_start(&ticker, on_tick, 2, 2);
        kafka_credentials_init(&credentials, &mock.settings);
        kafka_trouble_init(&trouble, w.metrics, mock.bootstrap);
        CHECK_INT(kafka_feed_init(&feed, &mock.settings, mock.bootstrap, &trouble, w.metrics, &err),
                  0);
        feed.credentials = &credentials;
        kafka_anchors_init(&anchors, NULL, NULL, NULL);
        feed.anchors = &anchors;
        kafka_feed_start(&feed, &loop, w.member);
        member_on_topology(w.member, MOCK_PARTITIONS);
        kafka_feed_on_topology(&feed, MOCK_PARTITIONS);
        closed = false;
}

static void on_closed(void *data)
{
        *(bool *)data = true;
}

static void stop(void)
{
        kafka_feed_close(&feed, on_closed, &closed);
        while (!closed)
                uv_run(&loop, UV_RUN_ONCE);
        uv_close((uv_handle_t *)&watchdog, NULL);
        uv_close((uv_handle_t *)&ticker, NULL);
        uv_run(&loop, UV_RUN_DEFAULT);
        CHECK(uv_loop_close(&loop) == 0);
        kafka_feed_deinit(&feed);
        kafka_trouble_deinit(&trouble);
        for (int p = 0; p < MOCK_PARTITIONS; p++)
                w.logs[p].n = 0; /* its records are the mock's */
        world_deinit(&w);
        helper_free(helper);
}

static int ready(void)
{
        struct member_status status;

        member_status(w.member, &status);
        return status.ready;
}

static size_t listed(void)
{
        static struct world_list list;
        size_t n;

        world_list(&w, &list, NULL, 0, LIMIT_PAGE_ROWS, true);
        n = list.n;
        world_list_deinit(&list);
        return n;
}

static void wait_ready(void)
{
        while (ready() < MOCK_PARTITIONS)
                uv_run(&loop, UV_RUN_ONCE);
}

static void wait_listed(size_t n)
{
        while (listed() != n)
                uv_run(&loop, UV_RUN_ONCE);
}

static void the_whole_log_reaches_the_member_and_then_what_comes(void)
{
        begin();
        fail_many(0, 600); /* more than two batches of the member */
        bury("k7");
        fail("k8", "{");
        start();
        CHECK_INT(ready(), 0);
        wait_ready();
        CHECK_INT(listed(), 4 + 599);
        CHECK(metrics_get(w.metrics, METRIC_RECORDS_REJECTED_TOTAL,
                          LABELS_2("failures", "not_json")) == 1);
        fail_many(600, 610);
        wait_listed(4 + 609);
        bury("a");
        wait_listed(4 + 608);
        stop();
}

static void errors_that_pass_do_not_stop_it(void)
{
        begin();
        fail_many(0, 10);
        mock_kafka_fail(&mock, MOCK_FETCH, 2, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
        start();
        wait_ready();
        CHECK_INT(listed(), 14);
        stop();
}

static void wait_read(void)
{
        for (int p = 0; p < MOCK_PARTITIONS; p++)
                while (feed.position[p] != w.logs[p].n)
                        uv_run(&loop, UV_RUN_ONCE);
}

/* An embedded broker forgets its oldest records: every partition may be read anew in one turn. */
static void partitions_are_read_anew_all_at_once_and_again(void)
{
        begin();
        fail_many(0, 200);
        start();
        wait_ready();
        for (int round = 0; round < 5; round++) {
                for (int p = 0; p < MOCK_PARTITIONS; p++)
                        kafka_feed_reset(&feed, p, "a test");
                uv_run(&loop, UV_RUN_NOWAIT);
        }
        wait_read();
        fail_many(200, 210);
        wait_read();
        stop();
}

int main(void)
{
        log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
        mock_kafka_init(&mock);
        RUN(the_whole_log_reaches_the_member_and_then_what_comes);
        RUN(errors_that_pass_do_not_stop_it);
        RUN(partitions_are_read_anew_all_at_once_and_again);
        mock_kafka_deinit(&mock);
        return 0;
}
