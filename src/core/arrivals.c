/* SPDX-License-Identifier: Apache-2.0 */
#include "arrivals.h"

#include <assert.h>

#include "crr/core/identity.h"
#include "own_record.h"

#define WORTH_HELP 64 /* records; it is some hundred microseconds of work */

void arrivals_init(struct arrivals *a, size_t max_value_bytes, struct helpers *helpers)
{
        a->helpers = helpers;
        for (size_t i = 0; i < HELPERS_WORKERS; i++)
                a->decoders[i] = failure_decoder_new(max_value_bytes);
        for (size_t b = 0; b < 2; b++) {
                a->batches[b].arrivals = a;
                for (size_t i = 0; i < MEMBER_BATCH; i++) {
                        buf_init(&a->batches[b].items[i].key_bytes, SIZE_MAX);
                        buf_init(&a->batches[b].items[i].strings, SIZE_MAX);
                }
        }
}

void arrivals_deinit(struct arrivals *a)
{
        for (size_t b = 0; b < 2; b++)
                for (size_t i = 0; i < MEMBER_BATCH; i++) {
                        buf_deinit(&a->batches[b].items[i].key_bytes);
                        buf_deinit(&a->batches[b].items[i].strings);
                }
        for (size_t i = 0; i < HELPERS_WORKERS; i++)
                failure_decoder_free(a->decoders[i]);
}

static void decode(struct arrival_batch *batch, unsigned worker, size_t i, struct error *err)
{
        struct arrival *arrival = &batch->items[i];

        buf_clear(&arrival->strings);
        arrival->cause =
                failure_decode_keyed(batch->arrivals->decoders[worker], &batch->records[i],
                                     &arrival->key, &arrival->strings, &arrival->decoded, err);
}

static void read_own(struct arrival *arrival, const struct log_record *record)
{
        arrival->key = (struct record_key){ arrival->own->failure.id, true, true };
        arrival->cause = REJECT_NONE;
        own_record_read(arrival->own, record, &arrival->decoded);
}

static void read_one(void *data, unsigned worker, size_t i)
{
        struct arrival_batch *batch = data;
        struct arrival *arrival = &batch->items[i];
        struct error err;

        if (!arrival->is_wanted)
                return;
        if (arrival->own != NULL) {
                read_own(arrival, &batch->records[i]);
                return;
        }
        buf_clear(&arrival->key_bytes);
        arrival->key.is_canonical = false;
        arrival->key.is_good = identity_parse_key(batch->records[i].key, &arrival->key_bytes,
                                                  &arrival->key.id, &arrival->key.is_canonical);
        decode(batch, worker, i, &err);
}

struct arrival_batch *arrivals_next(struct arrivals *a)
{
        return &a->batches[1 - a->last];
}

void arrivals_begin(struct arrivals *a)
{
        struct arrival_batch *batch = arrivals_next(a);

        assert(!a->is_begun);
        a->last = 1 - a->last;
        a->is_begun = true;
        a->is_with_helper = a->helpers != NULL && batch->unread >= WORTH_HELP;
        if (a->is_with_helper)
                a->helpers->begin(a->helpers, read_one, batch, batch->n);
}

struct arrival_batch *arrivals_end(struct arrivals *a)
{
        struct arrival_batch *batch = &a->batches[a->last];

        if (!a->is_begun)
                return NULL;
        a->is_begun = false;
        if (a->is_with_helper)
                a->helpers->end(a->helpers);
        else
                for (size_t i = 0; i < batch->n; i++)
                        read_one(batch, 0, i);
        return batch;
}

static void shrink(struct buf *b)
{
        if (b->capacity > ARRIVAL_KEPT_BYTES)
                buf_deinit(b);
}

void arrivals_done(struct arrival_batch *batch)
{
        for (size_t i = 0; i < batch->n; i++) {
                shrink(&batch->items[i].key_bytes);
                shrink(&batch->items[i].strings);
        }
}

void arrivals_explain(struct arrival_batch *batch, size_t i, struct error *err)
{
        decode(batch, 0, i, err);
}
