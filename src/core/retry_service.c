/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: a request is queued when it is submitted, worked on in later turns of the
 * loop, and done: door_list.c, door_get.c, door_retry.c.
 *
 * Possible failures: theirs; and retries are refused while we are stopping.
 */
#include "crr/core/retry_service.h"

#include <assert.h>
#include <stdlib.h>

#include "door.h"

#define EXAMINED_ROWS 1024 /* of all listings in one turn */
#define LISTING_ROWS  64   /* what an empty page costs, in rows */
#define GETS          128  /* answered in one turn */

bool coverage_is_whole(const struct coverage *c)
{
        return partition_set_count(&c->missing) == 0;
}

struct retry_service *retry_service_new(struct member *local, struct peers *peers,
                                        unsigned peer_timeout_ms)
{
        struct retry_service *s = calloc(1, sizeof *s);

        if (s == NULL)
                abort();
        s->local = local;
        s->peers = peers;
        s->peer_timeout_ms = peer_timeout_ms;
        silence_init(&s->silence, local, peers);
        s->lists_end = &s->lists;
        s->gets_end = &s->gets;
        s->retries_end = &s->retries;
        s->knows_end = &s->knows;
        return s;
}

void retry_service_set_peer_timeout(struct retry_service *s, unsigned ms)
{
        s->peer_timeout_ms = ms;
}

void retry_service_free(struct retry_service *s)
{
        if (s == NULL)
                return;
        assert(s->lists == NULL && s->gets == NULL && s->retries == NULL && s->splits == NULL &&
               s->clusters == NULL && s->knows == NULL);
        silence_deinit(&s->silence);
        free(s);
}

static void queue_list(struct retry_service *s, struct list_request *req)
{
        req->next = NULL;
        *s->lists_end = req;
        s->lists_end = &req->next;
}

void retry_service_list(struct retry_service *s, struct list_request *req)
{
        req->cursor = req->marker;
        req->rows = 0;
        req->truncated = false;
        req->work = NULL;
        retry_flow_on_asked(&s->local->flow);
        queue_list(s, req);
}

static void queue_get(struct retry_service *s, struct get_request *req)
{
        req->next = NULL;
        *s->gets_end = req;
        s->gets_end = &req->next;
}

void retry_service_get(struct retry_service *s, struct get_request *req)
{
        req->work = NULL;
        retry_flow_on_asked(&s->local->flow);
        queue_get(s, req);
}

void retry_service_retry(struct retry_service *s, struct retry_request *req)
{
        req->next = NULL;
        *s->retries_end = req;
        s->retries_end = &req->next;
}

static void queue_know(struct retry_service *s, struct know_request *req)
{
        req->next = NULL;
        *s->knows_end = req;
        s->knows_end = &req->next;
}

void retry_service_know(struct retry_service *s, struct know_request *req)
{
        req->work = NULL;
        queue_know(s, req);
}

void retry_service_cluster(struct retry_service *s, struct cluster_request *req)
{
        req->n_out = 0;
        req->work = NULL;
        req->next = s->clusters;
        s->clusters = req;
}

/* True when the turn's rows are used up: it is looked at in the next one. */
static bool must_stand_back(struct retry_service *s, const struct list_request *req)
{
        if (door_work_is_waiting(req->work))
                return false;
        if (s->rows_left <= LISTING_ROWS)
                return true;
        s->rows_left -= LISTING_ROWS;
        return false;
}

/* True when one can go on in the next turn; those that wait for other members cannot. */
static bool work_lists(struct retry_service *s)
{
        struct list_request *req = s->lists;
        bool more = false;

        s->lists = NULL;
        s->lists_end = &s->lists;
        s->rows_left = EXAMINED_ROWS;
        while (req != NULL) {
                struct list_request *next = req->next;

                if (must_stand_back(s, req) || !door_list_step(s, req)) {
                        more |= !door_work_is_waiting(req->work);
                        queue_list(s, req);
                }
                req = next;
        }
        return more;
}

/* True when one was not looked at. */
static bool work_gets(struct retry_service *s)
{
        struct get_request *req = s->gets;
        unsigned n = 0;
        bool more = false;

        s->gets = NULL;
        s->gets_end = &s->gets;
        while (req != NULL) {
                struct get_request *next = req->next;
                bool is_late = !door_work_is_waiting(req->work) && n++ >= GETS;

                if (is_late || !door_get_step(s, req))
                        queue_get(s, req); /* it waits for other members, or for the next turn */
                more |= is_late;
                req = next;
        }
        return more;
}

static int refusal(const struct retry_service *s, const struct retry_request *req,
                   struct error *err)
{
        const struct member *m = s->local;

        if (m->stopping)
                return error_set(err, ERR_UNAVAILABLE, "this member is stopping");
        if (m->n_partitions == 0) {
                door_set_unavailable(m, err);
                return (int)err->code;
        }
        if (req->scope.is_local && req->scope.n_partitions != m->n_partitions)
                return error_set(err, ERR_UNAVAILABLE,
                                 "the failure log has %d partitions here, and %d where it is asked",
                                 m->n_partitions, req->scope.n_partitions);
        return 0;
}

static void retry_one(struct retry_service *s, struct retry_request *req)
{
        struct error err;

        req->coverage = (struct coverage){ .partitions = s->local->n_partitions };
        req->retry_after_s = 0;
        if (refusal(s, req, &err) == 0) {
                door_retry_begin(s, req);
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

/* True when one can go on in the next turn. */
static bool work_knows(struct retry_service *s)
{
        struct know_request *req = s->knows;
        bool more = false;

        s->knows = NULL;
        s->knows_end = &s->knows;
        s->knows_left = LIMIT_WORK_ENTRIES;
        while (req != NULL) {
                struct know_request *next = req->next;

                switch (door_know_step(s, req)) {
                case KNOW_OVER:
                        break;
                case KNOW_GOES_ON:
                        more = true;
                        queue_know(s, req);
                        break;
                case KNOW_WAITS:
                        queue_know(s, req);
                        break;
                }
                req = next;
        }
        return more;
}

bool retry_service_work(struct retry_service *s)
{
        bool more;

        silence_tick(&s->silence, s->peer_timeout_ms);
        more = work_lists(s);
        more |= work_gets(s);
        more |= work_knows(s);
        more |= work_retries(s);
        door_retry_tick(s);
        door_cluster_work(s);
        return door_retry_work(s) || more;
}
