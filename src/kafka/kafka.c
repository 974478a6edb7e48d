/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole of Kafka for the daemon: the parts, and the order in which they start and end.
 *
 * Closing: the publisher, the anchors, the log reader and the intake first (their results go to the
 * member), then the consumer leaves the group, then registry, barrier and auxiliary handle, which
 * answer what the member still asks. At last the handles are destroyed, on a thread of the pool:
 * librdkafka 2.0 waits there for its own threads, and may wait for ever (seen after the failure log
 * was deleted). Whatever happens, closed() is called after CLOSE_TIMEOUT_MS and DESTROY_TIMEOUT_MS
 * at the latest; what is stuck then is left to the end of the process. So is a consumer that joined
 * the group and has no assignment yet: librdkafka before 2.3 aborts when it is destroyed.
 */
#include "crr/kafka/kafka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crr/base/log.h"
#include "kafka_private.h"

#define CLOSE_TIMEOUT_MS   5000
#define DESTROY_TIMEOUT_MS 1000

/* Once: what is fatal may be seen again until we are closed. */
static void give_up(struct kafka *k, enum log_event event, const struct log_field *fields,
                    const struct error *err)
{
        if (k->given_up)
                return;
        k->given_up = true;
        log_emit(event, fields, "%s", err->message);
        k->callbacks.on_fatal(k->callbacks.data, err);
}

static void give_up_producer(struct kafka *k, enum kafka_handle producer, const struct error *err)
{
        char id[KAFKA_TRANSACTIONAL_ID_SIZE];

        kafka_producer_id(&k->settings, producer, id);
        give_up(k, LOG_PRODUCER_LOST, LOG_FIELDS(log_c("transactional_id", id)), err);
}

static void on_producer_fatal(void *data, const struct error *err)
{
        give_up_producer(data, KAFKA_PRODUCER, err);
}

static void on_intake_producer_fatal(void *data, const struct error *err)
{
        give_up_producer(data, KAFKA_INTAKE_PRODUCER, err);
}

static void on_consumer_fatal(void *data, const struct error *err)
{
        give_up(data, LOG_CONSUMER_LOST, LOG_FIELDS(log_c("code", error_name(err->code))), err);
}

static void on_log_unfit(void *data, const struct error *err)
{
        give_up(data, LOG_KAFKA_FATAL, LOG_FIELDS(log_c("code", error_name(err->code))), err);
}

static void on_other_log(void *data, int partition)
{
        struct kafka *k = data;

        kafka_feed_reset(&k->feed, partition, "a record that was read is not in the log any more");
}

static void on_topic_trouble(void *data)
{
        struct kafka *k = data;

        kafka_aux_look_soon(&k->aux);
}

static void on_topics_known(struct kafka *k)
{
        int64_t most_bytes[PUBLISH_TOPICS];

        kafka_topics_most_bytes(&k->aux, most_bytes);
        kafka_publisher_on_topics(&k->publisher, most_bytes);
        kafka_publisher_on_topics(&k->intake.publisher, most_bytes);
}

static void on_topics(void *data)
{
        struct kafka *k = data;
        int n = k->aux.topics[PUBLISH_FAILURES].view.n_partitions;

        if (n >= LIMIT_PARTITIONS) {
                struct error err;

                error_set(&err, ERR_BAD_CONFIG,
                          "the failure log %s has %d partitions; it must have fewer than %d",
                          k->settings.failures_topic, n, LIMIT_PARTITIONS);
                on_log_unfit(k, &err);
                return;
        }
        kafka_registry_on_topology(&k->registry, n);
        member_on_topology(k->member, n);
        if (n > 0) {
                kafka_barrier_warm_up(&k->barrier);
                kafka_feed_on_topology(&k->feed, n);
        }
        if (kafka_topics_missing(&k->aux) == NULL && !kafka_topics_settings_are_out(&k->aux))
                on_topics_known(k);
}

