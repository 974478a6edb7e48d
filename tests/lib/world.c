/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "crr/base/limits.h"

#define FEED_BATCH (2 * MEMBER_BATCH + 44) /* more than two batches of the member */

char *world_dup_str(struct str s)
{
        char *copy = malloc(s.len + 1);

        if (copy == NULL)
                abort();
        if (s.len > 0)
                memcpy(copy, s.base, s.len);
        copy[s.len] = '\0';
        return copy;
}

struct str world_header(const struct publish_record *r, const char *name)
{
        for (size_t i = 0; i < r->n_headers; i++)
                if (strcmp(r->headers[i].name, name) == 0)
                        return r->headers[i].value;
        return STR_ABSENT;
}

/* Room for one more than n: it doubles at powers of two. */
static void *grow(void *array, size_t n, size_t size)
{
        if ((n & (n - 1)) == 0)
                array = realloc(array, (n > 0 ? 2 * n : 1) * size);
        if (array == NULL)
                abort();
        return array;
}

static int64_t append_record(struct world *w, int partition, struct world_record record)
{
        struct world_log *log = &w->logs[partition];

        log->records = grow(log->records, (size_t)log->n, sizeof *log->records);
        log->records[log->n] = record;
        return log->n++;
}

static void keep_entry(struct world *w, const struct publish_record *r)
{
        struct str traceparent = world_header(r, "traceparent");

        w->entries = grow(w->entries, w->n_entries, sizeof *w->entries);
        w->entries[w->n_entries++] = (struct world_retry_entry){
                .key = world_dup_str(r->key),
                .value = world_dup_str(r->value),
                .retry_id = world_dup_str(world_header(r, "crr-retry-id")),
                .attempt = world_dup_str(world_header(r, "crr-retry-attempt")),
                .traceparent = traceparent.base != NULL ? world_dup_str(traceparent) : NULL,
        };
}

static void keep_status(struct world *w, const struct publish_record *r)
{
        w->statuses = grow(w->statuses, w->n_statuses, sizeof *w->statuses);
        w->statuses[w->n_statuses++] =
                (struct world_status){ world_dup_str(r->key), world_dup_str(r->value) };
}

static void write_record(struct world *w, struct publish_record *r)
{
        struct str settles = world_header(r, "crr-settles"),
                   outcome = world_header(r, "crr-outcome");
        unsigned long long offset = 0, own = 0;

        if (r->topic == PUBLISH_REPLICATION) {
                keep_entry(w, r);
                return;
        }
        if (r->topic == PUBLISH_STATUS) {
                keep_status(w, r);
                return;
        }
        r->offset = append_record(
                w, r->partition,
                (struct world_record){
                        .key = world_dup_str(r->key),
                        .key_len = r->key.len,
                        .value = r->value.base != NULL ? world_dup_str(r->value) : NULL,
                        .value_len = r->value.len,
                        .timestamp_ms = r->timestamp_ms == TIME_UNKNOWN || w->stamps_appends
                                                ? w->wall_ms
                                                : r->timestamp_ms,
                        .own_time_ms = str_to_u64(world_header(r, "crr-timestamp"), INT64_MAX, &own)
                                               ? (int64_t)own
                                               : TIME_UNKNOWN,
                        .settles = str_to_u64(settles, INT64_MAX, &offset) ? (int64_t)offset : -1,
                        .outcome = outcome.base != NULL ? world_dup_str(outcome) : NULL,
                });
}

void world_write_batch(struct world *w, struct publish_batch *batch)
{
        bool touched[WORLD_PARTITIONS] = { false };

        for (size_t i = 0; i < batch->n_records; i++) {
                write_record(w, &batch->records[i]);
                if (batch->records[i].topic == PUBLISH_FAILURES)
                        touched[batch->records[i].partition] = true;
        }
        for (int p = 0; p < WORLD_PARTITIONS; p++)
                if (touched[p])
                        append_record(w, p,
                                      (struct world_record){ .own_time_ms = TIME_UNKNOWN,
                                                             .settles = -1 });
        for (size_t i = 0; i < batch->n_offsets; i++) {
                char **claim = &w->claims[batch->offsets[i].partition];

                free(*claim);
                *claim = world_dup_str(batch->metadata);
        }
}

