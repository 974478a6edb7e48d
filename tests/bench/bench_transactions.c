/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kafka transactions alone, one after the other, as fast as they go: begin, send_offsets, produce,
 * commit, with the settings of the daemon's producer and the records that it would write for the
 * same retries; no requests, no checks, no table.
 *
 *   bench_transactions BOOTSTRAP FAILURES REPLICATION IDLE ENTRIES COUNT
 *
 * ENTRIES retries a transaction, COUNT transactions after WARM_UP that do not count. The offsets
 * are those of a member of a real group, which is assigned the topic IDLE and reads nothing. Prints
 * one line of JSON.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_kafka.h"
#include "crr/base/limits.h"
#include "crr/core/failure_codec.h"
#include "crr/core/identity.h"
#include "dataset.h"
#include "meter.h"

#define ROWS         16384 /* encoded before the clock starts, and used in turn */
#define WARM_UP      20
#define POLL_MS      100
#define INIT_MS      30000
#define OFFSETS_MS   5000
#define METADATA     "http://127.0.0.1:8900;ready;0;bench;crr-retryd-bench"
#define RETRY_ID     "5f64e1d4-5b0e-4f0e-9d6c-1f4f0a3b7c21"
#define MEMBER_TRIES 300

struct row {
        struct buf key, value, object_key, entry;
        int partition;
};

struct engine {
        rd_kafka_t *producer, *consumer;
        rd_kafka_topic_t *failures, *replication;
        const char *failures_name;
        int n_partitions;
        struct row *rows;
        size_t next;
        rd_kafka_consumer_group_metadata_t *group;
        atomic_bool stop;
        pthread_t poller;
};

static long number(const char *text)
{
        unsigned long long value;

        if (!str_to_u64(str_from(text), 1000000000, &value) || value == 0)
                bench_fail("'%s' is not a positive number", text);
        return (long)value;
}

static void encode_row(struct row *row, uint64_t i, int n_partitions)
{
        static struct dataset_row data;
        struct failure *f = &data.failure;

        dataset_row(i, &data);
        f->state = FAILURE_PENDING;
        f->attempts++;
        uuid_parse(STR(RETRY_ID), &f->retry_id);
        f->retried_at_ms = f->failed_at_ms;
        buf_init(&row->key, SIZE_MAX);
        buf_init(&row->value, SIZE_MAX);
        buf_init(&row->object_key, SIZE_MAX);
        buf_init(&row->entry, SIZE_MAX);
        identity_write_key(&f->id, &row->key);
        failure_encode(f, STR("bench-0"), STR_ABSENT, &row->value);
        identity_write_object_key(&f->id, &row->object_key);
        retry_entry_encode_native(f, &row->entry);
        row->partition = partition_of_key(PARTITIONER_MURMUR2, buf_str(&row->key), n_partitions);
}

/* THE GROUP */

static void *poll_consumer(void *data)
{
        struct engine *e = data;

        while (!atomic_load(&e->stop)) {
                rd_kafka_message_t *message = rd_kafka_consumer_poll(e->consumer, POLL_MS);

                if (message != NULL)
                        rd_kafka_message_destroy(message);
        }
        return NULL;
}

static bool is_assigned(rd_kafka_t *consumer)
{
        rd_kafka_topic_partition_list_t *list;
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, POLL_MS);
        bool any;

        if (message != NULL)
                rd_kafka_message_destroy(message);
        rd_kafka_assignment(consumer, &list);
        any = list->cnt > 0;
        rd_kafka_topic_partition_list_destroy(list);
        return any;
}

static void join_group(struct engine *e, const struct bench_kafka *kafka, const char *idle)
{
        rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
        rd_kafka_conf_t *conf = bench_kafka_conf(kafka, KAFKA_CONSUMER);
        int tries = 0;

        rd_kafka_conf_set_events(conf, 0);
        rd_kafka_conf_set(conf, "auto.offset.reset", "earliest", NULL, 0);
        e->consumer = bench_kafka_handle(conf, KAFKA_CONSUMER);
        rd_kafka_poll_set_consumer(e->consumer);
        rd_kafka_topic_partition_list_add(topics, idle, RD_KAFKA_PARTITION_UA);
        rd_kafka_subscribe(e->consumer, topics);
        rd_kafka_topic_partition_list_destroy(topics);
        while (!is_assigned(e->consumer))
                if (++tries == MEMBER_TRIES)
                        bench_fail("the group assigns nothing");
        e->group = rd_kafka_consumer_group_metadata(e->consumer);
        if (pthread_create(&e->poller, NULL, poll_consumer, e) != 0)
                abort();
}

/* TRANSACTIONS */

static void send_offsets(struct engine *e, const bool *touched)
{
        rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

        for (int p = 0; p < e->n_partitions; p++) {
                rd_kafka_topic_partition_t *at;

                if (!touched[p])
                        continue;
                at = rd_kafka_topic_partition_list_add(list, e->failures_name, p);
                at->offset = 1;
                at->metadata = strdup(METADATA);
                at->metadata_size = sizeof METADATA - 1;
        }
        bench_kafka_must(
                rd_kafka_send_offsets_to_transaction(e->producer, list, e->group, OFFSETS_MS),
                "send_offsets");
        rd_kafka_topic_partition_list_destroy(list);
}