static int start_embedded(struct kafka *k, struct error *err)
{
        const struct kafka_settings *s = &k->settings;

        k->embedded = kafka_embedded_new(err);
        if (k->embedded == NULL)
                return (int)err->code;
        if (kafka_embedded_create_topic(k->embedded, s->failures_topic, s->embedded_partitions,
                                        err) != 0 ||
            kafka_embedded_create_topic(k->embedded, s->replication_topic, s->embedded_partitions,
                                        err) != 0 ||
            (s->status_topic != NULL &&
             kafka_embedded_create_topic(k->embedded, s->status_topic, s->embedded_partitions,
                                         err) != 0))
                return (int)err->code;
        for (size_t i = 0; i < s->n_intake_topics; i++)
                if (kafka_embedded_create_topic(k->embedded, s->intake_topics[i],
                                                s->embedded_partitions, err) != 0)
                        return (int)err->code;
        log_emit(LOG_EMBEDDED_BROKER, LOG_FIELDS(log_c("bootstrap", kafka_bootstrap(k))),
                 "the embedded broker runs, for trying out: everything is lost at exit");
        return 0;
}

static int init_parts(struct kafka *k, struct metrics *metrics, struct error *err)
{
        const char *bootstrap = NULL;

        if (k->settings.embedded) {
                if (start_embedded(k, err) != 0)
                        return (int)err->code;
                bootstrap = kafka_embedded_bootstrap(k->embedded);
        }
        kafka_credentials_init(&k->credentials, &k->settings);
        kafka_trouble_init(&k->trouble, metrics, kafka_bootstrap(k));
        kafka_publisher_init(&k->publisher, &k->settings, bootstrap, &k->trouble);
        kafka_log_reader_init(&k->reader, &k->settings, bootstrap, &k->trouble);
        kafka_intake_init(&k->intake, &k->settings, bootstrap, &k->trouble);
        kafka_anchors_init(&k->anchors, &k->reader.port, on_other_log, k);
        k->registry = (struct kafka_registry){ .settings = &k->settings,
                                               .bootstrap = bootstrap,
                                               .trouble = &k->trouble,
                                               .credentials = &k->credentials };
        if (kafka_feed_init(&k->feed, &k->settings, bootstrap, &k->trouble, metrics, err) != 0 ||
            kafka_aux_init(&k->aux, &k->settings, bootstrap, &k->trouble, err) != 0 ||
            kafka_barrier_init(&k->barrier, &k->settings, bootstrap, &k->trouble, err) != 0)
                return (int)err->code;
        return 0;
}

/* The producer is made on its thread, later: its configuration is tried now. */
static int try_producer(struct kafka *k, struct error *err)
{
        rd_kafka_conf_t *conf = kafka_conf_new(&k->settings, KAFKA_PRODUCER, NULL, err);
        rd_kafka_t *producer;

        if (conf == NULL)
                return (int)err->code;
        producer = kafka_handle_new(conf, KAFKA_PRODUCER, err);
        if (producer == NULL)
                return (int)err->code;
        rd_kafka_destroy(producer);
        return 0;
}

struct kafka *kafka_new(uv_loop_t *loop, const struct kafka_settings *settings,
                        const struct kafka_callbacks *callbacks, struct metrics *metrics,
                        struct error *err)
{
        struct kafka *k = calloc(1, sizeof *k);

        if (k == NULL)
                abort();
        k->loop = loop;
        k->settings = kafka_settings_copy(settings);
        k->callbacks = *callbacks;
        kafka_group_init(k);
        if (init_parts(k, metrics, err) != 0 || try_producer(k, err) != 0) {
                kafka_free(k);
                return NULL;
        }
        k->feed.credentials = &k->credentials;
        k->feed.anchors = &k->anchors;
        k->metrics = metrics;
        k->publisher.on_fatal = on_producer_fatal;
        k->intake.publisher.on_fatal = on_intake_producer_fatal;
        k->feed.on_fatal = on_consumer_fatal;
        k->publisher.fatal_data = k->intake.publisher.fatal_data = k->feed.fatal_data = k;
        k->feed.on_topic_trouble = on_topic_trouble;
        k->feed.topic_data = k;
        k->aux.on_topics = on_topics;
        k->aux.on_unfit = on_log_unfit;
        k->aux.data = k;
        return k;
}

struct publisher *kafka_publisher(struct kafka *k)
{
        return &k->publisher.port;
}

struct publisher *kafka_intake_publisher(struct kafka *k)
{
        return k->settings.n_intake_topics > 0 ? &k->intake.publisher.port : NULL;
}

