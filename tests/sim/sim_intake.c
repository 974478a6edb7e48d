/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_intake.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "crr/core/intake.h"
#include "sim_txn.h"

#define BEAT_MS     500
#define AGAIN_MS    100 /* the committed offsets are asked for */
#define AHEAD       2   /* batches that a thread is ahead of what is committed */
#define MARK        "foreign "
#define TRANSACTION "-intake" /* the end of its transactional.id */

struct sim_intake {
        struct sim_proc *proc;
        struct sim_publisher publisher;
        struct intake *core;
        struct intake_writer *writer;
        unsigned n_in_core;
        struct intake_batch *on_its_way; /* to the loop */
        bool is_leaving;

        int64_t generation; /* the thread's, as the rest */
        uint32_t assigned;
        unsigned epoch, n_out;
        bool must_rewind, reads;
        int64_t position[SIM_FOREIGN];
};

static const char *const topics[] = { "foreign" };
static const struct intake_config config = {
        .topics = topics,
        .n_topics = 1,
        .max_value_bytes = 5000020,
        .max_records = 4,
        .max_bytes = 1 << 20,
};

/* THE GROUP */

static void rebalance(struct sim *s)
{
        struct sim_foreign *f = s->foreign;
        struct sim_intake_member *of[2 * SIM_INSTANCES];
        unsigned n = 0, first;

        for (int i = 0; i < 2 * SIM_INSTANCES; i++) {
                f->members[i].assigned = 0;
                if (f->members[i].proc != NULL)
                        of[n++] = &f->members[i];
        }
        f->generation++;
        first = sim_below(s, n);
        for (unsigned p = 0; n > 0 && p < SIM_FOREIGN; p++)
                of[(first + p) % n]->assigned |= 1u << p;
        sim_trace(s, "intake: generation %lld, %u members", (long long)f->generation, n);
}

static struct sim_intake_member *member_of(struct sim_foreign *f, const struct sim_proc *proc)
{
        for (int i = 0; i < 2 * SIM_INSTANCES; i++)
                if (f->members[i].proc == proc)
                        return &f->members[i];
        return NULL;
}

bool sim_intake_accepts(const struct sim *s, const struct sim_proc *proc, struct str generation)
{
        unsigned long long number;

        return member_of(s->foreign, proc) != NULL && str_to_u64(generation, INT64_MAX, &number) &&
               (int64_t)number == s->foreign->generation;
}

/* Who was not heard of for the session is out; who has left is at once. */
static void on_look(struct sim *s, struct sim_event *e)
{
        bool has_changed = !s->is_healing && sim_chance(s, 20);

        (void)e;
        sim_in(s, BEAT_MS, LANE_WORLD, NULL, on_look);
        if (s->now_ms < s->coordinator_up_ms)
                return;
        for (int i = 0; i < 2 * SIM_INSTANCES; i++) {
                struct sim_intake_member *m = &s->foreign->members[i];

                if (m->proc == NULL || (s->now_ms < m->heard_ms + s->profile.session_timeout_ms &&
                                        !(m->proc->is_dead && m->proc->is_leaving)))
                        continue;
                m->proc = NULL;
                has_changed = true;
        }
        if (has_changed)
                rebalance(s);
}

/* THE THREAD */

static void ask_offsets(struct sim *s, struct sim_intake *in);
static void fill(struct sim *s, struct sim_intake *in);

/* a: how the batch ended; b: its epoch. */
static void on_over(struct sim *s, struct sim_event *e)
{
        struct sim_intake *in = e->p;

        in->n_out--;
        in->must_rewind |= e->a == INTAKE_REWIND && e->b == (int64_t)in->epoch;
        if (!in->must_rewind)
                fill(s, in);
        else if (in->n_out == 0)
                ask_offsets(s, in);
}

