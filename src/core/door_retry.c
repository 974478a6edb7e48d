/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: the owner of each entry's partition is found, the parts start together, each
 * comes back, the request is done.
 *
 * Possible failures:
 *  - nobody owns a partition that is needed, or its owner is silent: 503 before anything is
 *    published, unless the request takes partial answers;
 *  - a part fails or its outcome is not known: the others are committed all the same, and the
 *    answer says how many; a repeat publishes the rest;
 *  - the deadline comes first: likewise.
 */
#include "door_retry.h"

#include "retry_work.h"

#define ROUNDS_MAX         2
#define REFRESH_TIMEOUT_MS 1000

static bool all_are_ours(const struct retry_service *s)
{
        for (int p = 0; p < s->local->n_partitions; p++)
                if (partition_state(&s->local->partitions[p]) == PARTITION_ABSENT)
                        return false;
        return true;
}

static void link_split(struct retry_service *service, struct retry_split *s)
{
        s->prev = NULL;
        s->next = service->splits;
        if (s->next != NULL)
                s->next->prev = s;
        service->splits = s;
}

static void unlink_split(struct retry_split *s)
{
        if (s->prev != NULL)
                s->prev->next = s->next;
        else
                s->service->splits = s->next;
        if (s->next != NULL)
                s->next->prev = s->prev;
}

void door_retry_begin(struct retry_service *service, struct retry_request *req)
{
        struct retry_split *s;
        struct error err;

        if (req->scope.is_local || service->peers == NULL || all_are_ours(service)) {
                retry_flow_add(&service->local->flow, req);
                return;
        }
        s = arena_alloc(req->arena, sizeof *s);
        if (s == NULL) {
                error_set(&err, ERR_TOO_LARGE, "the request needs too much memory");
                req->done(req, &err);
                return;
        }
        s->service = service;
        s->req = req;
        s->is_splitting = true;
        link_split(service, s);
}

/* RESULTS */

void retry_split_fail_entry(struct retry_split *s, struct retry_entry *e, enum retry_result result,
                            const struct error *cause)
{
        e->result = result;
        if (s->has_cause)
                return;
        s->has_cause = true;
        s->cause = *cause;
}

static void finish(struct retry_split *s)
{
        struct retry_request *req = s->req;
        struct error err;
        bool failed;

        unlink_split(s);
        req->cause = s->cause;
        failed = retry_outcome(req, &err);
        if (failed && req->retry_after_s == 0)
                req->retry_after_s = 1;
        req->done(req, failed ? &err : NULL);
}

/* SPLITTING */

static void give(struct retry_split *s, struct retry_entry *e, const struct owner *o, bool again)
{
        struct retry_part *part = retry_part_for(s, o, again);
        struct error err;

        if (part == NULL) {
                error_set(&err, ERR_UNAVAILABLE, "the request's memory is used up");
                retry_split_fail_entry(s, e, RETRY_FAILED, &err);
                return;
        }
        part->entries[part->n++] = e;
}

static void split_one(struct retry_split *s, struct retry_entry *e)
{
        struct member *m = s->service->local;
        int home = member_home_of(m, &e->id);
        const struct owner *o;

        e->result = RETRY_WAITING;
        if (home < 0)
                return;
        if (door_holder(s->service, home, &o) != HOLDER_NONE) {
                give(s, e, o, false);
                return;
        }
        partition_set_add(&s->req->coverage.missing, home);
        e->result = RETRY_SKIPPED;
}

static void start_parts(struct retry_split *s)
{
        struct retry_part *next;

        for (struct retry_part *part = s->parts; part != NULL; part = next) {
                next = part->next;
                if (!part->is_open && !part->is_over)
                        retry_part_start(part);
        }
}

/* Nobody is known to own a partition that is needed: perhaps somebody does by now. */
static bool may_look_again(const struct retry_split *s)
{
        if (s->looked_again)
                return false;
        for (int p = 0; p < s->service->local->n_partitions; p++)
                if (partition_set_has(&s->req->coverage.missing, p) &&
                    !silence_has(&s->service->silence, p))
                        return true;
        return false;
}