void world_tell(struct world *w, enum publish_outcome outcome)
{
        struct publish_batch *batch = w->batch;

        w->batch = NULL;
        batch->outcome = outcome;
        batch->duration_us = 1000;
        batch->refused = w->refused;
        if (outcome != PUBLISH_UNKNOWN)
                memset(w->open, 0, sizeof w->open);
        if (outcome == PUBLISH_COMMITTED)
                world_write_batch(w, batch);
        else
                error_set(&batch->err, ERR_KAFKA, "scripted");
        if (outcome == PUBLISH_UNKNOWN)
                member_on_publisher_lost(w->member);
        batch->done(batch);
}

/* By the script, or the fault that is due. */
static void answer_scripted(struct world *w)
{
        if (w->submits != w->fault_submit || w->batch->n_records == 0) {
                world_tell(w, w->script);
                return;
        }
        if (w->fault == PUBLISH_UNKNOWN && w->fault_is_written)
                world_write_batch(w, w->batch);
        world_tell(w, w->fault);
}

/* THE LOG */

int64_t world_append(struct world *w, int partition, struct str key, const char *value,
                     int64_t settles, const char *outcome)
{
        if (partition < 0)
                partition = partition_of_key(w->config.partitioner, key, w->n_partitions);
        return append_record(
                w, partition,
                (struct world_record){
                        .key = world_dup_str(key),
                        .key_len = key.len,
                        .value = value != NULL ? world_dup_str(str_from(value)) : NULL,
                        .value_len = value != NULL ? strlen(value) : 0,
                        .timestamp_ms = w->wall_ms,
                        .own_time_ms = TIME_UNKNOWN,
                        .settles = settles,
                        .outcome = outcome != NULL ? world_dup_str(str_from(outcome)) : NULL,
                });
}

static struct buf key_of(const char *bucket, const char *key, const char *version, const char *site)
{
        struct identity id = { str_from(bucket), str_from(key), str_from(version), str_from(site) };
        struct buf b;

        buf_init(&b, 1 << 20);
        identity_write_key(&id, &b);
        return b;
}

int64_t world_failure(struct world *w, const char *bucket, const char *key, const char *version,
                      const char *site, const char *extra)
{
        struct buf k = key_of(bucket, key, version, site), v;
        int64_t offset;

        buf_init(&v, 1 << 20);
        buf_printf(
                &v,
                "{\"Bucket\":\"%s\",\"Key\":\"%s\",\"VersionId\":\"%s\",\"StorageClass\":\"%s\"%s}",
                bucket, key, version, site, extra != NULL ? extra : "");
        buf_append_char(&v, '\0');
        offset = world_append(w, -1, buf_str(&k), v.base, -1, NULL);
        buf_deinit(&k);
        buf_deinit(&v);
        return offset;
}

int64_t world_tombstone(struct world *w, const char *bucket, const char *key, const char *version,
                        const char *site)
{
        struct buf k = key_of(bucket, key, version, site);
        int64_t offset = world_append(w, -1, buf_str(&k), NULL, -1, NULL);

        buf_deinit(&k);
        return offset;
}

int world_home(struct world *w, const char *bucket, const char *key, const char *version,
               const char *site)
{
        struct buf k = key_of(bucket, key, version, site);
        int home = partition_of_key(w->config.partitioner, buf_str(&k), w->n_partitions);

        buf_deinit(&k);
        return home;
}

/* RUNNING */

static void answer_registry(struct world *w)
{
        struct registry_row rows[WORLD_PARTITIONS];
        size_t n = 0;

        for (int p = 0; p < WORLD_PARTITIONS; p++)
                if (w->claims[p] != NULL)
                        rows[n++] = (struct registry_row){ p, str_from(w->claims[p]) };
        w->registry_reads++;
        member_on_registry(w->member, w->registry_fails ? NULL : rows, n);
}

static void answer_members(struct world *w)
{
        struct str ids[4];
        size_t n = 0;

        for (; n < 4 && w->members[n] != NULL; n++)
                ids[n] = str_from(w->members[n]);
        member_on_members(w->member, ids, n);
}

static bool answer_group(struct world *w)
{
        bool registry = w->ask_registry, members = w->ask_members, fenced = w->fence_out;

        w->ask_registry = w->ask_members = w->fence_out = false;
        if (registry)
                answer_registry(w);
        if (members)
                answer_members(w);
        if (fenced)
                member_on_fenced(w->member);
        return registry || members || fenced;
}

static bool answer_questions(struct world *w)
{
        bool any = false;

        for (int p = 0; p < WORLD_PARTITIONS; p++) {
                if (w->ask_stable[p]) {
                        w->ask_stable[p] = false;
                        member_on_stable(w->member, p, w->open[p] ? MEMBER_UNSTABLE : w->stable);
                        any = true;
                }
                if (w->ask_watermark[p]) {
                        w->ask_watermark[p] = false;
                        member_on_high_watermark(w->member, p,
                                                 w->watermark_fails ? -1 : w->logs[p].n);
                        any = true;
                }
        }
        return any | answer_group(w);
}

