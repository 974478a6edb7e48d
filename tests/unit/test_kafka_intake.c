/* SPDX-License-Identifier: Apache-2.0 */
/* Kafka's side of the intake. The test stands in the core's place: it has the batches, and says
 * what became of them. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "crr/base/log.h"
#include "kafka_intake.h"
#include "mock_kafka.h"

#define BATCH   10 /* records */
#define BATCHES 8
#define MOST    (3 * BATCH) /* records that are produced at once */

static struct mock_kafka mock;
static struct kafka_intake intake;
static struct kafka_trouble trouble;
static struct metrics *metrics;
static char topic[32], group[32];
static const char *const topics[] = { topic };
static const struct intake_config config = {
        .topics = topics,
        .n_topics = 1,
        .max_value_bytes = 1 << 20,
        .max_records = BATCH,
        .max_bytes = 1 << 20,
};
static uv_loop_t loop;
static uv_timer_t watchdog, waker;
static struct intake_batch *batches[BATCHES]; /* that the core has */
static size_t n_batches;
static bool closed;
static int64_t tell_every_ms;

void intake_submit(struct intake *in, struct intake_batch *batch)
{
        (void)in;
        CHECK(n_batches < KAFKA_INTAKE_AHEAD);
        batches[n_batches++] = batch;
}

static void on_watchdog(uv_timer_t *timer)
{
        (void)timer;
        check_fail(__FILE__, __LINE__, "something happens", "nothing did for twenty seconds");
}

/* The cluster's thread in librdkafka 2.0 is not always woken by what happens, and sleeps up to a
 * second then: somebody who connects wakes it. */
static void on_waker(uv_timer_t *timer)
{
        struct sockaddr_in place = {
                .sin_family = AF_INET,
                .sin_port = htons((uint16_t)strtoul(strchr(mock.bootstrap, ':') + 1, NULL, 10)),
                .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        };
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        (void)timer;
        CHECK(fd >= 0 && connect(fd, (void *)&place, sizeof place) == 0);
        close(fd);
}

static void begin(bool embedded)
{
        static unsigned tests;

        mock_kafka_next_test(&mock);
        mock.settings.embedded = embedded;
        mock.settings.embedded_partitions = MOCK_PARTITIONS;
        snprintf(topic, sizeof topic, "foreign-%u", ++tests);
        /* Without members that are not over yet. */
        snprintf(group, sizeof group, "group-%u", tests);
        mock.settings.group = group;
        metrics = metrics_new(4);
        n_batches = 0;
        closed = false;
        tell_every_ms = KAFKA_INTAKE_TELL_MS;
}

static void start(void)
{
        static int anything;

        CHECK(uv_loop_init(&loop) == 0);
        uv_timer_init(&loop, &watchdog);
        uv_timer_start(&watchdog, on_watchdog, 20000, 0);
        uv_timer_init(&loop, &waker);
        uv_timer_start(&waker, on_waker, 5, 5);
        kafka_trouble_init(&trouble, metrics, mock.bootstrap);
        kafka_intake_init(&intake, &mock.settings, mock.bootstrap, &trouble);
        intake.tell_every_ms = tell_every_ms;
        kafka_intake_set(&intake, (struct intake *)&anything, &config, metrics);
        kafka_intake_start(&intake, &loop);
}

static void turn(void)
{
        uv_run(&loop, UV_RUN_ONCE);
}

static void wait_batches(size_t n)
{
        while (n_batches < n)
                turn();
}

/* The first one that the core has goes back. */
static void give_back(enum intake_end end)
{
        struct intake_batch *batch = batches[0];

        n_batches--;
        memmove(batches, batches + 1, n_batches * sizeof(struct intake_batch *));
        batch->end = end;
        batch->done(batch);
}

static void on_closed(void *data)
{
        *(bool *)data = true;
}

static void close_all(void)
{
        kafka_intake_close(&intake, on_closed, &closed);
}

static void finish(void)
{
        while (!closed) {
                while (n_batches > 0)
                        give_back(INTAKE_CLOSED);
                turn();
        }
        uv_close((uv_handle_t *)&watchdog, NULL);
        uv_close((uv_handle_t *)&waker, NULL);
        uv_run(&loop, UV_RUN_DEFAULT);
        CHECK(uv_loop_close(&loop) == 0);
        kafka_intake_deinit(&intake);
        kafka_trouble_deinit(&trouble);
        metrics_free(metrics);
}

