/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a batch, told to its outgoings; the cases stand at the head of batcher.c. */
#include <stdint.h>
#include <stdlib.h>

#include "batch.h"
#include "crr/base/log.h"
#include "member_private.h"

#define CLAIM_AGAIN_MS 100 /* after a transaction that was not committed */
#define STALE_WAIT_MS  5000
#define PAUSE_MIN_MS   100 /* of settlements, after an abort; doubled */
#define PAUSE_MAX_MS   10000
#define KEPT_BYTES     (32u << 20)

/* Of a request that is complete: it is answered, as costly as so many others. */
#define ANSWER_COST 31

/* The group accepted our offsets: we are its member, and own what we had when it was sent. */
void batch_take_proof(const struct batch *batch)
{
        const struct publish_batch *publish = &batch->publish;
        struct member *m = batch->batcher->member;

        if (publish->outcome != PUBLISH_COMMITTED)
                m->batcher.claim_again_ms = m->now_ms + CLAIM_AGAIN_MS;
        if (publish->outcome != PUBLISH_COMMITTED || publish->n_offsets == 0)
                return;
        for (size_t i = 0; i < publish->n_offsets; i++) {
                struct partition *p = &m->partitions[publish->offsets[i].partition];

                p->claimed |= p->life <= batch->lives;
        }
        member_prove(m, batch->lives, batch->sent_ms);
}

static void count_outcome(struct member *m, const struct batch *batch)
{
        static const char *const names[] = {
                [PUBLISH_COMMITTED] = "committed", [PUBLISH_ABORTED] = "aborted",
                [PUBLISH_STALE] = "aborted",       [PUBLISH_REFUSED] = "aborted",
                [PUBLISH_UNKNOWN] = "unknown",     [PUBLISH_CLOSED] = "closed",
        };
        const struct publish_batch *publish = &batch->publish;

        metrics_add(m->metrics, METRIC_RETRY_TRANSACTIONS_TOTAL, LABELS_1(names[publish->outcome]),
                    1);
        metrics_observe(m->metrics, METRIC_RETRY_TRANSACTION_DURATION, NO_LABELS,
                        (double)publish->duration_us / 1e6);
        if (batch->items.n > 0)
                metrics_observe(m->metrics, METRIC_RETRY_TRANSACTION_ENTRIES, NO_LABELS,
                                (double)batch->items.n);
        if (publish->outcome == PUBLISH_ABORTED || publish->outcome == PUBLISH_REFUSED)
                log_emit(LOG_TXN_ABORTED,
                         LOG_FIELDS(log_i("entries", (int64_t)batch->items.n),
                                    log_c("code", error_name(publish->err.code))),
                         "%s", publish->err.message);
        if (publish->outcome == PUBLISH_UNKNOWN)
                log_emit(LOG_TXN_UNKNOWN,
                         LOG_FIELDS(log_i("entries", (int64_t)batch->items.n),
                                    log_c("code", error_name(publish->err.code))),
                         "%s", publish->err.message);
}

/* Nothing of it was written: again, or the end. */
static void item_on_aborted(struct batcher *b, struct outgoing *o, const struct batch *batch)
{
        const struct publish_batch *publish = &batch->publish;
        struct error err = publish->err;

        if (publish->outcome == PUBLISH_REFUSED && publish->refused >= o->first_record &&
            publish->refused < o->first_record + o->n_records) {
                member_outgoing_end(b->member, o, END_TOO_LARGE, &err);
                return;
        }
        if (publish->outcome == PUBLISH_REFUSED || publish->outcome == PUBLISH_STALE)
                o->attempts--; /* it was not its own fault */
        if (publish->outcome != PUBLISH_CLOSED && !o->detached &&
            o->attempts < LIMIT_SUBMIT_ATTEMPTS)
                batcher_queue_again(b, o);
        else
                member_outgoing_end(b->member, o, END_FAILED, &err);
}

static size_t bytes_of(const struct batch *batch)
{
        return sizeof *batch + batch->arena.used + batch->capacity * sizeof *batch->records;
}

/* While the log is read far behind, what is written is not kept, and is read like any other. */
static void begin_keeping(struct batch *batch)
{
        struct batcher *b = batch->batcher;

        free(batch->offsets); /* they are read no more */
        batch->offsets = NULL;
        batch->publish.offsets = NULL;
        batch->publish.n_offsets = 0;
        batch->is_kept = b->kept_bytes + bytes_of(batch) <= KEPT_BYTES;
        if (batch->is_kept)
                b->kept_bytes += bytes_of(batch);
}

