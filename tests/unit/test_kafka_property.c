/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>

#include <librdkafka/rdkafka.h>

#include "check.h"
#include "crr/kafka/kafka.h"

static struct error err;

static void what_we_decide_ourselves_is_refused_with_a_reason(void)
{
        static const char *const names[] = {
                "group.id",
                "group.instance.id",
                "client.id",
                "transactional.id",
                "transaction.timeout.ms",
                "message.timeout.ms",
                "delivery.timeout.ms", /* another name of the one before */
                "enable.auto.commit",
                "enable.auto.offset.store",
                "isolation.level",
                "auto.offset.reset",
                "enable.partition.eof",
                "partition.assignment.strategy",
                "enable.idempotence",
                "acks",
                "request.required.acks",
                "partitioner",
                "allow.auto.create.topics",
                "client.rack",
                "message.max.bytes",
                "queue.buffering.max.messages",
        };

        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
                const char *why = kafka_property_refusal(names[i]);

                if (why == NULL || why[0] == '\0')
                        check_fail(__FILE__, __LINE__, "refused", names[i]);
        }
}

static void everything_else_of_the_library_may_be_set(void)
{
        static const char *const names[] = {
                "bootstrap.servers",
                "security.protocol",
                "ssl.ca.location",
                "sasl.mechanisms",
                "sasl.username",
                "sasl.password",
                "linger.ms",
                "compression.codec",
                "session.timeout.ms",
                "fetch.wait.max.ms",
                "debug",
                "compression.type", /* a topic's */
        };

        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                if (kafka_property_refusal(names[i]) != NULL)
                        check_fail(__FILE__, __LINE__, "allowed", names[i]);
}

/* By its name alone: nothing is said of a value, which may be a secret. */
static void what_the_library_does_not_know_is_refused(void)
{
        static const char *const names[] = { "Group.id", "group.id ", "", "sasl.passwordd" };

        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                CHECK_STR(kafka_property_refusal(names[i]), "librdkafka has no such property");
}

static void the_environment_spells_a_name_in_capitals(void)
{
        static const struct {
                const char *upper, *want; /* NULL: none such */
        } table[] = {
                { "BOOTSTRAP_SERVERS", "bootstrap.servers" },
                { "SASL_PASSWORD", "sasl.password" },
                { "LINGER_MS", "linger.ms" },
                { "SSL_CA_LOCATION", "ssl.ca.location" },
                { "TOPIC_METADATA_REFRESH_INTERVAL_MS", "topic.metadata.refresh.interval.ms" },
                { "DEBUG", "debug" },
                { "BOOTSTRAP_SERVER", NULL },
                { "BOOTSTRAP_SERVERS_", NULL },
                { "BOOTSTRAP.SERVERS", NULL },
                { "bootstrap_servers", NULL },
                { "NO_SUCH_THING", NULL },
                { "", NULL },
                { "|", NULL },
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                const char *name = kafka_property_from_env(table[i].upper);

                if ((name == NULL) != (table[i].want == NULL))
                        check_fail(__FILE__, __LINE__, table[i].upper,
                                   name != NULL ? name : "none");
                if (name != NULL)
                        CHECK_STR(name, table[i].want);
        }
}

/* The names are those of a configuration. */
static void every_property_of_the_library_has_its_spelling(void)
{
        rd_kafka_conf_t *conf = rd_kafka_conf_new();
        size_t n, found = 0;
        const char **dump = rd_kafka_conf_dump(conf, &n);

        for (size_t i = 0; i < n; i += 2) {
                char upper[128];
                const char *name;
                size_t k;

                for (k = 0; dump[i][k] != '\0' && k < sizeof upper - 1; k++)
                        upper[k] =
                                dump[i][k] == '.' ? '_' : (char)toupper((unsigned char)dump[i][k]);
                upper[k] = '\0';
                name = kafka_property_from_env(upper);
                found += name != NULL && strcmp(name, dump[i]) == 0;
        }
        CHECK(n > 100);
        CHECK(found * 10 >= n / 2 * 9); /* some are hidden: not in the library's own table */
        rd_kafka_conf_dump_free(dump, n);
        rd_kafka_conf_destroy(conf);
}

static void what_is_secret_is_known(void)
{
        static const struct {
                const char *name;
                bool secret;
        } table[] = {
                { "sasl.password", true },           { "ssl.key.password", true },
                { "ssl.keystore.password", true },   { "ssl.key.pem", true },
                { "sasl.oauthbearer.config", true }, { "sasl.oauthbearer.client.secret", true },
                { "ssl.some.new.password", true },   { "sasl.username", false },
                { "bootstrap.servers", false },      { "ssl.key.location", false },
                { "ssl.certificate.pem", false },
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++)
                if (kafka_property_is_secret(table[i].name) != table[i].secret)
                        check_fail(__FILE__, __LINE__, "secret or not", table[i].name);
}

static void a_value_is_tried_as_the_library_would(void)
{
        static const struct {
                const char *name, *value, *said; /* NULL: it is good */
        } table[] = {
                { "linger.ms", "5", NULL },
                { "bootstrap.servers", "a:1,b:2", NULL },
                { "security.protocol", "sasl_ssl", NULL },
                { "retry.backoff.ms", "soon", "retry.backoff.ms" },
                { "retry.backoff.ms", "-1", "retry.backoff.ms" },
                { "security.protocol", "magic", "security.protocol" },
                { "no.such.property", "1", "no.such.property" },
                { "session.timeout.ms", "6000", NULL },
                { "session.timeout.ms", "5999", "at least 6000" },
                { "session.timeout.ms", "020000", "must be digits" }, /* to the library: 8192 */
                { "session.timeout.ms", "7000 ", "must be digits" },
                { "session.timeout.ms", "x", "session.timeout.ms" },
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                int rc = kafka_property_check(table[i].name, table[i].value, &err);

                CHECK_INT(rc, table[i].said == NULL ? 0 : ERR_BAD_CONFIG);
                if (table[i].said != NULL && strstr(err.message, table[i].said) == NULL)
                        check_fail(__FILE__, __LINE__, table[i].said, err.message);
        }
}

static void the_library_tells_its_version(void)
{
        CHECK(isdigit((unsigned char)kafka_library_version()[0]));
}

int main(void)
{
        RUN(what_we_decide_ourselves_is_refused_with_a_reason);
        RUN(everything_else_of_the_library_may_be_set);
        RUN(what_the_library_does_not_know_is_refused);
        RUN(the_environment_spells_a_name_in_capitals);
        RUN(every_property_of_the_library_has_its_spelling);
        RUN(what_is_secret_is_known);
        RUN(a_value_is_tried_as_the_library_would);
        RUN(the_library_tells_its_version);
        return 0;
}
