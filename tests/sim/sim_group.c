/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_group.h"

#include <stdlib.h>
#include <string.h>

#include "sim_consumer.h"
#include "sim_log.h"
#include "sim_proc.h"
#include "sim_txn.h"

#define TICK_MS    100
#define ORPHANS_MS 5000
#define LEARNS_MS  10000

/* MEMBERS */

static struct sim_group_member *find(const struct sim *s, struct str id)
{
        struct sim_group *g = s->group;

        for (int i = 0; i < SIM_GROUP_MEMBERS; i++)
                if (g->members[i].proc != NULL && str_eq(g->members[i].id, id))
                        return &g->members[i];
        return NULL;
}

static struct sim_group_member *find_static(const struct sim *s, const struct sim_proc *proc)
{
        struct sim_group *g = s->group;

        for (int i = 0; s->profile.is_static && i < SIM_GROUP_MEMBERS; i++)
                if (g->members[i].proc != NULL && g->members[i].proc->instance == proc->instance)
                        return &g->members[i];
        return NULL;
}

static struct sim_group_member *add(struct sim *s)
{
        struct sim_group *g = s->group;

        for (int i = 0; i < SIM_GROUP_MEMBERS; i++)
                if (g->members[i].proc == NULL)
                        return &g->members[i];
        sim_fail(s, "the simulated group has too many members");
}

bool sim_group_owns(const struct sim *s, const struct sim_proc *proc, int partition)
{
        const struct sim_group_member *m = find(s, proc->consumer.member_id);

        return m != NULL && m->proc == proc && proc->consumer.generation == s->group->generation &&
               (m->assigned & (1u << partition)) != 0;
}

/* ASSIGNING: cooperative-sticky, as far as it matters. */

static unsigned count(uint32_t set)
{
        return (unsigned)__builtin_popcount(set);
}

/* What more than one says to own belongs to nobody. */
static uint32_t owned_once(const struct sim_group *g)
{
        uint32_t once = 0, twice = 0;

        for (int i = 0; i < SIM_GROUP_MEMBERS; i++) {
                if (g->members[i].proc == NULL)
                        continue;
                twice |= once & g->members[i].owned;
                once |= g->members[i].owned;
        }
        return once & ~twice;
}

/* Keep what it owns, up to its share; which of them goes is the dice's. */
static void keep_share(struct sim *s, struct sim_group_member *m, uint32_t once, unsigned share)
{
        m->assigned = m->owned & once & ((1u << s->group->known_partitions) - 1);
        while (count(m->assigned) > share)
                m->assigned &= ~(1u << sim_below(s, SIM_PARTITIONS));
}

static struct sim_group_member *poorest(struct sim_group *g)
{
        struct sim_group_member *found = NULL;

        for (int i = 0; i < SIM_GROUP_MEMBERS; i++) {
                struct sim_group_member *m = &g->members[i];

                if (m->proc != NULL &&
                    (found == NULL || count(m->assigned) < count(found->assigned)))
                        found = m;
        }
        return found;
}

/* The leader's knowledge of the topic is old now and then; when it has the new one it joins again.
 */
static void learn_partitions(struct sim *s)
{
        struct sim_group *g = s->group;
        bool is_late = g->known_partitions > 0 && sim_chance(s, 100);

        if (is_late && g->known_partitions < s->log->n_partitions)
                g->learns_ms = s->now_ms + sim_between(s, 0, LEARNS_MS);
        else
                g->known_partitions = s->log->n_partitions;
}

static void assign(struct sim *s)
{
        struct sim_group *g = s->group;
        uint32_t once = owned_once(g), taken = 0;
        unsigned n = 0, rest;

        learn_partitions(s);
        for (int i = 0; i < SIM_GROUP_MEMBERS; i++)
                n += g->members[i].proc != NULL;
        rest = (unsigned)g->known_partitions % n;
        for (int i = 0; i < SIM_GROUP_MEMBERS; i++) {
                struct sim_group_member *m = &g->members[i];
                unsigned share = (unsigned)g->known_partitions / n;

                if (m->proc == NULL)
                        continue;
                if (rest > 0 && count(m->owned & once) > share) {
                        share++;
                        rest--;
                }
                if (g->shuffles && share > 0 && sim_chance(s, 500))
                        share--;
                keep_share(s, m, once, share);
                taken |= m->owned; /* until its owner has let it go */
        }
        for (int p = 0; p < g->known_partitions; p++)
                if ((taken & (1u << p)) == 0)
                        poorest(g)->assigned |= 1u << p;
        g->shuffles = false;
}

