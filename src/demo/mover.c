/* SPDX-License-Identifier: Apache-2.0 */
/* The data mover: it takes retry entries, "replicates" them, and writes how that went. */
#include <stdio.h>

#include "crr/base/limits.h"
#include "pipeline.h"

#define WAIT_SAID_EVERY 20 /* looks for a missing topic */

bool pipeline_wait_topic(rd_kafka_t *handle, const char *topic)
{
        rd_kafka_topic_t *t = rd_kafka_topic_new(handle, topic, NULL);
        bool found = false;

        for (unsigned n = 0; !found && !pipeline_stop; n++) {
                const struct rd_kafka_metadata *metadata;
                rd_kafka_resp_err_t err = rd_kafka_metadata(handle, 0, t, &metadata, 500);

                if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
                        found = metadata->topic_cnt == 1 && metadata->topics[0].partition_cnt > 0;
                        rd_kafka_metadata_destroy(metadata);
                }
                if (!found && n % WAIT_SAID_EVERY == 0)
                        fprintf(stderr, "crr-demo: waiting for the topic %s%s%s\n", topic,
                                err != RD_KAFKA_RESP_ERR_NO_ERROR ? ": " : "",
                                err != RD_KAFKA_RESP_ERR_NO_ERROR ? rd_kafka_err2str(err) : "");
                if (!found)
                        rd_kafka_poll(handle, 200);
        }
        rd_kafka_topic_destroy(t);
        return found;
}

static unsigned attempt_of(const rd_kafka_message_t *message)
{
        rd_kafka_headers_t *headers;
        const void *value;
        unsigned long long attempt = 1;
        size_t n;

        if (rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR &&
            rd_kafka_header_get_last(headers, "crr-retry-attempt", &value, &n) ==
                    RD_KAFKA_RESP_ERR_NO_ERROR)
                str_to_u64((struct str){ value, n }, LIMIT_ATTEMPTS, &attempt);
        return (unsigned)attempt;
}

static void take(struct mover *m, const rd_kafka_message_t *message)
{
        struct str value = { message->payload != NULL ? message->payload : "", message->len };

        switch (m->speech->take(m->data, value, attempt_of(message))) {
        case TAKEN_UNREADABLE:
                m->unreadable++;
                break;
        case TAKEN_FAILED_AGAIN:
                m->moved++;
                m->failed_again++;
                break;
        case TAKEN_COMPLETED:
                m->moved++;
                break;
        }
}

bool mover_init(struct mover *m, const struct options *o, struct writer *w,
                const struct speech *speech, void *data)
{
        rd_kafka_conf_t *conf = pipeline_conf(o);
        rd_kafka_topic_partition_list_t *topics;
        char said[256];

        *m = (struct mover){ .options = o, .writer = w, .speech = speech, .data = data };
        m->started = pipeline_now();
        if (conf == NULL)
                return false;
        rd_kafka_conf_set(conf, "group.id", "crr-demo-mover", said, sizeof said);
        rd_kafka_conf_set(conf, "session.timeout.ms", "6000", said, sizeof said);
        rd_kafka_conf_set(conf, "heartbeat.interval.ms", "1000", said, sizeof said);
        rd_kafka_conf_set(conf, "auto.offset.reset", "earliest", said, sizeof said);
        rd_kafka_conf_set(conf, "isolation.level", "read_committed", said, sizeof said);
        rd_kafka_conf_set(conf, "fetch.wait.max.ms", "50", said, sizeof said);
        m->consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, said, sizeof said);
        if (m->consumer == NULL) {
                fprintf(stderr, "crr-demo: %s\n", said);
                rd_kafka_conf_destroy(conf);
                return false;
        }
        rd_kafka_poll_set_consumer(m->consumer);
        if (!pipeline_wait_topic(m->consumer, o->replication_topic))
                return false;
        topics = rd_kafka_topic_partition_list_new(1);
        rd_kafka_topic_partition_list_add(topics, o->replication_topic, RD_KAFKA_PARTITION_UA);
        rd_kafka_subscribe(m->consumer, topics);
        rd_kafka_topic_partition_list_destroy(topics);
        return true;
}

bool mover_turn(struct mover *m, int wait_ms)
{
        double rate = m->options->move_rate;
        rd_kafka_message_t *message;

        if (rate > 0 && (double)m->moved >= (pipeline_now() - m->started) * rate + 1) {
                rd_kafka_poll(m->writer->producer, wait_ms > 0 ? wait_ms : 0);
                return false;
        }
        message = rd_kafka_consumer_poll(m->consumer, wait_ms);
        if (message == NULL)
                return false;
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
                take(m, message);
        rd_kafka_message_destroy(message);
        return true;
}

void mover_deinit(struct mover *m)
{
        if (m->consumer == NULL)
                return;
        rd_kafka_consumer_close(m->consumer);
        rd_kafka_destroy(m->consumer);
}