static void produce(struct engine *e, rd_kafka_topic_t *topic, int partition, const struct buf *key,
                    const struct buf *value, bool is_entry)
{
        rd_kafka_headers_t *headers = rd_kafka_headers_new(4);
        rd_kafka_vu_t what[] = {
                { .vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = topic },
                { .vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition },
                { .vtype = RD_KAFKA_VTYPE_KEY, .u.mem = { key->base, key->len } },
                { .vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = { value->base, value->len } },
                { .vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers },
        };

        rd_kafka_header_add(headers, "crr-retry-id", -1, RETRY_ID, -1);
        if (is_entry)
                rd_kafka_header_add(headers, "crr-retry-attempt", -1, "2", -1);
        bench_kafka_must(rd_kafka_produceva(e->producer, what, sizeof what / sizeof *what),
                         "produce");
}

static void run_transaction(struct engine *e, size_t entries)
{
        bool touched[LIMIT_PARTITIONS] = { false };

        for (size_t i = 0; i < entries; i++)
                touched[e->rows[(e->next + i) % ROWS].partition] = true;
        bench_kafka_must(rd_kafka_begin_transaction(e->producer), "begin");
        send_offsets(e, touched);
        for (size_t i = 0; i < entries; i++) {
                const struct row *row = &e->rows[e->next];

                produce(e, e->replication, RD_KAFKA_PARTITION_UA, &row->object_key, &row->entry,
                        true);
                produce(e, e->failures, row->partition, &row->key, &row->value, false);
                e->next = (e->next + 1) % ROWS;
        }
        bench_kafka_must(rd_kafka_commit_transaction(e->producer, -1), "commit");
}

static void run_all(struct engine *e, size_t entries, size_t count)
{
        struct meter_latencies latencies = { 0 };
        double began_s, seconds, cpu_s;

        for (int i = 0; i < WARM_UP; i++)
                run_transaction(e, entries);
        cpu_s = meter_cpu_s(0);
        began_s = meter_now_s();
        for (size_t i = 0; i < count; i++) {
                double start_s = meter_now_s();

                run_transaction(e, entries);
                meter_record(&latencies, (uint64_t)((meter_now_s() - start_s) * 1e6));
        }
        seconds = meter_now_s() - began_s;
        cpu_s = meter_cpu_s(0) - cpu_s;
        printf("{\"transactions\":%zu,\"entries\":%zu,\"seconds\":%.6f,\"cpu_s\":%.6f,"
               "\"p50_us\":%.0f,\"p99_us\":%.0f}\n",
               count, entries, seconds, cpu_s, meter_percentile(&latencies, 0.5),
               meter_percentile(&latencies, 0.99));
}

static void start(struct engine *e, char **argv)
{
        struct bench_kafka kafka;
        rd_kafka_conf_t *conf;
        int unused;

        bench_kafka_init(&kafka, argv[1], "bench-transactions");
        join_group(e, &kafka, argv[4]);
        conf = bench_kafka_conf(&kafka, KAFKA_PRODUCER);
        rd_kafka_conf_set_dr_msg_cb(conf, bench_kafka_on_delivery);
        e->producer = bench_kafka_handle(conf, KAFKA_PRODUCER);
        e->failures_name = argv[2];
        e->failures = bench_kafka_topic(e->producer, argv[2], &e->n_partitions);
        e->replication = bench_kafka_topic(e->producer, argv[3], &unused);
        bench_kafka_must(rd_kafka_init_transactions(e->producer, INIT_MS), "init_transactions");
        e->rows = calloc(ROWS, sizeof *e->rows);
        if (e->rows == NULL)
                abort();
        for (size_t i = 0; i < ROWS; i++)
                encode_row(&e->rows[i], i, e->n_partitions);
}

static void end(struct engine *e)
{
        atomic_store(&e->stop, true);
        pthread_join(e->poller, NULL);
        rd_kafka_consumer_group_metadata_destroy(e->group);
        rd_kafka_consumer_close(e->consumer);
        rd_kafka_destroy(e->consumer);
        rd_kafka_topic_destroy(e->failures);
        rd_kafka_topic_destroy(e->replication);
        rd_kafka_destroy(e->producer);
        for (size_t i = 0; i < ROWS; i++) {
                buf_deinit(&e->rows[i].key);
                buf_deinit(&e->rows[i].value);
                buf_deinit(&e->rows[i].object_key);
                buf_deinit(&e->rows[i].entry);
        }
        free(e->rows);
}

int main(int argc, char **argv)
{
        static struct engine engine;

        if (argc != 7)
                bench_fail("usage: bench_transactions BOOTSTRAP FAILURES REPLICATION IDLE ENTRIES "
                           "COUNT");
        start(&engine, argv);
        run_all(&engine, (size_t)number(argv[5]), (size_t)number(argv[6]));
        end(&engine);
        return 0;
}
