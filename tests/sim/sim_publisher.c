/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_publisher.h"

#include <assert.h>
#include <string.h>

#include "crr/core/identity.h"
#include "sim_breaks.h"
#include "sim_check.h"
#include "sim_faults.h"
#include "sim_group.h"
#include "sim_intake.h"
#include "sim_log.h"
#include "sim_proc.h"
#include "sim_txn.h"

#define AWAY_MS    100
#define TO_ENTRIES (-1) /* in place of a partition: the replication topic */

enum step { STEP_OFFSETS, STEP_PRODUCE, STEP_END };

/* A copy of what was submitted: requests travel on after their process is gone. */
struct sim_batch {
        struct sim_publisher *publisher;
        struct sim_proc *proc; /* whose that is */
        struct sim_txn *txn;
        struct sim_producer *producer;
        int epoch;
        enum step step;
        enum sim_trouble trouble;
        struct str generation, metadata;
        struct publish_offset *offsets;
        size_t n_offsets;
        struct publish_record *records; /* their offsets are set as they are written */
        size_t n_records;
        bool commits;
        enum publish_outcome aborted_as;
        unsigned acks_left;
};

/* THE RESULT */

static void begin_init(struct sim *s, struct sim_publisher *p, int64_t after_ms);

/* a: outcome; b: the producer is lost. */
static void on_result(struct sim *s, struct sim_event *e)
{
        const struct sim_batch *run = e->p;
        struct sim_publisher *p = run->publisher;
        struct publish_batch *batch = p->submitted;

        p->submitted = NULL;
        p->running = NULL;
        for (size_t i = 0; i < batch->n_records; i++)
                batch->records[i].offset = run->records[i].offset;
        batch->outcome = (enum publish_outcome)e->a;
        batch->duration_us = 1000;
        if (batch->outcome != PUBLISH_COMMITTED)
                error_set(&batch->err, ERR_KAFKA, "Kafka refused the transaction");
        batch->done(batch);
        if (e->b && !p->is_intake)
                member_on_publisher_lost(p->proc->member);
        sim_proc_wake(s, p->proc);
}

static void conclude(struct sim *s, struct sim_batch *b, enum publish_outcome outcome, bool lost)
{
        static const char *const names[] = {
                [PUBLISH_COMMITTED] = "committed", [PUBLISH_ABORTED] = "aborted",
                [PUBLISH_STALE] = "stale",         [PUBLISH_REFUSED] = "refused",
                [PUBLISH_UNKNOWN] = "unknown",     [PUBLISH_CLOSED] = "closed",
        };
        struct sim_event *e = sim_in(s, 0, LANE_LOOP, b->proc, on_result);

        e->a = (int64_t)outcome;
        e->b = lost;
        e->p = b;
        sim_trace(s, "%s: batch of %zu records, %zu offsets: %s", b->proc->name, b->n_records,
                  b->n_offsets, names[outcome]);
        if (!lost)
                return;
        b->publisher->is_usable = false;
        begin_init(s, b->publisher, sim_between(s, 10, 600));
}

static void lose(struct sim *s, struct sim_batch *b)
{
        conclude(s, b, b->step < STEP_PRODUCE ? PUBLISH_ABORTED : PUBLISH_UNKNOWN, true);
}

/* THE END OF THE TRANSACTION */

static void send_end(struct sim *s, struct sim_batch *b, bool commit);

static void on_end_again(struct sim *s, struct sim_event *e)
{
        struct sim_batch *b = e->p;

        send_end(s, b, b->commits);
}

static void on_end_answer(struct sim *s, struct sim_event *e)
{
        struct sim_batch *b = e->p;

        if (e->b) {
                sim_in(s, AWAY_MS, LANE_THREAD, b->proc, on_end_again)->p = b;
        } else if (e->a == ANSWER_FENCED || b->trouble == TROUBLE_LOST_ANSWER) {
                lose(s, b);
        } else if (!sim_breaks(SIM_BREAK_ANSWER) || !b->commits) {
                conclude(s, b, b->commits ? PUBLISH_COMMITTED : b->aborted_as, false);
        }
}

static void end_arrives(struct sim *s, struct sim_event *e)
{
        struct sim_batch *b = e->p;
        bool is_away = s->now_ms < s->coordinator_up_ms;
        enum sim_answer answer = ANSWER_OK;
        struct sim_event *back;

        if (!is_away)
                answer = sim_txn_end(s, b->producer, b->epoch, b->txn, b->commits);
        back = sim_answer(s, LANE_THREAD, b->proc, on_end_answer);
        back->a = (int64_t)answer;
        back->b = is_away;
        back->p = b;
}

