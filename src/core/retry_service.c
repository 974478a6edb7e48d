/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: a request is queued when it is submitted, and done in a later turn of the
 * loop; a listing walks the table from its marker, all listings together at most EXAMINED_ROWS
 * entries a turn; a retry goes through retry_flow.
 *
 * Possible failures:
 *  - a partition that is needed is not known here: 503, or Coverage if the request takes partial
 * answers;
 *  - we are stopping: retries are refused.
 */
#include "crr/core/retry_service.h"

#include <stdlib.h>

#include "member_private.h"

#define EXAMINED_ROWS 4096 /* of all listings in one turn */
#define LISTING_ROWS  64   /* what an empty page costs, in rows */
#define GETS          128  /* answered in one turn */

struct retry_service {
        struct member *local;
        struct list_request *lists, **lists_end;
        struct get_request *gets, **gets_end;
        struct retry_request *retries, **retries_end;
};

bool coverage_is_whole(const struct coverage *c)
{
        return partition_set_count(&c->missing) == 0;
}

struct retry_service *retry_service_new(struct member *local)
{
        struct retry_service *s = calloc(1, sizeof *s);

        if (s == NULL)
                abort();
        s->local = local;
        s->lists_end = &s->lists;
        s->gets_end = &s->gets;
        s->retries_end = &s->retries;
        return s;
}

void retry_service_free(struct retry_service *s)
{
        free(s);
}

void retry_service_list(struct retry_service *s, struct list_request *req)
{
        req->next = NULL;
        req->cursor = req->marker;
        req->rows = 0;
        *s->lists_end = req;
        s->lists_end = &req->next;
}

void retry_service_get(struct retry_service *s, struct get_request *req)
{
        req->next = NULL;
        *s->gets_end = req;
        s->gets_end = &req->next;
}

void retry_service_retry(struct retry_service *s, struct retry_request *req)
{
        req->next = NULL;
        *s->retries_end = req;
        s->retries_end = &req->next;
}

static void set_unavailable(const struct member *m, struct error *err)
{
        if (m->n_partitions == 0)
                error_set(err, ERR_UNAVAILABLE, "the failure log is not known yet");
        else
                error_set(err, ERR_UNAVAILABLE,
                          "failures of partitions that are needed are not known");
}

/* LIST */

struct page_walk {
        struct member *m;
        struct list_request *req;
        int stop_before;  /* the first partition that is not known; n_partitions: none */
        unsigned *budget; /* rows that may be looked at in this turn */
        bool over;        /* the page is complete, or as far as it can be told */
        bool paused;      /* the turn's share is used up: go on at req->cursor */
};

static bool page_row(void *data, const struct failure *f)
{
        struct page_walk *walk = data;
        struct list_request *req = walk->req;

        req->cursor = marker_of(f->partition, f->offset);
        if (*walk->budget == 0) {
                walk->paused = true;
                return false;
        }
        --*walk->budget;
        if (overlay_hides(walk->m, &f->id))
                return true;
        if (req->rows == req->max_rows) {
                req->truncated = true;
                req->next_marker = req->cursor;
                walk->over = true;
                return false;
        }
        req->rows++;
        req->row(req, f);
        return true;
}

/* The first partition from the cursor on that is missing; every one when the answer may be partial.
 */
static int first_missing(const struct list_request *req, const struct coverage *missing)
{
        for (int p = marker_partition(req->cursor); p < missing->partitions; p++)
                if (partition_set_has(&missing->missing, p))
                        return p;
        return missing->partitions;
}

/* All known rows before a missing partition are listed. Full: the page is whole, and the next one
 * will say it. */
static bool end_before_missing(struct list_request *req, const struct coverage *missing,
                               int partition)
{
        if (req->rows == req->max_rows) {
                req->truncated = true;
                req->next_marker = marker_of(partition, 0);
                return true;
        }
        for (int p = partition; p < missing->partitions; p++)
                if (partition_set_has(&missing->missing, p))
                        partition_set_add(&req->coverage.missing, p);
        return req->partial;
}

static void walk_known(struct page_walk *walk, const struct coverage *missing)
{
        struct list_request *req = walk->req;
        struct partition_set known = { { 0 } };
        struct failure_page page = {
                .state = FAILURE_FAILED,
                .site = req->site,
                .partitions = &known,
                .marker = req->cursor,
        };

        for (int p = marker_partition(req->cursor); p < walk->stop_before; p++)
                if (!partition_set_has(&missing->missing, p))
                        partition_set_add(&known, p);
        failure_table_page(walk->m->table, &page, page_row, walk);
}

