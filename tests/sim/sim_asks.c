/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "sim_clients.h"
#include "sim_log.h"
#include "sim_proc.h"

#define MEMORY_LIMIT ((size_t)64 << 20)

struct reply {
        struct sim_client *client;
        uint64_t question;
        enum sim_reply reply;
        bool truncated;
        uint64_t next_marker;
};

static void on_reply(struct sim *s, struct sim_event *e)
{
        const struct reply *r = e->p;

        sim_client_on_reply(s, r->client, r->question, r->reply, r->truncated, r->next_marker);
}

static void send_reply(struct sim *s, const struct sim_ask *ask, enum sim_reply reply)
{
        struct reply *r = sim_alloc(s, sizeof *r);

        if (!s->is_healing && sim_chance(s, s->profile.lost_permille))
                return;
        *r = (struct reply){ .client = &s->clients->all[ask->client->number],
                             .question = ask->client->question,
                             .reply = reply };
        if (ask->client->want == WANT_LIST && reply == REPLY_OK) {
                r->truncated = ask->door.list.truncated;
                r->next_marker = ask->door.list.next_marker;
        }
        sim_in(s, sim_latency(s), LANE_WORLD, NULL, on_reply)->p = r;
}

/* The end of a question, whatever comes of it: `err` is the door's. */
static void finish(struct sim_ask *ask, const struct error *err)
{
        struct sim *s = ask->s;
        struct sim_ask **at = &s->clients->asks;

        while (*at != ask)
                at = &(*at)->next;
        *at = ask->next;
        ask->proc->n_requests--;
        if (!ask->proc->is_dead) {
                sim_trace(s, "client %d at %s: %s%s", ask->client->number, ask->proc->name,
                          err == NULL ? "answered " : error_name(err->code),
                          err == NULL ? "" : err->message);
                if (err != NULL)
                        s->stats.unavailable += err->code == ERR_UNAVAILABLE;
                if (err != NULL)
                        s->stats.timeouts += err->code == ERR_GATEWAY_TIMEOUT;
                send_reply(s, ask, err == NULL ? REPLY_OK : REPLY_UNAVAILABLE);
        }
        arena_deinit(&ask->arena);
        free(ask);
}

static void take_row(struct sim_ask *ask, const struct failure *f)
{
        if (ask->n_rows == sizeof ask->rows / sizeof *ask->rows)
                sim_fail(ask->s, "an answer has more rows than there can be");
        ask->rows[ask->n_rows++] = (struct sim_row){ sim_identity_find(ask->s, &f->id),
                                                     f->partition, f->offset, f->attempts };
}

static void check_error(struct sim_ask *ask, const struct error *err)
{
        if (err->code != ERR_UNAVAILABLE)
                sim_fail(ask->s, "a question is answered with %s: %s", error_name(err->code),
                         err->message);
}

static void list_on_row(struct list_request *req, const struct failure *f)
{
        take_row(req->data, f);
}

static void list_on_done(struct list_request *req, const struct error *err)
{
        struct sim_ask *ask = req->data;

        if (!ask->proc->is_dead && err == NULL)
                sim_check_page(ask->s, &ask->view, req, ask->rows, ask->n_rows);
        else if (!ask->proc->is_dead)
                check_error(ask, err);
        finish(ask, err);
}

static void get_on_row(struct get_request *req, const struct failure *f)
{
        take_row(req->data, f);
}

static void get_on_done(struct get_request *req, const struct error *err)
{
        struct sim_ask *ask = req->data;

        if (!ask->proc->is_dead && err == NULL)
                sim_check_get(ask->s, &ask->view, req, ask->rows, ask->n_rows);
        else if (!ask->proc->is_dead)
                check_error(ask, err);
        finish(ask, err);
}

static void retry_on_done(struct retry_request *req, const struct error *err)
{
        struct sim_ask *ask = req->data;

        if (!ask->proc->is_dead)
                sim_check_retry_answer(ask->s, ask->proc, &ask->view, req, err);
        finish(ask, err);
}

static struct str site_of(const struct sim_ask *ask)
{
        int site = ask->client->site;

        return site >= 0 ? sim_text(ask->s, "s%d", site) : STR_ABSENT;
}

static void begin_list(struct sim_ask *ask)
{
        const struct sim_client *c = ask->client;

        ask->door.list = (struct list_request){
                .data = ask,
                .site = site_of(ask),
                .marker = c->marker,
                .max_rows = c->max_rows,
                .partial = c->partial,
                .arena = &ask->arena,
                .row = list_on_row,
                .done = list_on_done,
        };
        retry_service_list(ask->proc->door, &ask->door.list);
}

static void begin_get(struct sim_ask *ask)
{
        const struct identity *id = &ask->s->log->identities[ask->client->identity].id;

        ask->door.get = (struct get_request){
                .data = ask,
                .bucket = id->bucket,
                .key = id->key,
                .version_id = id->version_id,
                .site = site_of(ask),
                .partial = ask->client->partial,
                .arena = &ask->arena,
                .row = get_on_row,
                .done = get_on_done,
        };
        retry_service_get(ask->proc->door, &ask->door.get);
}

static void begin_retry(struct sim_ask *ask)
{
        const struct sim_client *c = ask->client;
        struct sim *s = ask->s;

        for (int i = 0; i < c->n_entries; i++)
                ask->entries[i] = (struct retry_entry){
                        .id = s->log->identities[c->entries[i]].id,
                        .force = c->force[i],
                };
        ask->door.retry = (struct retry_request){
                .data = ask,
                .entries = ask->entries,
                .n = (size_t)c->n_entries,
                .retry_id = c->retry_id,
                .has_idempotency_key = c->has_key,
                .partial = c->partial,
                .deadline_ms = sim_proc_now_ms(ask->proc) + s->profile.request_timeout_ms,
                .arena = &ask->arena,
                .done = retry_on_done,
        };
        sim_check_note(s, &ask->door.retry);
        retry_service_retry(ask->proc->door, &ask->door.retry);
}

void sim_ask_begin(struct sim *s, struct sim_proc *proc, const struct sim_client *client)
{
        struct sim_ask *ask = calloc(1, sizeof *ask);

        if (ask == NULL)
                abort();
        ask->s = s;
        ask->client = client;
        ask->proc = proc;
        ask->view = sim_check_view(s);
        arena_init(&ask->arena, MEMORY_LIMIT);
        ask->next = s->clients->asks;
        s->clients->asks = ask;
        proc->n_requests++;
        if (client->want == WANT_LIST)
                begin_list(ask);
        else if (client->want == WANT_GET)
                begin_get(ask);
        else
                begin_retry(ask);
        sim_proc_wake(s, proc);
}
