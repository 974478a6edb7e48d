/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "sim_check.h"
#include "sim_clients.h"
#include "sim_intake.h"
#include "sim_movers.h"
#include "sim_probe.h"
#include "sim_proc.h"

/* IS IT OVER? */

static bool log_is_decided(const struct sim *s)
{
        for (int p = 0; p < s->log->n_partitions; p++)
                if (s->log->partitions[p].stable != s->log->partitions[p].n)
                        return false;
        return true;
}

static bool has_pending(const struct sim *s)
{
        for (int i = 0; i < SIM_INSTANCES; i++)
                if (s->procs->of[i] != NULL && sim_probe_has_pending(s->procs->of[i]->member))
                        return true;
        return false;
}

/* Each partition has a member that answers for it and has read all. */
static bool all_is_read(const struct sim *s)
{
        for (int p = 0; p < s->log->n_partitions; p++) {
                bool any = false;

                for (int i = 0; i < SIM_INSTANCES; i++)
                        any |= s->procs->of[i] != NULL &&
                               sim_probe_answers(s->procs->of[i]->member, p) &&
                               sim_probe_position(s->procs->of[i]->member, p) ==
                                       s->log->partitions[p].n;
                if (!any)
                        return false;
        }
        return true;
}

static bool members_are_there(const struct sim *s)
{
        for (int i = 0; i < SIM_INSTANCES; i++) {
                const struct sim_proc *proc = s->procs->of[i];

                if (proc == NULL && !s->procs->wanted[i])
                        continue;
                if (proc == NULL || proc->is_leaving || s->now_ms < proc->cut_until_ms ||
                    proc->consumer.state != CONSUMER_STEADY ||
                    proc->consumer.n_partitions != s->log->n_partitions)
                        return false;
        }
        return true;
}

static bool members_are_idle(const struct sim *s)
{
        for (int i = 0; i < SIM_INSTANCES; i++)
                if (s->procs->of[i] != NULL && (!sim_probe_is_idle(s->procs->of[i]->member) ||
                                                s->procs->of[i]->publisher.submitted != NULL ||
                                                s->procs->of[i]->n_requests > 0))
                        return false;
        return true;
}

bool sim_check_is_quiet(struct sim *s, const char **ret_why_not)
{
        if (!sim_clients_are_done(s))
                *ret_why_not = "a client has not its answer";
        else if (!sim_movers_are_done(s))
                *ret_why_not = "a mover has something to do";
        else if (!sim_intake_is_done(s, ret_why_not))
                return false;
        else if (!log_is_decided(s))
                *ret_why_not = "a transaction is open";
        else if (!members_are_there(s))
                *ret_why_not = "a member is not there, or has not joined the group";
        else if (!all_is_read(s))
                *ret_why_not = "a partition has nobody who answers for it and has read all";
        else if (!members_are_idle(s))
                *ret_why_not = "a member has something on its way";
        else if (s->profile.loses_outcomes && has_pending(s))
                *ret_why_not = "a retry without an outcome has not expired";
        else
                return true;
        return false;
}

/* What each process says of itself. */
void sim_check_trace_members(struct sim *s)
{
        for (int i = 0; s->traces && i < SIM_INSTANCES; i++) {
                const struct sim_proc *proc = s->procs->of[i];
                struct buf status;

                if (proc == NULL)
                        continue;
                buf_init(&status, SIZE_MAX);
                retry_service_write_status(proc->door, &status);
                sim_probe_describe(proc->member, &status);
                sim_trace(s, "%s: consumer state %d, owned %02x: %.*s", proc->name,
                          (int)proc->consumer.state, proc->consumer.owned,
                          STR_ARG(buf_str(&status)));
                buf_deinit(&status);
        }
}

/* THE QUIET GROUP */

#define END_ROWS ((size_t)4 * SIM_IDENTITIES)

struct listing {
        struct sim *s;
        struct list_request req;
        struct arena arena;
        struct sim_row rows[END_ROWS];
        size_t n;
        bool is_done;
        struct sim_proc *proc;
};

static void on_row(struct list_request *req, const struct failure *f)
{
        struct listing *l = req->data;

        if (l->n == END_ROWS)
                sim_fail(l->s, "%s lists more than there can be", l->proc->name);
        l->rows[l->n++] = (struct sim_row){ sim_identity_find(l->s, &f->id), f->partition,
                                            f->offset, f->attempts };
}

