/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka_conf.h"

#include <ctype.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crr/base/log.h"
#include "crr/base/time.h"

#define FACILITIES 64
#define REPEAT_MS  60000 /* of one line of the library */
#define WARNING    4     /* of syslog(3) */

struct row {
        const char *name, *value;
        bool newer; /* a library that does not know it does without */
};

static const struct row of_all[] = {
        { "socket.nagle.disable", "true" },     { "socket.keepalive.enable", "true" },
        { "reconnect.backoff.max.ms", "2000" }, { "topic.metadata.refresh.interval.ms", "10000" },
        { "log.connection.close", "false" },    { "enable.metrics.push", "false", true },
};

static const struct row of_consumer[] = {
        { "partition.assignment.strategy", "cooperative-sticky" },
        { "isolation.level", "read_committed" },
        { "auto.offset.reset", "error" },
        { "enable.partition.eof", "true" },
        { "heartbeat.interval.ms", "500" },
        { "max.poll.interval.ms", "300000" },
        { "queued.min.messages", "100000" },
        { "queued.max.messages.kbytes", "32768" },
        { "fetch.message.max.bytes", "1048576" },
        { "fetch.max.bytes", "16777216" },
        { "fetch.wait.max.ms", "100" },
        { "fetch.error.backoff.ms", "100" },
        { "fetch.queue.backoff.ms", "10", true },
};

/* Of the foreign topics. Eager: what is assigned anew is read from the committed offsets, all of
 * it.
 */
static const struct row of_intake[] = {
        { "partition.assignment.strategy", "roundrobin" },
        { "isolation.level", "read_committed" },
        { "auto.offset.reset", "earliest" },
        { "enable.partition.eof", "true" },
        { "heartbeat.interval.ms", "500" },
        { "max.poll.interval.ms", "300000" },
        { "queued.min.messages", "100000" },
        { "queued.max.messages.kbytes", "16384" },
        { "fetch.message.max.bytes", "1048576" },
        { "fetch.max.bytes", "16777216" },
        { "fetch.wait.max.ms", "100" },
        { "fetch.error.backoff.ms", "100" },
        { "fetch.queue.backoff.ms", "10", true },
};

static const struct row of_readers[] = {
        /* every handle but the producer */
        { "enable.auto.commit", "false" },
        { "enable.auto.offset.store", "false" },
        { "check.crcs", "false" },
};

/* A commit sends at once what lingers: so it delays nothing, and the records of a transaction go in
 * few large sets. */
static const struct row of_producer[] = {
        { "retry.backoff.ms", "2" },       { "linger.ms", "10" },
        { "batch.num.messages", "10000" }, { "batch.size", "1000000" },
        { "compression.codec", "lz4" },    { "message.max.bytes", "5000020" },
};

static const struct row of_aux[] = {
        { "isolation.level", "read_uncommitted" },
};

static const struct row of_barrier[] = {
        { "isolation.level", "read_committed" },
};

static const struct row of_reader[] = {
        { "isolation.level", "read_committed" },
        { "enable.partition.eof", "true" },
        { "fetch.wait.max.ms", "10" },
        { "fetch.message.max.bytes", "262144" },
        { "fetch.max.bytes", "16777216" },
        { "queued.min.messages", "100000" },
        { "queued.max.messages.kbytes", "16384" },
};

const char *kafka_handle_name(enum kafka_handle handle)
{
        static const char *const names[KAFKA_HANDLES] = {
                [KAFKA_CONSUMER] = "consumer",
                [KAFKA_PRODUCER] = "producer",
                [KAFKA_AUX] = "auxiliary",
                [KAFKA_BARRIER] = "barrier",
                [KAFKA_READER] = "reader",
                [KAFKA_INTAKE] = "intake",
                [KAFKA_INTAKE_PRODUCER] = "intake producer",
        };

        return names[handle];
}

/* A line of the same facility is forwarded once in a while: what lasts is repeated for as long as
 * it does. */
static bool is_repeated(const char *facility)
{
        static struct {
                atomic_uint name;
                atomic_llong said_ms;
        } last[FACILITIES];
        long long now = time_monotonic_ms() + REPEAT_MS; /* never below the first zero */
        unsigned name = 2166136261u;

        for (const char *c = facility; *c != '\0'; c++)
                name = (name ^ (unsigned char)*c) * 16777619u;
        for (size_t i = name % FACILITIES, n = 0; n < FACILITIES; i = (i + 1) % FACILITIES, n++) {
                unsigned free_slot = 0;

                if (atomic_load(&last[i].name) != name &&
                    !atomic_compare_exchange_strong(&last[i].name, &free_slot, name))
                        continue;
                if (atomic_load(&last[i].said_ms) + REPEAT_MS > now)
                        return true;
                atomic_store(&last[i].said_ms, now);
                return false;
        }
        return false;
}

