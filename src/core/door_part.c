/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path of a part: it goes into the flow here, or to the member that owns its partitions,
 * and comes back with a result for each entry.
 *
 * Possible failures:
 *  - the member does not own them, cannot be reached or refuses: nothing was done, and the owners
 *    by then, if they are others, get the entries;
 *  - its answer is lost: they are asked again by the retry id, which tells what was done and does
 *    the rest;
 *  - it stands still: after half of the peers' time without an answer it is asked for a sign of
 *    life, which gets the other half; without one the outcome is not known, or nothing was done
 *    where nothing was sent;
 *  - the request's time is up: what was asked may be done, what waits is not.
 */
#include "door_retry.h"

#define REFRESH_TIMEOUT_MS 1000

static void on_answer(struct peer_call *call);
static void on_probe(struct peer_call *call);

/* ONE MORE ENTRY */

static bool takes(const struct retry_part *part, const struct owner *o, bool again)
{
        if (part->is_open || part->is_over || part->n == PEER_ENTRIES_MAX || part->again != again)
                return false;
        if (o == NULL || part->url == NULL)
                return o == NULL && part->url == NULL;
        return part->epoch == o->epoch && str_eq_c(o->url, part->url);
}

struct retry_part *retry_part_for(struct retry_split *s, const struct owner *o, bool again)
{
        struct arena *arena = s->req->arena;
        struct retry_part *part = s->parts;

        while (part != NULL && !takes(part, o, again))
                part = part->next;
        if (part != NULL)
                return part;
        part = arena_alloc(arena, sizeof *part);
        if (part == NULL)
                return NULL;
        part->split = s;
        part->again = again;
        part->entries = arena_array(arena, PEER_ENTRIES_MAX, sizeof(struct retry_entry *));
        part->url = o != NULL ? arena_c(arena, o->url) : NULL;
        part->epoch = o != NULL ? o->epoch : 0;
        if (part->entries == NULL || (o != NULL && part->url == NULL))
                return NULL;
        part->next = s->parts;
        s->parts = part;
        return part;
}

/* Asked before without an answer: what fails now may have been done then. */
static void doubt_failures(struct retry_part *part)
{
        for (size_t i = 0; part->again && i < part->n; i++)
                if (part->entries[i]->result == RETRY_FAILED)
                        part->entries[i]->result = RETRY_UNKNOWN;
}

static void end(struct retry_part *part)
{
        doubt_failures(part);
        part->is_open = false;
        part->is_over = true;
        part->split->n_open--;
}

static void end_with(struct retry_part *part, enum retry_result result, const struct error *cause)
{
        for (size_t i = 0; i < part->n; i++)
                if (part->entries[i]->result == RETRY_WAITING)
                        retry_split_fail_entry(part->split, part->entries[i], result, cause);
        end(part);
}

/* OURS */

static void on_flow_done(struct retry_request *flow, const struct error *err)
{
        struct retry_part *part = flow->data;
        struct retry_split *s = part->split;

        for (size_t i = 0; i < part->n; i++) {
                part->entries[i]->result = flow->entries[i].result;
                part->entries[i]->failure = flow->entries[i].failure;
        }
        for (int p = 0; p < flow->coverage.partitions; p++)
                if (partition_set_has(&flow->coverage.missing, p))
                        partition_set_add(&s->req->coverage.missing, p);
        if (err != NULL && !s->has_cause) {
                s->has_cause = true;
                s->cause = flow->cause;
        }
        end_with(part, RETRY_FAILED, err != NULL ? err : &s->cause);
}

static void start_ours(struct retry_part *part)
{
        struct retry_request *req = part->split->req;
        struct error err;

        part->flow = *req;
        part->flow.data = part;
        part->flow.work = NULL;
        part->flow.n = part->n;
        part->flow.again = req->again || part->again;
        part->flow.done = on_flow_done;
        part->flow.entries = arena_array(req->arena, part->n, sizeof *part->flow.entries);
        if (part->flow.entries == NULL) {
                error_set(&err, ERR_UNAVAILABLE, "the request's memory is used up");
                end_with(part, RETRY_FAILED, &err);
                return;
        }
        for (size_t i = 0; i < part->n; i++) {
                part->flow.entries[i] = *part->entries[i];
                part->flow.entries[i].result = RETRY_WAITING;
        }
        retry_flow_add(&part->split->service->local->flow, &part->flow);
}

/* ANOTHER MEMBER'S */

static unsigned half_timeout(const struct retry_part *part)
{
        return part->split->service->peer_timeout_ms / 2 + 1;
}

static void start_theirs(struct retry_part *part)
{
        struct retry_split *s = part->split;
        struct member *m = s->service->local;
        int64_t left_ms = s->req->deadline_ms - m->now_ms;

        part->call = (struct peer_call){
                .data = part,
                .question = PEER_RETRY,
                .url = part->url,
                .timeout_ms = left_ms > 1 ? (unsigned)left_ms : 1,
                .arena = s->req->arena,
                .n_partitions = m->n_partitions,
                .retry = s->req,
                .entries = part->entries,
                .n_entries = part->n,
                .again = part->again,
                .done = on_answer,
        };
        part->call_out = true;
        part->probe_at_ms = m->now_ms + half_timeout(part);
        s->service->peers->ask(s->service->peers, &part->call);
}