static void on_done(struct list_request *req, const struct error *err)
{
        struct listing *l = req->data;

        l->proc->n_requests--;
        l->is_done = true;
        if (err != NULL)
                sim_fail(l->s, "%s does not list in the quiet group: %s", l->proc->name,
                         err->message);
}

static void list_through(struct sim *s, struct sim_proc *proc, struct listing *l)
{
        int64_t until_ms = s->now_ms + 20000;

        memset(l, 0, sizeof *l);
        l->s = s;
        l->proc = proc;
        arena_init(&l->arena, 64u << 20);
        l->req = (struct list_request){
                .data = l,
                .max_rows = END_ROWS,
                .arena = &l->arena,
                .row = on_row,
                .done = on_done,
        };
        proc->n_requests++;
        retry_service_list(proc->door, &l->req);
        sim_proc_wake(s, proc);
        while (!l->is_done && s->now_ms < until_ms)
                sim_step(s);
        if (!l->is_done)
                sim_fail(s, "%s does not answer in the quiet group", proc->name);
        arena_deinit(&l->arena);
}

/* The last record of a partition that is not a settlement. */
static const struct sim_record *last_of_mover(const struct sim *s, int partition, int identity)
{
        const struct sim_log_partition *at = &s->log->partitions[partition];
        int64_t offset = at->last[identity];

        while (offset >= 0 &&
               (at->records[offset].fate != FATE_COMMITTED || at->records[offset].settles >= 0))
                offset = at->records[offset].previous;
        return offset >= 0 ? &at->records[offset] : NULL;
}

/* Between partitions the later time counts, and at the same time the failure. */
static bool stray_is_failed(const struct sim *s, int identity)
{
        const struct sim_record *newest = NULL;

        for (int p = 0; p < s->log->n_partitions; p++) {
                const struct sim_record *r = last_of_mover(s, p, identity);

                if (r == NULL)
                        continue;
                if (newest == NULL || r->timestamp_ms > newest->timestamp_ms ||
                    (r->timestamp_ms == newest->timestamp_ms && newest->word == WORD_GONE))
                        newest = r;
        }
        return newest != NULL && newest->word == WORD_FAILED;
}

static bool is_failed(const struct sim *s, int identity)
{
        int home = s->log->identities[identity].home;

        if (s->log->identities[identity].is_stray)
                return stray_is_failed(s, identity);
        return sim_log_state(s, home, identity, s->log->partitions[home].stable).word ==
               WORD_FAILED;
}

static void check_against_log(struct sim *s, const struct listing *l)
{
        for (int i = 0; i < s->log->n_identities; i++) {
                bool is_stray = s->log->identities[i].is_stray;
                unsigned found = 0;

                for (size_t k = 0; k < l->n; k++)
                        found += l->rows[k].identity == i;
                if (is_stray && s->profile.loses_outcomes)
                        continue; /* which of its retries expired is not told apart here */
                if (is_stray && s->has_intake && found == 1)
                        continue; /* nor what was told of an earlier time, behind a later record */
                if (found != is_failed(s, i))
                        sim_fail(s,
                                 "at the end %s lists %sidentity %d %u times, and the log says %s",
                                 l->proc->name, is_stray ? "stray " : "", i, found,
                                 is_failed(s, i) ? "FAILED" : "not FAILED");
        }
}

static bool rows_are_equal(const struct sim_row *a, const struct sim_row *b)
{
        return a->identity == b->identity && a->partition == b->partition &&
               a->offset == b->offset && a->attempts == b->attempts;
}

void sim_check_end(struct sim *s)
{
        struct listing *first = sim_alloc(s, sizeof *first), *other = sim_alloc(s, sizeof *other);
        bool any = false;

        sim_intake_check_end(s);
        for (int i = 0; i < SIM_INSTANCES; i++) {
                struct sim_proc *proc = s->procs->of[i];
                struct listing *l = any ? other : first;

                if (proc == NULL)
                        continue;
                list_through(s, proc, l);
                check_against_log(s, l);
                for (size_t k = 0; any && (l->n == first->n) && k < l->n; k++)
                        if (!rows_are_equal(&l->rows[k], &first->rows[k]))
                                sim_fail(s, "%s and %s list differently in the quiet group",
                                         first->proc->name, l->proc->name);
                if (any && l->n != first->n)
                        sim_fail(s, "%s lists %zu, and %s lists %zu in the quiet group",
                                 first->proc->name, first->n, l->proc->name, l->n);
                any = true;
        }
}
