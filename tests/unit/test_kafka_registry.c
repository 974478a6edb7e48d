/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a dead member's producers. The test stands in librdkafka's place, and says of each
 * producer that would have fenced one how it was made. */
#include "../../src/kafka/kafka_registry.h"
#include "crr/base/log.h"
#include "mock_broker.h"

#define FENCED_MAX 4

static struct mock_broker mock;
static struct kafka_property properties[] = { { "bootstrap.servers", NULL },
                                              { "sasl.username", "user" },
                                              { "sasl.password", "old" } };
static struct kafka_credentials credentials;
static struct kafka_registry registry;
static struct fenced {
        char transactional_id[64], password[32];
} fenced[FENCED_MAX];
static size_t n_fenced;

static void property(rd_kafka_t *producer, const char *name, char *text, size_t size)
{
        CHECK(rd_kafka_conf_get(rd_kafka_conf(producer), name, text, &size) == RD_KAFKA_CONF_OK);
}

/* On a thread of the pool, one after the other. */
rd_kafka_error_t *rd_kafka_init_transactions(rd_kafka_t *rk, int timeout_ms)
{
        struct fenced *f = &fenced[n_fenced++];

        (void)timeout_ms;
        CHECK(n_fenced <= FENCED_MAX);
        property(rk, "transactional.id", f->transactional_id, sizeof f->transactional_id);
        property(rk, "sasl.password", f->password, sizeof f->password);
        return NULL;
}

static void begin(size_t n_intake_topics)
{
        mock_broker_init(&mock, 1);
        properties[0] = mock.properties[0];
        mock.settings.properties = properties;
        mock.settings.n_properties = 3;
        mock.settings.n_intake_topics = n_intake_topics;
        kafka_credentials_init(&credentials, &mock.settings);
        n_fenced = 0;
        registry = (struct kafka_registry){ .settings = &mock.settings,
                                            .trouble = &mock.trouble,
                                            .credentials = &credentials };
        kafka_registry_start(&registry, &mock.loop, NULL, NULL);
}

static void end_producers_of(const char *transactional_id)
{
        kafka_registry_fence(&registry, transactional_id);
        MOCK_BROKER_WAIT(&mock, registry.n_running == 0);
}

static void who_takes_nothing_in_had_one_producer(void)
{
        begin(0);
        end_producers_of("dead");
        CHECK_INT(n_fenced, 1);
        CHECK_STR(fenced[0].transactional_id, "dead");
        CHECK_STR(fenced[0].password, "old");
        mock_broker_deinit(&mock);
}

static void who_takes_foreign_records_in_had_two(void)
{
        begin(1);
        end_producers_of("dead");
        CHECK_INT(n_fenced, 2);
        CHECK_STR(fenced[0].transactional_id, "dead");
        CHECK_STR(fenced[1].transactional_id, "dead-intake");
        mock_broker_deinit(&mock);
}

static void they_are_ended_with_the_credentials_of_now(void)
{
        begin(1);
        CHECK(kafka_credentials_set(&credentials, "user", "new"));
        end_producers_of("dead");
        CHECK_INT(n_fenced, 2);
        CHECK_STR(fenced[0].password, "new");
        CHECK_STR(fenced[1].password, "new");
        mock_broker_deinit(&mock);
}

int main(void)
{
        log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
        RUN(who_takes_nothing_in_had_one_producer);
        RUN(who_takes_foreign_records_in_had_two);
        RUN(they_are_ended_with_the_credentials_of_now);
        return 0;
}
