/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: a producer is made; init_transactions aborts what an earlier process of this
 * transactional.id left open; transactions that are aborted on purpose end what hangs all the same,
 * in the group's offsets (kafka_hanging.h) and, where a batch may, in the partitions; it is usable.
 *
 * Possible failures:
 *  - the broker is away, or a topic missing: it is tried again until it is there or we stop;
 *  - the producer is fatally wrong: it is made anew at once, and the core is told when it is usable
 *    again;
 *  - it is fenced again and again although no outage explains it: another process has our
 *    transactional.id; we wait 10 s, doubling, and give up after FENCINGS_MAX. A producer that
 *    could be used for FENCINGS_FORGOTTEN_MS was not one of a series: two processes with one id do
 *    not leave each other alone for so long.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kafka_hanging.h"
#include "kafka_publisher.h"

#define INIT_TIMEOUT_MS       5000
#define RETRY_PAUSE_MS        500
#define FENCED_WAIT_MS        10000
#define FENCINGS_MAX          4
#define WARM_UP_MS            3000
#define OUTAGE_REMEMBERED_MS  60000
#define FENCINGS_FORGOTTEN_MS 600000
#define SMALL_SET_BYTES       16384

static int64_t now_ms(void)
{
        return (int64_t)(uv_hrtime() / 1000000);
}

bool kafka_publisher_is_stopping(struct kafka_publisher *p)
{
        bool stop;

        uv_mutex_lock(&p->mutex);
        stop = p->stop;
        uv_mutex_unlock(&p->mutex);
        return stop;
}

/* Sleep, or less when we are to stop. */
static void pause_ms(struct kafka_publisher *p, int64_t ms)
{
        int64_t end = now_ms() + ms;

        uv_mutex_lock(&p->mutex);
        while (!p->stop && now_ms() < end)
                uv_cond_timedwait(&p->cond, &p->mutex, (uint64_t)(end - now_ms()) * 1000000);
        uv_mutex_unlock(&p->mutex);
}

void kafka_producer_destroy(struct kafka_publisher *p)
{
        for (int i = 0; i < PUBLISH_TOPICS; i++) {
                if (p->topics[i] != NULL)
                        rd_kafka_topic_destroy(p->topics[i]);
                p->topics[i] = NULL;
        }
        if (p->producer != NULL)
                rd_kafka_destroy(p->producer);
        p->producer = NULL;
}

static void set_usable(struct kafka_publisher *p, bool usable)
{
        uv_mutex_lock(&p->mutex);
        p->usable = usable;
        p->readied += usable;
        if (usable)
                p->ready_ms = now_ms();
        uv_mutex_unlock(&p->mutex);
        uv_async_send(&p->wake);
}

static void give_up(struct kafka_publisher *p)
{
        uv_mutex_lock(&p->mutex);
        p->fatal = true;
        error_set(&p->fatal_error, ERR_KAFKA,
                  "fenced %u times although the broker was there: another process uses "
                  "instance.id %s in the group %s",
                  p->fencings, p->settings->instance, p->settings->group);
        uv_mutex_unlock(&p->mutex);
        uv_async_send(&p->wake);
}

/* The pause itself comes before the next producer is made: the batch's result does not wait for it.
 */
static void count_fencing(struct kafka_publisher *p)
{
        int64_t wait = 0;

        p->fencings++;
        for (unsigned i = 1; i < p->fencings; i++)
                wait = wait == 0 ? FENCED_WAIT_MS : 2 * wait;
        if (p->fencings >= FENCINGS_MAX) {
                give_up(p);
                return;
        }
        p->pause_ms = wait;
        uv_mutex_lock(&p->mutex);
        p->fenced_wait_ms = wait > 0 ? wait : 1;
        uv_mutex_unlock(&p->mutex);
        uv_async_send(&p->wake);
}

static bool is_fenced(const struct kafka_publisher *p, rd_kafka_resp_err_t code)
{
        char text[128];

        if (code == RD_KAFKA_RESP_ERR__FATAL && p->producer != NULL)
                code = rd_kafka_fatal_error(p->producer, text, sizeof text);
        return code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
               code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
}

