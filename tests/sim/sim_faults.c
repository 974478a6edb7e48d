/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_faults.h"

#include "sim_consumer.h"
#include "sim_group.h"
#include "sim_intake.h"
#include "sim_log.h"
#include "sim_peers.h"
#include "sim_proc.h"

#define LOOK_MS         500
#define THREAD_STILL_MS 12000

static struct sim_proc *victim(struct sim *s)
{
        return s->procs->of[sim_below(s, SIM_INSTANCES)];
}

/* Mostly short. Those around the session's timeout are when a member and who takes over from it
 * meet. */
static int64_t duration(struct sim *s, int64_t longest)
{
        int64_t session_ms = s->profile.session_timeout_ms;
        unsigned dice = sim_below(s, 100);

        if (dice < 45)
                return sim_between(s, 20, 1500);
        if (dice < 75)
                return sim_between(s, session_ms - 2000, session_ms + 2500);
        return dice < 90 ? sim_between(s, 1500, 12000) : sim_between(s, 5000, longest);
}

/* PROCESSES */

static void kill_one(struct sim *s)
{
        struct sim_proc *proc = victim(s);

        if (proc != NULL)
                sim_proc_kill(s, proc);
}

static void ask_to_leave(struct sim *s)
{
        struct sim_proc *proc = victim(s);

        if (proc != NULL)
                sim_proc_leave(s, proc);
}

static void stop_one(struct sim *s)
{
        struct sim_proc *proc = victim(s);

        if (proc != NULL)
                sim_proc_stop(s, proc, duration(s, 60000));
}

static void stall_one(struct sim *s)
{
        struct sim_proc *proc = victim(s);

        if (proc != NULL)
                sim_proc_stall(s, proc, duration(s, 8000));
}

static void cut_off(struct sim *s)
{
        struct sim_proc *proc = victim(s);
        int64_t until_ms = s->now_ms + duration(s, 20000);

        if (proc == NULL || until_ms <= proc->cut_until_ms)
                return;
        proc->cut_until_ms = until_ms;
        sim_trace(s, "%s: does not reach Kafka for %lld ms", proc->name,
                  (long long)(proc->cut_until_ms - s->now_ms));
}

static void interrupt(struct sim *s, struct sim_event *e)
{
        struct sim_proc *proc = e->p;
        unsigned dice = sim_below(s, 100);

        if (proc->is_dead || s->is_healing)
                return;
        if (dice < 25 && sim_is_with(s, SIM_KILLS))
                sim_proc_kill(s, proc);
        else if (dice < 80 && sim_is_with(s, SIM_PAUSES))
                sim_proc_stop(s, proc, duration(s, 30000));
        else if (sim_is_with(s, SIM_PAUSES))
                sim_proc_stall(s, proc, duration(s, 8000));
}

void sim_faults_interrupt(struct sim *s, struct sim_proc *proc)
{
        if (!s->is_healing && sim_chance(s, s->profile.interrupt_permille))
                sim_in(s, sim_between(s, 0, 4), LANE_WORLD, NULL, interrupt)->p = proc;
}

/* Another number of members: those that are not wanted leave. */
static void scale(struct sim *s)
{
        for (int i = 0; i < s->profile.instances; i++) {
                s->procs->wanted[i] = i == 0 || sim_chance(s, 650);
                if (!s->procs->wanted[i] && s->procs->of[i] != NULL)
                        sim_proc_leave(s, s->procs->of[i]);
        }
}

static void start_again(struct sim *s, struct sim_event *e)
{
        int instance = (int)e->a;

        s->procs->is_due[instance] = false;
        if (s->procs->of[instance] == NULL && s->procs->wanted[instance])
                sim_proc_start(s, instance);
}

/* KAFKA AND NETWORK */

static void on_coordinator_back(struct sim *s, struct sim_event *e)
{
        (void)e;
        if (s->now_ms >= s->coordinator_up_ms)
                sim_group_coordinator_is_back(s);
}

static void take_coordinator_away(struct sim *s, int64_t ms)
{
        if (s->now_ms < s->coordinator_up_ms)
                return;
        s->coordinator_up_ms = s->now_ms + ms;
        sim_trace(s, "the coordinators are away for %lld ms", (long long)ms);
        sim_in(s, ms, LANE_WORLD, NULL, on_coordinator_back);
}

static void coordinator_outage(struct sim *s)
{
        take_coordinator_away(s, duration(s, 20000));
}

