/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>

#include "check.h"
#include "crr/base/log.h"
#include "kafka_trouble.h"

static struct metrics *metrics;
static struct kafka_trouble trouble;
static struct buf said; /* the log */

static void keep_line(void *data, struct str line)
{
        (void)data;
        buf_append_str(&said, line);
}

static void start(void)
{
        metrics = metrics_new(10);
        kafka_trouble_init(&trouble, metrics, "broker:9092");
        buf_clear(&said);
}

static void stop(void)
{
        kafka_trouble_deinit(&trouble);
        metrics_free(metrics);
}

/* How often a word stands in what was logged since the last time. */
static unsigned count(const char *word)
{
        unsigned n = 0;

        buf_append_char(&said, '\0');
        for (const char *at = said.base; (at = strstr(at, word)) != NULL; at++)
                n++;
        said.len--;
        return n;
}

static double counted(const char *handle, const char *code)
{
        return metrics_get(metrics, METRIC_KAFKA_ERRORS_TOTAL, LABELS_2(handle, code));
}

static void what_is_noted_is_counted_and_said_when_it_is_collected(void)
{
        start();
        for (int i = 0; i < 3; i++)
                kafka_trouble_note(&trouble, KAFKA_PRODUCER, RD_KAFKA_RESP_ERR__MSG_TIMED_OUT,
                                   "timed out");
        kafka_trouble_note(&trouble, KAFKA_CONSUMER, RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, "too");
        CHECK_INT(said.len, 0);
        kafka_trouble_collect(&trouble);
        CHECK(counted("producer", "_MSG_TIMED_OUT") == 3);
        CHECK(counted("consumer", "_MSG_TIMED_OUT") == 1);
        CHECK_INT(count("event=kafka_error handle=producer code=_MSG_TIMED_OUT"), 1);
        CHECK_INT(count("event=kafka_error"), 2);
        kafka_trouble_collect(&trouble);
        CHECK(counted("producer", "_MSG_TIMED_OUT") == 3);
        stop();
}

static void a_lost_connection_is_counted_and_told_by_the_broker_only(void)
{
        static const rd_kafka_resp_err_t codes[] = { RD_KAFKA_RESP_ERR__TRANSPORT,
                                                     RD_KAFKA_RESP_ERR__RESOLVE,
                                                     RD_KAFKA_RESP_ERR__SSL };

        for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
                start();
                kafka_trouble_note(&trouble, KAFKA_AUX, codes[i], "connection refused");
                kafka_trouble_note(&trouble, KAFKA_AUX, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN,
                                   "1/1 brokers are down");
                kafka_trouble_on_broker(&trouble, false);
                CHECK(counted("auxiliary", rd_kafka_err2name(codes[i])) == 1);
                CHECK(counted("auxiliary", "_ALL_BROKERS_DOWN") == 1);
                CHECK_INT(count("event=kafka_error"), 0);
                CHECK_INT(count("event=broker_down bootstrap=broker:9092"), 1);
                CHECK_INT(count("connection refused"), 1); /* the one that says why */
                CHECK(!trouble.broker_up);
                stop();
        }
}

static void an_outage_is_said_when_it_begins_and_when_it_ends(void)
{
        start();
        kafka_trouble_on_broker(&trouble, true);
        CHECK_INT(said.len, 0);
        kafka_trouble_on_broker(&trouble, false);
        kafka_trouble_on_broker(&trouble, false);
        kafka_trouble_on_broker(&trouble, false);
        CHECK_INT(count("event=broker_down"), 1);
        kafka_trouble_on_broker(&trouble, true);
        kafka_trouble_on_broker(&trouble, true);
        CHECK_INT(count("event=broker_up"), 1);
        CHECK(trouble.broker_up);
        kafka_trouble_on_broker(&trouble, false);
        CHECK_INT(count("event=broker_down"), 2);
        stop();
}

static void wrong_credentials_are_said_once_until_the_broker_is_there(void)
{
        static const rd_kafka_resp_err_t codes[] = { RD_KAFKA_RESP_ERR__AUTHENTICATION,
                                                     RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED };

        for (size_t i = 0; i < 2; i++) {
                start();
                for (int k = 0; k < 3; k++) {
                        kafka_trouble_note(&trouble, KAFKA_CONSUMER, codes[i], "wrong password");
                        kafka_trouble_on_broker(&trouble, false);
                }
                CHECK_INT(count("event=kafka_auth handle=consumer hint="), 1);
                CHECK_INT(count("sasl.username and sasl.password"), 1);
                CHECK(kafka_trouble_is_auth(&trouble));
                kafka_trouble_on_broker(&trouble, true);
                CHECK(!kafka_trouble_is_auth(&trouble));
                kafka_trouble_note(&trouble, KAFKA_CONSUMER, codes[i], "wrong password");
                kafka_trouble_on_broker(&trouble, false);
                CHECK_INT(count("event=kafka_auth"), 2);
                stop();
        }
}

