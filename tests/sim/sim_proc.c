/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_proc.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "crr/base/limits.h"
#include "sim_check.h"
#include "sim_clients.h"
#include "sim_intake.h"
#include "sim_log.h"
#include "sim_peers.h"
#include "sim_txn.h"

#define GRACE_MS      10000 /* of a SIGTERM */
#define CLOSE_MS      5000  /* then the consumer has so long to leave its group */
#define DRAIN_TURNS   200
#define DRAIN_STEP_MS 500
#define INTAKE_MS     100 /* a turn comes so often while it has a batch */

/* TIME */

int64_t sim_proc_now_ms(const struct sim_proc *proc)
{
        return proc->s->now_ms + proc->monotonic_offset_ms;
}

bool sim_proc_defers(struct sim_proc *proc, struct sim_event *e)
{
        bool is_still = proc->is_stopped || (e->lane == LANE_LOOP && proc->is_stalled);
        int64_t awakes_ms = proc->awakes_ms[e->lane == LANE_LOOP];

        if (proc->is_dead || (!is_still && proc->s->now_ms >= awakes_ms))
                return false;
        if (proc->s->now_ms < awakes_ms)
                sim_event_put_off(proc->s, e, awakes_ms);
        else
                sim_list_append(&proc->deferred, e);
        return true;
}

static void turn(struct sim *s, struct sim_event *e);

static void turn_at(struct sim *s, struct sim_proc *proc, int64_t at_ms)
{
        if (proc->turn_at_ms <= at_ms)
                return;
        proc->turn_at_ms = at_ms;
        sim_at(s, at_ms, LANE_LOOP, proc, turn)->a = (int64_t)++proc->turn;
}

void sim_proc_wake(struct sim *s, struct sim_proc *proc)
{
        if (!proc->is_dead)
                turn_at(s, proc, s->now_ms);
}

/* SIGTERM: requests end, the group is left, the process ends. */
static void leave_on(struct sim *s, struct sim_proc *proc)
{
        if (s->now_ms >= proc->leave_by_ms)
                member_end_retries(proc->member);
        if ((proc->n_requests == 0 && sim_intake_is_idle(proc)) || s->now_ms >= proc->leave_by_ms)
                sim_consumer_close(s, proc);
        if (sim_consumer_is_closed(proc) || s->now_ms >= proc->leave_by_ms + CLOSE_MS)
                sim_proc_kill(s, proc);
}

static void turn(struct sim *s, struct sim_event *e)
{
        struct sim_proc *proc = e->proc;
        int64_t due_ms;
        bool more;

        if ((uint64_t)e->a != proc->turn)
                return;
        proc->turn_at_ms = INT64_MAX;
        proc->last_turn_ms = s->now_ms;
        due_ms = member_tick(proc->member, sim_proc_now_ms(proc), SIM_WALL_START + s->now_ms);
        more = member_work(proc->member);
        more |= retry_service_work(proc->door);
        sim_consumer_turn(s, proc);
        sim_check_turn(s, proc);
        turn_at(s, proc,
                more ? s->now_ms + sim_between(s, 0, 1) : due_ms - proc->monotonic_offset_ms);
        if (sim_intake_turn(proc))
                turn_at(s, proc, s->now_ms + INTAKE_MS);
        if (proc->is_leaving)
                leave_on(s, proc);
}

static int64_t awakening(struct sim *s)
{
        return sim_chance(s, 800) ? sim_between(s, 0, 3) : sim_between(s, 0, 200);
}

/* Events of one lane keep their order; which lane is first is the dice's. */
static void go_on(struct sim *s, struct sim_proc *proc)
{
        sim_trace(s, "%s: goes on", proc->name);
        for (enum sim_lane lane = LANE_THREAD; lane <= LANE_LOOP; lane++) {
                int64_t at_ms = s->now_ms + awakening(s);

                proc->awakes_ms[lane == LANE_LOOP] = at_ms;
                sim_events_again(s, &proc->deferred, at_ms, lane);
        }
}

