/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_clients.h"

#include <string.h>

#include "sim_log.h"
#include "sim_proc.h"

#define PATIENCE_MS 3000 /* beyond the request's own time */

static void ask(struct sim *s, struct sim_event *e);

static void ask_in(struct sim *s, struct sim_client *c, int64_t ms)
{
        sim_in(s, ms, LANE_WORLD, NULL, ask)->p = c;
}

/* WHAT IT WANTS */

static struct uuid new_id(struct sim *s)
{
        struct uuid id;
        uint64_t a = sim_random(s) | 1, b = sim_random(s);

        memcpy(id.bytes, &a, sizeof a);
        memcpy(id.bytes + sizeof a, &b, sizeof b);
        return id;
}

static void want_retry(struct sim *s, struct sim_client *c)
{
        c->retry_id = new_id(s);
        c->has_key = sim_chance(s, 500);
        c->n_entries = (int)sim_between(s, 1, SIM_RETRY_ENTRIES);
        for (int i = 0; i < c->n_entries; i++) {
                c->entries[i] = (int)sim_below(s, (unsigned)s->log->n_identities);
                c->force[i] = s->profile.retries_by_force && sim_chance(s, 60);
        }
}

static void want(struct sim *s, struct sim_client *c)
{
        unsigned dice = sim_below(s, 100);

        c->is_busy = true;
        c->tries = 0;
        c->partial = sim_chance(s, 150);
        c->want = dice < 50 ? WANT_RETRY : dice < 85 ? WANT_LIST : WANT_GET;
        c->marker = 0;
        c->max_rows = 1 + sim_below(s, SIM_PAGE_ROWS);
        c->site = sim_chance(s, 300) ? (int)sim_below(s, (unsigned)s->profile.sites) : -1;
        c->identity = (int)sim_below(s, (unsigned)s->log->n_identities);
        if (c->want == WANT_RETRY)
                want_retry(s, c);
}

static void rest(struct sim *s, struct sim_client *c)
{
        c->is_busy = false;
        if (!s->clients->is_stopped)
                ask_in(s, c, sim_between(s, 1, 700));
}

/* A request without a key is another one each time. */
static void ask_again(struct sim *s, struct sim_client *c)
{
        c->tries++;
        if (c->want == WANT_RETRY && !c->has_key)
                c->retry_id = new_id(s);
        ask_in(s, c, sim_between(s, 50, 1000));
}

void sim_client_on_reply(struct sim *s, struct sim_client *c, uint64_t question,
                         enum sim_reply reply, bool truncated, uint64_t next_marker)
{
        if (question != c->question)
                return; /* it has given up on that one */
        c->question++;
        if (reply != REPLY_OK) {
                ask_again(s, c);
        } else if (truncated) {
                c->marker = next_marker;
                ask_in(s, c, sim_between(s, 0, 30));
        } else {
                rest(s, c);
        }
}

/* ASKING */

static struct sim_proc *any_proc(struct sim *s)
{
        unsigned first = sim_below(s, SIM_INSTANCES);

        for (unsigned i = 0; i < SIM_INSTANCES; i++) {
                struct sim_proc *proc = s->procs->of[(first + i) % SIM_INSTANCES];

                if (proc != NULL && sim_proc_takes_requests(proc))
                        return proc;
        }
        return NULL;
}

/* a: the question. */
static void on_given_up(struct sim *s, struct sim_event *e)
{
        sim_client_on_reply(s, e->p, (uint64_t)e->a, REPLY_LOST, false, 0);
}

static void give_up_in(struct sim *s, const struct sim_client *c, int64_t ms)
{
        struct sim_event *e = sim_in(s, ms, LANE_WORLD, NULL, on_given_up);

        e->a = (int64_t)c->question;
        e->p = &s->clients->all[c->number];
}

/* The client has perhaps given up by then: it is served all the same. */
static void serve(struct sim *s, struct sim_event *e)
{
        const struct sim_client *asked = e->p;

        if (sim_proc_takes_requests(e->proc))
                sim_ask_begin(s, e->proc, asked);
        else
                give_up_in(s, asked, sim_latency(s));
}

static void ask(struct sim *s, struct sim_event *e)
{
        struct sim_client *c = e->p;
        struct sim_proc *proc = any_proc(s);
        struct sim_client *asked;

        if (!c->is_busy) {
                if (s->clients->is_stopped)
                        return;
                want(s, c);
        }
        if (proc == NULL) {
                ask_in(s, c, 200);
                return;
        }
        give_up_in(s, c, s->profile.request_timeout_ms + PATIENCE_MS);
        asked = sim_alloc(s, sizeof *asked);
        *asked = *c;
        sim_in(s, sim_latency(s), LANE_LOOP, proc, serve)->p = asked;
}

/* LIFE */

void sim_clients_on_death(struct sim *s, struct sim_proc *proc)
{
        for (struct sim_ask *a = s->clients->asks; a != NULL; a = a->next)
                if (a->proc == proc)
                        give_up_in(s, a->client, sim_latency(s));
}

void sim_clients_init(struct sim *s)
{
        s->clients = sim_alloc(s, sizeof *s->clients);
        for (int i = 0; i < SIM_CLIENTS; i++) {
                s->clients->all[i].number = i;
                ask_in(s, &s->clients->all[i], sim_between(s, 1, 2000));
        }
}

void sim_clients_stop(struct sim *s)
{
        s->clients->is_stopped = true;
}

bool sim_clients_are_done(const struct sim *s)
{
        for (int i = 0; i < SIM_CLIENTS; i++)
                if (s->clients->all[i].is_busy)
                        return false;
        return true;
}