/* REBALANCING */

static void answer_all(struct sim *s, struct sim_event *e)
{
        struct sim_group *g = s->group;

        if (g->state != GROUP_COMPLETING || g->generation != (int)e->a)
                return;
        g->state = GROUP_STABLE;
        for (int i = 0; i < SIM_GROUP_MEMBERS; i++) {
                struct sim_group_member *m = &g->members[i];

                if (m->proc == NULL)
                        continue;
                m->has_joined = false;
                m->deadline_ms = s->now_ms + s->profile.session_timeout_ms;
                sim_consumer_on_joined(s, m->proc, g->generation, m->id, m->assigned, m->join);
        }
}

static void complete(struct sim *s)
{
        struct sim_group *g = s->group;

        g->generation++;
        g->state = GROUP_COMPLETING;
        assign(s);
        for (int i = 0; i < SIM_GROUP_MEMBERS; i++)
                if (g->members[i].proc != NULL)
                        sim_trace(s, "group generation %d: %.*s gets %02x, owned %02x",
                                  g->generation, STR_ARG(g->members[i].id), g->members[i].assigned,
                                  g->members[i].owned);
        sim_in(s, sim_between(s, 2, 60), LANE_WORLD, NULL, answer_all)->a = g->generation;
}

static void complete_if_all_joined(struct sim *s)
{
        struct sim_group *g = s->group;
        unsigned n = 0, joined = 0;

        if (g->state != GROUP_PREPARING)
                return;
        for (int i = 0; i < SIM_GROUP_MEMBERS; i++) {
                n += g->members[i].proc != NULL;
                joined += g->members[i].proc != NULL && g->members[i].has_joined;
        }
        if (n == 0)
                g->state = GROUP_EMPTY;
        else if (joined == n)
                complete(s);
}

/* Those that had joined the generation that is given up have to join again. */
static void prepare(struct sim *s)
{
        struct sim_group *g = s->group;

        for (int i = 0; g->state == GROUP_COMPLETING && i < SIM_GROUP_MEMBERS; i++) {
                struct sim_group_member *m = &g->members[i];

                if (m->proc == NULL || !m->has_joined)
                        continue;
                m->has_joined = false;
                m->deadline_ms = s->now_ms + s->profile.session_timeout_ms;
                sim_consumer_on_join_again(s, m->proc, g->generation, m->id, m->join);
        }
        if (g->state != GROUP_PREPARING)
                sim_trace(s, "group prepares a rebalance");
        g->state = GROUP_PREPARING;
}

void sim_group_rebalance(struct sim *s)
{
        if (s->group->state == GROUP_STABLE)
                prepare(s);
}

static void remove_member(struct sim *s, struct sim_group_member *m, const char *why)
{
        sim_trace(s, "group: %.*s %s", STR_ARG(m->id), why);
        m->proc = NULL;
        prepare(s);
        complete_if_all_joined(s);
}

void sim_group_leave(struct sim *s, struct str id)
{
        struct sim_group_member *m = find(s, id);

        if (m != NULL)
                remove_member(s, m, "leaves");
}

/* A static member comes back: nothing changes for the others. */
static bool take_over_static(struct sim *s, struct sim_group_member *m, struct sim_proc *proc,
                             struct str new_id, uint64_t join)
{
        bool was_stable = s->group->state == GROUP_STABLE;

        sim_trace(s, "group: %.*s takes the place of %.*s", STR_ARG(new_id), STR_ARG(m->id));
        m->proc = proc;
        m->id = new_id;
        m->join = join;
        m->owned = 0;
        m->deadline_ms = s->now_ms + s->profile.session_timeout_ms;
        if (was_stable)
                sim_consumer_on_joined(s, proc, s->group->generation, m->id, m->assigned, join);
        return was_stable;
}

