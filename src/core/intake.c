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
 *    offsets, and the batches of its epoch that come behind this one, now or later, are not worked
 *    on: they would skip what it holds.
 */
#include "crr/core/intake.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "crr/base/log.h"
#include "crr/core/peers.h"
#include "intake_private.h"

#define PAUSE_MIN_MS 100 /* after an abort; doubled */
#define PAUSE_MAX_MS 10000
#define ASK_MS       5000 /* the door is given so long; then outcomes are in doubt */
#define ARENA_LIMIT  ((size_t)64 << 20)

/* The door is asked about so many outcomes at once. */
struct outcome_question {
        struct know_request req;
        struct intake *intake;
        struct outcome_question *next;
        struct know_entry entries[PEER_ENTRIES_MAX];
        size_t doubts[PEER_ENTRIES_MAX]; /* that the entries are of */
        struct arena arena;
};

struct intake {
        struct intake_config config;
        struct intake_ports ports;
        struct intake_batch *head, **end; /* the head is worked on */
        enum { IDLE, ASKING, PUBLISHING } state;
        bool is_stopping;
        int64_t now_ms;

        struct outcome_question *outcomes; /* about the head; in its arena */
        size_t n_out;                      /* of them */
        bool facts_are_out;
        struct intake_facts facts;
        bool has_rewound;
        unsigned rewound; /* this epoch, and those before it, are read again */

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
        intake_facts_init(&in->facts, ports->source, config->max_value_bytes);
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
static bool is_read_again(const struct intake *in, const struct intake_batch *batch)
{
        return in->has_rewound && (int)(batch->epoch - in->rewound) <= 0;
}

static void rewind_all(struct intake *in)
{
        in->has_rewound = true;
        in->rewound = in->head->epoch;
        while (in->head != NULL && is_read_again(in, in->head))
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

static void on_unknown(struct intake *in, const struct intake_batch *batch)
{
        log_emit(LOG_INTAKE_REWOUND, LOG_FIELDS(log_i("records", (int64_t)batch->n_consumed)),
                 "it is not known what was written: %s", batch->publish.err.message);
        rewind_all(in);
}

static void on_published(struct publish_batch *publish)
{
        struct intake *in = publish->data;
        struct intake_batch *batch = in->head;

        in->is_at_the_publisher = false;
        if (batch->n_consumed == 0 && publish->outcome != PUBLISH_COMMITTED) {
                end_head(in, INTAKE_CLOSED); /* offsets that were told again */
                return;
        }
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
                rewind_all(in);
                break;
        case PUBLISH_UNKNOWN:
                on_unknown(in, batch);
                break;
        case PUBLISH_CLOSED:
                end_head(in, INTAKE_CLOSED);
                break;
        }
}

/* ASKING */

static void question_on_done(struct know_request *req)
{
        struct outcome_question *q = req->data;
        struct intake *in = q->intake;
        struct intake_batch *batch = in->head;

        in->n_out--;
        arena_deinit(&q->arena);
        for (size_t i = 0; i < req->n; i++) {
                size_t record = batch->doubts[q->doubts[i]].record;

                if (!q->entries[i].absent)
                        continue;
                intake_batch_drop(batch, record);
                batch->counts[batch->origins[record].topic].dropped++;
        }
}

/* The outcomes from this doubt on; returns the doubt behind them. */
static size_t ask_door(struct intake *in, size_t doubt)
{
        struct intake_batch *batch = in->head;
        struct outcome_question *q = arena_alloc(&batch->arena, sizeof *q);

        if (q == NULL)
                abort();
        for (; doubt < batch->n_doubts && q->req.n < PEER_ENTRIES_MAX; doubt++) {
                if (!batch->doubts[doubt].is_outcome)
                        continue;
                q->doubts[q->req.n] = doubt;
                q->entries[q->req.n++].id = batch->doubts[doubt].id;
        }
        if (q->req.n == 0)
                return doubt;
        arena_init(&q->arena, ARENA_LIMIT);
        q->intake = in;
        q->next = in->outcomes;
        in->outcomes = q;
        q->req.data = q;
        q->req.entries = q->entries;
        q->req.deadline_ms = in->now_ms + ASK_MS;
        q->req.arena = &q->arena;
        q->req.done = question_on_done;
        in->n_out++;
        retry_service_know(in->ports.door, &q->req);
        return doubt;
}

/* They are done in the door's next turn. */
static void hurry_questions(struct intake *in)
{
        for (struct outcome_question *q = in->outcomes; q != NULL && in->n_out > 0; q = q->next)
                q->req.deadline_ms = INT64_MIN;
}

static void begin(struct intake *in)
{
        in->state = ASKING;
        in->outcomes = NULL;
        for (size_t doubt = 0; doubt < in->head->n_doubts;)
                doubt = ask_door(in, doubt);
        in->facts_are_out = in->ports.source != NULL && in->head->n_doubts > 0;
        if (in->facts_are_out)
                intake_facts_begin(&in->facts, in->head, in->now_ms);
}

/* True: all that is to be known is known. */
static bool ask_on(struct intake *in)
{
        if (in->facts_are_out)
                in->facts_are_out = !intake_facts_work(&in->facts, in->now_ms);
        return in->n_out == 0 && !in->facts_are_out;
}

/* PUBLISHING */

static void reject_what_is_too_large(struct intake *in, struct intake_batch *batch)
{
        size_t most = in->ports.publisher->max_record_bytes[PUBLISH_FAILURES];
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
        if (in->state == ASKING)
                hurry_questions(in);
        if (in->n_out > 0 || in->is_at_the_publisher)
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
        while (in->head != NULL && in->state == IDLE && is_read_again(in, in->head))
                end_head(in, INTAKE_REWIND);
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
