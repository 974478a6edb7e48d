/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A listing walks the partitions from its marker on, in order. Those that are ours are read from
 * the table, as many as are left of the turn's. For those of others their owners are asked, for
 * no more rows than the page still takes: the first that is needed alone, because it fills most
 * pages, then more and more at once.
 *
 * Possible failures: a partition that nobody can tell about ends the page before it (503 unless it
 * is full by then), or is named in Coverage if the request takes partial answers.
 */
#include "door.h"

#define FIRST_WAVE  1 /* members asked at once */
#define WAVE_GROWTH 4

struct list_work {
        struct door_work door; /* first: see retry_service.c */
        unsigned wave;
};

enum walk_end {
        WALK_ON,   /* all rows of these partitions were looked at */
        WALK_WAIT, /* the turn's share is used up, or others are asked */
        WALK_DONE, /* the page is complete */
};

struct page_walk {
        struct retry_service *service;
        struct list_request *req;
        enum walk_end end;
};

/* ROWS */

/* False: it is one too many, and the page is complete. */
static bool emit(struct list_request *req, const struct failure *f)
{
        if (req->rows == req->max_rows) {
                req->truncated = true;
                req->next_marker = req->cursor;
                return false;
        }
        req->rows++;
        req->row(req, f);
        return true;
}

static bool on_row(void *data, const struct failure *f)
{
        struct page_walk *walk = data;

        walk->req->cursor = marker_of(f->partition, f->offset);
        if (walk->service->rows_left == 0) {
                walk->end = WALK_WAIT;
                return false;
        }
        walk->service->rows_left--;
        if (!overlay_hides(walk->service->local, &f->id) && !emit(walk->req, f))
                walk->end = WALK_DONE;
        return walk->end == WALK_ON;
}

static enum walk_end walk_ours(struct retry_service *service, struct list_request *req,
                               const struct partition_set *partitions)
{
        struct page_walk walk = { .service = service, .req = req };
        struct failure_page page = {
                .state = FAILURE_FAILED,
                .site = req->site,
                .partitions = partitions,
                .marker = req->cursor,
        };

        failure_table_page(service->local->table, &page, on_row, &walk);
        return walk.end;
}

/* A peer's rows of one partition, from the cursor on. */
static enum walk_end walk_theirs(struct list_request *req, struct door_ask *answer, int partition)
{
        for (; answer->at < answer->call.n_rows; answer->at++) {
                const struct failure *f = &answer->call.rows[answer->at];
                uint64_t marker = marker_of(f->partition, f->offset);

                if (f->partition > partition)
                        break;
                if (marker < req->cursor)
                        continue;
                req->cursor = marker;
                if (!emit(req, f))
                        return WALK_DONE;
                req->cursor = marker + 1;
        }
        return WALK_ON;
}

/* WHO IS ASKED */

static enum holder holder_of(const struct list_work *w, int partition, const struct owner **ret)
{
        *ret = NULL;
        if (partition_set_has(&w->door.lost, partition))
                return HOLDER_NONE;
        return door_holder(w->door.service, partition, ret);
}

static uint64_t from_of(const struct list_request *req, int partition)
{
        return marker_partition(req->cursor) == partition ? req->cursor : marker_of(partition, 0);
}

static bool is_wanted_of(const struct list_work *w, const struct list_request *req, int partition,
                         const struct owner **ret)
{
        return holder_of(w, partition, ret) == HOLDER_PEER &&
               door_work_answer(&w->door, partition, from_of(req, partition)) == NULL;
}

/* Everything that this owner holds from the cursor on and has not told. */
static void ask_owner(struct list_work *w, struct list_request *req, const struct owner *o)
{
        struct peer_call question = {
                .question = PEER_PAGE,
                .marker = req->cursor,
                .max_rows = req->max_rows + 1 - req->rows,
                .site = req->site,
        };
        const struct owner *other;

        for (int p = marker_partition(req->cursor); p < w->door.service->local->n_partitions; p++)
                if (is_wanted_of(w, req, p, &other) && str_eq(other->url, o->url))
                        partition_set_add(&question.partitions, p);
        door_work_ask(&w->door, &question, o);
}

static bool is_asked(const struct list_work *w, const struct owner *o)
{
        for (const struct door_ask *ask = w->door.asks; ask != NULL && w->door.n_out > 0;
             ask = ask->next)
                if (str_eq_c(o->url, ask->call.url) && ask->epoch == o->epoch)
                        return true;
        return false;
}

/* The owners of the partitions to come, as many as this wave takes, up to one that nobody knows. */
static void ask_wave(struct list_work *w, struct list_request *req)
{
        int n = w->door.service->local->n_partitions;

        w->wave = w->wave == 0 ? FIRST_WAVE : w->wave * WAVE_GROWTH;
        for (int p = marker_partition(req->cursor); p < n && w->door.n_out < w->wave; p++) {
                const struct owner *o;

                if (holder_of(w, p, &o) == HOLDER_NONE && !req->partial)
                        return;
                if (is_wanted_of(w, req, p, &o) && !is_asked(w, o))
                        ask_owner(w, req, o);
        }
}