void kafka_set_intake(struct kafka *k, struct intake *intake, const struct intake_config *config)
{
        kafka_intake_set(&k->intake, intake, config, k->metrics);
}

struct log_reader *kafka_log_reader(struct kafka *k)
{
        return &k->reader.port;
}

void kafka_start(struct kafka *k, struct member *member)
{
        k->member = member;
        k->started = true;
        uv_timer_init(k->loop, &k->watchdog);
        k->watchdog.data = k;
        kafka_aux_start(&k->aux, k->loop, member);
        kafka_barrier_start(&k->barrier, k->loop, member);
        kafka_registry_start(&k->registry, k->loop, k->aux.handle, member);
        kafka_feed_start(&k->feed, k->loop, member);
        kafka_publisher_start(&k->publisher, k->loop, member);
        kafka_log_reader_start(&k->reader, k->loop);
        kafka_intake_start(&k->intake, k->loop);
        if (!k->settings.embedded) /* nobody makes its topics anew, and it forgets what is old */
                kafka_anchors_start(&k->anchors, k->loop);
}

bool kafka_set_credentials(struct kafka *k, const char *username, const char *password)
{
        if (!kafka_credentials_set(&k->credentials, username, password))
                return false;
        kafka_credentials_give(&k->credentials, k->feed.consumer);
        kafka_credentials_give(&k->credentials, k->aux.handle);
        kafka_credentials_give(&k->credentials, k->barrier.handle);
        kafka_publisher_set_credentials(&k->publisher, &k->credentials);
        kafka_log_reader_set_credentials(&k->reader, &k->credentials);
        kafka_intake_set_credentials(&k->intake, &k->credentials);
        return true;
}

/* CLOSING */

static void tell_closed(struct kafka *k)
{
        if (k->told_closed)
                return;
        k->told_closed = true;
        k->closed(k->closed_data);
}

static void on_watchdog_closed(uv_handle_t *handle)
{
        tell_closed(handle->data);
}

static void on_watchdog(uv_timer_t *timer)
{
        struct kafka *k = timer->data;

        k->stuck =
                k->is_destroying ? "librdkafka does not end its threads" : "Kafka does not answer";
        tell_closed(k);
}

/* No other thread uses the handles now. */
static void work_destroy(uv_work_t *work)
{
        struct kafka *k = work->data;

        kafka_feed_deinit(&k->feed);
        kafka_barrier_deinit(&k->barrier);
        kafka_aux_destroy(&k->aux);
}

static void after_destroy(uv_work_t *work, int status)
{
        struct kafka *k = work->data;

        (void)status;
        uv_close((uv_handle_t *)&k->watchdog, on_watchdog_closed);
}

static bool is_safe_to_destroy(const struct kafka *k)
{
        return rd_kafka_version() >= 0x02030000 || !kafka_assignment_is_awaited(&k->feed);
}

static void on_aux_closed(void *data)
{
        struct kafka *k = data;

        if (!is_safe_to_destroy(k)) {
                uv_timer_stop(&k->watchdog);
                k->stuck = "librdkafka before 2.3 cannot be ended before its first assignment";
                tell_closed(k);
                return;
        }
        k->is_destroying = true;
        uv_timer_start(&k->watchdog, on_watchdog, DESTROY_TIMEOUT_MS, 0);
        k->destroying.data = k;
        uv_queue_work(k->loop, &k->destroying, work_destroy, after_destroy);
}

static void on_barrier_closed(void *data)
{
        struct kafka *k = data;

        kafka_aux_close(&k->aux, on_aux_closed, k);
}

static void on_registry_closed(void *data)
{
        struct kafka *k = data;

        kafka_barrier_close(&k->barrier, on_barrier_closed, k);
}

static void on_feed_closed(void *data)
{
        struct kafka *k = data;

        kafka_registry_close(&k->registry, on_registry_closed, k);
}

static void on_part_closed(void *data)
{
        struct kafka *k = data;

        if (--k->closing == 0)
                kafka_feed_close(&k->feed, on_feed_closed, k);
}

