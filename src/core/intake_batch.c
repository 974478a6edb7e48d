/* SPDX-License-Identifier: Apache-2.0 */
/* Foreign records into a batch: decoded, and encoded again as the failure log has them. */
#include <stdlib.h>
#include <string.h>

#include "crr/base/limits.h"
#include "crr/base/siphash.h"
#include "crr/core/identity.h"
#include "intake_private.h"

#define RECORD_OVERHEAD 128
#define FIRST_CAPACITY  64

struct intake_writer {
        struct intake_config config;
        struct intake_decoder *decoder;
        struct buf scratch;
};

struct intake_writer *intake_writer_new(const struct intake_config *config)
{
        struct intake_writer *w = calloc(1, sizeof *w);

        if (w == NULL)
                abort();
        w->config = *config;
        w->decoder = intake_decoder_new(config->max_value_bytes, config->has_roles);
        buf_init(&w->scratch, SIZE_MAX);
        return w;
}

void intake_writer_free(struct intake_writer *w)
{
        if (w == NULL)
                return;
        intake_decoder_free(w->decoder);
        buf_deinit(&w->scratch);
        free(w);
}

/* Its bounds are those of intake_batch_is_full(), and what one record more can hold. */
struct intake_batch *intake_batch_new(void)
{
        struct intake_batch *batch = calloc(1, sizeof *batch);

        if (batch == NULL)
                abort();
        arena_init(&batch->arena, SIZE_MAX);
        return batch;
}

void intake_batch_free(struct intake_batch *batch)
{
        if (batch == NULL)
                return;
        arena_deinit(&batch->arena);
        free(batch->offsets);
        free(batch->records);
        free(batch->origins);
        free(batch->doubts);
        free(batch);
}

bool intake_batch_is_full(const struct intake_writer *w, const struct intake_batch *batch)
{
        return batch->n_consumed >= w->config.max_records ||
               batch->n_records >= w->config.max_records || batch->bytes >= w->config.max_bytes;
}

static void *grow(void *array, size_t capacity, size_t size)
{
        array = realloc(array, capacity * size);
        if (array == NULL)
                abort();
        return array;
}

static void make_room(struct intake_batch *batch)
{
        if (batch->n_records < batch->capacity)
                return;
        batch->capacity = batch->capacity > 0 ? 2 * batch->capacity : FIRST_CAPACITY;
        batch->records = grow(batch->records, batch->capacity, sizeof *batch->records);
        batch->origins = grow(batch->origins, batch->capacity, sizeof *batch->origins);
}

/* WHAT ONE RECORD SAYS */

/* In one batch an outcome may follow the failure that it is about: then it is known. */
static bool mark(struct intake_batch *batch, struct str key, bool is_failure)
{
        static const struct siphash_key fixed;
        uint64_t bit = siphash13(&fixed, key.base, key.len) % INTAKE_MARKS;
        bool was = batch->failed_marks[bit / 8] >> bit % 8 & 1;

        if (is_failure)
                batch->failed_marks[bit / 8] |= (unsigned char)(1u << bit % 8);
        return was;
}

static struct str scratch_into(struct intake_batch *batch, const struct buf *scratch)
{
        struct str kept = arena_str(&batch->arena, buf_str(scratch));

        batch->bytes += kept.len;
        return kept;
}

/* Members read foreign topics at their own pace: by this time they tell what is newer. */
static void add_time(struct intake_writer *w, struct intake_batch *batch, int64_t timestamp_ms,
                     struct publish_record *r)
{
        if (timestamp_ms == TIME_UNKNOWN)
                return;
        buf_clear(&w->scratch);
        buf_append_u64(&w->scratch, (uint64_t)timestamp_ms);
        r->headers[r->n_headers++] =
                (struct publish_header){ "crr-timestamp", scratch_into(batch, &w->scratch) };
}