void sim_proc_go_on(struct sim *s, struct sim_proc *proc)
{
        if (!proc->is_stopped && !proc->is_stalled)
                return;
        proc->is_stopped = proc->is_stalled = false;
        go_on(s, proc);
}

/* a: all of it, or the loop alone. */
static void on_continued(struct sim *s, struct sim_event *e)
{
        struct sim_proc *proc = e->p;
        bool *flag = e->a ? &proc->is_stopped : &proc->is_stalled;

        if (proc->is_dead || !*flag)
                return;
        *flag = false;
        go_on(s, proc);
}

static void stand_still(struct sim *s, struct sim_proc *proc, int64_t ms, bool all)
{
        struct sim_event *e = sim_in(s, ms, LANE_WORLD, NULL, on_continued);

        sim_trace(s, "%s: %s stands still for %lld ms", proc->name,
                  all ? "the process" : "the loop", (long long)ms);
        e->p = proc;
        e->a = all;
        if (all)
                proc->is_stopped = true;
        else
                proc->is_stalled = true;
}

void sim_proc_stop(struct sim *s, struct sim_proc *proc, int64_t ms)
{
        if (!proc->is_stopped)
                stand_still(s, proc, ms, true);
}

void sim_proc_stall(struct sim *s, struct sim_proc *proc, int64_t ms)
{
        if (!proc->is_stalled)
                stand_still(s, proc, ms, false);
}

/* BEGINNING */

static struct member_config config_of(const struct sim *s, const struct sim_proc *proc)
{
        return (struct member_config){
                .hash_key = { { s->seed, 2 } },
                .failures_topic = "failures",
                .replication_topic = "replication",
                .instance = proc->name,
                .advertise = proc->url,
                .transactional_id = proc->transactional_id,
                .session_timeout_ms = s->profile.session_timeout_ms,
                .partitioner = PARTITIONER_MURMUR2,
                .payload = s->profile.keeps_entries ? RETRY_PAYLOAD_ENTRY : RETRY_PAYLOAD_NATIVE,
                .pending_expiry =
                        s->profile.closes_expired ? PENDING_EXPIRY_CLOSE : PENDING_EXPIRY_RELIST,
                .memory_limit = 64u << 20,
                .max_sites = LIMIT_SITES,
                .max_value_bytes = 5000020,
                .max_transaction_entries = 10000,
                .max_transaction_bytes = 32u << 20,
                .pending_ttl_ms = s->profile.pending_ttl_ms,
        };
}

void sim_proc_start(struct sim *s, int instance)
{
        struct sim_proc *proc = sim_alloc(s, sizeof *proc);
        struct member_config config;

        assert(s->procs->of[instance] == NULL);
        *proc = (struct sim_proc){
                .s = s,
                .instance = instance,
                .turn_at_ms = INT64_MAX,
                .monotonic_offset_ms = sim_between(s, 0, 100000),
                .next = s->procs->all,
        };
        s->procs->all = s->procs->of[instance] = proc;
        snprintf(proc->name, sizeof proc->name, "m%d", instance);
        snprintf(proc->url, sizeof proc->url, "http://member-%d:8900", instance);
        snprintf(proc->transactional_id, sizeof proc->transactional_id, "crr-retryd-group-%d",
                 instance);
        sim_trace(s, "%s: starts", proc->name);
        sim_questions_init(&proc->questions);
        sim_peers_init(proc);
        sim_publisher_start(s, &proc->publisher, proc, str_from(proc->transactional_id));
        proc->metrics = metrics_new(100);
        config = config_of(s, proc);
        proc->member = member_new(
                &config, &(struct member_ports){ &proc->publisher.port, &proc->questions.group,
                                                 &proc->questions.reader, proc->metrics });
        proc->door = retry_service_new(proc->member, &proc->peers->port,
                                       (unsigned)s->profile.peer_timeout_ms);
        sim_consumer_start(s, proc);
        sim_intake_start(s, proc);
        turn_at(s, proc, s->now_ms);
}