/* True when the request is done. */
static bool list_slice(struct page_walk *walk)
{
        struct list_request *req = walk->req;
        struct coverage missing;
        struct error err;
        int gap;

        member_missing(walk->m, &missing);
        req->coverage.partitions = missing.partitions;
        gap = first_missing(req, &missing);
        walk->stop_before = gap;
        walk_known(walk, &missing);
        if (walk->paused)
                return false;
        if (!walk->over && gap < missing.partitions) {
                if (!end_before_missing(req, &missing, gap)) {
                        set_unavailable(walk->m, &err);
                        req->done(req, &err);
                        return true;
                }
                if (!req->truncated) { /* partial: what is known of the partitions behind the gap */
                        req->cursor = marker_of(gap, 0);
                        walk->stop_before = missing.partitions;
                        walk_known(walk, &missing);
                        if (walk->paused)
                                return false;
                }
        }
        req->done(req, NULL);
        return true;
}

/* True when the request is done. */
static bool list_one(struct retry_service *s, struct list_request *req, unsigned *budget)
{
        struct page_walk walk = { .m = s->local, .req = req, .budget = budget };
        struct error err;

        *budget -= LISTING_ROWS;
        if (s->local->n_partitions > 0)
                return list_slice(&walk);
        set_unavailable(s->local, &err);
        req->coverage = (struct coverage){ 0 };
        req->done(req, &err);
        return true;
}

static struct list_request *take_list(struct retry_service *s)
{
        struct list_request *req = s->lists;

        s->lists = req->next;
        if (s->lists == NULL)
                s->lists_end = &s->lists;
        req->next = NULL;
        return req;
}

/* One that is not done stands behind the others again. */
static void work_lists(struct retry_service *s)
{
        unsigned budget = EXAMINED_ROWS;

        while (s->lists != NULL && budget > LISTING_ROWS) {
                struct list_request *req = take_list(s);

                if (list_one(s, req, &budget))
                        continue;
                *s->lists_end = req;
                s->lists_end = &req->next;
        }
}

/* GET */

struct get_walk {
        struct member *m;
        struct get_request *req;
};

static bool get_row(void *data, const struct failure *f)
{
        struct get_walk *walk = data;

        if (f->state == FAILURE_FAILED && member_partition_is_ready(walk->m, f->partition) &&
            !overlay_hides(walk->m, &f->id))
                walk->req->row(walk->req, f);
        return true;
}

/* The sites of one object are spread over all partitions. */
static void get_one(struct retry_service *s, struct get_request *req)
{
        struct member *m = s->local;
        struct error err;

        member_missing(m, &req->coverage);
        if (m->n_partitions == 0 || (!req->partial && !coverage_is_whole(&req->coverage))) {
                set_unavailable(m, &err);
                req->done(req, &err);
                return;
        }
        failure_table_find(m->table, req->bucket, req->key, req->version_id, get_row,
                           &(struct get_walk){ m, req });
        req->done(req, NULL);
}

static void work_gets(struct retry_service *s)
{
        for (unsigned n = 0; s->gets != NULL && n < GETS; n++) {
                struct get_request *req = s->gets;

                s->gets = req->next;
                if (s->gets == NULL)
                        s->gets_end = &s->gets;
                get_one(s, req);
        }
}

/* RETRY */

static void retry_one(struct retry_service *s, struct retry_request *req)
{
        struct member *m = s->local;
        struct error err;

        req->coverage = (struct coverage){ .partitions = m->n_partitions };
        req->retry_after_s = 0;
        if (m->stopping) {
                error_set(&err, ERR_UNAVAILABLE, "this member is stopping");
        } else if (m->n_partitions == 0) {
                set_unavailable(m, &err);
        } else {
                retry_flow_add(&m->flow, req);
                return;
        }
        req->retry_after_s = 1;
        req->done(req, &err);
}

/* True when there was one: its work begins in the next turn. */
static bool work_retries(struct retry_service *s)
{
        struct retry_request *req = s->retries;
        bool any = req != NULL;

        s->retries = NULL;
        s->retries_end = &s->retries;
        while (req != NULL) {
                struct retry_request *next = req->next;

                retry_one(s, req);
                req = next;
        }
        return any;
}

bool retry_service_work(struct retry_service *s)
{
        bool began;

        work_lists(s);
        work_gets(s);
        began = work_retries(s);
        return began || s->lists != NULL || s->gets != NULL || s->retries != NULL;
}