/* THE WALK */

static enum walk_end refuse(struct list_work *w, struct list_request *req, int partition)
{
        const struct member *m = w->door.service->local;
        const struct owner *o;
        struct error err;

        for (int p = partition; p < m->n_partitions; p++)
                if (holder_of(w, p, &o) == HOLDER_NONE)
                        partition_set_add(&req->coverage.missing, p);
        door_set_unavailable(m, &err);
        req->done(req, &err);
        return WALK_DONE;
}

/* All known rows before it are listed. Full: the page is whole, and the next one will say it. */
static enum walk_end pass_gap(struct list_work *w, struct list_request *req, int partition,
                              bool *ret_refused)
{
        if (req->rows == req->max_rows) {
                req->truncated = true;
                req->next_marker = marker_of(partition, 0);
                return WALK_DONE;
        }
        if (!req->partial) {
                *ret_refused = true;
                return refuse(w, req, partition);
        }
        partition_set_add(&req->coverage.missing, partition);
        return WALK_ON;
}

/* The partitions from here on that are ours, without a gap; *ret_next is the first that is not. */
static struct partition_set run_of_ours(const struct list_work *w, int first, int *ret_next)
{
        struct partition_set run = { { 0 } };
        const struct owner *o;
        int p = first;

        for (; p < w->door.service->local->n_partitions && holder_of(w, p, &o) == HOLDER_US; p++)
                partition_set_add(&run, p);
        *ret_next = p;
        return run;
}

/* The partition of the cursor and, if they are ours, those behind it; *ret_end is where it got. */
static enum walk_end walk_one(struct list_work *w, struct list_request *req, uint64_t *ret_end,
                              bool *ret_refused)
{
        int p = marker_partition(req->cursor), next = p + 1;
        struct door_ask *answer = door_work_answer(&w->door, p, req->cursor);
        const struct owner *o;
        struct partition_set ours;

        *ret_end = marker_of(next, 0);
        switch (holder_of(w, p, &o)) {
        case HOLDER_US:
                ours = run_of_ours(w, p, &next);
                *ret_end = marker_of(next, 0);
                return walk_ours(w->door.service, req, &ours);
        case HOLDER_PEER:
                if (answer == NULL) {
                        ask_wave(w, req);
                        return WALK_WAIT;
                }
                if (answer->call.known_below < *ret_end)
                        *ret_end = answer->call.known_below;
                if (!partition_set_has(&answer->call.missing, p))
                        return walk_theirs(req, answer, p);
                break;
        case HOLDER_NONE:
                if (door_work_look_again(&w->door, p))
                        return WALK_WAIT;
                break;
        }
        partition_set_add(&w->door.lost, p);
        return pass_gap(w, req, p, ret_refused);
}

static bool walk(struct list_work *w, struct list_request *req)
{
        bool refused = false;

        while (marker_partition(req->cursor) < w->door.service->local->n_partitions) {
                uint64_t end_of_known;
                enum walk_end end = walk_one(w, req, &end_of_known, &refused);

                if (end == WALK_WAIT)
                        return false;
                if (end == WALK_DONE)
                        break;
                req->cursor = end_of_known;
        }
        if (!refused)
                req->done(req, NULL);
        return true;
}

static bool fail(struct list_request *req, enum error_code code, const char *text)
{
        struct error err;

        error_set(&err, code, "%s", text);
        req->done(req, &err);
        return true;
}

static bool step_group(struct retry_service *s, struct list_request *req)
{
        struct list_work *w = req->work;
        struct error err;

        if (s->local->n_partitions == 0) {
                door_set_unavailable(s->local, &err);
                req->done(req, &err);
                return true;
        }
        if (w == NULL) {
                w = req->work = arena_alloc(req->arena, sizeof *w);
                if (w == NULL)
                        return fail(req, ERR_UNAVAILABLE, "the request's memory is used up");
                door_work_init(&w->door, s, req->arena);
        }
        if (!door_work_may_go_on(&w->door))
                return false;
        if (w->door.out_of_memory)
                return fail(req, ERR_UNAVAILABLE, "the request's memory is used up");
        req->coverage.partitions = s->local->n_partitions;
        return walk(w, req);
}

/* A peer's question: what is ours of what it asks for, and what of that is missing. */
static bool step_local(struct retry_service *service, struct list_request *req)
{
        const struct member *m = service->local;
        struct partition_set known = { { 0 } };
        struct error err;

        if (door_check_local(m, &req->scope.only, req->scope.n_partitions, &req->coverage, &err) !=
            0) {
                req->done(req, &err);
                return true;
        }
        for (int p = 0; p < m->n_partitions; p++)
                if (partition_set_has(&req->scope.only, p) &&
                    !partition_set_has(&req->coverage.missing, p))
                        partition_set_add(&known, p);
        if (walk_ours(service, req, &known) == WALK_WAIT)
                return false;
        req->done(req, NULL);
        return true;
}

bool door_list_step(struct retry_service *s, struct list_request *req)
{
        return req->scope.is_local ? step_local(s, req) : step_group(s, req);
}