void kafka_close(struct kafka *k, void (*closed)(void *data), void *data)
{
        k->closed = closed;
        k->closed_data = data;
        k->closing = 4;
        uv_timer_start(&k->watchdog, on_watchdog, CLOSE_TIMEOUT_MS, 0);
        kafka_publisher_close(&k->publisher, on_part_closed, k);
        kafka_anchors_close(&k->anchors, on_part_closed, k);
        kafka_log_reader_close(&k->reader, on_part_closed, k);
        kafka_intake_close(&k->intake, on_part_closed, k);
}

const char *kafka_stuck(const struct kafka *k)
{
        return k->stuck;
}

void kafka_free(struct kafka *k)
{
        if (k == NULL)
                return;
        kafka_feed_deinit(&k->feed);
        kafka_barrier_deinit(&k->barrier);
        kafka_aux_deinit(&k->aux);
        if (k->publisher.settings != NULL) {
                kafka_publisher_deinit(&k->publisher);
                kafka_log_reader_deinit(&k->reader);
                kafka_intake_deinit(&k->intake);
                kafka_trouble_deinit(&k->trouble);
        }
        kafka_embedded_free(k->embedded);
        kafka_settings_deinit(&k->settings);
        free(k);
}

/* STATUS */

int64_t kafka_session_timeout_ms(const struct kafka *k)
{
        const char *text = kafka_consumer_property(&k->settings, "session.timeout.ms");
        unsigned long long ms;

        return text != NULL && str_to_u64(str_from(text), INT64_MAX, &ms)
                       ? (int64_t)ms
                       : KAFKA_SESSION_TIMEOUT_MS;
}

const char *kafka_bootstrap(const struct kafka *k)
{
        const char *configured = kafka_settings_property(&k->settings, "bootstrap.servers");

        if (k->embedded != NULL)
                return kafka_embedded_bootstrap(k->embedded);
        return configured != NULL ? configured : "";
}

static void wait_for_topic(struct kafka *k, struct kafka_status *ret, const struct topic_watch *t)
{
        bool is_log = t == &k->aux.topics[PUBLISH_FAILURES];

        snprintf(k->waiting_for, sizeof k->waiting_for, "topic %s", t->name);
        ret->waiting_for = k->waiting_for;
        if (t->err == RD_KAFKA_RESP_ERR_NO_ERROR ||
            t->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
                snprintf(ret->detail, sizeof ret->detail, "the topic %s does not exist", t->name);
        else
                snprintf(ret->detail, sizeof ret->detail, "the topic %s: %s; it needs %s", t->name,
                         rd_kafka_err2str(t->err),
                         is_log ? "READ, WRITE and DESCRIBE" : "WRITE and DESCRIBE");
}

static void wait_for_handle(const struct kafka *k, struct kafka_status *ret,
                            enum kafka_handle handle, const char *known)
{
        const char *said = kafka_trouble_of(&k->trouble, handle);

        ret->waiting_for = kafka_trouble_wait(&k->trouble, handle, known);
        snprintf(ret->detail, sizeof ret->detail, "%s", said != NULL ? said : "");
}

void kafka_status(struct kafka *k, struct kafka_status *ret)
{
        const struct topic_watch *missing = kafka_topics_missing(&k->aux);

        *ret = (struct kafka_status){ .broker_up = k->trouble.broker_up,
                                      .producer_ready = k->publisher.usable_seen };
        if (!ret->broker_up) {
                ret->waiting_for = kafka_trouble_is_auth(&k->trouble) ? "authentication" : "broker";
                snprintf(ret->detail, sizeof ret->detail, "%s: %s", kafka_bootstrap(k),
                         k->trouble.last_text[0] != '\0' ? k->trouble.last_text : "no answer");
        } else if (missing != NULL) {
                wait_for_topic(k, ret, missing);
        } else if (!k->feed.assigned_once) {
                wait_for_handle(k, ret, KAFKA_CONSUMER, "assignment");
        } else if (!ret->producer_ready) {
                wait_for_handle(k, ret, KAFKA_PRODUCER, "producer");
        }
}

bool kafka_intake_status(const struct kafka *k, struct kafka_intake_status *ret)
{
        return kafka_intake_tell(&k->intake, ret);
}

size_t kafka_replication_partitions(const struct kafka *k, const struct kafka_partition **ret)
{
        const struct topic_view *view = &k->aux.topics[PUBLISH_REPLICATION].view;

        *ret = view->partitions;
        return (size_t)view->n_partitions;
}
