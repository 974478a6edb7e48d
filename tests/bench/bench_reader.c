/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program that only reads a failure log takes: librdkafka with the settings of the daemon's
 * consumer (its wake-ups of the broker threads included), every value parsed by yajl, nothing kept.
 *
 *   bench_reader BOOTSTRAP TOPIC
 *
 * Prints one line of JSON: the time from assign to the end of every partition, and the CPU time of
 * the process until then.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <yajl/yajl_parse.h>

#include "bench_kafka.h"
#include "kafka_credentials.h"
#include "meter.h"

#define WAKE_EVERY_S 0.02
#define POLL_MS      10

struct reader {
        rd_kafka_t *consumer;
        struct kafka_credentials credentials;
        yajl_handle yajl;
        int open; /* partitions that were not read to their end */
        uint64_t records, bytes, values;
};

static int on_null(void *data)
{
        ((struct reader *)data)->values++;
        return 1;
}

static int on_boolean(void *data, int value)
{
        (void)value;
        return on_null(data);
}

static int on_text(void *data, const char *text, size_t n)
{
        (void)text;
        (void)n;
        return on_null(data);
}

static int on_string(void *data, const unsigned char *text, size_t n)
{
        (void)text;
        (void)n;
        return on_null(data);
}

static const yajl_callbacks callbacks = {
        .yajl_null = on_null,
        .yajl_boolean = on_boolean,
        .yajl_number = on_text,
        .yajl_string = on_string,
        .yajl_start_map = on_null,
        .yajl_map_key = on_string,
        .yajl_end_map = on_null,
        .yajl_start_array = on_null,
        .yajl_end_array = on_null,
};

static void parse(struct reader *r, const rd_kafka_message_t *message)
{
        r->records++;
        r->bytes += message->len;
        if (yajl_parse(r->yajl, message->payload, message->len) != yajl_status_ok ||
            yajl_parse(r->yajl, (const unsigned char *)"\n", 1) != yajl_status_ok)
                bench_fail("offset %" PRId64 " is not JSON", message->offset);
}

static void assign(struct reader *r, const char *topic)
{
        rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
        rd_kafka_topic_t *warm = bench_kafka_topic(r->consumer, topic, &r->open);

        rd_kafka_topic_destroy(warm);
        for (int p = 0; p < r->open; p++)
                rd_kafka_topic_partition_list_add(list, topic, p)->offset =
                        RD_KAFKA_OFFSET_BEGINNING;
        if (rd_kafka_assign(r->consumer, list) != RD_KAFKA_RESP_ERR_NO_ERROR)
                bench_fail("assign failed");
        rd_kafka_topic_partition_list_destroy(list);
}

static void take(struct reader *r, rd_kafka_event_t *event)
{
        const rd_kafka_message_t *message;

        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_FETCH)
                while ((message = rd_kafka_event_message_next(event)) != NULL)
                        parse(r, message);
        else if (rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__PARTITION_EOF)
                r->open--;
        else if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR)
                bench_fail("%s", rd_kafka_event_error_string(event));
}

static void read_all(struct reader *r)
{
        rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(r->consumer);
        double wake_s = 0;

        while (r->open > 0) {
                rd_kafka_event_t *event = rd_kafka_queue_poll(queue, POLL_MS);

                if (event != NULL)
                        take(r, event);
                if (event != NULL)
                        rd_kafka_event_destroy(event);
                if ((r->records & 63) != 0 && event != NULL)
                        continue; /* the clock is read once in 64 records */
                if (meter_now_s() < wake_s)
                        continue;
                wake_s = meter_now_s() + WAKE_EVERY_S;
                kafka_credentials_give(&r->credentials, r->consumer);
        }
        rd_kafka_queue_destroy(queue);
}

int main(int argc, char **argv)
{
        struct bench_kafka kafka;
        struct reader r = { 0 };
        rd_kafka_conf_t *conf;
        double began_s, seconds;

        if (argc != 3)
                bench_fail("usage: bench_reader BOOTSTRAP TOPIC");
        bench_kafka_init(&kafka, argv[1], "bench-reader");
        conf = bench_kafka_conf(&kafka, KAFKA_CONSUMER);
        r.consumer = bench_kafka_handle(conf, KAFKA_CONSUMER);
        kafka_credentials_init(&r.credentials, &kafka.settings);
        rd_kafka_poll_set_consumer(r.consumer);
        r.yajl = yajl_alloc(&callbacks, NULL, &r);
        yajl_config(r.yajl, yajl_allow_multiple_values, 1);
        began_s = meter_now_s();
        assign(&r, argv[2]);
        read_all(&r);
        seconds = meter_now_s() - began_s;
        printf("{\"records\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"seconds\":%.6f,\"cpu_s\":%.6f}\n",
               r.records, r.bytes, seconds, meter_cpu_s(0));
        yajl_free(r.yajl);
        rd_kafka_consumer_close(r.consumer);
        rd_kafka_destroy(r.consumer);
        return 0;
}
