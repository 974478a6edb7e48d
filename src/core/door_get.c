/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sites of one object version are spread over all partitions: every owner is asked, at once,
 * and the rows are put in order of (partition, offset).
 *
 * Possible failures: a partition that nobody can tell about is 503, or named in Coverage if the
 * request takes partial answers.
 */
#include "door.h"

struct get_work {
        struct door_work door;
};

struct find_walk {
        struct member *m;
        struct get_request *req;
        const struct partition_set *only;
};

static bool on_row(void *data, const struct failure *f)
{
        struct find_walk *walk = data;

        if (f->state == FAILURE_FAILED && partition_set_has(walk->only, f->partition) &&
            !overlay_hides(walk->m, &f->id))
                walk->req->row(walk->req, f);
        return true;
}

static void find_ours(struct member *m, struct get_request *req, const struct partition_set *only)
{
        failure_table_find(m->table, req->bucket, req->key, req->version_id, on_row,
                           &(struct find_walk){ m, req, only });
}

/* Ask every owner that was not asked yet; false: there was none. */
static bool ask_owners(struct get_work *w, struct get_request *req)
{
        struct retry_service *s = w->door.service;
        struct partition_set asked = { { 0 } };

        for (int p = 0; p < s->local->n_partitions; p++) {
                struct peer_call question = { .question = PEER_FIND,
                                              .bucket = req->bucket,
                                              .key = req->key,
                                              .version_id = req->version_id };
                const struct owner *o, *other;

                if (partition_set_has(&asked, p) || partition_set_has(&w->door.lost, p) ||
                    door_work_answer(&w->door, p, 0) != NULL ||
                    door_holder(s, p, &o) != HOLDER_PEER)
                        continue;
                for (int q = p; q < s->local->n_partitions; q++) {
                        if (door_holder(s, q, &other) != HOLDER_PEER ||
                            !str_eq(other->url, o->url) || partition_set_has(&w->door.lost, q))
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

/* The answers' rows are in order, each; ours come in order too, between them. */
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

static void emit_in_order(struct get_work *w, struct get_request *req,
                          const struct partition_set *ours)
{
        struct member *m = w->door.service->local;
        const struct failure *f;

        for (int p = 0; p < m->n_partitions; p++) {
                struct partition_set only = { { 0 } };

                while ((f = next_row(w, p + 1)) != NULL)
                        if (!partition_set_has(ours, f->partition))
                                req->row(req, f);
                if (!partition_set_has(ours, p))
                        continue;
                partition_set_add(&only, p);
                find_ours(m, req, &only);
        }
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
        if (w->door.asks == NULL)
                find_ours(w->door.service->local, req, &ours);
        else
                emit_in_order(w, req, &ours);
        req->done(req, NULL);
        return true;
}

static bool fail(struct get_request *req, const struct error *err)
{
        req->done(req, err);
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
        return !ask_owners(w, req) && finish(w, req);
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
