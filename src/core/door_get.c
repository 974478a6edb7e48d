/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sites of one object version are spread over all partitions: every owner is asked, at once,
 * and the rows are put in order of (partition, offset). A site that is named makes an identity, and
 * that has a partition of its own: it is looked for there first, and if it is found the answer is
 * whole, whatever is not known of the others. Elsewhere it is only while it waits to be moved.
 *
 * Possible failures: a partition that nobody can tell about is 503, or named in Coverage if the
 * request takes partial answers.
 */
#include "door.h"

struct get_work {
        struct door_work door;
        bool is_home_over; /* in its own partition it is not, or nobody can tell */
};

struct find_walk {
        struct member *m;
        struct get_request *req;
        const struct partition_set *only;
        struct get_work *theirs; /* whose answers' rows stand between ours; NULL: none do */
        bool found;
};

static struct identity identity_of(const struct get_request *req)
{
        return (struct identity){ req->bucket, req->key, req->version_id, req->site };
}

/* ROWS */

/* An owner of an earlier version tells every site. */
static bool is_wanted(const struct get_request *req, const struct failure *f)
{
        return req->site.base == NULL || str_eq(req->site, f->id.site);
}

/* The answers' rows are in order, each. */
static const struct failure *next_row(struct get_work *w, int below)
{
        struct door_ask *best = NULL;

        for (struct door_ask *ask = w->door.asks; ask != NULL; ask = ask->next) {
                if (ask->is_over || ask->at == ask->call.n_rows ||
                    ask->call.rows[ask->at].partition >= below)
                        continue;
                if (best == NULL ||
                    ask->call.rows[ask->at].partition < best->call.rows[best->at].partition)
                        best = ask;
        }
        return best != NULL ? &best->call.rows[best->at++] : NULL;
}

static void give_theirs(struct get_work *w, struct get_request *req,
                        const struct partition_set *ours, int below)
{
        const struct failure *f;

        while ((f = next_row(w, below)) != NULL)
                if (!partition_set_has(ours, f->partition) && is_wanted(req, f))
                        req->row(req, f);
}

static bool on_row(void *data, const struct failure *f)
{
        struct find_walk *walk = data;

        if (f->state == FAILURE_FAILED && partition_set_has(walk->only, f->partition) &&
            !overlay_hides(walk->m, &f->id)) {
                if (walk->theirs != NULL)
                        give_theirs(walk->theirs, walk->req, walk->only, f->partition);
                walk->found = true;
                walk->req->row(walk->req, f);
        }
        return true;
}

static void walk_ours(struct find_walk *walk)
{
        const struct get_request *req = walk->req;
        const struct failure_table *t = walk->m->table;
        struct identity id = identity_of(req);
        struct failure f;

        if (req->site.base == NULL)
                failure_table_find(t, req->bucket, req->key, req->version_id, on_row, walk);
        else if (failure_table_get(t, &id, &f))
                on_row(walk, &f);
}

/* ITS OWN PARTITION */

enum at_home {
        HOME_FOUND,
        HOME_WAITS, /* for its owner */
        HOME_NOT,
};

static bool emit_theirs(struct get_request *req, const struct door_ask *answer)
{
        for (size_t i = 0; i < answer->call.n_rows; i++) {
                if (!is_wanted(req, &answer->call.rows[i]))
                        continue;
                req->row(req, &answer->call.rows[i]);
                return true;
        }
        return false;
}

static struct peer_call question_of(const struct get_request *req)
{
        return (struct peer_call){ .question = PEER_FIND,
                                   .site = req->site,
                                   .bucket = req->bucket,
                                   .key = req->key,
                                   .version_id = req->version_id };
}

/* True: there is a row. */
static bool find_ours(struct member *m, struct get_request *req, const struct partition_set *only)
{
        struct find_walk walk = { .m = m, .req = req, .only = only };

        walk_ours(&walk);
        return walk.found;
}

static enum at_home look_at_home(struct get_work *w, struct get_request *req)
{
        struct retry_service *s = w->door.service;
        struct peer_call question = question_of(req);
        struct identity id = identity_of(req);
        int home = member_home_of(s->local, &id);
        const struct door_ask *answer = door_work_answer(&w->door, home, 0);
        const struct owner *o;

        partition_set_add(&question.partitions, home);
        switch (door_holder(s, home, &o)) {
        case HOLDER_US:
                return find_ours(s->local, req, &question.partitions) ? HOME_FOUND : HOME_NOT;
        case HOLDER_PEER:
                if (answer != NULL)
                        return emit_theirs(req, answer) ? HOME_FOUND : HOME_NOT;
                if (partition_set_has(&w->door.lost, home))
                        return HOME_NOT;
                door_work_ask(&w->door, &question, o);
                return HOME_WAITS;
        case HOLDER_NONE:
                break;
        }
        return HOME_NOT;
}

/* EVERY PARTITION */