/* What librdkafka says below a warning is for who looks for it: log.level=debug, and more with its
 * property `debug`. Connection failures also come as errors, which are told once each. */
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
        const char *handle = rk != NULL ? rd_kafka_name(rk) : "";

        if (level > WARNING)
                log_emit(LOG_KAFKA_DEBUG,
                         LOG_FIELDS(log_c("handle", handle), log_c("facility", facility)), "%s",
                         text);
        else if (strcmp(facility, "FAIL") != 0 && strcmp(facility, "ERROR") != 0 &&
                 !is_repeated(facility))
                log_emit(LOG_KAFKA_LOG,
                         LOG_FIELDS(log_c("handle", handle), log_c("facility", facility)), "%s",
                         text);
}

static int set(rd_kafka_conf_t *conf, const char *name, const char *value, bool newer,
               struct error *err)
{
        char said[256];
        rd_kafka_conf_res_t res = rd_kafka_conf_set(conf, name, value, said, sizeof said);

        if (res == RD_KAFKA_CONF_OK || (res == RD_KAFKA_CONF_UNKNOWN && newer))
                return 0;
        return error_set(err, ERR_BAD_CONFIG, "kafka property %s: %s", name,
                         kafka_property_is_secret(name) ? "the value is refused" : said);
}

static int set_rows(rd_kafka_conf_t *conf, const struct row *rows, size_t n, struct error *err)
{
        for (size_t i = 0; i < n; i++)
                if (set(conf, rows[i].name, rows[i].value, rows[i].newer, err) != 0)
                        return (int)err->code;
        return 0;
}
#define SET_ROWS(conf, rows, err) set_rows((conf), (rows), sizeof(rows) / sizeof *(rows), (err))

static int set_properties(rd_kafka_conf_t *conf, const struct kafka_property *properties, size_t n,
                          struct error *err)
{
        for (size_t i = 0; i < n; i++)
                if (set(conf, properties[i].name, properties[i].value, false, err) != 0)
                        return (int)err->code;
        return 0;
}

static int set_number(rd_kafka_conf_t *conf, const char *name, long long value, struct error *err)
{
        char text[32];

        snprintf(text, sizeof text, "%lld", value);
        return set(conf, name, text, false, err);
}

bool kafka_instance_is_static(const char *instance)
{
        const char *dash = strrchr(instance, '-');

        if (dash == NULL || dash[1] == '\0')
                return false;
        for (const char *c = dash + 1; *c != '\0'; c++)
                if (!isdigit((unsigned char)*c))
                        return false;
        return true;
}

/* The embedded broker does not know what allow.auto.create.topics asks of it, and makes no topics
 * either. */
static int set_readers(rd_kafka_conf_t *conf, const struct kafka_settings *s, struct error *err)
{
        if (SET_ROWS(conf, of_readers, err) != 0)
                return (int)err->code;
        return s->embedded ? 0 : set(conf, "allow.auto.create.topics", "false", false, err);
}

static int set_consumer(rd_kafka_conf_t *conf, const struct kafka_settings *s, struct error *err)
{
        rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_FETCH |
                                               RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_STATS);
        if (set_readers(conf, s, err) != 0 || SET_ROWS(conf, of_consumer, err) != 0 ||
            set(conf, "group.id", s->group, false, err) != 0 ||
            set_number(conf, "session.timeout.ms", KAFKA_SESSION_TIMEOUT_MS, err) != 0)
                return (int)err->code;
        if (s->embedded && set(conf, "fetch.wait.max.ms", "10", false, err) != 0)
                return (int)err->code;
        if (!s->embedded && kafka_instance_is_static(s->instance) &&
            set(conf, "group.instance.id", s->instance, false, err) != 0)
                return (int)err->code;
        return 0;
}

void kafka_transactional_id(const char *group, const char *instance,
                            char text[KAFKA_TRANSACTIONAL_ID_SIZE])
{
        snprintf(text, KAFKA_TRANSACTIONAL_ID_SIZE, "crr-retryd-%s-%s", group, instance);
}

void kafka_group_id(const struct kafka_settings *settings, enum kafka_handle handle,
                    char text[KAFKA_GROUP_SIZE])
{
        bool is_intake = handle == KAFKA_INTAKE || handle == KAFKA_INTAKE_PRODUCER;

        snprintf(text, KAFKA_GROUP_SIZE, "%s%s", settings->group,
                 is_intake ? KAFKA_INTAKE_SUFFIX : "");
}

