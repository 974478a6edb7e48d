/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path of a batch:
 *
 *  - queued outgoings are revalidated and encoded into the open batch, a slice a turn;
 *  - no batch is running: it takes the offsets of the partitions it touches and the generation, and
 *    is submitted;
 *  - it is committed: every outgoing learns the offset of its record, a slice a turn, while the
 *    next batch runs already.
 *
 * Possible failures:
 *
 *  - something changes while it is open: its outgoings are queued again and looked at anew;
 *  - the transaction is aborted: the same, while submits are left; then nothing of them was
 *    written;
 *  - the generation was stale: the same, once the group has another;
 *  - one record is refused: the others are queued again;
 *  - the outcome is unknown: they stay so until the log tells (member_on_publisher_ready);
 *  - the publisher is closing: nothing of them was written.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "crr/base/log.h"
#include "member_private.h"
#include "outgoing_encode.h"

#define OFFSETS_EVERY_MS 60000
#define ARENA_SLACK      (64u << 20)
#define CHUNK_ENTRIES    256
#define SLICE_METADATA   (256u << 10) /* written in one turn, or one that is larger */

static struct batch *batch_new(struct batcher *b)
{
        struct batch *batch = calloc(1, sizeof *batch);

        if (batch == NULL)
                abort();
        batch->batcher = b;
        batch->number = ++b->batches;
        batch->publish.data = batch;
        batch->publish.done = batch_on_done;
        arena_init(&batch->arena, 4 * b->member->config.max_transaction_bytes + ARENA_SLACK);
        return batch;
}

void batch_free(struct batch *batch)
{
        assert(batch->items.n == 0);
        arena_deinit(&batch->arena);
        free(batch->records);
        free(batch->offsets);
        free(batch);
}

void batcher_init(struct batcher *b, struct member *member)
{
        memset(b, 0, sizeof *b);
        b->member = member;
        b->committed_end = &b->committed;
        b->claim_again_ms = INT64_MIN / 2;
        buf_init(&b->stale_generation, SIZE_MAX);
}

void batcher_deinit(struct batcher *b)
{
        assert(b->running == NULL && b->retries.n == 0 && b->settlements.n == 0 &&
               b->committed == NULL && b->kept_bytes == 0);
        if (b->open != NULL)
                batch_free(b->open);
        buf_deinit(&b->stale_generation);
}

void batcher_queue(struct batcher *b, struct outgoing *o)
{
        outgoing_move(o, OUTGOING_QUEUED);
        outgoing_list_append(o->kind == OUTGOING_RETRY ? &b->retries : &b->settlements, o);
}

/* The records of an outgoing that leaves the open batch would stay in it: the batch is made anew.
 */
void batcher_discard(struct batcher *b, struct outgoing *o)
{
        if (outgoing_state(o) == OUTGOING_ENCODED)
                b->open_is_stale = true;
        outgoing_list_remove(o);
}

void batcher_invalidate(struct batcher *b)
{
        b->open_is_stale = b->open != NULL;
}

bool batcher_is_idle(const struct batcher *b)
{
        return b->running == NULL && b->open == NULL && b->committed == NULL && b->retries.n == 0 &&
               b->settlements.n == 0;
}

size_t batcher_queued(const struct batcher *b)
{
        return b->retries.n;
}

bool batcher_has_enough(const struct batcher *b)
{
        return b->retries.bytes + b->settlements.bytes >=
               2 * b->member->config.max_transaction_bytes;
}

/* A settlement goes behind the others: one that is never taken must not hold them up. */
void batcher_queue_again(struct batcher *b, struct outgoing *o)
{
        if (o->kind != OUTGOING_RETRY) {
                batcher_queue(b, o);
                return;
        }
        outgoing_move(o, OUTGOING_QUEUED);
        outgoing_list_prepend(&b->retries, o);
}

void batch_dissolve_open(struct batcher *b)
{
        struct batch *batch = b->open;

        b->open_is_stale = false;
        b->open = NULL;
        while (batch != NULL && batch->items.tail != NULL) {
                struct outgoing *o = batch->items.tail;

                outgoing_list_remove(o);
                batcher_queue_again(b, o);
        }
        if (batch != NULL)
                batch_free(batch);
}

static void add_records(struct batch *batch, struct outgoing *o,
                        const struct publish_record *records, size_t n, size_t log)
{
        struct publish_batch *publish = &batch->publish;

        if (publish->n_records + n > batch->capacity) {
                batch->capacity = batch->capacity == 0 ? 64 : 2 * batch->capacity;
                batch->records =
                        realloc(batch->records, batch->capacity * sizeof(struct publish_record));
                if (batch->records == NULL)
                        abort();
        }
        o->first_record = publish->n_records;
        o->n_records = n;
        o->record = publish->n_records + log;
        for (size_t i = 0; i < n; i++) {
                batch->records[publish->n_records++] = records[i];
                batch->bytes += records[i].key.len + records[i].value.len + 128;
        }
}

static bool has_status_entry(const struct member *m, const struct outgoing *o)
{
        return m->config.has_status_topic && o->kind == OUTGOING_RETRY && o->own != NULL;
}

