/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_questions.h"

#include <assert.h>
#include <stddef.h>

#include "sim_breaks.h"
#include "sim_group.h"
#include "sim_log.h"
#include "sim_proc.h"
#include "sim_txn.h"

#define TIMEOUT_MS  2000
#define FENCE_MS    4000
#define UNSTABLE_MS 100 /* the barrier's question waits so long for a transaction to end */
#define LOOK_MS     20
#define AGAIN_MS    100

enum kind { ASKS_STABLE, ASKS_WATERMARK, ASKS_REGISTRY, ASKS_MEMBERS, ASKS_FENCE };

struct question {
        enum kind kind;
        int partition;
        bool is_over; /* answered, or timed out */
        int64_t asked_ms;
        struct sim_producer *producer; /* FENCE */

        enum member_stable stable; /* the answer */
        int64_t watermark;
        struct registry_row rows[SIM_PARTITIONS];
        size_t n_rows;
        struct str ids[SIM_GROUP_MEMBERS];
        size_t n_ids;
};

static struct sim_proc *proc_of(struct group *group)
{
        return (struct sim_proc *)((char *)group - offsetof(struct sim_proc, questions.group));
}

/* THE ANSWER, on the loop */

static void trace_registry(struct sim *s, const struct sim_proc *proc, const struct question *q)
{
        for (size_t i = 0; s->traces && i < q->n_rows; i++)
                sim_trace(s, "%s: registry: partition %d: %.*s", proc->name, q->rows[i].partition,
                          STR_ARG(q->rows[i].metadata));
}

/* No answer came in time. */
static void fail(struct member *m, const struct question *q)
{
        switch (q->kind) {
        case ASKS_STABLE:
                member_on_stable(m, q->partition, MEMBER_STABLE_UNKNOWN);
                break;
        case ASKS_WATERMARK:
                member_on_high_watermark(m, q->partition, -1);
                break;
        case ASKS_REGISTRY:
                member_on_registry(m, NULL, 0);
                break;
        case ASKS_MEMBERS:
                member_on_members(m, NULL, 0);
                break;
        case ASKS_FENCE:
                member_on_fenced(m);
                break;
        }
}

static void tell(struct member *m, const struct question *q)
{
        switch (q->kind) {
        case ASKS_STABLE:
                member_on_stable(m, q->partition, q->stable);
                break;
        case ASKS_WATERMARK:
                member_on_high_watermark(m, q->partition, q->watermark);
                break;
        case ASKS_REGISTRY:
                member_on_registry(m, q->rows, q->n_rows);
                break;
        case ASKS_MEMBERS:
                member_on_members(m, q->ids, q->n_ids);
                break;
        case ASKS_FENCE:
                member_on_fenced(m);
                break;
        }
}

static void on_answer(struct sim *s, struct sim_event *e)
{
        struct question *q = e->p;

        if (q->is_over)
                return;
        q->is_over = true;
        if (q->kind == ASKS_REGISTRY)
                trace_registry(s, e->proc, q);
        tell(e->proc->member, q);
        sim_proc_wake(s, e->proc);
}

static void on_timeout(struct sim *s, struct sim_event *e)
{
        struct question *q = e->p;

        if (q->is_over)
                return;
        q->is_over = true;
        fail(e->proc->member, q);
        sim_proc_wake(s, e->proc);
}

/* AT THE BROKER: false: not yet */

static bool judge_stable(struct sim *s, struct question *q)
{
        bool is_stable = sim_breaks(SIM_BREAK_BARRIER) || sim_offsets_are_stable(s, q->partition);

        if (!is_stable && s->now_ms < q->asked_ms + UNSTABLE_MS)
                return false;
        q->stable = is_stable ? MEMBER_STABLE : MEMBER_UNSTABLE;
        return true;
}

static void read_registry(const struct sim *s, struct question *q)
{
        for (int p = 0; p < SIM_PARTITIONS; p++) {
                const struct sim_commit *commit = &s->txns->committed[p];

                if (commit->is_there)
                        q->rows[q->n_rows++] = (struct registry_row){
                                .partition = p,
                                .metadata = commit->metadata,
                        };
        }
}

static void read_members(const struct sim *s, struct question *q)
{
        for (int i = 0; i < SIM_GROUP_MEMBERS; i++)
                if (s->group->members[i].proc != NULL)
                        q->ids[q->n_ids++] = s->group->members[i].id;
}

/* A transaction that is open is aborted first, which takes its time. */
static bool fence_producer(struct sim *s, const struct question *q)
{
        int epoch;

        return sim_txn_init(s, q->producer, &epoch) == ANSWER_OK;
}