static struct publish_record *add_record(struct intake_writer *w, struct intake_batch *batch,
                                         const struct intake_origin *origin,
                                         const struct failure *f)
{
        struct publish_record *r;

        make_room(batch);
        batch->origins[batch->n_records] = *origin;
        r = &batch->records[batch->n_records++];
        buf_clear(&w->scratch);
        identity_write_key(&f->id, &w->scratch);
        *r = (struct publish_record){
                .topic = PUBLISH_FAILURES,
                .partition = -1,
                .key = scratch_into(batch, &w->scratch),
                .timestamp_ms = TIME_UNKNOWN,
        };
        batch->bytes += RECORD_OVERHEAD;
        add_time(w, batch, f->timestamp_ms, r);
        return r;
}

static struct intake_doubt *add_doubt(struct intake_batch *batch)
{
        struct intake_doubt *d;

        if (batch->n_doubts == batch->doubts_capacity) {
                batch->doubts_capacity =
                        batch->doubts_capacity > 0 ? 2 * batch->doubts_capacity : FIRST_CAPACITY;
                batch->doubts = grow(batch->doubts, batch->doubts_capacity, sizeof *d);
        }
        d = &batch->doubts[batch->n_doubts++];
        *d = (struct intake_doubt){ .record = batch->n_records - 1 };
        return d;
}

static void add_outcome(struct intake_writer *w, struct intake_batch *batch,
                        const struct intake_origin *origin, const struct failure *f)
{
        struct publish_record *r = add_record(w, batch, origin, f);
        struct intake_doubt *d;

        buf_clear(&w->scratch);
        completion_encode(&f->id, &w->scratch);
        r->value = scratch_into(batch, &w->scratch);
        batch->counts[origin->topic].completed++;
        if (mark(batch, r->key, false))
                return;
        d = add_doubt(batch);
        d->is_outcome = true;
        identity_copy(&d->id, &f->id, &batch->arena);
}

/* A native value is written as it came. */
static void keep_value(struct intake_writer *w, struct intake_batch *batch,
                       const struct intake_item *item, struct publish_record *r)
{
        buf_clear(&w->scratch);
        if (item->value.base == NULL) {
                failure_encode(&item->failure, STR_ABSENT, STR_ABSENT, &w->scratch);
                r->value = scratch_into(batch, &w->scratch);
                return;
        }
        r->value = arena_str(&batch->arena, item->value);
        batch->bytes += r->value.len;
}

static bool lacks_facts(const struct intake_decoded *decoded, const struct failure *f)
{
        return decoded->ignored_fields == 0 && (f->size < 0 || f->last_modified_ms == TIME_UNKNOWN);
}

static void add_failure(struct intake_writer *w, struct intake_batch *batch,
                        const struct intake_origin *origin, const struct intake_decoded *decoded,
                        const struct intake_item *item)
{
        struct publish_record *r = add_record(w, batch, origin, &item->failure);
        struct intake_doubt *d;

        keep_value(w, batch, item, r);
        mark(batch, r->key, true);
        batch->counts[origin->topic].failed++;
        if (!w->config.completes || !lacks_facts(decoded, &item->failure))
                return;
        d = add_doubt(batch);
        d->is_native = item->value.base != NULL;
        failure_copy(&d->failure, &item->failure, &batch->arena);
}

void intake_batch_reject(struct intake_batch *batch, const struct intake_origin *origin,
                         enum reject_cause cause, const struct error *err)
{
        batch->counts[origin->topic].rejected[cause]++;
        if (batch->n_rejects == INTAKE_TOLD_MAX)
                return;
        batch->rejects[batch->n_rejects++] = (struct intake_reject){
                .origin = *origin,
                .cause = cause,
                .message = arena_str(&batch->arena, str_from(err->message)),
        };
}