bool kafka_handle_is_producer(enum kafka_handle handle)
{
        return handle == KAFKA_PRODUCER || handle == KAFKA_INTAKE_PRODUCER;
}

void kafka_producer_id(const struct kafka_settings *settings, enum kafka_handle handle,
                       char text[KAFKA_TRANSACTIONAL_ID_SIZE])
{
        size_t n;

        kafka_transactional_id(settings->group, settings->instance, text);
        n = strlen(text);
        if (handle == KAFKA_INTAKE_PRODUCER)
                snprintf(text + n, KAFKA_TRANSACTIONAL_ID_SIZE - n, KAFKA_INTAKE_SUFFIX);
}

static int set_producer(rd_kafka_conf_t *conf, const struct kafka_settings *s,
                        enum kafka_handle handle, struct error *err)
{
        char id[KAFKA_TRANSACTIONAL_ID_SIZE];

        kafka_producer_id(s, handle, id);
        if (SET_ROWS(conf, of_producer, err) != 0 ||
            set(conf, "transactional.id", id, false, err) != 0 ||
            set_number(conf, "transaction.timeout.ms", s->transaction_timeout_ms, err) != 0 ||
            set_number(conf, "queue.buffering.max.messages",
                       4 * (long long)s->max_transaction_entries + 1000, err) != 0 ||
            set_number(conf, "queue.buffering.max.kbytes", 1 << 20, err) != 0)
                return (int)err->code;
        return 0;
}

/* A group of its own: its members share the foreign topics. */
static int set_intake(rd_kafka_conf_t *conf, const struct kafka_settings *s, struct error *err)
{
        char group[KAFKA_GROUP_SIZE];

        kafka_group_id(s, KAFKA_INTAKE, group);
        if (set_readers(conf, s, err) != 0 || SET_ROWS(conf, of_intake, err) != 0 ||
            set(conf, "group.id", group, false, err) != 0 ||
            set_number(conf, "session.timeout.ms", KAFKA_SESSION_TIMEOUT_MS, err) != 0)
                return (int)err->code;
        if (!s->embedded && kafka_instance_is_static(s->instance))
                return set(conf, "group.instance.id", s->instance, false, err);
        return 0;
}

/* They ask about the group's offsets, and never join it. */
static int set_asker(rd_kafka_conf_t *conf, const struct kafka_settings *s, const struct row *row,
                     struct error *err)
{
        if (set_readers(conf, s, err) != 0 || set_rows(conf, row, 1, err) != 0)
                return (int)err->code;
        return set(conf, "group.id", s->group, false, err);
}

static int set_reader(rd_kafka_conf_t *conf, const struct kafka_settings *s, struct error *err)
{
        return set_readers(conf, s, err) != 0 || SET_ROWS(conf, of_reader, err) != 0
                       ? (int)err->code
                       : 0;
}

static int set_defaults(rd_kafka_conf_t *conf, const struct kafka_settings *s,
                        enum kafka_handle handle, struct error *err)
{
        char client[300];

        snprintf(client, sizeof client, "crr-retryd-%s", s->instance);
        if (SET_ROWS(conf, of_all, err) != 0 || set(conf, "client.id", client, false, err) != 0)
                return (int)err->code;
        switch (handle) {
        case KAFKA_CONSUMER:
                return set_consumer(conf, s, err);
        case KAFKA_PRODUCER:
        case KAFKA_INTAKE_PRODUCER:
                return set_producer(conf, s, handle, err);
        case KAFKA_AUX:
                return set_asker(conf, s, of_aux, err);
        case KAFKA_BARRIER:
                return set_asker(conf, s, of_barrier, err);
        case KAFKA_READER:
                return set_reader(conf, s, err);
        case KAFKA_INTAKE:
                return set_intake(conf, s, err);
        }
        return 0;
}

/* What the operator sets wins over our defaults; what may not be set was refused before. */
static int set_all(rd_kafka_conf_t *conf, const struct kafka_settings *s, enum kafka_handle handle,
                   const char *bootstrap, struct error *err)
{
        if (set_defaults(conf, s, handle, err) != 0 ||
            set_properties(conf, s->properties, s->n_properties, err) != 0)
                return (int)err->code;
        if (bootstrap != NULL && set(conf, "bootstrap.servers", bootstrap, false, err) != 0)
                return (int)err->code;
        if (handle == KAFKA_CONSUMER || handle == KAFKA_INTAKE)
                return set_properties(conf, s->consumer_properties, s->n_consumer_properties, err);
        if (kafka_handle_is_producer(handle))
                return set_properties(conf, s->producer_properties, s->n_producer_properties, err);
        return 0;
}

