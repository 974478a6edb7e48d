/* SPDX-License-Identifier: Apache-2.0 */
/* Names of librdkafka's properties: which are ours, which are secret, and how the environment
 * spells them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "crr/base/str.h"
#include "crr/kafka/kafka.h"

#define SESSION_LEAST_MS 6000 /* what brokers want at least, too: group.min.session.timeout.ms */

/* consumer_properties are for two consumers, that of the failure log and that of the intake: what
 * is said is true of both. */
static const struct {
        const char *name, *why;
} refused[] = {
        { "group.id", "it is the setting kafka.group" },
        { "group.instance.id", "it follows from the setting instance.id" },
        { "client.id", "it is made from the setting instance.id" },
        { "transactional.id", "it is made from kafka.group and instance.id" },
        { "transaction.timeout.ms", "it is the setting retry.transaction_timeout" },
        { "message.timeout.ms", "it must follow the transaction timeout" },
        { "delivery.timeout.ms", "it must follow the transaction timeout" },
        { "enable.auto.commit", "offsets are committed in transactions only" },
        { "enable.auto.offset.store", "offsets are committed in transactions only" },
        { "auto.commit.interval.ms", "offsets are committed in transactions only" },
        { "isolation.level", "each handle needs its own" },
        { "auto.offset.reset",
          "it is error for the failure log, which is always read from its beginning, and earliest "
          "for the topics of the intake" },
        { "enable.partition.eof", "we must know where a partition ends" },
        { "partition.assignment.strategy",
          "it is cooperative-sticky for the failure log and roundrobin for the topics of the "
          "intake" },
        { "group.protocol", "only the classic protocol is supported" },
        { "enable.idempotence", "transactions depend on it" },
        { "acks", "transactions depend on it" },
        { "request.required.acks", "transactions depend on it" },
        { "partitioner", "they are the settings partitioner.failures and partitioner.replication" },
        { "allow.auto.create.topics", "topics are created by kafka.create_topics only" },
        { "client.rack", "reading from followers is not supported" },
        { "message.max.bytes", "it is as large as the topics of a pipeline allow" },
        { "queue.buffering.max.messages", "it follows from retry.max_transaction_entries" },
};

/* Names of topics' properties, too, which only a handle that is set knows. */
static bool is_known(const char *name)
{
        rd_kafka_conf_t *conf = rd_kafka_conf_new();
        char text[300];
        bool known = rd_kafka_conf_set(conf, name, "", text, sizeof text) != RD_KAFKA_CONF_UNKNOWN;

        rd_kafka_conf_destroy(conf);
        return known;
}

const char *kafka_property_refusal(const char *name)
{
        for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
                if (strcmp(refused[i].name, name) == 0)
                        return refused[i].why;
        return is_known(name) ? NULL : "librdkafka has no such property";
}

bool kafka_property_is_secret(const char *name)
{
        static const char *const secrets[] = {
                "sasl.password",
                "ssl.key.password",
                "ssl.keystore.password",
                "ssl.key.pem",
                "sasl.oauthbearer.config",
                "ssl_key",
                "sasl.oauthbearer.client.secret",
        };

        for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
                if (strcmp(secrets[i], name) == 0)
                        return true;
        return strstr(name, "password") != NULL || strstr(name, "secret") != NULL;
}

static char upper_of(char c)
{
        if (c == '.')
                return '_';
        return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static bool is_spelling_of(const char *upper, const char *name, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (upper[i] != upper_of(name[i]))
                        return false;
        return upper[n] == '\0';
}

/* The library prints its properties as a table, "name | C/P | ...", a line each. */
static char *property_table(void)
{
        char *text = NULL;
        size_t n = 0;
        FILE *out = open_memstream(&text, &n);

        if (out == NULL)
                abort();
        rd_kafka_conf_properties_show(out);
        fclose(out);
        return text;
}

const char *kafka_property_from_env(const char *upper)
{
        static char found[128];
        char *table = property_table();
        const char *result = NULL;

        for (char *line = table; line != NULL && *line != '\0'; line = strchr(line, '\n')) {
                size_t n;

                line += *line == '\n';
                n = strcspn(line, " |\n");
                if (n == 0 || n >= sizeof found || !is_spelling_of(upper, line, n))
                        continue;
                memcpy(found, line, n);
                found[n] = '\0';
                result = found;
                break;
        }
        free(table);
        return result;
}

/* A member answers for a partition until 2 s before its session may be over. librdkafka would take
 * other spellings of a number, and not all for the same one as we. */
static int check_session_timeout(const char *value, struct error *err)
{
        unsigned long long ms;

        if (value[0] != '0' && str_to_u64(str_from(value), INT64_MAX, &ms) &&
            ms >= SESSION_LEAST_MS)
                return 0;
        return error_set(err, ERR_BAD_CONFIG,
                         "must be digits, and at least %d, or members are not sure of their "
                         "partitions for long enough to answer",
                         SESSION_LEAST_MS);
}

int kafka_property_check(const char *name, const char *value, struct error *err)
{
        rd_kafka_conf_t *conf = rd_kafka_conf_new();
        char text[300];
        int rc = 0;

        if (rd_kafka_conf_set(conf, name, value, text, sizeof text) != RD_KAFKA_CONF_OK)
                rc = error_set(err, ERR_BAD_CONFIG, "%s", text);
        else if (strcmp(name, "session.timeout.ms") == 0)
                rc = check_session_timeout(value, err);
        rd_kafka_conf_destroy(conf);
        return rc;
}

const char *kafka_library_version(void)
{
        return rd_kafka_version_str();
}