static void batch_on_done(struct intake_batch *batch)
{
        struct sim_intake *in = batch->data;
        struct sim_event *e = sim_in(in->proc->s, 0, LANE_THREAD, in->proc, on_over);

        e->p = in;
        e->a = (int64_t)batch->end;
        e->b = (int64_t)batch->epoch;
        in->n_in_core--;
        intake_batch_free(batch);
}

static void on_filled(struct sim *s, struct sim_event *e)
{
        struct sim_intake *in = e->proc->intake;
        struct intake_batch *batch = in->on_its_way;

        in->on_its_way = batch->next;
        in->n_in_core++;
        intake_submit(in->core, batch);
        sim_proc_wake(s, in->proc);
}

static void hand_over(struct sim *s, struct sim_intake *in, struct intake_batch *batch)
{
        struct intake_batch **end = &in->on_its_way;

        while (*end != NULL)
                end = &(*end)->next;
        *end = batch;
        batch->data = in;
        batch->done = batch_on_done;
        in->n_out++;
        sim_in(s, 0, LANE_LOOP, in->proc, on_filled);
}

static struct str value_of(struct sim *s, int number)
{
        const struct identity *id = &s->log->identities[s->foreign->records[number].identity].id;

        return sim_text(s,
                        "{\"Bucket\":\"%.*s\",\"Key\":\"%.*s\",\"VersionId\":\"%.*s\","
                        "\"StorageClass\":\"%.*s\",\"ErrorMessage\":\"" MARK "%d\"}",
                        STR_ARG(id->bucket), STR_ARG(id->key), STR_ARG(id->version_id),
                        STR_ARG(id->site), number);
}

static void add(struct sim *s, struct sim_intake *in, struct intake_batch *batch, int partition)
{
        struct sim_foreign *f = s->foreign;
        int64_t before = in->position[partition];

        for (int64_t *at = &in->position[partition];
             *at < f->n[partition] && !intake_batch_is_full(in->writer, batch); ++*at) {
                int number = f->numbers[partition][*at];
                struct log_record record = { .partition = partition,
                                             .offset = *at,
                                             .timestamp_ms = f->records[number].at_ms,
                                             .value = value_of(s, number),
                                             .settles = -1 };

                intake_batch_add(in->writer, batch, 0, &record);
        }
        if (in->position[partition] > before)
                batch->offsets[batch->publish.n_offsets++] =
                        (struct publish_offset){ partition, in->position[partition], topics[0] };
}

/* NULL: there is nothing. */
static struct intake_batch *read_some(struct sim *s, struct sim_intake *in)
{
        struct intake_batch *batch = intake_batch_new();
        struct str generation = sim_text(s, "%lld", (long long)in->generation);

        batch->offsets = calloc(SIM_FOREIGN, sizeof *batch->offsets);
        batch->epoch = in->epoch;
        for (int p = 0; p < SIM_FOREIGN; p++)
                if ((in->assigned & (1u << p)) != 0)
                        add(s, in, batch, p);
        batch->publish.generation = arena_str(&batch->arena, generation);
        batch->publish.metadata = STR("");
        if (batch->publish.n_offsets > 0)
                return batch;
        intake_batch_free(batch);
        return NULL;
}

static void fill(struct sim *s, struct sim_intake *in)
{
        while (in->reads && !in->must_rewind && !in->is_leaving && in->n_out < AHEAD) {
                struct intake_batch *batch = read_some(s, in);

                if (batch == NULL)
                        return;
                hand_over(s, in, batch);
        }
}

static void on_more(struct sim *s, struct sim_event *e)
{
        fill(s, e->proc->intake);
}

/* THE COMMITTED OFFSETS */

static void send_question(struct sim *s, struct sim_intake *in);

/* p: the offsets, or NULL. a: of which epoch. */
static void on_offsets(struct sim *s, struct sim_event *e)
{
        struct sim_intake *in = e->proc->intake;

        if (e->a != (int64_t)in->epoch)
                return;
        if (e->p == NULL) {
                send_question(s, in);
                return;
        }
        memcpy(in->position, e->p, sizeof in->position);
        in->reads = true;
        fill(s, in);
}