rd_kafka_conf_t *kafka_conf_new(const struct kafka_settings *settings, enum kafka_handle handle,
                                const char *bootstrap, struct error *err)
{
        rd_kafka_conf_t *conf = rd_kafka_conf_new();

        rd_kafka_conf_set_log_cb(conf, on_log);
        if (set_all(conf, settings, handle, bootstrap, err) == 0)
                return conf;
        rd_kafka_conf_destroy(conf);
        return NULL;
}

rd_kafka_t *kafka_handle_new(rd_kafka_conf_t *conf, enum kafka_handle handle, struct error *err)
{
        char said[256];
        rd_kafka_type_t type =
                kafka_handle_is_producer(handle) ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER;
        rd_kafka_t *rk = rd_kafka_new(type, conf, said, sizeof said);

        if (rk == NULL) {
                rd_kafka_conf_destroy(conf);
                error_set(err, ERR_BAD_CONFIG, "the Kafka %s cannot be made: %s",
                          kafka_handle_name(handle), said);
        }
        return rk;
}

static const char *find(const struct kafka_property *properties, size_t n, const char *name)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(properties[i].name, name) == 0)
                        return properties[i].value;
        return NULL;
}

const char *kafka_settings_property(const struct kafka_settings *settings, const char *name)
{
        return find(settings->properties, settings->n_properties, name);
}

const char *kafka_consumer_property(const struct kafka_settings *settings, const char *name)
{
        const char *own =
                find(settings->consumer_properties, settings->n_consumer_properties, name);

        return own != NULL ? own : kafka_settings_property(settings, name);
}

/* COPIES */

static char *copy_text(const char *text)
{
        char *copy = text != NULL ? strdup(text) : NULL;

        if (text != NULL && copy == NULL)
                abort();
        return copy;
}

static struct kafka_property *copy_properties(const struct kafka_property *properties, size_t n)
{
        struct kafka_property *copy = calloc(n + 1, sizeof *copy);

        if (copy == NULL)
                abort();
        for (size_t i = 0; i < n; i++)
                copy[i] = (struct kafka_property){ copy_text(properties[i].name),
                                                   copy_text(properties[i].value) };
        return copy;
}

static const char *const *copy_list(const char *const *list, size_t n)
{
        const char **copy = calloc(n + 1, sizeof *copy);

        if (copy == NULL)
                abort();
        for (size_t i = 0; i < n; i++)
                copy[i] = copy_text(list[i]);
        return copy;
}

static void free_list(const char *const *list, size_t n)
{
        for (size_t i = 0; i < n; i++)
                free((char *)list[i]);
        free((void *)list);
}

struct kafka_settings kafka_settings_copy(const struct kafka_settings *settings)
{
        struct kafka_settings copy = *settings;

        copy.properties = copy_properties(settings->properties, settings->n_properties);
        copy.consumer_properties =
                copy_properties(settings->consumer_properties, settings->n_consumer_properties);
        copy.producer_properties =
                copy_properties(settings->producer_properties, settings->n_producer_properties);
        copy.intake_topics = copy_list(settings->intake_topics, settings->n_intake_topics);
        copy.group = copy_text(settings->group);
        copy.instance = copy_text(settings->instance);
        copy.failures_topic = copy_text(settings->failures_topic);
        copy.replication_topic = copy_text(settings->replication_topic);
        copy.status_topic = copy_text(settings->status_topic);
        copy.replication_partitioner = copy_text(settings->replication_partitioner);
        copy.failures_partitioner = copy_text(settings->failures_partitioner);
        return copy;
}

static void free_properties(const struct kafka_property *properties, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                free((char *)properties[i].name);
                free((char *)properties[i].value);
        }
        free((struct kafka_property *)properties);
}

void kafka_settings_deinit(struct kafka_settings *settings)
{
        free_properties(settings->properties, settings->n_properties);
        free_properties(settings->consumer_properties, settings->n_consumer_properties);
        free_properties(settings->producer_properties, settings->n_producer_properties);
        free_list(settings->intake_topics, settings->n_intake_topics);
        free((char *)settings->group);
        free((char *)settings->instance);
        free((char *)settings->failures_topic);
        free((char *)settings->replication_topic);
        free((char *)settings->status_topic);
        free((char *)settings->replication_partitioner);
        free((char *)settings->failures_partitioner);
}