void retry_part_start(struct retry_part *part)
{
        part->is_open = true;
        part->split->n_open++;
        if (part->url != NULL)
                start_theirs(part);
        else
                start_ours(part);
}

static void want_claims(struct retry_part *part)
{
        struct member *m = part->split->service->local;

        part->ticket = cluster_want(&m->cluster);
        part->ticket_deadline_ms = m->now_ms + REFRESH_TIMEOUT_MS;
}

static void cancel_probe(struct retry_part *part)
{
        struct peers *peers = part->split->service->peers;

        if (part->probe_out)
                peers->cancel(peers, &part->probe);
        part->probe_out = false;
}

static void reset_results(struct retry_part *part)
{
        for (size_t i = 0; i < part->n; i++)
                part->entries[i]->result = RETRY_WAITING;
}

static void on_answer(struct peer_call *call)
{
        struct retry_part *part = call->data;
        struct retry_split *s = part->split;

        part->call_out = false;
        cancel_probe(part);
        if (!call->is_silent) /* a retry has all of its request's time: its probe tells */
                silence_on_result(&s->service->silence, call);
        if (call->result != PEER_ANSWERED) {
                reset_results(part);
                want_claims(part);
                return;
        }
        if (call->err.message[0] != '\0' && !s->has_cause) {
                s->has_cause = true;
                s->cause = call->err;
        }
        end(part);
}

/* It stands still. What it was asked may be done, if it was sent. */
static void on_hung(struct retry_part *part)
{
        struct peers *peers = part->split->service->peers;

        peers->cancel(peers, &part->call);
        part->call_out = false;
        error_set(&part->call.err, ERR_UNAVAILABLE, "%s gives no sign of life", part->url);
        part->hung = true;
        want_claims(part);
}

static void on_probe(struct peer_call *call)
{
        struct retry_part *part = call->data;

        part->probe_out = false;
        silence_on_result(&part->split->service->silence, call);
        if (call->result == PEER_ANSWERED)
                part->probe_at_ms = part->split->service->local->now_ms + half_timeout(part);
        else if (part->call_out)
                on_hung(part);
}

static void probe(struct retry_part *part)
{
        struct retry_service *service = part->split->service;

        part->probe = (struct peer_call){
                .data = part,
                .question = PEER_STATUS,
                .url = part->url,
                .timeout_ms = half_timeout(part),
                .arena = part->split->req->arena,
                .n_partitions = service->local->n_partitions,
                .done = on_probe,
        };
        part->probe_out = true;
        service->peers->ask(service->peers, &part->probe);
}

/* By what is known now. */
static bool is_owner_of_all(const struct retry_part *part)
{
        const struct retry_service *service = part->split->service;

        for (size_t i = 0; i < part->n; i++) {
                int home = member_home_of(service->local, &part->entries[i]->id);
                const struct owner *o;

                if (home < 0 || door_claimant(service, home, &o) != HOLDER_PEER ||
                    o->epoch != part->epoch || !str_eq_c(o->url, part->url))
                        return false;
        }
        return true;
}

/* One entry that was not its own is enough for NOT_MINE: then it is asked for the others again. */
static void give_again(struct retry_part *part)
{
        bool may_be_done = part->call.result == PEER_LOST;
        bool may_ask_same = may_be_done
                                    ? !part->hung
                                    : part->call.result == PEER_NOT_MINE && !is_owner_of_all(part);

        part->ticket = 0;
        retry_split_give_again(part->split, part, may_be_done ? RETRY_UNKNOWN : RETRY_FAILED,
                               may_ask_same);
        end(part);
}

void retry_part_tick(struct retry_part *part)
{
        const struct member *m = part->split->service->local;

        if (!part->is_open || part->url == NULL)
                return;
        if (part->call_out && !part->probe_out && m->now_ms >= part->probe_at_ms)
                probe(part);
        if (part->ticket != 0 &&
            (m->cluster.granted >= part->ticket || m->now_ms >= part->ticket_deadline_ms))
                give_again(part);
}

void retry_part_give_up(struct retry_part *part)
{
        struct peers *peers = part->split->service->peers;
        struct error err;

        if (!part->is_open || part->url == NULL)
                return; /* ours have the same deadline in the flow */
        cancel_probe(part);
        if (part->call_out)
                peers->cancel(peers, &part->call);
        part->call_out = false;
        part->ticket = 0;
        error_set(&err, ERR_UNAVAILABLE, "%s did not answer in time", part->url);
        end_with(part, part->call.result == PEER_LOST ? RETRY_UNKNOWN : RETRY_FAILED, &err);
}