/* Ask every owner that was not asked yet; false: there was none. */
static bool ask_owners(struct get_work *w, struct get_request *req)
{
        struct retry_service *s = w->door.service;
        struct partition_set asked = { { 0 } };

        for (int p = 0; p < s->local->n_partitions; p++) {
                struct peer_call question = question_of(req);
                const struct owner *o, *other;

                if (partition_set_has(&asked, p) || partition_set_has(&w->door.lost, p) ||
                    door_work_answer(&w->door, p, 0) != NULL ||
                    door_holder(s, p, &o) != HOLDER_PEER)
                        continue;
                for (int q = p; q < s->local->n_partitions; q++) {
                        if (door_holder(s, q, &other) != HOLDER_PEER ||
                            !str_eq(other->url, o->url) || partition_set_has(&w->door.lost, q) ||
                            door_work_answer(&w->door, q, 0) != NULL)
                                continue;
                        partition_set_add(&question.partitions, q);
                        partition_set_add(&asked, q);
                }
                door_work_ask(&w->door, &question, o);
        }
        return w->door.n_out > 0;
}

/* What is ours, and what nobody can tell about. */
static void take_stock(struct get_work *w, struct get_request *req, struct partition_set *ret_ours)
{
        const struct member *m = w->door.service->local;

        *ret_ours = (struct partition_set){ { 0 } };
        req->coverage = (struct coverage){ .partitions = m->n_partitions };
        for (int p = 0; p < m->n_partitions; p++) {
                const struct door_ask *answer = door_work_answer(&w->door, p, 0);

                if (member_answers_for(m, p))
                        partition_set_add(ret_ours, p);
                else if (answer == NULL || partition_set_has(&answer->call.missing, p))
                        partition_set_add(&req->coverage.missing, p);
        }
}

/* Ours come in order too. */
static void emit_in_order(struct get_work *w, struct get_request *req,
                          const struct partition_set *ours)
{
        struct member *m = w->door.service->local;
        struct find_walk walk = { .m = m, .req = req, .only = ours, .theirs = w };

        walk_ours(&walk);
        give_theirs(w, req, ours, m->n_partitions);
}

static bool look_again(struct get_work *w, const struct get_request *req)
{
        for (int p = 0; p < req->coverage.partitions; p++)
                if (partition_set_has(&req->coverage.missing, p) &&
                    door_work_look_again(&w->door, p))
                        return true;
        return false;
}

/* False: the claims are read again. */
static bool finish(struct get_work *w, struct get_request *req)
{
        const struct member *m = w->door.service->local;
        struct partition_set ours;
        struct error err;

        take_stock(w, req, &ours);
        if (look_again(w, req))
                return false;
        if (!req->partial && !coverage_is_whole(&req->coverage)) {
                door_set_unavailable(m, &err);
                req->done(req, &err);
                return true;
        }
        emit_in_order(w, req, &ours);
        req->done(req, NULL);
        return true;
}

static bool fail(struct get_request *req, const struct error *err)
{
        req->done(req, err);
        return true;
}

/* Somebody is silent without whom there is no answer: nobody else is asked in vain. */
static bool is_vain(struct get_work *w, struct get_request *req)
{
        const struct retry_service *s = w->door.service;
        const struct owner *o;
        bool vain = false;

        req->coverage = (struct coverage){ .partitions = s->local->n_partitions };
        for (int p = 0; p < s->local->n_partitions && !req->partial; p++) {
                if (door_holder(s, p, &o) != HOLDER_NONE ||
                    door_work_answer(&w->door, p, 0) != NULL)
                        continue;
                partition_set_add(&req->coverage.missing, p);
                vain |= silence_has(&s->silence, p);
        }
        return vain;
}

/* True when the request is done. */
static bool find_all(struct get_work *w, struct get_request *req)
{
        struct error err;

        if (is_vain(w, req)) {
                door_set_unavailable(w->door.service->local, &err);
                return fail(req, &err);
        }
        return !ask_owners(w, req) && finish(w, req);
}

/* Likewise. */
static bool find(struct get_work *w, struct get_request *req)
{
        enum at_home at_home = HOME_NOT;

        if (req->site.base != NULL && !w->is_home_over)
                at_home = look_at_home(w, req);
        if (at_home == HOME_WAITS)
                return false;
        if (at_home == HOME_NOT) {
                w->is_home_over = true;
                return find_all(w, req);
        }
        req->coverage = (struct coverage){ .partitions = w->door.service->local->n_partitions };
        req->done(req, NULL);
        return true;
}

static bool step_group(struct retry_service *s, struct get_request *req)
{
        struct get_work *w = req->work;
        struct error err;

        if (s->local->n_partitions == 0) {
                door_set_unavailable(s->local, &err);
                return fail(req, &err);
        }
        error_set(&err, ERR_UNAVAILABLE, "the request's memory is used up");
        if (w == NULL) {
                w = req->work = arena_alloc(req->arena, sizeof *w);
                if (w == NULL)
                        return fail(req, &err);
                door_work_init(&w->door, s, req->arena);
        }
        if (!door_work_may_go_on(&w->door))
                return false;
        if (w->door.out_of_memory)
                return fail(req, &err);
        return find(w, req);
}

static bool step_local(struct member *m, struct get_request *req)
{
        struct partition_set known = { { 0 } };
        struct error err;

        if (door_check_local(m, &req->scope.only, req->scope.n_partitions, &req->coverage, &err) !=
            0)
                return fail(req, &err);
        for (int p = 0; p < m->n_partitions; p++)
                if (partition_set_has(&req->scope.only, p) &&
                    !partition_set_has(&req->coverage.missing, p))
                        partition_set_add(&known, p);
        find_ours(m, req, &known);
        req->done(req, NULL);
        return true;
}

bool door_get_step(struct retry_service *s, struct get_request *req)
{
        return req->scope.is_local ? step_local(s->local, req) : step_group(s, req);
}