static enum outgoing_end end_of(enum encode_result result)
{
        switch (result) {
        case ENCODE_NO_ENTRY:
                return END_NO_ENTRY;
        case ENCODE_TOO_LARGE:
                return END_TOO_LARGE;
        case ENCODE_OK:
                break;
        }
        return END_COMMITTED;
}

/* What does not join leaves nothing in the batch's memory: of such there may be any number. */
static enum outgoing_end encode_into(struct batch *batch, struct outgoing *o)
{
        struct member *m = batch->batcher->member;
        struct encode_context context = {
                .payload = m->config.payload,
                .instance = m->config.instance,
                .max_record_bytes = m->ports.publisher->max_record_bytes,
                .max_value_bytes = m->config.max_value_bytes,
                .arena = &batch->arena,
                .scratch = &m->scratch,
                .reader = m->metadata.reader,
                .has_status = has_status_entry(m, o),
                .ret_said = &m->metadata.said,
        };
        struct arena_mark mark = arena_mark(&batch->arena);
        struct publish_record records[OUTGOING_MAX_RECORDS];
        enum outgoing_end end;
        size_t n, log;

        if (o->kind == OUTGOING_RETRY)
                o->failure.retried_at_ms = m->wall_ms;
        if (context.has_status)
                context.said = metadata_fetch_status_said(o, batch->number);
        end = end_of(outgoing_encode(o, &context, records, &n, &log));
        if (end != END_COMMITTED) {
                arena_rewind(&batch->arena, &mark);
                return end;
        }
        if (context.has_status)
                metadata_fetch_keep_status(&m->metadata, o, batch->number);
        add_records(batch, o, records, n, log);
        return END_COMMITTED;
}

/* Of payload `backbeat` they are committed as they are ready, so many at a time. */
static size_t most_entries(const struct member_config *config)
{
        size_t most = config->max_transaction_entries;

        return config->payload == RETRY_PAYLOAD_BACKBEAT && most > CHUNK_ENTRIES ? CHUNK_ENTRIES
                                                                                 : most;
}

static bool batch_is_full(const struct batcher *b)
{
        const struct member_config *config = &b->member->config;

        return b->open != NULL && (b->open->items.n >= most_entries(config) ||
                                   b->open->bytes >= config->max_transaction_bytes);
}

static bool may_join(const struct batch *batch, const struct outgoing *o)
{
        if (batch == NULL || batch->items.n == 0)
                return true;
        if (o->kind == OUTGOING_RETRY)
                return !batch->is_closed_to_retries &&
                       (o->attempts == 0 || batch->n_retries == batch->items.n);
        return !batch->is_closed_to_settlements && o->attempts < 2 &&
               (o->attempts == 0 || batch->n_retries == 0);
}

static void join(struct batch *batch, struct outgoing *o)
{
        bool is_retry = o->kind == OUTGOING_RETRY;

        batch->n_retries += is_retry;
        batch->is_closed_to_retries |= !is_retry && o->attempts > 0;
        batch->is_closed_to_settlements |= o->attempts > (is_retry ? 0 : 1);
        outgoing_move(o, OUTGOING_ENCODED);
        outgoing_list_append(&batch->items, o);
}

static bool slice_is_used(size_t n, size_t metadata)
{
        return n >= LIMIT_RETRY_ENTRIES || metadata >= SLICE_METADATA;
}

/* Move at most a slice from a queue into the open batch; true: the slice is used up. */
static bool fill(struct batcher *b, struct outgoing_list *queue)
{
        size_t n = 0, metadata = 0;

        for (; !slice_is_used(n, metadata) && queue->head && !batch_is_full(b); n++) {
                struct outgoing *o = queue->head;
                struct error err;
                enum outgoing_end end;

                if (!may_join(b->open, o))
                        return false;
                end = member_outgoing_check(b->member, o, &err);
                outgoing_list_remove(o);
                metadata += o->metadata != NULL ? o->metadata->bytes : 0;
                if (end == END_COMMITTED) {
                        if (b->open == NULL)
                                b->open = batch_new(b);
                        end = encode_into(b->open, o);
                }
                if (end == END_COMMITTED)
                        join(b->open, o);
                else
                        member_outgoing_end(b->member, o, end, &err);
        }
        if (b->open != NULL && b->open->items.n == 0)
                batch_dissolve_open(b); /* nothing joined it */
        return slice_is_used(n, metadata) && queue->head != NULL && !batch_is_full(b);
}

static bool fill_settlements(struct batcher *b)
{
        return b->member->now_ms >= b->settlements_at_ms && fill(b, &b->settlements);
}

/* Settlements that were aborted need a batch without retries: every other one, if need be. */
static bool fill_both(struct batcher *b)
{
        const struct outgoing *head = b->settlements.head;
        bool more = false;

        if (b->open == NULL && head != NULL && head->attempts > 0 && !b->settled_last)
                more = fill_settlements(b);
        more |= fill(b, &b->retries);
        return fill_settlements(b) || more;
}

/* The offset carries our claim. Clearing claims nothing that is another member's: whoever takes
 * over from that one must know whom to fence. */
