/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path of a batch:
 *
 *   ASKING      which of its outcomes the group does not know: those are dropped; what the source
 *               knows of its failures
 *   PUBLISHING  one transaction holds the records and the offsets of what was consumed
 *
 * Batches are worked on one at a time: the next one's outcomes are about what this one writes.
 *
 * Possible failures:
 *  - it is not known whether the group knows an identity: its outcome is written;
 *  - the transaction is aborted: the same batch again, after a pause; nothing is lost meanwhile,
 *    because nothing is consumed;
 *  - one record is refused by Kafka: it is counted, told and left out;
 *  - the generation is stale, or the outcome unknown: the thread reads again from the committed
 *    offsets, and the batches behind this one are not worked on: they would skip what it holds.
 */
#include "crr/core/intake.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "crr/base/log.h"
#include "crr/core/peers.h"
#include "intake_parts.h"

#define PAUSE_MIN_MS 100 /* after an abort; doubled */
#define PAUSE_MAX_MS 10000
#define ASK_MS       5000 /* the door is given so long; then outcomes are in doubt */
#define ARENA_LIMIT  ((size_t)64 << 20)

struct intake {
        struct intake_config config;
        struct intake_ports ports;
        struct intake_batch *head, **end; /* the head is worked on */
        enum { IDLE, ASKING, PUBLISHING } state;
        bool is_stopping;
        int64_t now_ms;

        struct know_request know; /* the outcomes of the head, some at a time */
        struct arena know_arena;
        struct know_entry entries[PEER_ENTRIES_MAX];
        size_t asked[PEER_ENTRIES_MAX]; /* doubts that the entries are of */
        size_t cursor;                  /* doubts that were looked at */
        bool know_is_out, facts_are_out;
        struct intake_facts facts;

        bool is_at_the_publisher;
        int64_t again_ms, pause_ms;
};

struct intake *intake_new(const struct intake_config *config, const struct intake_ports *ports)
{
        struct intake *in = calloc(1, sizeof *in);

        if (in == NULL)
                abort();
        in->config = *config;
        in->ports = *ports;
        in->end = &in->head;
        in->pause_ms = PAUSE_MIN_MS;
        intake_facts_init(&in->facts, ports->source);
        return in;
}

void intake_free(struct intake *in)
{
        if (in == NULL)
                return;
        assert(in->head == NULL);
        intake_facts_deinit(&in->facts);
        free(in);
}

void intake_submit(struct intake *in, struct intake_batch *batch)
{
        batch->next = NULL;
        *in->end = batch;
        in->end = &batch->next;
}

/* COUNTING */

static void add(struct intake *in, enum metric metric, struct metric_labels labels, uint64_t n)
{
        if (n > 0)
                metrics_add(in->ports.metrics, metric, labels, n);
}

static void count(struct intake *in, const struct intake_batch *batch)
{
        for (size_t t = 0; t < in->config.n_topics; t++) {
                const struct intake_counts *c = &batch->counts[t];
                const char *topic = in->config.topics[t];

                add(in, METRIC_RECORDS_TOTAL, LABELS_2(topic, "failed"), c->failed);
                add(in, METRIC_RECORDS_TOTAL, LABELS_2(topic, "completed"), c->completed);
                add(in, METRIC_RECORDS_TOTAL, LABELS_2(topic, "unknown"), c->dropped);
                add(in, METRIC_RECORDS_TOTAL, LABELS_2(topic, "passed_over"), c->silent);
                for (int cause = 0; cause < REJECT_CAUSES_N; cause++)
                        add(in, METRIC_RECORDS_REJECTED_TOTAL,
                            LABELS_2(topic, reject_cause_name((enum reject_cause)cause)),
                            c->rejected[cause]);
                for (unsigned bit = 0; bit < 64 && failure_field_name(bit) != NULL; bit++)
                        add(in, METRIC_FIELDS_IGNORED_TOTAL,
                            LABELS_2(topic, failure_field_name(bit)), c->ignored[bit]);
        }
}

static void tell_rejects(const struct intake *in, const struct intake_batch *batch)
{
        for (size_t i = 0; i < batch->n_rejects; i++) {
                const struct intake_reject *r = &batch->rejects[i];

                log_emit(LOG_RECORD_REJECTED,
                         LOG_FIELDS(log_c("topic", in->config.topics[r->origin.topic]),
                                    log_i("partition", r->origin.partition),
                                    log_i("offset", r->origin.offset),
                                    log_c("cause", reject_cause_name(r->cause))),
                         "%.*s", STR_ARG(r->message));
        }
}

/* ENDS */

static void end_head(struct intake *in, enum intake_end end)
{
        struct intake_batch *batch = in->head;

        in->head = batch->next;
        if (in->head == NULL)
                in->end = &in->head;
        in->state = IDLE;
        batch->end = end;
        batch->done(batch);
}

/* What was consumed behind a batch that is read again will be read again too. */
static void rewind_all(struct intake *in)
{
        unsigned epoch = in->head->epoch;

        while (in->head != NULL && in->head->epoch == epoch)
                end_head(in, INTAKE_REWIND);
}

/* Kafka does not take it: it is one that cannot be used. */
static void reject(struct intake_batch *batch, size_t record, const struct error *err)
{
        intake_batch_reject(batch, &batch->origins[record], REJECT_TOO_LARGE, err);
        intake_batch_drop(batch, record);
}

static void on_refused(struct intake *in, struct intake_batch *batch)
{
        reject(batch, batch->publish.refused, &batch->publish.err);
        intake_batch_pack(batch);
        in->again_ms = in->now_ms;
}