static void stop(void)
{
        close_all();
        finish();
}

/* Failed entries of the objects "<from>" .. "<to - 1>", at once: a batch does not wait for more of
 * them, however slow the machine is. */
static void fail(int partition, int from, int to)
{
        static char texts[MOST][128];
        const char *values[MOST];

        CHECK(to - from <= MOST);
        for (int i = from; i < to; i++) {
                snprintf(texts[i - from], sizeof texts[0],
                         "{\"key\":\"bb:crr:failed:s:0\",\"member\":\"b:%d:v\",\"score\":1}", i);
                values[i - from] = texts[i - from];
        }
        mock_kafka_produce_set(&mock, topic, partition, values, (size_t)(to - from), 1000);
}

/* The first batch that the core has is about these objects, in their order. */
static void check_batch(int from, int to)
{
        char key[64];

        wait_batches(1);
        CHECK_INT(batches[0]->n_records, to - from);
        for (int i = from; i < to; i++) {
                int n = snprintf(key, sizeof key, "b/%d?versionId=v&sitename=s", i);

                CHECK(str_eq(batches[0]->records[i - from].key, (struct str){ key, (size_t)n }));
        }
}

static void check_offset(int partition, int64_t offset)
{
        const struct intake_batch *batch = batches[0];

        CHECK_INT(batch->publish.n_offsets, 1);
        CHECK_INT(batch->offsets[0].partition, partition);
        CHECK_INT(batch->offsets[0].offset, offset);
        CHECK_STR(batch->offsets[0].topic, topic);
}

/* A GROUP */

/* The mock keeps no offsets of transactions: the first batch's are committed without one. */
static void commit(void)
{
        const struct publish_offset *at = &batches[0]->offsets[0];
        rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

        CHECK_INT(batches[0]->publish.n_offsets, 1);
        rd_kafka_topic_partition_list_add(list, at->topic, at->partition)->offset = at->offset;
        CHECK(rd_kafka_commit(intake.consumer, list, 0) == RD_KAFKA_RESP_ERR_NO_ERROR);
        rd_kafka_topic_partition_list_destroy(list);
}

static void what_was_there_comes_with_its_offset_and_the_generation(void)
{
        begin(false);
        fail(2, 0, BATCH);
        start();
        check_batch(0, BATCH);
        check_offset(2, BATCH);
        CHECK(batches[0]->publish.generation.len > 0);
        stop();
}

static void what_is_not_committed_is_read_again(void)
{
        begin(false);
        fail(1, 0, 2 * BATCH);
        start();
        wait_batches(2);
        commit();
        give_back(INTAKE_DONE);
        check_batch(BATCH, 2 * BATCH);
        give_back(INTAKE_REWIND);
        check_batch(BATCH, 2 * BATCH);
        check_offset(1, INT64_C(2) * BATCH);
        give_back(INTAKE_DONE);
        fail(1, 2 * BATCH, 2 * BATCH + 1);
        check_batch(2 * BATCH, 2 * BATCH + 1);
        stop();
}

static void what_was_committed_is_committed_again_while_nothing_comes(void)
{
        begin(false);
        tell_every_ms = 1;
        fail(2, 0, BATCH);
        start();
        check_batch(0, BATCH);
        give_back(INTAKE_DONE);
        wait_batches(1);
        CHECK_INT(batches[0]->n_consumed, 0);
        CHECK(batches[0]->publish.generation.len > 0);
        check_offset(2, BATCH);
        stop();
}

/* NO GROUP: AN EMBEDDED BROKER */

static void without_a_group_it_is_read_again_from_what_was_reached(void)
{
        begin(true);
        fail(0, 0, 3 * BATCH);
        start();
        check_batch(0, BATCH);
        CHECK_INT(batches[0]->publish.generation.len, 0);
        give_back(INTAKE_DONE);
        wait_batches(2);
        give_back(INTAKE_REWIND);
        give_back(INTAKE_REWIND);
        check_batch(BATCH, 2 * BATCH);
        wait_batches(2);
        give_back(INTAKE_DONE);
        check_batch(2 * BATCH, 3 * BATCH);
        check_offset(0, INT64_C(3) * BATCH);
        stop();
}

