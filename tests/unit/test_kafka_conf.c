/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "kafka_conf.h"

#define CONSUMER (1u << KAFKA_CONSUMER)
#define PRODUCER (1u << KAFKA_PRODUCER)
#define AUX      (1u << KAFKA_AUX)
#define READER   (1u << KAFKA_READER)
#define READERS  (CONSUMER | AUX | READER)
#define ALL      (READERS | PRODUCER)

static struct error err;

static struct kafka_settings settings_of(const struct kafka_property *properties, size_t n)
{
        return (struct kafka_settings){
                .properties = properties,
                .n_properties = n,
                .group = "crr-retry",
                .instance = "host",
                .failures_topic = "failures",
                .replication_topic = "replication",
                .replication_partitioner = "murmur2",
                .failures_partitioner = "murmur2",
                .transaction_timeout_ms = 12000,
                .max_transaction_entries = 10000,
        };
}

/* What librdkafka has been given; NULL: it does not know the name. */
static const char *value_of(rd_kafka_conf_t *conf, const char *name)
{
        static char value[512];
        size_t size = sizeof value;

        return rd_kafka_conf_get(conf, name, value, &size) == RD_KAFKA_CONF_OK ? value : NULL;
}

static bool is_unset(rd_kafka_conf_t *conf, const char *name)
{
        const char *value = value_of(conf, name);

        return value == NULL || value[0] == '\0';
}

static rd_kafka_conf_t *make(const struct kafka_settings *s, enum kafka_handle handle)
{
        rd_kafka_conf_t *conf = kafka_conf_new(s, handle, NULL, &err);

        if (conf == NULL)
                check_fail(__FILE__, __LINE__, kafka_handle_name(handle), err.message);
        return conf;
}

static void check_value(const struct kafka_settings *s, enum kafka_handle handle, const char *name,
                        const char *want)
{
        rd_kafka_conf_t *conf = make(s, handle);
        const char *value = value_of(conf, name);
        char what[200];

        snprintf(what, sizeof what, "%s %s = %s", kafka_handle_name(handle), name, want);
        if (value == NULL || strcmp(value, want) != 0)
                check_fail(__FILE__, __LINE__, what, value != NULL ? value : "unknown");
        rd_kafka_conf_destroy(conf);
}

/* The table of the design, row by row, as the library has it in the end. */
static void every_handle_has_its_settings(void)
{
        static const struct {
                unsigned handles;
                const char *name, *want;
        } table[] = {
                { ALL, "socket.nagle.disable", "true" },
                { ALL, "socket.keepalive.enable", "true" },
                { ALL, "reconnect.backoff.max.ms", "2000" },
                { ALL, "topic.metadata.refresh.interval.ms", "10000" },
                { ALL, "client.id", "crr-retryd-host" },
                { READERS, "enable.auto.commit", "false" },
                { READERS, "enable.auto.offset.store", "false" },
                { READERS, "allow.auto.create.topics", "false" },
                { READERS, "check.crcs", "false" },
                { CONSUMER, "group.id", "crr-retry" },
                { CONSUMER, "partition.assignment.strategy", "cooperative-sticky" },
                { CONSUMER, "isolation.level", "read_committed" },
                { CONSUMER, "auto.offset.reset", "error" },
                { CONSUMER, "enable.partition.eof", "true" },
                { CONSUMER, "session.timeout.ms", "10000" },
                { CONSUMER, "heartbeat.interval.ms", "500" },
                { CONSUMER, "max.poll.interval.ms", "300000" },
                { CONSUMER, "queued.min.messages", "100000" },
                { CONSUMER, "queued.max.messages.kbytes", "32768" },
                { CONSUMER, "fetch.message.max.bytes", "1048576" },
                { CONSUMER, "fetch.max.bytes", "16777216" },
                { CONSUMER, "fetch.wait.max.ms", "100" },
                { CONSUMER, "fetch.error.backoff.ms", "100" },
                { PRODUCER, "transactional.id", "crr-retryd-crr-retry-host" },
                { PRODUCER, "transaction.timeout.ms", "12000" },
                { PRODUCER, "retry.backoff.ms", "2" },
                { PRODUCER, "linger.ms", "10" },
                { PRODUCER, "batch.num.messages", "10000" },
                { PRODUCER, "batch.size", "1000000" },
                { PRODUCER, "queue.buffering.max.messages", "41000" },
                { PRODUCER, "compression.codec", "lz4" },
                { PRODUCER, "message.max.bytes", "5000020" },
                { AUX, "isolation.level", "read_uncommitted" },
                { READER, "isolation.level", "read_committed" },
                { READER, "enable.partition.eof", "true" },
        };
        struct kafka_settings s = settings_of(NULL, 0);

        for (size_t i = 0; i < sizeof table / sizeof *table; i++)
                for (int handle = 0; handle < KAFKA_HANDLES; handle++)
                        if (table[i].handles >> handle & 1)
                                check_value(&s, (enum kafka_handle)handle, table[i].name,
                                            table[i].want);
}