static void broker_outage(struct sim *s)
{
        int64_t ms = duration(s, 20000);

        s->broker_up_ms = s->now_ms + ms;
        sim_trace(s, "the broker is away for %lld ms", (long long)ms);
        take_coordinator_away(s, ms);
}

static void rebalance(struct sim *s)
{
        s->group->shuffles = true;
        sim_group_rebalance(s);
}

static void on_rebalance_due(struct sim *s, struct sim_event *e)
{
        (void)e;
        if (!s->is_healing)
                rebalance(s);
}

int64_t sim_faults_thread(struct sim *s)
{
        int64_t ms = sim_between(s, 100, THREAD_STILL_MS);

        if (s->is_healing || !sim_chance(s, s->profile.thread_permille))
                return 0;
        if (sim_is_with(s, SIM_REBALANCES) && sim_chance(s, 500))
                sim_in(s, sim_between(s, 0, ms), LANE_WORLD, NULL, on_rebalance_due);
        return ms;
}

static void cut_network(struct sim *s)
{
        int a = (int)sim_below(s, (unsigned)s->profile.instances);
        int b = (int)sim_below(s, (unsigned)s->profile.instances);

        s->net->cut_until_ms[a][b] = s->net->cut_until_ms[b][a] = s->now_ms + duration(s, 20000);
        sim_trace(s, "m%d and m%d do not reach each other", a, b);
}

static void slow_network(struct sim *s)
{
        int a = (int)sim_below(s, (unsigned)s->profile.instances);

        s->net->slow_until_ms[a] = s->now_ms + duration(s, 20000);
        sim_trace(s, "m%d is slow", a);
}

static void make_trouble(struct sim *s)
{
        struct sim_proc *proc = victim(s);
        struct sim_publisher *p;

        if (proc == NULL)
                return;
        p = s->has_intake && sim_chance(s, 500) ? sim_intake_publisher(proc) : &proc->publisher;
        p->trouble = (enum sim_trouble)sim_between(s, 1, TROUBLES - 1);
}

static void compact(struct sim *s)
{
        if (s->profile.compacts)
                sim_log_compact(s, (int)sim_below(s, (unsigned)s->log->n_partitions));
}

static void grow(struct sim *s)
{
        int n = s->log->n_partitions + 1 + (int)sim_below(s, 2);

        if (!s->profile.grows || n > SIM_PARTITIONS)
                return;
        s->profile.grows = false;
        sim_log_grow(s, n);
        for (int i = 0; i < SIM_INSTANCES; i++)
                if (s->procs->of[i] != NULL)
                        sim_consumer_on_growth(s, s->procs->of[i]);
        s->group->learns_ms = s->now_ms + sim_between(s, 0, 10000);
}

/* THE DICE */

static const struct fault {
        enum sim_feature feature;
        unsigned weight;
        void (*happen)(struct sim *s);
} faults[] = {
        { SIM_KILLS, 10, kill_one },
        { SIM_KILLS, 6, ask_to_leave },
        { SIM_KILLS, 4, scale },
        { SIM_PAUSES, 14, stop_one },
        { SIM_PAUSES, 8, stall_one },
        { SIM_OUTAGES, 6, cut_off },
        { SIM_OUTAGES, 5, coordinator_outage },
        { SIM_OUTAGES, 4, broker_outage },
        { SIM_REBALANCES, 10, rebalance },
        { SIM_NETWORK, 8, cut_network },
        { SIM_NETWORK, 6, slow_network },
        { SIM_TROUBLE, 14, make_trouble },
        { SIM_COMPACTION, 8, compact },
        { SIM_GROWTH, 4, grow },
};
#define FAULTS (sizeof faults / sizeof *faults)

static void happen(struct sim *s)
{
        unsigned sum = 0, dice;
        size_t i = 0;

        for (size_t k = 0; k < FAULTS; k++)
                sum += faults[k].weight;
        dice = sim_below(s, sum);
        for (; dice >= faults[i].weight; i++)
                dice -= faults[i].weight;
        if (sim_is_with(s, faults[i].feature))
                faults[i].happen(s);
}

static void on_fault_due(struct sim *s, struct sim_event *e)
{
        (void)e;
        if (s->is_healing)
                return;
        happen(s);
        sim_in(s, sim_between(s, 1, 2 * (int64_t)s->profile.fault_every_ms), LANE_WORLD, NULL,
               on_fault_due);
}

