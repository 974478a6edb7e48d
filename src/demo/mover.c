/* SPDX-License-Identifier: Apache-2.0 */
/* The data mover: it takes retry entries, "replicates" them, and writes the outcome into the
 * failure log. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crr/base/json_read.h"
#include "crr/base/limits.h"
#include "crr/core/identity.h"
#include "generator.h"
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

/* READING A RETRY ENTRY: its value names the identity, natively or as the Entry of this demo. */

struct target {
        char bucket[LIMIT_BUCKET_BYTES], key[LIMIT_KEY_BYTES];
        char version_id[LIMIT_VERSION_ID_BYTES], site[LIMIT_SITE_BYTES];
        struct identity id;
        struct json_object object;
};

static int keep(char *to, size_t room, struct str from, struct str *ret, struct error *err)
{
        if (from.len > room)
                return error_set(err, ERR_BAD_JSON, "too long");
        memcpy(to, from.base, from.len);
        *ret = (struct str){ to, from.len };
        return 0;
}

static int set_bucket(void *target, const struct json_value *v, struct error *err)
{
        struct target *t = target;

        return keep(t->bucket, sizeof t->bucket, v->text, &t->id.bucket, err);
}

static int set_key(void *target, const struct json_value *v, struct error *err)
{
        struct target *t = target;

        return keep(t->key, sizeof t->key, v->text, &t->id.key, err);
}

static int set_version_id(void *target, const struct json_value *v, struct error *err)
{
        struct target *t = target;

        return keep(t->version_id, sizeof t->version_id, v->text, &t->id.version_id, err);
}

static int set_site(void *target, const struct json_value *v, struct error *err)
{
        struct target *t = target;

        return keep(t->site, sizeof t->site, v->text, &t->id.site, err);
}

static const struct json_field rows[] = {
        { "Bucket", JSON_STRING, true, true, set_bucket },
        { "Key", JSON_STRING, true, true, set_key },
        { "VersionId", JSON_STRING, true, true, set_version_id },
        { "StorageClass", JSON_STRING, true, true, set_site },
};
static const struct json_fields fields = { rows, sizeof rows / sizeof *rows, true };

static int on_value(void *data, unsigned depth, struct str name, const struct json_value *v,
                    struct error *err)
{
        struct target *t = data;

        return depth == 0 ? 0 : json_object_value(&t->object, depth, name, v, err);
}

static const struct json_events events = { .value = on_value };

static bool read_entry(struct mover *m, const rd_kafka_message_t *message, struct target *t)
{
        struct str value = { message->payload != NULL ? message->payload : "", message->len };
        struct error err;

        t->id = (struct identity){ 0 };
        json_object_begin(&t->object, &fields, t, 1);
        return json_read(m->json, value, &events, t, &err) == 0 &&
               json_object_end(&t->object, &err) == 0;
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

static void report(struct mover *m, const struct identity *id, unsigned attempt)
{
        struct failure again = {
                .id = *id,
                .state = FAILURE_FAILED,
                .size = -1,
                .last_modified_ms = TIME_UNKNOWN,
                .failed_at_ms = TIME_UNKNOWN,
                .retried_at_ms = TIME_UNKNOWN,
                .attempts = (int32_t)attempt,
                .error_code = STR("ServiceUnavailable"),
                .entry_offset = -1,
        };

        m->moved++;
        if (generator_fails_again(id, attempt, m->options->refail)) {
                m->failed_again++;
                writer_put(m->writer, &again, STR_ABSENT);
        } else {
                writer_remove(m->writer, id, RD_KAFKA_PARTITION_UA);
        }
}

/* THE CONSUMER */

bool mover_init(struct mover *m, const struct options *o, struct writer *w)
{
        rd_kafka_conf_t *conf = pipeline_conf(o);
        rd_kafka_topic_partition_list_t *topics;
        char said[256];

        *m = (struct mover){ .options = o, .writer = w, .started = pipeline_now() };
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
        m->json = json_reader_new(LIMIT_JSON_DEPTH);
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
        struct target target;

        if (rate > 0 && (double)m->moved >= (pipeline_now() - m->started) * rate + 1) {
                rd_kafka_poll(m->writer->producer, wait_ms > 0 ? wait_ms : 0);
                return false;
        }
        message = rd_kafka_consumer_poll(m->consumer, wait_ms);
        if (message == NULL)
                return false;
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
                if (read_entry(m, message, &target))
                        report(m, &target.id, attempt_of(message));
                else
                        m->unreadable++;
        }
        rd_kafka_message_destroy(message);
        return true;
}

void mover_deinit(struct mover *m)
{
        json_reader_free(m->json);
        if (m->consumer == NULL)
                return;
        rd_kafka_consumer_close(m->consumer);
        rd_kafka_destroy(m->consumer);
}