static void add_offset(struct batch *batch, const struct partition *p)
{
        struct publish_batch *publish = &batch->publish;

        if (partition_state(p) == PARTITION_ABSENT ||
            (batch->is_clearing && !takeover_may_be_ours(batch->batcher->member, p)))
                return;
        batch->offsets[publish->n_offsets++] = (struct publish_offset){ p->id, p->position };
}

static bool offsets_are_due(const struct batcher *b)
{
        return b->member->generation.len > 0 && b->member->now_ms >= b->offsets_due_ms;
}

/* Every partition of the failure log that the batch touches, and all that are ready when they are
 * due. */
static void take_offsets(struct batch *batch, bool all_ready)
{
        struct member *m = batch->batcher->member;
        struct partition_set touched = { { 0 } };

        for (size_t i = 0; i < batch->publish.n_records; i++)
                if (batch->records[i].topic == PUBLISH_FAILURES)
                        partition_set_add(&touched, batch->records[i].partition);
        batch->offsets = calloc(LIMIT_PARTITIONS, sizeof(struct publish_offset));
        if (batch->offsets == NULL)
                abort();
        for (int p = 0; p < m->n_partitions; p++)
                if (partition_set_has(&touched, p) ||
                    (all_ready && member_partition_is_ready(m, p)))
                        add_offset(batch, &m->partitions[p]);
}

static void send(struct batcher *b, struct batch *batch)
{
        struct member *m = b->member;

        b->running = batch;
        batch->lives = m->lives;
        batch->sent_ms = m->now_ms;
        take_offsets(batch, offsets_are_due(b));
        if (offsets_are_due(b))
                b->offsets_due_ms = m->now_ms + OFFSETS_EVERY_MS;
        batch->publish.records = batch->records;
        batch->publish.offsets = batch->offsets;
        batch->publish.generation = arena_str(&batch->arena, buf_str(&m->generation));
        batch->publish.metadata = arena_str(&batch->arena, buf_str(&m->claim));
        m->ports.publisher->submit(m->ports.publisher, &batch->publish);
}

static void submit(struct batcher *b)
{
        struct batch *batch = b->open;

        b->open = NULL;
        for (struct outgoing *o = batch->items.head; o != NULL; o = o->next) {
                outgoing_move(o, OUTGOING_SUBMITTED);
                o->attempts++;
                o->floor = b->member->partitions[outgoing_watched(o)].position;
        }
        b->settled_last = batch->is_closed_to_retries;
        send(b, batch);
}

void batcher_clear(struct batcher *b, int partition)
{
        partition_set_add(&b->stuck, partition);
}

static void clear_on_done(struct publish_batch *publish)
{
        struct batch *batch = publish->data;

        batch_take_proof(batch);
        batch->batcher->running = NULL;
        clearing_say(publish, "retries");
        batch_free(batch);
}

static void submit_clearing(struct batcher *b)
{
        struct partition_set stuck = b->stuck;
        struct batch *batch = batch_new(b);

        b->stuck = (struct partition_set){ { 0 } };
        batch->is_clearing = true;
        for (int p = 0; p < b->member->n_partitions; p++) {
                struct publish_record record = clearing_record(p);
                struct outgoing unused;

                if (partition_set_has(&stuck, p))
                        add_records(batch, &unused, &record, 1, 0);
        }
        if (batch->publish.n_records == 0) {
                batch_free(batch);
                return;
        }
        clearing_by_the_intake(b->member, &stuck);
        batch->publish.done = clear_on_done;
        send(b, batch);
}

static bool generation_is_stale(const struct batcher *b)
{
        const struct member *m = b->member;

        return m->now_ms < b->stale_until_ms &&
               str_eq(buf_str(&b->stale_generation), buf_str(&m->generation));
}

void batcher_claim(struct batcher *b)
{
        bool on_its_way = b->running != NULL && b->running->publish.n_records == 0;

        if (!on_its_way && b->claim_again_ms < b->offsets_due_ms)
                b->offsets_due_ms = b->claim_again_ms;
}

/* Once a minute the offsets alone: idle groups keep their offsets, and the transactional.id does
 * not expire. */
static void make_offsets_batch(struct batcher *b)
{
        struct member *m = b->member;

        if (b->open != NULL || !offsets_are_due(b))
                return;
        for (int p = 0; p < m->n_partitions; p++) {
                if (member_partition_is_ready(m, p)) {
                        b->open = batch_new(b);
                        return;
                }
        }
}

bool batcher_work(struct batcher *b)
{
        bool more;

        batcher_tell(b, LIMIT_TOLD_ENTRIES);
        if (b->open_is_stale)
                batch_dissolve_open(b);
        if (!b->publisher_ready || generation_is_stale(b))
                return b->committed != NULL;
        if (b->running == NULL && partition_set_count(&b->stuck) > 0)
                submit_clearing(b);
        more = fill_both(b);
        if (b->running == NULL) {
                make_offsets_batch(b);
                if (b->open != NULL && !b->open_is_stale)
                        submit(b);
        }
        return b->committed != NULL || more;
}