static void another_reason_takes_the_place_of_the_last_one(void)
{
        start();
        kafka_trouble_note(&trouble, KAFKA_CONSUMER, RD_KAFKA_RESP_ERR__AUTHENTICATION, "wrong");
        kafka_trouble_on_broker(&trouble, false);
        kafka_trouble_note(&trouble, KAFKA_CONSUMER, RD_KAFKA_RESP_ERR__TRANSPORT, "refused");
        kafka_trouble_on_broker(&trouble, false);
        CHECK(!kafka_trouble_is_auth(&trouble));
        CHECK_STR(trouble.last_text, "refused");
        stop();
}

static void check_waits(const char *what, const char *text)
{
        kafka_trouble_on_broker(&trouble, true); /* the auxiliary handle has no trouble */
        CHECK_STR(kafka_trouble_wait(&trouble, KAFKA_PRODUCER, "producer"), what);
        if (text != NULL)
                CHECK_STR(kafka_trouble_of(&trouble, KAFKA_PRODUCER), text);
        else
                CHECK(kafka_trouble_of(&trouble, KAFKA_PRODUCER) == NULL);
}

static void a_handle_may_be_the_only_one_without_a_connection(void)
{
        start();
        kafka_trouble_note(&trouble, KAFKA_CONSUMER, RD_KAFKA_RESP_ERR__AUTHENTICATION, "not it");
        check_waits("producer", NULL);
        kafka_trouble_note(&trouble, KAFKA_PRODUCER, RD_KAFKA_RESP_ERR__AUTHENTICATION, "wrong");
        check_waits("authentication", "wrong");
        kafka_trouble_note(&trouble, KAFKA_PRODUCER, RD_KAFKA_RESP_ERR__TRANSPORT, "refused");
        check_waits("producer", "refused");
        kafka_trouble_note(&trouble, KAFKA_PRODUCER, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, "1/1");
        check_waits("producer", "refused");
        kafka_trouble_forget(&trouble, KAFKA_PRODUCER);
        check_waits("producer", NULL);
        stop();
}

static void more_kinds_than_there_are_slots_are_dropped_and_long_texts_cut(void)
{
        char text[1000];

        start();
        memset(text, 'x', sizeof text);
        text[sizeof text - 1] = '\0';
        for (int code = 101; code <= 180; code++)
                kafka_trouble_note(&trouble, KAFKA_AUX, (rd_kafka_resp_err_t)code, text);
        kafka_trouble_note(&trouble, KAFKA_AUX, (rd_kafka_resp_err_t)101, "again");
        CHECK_INT(trouble.n, TROUBLE_SLOTS);
        CHECK_INT(trouble.notes[0].count, 2);
        CHECK_INT(strlen(trouble.notes[1].text), sizeof trouble.notes[1].text - 1);
        kafka_trouble_collect(&trouble);
        CHECK_INT(count("event=kafka_error"), TROUBLE_SLOTS);
        stop();
}

static void what_lasts_is_said_once_a_minute_and_counted_every_time(void)
{
        start();
        for (int i = 0; i < 3; i++) {
                kafka_trouble_note(&trouble, KAFKA_AUX,
                                   RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
                                   "topic failures: not allowed");
                kafka_trouble_collect(&trouble);
        }
        CHECK_INT(count("event=kafka_error"), 1);
        CHECK(counted("auxiliary", "TOPIC_AUTHORIZATION_FAILED") == 3);
        trouble.saids[0].seldom.due_ms -= LOG_SELDOM_MS;
        kafka_trouble_note(&trouble, KAFKA_AUX, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
                           "topic failures: not allowed");
        kafka_trouble_collect(&trouble);
        CHECK_INT(count("event=kafka_error"), 2);
        CHECK_INT(count("n=3"), 1);
        stop();
}

static void *note_many(void *data)
{
        (void)data;
        for (int i = 0; i < 2000; i++)
                kafka_trouble_note(&trouble, KAFKA_READER, RD_KAFKA_RESP_ERR__TIMED_OUT, "late");
        return NULL;
}

static void any_thread_may_note(void)
{
        pthread_t threads[4];

        start();
        for (size_t i = 0; i < 4; i++)
                CHECK(pthread_create(&threads[i], NULL, note_many, NULL) == 0);
        for (int i = 0; i < 100; i++)
                kafka_trouble_collect(&trouble);
        for (size_t i = 0; i < 4; i++)
                pthread_join(threads[i], NULL);
        kafka_trouble_collect(&trouble);
        CHECK(counted("reader", "_TIMED_OUT") == 8000);
        stop();
}

int main(void)
{
        buf_init(&said, SIZE_MAX);
        log_sink(keep_line, NULL);
        RUN(what_is_noted_is_counted_and_said_when_it_is_collected);
        RUN(a_lost_connection_is_counted_and_told_by_the_broker_only);
        RUN(an_outage_is_said_when_it_begins_and_when_it_ends);
        RUN(wrong_credentials_are_said_once_until_the_broker_is_there);
        RUN(another_reason_takes_the_place_of_the_last_one);
        RUN(a_handle_may_be_the_only_one_without_a_connection);
        RUN(more_kinds_than_there_are_slots_are_dropped_and_long_texts_cut);
        RUN(what_lasts_is_said_once_a_minute_and_counted_every_time);
        RUN(any_thread_may_note);
        buf_deinit(&said);
        return 0;
}