void intake_batch_add(struct intake_writer *w, struct intake_batch *batch, size_t topic,
                      const struct log_record *record)
{
        struct intake_counts *counts = &batch->counts[topic];
        struct intake_origin origin = { .topic = (unsigned char)topic,
                                        .partition = record->partition,
                                        .offset = record->offset };
        struct intake_decoded decoded;
        struct error err;
        enum reject_cause cause = intake_decode(w->decoder, record, &decoded, &err);

        batch->n_consumed++;
        if (cause != REJECT_NONE) {
                intake_batch_reject(batch, &origin, cause, &err);
                return;
        }
        for (unsigned bit = 0; bit < 64 && decoded.ignored_fields >> bit != 0; bit++)
                counts->ignored[bit] += decoded.ignored_fields >> bit & 1;
        counts->silent += decoded.n == 0;
        for (size_t i = 0; i < decoded.n; i++) {
                const struct intake_item *item = &decoded.items[i];

                origin.is_outcome = item->completed;
                if (item->completed)
                        add_outcome(w, batch, &origin, &item->failure);
                else
                        add_failure(w, batch, &origin, &decoded, item);
        }
}

/* CHANGING */

void intake_batch_drop(struct intake_batch *batch, size_t record)
{
        struct intake_counts *counts = &batch->counts[batch->origins[record].topic];

        batch->records[record].key = STR_ABSENT;
        if (batch->origins[record].is_outcome)
                counts->completed--;
        else
                counts->failed--;
}

void intake_batch_pack(struct intake_batch *batch)
{
        size_t n = 0;

        for (size_t i = 0; i < batch->n_records; i++) {
                if (batch->records[i].key.base == NULL)
                        continue;
                batch->records[n] = batch->records[i];
                batch->origins[n++] = batch->origins[i];
        }
        batch->n_records = n;
        batch->n_doubts = 0; /* they name records by their places before */
}

/* A member more before the end of the object. */
static void splice(struct str value, const char *name, int64_t number, struct buf *out)
{
        size_t end = value.len;

        while (end > 0 && value.base[end - 1] != '}')
                end--;
        buf_append(out, value.base, end > 0 ? end - 1 : 0);
        buf_printf(out, ",\"%s\":%lld}", name, (long long)number);
}

/* What the value says already, in whatever spelling, must not be said twice: the decoder refuses
 * that. */
static bool is_good(struct failure_decoder *decoder, struct str value)
{
        struct log_record record = { .value = value, .settles = -1 };
        struct decoded_record decoded;
        struct error err;

        return failure_decode_value(decoder, &record, &decoded, &err) == REJECT_NONE;
}

static void complete_native(struct intake_batch *batch, struct publish_record *r, const char *name,
                            int64_t number, struct failure_decoder *decoder, struct buf *scratch)
{
        buf_clear(scratch);
        splice(r->value, name, number, scratch);
        if (is_good(decoder, buf_str(scratch)))
                r->value = scratch_into(batch, scratch);
}

void intake_batch_complete(struct intake_batch *batch, struct intake_doubt *d,
                           const struct backbeat_facts *facts, struct failure_decoder *decoder,
                           struct buf *scratch)
{
        struct publish_record *r = &batch->records[d->record];
        bool adds_size = d->failure.size < 0 && facts->size >= 0;
        bool adds_date = d->failure.last_modified_ms == TIME_UNKNOWN &&
                         facts->last_modified_ms != TIME_UNKNOWN;

        if (adds_size)
                d->failure.size = facts->size;
        if (adds_date)
                d->failure.last_modified_ms = facts->last_modified_ms;
        if (!d->is_native) {
                buf_clear(scratch);
                failure_encode(&d->failure, STR_ABSENT, STR_ABSENT, scratch);
                r->value = scratch_into(batch, scratch);
                return;
        }
        if (adds_size)
                complete_native(batch, r, "Size", facts->size, decoder, scratch);
        if (adds_date)
                complete_native(batch, r, "LastModified", facts->last_modified_ms, decoder,
                                scratch);
}