static void on_aborted(struct intake *in, struct intake_batch *batch)
{
        log_emit(LOG_INTAKE_WAITS,
                 LOG_FIELDS(log_i("records", (int64_t)batch->n_records),
                            log_i("pause_ms", in->pause_ms)),
                 "the failure log does not take records: %s", batch->publish.err.message);
        in->again_ms = in->now_ms + in->pause_ms;
        in->pause_ms = in->pause_ms < PAUSE_MAX_MS / 2 ? 2 * in->pause_ms : PAUSE_MAX_MS;
}

static void on_published(struct publish_batch *publish)
{
        struct intake *in = publish->data;
        struct intake_batch *batch = in->head;

        in->is_at_the_publisher = false;
        switch (publish->outcome) {
        case PUBLISH_COMMITTED:
                in->pause_ms = PAUSE_MIN_MS;
                count(in, batch);
                tell_rejects(in, batch);
                end_head(in, INTAKE_DONE);
                break;
        case PUBLISH_ABORTED:
                on_aborted(in, batch);
                break;
        case PUBLISH_REFUSED:
                on_refused(in, batch);
                break;
        case PUBLISH_STALE:
        case PUBLISH_UNKNOWN:
                rewind_all(in);
                break;
        case PUBLISH_CLOSED:
                end_head(in, INTAKE_CLOSED);
                break;
        }
}

/* ASKING */

static void know_on_done(struct know_request *req)
{
        struct intake *in = req->data;
        struct intake_batch *batch = in->head;

        in->know_is_out = false;
        arena_deinit(req->arena);
        for (size_t i = 0; i < req->n; i++) {
                struct intake_doubt *d = &batch->doubts[in->asked[i]];

                if (!in->entries[i].absent)
                        continue;
                intake_batch_drop(batch, d->record);
                batch->counts[batch->origins[d->record].topic].dropped++;
        }
}

/* The next outcomes; false: there are no more. */
static bool ask_door(struct intake *in)
{
        struct intake_batch *batch = in->head;
        struct arena *arena = &in->know_arena;
        size_t n = 0;

        for (; in->cursor < batch->n_doubts && n < PEER_ENTRIES_MAX; in->cursor++) {
                const struct intake_doubt *d = &batch->doubts[in->cursor];

                if (!d->is_outcome)
                        continue;
                in->asked[n] = in->cursor;
                in->entries[n++] = (struct know_entry){ .id = d->id };
        }
        if (n == 0)
                return false;
        arena_init(arena, ARENA_LIMIT);
        in->know = (struct know_request){
                .data = in,
                .entries = in->entries,
                .n = n,
                .deadline_ms = in->now_ms + ASK_MS,
                .arena = arena,
                .done = know_on_done,
        };
        in->know_is_out = true;
        retry_service_know(in->ports.door, &in->know);
        return true;
}

static void begin(struct intake *in)
{
        in->state = ASKING;
        in->cursor = 0;
        in->facts_are_out = in->ports.source != NULL && in->head->n_doubts > 0;
        if (in->facts_are_out)
                intake_facts_begin(&in->facts, in->head, in->now_ms);
}

/* True: all that is to be known is known. */
static bool ask_on(struct intake *in)
{
        if (in->facts_are_out)
                in->facts_are_out = !intake_facts_work(&in->facts, in->now_ms);
        return !in->know_is_out && !ask_door(in) && !in->facts_are_out;
}

/* PUBLISHING */

static void reject_what_is_too_large(struct intake *in, struct intake_batch *batch)
{
        size_t most = in->ports.publisher->max_record_bytes;
        struct error err;

        for (size_t i = 0; i < batch->n_records; i++) {
                const struct publish_record *r = &batch->records[i];

                if (r->key.base == NULL || r->key.len + r->value.len <= most)
                        continue;
                error_set(&err, ERR_TOO_LARGE,
                          "its record would have %zu bytes; the failure log takes %zu",
                          r->key.len + r->value.len, most);
                reject(batch, i, &err);
        }
}

static void end_asking(struct intake *in)
{
        reject_what_is_too_large(in, in->head);
        intake_batch_pack(in->head);
        in->state = PUBLISHING;
        in->again_ms = in->now_ms;
}

static void publish(struct intake *in)
{
        struct intake_batch *batch = in->head;

        if (in->is_at_the_publisher || in->now_ms < in->again_ms)
                return;
        batch->publish.data = in;
        batch->publish.done = on_published;
        batch->publish.records = batch->records;
        batch->publish.n_records = batch->n_records;
        batch->publish.offsets = batch->offsets;
        in->is_at_the_publisher = true;
        in->ports.publisher->submit(in->ports.publisher, &batch->publish);
}

/* WORK */

static void close_all(struct intake *in)
{
        if (in->know_is_out || in->is_at_the_publisher)
                return; /* it ends by itself, soon */
        if (in->facts_are_out)
                intake_facts_cancel(&in->facts);
        in->facts_are_out = false;
        while (in->head != NULL)
                end_head(in, INTAKE_CLOSED);
}

void intake_work(struct intake *in, int64_t monotonic_ms)
{
        in->now_ms = monotonic_ms;
        if (in->is_stopping)
                close_all(in);
        if (in->head == NULL || in->is_stopping)
                return;
        if (in->state == IDLE)
                begin(in);
        if (in->state == ASKING && ask_on(in))
                end_asking(in);
        if (in->state == PUBLISHING)
                publish(in);
}

void intake_stop(struct intake *in)
{
        in->is_stopping = true;
}
