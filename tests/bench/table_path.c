/* SPDX-License-Identifier: Apache-2.0 */
/* The way of a record from its bytes into the table: key, JSON, overlay, table. */
#include <stdlib.h>

#include "crr/base/buf.h"
#include "crr/base/limits.h"
#include "crr/base/metrics.h"
#include "crr/core/identity.h"
#include "crr/core/member.h"
#include "table_data.h"
#include "table_meter.h"
#include "table_phases.h"

#define PARTITIONS   6
#define RECORDS      1024 /* that are made outside the clock */
#define RECORDS_MOST 1000000

static void ignore_question(struct group *self, int partition)
{
        (void)self;
        (void)partition;
}

static void ignore_resume(struct group *self, int partition, int64_t offset)
{
        (void)self;
        (void)partition;
        (void)offset;
}

static void refuse_submit(struct publisher *self, struct publish_batch *batch)
{
        (void)self;
        (void)batch;
        abort();
}

static void refuse_read(struct log_reader *self, struct log_read *read)
{
        (void)self;
        (void)read;
        abort();
}

static struct publisher publisher = { .submit = refuse_submit };
static struct group group = { ignore_question, ignore_question, ignore_question, ignore_resume };
static struct log_reader reader = { refuse_read };

static struct member *new_member(struct metrics *metrics)
{
        struct member_config config = {
                .hash_key = { { 1, 2 } },
                .failures_topic = "failures",
                .replication_topic = "replication",
                .instance = "bench-0",
                .advertise = "",
                .transactional_id = "",
                .partitioner = PARTITIONER_MURMUR2,
                .memory_limit = SIZE_MAX / 2,
                .max_sites = LIMIT_SITES,
                .max_value_bytes = 5000020,
                .max_transaction_entries = 10000,
                .max_transaction_bytes = 32u << 20,
                .pending_ttl_ms = 86400000,
        };
        struct member_ports ports = { &publisher, &group, &reader, metrics };
        struct member *m = member_new(&config, &ports);

        if (m == NULL)
                abort();
        member_tick(m, 1000, INT64_C(1751000000000));
        member_on_topology(m, PARTITIONS);
        for (int p = 0; p < PARTITIONS; p++)
                member_on_assigned(m, p);
        return m;
}

struct source {
        struct buf keys[RECORDS], values[RECORDS];
        struct log_record records[RECORDS];
        int64_t next_offset[PARTITIONS];
};

static void make_record(struct source *s, size_t i, uint64_t id)
{
        struct buf *key = &s->keys[i], *value = &s->values[i];
        struct dataset_row row;
        struct failure *f = &row.failure;
        int partition;

        data_failure(id, id, &row);
        buf_clear(key);
        buf_clear(value);
        identity_write_key(&f->id, key);
        dataset_write_value(f, value);
        partition = partition_of_key(PARTITIONER_MURMUR2, buf_str(key), PARTITIONS);
        s->records[i] = (struct log_record){
                .partition = partition,
                .offset = s->next_offset[partition]++,
                .timestamp_ms = f->timestamp_ms,
                .key = buf_str(key),
                .value = buf_str(value),
                .settles = -1,
        };
}

static void touch_ahead(struct member *m)
{
        struct page_range range;

        while (member_wants_pages(m, &range)) {
                region_touch(range.base, range.bytes);
                member_got_pages(m, &range);
        }
}

static double feed(struct member *m, struct source *s, uint64_t from, uint64_t to, size_t batch)
{
        uint64_t ns = 0;

        for (uint64_t at = from; at < to; at += RECORDS) {
                uint64_t begin;

                for (size_t i = 0; i < RECORDS; i++)
                        make_record(s, i, at + i);
                touch_ahead(m);
                begin = meter_cpu_ns();
                for (size_t i = 0; i < RECORDS; i += batch)
                        member_on_records(m, &s->records[i], batch);
                ns += meter_cpu_ns() - begin;
        }
        return (double)ns / (double)(to - from);
}

void phase_path(void *bench, double *result)
{
        const struct bench *b = bench;
        uint64_t n = (b->entries < RECORDS_MOST ? b->entries : RECORDS_MOST) / RECORDS * RECORDS;
        struct source *s = calloc(1, sizeof *s);
        struct metrics *metrics = metrics_new(100);
        struct member *m = new_member(metrics);

        if (s == NULL)
                abort();
        data_init(PARTITIONS);
        for (size_t i = 0; i < RECORDS; i++) {
                buf_init(&s->keys[i], SIZE_MAX);
                buf_init(&s->values[i], SIZE_MAX);
        }
        result[PATH_BATCHED] = feed(m, s, 0, n / 2, MEMBER_BATCH);
        result[PATH_SINGLE] = feed(m, s, n / 2, n, 1);
        member_free(m);
        metrics_free(metrics);
        for (size_t i = 0; i < RECORDS; i++) {
                buf_deinit(&s->keys[i]);
                buf_deinit(&s->values[i]);
        }
        free(s);
}