static void all_that_came_behind_is_read_again_once(void)
{
        unsigned epoch;

        begin(true);
        fail(0, 0, 2 * BATCH);
        start();
        wait_batches(2);
        epoch = batches[0]->epoch;
        give_back(INTAKE_REWIND);
        give_back(INTAKE_REWIND);
        check_batch(0, BATCH);
        CHECK_INT(batches[0]->epoch, epoch + 1);
        give_back(INTAKE_DONE);
        check_batch(BATCH, 2 * BATCH);
        give_back(INTAKE_DONE);
        fail(0, 2 * BATCH, 2 * BATCH + 1);
        check_batch(2 * BATCH, 2 * BATCH + 1);
        stop();
}

static void what_was_read_under_an_older_assignment_takes_nothing_back(void)
{
        begin(true);
        fail(0, 0, 2 * BATCH);
        start();
        wait_batches(2);
        batches[0]->epoch--;
        give_back(INTAKE_REWIND);
        give_back(INTAKE_DONE);
        fail(0, 2 * BATCH, 2 * BATCH + 1);
        check_batch(2 * BATCH, 2 * BATCH + 1);
        stop();
}

static void poison_is_consumed_and_counted(void)
{
        begin(true);
        mock_kafka_produce(&mock, topic, 3, NULL, "{", 1000, NULL);
        start();
        wait_batches(1);
        CHECK_INT(batches[0]->n_records, 0);
        CHECK_INT(batches[0]->n_consumed, 1);
        CHECK_INT(batches[0]->counts[0].rejected[REJECT_NOT_JSON], 1);
        check_offset(3, 1);
        stop();
}

static void while_nothing_can_be_written_it_says_how_far_behind_it_is(void)
{
        begin(true);
        fail(0, 0, 3 * BATCH);
        start();
        wait_batches(KAFKA_INTAKE_AHEAD);
        while (metrics_get(metrics, METRIC_CONSUMER_LAG, LABELS_1(topic)) != 3 * BATCH)
                turn();
        stop();
}

/* WHAT IT SAYS OF ITSELF */

static int64_t lag(void)
{
        struct kafka_intake_status s;

        CHECK(kafka_intake_tell(&intake, &s));
        return s.lag;
}

static void wait_lag(int64_t want)
{
        while (lag() < 0)
                turn();
        CHECK_INT(lag(), want); /* the first number that is told, too */
}

static void a_lag_is_told_when_every_partition_was_heard_of(void)
{
        begin(true);
        fail(0, 0, 3 * BATCH);
        start();
        wait_lag(INT64_C(3) * BATCH);
        stop();
}

static void the_lag_of_an_assignment_is_not_that_of_the_next_one(void)
{
        begin(true);
        fail(0, 0, 3 * BATCH);
        start();
        wait_batches(KAFKA_INTAKE_AHEAD);
        wait_lag(INT64_C(3) * BATCH);
        intake.is_lost = true; /* its partitions are taken from it, and come back */
        while (intake.assigned_seen >= 0)
                turn();
        fail(0, 3 * BATCH, 4 * BATCH);
        for (int i = 0; i < KAFKA_INTAKE_AHEAD; i++)
                give_back(INTAKE_REWIND);
        while (intake.assigned_seen < 0)
                turn();
        wait_lag(INT64_C(4) * BATCH);
        stop();
}

/* As the consumer has it. It has had time to be given the credentials of now. */
static void check_password(const char *want)
{
        char text[32];
        size_t size = sizeof text;

        while (intake.credentials_version != intake.credentials.version)
                turn();
        CHECK(rd_kafka_conf_get(rd_kafka_conf(intake.consumer), "sasl.password", text, &size) ==
              RD_KAFKA_CONF_OK);
        CHECK_STR(text, want);
}