/* Whoever is gone and wanted is started again. */
static void on_look(struct sim *s, struct sim_event *e)
{
        (void)e;
        for (int i = 0; i < s->profile.instances; i++) {
                int64_t ms = s->is_healing ? 1 : duration(s, 12000);

                if (s->procs->of[i] != NULL || !s->procs->wanted[i] || s->procs->is_due[i])
                        continue;
                s->procs->is_due[i] = true;
                sim_in(s, ms, LANE_WORLD, NULL, start_again)->a = i;
        }
        sim_in(s, LOOK_MS, LANE_WORLD, NULL, on_look);
}

void sim_faults_init(struct sim *s)
{
        for (int i = 0; i < s->profile.instances; i++) {
                struct sim_event *e = sim_in(s, i == 0 ? 0 : sim_between(s, 0, 6000), LANE_WORLD,
                                             NULL, start_again);

                s->procs->wanted[i] = s->procs->is_due[i] = true;
                e->a = i;
        }
        sim_in(s, LOOK_MS, LANE_WORLD, NULL, on_look);
        sim_in(s, sim_between(s, 1000, 8000), LANE_WORLD, NULL, on_fault_due);
}

/* Who is cut off from Kafka stays so for its time: what it had sent is on its way until then. */
void sim_faults_heal(struct sim *s)
{
        s->is_healing = true;
        sim_trace(s, "no faults from here on");
        if (s->broker_up_ms > s->now_ms)
                s->broker_up_ms = s->now_ms;
        if (s->coordinator_up_ms > s->now_ms) {
                s->coordinator_up_ms = s->now_ms;
                sim_group_coordinator_is_back(s);
        }
        for (int i = 0; i < SIM_INSTANCES; i++) {
                s->net->slow_until_ms[i] = 0;
                for (int k = 0; k < SIM_INSTANCES; k++)
                        s->net->cut_until_ms[i][k] = 0;
                if (s->procs->of[i] != NULL)
                        sim_proc_go_on(s, s->procs->of[i]);
        }
}

/* THE PROFILE */

static bool has(struct sim *s, enum sim_feature feature, unsigned permille)
{
        bool dice = sim_chance(s, permille);

        return dice && sim_is_with(s, feature);
}

void sim_profile_make(struct sim *s)
{
        struct sim_profile *p = &s->profile;

        *p = (struct sim_profile){
                .partitions = (int)sim_between(s, 1, 4),
                .instances = sim_chance(s, 100) ? 1 : (int)sim_between(s, 2, SIM_INSTANCES - 1),
                .sites = (int)sim_between(s, 1, 3),
                .identities = (int)sim_between(s, 3, 24),
                .session_timeout_ms = sim_between(s, 6, 10) * 1000,
                .transaction_timeout_ms = sim_between(s, 3, 20) * 1000,
                .request_timeout_ms = sim_between(s, 2, 20) * 1000,
                .peer_timeout_ms = sim_between(s, 2, 20) * 100,
                .faults_ms = sim_between(s, 8, 30) * 1000,
                .fault_every_ms = (unsigned)sim_between(s, 300, 3000),
                .pending_ttl_ms = INT64_C(86400000),
        };
        p->is_static = has(s, SIM_STATIC, 300);
        p->keeps_entries = has(s, SIM_ENTRIES, 250);
        p->closes_expired = sim_chance(s, 300);
        p->loses_outcomes = has(s, SIM_EXPIRY, 200);
        p->misplaces = has(s, SIM_MISPLACING, 120);
        p->grows = has(s, SIM_GROWTH, 120);
        p->compacts = has(s, SIM_COMPACTION, 400);
        p->transacts = sim_chance(s, 250);
        p->retries_by_force = has(s, SIM_FORCE, 250);
        p->takes_in = s->seed % 7 == 4 && !p->misplaces && !p->grows;
        if (p->loses_outcomes)
                p->pending_ttl_ms = sim_between(s, 8, 20) * 1000;
        p->slow_permille = (unsigned)sim_between(s, 0, sim_chance(s, 300) ? 250 : 30);
        p->lost_permille = has(s, SIM_LOSSES, 700) ? (unsigned)sim_between(s, 0, 60) : 0;
        p->thread_permille = has(s, SIM_PAUSES, 400) ? (unsigned)sim_between(s, 10, 200) : 0;
        p->interrupt_permille = sim_chance(s, 600) ? (unsigned)sim_between(s, 1, 25) : 0;
}