static struct log_record record_of(const struct world *w, int p, int64_t offset)
{
        const struct world_record *r = &w->logs[p].records[offset];
        struct log_record record = {
                .partition = p,
                .offset = offset,
                .timestamp_ms = r->own_time_ms != TIME_UNKNOWN ? r->own_time_ms : r->timestamp_ms,
                .key = { r->key, r->key_len },
                .settles = r->settles,
                .outcome = str_from(r->outcome),
        };

        record.from_intake = r->own_time_ms != TIME_UNKNOWN && r->settles < 0;
        if (r->value != NULL)
                record.value = (struct str){ r->value, r->value_len };
        return record;
}

/* The records up to the next commit marker, or that. */
static void feed_some(struct world *w, int p)
{
        struct log_record records[FEED_BATCH];
        struct world_log *log = &w->logs[p];
        size_t n = 0;

        if (log->records[log->fed].key == NULL) {
                member_on_position(w->member, p, ++log->fed);
                return;
        }
        for (; n < FEED_BATCH && log->fed < log->n && log->records[log->fed].key != NULL; n++)
                records[n] = record_of(w, p, log->fed++);
        member_on_records(w->member, records, n);
}

static bool has_more(const struct world *w, int p)
{
        return w->assigned[p] && w->feeds[p] && w->logs[p].fed < w->logs[p].n;
}

/* -1: all were fed. */
static int next_partition(struct world *w)
{
        int first = 0;

        if (w->shuffles) {
                w->shuffle = w->shuffle * 6364136223846793005u + 1442695040888963407u;
                first = (int)(w->shuffle >> 33) % w->n_partitions;
        }
        for (int i = 0; i < w->n_partitions; i++)
                if (has_more(w, (first + i) % w->n_partitions))
                        return (first + i) % w->n_partitions;
        return -1;
}

static bool feed(struct world *w)
{
        bool any = false;
        int p;

        while (w->feeding && w->n_partitions > 0 && (p = next_partition(w)) >= 0) {
                feed_some(w, p);
                any = true;
        }
        return any;
}

static bool answer_read(struct world *w)
{
        struct log_read *read = w->read;
        struct error err;
        size_t bytes = 0;

        if (read == NULL || w->hold_reads)
                return false;
        w->read = NULL;
        for (size_t i = 0; i < read->n; i++) {
                struct log_read_item *item = &read->items[i];
                const struct world_record *r = &w->logs[item->partition].records[item->offset];

                item->left = bytes >= read->max_bytes;
                item->found = r->key != NULL && !item->left;
                bytes += r->key != NULL ? r->key_len + r->value_len : 0;
                item->timestamp_ms = r->timestamp_ms;
                item->key = (struct str){ r->key, r->key_len };
                item->value =
                        r->value != NULL ? (struct str){ r->value, r->value_len } : STR_ABSENT;
        }
        error_set(&err, ERR_KAFKA, "scripted");
        read->done(read, w->read_fails || w->reads == w->fault_read ? &err : NULL);
        return true;
}

void world_run(struct world *w)
{
        bool moved = true;

        while (moved) {
                member_tick(w->member, w->now_ms, w->wall_ms);
                moved = answer_questions(w);
                moved |= feed(w);
                moved |= member_work(w->member);
                moved |= retry_service_work(w->door);
                moved |= answer_read(w);
                moved |= fake_source_tick(w->source, w->now_ms);
                if (w->batch != NULL && !w->hold_batches) {
                        answer_scripted(w);
                        moved = true;
                }
        }
}

void world_advance(struct world *w, int64_t ms)
{
        for (int64_t end = w->now_ms + ms; w->now_ms < end;) {
                w->now_ms += 20;
                w->wall_ms += 20;
                world_run(w);
        }
}

void world_answer(struct world *w, enum publish_outcome outcome)
{
        assert(w->batch != NULL);
        world_tell(w, outcome);
        world_run(w);
}

void world_answer_written(struct world *w)
{
        assert(w->batch != NULL);
        world_write_batch(w, w->batch);
        world_tell(w, PUBLISH_UNKNOWN);
        world_run(w);
}

void world_publisher_ready(struct world *w)
{
        memset(w->open, 0, sizeof w->open);
        member_on_publisher_ready(w->member);
        world_run(w);
}
