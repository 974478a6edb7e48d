/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_consumer.h"

#include "sim_group.h"
#include "sim_log.h"
#include "sim_proc.h"

#define HEARTBEAT_MS 500
#define LEAVE_MS     3000 /* as kafka_feed.c */
#define AWAY_MS      200  /* a request to a coordinator that is away is sent again after so long */

static void join(struct sim *s, struct sim_proc *proc);

/* THE GROUP'S THREAD */

static int static_instance(const struct sim_proc *proc)
{
        return proc->s->profile.is_static ? proc->instance : -1;
}

/* The loop reads it when it handles an event, not when the event was made. */
static void tell_generation(struct sim_proc *proc)
{
        struct sim_consumer *c = &proc->consumer;
        struct str token =
                sim_group_token(proc->s, c->generation, c->member_id, static_instance(proc));

        sim_trace(proc->s, "%s: generation %d of \"%.*s\"", proc->name, c->generation,
                  STR_ARG(c->member_id));
        member_on_generation(proc->member, token, c->member_id);
}

static void on_rebalance(struct sim *s, struct sim_event *e);

enum rebalance { REBALANCE_ASSIGN, REBALANCE_REVOKE };

static void tell_loop(struct sim *s, struct sim_proc *proc, enum rebalance kind,
                      uint32_t partitions)
{
        struct sim_event *e = sim_in(s, sim_between(s, 0, 2), LANE_LOOP, proc, on_rebalance);

        proc->consumer.state = CONSUMER_WAITS;
        e->a = (int64_t)kind;
        e->b = partitions;
}

static void lose(struct sim *s, struct sim_proc *proc)
{
        struct sim_consumer *c = &proc->consumer;

        sim_trace(s, "%s: the group knows us no more", proc->name);
        if (c->owned == 0) {
                join(s, proc);
                return;
        }
        c->is_lost = true;
        tell_loop(s, proc, REBALANCE_REVOKE, c->owned);
}

static void on_heartbeat_answer(struct sim *s, struct sim_event *e)
{
        struct sim_proc *proc = e->proc;
        struct sim_consumer *c = &proc->consumer;
        enum sim_heartbeat answer = (enum sim_heartbeat)e->a;

        if (c->generation != (int)e->b || c->state == CONSUMER_CLOSED)
                return;
        if (answer == HEARTBEAT_UNKNOWN) {
                c->member_id = STR(""); /* the generation stays, which is why offsets are refused */
                if (c->state == CONSUMER_STEADY)
                        lose(s, proc);
                return;
        }
        c->heard_ms = s->now_ms;
        if (answer == HEARTBEAT_REBALANCE && c->state == CONSUMER_STEADY)
                join(s, proc);
}

static void heartbeat_arrives(struct sim *s, struct sim_event *e)
{
        const struct str *id = e->p;
        enum sim_heartbeat answer;
        struct sim_event *back;

        if (s->now_ms < s->coordinator_up_ms)
                return;
        answer = sim_group_heartbeat(s, *id, (int)e->a);
        back = sim_answer(s, LANE_THREAD, e->proc, on_heartbeat_answer);
        back->a = (int64_t)answer;
        back->b = e->a;
}

static void send_heartbeat(struct sim *s, struct sim_proc *proc)
{
        struct sim_event *e = sim_heartbeat(s, proc, heartbeat_arrives);
        struct str *id = sim_alloc(s, sizeof *id);

        *id = proc->consumer.member_id;
        e->p = id;
        e->a = proc->consumer.generation;
}

static void on_join_answer(struct sim *s, struct sim_event *e)
{
        struct sim_proc *proc = e->proc;
        struct sim_consumer *c = &proc->consumer;
        const struct sim_event *answer = e;
        const struct str *id = e->p;
        uint32_t assigned = (uint32_t)e->b, revoked;
        bool again = e->b < 0;

        if (c->state != CONSUMER_JOINING || (uint64_t)answer->c != c->join)
                return;
        c->member_id = *id;
        c->heard_ms = s->now_ms;
        if (id->len == 0) {
                lose(s, proc);
                return;
        }
        c->generation = (int)e->a;
        if (again) {
                join(s, proc);
                return;
        }
        send_heartbeat(s, proc); /* at once: the last one is long ago */
        revoked = c->owned & ~assigned;
        c->to_add = assigned & ~c->owned;
        if (revoked != 0)
                tell_loop(s, proc, REBALANCE_REVOKE, revoked);
        else
                tell_loop(s, proc, REBALANCE_ASSIGN, c->to_add);
}