/* An outage that outlived the transaction timeout fences too, and proves nothing. */
static bool outage_explains_it(const struct kafka_publisher *p)
{
        int64_t now = now_ms();

        return now < p->outage_ms + OUTAGE_REMEMBERED_MS ||
               now >= p->began_ms + p->settings->transaction_timeout_ms;
}

void kafka_publisher_lose(struct kafka_publisher *p, rd_kafka_resp_err_t code)
{
        bool fenced = is_fenced(p, code);

        kafka_producer_destroy(p);
        set_usable(p, false);
        if (now_ms() >= p->ready_ms + FENCINGS_FORGOTTEN_MS)
                p->fencings = 0;
        if (!fenced || outage_explains_it(p))
                p->fencings = 0;
        else
                count_fencing(p);
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
        struct kafka_publisher *p = opaque;

        (void)rk;
        if (code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__TIMED_OUT ||
            code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
                p->outage_ms = now_ms();
        if (code != RD_KAFKA_RESP_ERR__FATAL)
                kafka_trouble_note(p->trouble, p->handle, (rd_kafka_resp_err_t)code, reason);
}

static rd_kafka_topic_t *open_topic(struct kafka_publisher *p, const char *name,
                                    const char *partitioner)
{
        rd_kafka_topic_conf_t *conf = rd_kafka_topic_conf_new();
        char said[128];

        rd_kafka_topic_conf_set(conf, "partitioner", partitioner, said, sizeof said);
        return rd_kafka_topic_new(p->producer, name, conf);
}

void kafka_producer_make_smaller_sets(struct kafka_publisher *p)
{
        kafka_trouble_note(p->trouble, p->handle, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
                           "a topic takes less at once than is known: less is sent at once");
        if (p->sets < KAFKA_SETS_OF_ONE)
                p->sets++;
        kafka_producer_destroy(p);
        set_usable(p, false);
}

static void set_number(rd_kafka_conf_t *conf, const char *name, int64_t value)
{
        char text[32], said[128];

        snprintf(text, sizeof text, "%lld", (long long)value);
        if (rd_kafka_conf_set(conf, name, text, said, sizeof said) != RD_KAFKA_CONF_OK)
                abort();
}

static int64_t configured(const rd_kafka_conf_t *conf, const char *name)
{
        char text[32] = "0";
        size_t n = sizeof text;

        rd_kafka_conf_get(conf, name, text, &n);
        return strtoll(text, NULL, 10);
}

/* What is sent at once fits into the topics: a set is refused as a whole. */
static void set_sets(struct kafka_publisher *p, rd_kafka_conf_t *conf)
{
        int64_t bytes = configured(conf, "batch.size"), max;

        uv_mutex_lock(&p->mutex);
        max = p->max_set_bytes;
        uv_mutex_unlock(&p->mutex);
        if (p->sets != KAFKA_SETS_FULL && SMALL_SET_BYTES < bytes)
                bytes = SMALL_SET_BYTES;
        set_number(conf, "batch.size", max < bytes ? max : bytes);
        if (p->sets == KAFKA_SETS_OF_ONE)
                set_number(conf, "batch.num.messages", 1);
}

static bool make_producer(struct kafka_publisher *p)
{
        struct error err;
        rd_kafka_conf_t *conf = kafka_conf_new(p->settings, p->handle, p->bootstrap, &err);

        if (conf == NULL)
                return false;
        set_sets(p, conf);
        rd_kafka_conf_set_opaque(conf, p);
        rd_kafka_conf_set_error_cb(conf, on_error);
        rd_kafka_conf_set_dr_msg_cb(conf, kafka_transaction_on_delivery);
        p->producer = kafka_handle_new(conf, p->handle, &err);
        p->credentials_version = 0;
        if (p->producer == NULL) {
                kafka_trouble_note(p->trouble, p->handle, RD_KAFKA_RESP_ERR__INVALID_ARG,
                                   err.message);
                return false;
        }
        p->topics[PUBLISH_REPLICATION] =
                open_topic(p, p->settings->replication_topic, p->settings->replication_partitioner);
        p->topics[PUBLISH_FAILURES] =
                open_topic(p, p->settings->failures_topic, p->settings->failures_partitioner);
        if (p->settings->status_topic != NULL)
                p->topics[PUBLISH_STATUS] = open_topic(p, p->settings->status_topic,
                                                       p->settings->replication_partitioner);
        return true;
}

void kafka_producer_renew_credentials(struct kafka_publisher *p)
{
        uv_mutex_lock(&p->mutex);
        kafka_credentials_renew(&p->credentials, p->producer, &p->credentials_version);
        uv_mutex_unlock(&p->mutex);
}

static rd_kafka_resp_err_t note(struct kafka_publisher *p, rd_kafka_error_t *error)
{
        rd_kafka_resp_err_t code = rd_kafka_error_code(error);

        kafka_trouble_note(p->trouble, p->handle, code, rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
        return code;
}

/* False: not yet. */
static bool init_transactions(struct kafka_publisher *p)
{
        rd_kafka_error_t *error = rd_kafka_init_transactions(p->producer, INIT_TIMEOUT_MS);
        bool fatal;

        if (error == NULL)
                return true;
        fatal = rd_kafka_error_is_fatal(error) || !rd_kafka_error_is_retriable(error);
        note(p, error);
        if (fatal)
                kafka_producer_destroy(p);
        return false;
}

/* The first transaction would pay for the metadata otherwise. */
static void warm_up(struct kafka_publisher *p)
{
        for (int i = 0; i < PUBLISH_TOPICS; i++) {
                const struct rd_kafka_metadata *metadata;

                if (p->topics[i] != NULL &&
                    rd_kafka_metadata(p->producer, 0, p->topics[i], &metadata, WARM_UP_MS) ==
                            RD_KAFKA_RESP_ERR_NO_ERROR)
                        rd_kafka_metadata_destroy(metadata);
        }
}

bool kafka_producer_may_begin(struct kafka_publisher *p)
{
        bool may;

        uv_mutex_lock(&p->mutex);
        while (!p->stop && !p->topics_known)
                uv_cond_wait(&p->cond, &p->mutex);
        may = !p->stop && !p->fatal;
        uv_mutex_unlock(&p->mutex);
        return may;
}

static rd_kafka_error_t *end_offsets(struct kafka_publisher *p)
{
        char group[KAFKA_GROUP_SIZE];

        kafka_group_id(p->settings, p->handle, group);
        return kafka_hanging_offsets_end(p->producer, group, p->settings->failures_topic);
}

void kafka_producer_end_offsets(struct kafka_publisher *p)
{
        rd_kafka_error_t *error;

        p->began_ms = now_ms();
        error = end_offsets(p);
        if (error != NULL)
                kafka_publisher_lose(p, note(p, error));
}

/* False: the producer is lost again. */
static bool clear(struct kafka_publisher *p)
{
        rd_kafka_error_t *error = end_offsets(p);

        if (error == NULL && p->clear_first)
                error = kafka_transaction_clear(p);
        if (error == NULL)
                return true;
        note(p, error);
        kafka_producer_destroy(p);
        pause_ms(p, RETRY_PAUSE_MS);
        return false;
}

void kafka_producer_ensure(struct kafka_publisher *p)
{
        bool usable = false;

        if (p->producer != NULL)
                return;
        pause_ms(p, p->pause_ms);
        p->pause_ms = 0;
        while (!usable && kafka_producer_may_begin(p)) {
                if (p->producer == NULL && !make_producer(p)) {
                        pause_ms(p, RETRY_PAUSE_MS);
                        continue;
                }
                kafka_producer_renew_credentials(p);
                usable = init_transactions(p);
                if (!usable)
                        pause_ms(p, RETRY_PAUSE_MS);
        }
        if (!usable)
                return;
        warm_up(p);
        if (!p->settings->embedded && !clear(p))
                return;
        p->clear_first = false;
        set_usable(p, true);
}