static void what_a_refusal_says_is_true_of_both_consumers(void)
{
        static const char *const names[] = { "auto.offset.reset", "partition.assignment.strategy" };
        static const enum kafka_handle handles[] = { KAFKA_CONSUMER, KAFKA_INTAKE };
        struct kafka_settings s = settings_of(NULL, 0);

        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                for (size_t h = 0; h < sizeof handles / sizeof *handles; h++) {
                        rd_kafka_conf_t *conf = make(&s, handles[h]);
                        const char *value = value_of(conf, names[i]);

                        if (strcmp(value, "smallest") == 0) /* the library's word for it */
                                value = "earliest";
                        if (strstr(kafka_property_refusal(names[i]), value) == NULL)
                                check_fail(__FILE__, __LINE__, names[i], value);
                        rd_kafka_conf_destroy(conf);
                }
}

/* An empty group is no group. The questions' handle asks about ours, without ever joining it. */
static void a_producer_names_no_group(void)
{
        struct kafka_settings s = settings_of(NULL, 0);
        rd_kafka_conf_t *conf = make(&s, KAFKA_PRODUCER);

        CHECK(is_unset(conf, "group.id"));
        rd_kafka_conf_destroy(conf);
        conf = make(&s, KAFKA_AUX);
        CHECK_STR(value_of(conf, "group.id"), "crr-retry");
        CHECK(is_unset(conf, "group.instance.id"));
        rd_kafka_conf_destroy(conf);
}

static void newer_properties_are_set_where_the_library_knows_them(void)
{
        static const struct {
                enum kafka_handle handle;
                const char *name, *want;
        } table[] = {
                { KAFKA_CONSUMER, "fetch.queue.backoff.ms", "10" },
                { KAFKA_CONSUMER, "enable.metrics.push", "false" },
        };
        struct kafka_settings s = settings_of(NULL, 0);

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                rd_kafka_conf_t *conf = make(&s, table[i].handle);
                const char *value = value_of(conf, table[i].name);

                CHECK(value == NULL || strcmp(value, table[i].want) == 0);
                rd_kafka_conf_destroy(conf);
        }
}

static void passthrough_goes_to_its_handles_and_wins_over_our_defaults(void)
{
        static const struct kafka_property all[] = { { "bootstrap.servers", "a:1" },
                                                     { "reconnect.backoff.max.ms", "77" },
                                                     { "linger.ms", "3" },
                                                     { "queued.min.messages", "777" },
                                                     { "session.timeout.ms", "30000" } };
        static const struct kafka_property consumer[] = { { "fetch.wait.max.ms", "55" },
                                                          { "reconnect.backoff.max.ms", "88" } };
        static const struct kafka_property producer[] = { { "linger.ms", "9" },
                                                          { "compression.codec", "zstd" } };
        struct kafka_settings s = settings_of(all, 5);

        s.consumer_properties = consumer;
        s.n_consumer_properties = 2;
        s.producer_properties = producer;
        s.n_producer_properties = 2;
        for (int handle = 0; handle < KAFKA_HANDLES; handle++)
                check_value(&s, (enum kafka_handle)handle, "bootstrap.servers", "a:1");
        check_value(&s, KAFKA_CONSUMER, "fetch.wait.max.ms", "55");
        check_value(&s, KAFKA_CONSUMER, "queued.min.messages", "777");
        check_value(&s, KAFKA_CONSUMER, "session.timeout.ms", "30000");
        check_value(&s, KAFKA_INTAKE, "fetch.wait.max.ms", "55");
        check_value(&s, KAFKA_INTAKE, "reconnect.backoff.max.ms", "88");
        check_value(&s, KAFKA_INTAKE, "group.id", "crr-retry-intake");
        check_value(&s, KAFKA_READER, "fetch.wait.max.ms", "10");
        check_value(&s, KAFKA_CONSUMER, "reconnect.backoff.max.ms", "88");
        check_value(&s, KAFKA_PRODUCER, "reconnect.backoff.max.ms", "77");
        check_value(&s, KAFKA_AUX, "reconnect.backoff.max.ms", "77");
        check_value(&s, KAFKA_PRODUCER, "linger.ms", "9");
        check_value(&s, KAFKA_PRODUCER, "compression.codec", "zstd");
}

static void an_embedded_broker_is_where_all_go(void)
{
        static const struct kafka_property all[] = { { "bootstrap.servers", "a:1" } };
        struct kafka_settings s = settings_of(all, 1);
        rd_kafka_conf_t *conf;

        s.embedded = true;
        s.instance = "host-3";
        for (int handle = 0; handle < KAFKA_HANDLES; handle++) {
                conf = kafka_conf_new(&s, (enum kafka_handle)handle, "127.0.0.1:99", &err);
                CHECK(conf != NULL);
                CHECK_STR(value_of(conf, "bootstrap.servers"), "127.0.0.1:99");
                rd_kafka_conf_destroy(conf);
        }
        check_value(&s, KAFKA_CONSUMER, "fetch.wait.max.ms", "10");
        conf = make(&s, KAFKA_CONSUMER);
        CHECK(is_unset(conf, "group.instance.id"));
        rd_kafka_conf_destroy(conf);
}