static void answer_join(struct sim *s, struct sim_proc *proc, int generation, struct str id,
                        int64_t assigned, uint64_t join_no)
{
        struct sim_event *e = sim_answer(s, LANE_THREAD, proc, on_join_answer);
        struct str *copy = sim_alloc(s, sizeof *copy);

        *copy = id;
        e->a = generation;
        e->b = assigned;
        e->c = (int64_t)join_no;
        e->p = copy;
}

void sim_consumer_on_joined(struct sim *s, struct sim_proc *proc, int generation, struct str id,
                            uint32_t assigned, uint64_t join_no)
{
        answer_join(s, proc, generation, id, assigned, join_no);
}

void sim_consumer_on_join_again(struct sim *s, struct sim_proc *proc, int generation, struct str id,
                                uint64_t join_no)
{
        answer_join(s, proc, generation, id, -1, join_no);
}

/* A request that arrives while the process is gone is still one; while the coordinator is away it
 * comes again. */
static void join_arrives(struct sim *s, struct sim_event *e)
{
        struct sim_proc *proc = e->proc;
        struct sim_consumer *c = &proc->consumer;

        if (proc->is_dead || (uint64_t)e->a != c->join || c->state != CONSUMER_JOINING)
                return;
        if (s->now_ms < s->coordinator_up_ms) {
                sim_in(s, AWAY_MS, LANE_WORLD, proc, join_arrives)->a = e->a;
                return;
        }
        sim_group_join(s, proc, c->member_id, c->owned, c->join);
}

static void join(struct sim *s, struct sim_proc *proc)
{
        struct sim_consumer *c = &proc->consumer;

        c->state = CONSUMER_JOINING;
        c->join++;
        sim_request(s, 0, proc, join_arrives)->a = (int64_t)c->join;
}

/* The loop has answered. */
static void go_on(struct sim *s, struct sim_event *e)
{
        struct sim_proc *proc = e->proc;
        struct sim_consumer *c = &proc->consumer;
        bool was_revoked = e->a == REBALANCE_REVOKE;

        if (c->state != CONSUMER_WAITS)
                return;
        if (c->is_closing && was_revoked) {
                if (!s->profile.is_static)
                        sim_group_leave(s, c->member_id);
                c->state = CONSUMER_CLOSED;
                sim_proc_wake(s, proc);
                return;
        }
        c->has_let_go |= was_revoked;
        if (was_revoked && !c->is_lost && c->to_add != 0) {
                tell_loop(s, proc, REBALANCE_ASSIGN, c->to_add);
                return;
        }
        c->state = CONSUMER_STEADY;
        if (c->is_lost)
                c->member_id = STR("");
        if (c->has_let_go)
                join(s, proc);
        c->is_lost = c->has_let_go = false;
}

static void on_heartbeat_due(struct sim *s, struct sim_event *e)
{
        struct sim_proc *proc = e->proc;
        struct sim_consumer *c = &proc->consumer;
        bool is_member = c->state == CONSUMER_STEADY || c->state == CONSUMER_WAITS;

        if (c->state == CONSUMER_CLOSED)
                return;
        sim_in(s, HEARTBEAT_MS, LANE_THREAD, proc, on_heartbeat_due);
        if (is_member)
                send_heartbeat(s, proc);
        if (c->state == CONSUMER_STEADY &&
            s->now_ms >= c->heard_ms + s->profile.session_timeout_ms) {
                c->heard_ms = s->now_ms;
                c->member_id = STR("");
                lose(s, proc);
        }
}

/* ON THE LOOP: as kafka_feed.c */

static void answer_thread(struct sim *s, struct sim_proc *proc, enum rebalance kind)
{
        sim_in(s, 0, LANE_THREAD, proc, go_on)->a = (int64_t)kind;
}

static void on_assign(struct sim *s, struct sim_proc *proc, uint32_t partitions)
{
        struct sim_consumer *c = &proc->consumer;

        tell_generation(proc);
        for (int p = 0; p < SIM_PARTITIONS; p++)
                if ((partitions & (1u << p)) != 0) {
                        c->owned |= 1u << p;
                        sim_trace(s, "%s: partition %d is assigned", proc->name, p);
                        sim_fetch_begin(s, proc, p, member_on_assigned(proc->member, p));
                }
        c->to_add = 0;
        member_on_assignment(proc->member);
        answer_thread(s, proc, REBALANCE_ASSIGN);
}

