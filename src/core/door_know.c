/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: each identity has its partition; what other members own is asked of them, at
 * once. Of our own partitions the high watermark is read after the question came; when the position
 * is there, whatever was in the log by then is in the table, and what the table does not have is
 * absent.
 *
 * Possible failures: nobody is known to own a partition: the claims are read again, once; it is not
 * known, leaves or begins anew meanwhile, a member does not answer, the deadline comes first: its
 * identities stay in doubt.
 */
#include "door.h"

#define REFRESH_TIMEOUT_MS 1000

/* A partition of ours that identities are in. */
struct know_home {
        uint64_t ticket; /* of the high watermark; 0: no identity is in it */
        uint64_t life;
        int64_t target; /* the watermark; -1: not granted yet */
};

struct know_part {
        struct know_work *work;
        struct know_part *next;
        struct peer_call call;
        bool is_out;
};

struct know_work {
        enum { KNOW_PLACING, KNOW_WAITING, KNOW_LOOKING } phase;
        size_t n_homeless; /* identities whose owner is not known */
        uint64_t ticket;   /* of the claims; 0: they were not wanted */
        int64_t ticket_deadline_ms;
        int n_partitions;
        size_t cursor;
        struct know_home *homes; /* n_partitions of them */
        struct know_part *parts;
        unsigned n_out;
};

/* OTHER MEMBERS */

static void part_on_done(struct peer_call *call)
{
        struct know_part *part = call->data;

        part->is_out = false;
        part->work->n_out--;
}

/* NULL: the request's memory is used up, and what is left stays in doubt. */
static struct know_part *part_of(struct know_work *w, struct know_request *req,
                                 const struct owner *o)
{
        struct know_part *part = w->parts;

        while (part != NULL && !str_eq_c(o->url, part->call.url))
                part = part->next;
        if (part != NULL)
                return part;
        part = arena_alloc(req->arena, sizeof *part);
        if (part == NULL)
                return NULL;
        part->work = w;
        part->call.url = arena_c(req->arena, o->url);
        part->call.doubtful = arena_array(req->arena, req->n, sizeof(struct know_entry *));
        if (part->call.url == NULL || part->call.doubtful == NULL)
                return NULL;
        part->next = w->parts;
        w->parts = part;
        return part;
}

static void ask(struct retry_service *s, struct know_request *req, struct know_part *part)
{
        int64_t left_ms = req->deadline_ms - s->local->now_ms;

        if (left_ms <= 0)
                return;
        part->call.data = part;
        part->call.question = PEER_KNOW;
        part->call.timeout_ms =
                left_ms < s->peer_timeout_ms ? (unsigned)left_ms : s->peer_timeout_ms;
        part->call.arena = req->arena;
        part->call.n_partitions = s->local->n_partitions;
        part->call.done = part_on_done;
        part->is_out = true;
        part->work->n_out++;
        s->peers->ask(s->peers, &part->call);
}

/* PLACING */

static void place(struct retry_service *s, struct know_request *req, struct know_entry *e)
{
        struct know_work *w = req->work;
        struct member *m = s->local;
        struct know_home *home;
        struct know_part *part;
        const struct owner *o;

        if (e->is_placed)
                return;
        e->is_placed = true;
        e->home = member_home_of(m, &e->id);
        switch (door_holder(s, e->home, &o)) {
        case HOLDER_US:
                home = &w->homes[e->home];
                if (home->ticket == 0) {
                        home->ticket = partition_want_watermark(&m->partitions[e->home]);
                        home->life = m->partitions[e->home].life;
                        home->target = -1;
                }
                break;
        case HOLDER_PEER:
                part = req->scope.is_local ? NULL : part_of(w, req, o);
                if (part != NULL)
                        part->call.doubtful[part->call.n_doubtful++] = e;
                break;
        case HOLDER_NONE:
                e->is_placed = false;
                w->n_homeless++;
                break;
        }
}

static bool is_ours_still(const struct member *m, const struct know_home *home, int partition)
{
        return home->ticket != 0 && member_answers_for(m, partition) &&
               m->partitions[partition].life == home->life;
}

/* True: nothing is waited for any more. */
static bool homes_have_come(struct member *m, struct know_work *w)
{
        bool all = true;

        for (int p = 0; p < w->n_partitions; p++) {
                struct know_home *home = &w->homes[p];
                const struct partition *part = &m->partitions[p];

                if (!is_ours_still(m, home, p))
                        continue;
                if (home->target < 0 && part->watermark_granted >= home->ticket)
                        home->target = part->watermark;
                all &= home->target >= 0 && part->position >= home->target;
        }
        return all;
}