static void a_consumer_that_is_made_anew_has_the_credentials_of_now(void)
{
        struct kafka_credentials c;

        begin(true);
        start();
        while (intake.assigned_seen < 0)
                turn();
        kafka_credentials_init(&c, &mock.settings);
        CHECK(kafka_credentials_set(&c, "user", "new"));
        kafka_intake_set_credentials(&intake, &c);
        check_password("new");
        intake.is_lost = true;
        while (intake.assigned_seen >= 0)
                turn();
        while (intake.assigned_seen < 0)
                turn();
        check_password("new");
        stop();
}

static void drop_line(void *data, struct str line)
{
        (void)data;
        (void)line;
}

static void check_told(const char *state, const char *error)
{
        struct kafka_intake_status s;

        kafka_trouble_collect(&trouble);
        CHECK(kafka_intake_tell(&intake, &s));
        CHECK_STR(s.state, state);
        CHECK((s.error == NULL) == (error == NULL));
        if (error != NULL)
                CHECK_STR(s.error, error);
}

static void what_it_waits_for_has_a_reason_also_if_only_it_has_no_connection(void)
{
        static int anything;

        log_sink(drop_line, NULL);
        begin(false);
        kafka_trouble_init(&trouble, metrics, mock.bootstrap);
        kafka_intake_init(&intake, &mock.settings, mock.bootstrap, &trouble);
        kafka_intake_set(&intake, (struct intake *)&anything, &config, metrics);
        check_told("broker", NULL);
        kafka_trouble_note(&trouble, KAFKA_AUX, RD_KAFKA_RESP_ERR__AUTHENTICATION, "who are you");
        check_told("authentication", "who are you");
        kafka_trouble_on_broker(&trouble, true); /* others are known there */
        check_told("assignment", NULL);
        kafka_trouble_note(&trouble, KAFKA_INTAKE, RD_KAFKA_RESP_ERR__TRANSPORT, "refused");
        check_told("assignment", "refused");
        kafka_trouble_note(&trouble, KAFKA_INTAKE, RD_KAFKA_RESP_ERR__AUTHENTICATION, "wrong");
        kafka_trouble_on_broker(&trouble, true);
        check_told("authentication", "wrong");
        kafka_trouble_note(&trouble, KAFKA_INTAKE, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
                           "may not");
        check_told("assignment", "may not");
        kafka_trouble_forget(&trouble, KAFKA_INTAKE);
        intake.assigned_seen = 1;
        kafka_trouble_note(&trouble, KAFKA_INTAKE_PRODUCER, RD_KAFKA_RESP_ERR__AUTHENTICATION,
                           "wrong too");
        check_told("authentication", "wrong too");
        intake.publisher.usable_seen = true;
        intake.lag_seen = 0;
        check_told("ok", NULL);
        log_sink(NULL, NULL);
        kafka_intake_deinit(&intake);
        kafka_trouble_deinit(&trouble);
        metrics_free(metrics);
}

/* THE END */

static void it_ends_when_the_last_batch_is_back(void)
{
        begin(true);
        fail(0, 0, 2 * BATCH);
        start();
        wait_batches(2);
        close_all();
        give_back(INTAKE_CLOSED);
        while (intake.open_parts > 1) /* the publisher ends by itself */
                turn();
        CHECK(!closed);
        finish();
}

int main(void)
{
        log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
        mock_kafka_init(&mock);
        RUN(what_was_there_comes_with_its_offset_and_the_generation);
        RUN(what_is_not_committed_is_read_again);
        RUN(what_was_committed_is_committed_again_while_nothing_comes);
        RUN(without_a_group_it_is_read_again_from_what_was_reached);
        RUN(all_that_came_behind_is_read_again_once);
        RUN(what_was_read_under_an_older_assignment_takes_nothing_back);
        RUN(poison_is_consumed_and_counted);
        RUN(while_nothing_can_be_written_it_says_how_far_behind_it_is);
        RUN(a_lag_is_told_when_every_partition_was_heard_of);
        RUN(the_lag_of_an_assignment_is_not_that_of_the_next_one);
        RUN(a_consumer_that_is_made_anew_has_the_credentials_of_now);
        RUN(what_it_waits_for_has_a_reason_also_if_only_it_has_no_connection);
        RUN(it_ends_when_the_last_batch_is_back);
        mock_kafka_deinit(&mock);
        return 0;
}