static void free_if_read(struct batch *batch)
{
        if (!batch->is_told || batch->n_kept > 0)
                return;
        if (batch->is_kept)
                batch->batcher->kept_bytes -= bytes_of(batch);
        batch_free(batch);
}

/* It was committed: o->sent. What the record says is then what *o says; not so of one that holds an
 * Entry, or a time that cannot be written. Without its offset it is not found. */
static void batch_keep(struct batch *batch, struct outgoing *o)
{
        if (!batch->is_kept || o->kind != OUTGOING_RETRY || o->offset < 0 ||
            o->entry.base != NULL || o->failure.failed_at_ms > TIME_LAST)
                return;
        o->sent = batch;
        batch->n_kept++;
}

void batch_forget(struct outgoing *o)
{
        struct batch *batch = o->sent;

        if (batch == NULL)
                return;
        o->sent = NULL;
        batch->n_kept--;
        free_if_read(batch);
}

static void item_on_outcome(struct batcher *b, struct outgoing *o, struct batch *batch)
{
        const struct publish_batch *publish = &batch->publish;

        switch (publish->outcome) {
        case PUBLISH_COMMITTED:
                /* A broker that had the record already tells no offset, and librdkafka makes one up
                 * from what it told last. */
                o->offset = publish->records[o->record].offset;
                if (o->offset < o->floor)
                        o->offset = -1;
                batch_keep(batch, o);
                member_outgoing_end(b->member, o, END_COMMITTED, NULL);
                break;
        case PUBLISH_UNKNOWN:
                member_outgoing_end(b->member, o, END_UNKNOWN, NULL);
                break;
        case PUBLISH_ABORTED:
        case PUBLISH_STALE:
        case PUBLISH_REFUSED:
        case PUBLISH_CLOSED:
                item_on_aborted(b, o, batch);
                break;
        }
}

/* Tell its outgoings, for a price of about `most`; returns what it was. */
static size_t tell_outcome(struct batcher *b, struct batch *batch, size_t most)
{
        size_t before = b->member->flow.answered, price = 0;

        for (size_t n = 1; batch->items.head != NULL && price < most; n++) {
                bool is_committed = batch->publish.outcome == PUBLISH_COMMITTED;
                struct outgoing *o = is_committed ? batch->items.head : batch->items.tail;

                outgoing_list_remove(o);
                item_on_outcome(b, o, batch);
                price = n + ANSWER_COST * (b->member->flow.answered - before);
        }
        return price;
}

void batcher_tell(struct batcher *b, size_t most)
{
        while (b->committed != NULL && most > 0) {
                struct batch *batch = b->committed;
                size_t price = tell_outcome(b, batch, most);

                if (batch->items.n > 0)
                        return;
                most = price < most ? most - price : 0;
                b->committed = batch->next;
                if (b->committed == NULL)
                        b->committed_end = &b->committed;
                batch->is_told = true;
                free_if_read(batch);
        }
}

/* One that Kafka never takes must not keep it busy. */
static void pause_settlements(struct batcher *b, const struct batch *batch)
{
        int64_t longer =
                b->settlements_pause_ms < PAUSE_MAX_MS ? 2 * b->settlements_pause_ms : PAUSE_MAX_MS;

        if (batch->items.n == batch->n_retries)
                return;
        if (batch->publish.outcome == PUBLISH_COMMITTED)
                b->settlements_pause_ms = 0;
        if (batch->publish.outcome != PUBLISH_ABORTED)
                return;
        b->settlements_pause_ms = longer > PAUSE_MIN_MS ? longer : PAUSE_MIN_MS;
        b->settlements_at_ms = b->member->now_ms + b->settlements_pause_ms;
}

void batch_on_done(struct publish_batch *publish)
{
        struct batch *batch = publish->data;
        struct batcher *b = batch->batcher;

        b->running = NULL;
        count_outcome(b->member, batch);
        batch_take_proof(batch);
        pause_settlements(b, batch);
        if (publish->outcome == PUBLISH_STALE) {
                buf_clear(&b->stale_generation);
                buf_append_str(&b->stale_generation, publish->generation);
                b->stale_until_ms = b->member->now_ms + STALE_WAIT_MS;
        }
        if (publish->outcome != PUBLISH_COMMITTED) {
                batch_dissolve_open(b);           /* what is aborted goes before it */
                tell_outcome(b, batch, SIZE_MAX); /* a new producer may decide it next */
                batch_free(batch);
                return;
        }
        begin_keeping(batch);
        *b->committed_end = batch;
        b->committed_end = &batch->next;
        if (b->member->stopping)
                batcher_tell(b, SIZE_MAX);
}