/* What movers get when it commits: a retry is its entry and, next to it, its PENDING record. */
static void collect_entries(struct sim *s, struct sim_batch *b)
{
        b->txn->entries = NULL;
        for (size_t i = 0; i + 1 < b->n_records; i++) {
                const struct publish_record *pending = &b->records[i + 1];
                const struct sim_record *r;
                struct sim_entry *entry;

                if (b->records[i].topic != PUBLISH_REPLICATION)
                        continue;
                r = &s->log->partitions[pending->partition].records[pending->offset];
                entry = sim_alloc(s, sizeof *entry);
                *entry = (struct sim_entry){ r->identity,        r->attempts,     r->retry_id,
                                             pending->partition, pending->offset, b->txn->entries };
                b->txn->entries = entry;
        }
}

static void send_end(struct sim *s, struct sim_batch *b, bool commit)
{
        sim_faults_interrupt(s, b->proc);
        b->step = STEP_END;
        b->commits = commit;
        if (commit)
                collect_entries(s, b);
        sim_request(s, 0, b->proc, end_arrives)->p = b;
}

static void abort_it(struct sim *s, struct sim_batch *b, enum publish_outcome outcome)
{
        b->aborted_as = outcome;
        send_end(s, b, false);
}

/* THE RECORDS */

static void send_records(struct sim *s, struct sim_batch *b, int partition, int64_t after_ms);

static bool goes_to(const struct publish_record *r, int partition)
{
        if (r->topic == PUBLISH_REPLICATION)
                return partition == TO_ENTRIES;
        return r->partition == partition;
}

static void on_written(struct sim *s, struct sim_event *e)
{
        struct sim_batch *b = e->p;

        if (b->step != STEP_PRODUCE)
                return; /* another partition's answer was the end */
        if (e->b) {
                send_records(s, b, (int)e->c, AWAY_MS);
                return;
        }
        if (e->a == ANSWER_FENCED) {
                lose(s, b);
                b->step = STEP_END;
                return;
        }
        if (--b->acks_left > 0)
                return;
        if (b->trouble == TROUBLE_ABORT_LATE)
                abort_it(s, b, PUBLISH_ABORTED);
        else if (b->trouble == TROUBLE_LOST)
                lose(s, b);
        else
                send_end(s, b, true);
        if (sim_breaks(SIM_BREAK_ANSWER) && b->commits)
                conclude(s, b, PUBLISH_COMMITTED, false);
}

static void write_records(struct sim *s, struct sim_batch *b, int partition)
{
        if (partition != TO_ENTRIES)
                b->txn->touches[partition] = true;
        for (size_t i = 0; partition != TO_ENTRIES && i < b->n_records; i++) {
                struct publish_record *r = &b->records[i];
                struct sim_record_text text = { .key = r->key,
                                                .value = r->value,
                                                .settles = -1,
                                                .timestamp_ms = r->timestamp_ms };
                unsigned long long number;

                if (!goes_to(r, partition))
                        continue;
                for (size_t h = 0; h < r->n_headers; h++) {
                        if (strcmp(r->headers[h].name, "crr-outcome") == 0)
                                text.outcome = r->headers[h].value;
                        if (strcmp(r->headers[h].name, "crr-settles") == 0 &&
                            str_to_u64(r->headers[h].value, INT64_MAX, &number))
                                text.settles = (int64_t)number;
                        if (strcmp(r->headers[h].name, "crr-timestamp") == 0 &&
                            str_to_u64(r->headers[h].value, INT64_MAX, &number))
                                text.timestamp_ms = (int64_t)number;
                }
                text.from_intake = text.timestamp_ms != r->timestamp_ms && text.settles < 0;
                r->offset = sim_log_append(s, partition, &text, b->txn);
        }
}

static void records_arrive(struct sim *s, struct sim_event *e)
{
        struct sim_batch *b = e->p;
        bool is_away = s->now_ms < s->broker_up_ms;
        bool may = sim_txn_may_write(b->txn, b->producer, b->epoch);
        struct sim_event *back;

        if (!is_away && may)
                write_records(s, b, (int)e->c);
        back = sim_answer(s, LANE_THREAD, b->proc, on_written);
        back->a = may ? ANSWER_OK : ANSWER_FENCED;
        back->b = is_away;
        back->c = e->c;
        back->p = b;
}

