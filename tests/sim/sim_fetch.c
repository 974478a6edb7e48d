/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fetching, read committed: up to the last stable offset, without what was aborted or compacted. A
 * thread fetches ahead; the loop delivers, some records a turn. The end of a partition is told when
 * it is reached anew, and is the only word of markers that were passed.
 */
#include "sim_check.h"
#include "sim_consumer.h"
#include "sim_log.h"
#include "sim_proc.h"

#define FETCH_RECORDS 64
#define AWAY_MS       200
#define PARK_MS       30000 /* core/parking.c; a topic keeps tombstones for much longer */

struct sim_fetched {
        int64_t offsets[FETCH_RECORDS];
        unsigned n, delivered;
        int64_t next; /* to fetch */
        int64_t end;  /* of partition; -1: not reached */
        struct sim_fetched *next_fetched;
};

/* DELIVERY */

static void feed(struct sim_proc *proc, int partition, int64_t offset)
{
        const struct sim_record *r = &proc->s->log->partitions[partition].records[offset];
        struct log_record record = {
                .partition = partition,
                .offset = offset,
                .timestamp_ms = r->timestamp_ms,
                .key = r->key,
                .value = r->value,
                .settles = r->settles,
                .outcome = r->outcome,
                .from_intake = r->from_intake,
        };

        member_on_record(proc->member, &record);
        sim_check_record(proc->s, proc, partition, offset);
}

static void deliver(struct sim *s, struct sim_event *e);

static void expect_delivery(struct sim *s, struct sim_proc *proc, int partition)
{
        struct sim_fetch *f = &proc->consumer.fetch[partition];
        struct sim_event *e;

        if (f->is_delivering || f->queue == NULL)
                return;
        f->is_delivering = true;
        e = sim_in(s, sim_between(s, 0, 2), LANE_LOOP, proc, deliver);
        e->a = partition;
}

static void deliver(struct sim *s, struct sim_event *e)
{
        struct sim_proc *proc = e->proc;
        int partition = (int)e->a;
        struct sim_fetch *f = &proc->consumer.fetch[partition];
        struct sim_fetched *fetched = f->queue;

        f->is_delivering = false;
        if (fetched == NULL || f->is_held || proc->consumer.is_revoking)
                return;
        for (unsigned left = 1 + sim_below(s, 20); left > 0 && fetched->delivered < fetched->n;
             left--)
                feed(proc, partition, fetched->offsets[fetched->delivered++]);
        if (fetched->delivered == fetched->n) {
                if (fetched->end >= 0) {
                        member_on_position(proc->member, partition, fetched->end);
                        sim_trace(s, "%s: end of %d is %lld", proc->name, partition,
                                  (long long)fetched->end);
                }
                f->queue = fetched->next_fetched;
        }
        expect_delivery(s, proc, partition);
        sim_proc_wake(s, proc);
}

void sim_fetch_go_on(struct sim *s, struct sim_proc *proc)
{
        for (int p = 0; p < SIM_PARTITIONS; p++)
                expect_delivery(s, proc, p);
}

/* FETCHING */

static void fetch(struct sim *s, struct sim_proc *proc, int partition, int64_t after_ms);

static void on_fetched(struct sim *s, struct sim_event *e)
{
        struct sim_proc *proc = e->proc;
        struct sim_fetch *f = &proc->consumer.fetch[e->a];
        struct sim_fetched *fetched = e->p;

        if (f->version != (uint64_t)e->b)
                return;
        f->position = fetched->next;
        if (fetched->end >= 0)
                f->end_told = fetched->end;
        if (f->queue == NULL)
                f->queue_end = &f->queue;
        *f->queue_end = fetched;
        f->queue_end = &fetched->next_fetched;
        expect_delivery(s, proc, (int)e->a);
        fetch(s, proc, (int)e->a, 0);
}

static void collect(const struct sim_log_partition *at, struct sim_fetched *fetched)
{
        for (; fetched->next < at->stable && fetched->n < FETCH_RECORDS; fetched->next++) {
                const struct sim_record *r = &at->records[fetched->next];

                if (!r->is_marker && !r->is_removed && r->fate == FATE_COMMITTED)
                        fetched->offsets[fetched->n++] = fetched->next;
        }
        fetched->end = fetched->next == at->stable ? at->stable : -1;
}

static void fetch_arrives(struct sim *s, struct sim_event *e)
{
        struct sim_proc *proc = e->proc;
        int partition = (int)e->a;
        struct sim_fetch *f = &proc->consumer.fetch[partition];
        struct sim_fetched *fetched;
        struct sim_event *back;

        if (proc->is_dead || f->version != (uint64_t)e->b)
                return;
        if (s->now_ms < s->broker_up_ms) {
                fetch(s, proc, partition, AWAY_MS);
                return;
        }
        fetched = sim_alloc(s, sizeof *fetched);
        fetched->next = f->position;
        collect(&s->log->partitions[partition], fetched);
        if (fetched->n == 0 && (fetched->end < 0 || fetched->end == f->end_told)) {
                f->is_waiting = true;
                return;
        }
        back = sim_answer(s, LANE_THREAD, proc, on_fetched);
        back->a = e->a;
        back->b = e->b;
        back->p = fetched;
}

static void fetch(struct sim *s, struct sim_proc *proc, int partition, int64_t after_ms)
{
        struct sim_event *e = sim_request(s, after_ms, proc, fetch_arrives);

        e->a = partition;
        e->b = (int64_t)proc->consumer.fetch[partition].version;
}

void sim_fetch_on_stable(struct sim *s, struct sim_proc *proc, int partition)
{
        struct sim_fetch *f = &proc->consumer.fetch[partition];

        if (!f->is_waiting)
                return;
        f->is_waiting = false;
        fetch(s, proc, partition, 0);
}

void sim_fetch_begin(struct sim *s, struct sim_proc *proc, int partition, int64_t offset)
{
        struct sim_fetch *f = &proc->consumer.fetch[partition];

        *f = (struct sim_fetch){
                .is_assigned = true,
                .version = f->version + 1,
                .position = offset,
                .end_told = -1,
                .is_delivering = f->is_delivering,
        };
        fetch(s, proc, partition, 0);
}

void sim_fetch_end(struct sim_proc *proc, int partition)
{
        struct sim_fetch *f = &proc->consumer.fetch[partition];

        *f = (struct sim_fetch){ .version = f->version + 1,
                                 .is_delivering = f->is_delivering,
                                 .parked_until_ms = proc->s->now_ms + PARK_MS };
}