static void an_instance_with_a_number_is_a_static_member(void)
{
        static const struct {
                const char *instance;
                bool is_static;
        } table[] = {
                { "crr-retryd-0", true }, { "pod-12", true },    { "-1", true },
                { "host", false },        { "host-", false },    { "host-1a", false },
                { "host-a1", false },     { "host1", false },    { "", false },
                { "host-1-b", false },    { "host-1.2", false }, { "host-+1", false },
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++)
                if (kafka_instance_is_static(table[i].instance) != table[i].is_static)
                        check_fail(__FILE__, __LINE__, "static or not", table[i].instance);
}

static void only_a_static_member_has_an_instance_id(void)
{
        struct kafka_settings s = settings_of(NULL, 0);
        rd_kafka_conf_t *conf = make(&s, KAFKA_CONSUMER);

        CHECK(is_unset(conf, "group.instance.id"));
        rd_kafka_conf_destroy(conf);
        s.instance = "pod-3";
        check_value(&s, KAFKA_CONSUMER, "group.instance.id", "pod-3");
        check_value(&s, KAFKA_PRODUCER, "transactional.id", "crr-retryd-crr-retry-pod-3");
}

static void a_property_that_is_refused_is_named_without_secrets(void)
{
        static const struct {
                struct kafka_property property;
                const char *said, *never;
        } table[] = {
                { { "linger.ms", "soon" }, "kafka property linger.ms: ", "(nothing)" },
                { { "no.such.property", "1" }, "kafka property no.such.property: ", "(nothing)" },
                { { "ssl.key.password.twice", "hunter2" },
                  "kafka property ssl.key.password.twice: the value is refused",
                  "hunter2" },
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                struct kafka_settings s = settings_of(&table[i].property, 1);

                CHECK(kafka_conf_new(&s, KAFKA_PRODUCER, NULL, &err) == NULL);
                CHECK_INT(err.code, ERR_BAD_CONFIG);
                CHECK(strstr(err.message, table[i].said) != NULL);
                CHECK(strstr(err.message, table[i].never) == NULL);
        }
}

/* What one property alone does not show: the library looks at all of them together. */
static void what_does_not_go_together_is_refused_when_the_handle_is_made(void)
{
        static const struct kafka_property late[] = { { "message.timeout.ms", "60000" } };
        struct kafka_settings s = settings_of(NULL, 0);
        rd_kafka_t *handle;

        s.producer_properties = late;
        s.n_producer_properties = 1;
        handle = kafka_handle_new(make(&s, KAFKA_PRODUCER), KAFKA_PRODUCER, &err);
        CHECK(handle == NULL);
        CHECK_INT(err.code, ERR_BAD_CONFIG);
        CHECK(strstr(err.message, "the Kafka producer cannot be made: ") != NULL);
}

static void every_handle_can_be_made(void)
{
        struct kafka_settings s = settings_of(NULL, 0);

        for (int i = 0; i < KAFKA_HANDLES; i++) {
                enum kafka_handle handle = (enum kafka_handle)i;
                rd_kafka_t *rk = kafka_handle_new(make(&s, handle), handle, &err);

                if (rk == NULL)
                        check_fail(__FILE__, __LINE__, kafka_handle_name(handle), err.message);
                CHECK_INT(rd_kafka_type(rk),
                          kafka_handle_is_producer(handle) ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER);
                rd_kafka_destroy(rk);
        }
}

static void a_copy_of_the_settings_stands_alone(void)
{
        char name[] = "linger.ms", value[] = "7", group[] = "group", topic[] = "topic";
        struct kafka_property property = { name, value };
        struct kafka_settings s = settings_of(&property, 1), copy;

        s.group = group;
        s.failures_topic = topic;
        s.producer_properties = &property;
        s.n_producer_properties = 1;
        copy = kafka_settings_copy(&s);
        name[0] = value[0] = group[0] = topic[0] = 'X';
        CHECK_STR(copy.group, "group");
        CHECK_STR(copy.failures_topic, "topic");
        CHECK_STR(kafka_settings_property(&copy, "linger.ms"), "7");
        CHECK(kafka_settings_property(&copy, "linger") == NULL);
        CHECK_STR(copy.producer_properties[0].value, "7");
        CHECK_INT(copy.transaction_timeout_ms, 12000);
        kafka_settings_deinit(&copy);
}

int main(void)
{
        RUN(every_handle_has_its_settings);
        RUN(what_a_refusal_says_is_true_of_both_consumers);
        RUN(a_producer_names_no_group);
        RUN(newer_properties_are_set_where_the_library_knows_them);
        RUN(passthrough_goes_to_its_handles_and_wins_over_our_defaults);
        RUN(an_embedded_broker_is_where_all_go);
        RUN(an_instance_with_a_number_is_a_static_member);
        RUN(only_a_static_member_has_an_instance_id);
        RUN(a_property_that_is_refused_is_named_without_secrets);
        RUN(what_does_not_go_together_is_refused_when_the_handle_is_made);
        RUN(every_handle_can_be_made);
        RUN(a_copy_of_the_settings_stands_alone);
        return 0;
}
