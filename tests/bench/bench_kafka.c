/* SPDX-License-Identifier: Apache-2.0 */
#include "bench_kafka.h"

#include <time.h>

#include "meter.h"

#define METADATA_MS 10000
#define AGAIN_MS    100

void bench_kafka_init(struct bench_kafka *b, const char *bootstrap, const char *group)
{
        b->bootstrap = (struct kafka_property){ "bootstrap.servers", bootstrap };
        b->settings = (struct kafka_settings){
                .properties = &b->bootstrap,
                .n_properties = 1,
                .group = group,
                .instance = group,
                .transaction_timeout_ms = 10000,
                .max_transaction_entries = 10000,
        };
}

rd_kafka_conf_t *bench_kafka_conf(const struct bench_kafka *b, enum kafka_handle handle)
{
        struct error err;
        rd_kafka_conf_t *conf = kafka_conf_new(&b->settings, handle, NULL, &err);

        if (conf == NULL)
                bench_fail("%s", err.message);
        return conf;
}

rd_kafka_t *bench_kafka_handle(rd_kafka_conf_t *conf, enum kafka_handle handle)
{
        struct error err;
        rd_kafka_t *rk = kafka_handle_new(conf, handle, &err);

        if (rk == NULL)
                bench_fail("%s", err.message);
        return rk;
}

/* The partitions of a topic, 0 when there is none yet: a topic that was made a moment ago may not
 * be known to the broker as such. */
static int partitions_of(rd_kafka_t *handle, rd_kafka_topic_t *topic, rd_kafka_resp_err_t *ret_err)
{
        const struct rd_kafka_metadata *metadata;
        int n;

        *ret_err = rd_kafka_metadata(handle, 0, topic, &metadata, METADATA_MS);
        if (*ret_err != RD_KAFKA_RESP_ERR_NO_ERROR)
                return 0;
        *ret_err = metadata->topics[0].err;
        n = metadata->topics[0].partition_cnt;
        rd_kafka_metadata_destroy(metadata);
        return n;
}

rd_kafka_topic_t *bench_kafka_topic(rd_kafka_t *handle, const char *name, int *ret_partitions)
{
        rd_kafka_topic_t *topic = rd_kafka_topic_new(handle, name, NULL);
        rd_kafka_resp_err_t err;

        for (int waited_ms = 0;; waited_ms += AGAIN_MS) {
                *ret_partitions = partitions_of(handle, topic, &err);
                if (*ret_partitions > 0)
                        return topic;
                if (waited_ms >= METADATA_MS)
                        bench_fail("topic %s: %s", name, rd_kafka_err2str(err));
                nanosleep(&(struct timespec){ .tv_nsec = AGAIN_MS * 1000000L }, NULL);
        }
}

void bench_kafka_must(rd_kafka_error_t *error, const char *what)
{
        if (error != NULL)
                bench_fail("%s: %s", what, rd_kafka_error_string(error));
}

void bench_kafka_on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *data)
{
        (void)rk;
        (void)data;
        if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
                bench_fail("a record was not written: %s", rd_kafka_err2str(message->err));
}