static void question_arrives(struct sim *s, struct sim_event *e)
{
        struct sim_event *back = sim_answer(s, LANE_THREAD, e->proc, on_offsets);
        int64_t *offsets = sim_alloc(s, SIM_FOREIGN * sizeof *offsets);
        bool are_stable = s->now_ms >= s->coordinator_up_ms;

        for (int p = 0; p < SIM_FOREIGN; p++) {
                are_stable &= sim_offsets_are_stable(s, SIM_PARTITIONS + p);
                offsets[p] = s->txns->committed[SIM_PARTITIONS + p].offset;
        }
        back->a = e->a;
        back->p = are_stable ? offsets : NULL;
}

static void send_question(struct sim *s, struct sim_intake *in)
{
        sim_request(s, AGAIN_MS, in->proc, question_arrives)->a = (int64_t)in->epoch;
}

static void ask_offsets(struct sim *s, struct sim_intake *in)
{
        in->epoch++;
        in->reads = in->must_rewind = false;
        send_question(s, in);
}

/* HEARTBEATS */

/* a: the generation; b: what is assigned in it. */
static void on_heartbeat_answer(struct sim *s, struct sim_event *e)
{
        struct sim_intake *in = e->proc->intake;

        if (e->a <= in->generation)
                return;
        in->generation = e->a;
        in->assigned = (uint32_t)e->b;
        ask_offsets(s, in);
}

static void heartbeat_arrives(struct sim *s, struct sim_event *e)
{
        struct sim_intake_member *m = member_of(s->foreign, e->proc);
        struct sim_event *back;

        if (s->now_ms < s->coordinator_up_ms || e->proc->is_dead)
                return;
        if (m == NULL) {
                m = member_of(s->foreign, NULL);
                assert(m != NULL);
                m->proc = e->proc;
                rebalance(s);
        }
        m->heard_ms = s->now_ms;
        back = sim_answer(s, LANE_THREAD, e->proc, on_heartbeat_answer);
        back->a = s->foreign->generation;
        back->b = m->assigned;
}

static void on_beat(struct sim *s, struct sim_event *e)
{
        sim_heartbeat(s, e->proc, heartbeat_arrives);
        sim_in(s, BEAT_MS, LANE_THREAD, e->proc, on_beat);
}

/* THE PROCESS */

void sim_intake_start(struct sim *s, struct sim_proc *proc)
{
        struct sim_intake *in;

        if (s->foreign == NULL)
                return;
        in = proc->intake = sim_alloc(s, sizeof *in);
        in->proc = proc;
        in->publisher.is_intake = true;
        sim_publisher_start(s, &in->publisher, proc,
                            sim_text(s, "%s" TRANSACTION, proc->transactional_id));
        in->writer = intake_writer_new(&config);
        in->core = intake_new(&config, &(struct intake_ports){ &in->publisher.port, proc->door,
                                                               NULL, proc->metrics });
        sim_in(s, 1, LANE_THREAD, proc, on_beat);
}

struct sim_publisher *sim_intake_publisher(struct sim_proc *proc)
{
        return &proc->intake->publisher;
}

bool sim_intake_turn(struct sim_proc *proc)
{
        if (proc->intake == NULL)
                return false;
        intake_work(proc->intake->core, sim_proc_now_ms(proc));
        return proc->intake->n_in_core > 0;
}

bool sim_intake_is_idle(const struct sim_proc *proc)
{
        return proc->intake == NULL || proc->intake->n_out == 0;
}

void sim_intake_leave(struct sim_proc *proc)
{
        if (proc->intake == NULL)
                return;
        proc->intake->is_leaving = true;
        intake_stop(proc->intake->core);
}

