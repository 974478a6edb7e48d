/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What moving records from one topic to another exactly once takes at least: librdkafka with the
 * settings of the daemon's intake, consumer and producer; consume, begin, send_offsets, produce,
 * commit, one after the other; nothing is decoded, and keys and values go on as they came.
 *
 *   bench_mover BOOTSTRAP GROUP FROM TO COUNT
 *
 * A transaction has up to MAX_RECORDS records, or what came in LINGER_MS after the first. Prints
 * one line of JSON: the time from the assignment until COUNT records are committed, and the CPU
 * time of the process until then.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench_kafka.h"
#include "crr/base/limits.h"
#include "meter.h"

#define MAX_RECORDS 10000
#define LINGER_MS   20
#define POLL_MS     100
#define INIT_MS     30000
#define OFFSETS_MS  5000

struct mover {
        rd_kafka_t *consumer, *producer;
        const char *from;
        rd_kafka_topic_t *to;
        rd_kafka_message_t *messages[MAX_RECORDS]; /* of the transaction */
        size_t n;
        uint64_t transactions;
};

static uint64_t number(const char *text)
{
        unsigned long long value;

        if (!str_to_u64(str_from(text), UINT64_MAX, &value) || value == 0)
                bench_fail("'%s' is not a positive number", text);
        return value;
}

/* SETTING UP */

static void join_group(struct mover *m, const struct bench_kafka *kafka)
{
        rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

        m->consumer = bench_kafka_handle(bench_kafka_conf(kafka, KAFKA_INTAKE), KAFKA_INTAKE);
        rd_kafka_poll_set_consumer(m->consumer);
        rd_kafka_topic_partition_list_add(list, m->from, RD_KAFKA_PARTITION_UA);
        rd_kafka_subscribe(m->consumer, list);
        rd_kafka_topic_partition_list_destroy(list);
}

static bool is_assigned(const struct mover *m)
{
        rd_kafka_topic_partition_list_t *list;
        bool any;

        if (rd_kafka_assignment(m->consumer, &list) != RD_KAFKA_RESP_ERR_NO_ERROR)
                return false;
        any = list->cnt > 0;
        rd_kafka_topic_partition_list_destroy(list);
        return any;
}

static void start(struct mover *m, char **argv)
{
        struct bench_kafka kafka;
        rd_kafka_conf_t *conf;
        int unused;

        bench_kafka_init(&kafka, argv[1], argv[2]);
        m->from = argv[3];
        conf = bench_kafka_conf(&kafka, KAFKA_INTAKE_PRODUCER);
        rd_kafka_conf_set_dr_msg_cb(conf, bench_kafka_on_delivery);
        m->producer = bench_kafka_handle(conf, KAFKA_INTAKE_PRODUCER);
        m->to = bench_kafka_topic(m->producer, argv[4], &unused);
        bench_kafka_must(rd_kafka_init_transactions(m->producer, INIT_MS), "init_transactions");
        join_group(m, &kafka);
}

/* ONE TRANSACTION */

/* False: nothing came. */
static bool consume_one(struct mover *m, int timeout_ms)
{
        rd_kafka_message_t *message = rd_kafka_consumer_poll(m->consumer, timeout_ms);

        if (message == NULL)
                return false;
        if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
                rd_kafka_message_destroy(message);
                return false;
        }
        if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
                bench_fail("%s", rd_kafka_message_errstr(message));
        m->messages[m->n++] = message;
        return true;
}

static void consume(struct mover *m)
{
        double end_s, left_s = 1;

        if (!consume_one(m, POLL_MS))
                return;
        end_s = meter_now_s() + LINGER_MS / 1e3;
        while (m->n < MAX_RECORDS && left_s > 0) {
                consume_one(m, (int)(left_s * 1e3));
                left_s = end_s - meter_now_s();
        }
}

static void send_offsets(struct mover *m)
{
        rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
        rd_kafka_consumer_group_metadata_t *group = rd_kafka_consumer_group_metadata(m->consumer);
        int64_t ends[LIMIT_PARTITIONS] = { 0 };

        for (size_t i = 0; i < m->n; i++) {
                if (m->messages[i]->partition >= LIMIT_PARTITIONS)
                        bench_fail("%s has too many partitions", m->from);
                ends[m->messages[i]->partition] = m->messages[i]->offset + 1;
        }
        for (int p = 0; p < LIMIT_PARTITIONS; p++)
                if (ends[p] > 0)
                        rd_kafka_topic_partition_list_add(list, m->from, p)->offset = ends[p];
        bench_kafka_must(rd_kafka_send_offsets_to_transaction(m->producer, list, group, OFFSETS_MS),
                         "send_offsets");
        rd_kafka_topic_partition_list_destroy(list);
        rd_kafka_consumer_group_metadata_destroy(group);
}

static void produce(struct mover *m, const rd_kafka_message_t *message)
{
        rd_kafka_vu_t what[] = {
                { .vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = m->to },
                { .vtype = RD_KAFKA_VTYPE_KEY, .u.mem = { message->key, message->key_len } },
                { .vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = { message->payload, message->len } },
        };

        bench_kafka_must(rd_kafka_produceva(m->producer, what, sizeof what / sizeof *what),
                         "produce");
}

/* How many records it had. */
static size_t move(struct mover *m)
{
        size_t n;

        consume(m);
        n = m->n;
        if (n == 0)
                return 0;
        bench_kafka_must(rd_kafka_begin_transaction(m->producer), "begin");
        send_offsets(m);
        for (size_t i = 0; i < m->n; i++)
                produce(m, m->messages[i]);
        bench_kafka_must(rd_kafka_commit_transaction(m->producer, -1), "commit");
        for (size_t i = 0; i < m->n; i++)
                rd_kafka_message_destroy(m->messages[i]);
        m->n = 0;
        m->transactions++;
        return n;
}

int main(int argc, char **argv)
{
        static struct mover m;
        double began_s, seconds;
        uint64_t count, moved = 0;

        if (argc != 6)
                bench_fail("usage: bench_mover BOOTSTRAP GROUP FROM TO COUNT");
        count = number(argv[5]);
        start(&m, argv);
        while (!is_assigned(&m))
                consume_one(&m, 1);
        began_s = meter_now_s();
        while (moved < count)
                moved += move(&m);
        seconds = meter_now_s() - began_s;
        printf("{\"records\":%" PRIu64 ",\"transactions\":%" PRIu64
               ",\"seconds\":%.6f,\"cpu_s\":%.6f}\n",
               moved, m.transactions, seconds, meter_cpu_s(0));
        rd_kafka_consumer_close(m.consumer);
        rd_kafka_destroy(m.consumer);
        rd_kafka_topic_destroy(m.to);
        rd_kafka_destroy(m.producer);
        return 0;
}