/* The request is split anew. */
static void look_again(struct retry_split *s)
{
        struct member *m = s->service->local;

        s->looked_again = true;
        s->ticket = cluster_want(&m->cluster);
        s->ticket_deadline_ms = m->now_ms + REFRESH_TIMEOUT_MS;
        s->cursor = 0;
        s->parts = NULL;
        s->req->coverage.missing = (struct partition_set){ { 0 } };
        for (size_t i = 0; i < s->req->n; i++)
                s->req->entries[i].result = RETRY_WAITING;
}

static bool waits_for_claims(const struct retry_split *s)
{
        const struct member *m = s->service->local;

        return s->ticket != 0 && m->cluster.granted < s->ticket &&
               m->now_ms < s->ticket_deadline_ms;
}

static void end_splitting(struct retry_split *s)
{
        struct retry_request *req = s->req;
        const struct member *m = s->service->local;
        struct error err;

        if (may_look_again(s)) {
                look_again(s);
                return;
        }
        s->is_splitting = false;
        req->coverage.partitions = m->n_partitions;
        if (!req->partial && (!coverage_is_whole(&req->coverage) || m->n_partitions == 0)) {
                door_set_unavailable(m, &err);
                unlink_split(s);
                req->retry_after_s = 1;
                req->done(req, &err);
                return;
        }
        start_parts(s);
}

static void split_slice(struct retry_split *s)
{
        size_t end = s->cursor + LIMIT_WORK_ENTRIES;

        if (end > s->req->n)
                end = s->req->n;
        while (s->cursor < end)
                split_one(s, &s->req->entries[s->cursor++]);
        if (s->cursor == s->req->n)
                end_splitting(s);
}

/* AGAIN */

/* What may be done is asked for by its id, whether its owner answers or not. */
static enum holder holder_of(const struct retry_split *s, int home, bool again,
                             const struct owner **ret)
{
        if (home < 0)
                return HOLDER_NONE;
        return again ? door_claimant(s->service, home, ret) : door_holder(s->service, home, ret);
}

void retry_split_give_again(struct retry_split *s, struct retry_part *part,
                            enum retry_result result, bool may_ask_same)
{
        struct member *m = s->service->local;
        bool again = part->again || result == RETRY_UNKNOWN;
        size_t n = part->n;

        if (s->rounds++ >= ROUNDS_MAX)
                may_ask_same = false;
        for (size_t i = 0; i < n; i++) {
                struct retry_entry *e = part->entries[i];
                int home = member_home_of(m, &e->id);
                const struct owner *o;
                enum holder holder = holder_of(s, home, again, &o);
                bool same = holder == HOLDER_PEER && o->epoch == part->epoch &&
                            str_eq_c(o->url, part->url);

                if (s->rounds > ROUNDS_MAX || holder == HOLDER_NONE || (same && !may_ask_same)) {
                        if (home >= 0)
                                partition_set_add(&s->req->coverage.missing, home);
                        retry_split_fail_entry(s, e, result, &part->call.err);
                } else {
                        give(s, e, o, again);
                }
        }
        start_parts(s);
}

/* The deadline comes first: what was not begun never is. */
static void give_up(struct retry_split *s)
{
        struct error err;

        error_set(&err, ERR_UNAVAILABLE, "the members were not asked in time");
        for (size_t i = 0; s->is_splitting && i < s->req->n; i++)
                if (s->req->entries[i].result == RETRY_WAITING)
                        retry_split_fail_entry(s, &s->req->entries[i], RETRY_FAILED, &err);
        s->is_splitting = false;
        for (struct retry_part *part = s->parts; part != NULL; part = part->next)
                retry_part_give_up(part);
}

/* WORK */

void door_retry_tick(struct retry_service *service)
{
        const struct member *m = service->local;
        struct retry_split *next;

        for (struct retry_split *s = service->splits; s != NULL; s = next) {
                bool is_late = m->overdue || m->now_ms >= s->req->deadline_ms;

                next = s->next;
                if (is_late)
                        give_up(s);
                for (struct retry_part *part = s->parts; part != NULL; part = part->next)
                        retry_part_tick(part);
                if (!s->is_splitting && s->n_open == 0)
                        finish(s);
        }
}

bool door_retry_work(struct retry_service *service)
{
        struct retry_split *s = service->splits;

        while (s != NULL && (!s->is_splitting || waits_for_claims(s)))
                s = s->next;
        if (s == NULL)
                return false;
        split_slice(s);
        return true;
}