void sim_intake_end(struct sim *s, struct sim_proc *proc)
{
        struct sim_intake *in = proc->intake;

        if (in == NULL)
                return;
        intake_stop(in->core);
        if (in->publisher.submitted != NULL) {
                in->publisher.submitted->outcome = PUBLISH_CLOSED;
                in->publisher.submitted->done(in->publisher.submitted);
        }
        intake_work(in->core, sim_proc_now_ms(proc));
        if (in->n_in_core > 0)
                sim_fail(s, "%s: %u batches of the intake do not end when it is stopped",
                         proc->name, in->n_in_core);
        while (in->on_its_way != NULL) {
                struct intake_batch *next = in->on_its_way->next;

                intake_batch_free(in->on_its_way);
                in->on_its_way = next;
        }
        intake_writer_free(in->writer);
        intake_free(in->core);
}

/* THE TOPIC */

static void on_record_due(struct sim *s, struct sim_event *e)
{
        struct sim_foreign *f = s->foreign;
        int identity = (int)sim_below(s, (unsigned)s->log->n_identities);
        int partition = identity % SIM_FOREIGN, number = f->n_records;

        (void)e;
        if (f->is_stopped || number == SIM_FOREIGN_RECORDS)
                return;
        f->records[f->n_records++] = (struct sim_foreign_record){
                .identity = identity,
                .at_ms = SIM_WALL_START + s->now_ms,
        };
        f->numbers[partition][f->n[partition]++] = number;
        for (int i = 0; i < SIM_INSTANCES; i++)
                if (s->procs->of[i] != NULL)
                        sim_answer(s, LANE_THREAD, s->procs->of[i], on_more);
        sim_in(s, sim_between(s, 10, 400), LANE_WORLD, NULL, on_record_due);
}

void sim_foreign_init(struct sim *s)
{
        if (!s->has_intake)
                return;
        s->foreign = sim_alloc(s, sizeof *s->foreign);
        for (int i = 0; i < SIM_IDENTITIES; i++)
                s->foreign->last[i] = -1;
        sim_in(s, 1, LANE_WORLD, NULL, on_record_due);
        sim_in(s, BEAT_MS, LANE_WORLD, NULL, on_look);
}

void sim_foreign_stop(struct sim *s)
{
        if (s->foreign != NULL)
                s->foreign->is_stopped = true;
}

/* WHAT MUST BE SO */

/* The number of a foreign record that an intake has written; -1: it is none. */
static int number_of(const struct sim_record *r)
{
        const char *at;
        struct str id;

        if (r->txn == NULL || r->value.base == NULL)
                return -1;
        id = r->txn->producer->id;
        if (memmem(id.base, id.len, TRANSACTION, strlen(TRANSACTION)) == NULL)
                return -1;
        at = memmem(r->value.base, r->value.len, MARK, strlen(MARK));
        return at != NULL ? (int)strtol(at + strlen(MARK), NULL, 10) : -1;
}

void sim_intake_check_written(struct sim *s, const struct sim_record *r)
{
        int number = number_of(r);

        if (number < 0)
                return;
        if (s->foreign->records[number].written++ > 0)
                sim_fail(s, "foreign record %d of identity %d is written twice", number,
                         r->identity);
        if (!s->log->identities[r->identity].is_stray && number < s->foreign->last[r->identity])
                sim_fail(s, "foreign record %d of identity %d is written behind %d", number,
                         r->identity, s->foreign->last[r->identity]);
        s->foreign->last[r->identity] = number;
        s->stats.taken_in++;
}

bool sim_intake_is_done(const struct sim *s, const char **ret_why_not)
{
        for (int p = 0; s->foreign != NULL && p < SIM_FOREIGN; p++) {
                *ret_why_not = "foreign records are not taken in";
                if (s->txns->committed[SIM_PARTITIONS + p].offset != s->foreign->n[p] ||
                    !sim_offsets_are_stable(s, SIM_PARTITIONS + p))
                        return false;
        }
        return true;
}

void sim_intake_check_end(struct sim *s)
{
        for (int i = 0; s->foreign != NULL && i < s->foreign->n_records; i++)
                if (s->foreign->records[i].written == 0)
                        sim_fail(s, "foreign record %d of identity %d is lost", i,
                                 s->foreign->records[i].identity);
}