static void send_records(struct sim *s, struct sim_batch *b, int partition, int64_t after_ms)
{
        struct sim_event *e = sim_request(s, after_ms, b->proc, records_arrive);

        e->c = partition;
        e->p = b;
}

static void produce(struct sim *s, struct sim_batch *b)
{
        b->step = STEP_PRODUCE;
        for (int p = TO_ENTRIES; p < SIM_PARTITIONS; p++) {
                bool any = false;

                for (size_t i = 0; i < b->n_records; i++)
                        any |= goes_to(&b->records[i], p);
                b->acks_left += any;
        }
        for (int p = TO_ENTRIES; p < SIM_PARTITIONS; p++)
                for (size_t i = 0; i < b->n_records; i++)
                        if (goes_to(&b->records[i], p)) {
                                send_records(s, b, p, 0);
                                break;
                        }
        if (b->acks_left == 0)
                send_end(s, b, true);
}

/* THE OFFSETS */

static void send_offsets(struct sim *s, struct sim_batch *b, int64_t after_ms);

static void on_offsets_again(struct sim *s, struct sim_event *e)
{
        send_offsets(s, e->p, 0);
}

static void on_offsets_answer(struct sim *s, struct sim_event *e)
{
        struct sim_batch *b = e->p;
        bool is_away = e->b != 0;

        if (is_away || e->a == ANSWER_CONCURRENT)
                sim_in(s, is_away ? AWAY_MS : sim_between(s, 1, 10), LANE_THREAD, b->proc,
                       on_offsets_again)
                        ->p = b;
        else if (e->a == ANSWER_FENCED)
                lose(s, b);
        else if (e->a == ANSWER_STALE)
                abort_it(s, b, PUBLISH_STALE);
        else if (b->trouble == TROUBLE_ABORT_EARLY)
                abort_it(s, b, PUBLISH_ABORTED);
        else
                produce(s, b);
        sim_faults_interrupt(s, b->proc);
}

static enum sim_answer take_offsets(struct sim *s, struct sim_batch *b)
{
        enum sim_answer answer = sim_txn_add(s, b->producer, b->epoch, &b->txn);
        int first = b->publisher->is_intake ? SIM_PARTITIONS : 0;

        if (answer != ANSWER_OK)
                return answer;
        if (!(b->publisher->is_intake ? sim_intake_accepts(s, b->proc, b->generation)
                                      : sim_group_accepts(s, b->generation)))
                return ANSWER_STALE;
        for (size_t i = 0; i < b->n_offsets; i++)
                sim_txn_set_offset(s, b->txn, first + b->offsets[i].partition, b->offsets[i].offset,
                                   b->metadata);
        return ANSWER_OK;
}

static void offsets_arrive(struct sim *s, struct sim_event *e)
{
        struct sim_batch *b = e->p;
        bool is_away = s->now_ms < s->coordinator_up_ms;
        enum sim_answer answer = is_away ? ANSWER_OK : take_offsets(s, b);
        struct sim_event *back = sim_answer(s, LANE_THREAD, b->proc, on_offsets_answer);

        back->a = (int64_t)answer;
        back->b = is_away;
        back->p = b;
}

static void send_offsets(struct sim *s, struct sim_batch *b, int64_t after_ms)
{
        const struct sim_consumer *consumer = &b->proc->consumer;

        if (sim_breaks(SIM_BREAK_GENERATION) && !b->publisher->is_intake)
                b->generation = sim_group_token(s, consumer->generation, consumer->member_id,
                                                s->profile.is_static ? b->proc->instance : -1);
        sim_request(s, after_ms, b->proc, offsets_arrive)->p = b;
}

/* THE THREAD */

static struct publish_record copy_record(struct sim *s, const struct publish_record *r)
{
        struct publish_record copy = *r;

        copy.offset = -1;
        if (r->partition < 0)
                copy.partition =
                        partition_of_key(PARTITIONER_MURMUR2, r->key, s->log->n_partitions);
        copy.key = sim_copy(s, r->key);
        copy.value = sim_copy(s, r->value);
        for (size_t h = 0; h < r->n_headers; h++)
                copy.headers[h].value = sim_copy(s, r->headers[h].value);
        return copy;
}

static struct sim_batch *copy_batch(struct sim *s, struct sim_publisher *p)
{
        const struct publish_batch *batch = p->submitted;
        struct sim_batch *b = sim_alloc(s, sizeof *b);

