/* SPDX-License-Identifier: Apache-2.0 */
#include "crr/kafka/kafka_embedded.h"

#include <stdlib.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

struct kafka_embedded {
        rd_kafka_t *host; /* the cluster lives in a handle */
        rd_kafka_mock_cluster_t *cluster;
};

/* The host handle has no broker of its own, and would say so. */
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
        (void)rk;
        (void)level;
        (void)facility;
        (void)text;
}

struct kafka_embedded *kafka_embedded_new(struct error *err)
{
        struct kafka_embedded *e = calloc(1, sizeof *e);
        rd_kafka_conf_t *conf = rd_kafka_conf_new();
        char said[256];

        rd_kafka_conf_set_log_cb(conf, on_log);
        if (e == NULL)
                abort();
        e->host = rd_kafka_new(RD_KAFKA_PRODUCER, conf, said, sizeof said);
        if (e->host != NULL)
                e->cluster = rd_kafka_mock_cluster_new(e->host, 1);
        if (e->cluster == NULL) {
                error_set(err, ERR_SYSTEM, "the embedded broker cannot be started");
                kafka_embedded_free(e);
                return NULL;
        }
        return e;
}

void kafka_embedded_free(struct kafka_embedded *e)
{
        if (e == NULL)
                return;
        if (e->cluster != NULL)
                rd_kafka_mock_cluster_destroy(e->cluster);
        if (e->host != NULL)
                rd_kafka_destroy(e->host);
        free(e);
}

int kafka_embedded_create_topic(struct kafka_embedded *e, const char *topic, int partitions,
                                struct error *err)
{
        rd_kafka_resp_err_t code = rd_kafka_mock_topic_create(e->cluster, topic, partitions, 1);

        if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
                return 0;
        return error_set(err, ERR_SYSTEM, "the topic %s cannot be made: %s", topic,
                         rd_kafka_err2str(code));
}

const char *kafka_embedded_bootstrap(const struct kafka_embedded *e)
{
        return rd_kafka_mock_cluster_bootstraps(e->cluster);
}