static bool judge(struct sim *s, struct question *q)
{
        switch (q->kind) {
        case ASKS_STABLE:
                return judge_stable(s, q);
        case ASKS_WATERMARK:
                q->watermark = s->log->partitions[q->partition].n;
                return true;
        case ASKS_REGISTRY:
                read_registry(s, q);
                return true;
        case ASKS_MEMBERS:
                read_members(s, q);
                return true;
        case ASKS_FENCE:
                return fence_producer(s, q);
        }
        return true;
}

static void arrives(struct sim *s, struct sim_event *e)
{
        struct question *q = e->p;
        int64_t up_ms = q->kind == ASKS_WATERMARK ? s->broker_up_ms : s->coordinator_up_ms;

        if (q->is_over || (!s->is_healing && sim_chance(s, s->profile.lost_permille)))
                return;
        if (s->now_ms >= up_ms && judge(s, q))
                sim_answer(s, LANE_LOOP, e->proc, on_answer)->p = q;
        else
                sim_in(s, LOOK_MS, LANE_WORLD, e->proc, arrives)->p = q;
}

static struct question *ask(struct sim_proc *proc, enum kind kind, int partition)
{
        struct sim *s = proc->s;
        struct question *q = sim_alloc(s, sizeof *q);

        q->kind = kind;
        q->partition = partition;
        q->asked_ms = s->now_ms;
        sim_request(s, 0, proc, arrives)->p = q;
        sim_in(s, kind == ASKS_FENCE ? FENCE_MS : TIMEOUT_MS, LANE_LOOP, proc, on_timeout)->p = q;
        return q;
}

static void query_stable(struct group *group, int partition)
{
        ask(proc_of(group), ASKS_STABLE, partition);
}

static void query_high_watermark(struct group *group, int partition)
{
        ask(proc_of(group), ASKS_WATERMARK, partition);
}

static void query_registry(struct group *group)
{
        ask(proc_of(group), ASKS_REGISTRY, -1);
}

static void query_members(struct group *group)
{
        ask(proc_of(group), ASKS_MEMBERS, -1);
}

static void fence(struct group *group, const char *transactional_id)
{
        struct sim_proc *proc = proc_of(group);

        sim_trace(proc->s, "%s: fences %s", proc->name, transactional_id);
        ask(proc, ASKS_FENCE, -1)->producer = sim_producer_of(proc->s, str_from(transactional_id));
}

/* RECORDS READ AGAIN */

/* a: not in time. */
static void on_read(struct sim *s, struct sim_event *e)
{
        struct sim_proc *proc = e->proc;
        struct log_read *read = proc->questions.read;
        struct error err;

        if (proc->questions.reading != e->p)
                return;
        error_set(&err, ERR_GATEWAY_TIMEOUT, "the log was not read in time");
        proc->questions.read = NULL;
        proc->questions.reading = NULL;
        for (size_t i = 0; e->a == 0 && i < read->n; i++) {
                struct log_read_item *item = &read->items[i];
                const struct sim_record *r =
                        &s->log->partitions[item->partition].records[item->offset];

                item->found = !r->is_removed;
                item->timestamp_ms = r->timestamp_ms;
                item->key = r->key;
                item->value = r->value;
        }
        read->done(read, e->a == 0 ? NULL : &err);
        sim_proc_wake(s, proc);
}

static void read_arrives(struct sim *s, struct sim_event *e)
{
        if (e->proc->is_dead || e->proc->questions.reading != e->p)
                return;
        if (s->now_ms < s->broker_up_ms)
                sim_in(s, AGAIN_MS, LANE_WORLD, e->proc, read_arrives)->p = e->p;
        else if (s->is_healing || !sim_chance(s, s->profile.lost_permille))
                sim_answer(s, LANE_LOOP, e->proc, on_read)->p = e->p;
}

static void read_log(struct log_reader *reader, struct log_read *read)
{
        struct sim_proc *proc =
                (struct sim_proc *)((char *)reader - offsetof(struct sim_proc, questions.reader));
        struct sim *s = proc->s;
        int64_t left_ms = read->deadline_ms - sim_proc_now_ms(proc);
        struct sim_event *e;

        assert(proc->questions.read == NULL);
        proc->questions.read = read;
        proc->questions.reading = sim_alloc(s, 1);
        sim_request(s, 0, proc, read_arrives)->p = proc->questions.reading;
        e = sim_in(s, left_ms, LANE_LOOP, proc, on_read);
        e->a = 1;
        e->p = proc->questions.reading;
}

/* THE PORTS */

static void hold(struct group *group, int partition)
{
        struct sim_proc *proc = proc_of(group);

        sim_consumer_hold(proc->s, proc, partition);
}

static void resume(struct group *group, int partition, int64_t offset)
{
        struct sim_proc *proc = proc_of(group);

        sim_consumer_resume(proc->s, proc, partition, offset);
}

void sim_questions_init(struct sim_questions *q)
{
        q->group = (struct group){ query_stable,   query_high_watermark, hold, resume,
                                   query_registry, query_members,        fence };
        q->reader = (struct log_reader){ read_log };
}