        *b = (struct sim_batch){
                .publisher = p,
                .proc = p->proc,
                .producer = p->producer,
                .epoch = p->epoch,
                .trouble = p->trouble,
                .generation = sim_copy(s, batch->generation),
                .metadata = sim_copy(s, batch->metadata),
                .offsets = sim_alloc(s, (batch->n_offsets + 1) * sizeof *b->offsets),
                .n_offsets = batch->n_offsets,
                .records = sim_alloc(s, (batch->n_records + 1) * sizeof *b->records),
                .n_records = batch->n_records,
        };
        p->trouble = TROUBLE_NONE;
        memcpy(b->offsets, batch->offsets, batch->n_offsets * sizeof *b->offsets);
        for (size_t i = 0; i < batch->n_records; i++)
                b->records[i] = copy_record(s, &batch->records[i]);
        return b;
}

static void on_submitted(struct sim *s, struct sim_event *e)
{
        struct sim_publisher *p = e->p;

        if (!p->is_usable || p->submitted == NULL || p->running != NULL)
                return;
        p->running = copy_batch(s, p);
        if (!p->is_intake)
                sim_check_batch(s, e->proc, p->submitted);
        send_offsets(s, p->running, 0);
}

/* Until the thread runs. */
static int64_t thread_delay(struct sim *s)
{
        int64_t still_ms = sim_faults_thread(s);

        if (still_ms > 0)
                return still_ms;
        return sim_chance(s, 950) ? sim_between(s, 0, 1) : sim_between(s, 0, 100);
}

static void submit(struct publisher *port, struct publish_batch *batch)
{
        struct sim_publisher *p = (struct sim_publisher *)port;
        struct sim_proc *proc = p->proc;

        sim_trace(proc->s, "%s: submits %zu records, %zu offsets, generation %.*s", proc->name,
                  batch->n_records, batch->n_offsets, STR_ARG(batch->generation));
        assert(p->submitted == NULL);
        p->submitted = batch;
        sim_in(proc->s, thread_delay(proc->s), LANE_THREAD, proc, on_submitted)->p = p;
        sim_faults_interrupt(proc->s, proc);
}

/* No end is swallowed in the group's offsets here. */
static void end_offsets(struct publisher *port)
{
        (void)port;
}

/* LIFE */

static void on_ready(struct sim *s, struct sim_event *e)
{
        member_on_publisher_ready(e->proc->member);
        sim_proc_wake(s, e->proc);
}

static void on_init_answer(struct sim *s, struct sim_event *e)
{
        struct sim_publisher *p = e->p;

        if (e->b) {
                begin_init(s, p, e->a == ANSWER_CONCURRENT ? 20 : AWAY_MS);
                return;
        }
        p->epoch = (int)e->c;
        p->is_usable = true;
        sim_trace(s, "%s: the producer can be used, epoch %d", e->proc->name, p->epoch);
        if (!p->is_intake)
                sim_in(s, 0, LANE_LOOP, e->proc, on_ready);
        sim_in(s, 0, LANE_THREAD, e->proc, on_submitted)->p = p; /* what waited for it */
}

static void init_arrives(struct sim *s, struct sim_event *e)
{
        struct sim_publisher *p = e->p;
        int epoch = 0;
        enum sim_answer answer = ANSWER_FENCED; /* away */
        struct sim_event *back;

        if (s->now_ms >= s->coordinator_up_ms && s->now_ms >= s->broker_up_ms)
                answer = sim_txn_init(s, p->producer, &epoch);
        back = sim_answer(s, LANE_THREAD, e->proc, on_init_answer);
        back->a = (int64_t)answer;
        back->b = answer != ANSWER_OK;
        back->c = epoch;
        back->p = p;
}

static void send_init(struct sim *s, struct sim_event *e)
{
        sim_request(s, 0, e->proc, init_arrives)->p = e->p;
}

static void begin_init(struct sim *s, struct sim_publisher *p, int64_t after_ms)
{
        sim_in(s, after_ms, LANE_THREAD, p->proc, send_init)->p = p;
}

void sim_publisher_start(struct sim *s, struct sim_publisher *p, struct sim_proc *proc,
                         struct str transactional_id)
{
        p->port = (struct publisher){ submit, { 5000020, 5000020, 5000020 }, end_offsets };
        p->proc = proc;
        p->producer = sim_producer_of(s, transactional_id);
        begin_init(s, p, sim_between(s, 5, 500));
}