void sim_group_join(struct sim *s, struct sim_proc *proc, struct str id, uint32_t owned,
                    uint64_t join)
{
        struct sim_group_member *m = find(s, id);

        if (id.len > 0 && m == NULL) {
                sim_consumer_on_joined(s, proc, -1, STR(""), 0, join);
                return;
        }
        if (m == NULL) {
                struct str new_id =
                        sim_text(s, "m%d-%u", proc->instance, ++s->group->members_so_far);

                m = find_static(s, proc);
                if (m != NULL && take_over_static(s, m, proc, new_id, join))
                        return;
                if (m == NULL)
                        m = add(s);
                *m = (struct sim_group_member){ .proc = proc, .id = new_id };
        }
        prepare(s);
        m->owned = owned;
        m->join = join;
        m->has_joined = true;
        m->deadline_ms = s->now_ms + s->profile.session_timeout_ms;
        complete_if_all_joined(s);
}

enum sim_heartbeat sim_group_heartbeat(struct sim *s, struct str id, int generation)
{
        struct sim_group_member *m = find(s, id);

        if (m == NULL || generation != s->group->generation)
                return HEARTBEAT_UNKNOWN;
        m->deadline_ms = s->now_ms + s->profile.session_timeout_ms;
        return s->group->state == GROUP_PREPARING ? HEARTBEAT_REBALANCE : HEARTBEAT_OK;
}

/* OFFSETS */

struct str sim_group_token(struct sim *s, int generation, struct str id, int static_instance)
{
        return sim_text(s, "%d;%d;%.*s", generation, static_instance, STR_ARG(id));
}

/* A transaction's offsets of nobody in particular are taken from anybody, which is why the token of
 * a member that was thrown out is no fence. */
bool sim_group_accepts(const struct sim *s, struct str token)
{
        char *end;
        long generation = strtol(token.base, &end, 10);
        long instance = strtol(end + 1, &end, 10);
        struct str id = str_from(end + 1);

        if (generation < 0 && id.len == 0 && instance < 0)
                return true;
        return find(s, id) != NULL && generation == s->group->generation;
}

/* TIME */

/* What a static member was to let go when it died, and nobody is given when it comes back: Kafka
 * leaves it so, until somebody joins for another reason. The real world needs an operator for it;
 * here one comes after the last fault. */
static void help_orphans(struct sim *s)
{
        struct sim_group *g = s->group;
        uint32_t assigned = 0;

        for (int i = 0; i < SIM_GROUP_MEMBERS; i++)
                assigned |= g->members[i].proc != NULL ? g->members[i].assigned : 0;
        if (g->state != GROUP_STABLE || assigned == (1u << s->log->n_partitions) - 1 ||
            !s->profile.is_static)
                g->orphans_since_ms = s->now_ms;
        if (s->is_healing && s->now_ms >= g->orphans_since_ms + ORPHANS_MS)
                sim_group_rebalance(s);
}

static void tick(struct sim *s, struct sim_event *e)
{
        struct sim_group *g = s->group;

        sim_in(s, TICK_MS, LANE_WORLD, NULL, tick);
        if (s->now_ms < s->coordinator_up_ms)
                return;
        sim_txns_expire(s);
        help_orphans(s);
        if (g->known_partitions < s->log->n_partitions && s->now_ms >= g->learns_ms)
                sim_group_rebalance(s);
        for (int i = 0; i < SIM_GROUP_MEMBERS; i++)
                if (g->members[i].proc != NULL && s->now_ms >= g->members[i].deadline_ms &&
                    !g->members[i].has_joined)
                        remove_member(s, &g->members[i], "is gone");
}

void sim_group_coordinator_is_back(struct sim *s)
{
        for (int i = 0; i < SIM_GROUP_MEMBERS; i++)
                s->group->members[i].deadline_ms = s->now_ms + s->profile.session_timeout_ms;
}

void sim_group_init(struct sim *s)
{
        s->group = sim_alloc(s, sizeof *s->group);
        sim_in(s, TICK_MS, LANE_WORLD, NULL, tick);
}