/* THE END */

/* What is given to a dead process's ports is never done: it is given back, so that all can be
 * freed, and what comes of it is heard by nobody. */
static void give_back(struct sim *s, struct sim_proc *proc)
{
        struct publish_batch *batch = proc->publisher.submitted;
        struct log_read *read = proc->questions.read;
        struct error err;

        error_set(&err, ERR_UNAVAILABLE, "this process is dead");
        proc->publisher.submitted = NULL;
        proc->questions.read = NULL;
        if (batch != NULL) {
                batch->outcome = PUBLISH_CLOSED;
                batch->duration_us = 0;
                batch->err = err;
                batch->done(batch);
        }
        if (read != NULL)
                read->done(read, &err);
        sim_peers_fail(s, proc);
}

static void drain(struct sim *s, struct sim_proc *proc)
{
        int64_t now_ms = sim_proc_now_ms(proc);

        member_on_publisher_lost(proc->member);
        member_end_retries(proc->member);
        give_back(s, proc);
        for (int i = 0; proc->n_requests > 0; i++) {
                if (i == DRAIN_TURNS)
                        sim_fail(s, "%s: %u requests do not end when it is stopped", proc->name,
                                 proc->n_requests);
                now_ms += DRAIN_STEP_MS;
                member_tick(proc->member, now_ms, SIM_WALL_START + s->now_ms);
                member_work(proc->member);
                retry_service_work(proc->door);
                give_back(s, proc);
        }
        give_back(s, proc);
}

void sim_proc_kill(struct sim *s, struct sim_proc *proc)
{
        sim_trace(s, "%s: ends", proc->name);
        proc->is_dead = true;
        s->procs->of[proc->instance] = NULL;
        sim_net_on_death(s, proc);
        sim_clients_on_death(s, proc);
        drain(s, proc);
        sim_intake_end(s, proc);
        retry_service_free(proc->door);
        member_free(proc->member);
        metrics_free(proc->metrics);
        proc->door = NULL;
        proc->member = NULL;
        sim_check_on_death(s, proc);
}

void sim_proc_leave(struct sim *s, struct sim_proc *proc)
{
        if (proc->is_leaving)
                return;
        sim_trace(s, "%s: is asked to leave", proc->name);
        proc->is_leaving = true;
        proc->leave_by_ms = s->now_ms + GRACE_MS;
        member_stop_retries(proc->member);
        sim_intake_leave(proc);
        sim_proc_wake(s, proc);
}

bool sim_proc_takes_requests(const struct sim_proc *proc)
{
        return !proc->is_dead && !proc->is_leaving;
}

/* ALL OF THEM */

void sim_procs_on_stable(struct sim *s, int partition)
{
        for (int i = 0; i < SIM_INSTANCES; i++)
                if (s->procs->of[i] != NULL)
                        sim_fetch_on_stable(s, s->procs->of[i], partition);
}

int64_t sim_procs_read_from(const struct sim *s, int partition)
{
        int64_t least = INT64_MAX;

        for (int i = 0; i < SIM_INSTANCES; i++) {
                const struct sim_proc *proc = s->procs->of[i];
                const struct sim_fetch *f = proc != NULL ? &proc->consumer.fetch[partition] : NULL;

                if (f != NULL && f->is_assigned && f->position < least)
                        least = f->position;
                if (f != NULL && !f->is_assigned && s->now_ms < f->parked_until_ms)
                        least = 0;
        }
        return least;
}

void sim_procs_init(struct sim *s)
{
        s->procs = sim_alloc(s, sizeof *s->procs);
}

void sim_procs_deinit(struct sim *s)
{
        for (int i = 0; i < SIM_INSTANCES; i++)
                if (s->procs->of[i] != NULL)
                        sim_proc_kill(s, s->procs->of[i]);
}
