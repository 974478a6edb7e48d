/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "crr/base/time.h"
#include "pipeline.h"

#define FEED_SLICE 1000
#define FLUSH_MS   10000

double pipeline_now(void)
{
        return (double)time_monotonic_us() / 1e6;
}

static bool set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
        char said[256];

        if (rd_kafka_conf_set(conf, name, value, said, sizeof said) == RD_KAFKA_CONF_OK)
                return true;
        fprintf(stderr, "crr-demo: %s\n", said);
        return false;
}

static bool set_pair(rd_kafka_conf_t *conf, const char *pair)
{
        const char *equals = strchr(pair, '=');
        char name[128];

        snprintf(name, sizeof name, "%.*s", (int)(equals - pair), pair);
        return set(conf, name, equals + 1);
}

rd_kafka_conf_t *pipeline_conf(const struct options *o)
{
        rd_kafka_conf_t *conf = rd_kafka_conf_new();
        bool good = set(conf, "bootstrap.servers", o->bootstrap) &&
                    set(conf, "client.id", "crr-demo") && set(conf, "socket.nagle.disable", "true");

        for (size_t i = 0; good && i < o->n_properties; i++)
                good = set_pair(conf, o->properties[i]);
        if (good)
                return conf;
        rd_kafka_conf_destroy(conf);
        return NULL;
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
        struct writer *w = opaque;

        (void)rk;
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
                w->written++;
                return;
        }
        if (w->refused++ == 0)
                fprintf(stderr, "crr-demo: a record was refused: %s\n",
                        rd_kafka_err2str(message->err));
}

bool writer_init(struct writer *w, const struct options *o)
{
        rd_kafka_conf_t *conf = pipeline_conf(o);
        char said[256];

        memset(w, 0, sizeof *w);
        buf_init(&w->key, SIZE_MAX);
        buf_init(&w->value, SIZE_MAX);
        if (conf == NULL || !set(conf, "compression.codec", "lz4") ||
            !set(conf, "linger.ms", "5") || !set(conf, "partitioner", "murmur2_random") ||
            !set(conf, "queue.buffering.max.messages", "200000") ||
            !set(conf, "message.max.bytes", "5000020"))
                return false;
        rd_kafka_conf_set_opaque(conf, w);
        rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
        w->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, said, sizeof said);
        if (w->producer == NULL) {
                fprintf(stderr, "crr-demo: %s\n", said);
                rd_kafka_conf_destroy(conf);
                return false;
        }
        return true;
}

rd_kafka_topic_t *writer_open_topic(struct writer *w, const char *name)
{
        if (!pipeline_wait_topic(w->producer, name))
                return NULL;
        return rd_kafka_topic_new(w->producer, name, NULL);
}

void writer_send(struct writer *w, rd_kafka_topic_t *topic, struct str key, struct str value)
{
        while (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY,
                                (void *)value.base, value.len, key.base, key.len, NULL) != 0) {
                if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
                        w->refused++;
                        return;
                }
                rd_kafka_poll(w->producer, 10);
                if (pipeline_stop)
                        return;
        }
        rd_kafka_poll(w->producer, 0);
}

void writer_flush(struct writer *w)
{
        if (w->producer != NULL)
                rd_kafka_flush(w->producer, FLUSH_MS);
}

void writer_deinit(struct writer *w)
{
        if (w->producer != NULL)
                rd_kafka_destroy(w->producer);
        buf_deinit(&w->key);
        buf_deinit(&w->value);
}

static bool is_due(const struct feeder *f)
{
        double rate = f->options->rate;

        return rate <= 0 || (double)f->next < (pipeline_now() - f->started) * rate + 1;
}

bool feeder_turn(struct feeder *f)
{
        for (int n = 0; n < FEED_SLICE && f->next < f->total && is_due(f) && !pipeline_stop; n++)
                f->speech->feed(f->data, f->next++);
        rd_kafka_poll(f->writer->producer, 0);
        return f->next < f->total;
}