static void let_go(struct sim *s, struct sim_proc *proc)
{
        struct sim_consumer *c = &proc->consumer;

        c->is_revoking = false;
        for (int p = 0; p < SIM_PARTITIONS; p++)
                if ((c->revoked & (1u << p)) != 0) {
                        c->owned &= ~(1u << p);
                        sim_trace(s, "%s: partition %d is revoked", proc->name, p);
                        member_on_revoked(proc->member, p);
                        sim_fetch_end(proc, p);
                }
        if (c->revokes_lost)
                member_on_assignment_lost(proc->member);
        sim_fetch_go_on(s, proc);
        answer_thread(s, proc, REBALANCE_REVOKE);
        sim_proc_wake(s, proc);
}

static void on_revoke(struct sim *s, struct sim_proc *proc, uint32_t partitions)
{
        struct sim_consumer *c = &proc->consumer;

        tell_generation(proc);
        c->is_revoking = true;
        c->revokes_lost = c->is_lost;
        c->revoked = partitions;
        c->revoke_by_ms = s->now_ms + LEAVE_MS;
        for (int p = 0; !c->revokes_lost && p < SIM_PARTITIONS; p++)
                if ((partitions & (1u << p)) != 0)
                        member_on_leaving(proc->member, p);
        if (c->revokes_lost || member_may_let_go(proc->member))
                let_go(s, proc);
}

static void on_rebalance(struct sim *s, struct sim_event *e)
{
        if (e->a == REBALANCE_ASSIGN)
                on_assign(s, e->proc, (uint32_t)e->b);
        else
                on_revoke(s, e->proc, (uint32_t)e->b);
        sim_proc_wake(s, e->proc);
}

void sim_consumer_turn(struct sim *s, struct sim_proc *proc)
{
        struct sim_consumer *c = &proc->consumer;

        if (c->is_revoking && (member_may_let_go(proc->member) || s->now_ms >= c->revoke_by_ms))
                let_go(s, proc);
}

void sim_consumer_hold(struct sim *s, struct sim_proc *proc, int partition)
{
        (void)s;
        proc->consumer.fetch[partition].is_held = true;
}

void sim_consumer_resume(struct sim *s, struct sim_proc *proc, int partition, int64_t offset)
{
        if (proc->consumer.fetch[partition].is_assigned)
                sim_fetch_begin(s, proc, partition, offset);
}

/* LIFE */

static void on_topology(struct sim *s, struct sim_event *e)
{
        struct sim_proc *proc = e->proc;
        bool is_first = proc->consumer.n_partitions == 0;

        proc->consumer.n_partitions = (int)e->a;
        member_on_topology(proc->member, (int)e->a);
        if (is_first)
                join(s, proc);
        sim_proc_wake(s, proc);
}

void sim_consumer_on_growth(struct sim *s, struct sim_proc *proc)
{
        sim_in(s, sim_between(s, 0, 10000), LANE_LOOP, proc, on_topology)->a = s->log->n_partitions;
}

void sim_consumer_start(struct sim *s, struct sim_proc *proc)
{
        struct sim_consumer *c = &proc->consumer;

        c->member_id = STR("");
        c->generation = -1;
        c->heard_ms = s->now_ms;
        sim_in(s, sim_between(s, 5, 400), LANE_LOOP, proc, on_topology)->a = s->log->n_partitions;
        sim_in(s, HEARTBEAT_MS, LANE_THREAD, proc, on_heartbeat_due);
}

/* A consumer that waits for the group's answer leaves when it has come: it is looked at again. */
void sim_consumer_close(struct sim *s, struct sim_proc *proc)
{
        struct sim_consumer *c = &proc->consumer;

        if (c->state == CONSUMER_IDLE)
                c->state = CONSUMER_CLOSED;
        if (c->is_closing || c->state != CONSUMER_STEADY)
                return;
        c->is_closing = true;
        if (c->owned != 0) {
                tell_loop(s, proc, REBALANCE_REVOKE, c->owned);
        } else {
                c->state = CONSUMER_WAITS;
                answer_thread(s, proc, REBALANCE_REVOKE);
        }
}

bool sim_consumer_is_closed(const struct sim_proc *proc)
{
        return proc->consumer.state == CONSUMER_CLOSED;
}