/* LOOKING */

static void look(struct member *m, const struct know_work *w, struct know_entry *e)
{
        const struct know_home *home = e->home >= 0 ? &w->homes[e->home] : NULL;
        struct failure known;

        if (home == NULL || !is_ours_still(m, home, e->home) || home->target < 0 ||
            m->partitions[e->home].position < home->target)
                return;
        e->absent = !failure_table_get(m->table, &e->id, &known) && overlay_find(m, &e->id) == NULL;
}

/* At most what the turn has left; true: all of them. */
static bool do_slice(struct retry_service *s, struct know_request *req)
{
        struct know_work *w = req->work;

        while (w->cursor < req->n && s->knows_left > 0) {
                struct know_entry *e = &req->entries[w->cursor++];

                s->knows_left--;
                if (w->phase == KNOW_PLACING)
                        place(s, req, e);
                else
                        look(s->local, w, e);
        }
        return w->cursor == req->n;
}

/* STEPS */

static enum know_step give_up(struct know_request *req)
{
        req->done(req);
        return KNOW_OVER;
}

static struct know_work *begin(struct member *m, struct know_request *req)
{
        struct know_work *w = arena_alloc(req->arena, sizeof *w);

        for (size_t i = 0; i < req->n; i++)
                req->entries[i].absent = req->entries[i].is_placed = false;
        if (w == NULL || m->n_partitions == 0 ||
            (req->scope.is_local && req->scope.n_partitions != m->n_partitions))
                return NULL;
        w->n_partitions = m->n_partitions;
        w->homes = arena_array(req->arena, (size_t)m->n_partitions, sizeof *w->homes);
        return w->homes != NULL ? w : NULL;
}

static void cancel_parts(struct retry_service *s, struct know_work *w)
{
        for (struct know_part *part = w->parts; part != NULL; part = part->next) {
                if (!part->is_out)
                        continue;
                part->is_out = false;
                w->n_out--;
                s->peers->cancel(s->peers, &part->call);
        }
}

/* Those without an owner are placed once more when the claims are read. */
static bool looks_again(struct retry_service *s, struct know_request *req)
{
        struct know_work *w = req->work;

        if (w->n_homeless == 0 || w->ticket != 0 || s->peers == NULL || req->scope.is_local)
                return false;
        w->n_homeless = 0;
        w->cursor = 0;
        w->ticket = cluster_want(&s->local->cluster);
        w->ticket_deadline_ms = s->local->now_ms + REFRESH_TIMEOUT_MS;
        return true;
}

static bool waits_for_claims(const struct member *m, const struct know_work *w)
{
        return w->ticket != 0 && m->cluster.granted < w->ticket &&
               m->now_ms < w->ticket_deadline_ms;
}

static enum know_step end_placing(struct retry_service *s, struct know_request *req)
{
        struct know_work *w = req->work;

        if (looks_again(s, req))
                return KNOW_GOES_ON;
        w->phase = KNOW_WAITING;
        for (struct know_part *part = w->parts; part != NULL; part = part->next)
                ask(s, req, part);
        return KNOW_GOES_ON; /* the next tick asks for the watermarks */
}

enum know_step door_know_step(struct retry_service *s, struct know_request *req)
{
        struct member *m = s->local;
        struct know_work *w = req->work;
        bool is_late = m->now_ms >= req->deadline_ms;

        if (w == NULL)
                w = req->work = begin(m, req);
        if (w == NULL)
                return give_up(req);
        if (is_late || w->n_partitions != m->n_partitions) {
                cancel_parts(s, w);
                return give_up(req);
        }
        if (w->phase == KNOW_PLACING && waits_for_claims(m, w))
                return KNOW_WAITS;
        if (w->phase == KNOW_PLACING)
                return do_slice(s, req) ? end_placing(s, req) : KNOW_GOES_ON;
        if (w->phase == KNOW_WAITING) {
                if (w->n_out > 0 || !homes_have_come(m, w))
                        return KNOW_WAITS;
                w->phase = KNOW_LOOKING;
                w->cursor = 0;
        }
        if (!do_slice(s, req))
                return KNOW_GOES_ON;
        req->done(req);
        return KNOW_OVER;
}
