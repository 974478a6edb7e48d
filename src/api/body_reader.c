/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: submit queues a read in the lane of its size; each turn of the loop
 * body_reader_work() gives the lane's JSON reader the next slice; after the last one done(NULL).
 *
 * Possible failures are: the text is not JSON or a handler refuses it (done(err) at once, the rest
 * of the body is not looked at); the client is gone (done(ERR_UNAVAILABLE), nobody reads it).
 *
 * There are two lanes so that small bodies do not wait until a large one is read; a lane has one
 * reader and so finishes a text before it begins the next.
 */
#include "body_reader.h"

#include <assert.h>
#include <stdlib.h>

#include "crr/api/api.h"
#include "crr/base/limits.h"

#define BODY_COST_BYTES 256 /* of a turn's, at least: many tiny ones would make it a long one */

struct lane {
        struct json_reader *json;
        struct body_read *head, **tail;
};

struct body_reader {
        struct lane small, large;
};

static void lane_init(struct lane *lane)
{
        lane->json = json_reader_new(LIMIT_JSON_DEPTH);
        lane->head = NULL;
        lane->tail = &lane->head;
}

static void lane_finish_head(struct lane *lane, const struct error *err)
{
        struct body_read *read = lane->head;

        lane->head = read->next;
        if (lane->head == NULL)
                lane->tail = &lane->head;
        read->next = NULL;
        read->done(read, err);
}

static void lane_deinit(struct lane *lane)
{
        struct error err;

        error_set(&err, ERR_UNAVAILABLE, "the service is stopping");
        while (lane->head != NULL)
                lane_finish_head(lane, &err);
        json_reader_free(lane->json);
}

struct body_reader *body_reader_new(void)
{
        struct body_reader *r = calloc(1, sizeof *r);

        if (r == NULL)
                abort();
        lane_init(&r->small);
        lane_init(&r->large);
        return r;
}

void body_reader_free(struct body_reader *r)
{
        if (r == NULL)
                return;
        lane_deinit(&r->small);
        lane_deinit(&r->large);
        free(r);
}

void body_reader_submit(struct body_reader *r, struct body_read *read)
{
        struct lane *lane = read->req->body.len <= API_WORK_BYTES ? &r->small : &r->large;

        read->taken = 0;
        read->next = NULL;
        *lane->tail = read;
        lane->tail = &read->next;
}

/* Read up to n bytes of the head; returns how many. Finishes the head at its end. */
static size_t lane_read(struct lane *lane, size_t n)
{
        struct body_read *read = lane->head;
        struct str rest = { read->req->body.base + read->taken, read->req->body.len - read->taken };
        struct error err;
        int rc = 0;

        if (http_request_is_canceled(read->req)) {
                error_set(&err, ERR_UNAVAILABLE, "the client is gone");
                lane_finish_head(lane, &err);
                return 0;
        }
        if (read->taken == 0)
                json_read_begin(lane->json, read->events, read->events_data);
        if (rest.len > n)
                rest.len = n;
        read->taken += rest.len;
        if (rest.len > 0)
                rc = json_read_more(lane->json, rest, &err);
        if (rc == 0 && read->taken == read->req->body.len)
                rc = json_read_end(lane->json, &err);
        else if (rc == 0)
                return rest.len;
        lane_finish_head(lane, rc == 0 ? NULL : &err);
        return rest.len;
}

bool body_reader_has_work(const struct body_reader *r)
{
        return r->small.head != NULL || r->large.head != NULL;
}

bool body_reader_work(struct body_reader *r)
{
        size_t budget = API_WORK_BYTES;

        while (r->small.head != NULL && budget >= r->small.head->req->body.len &&
               budget >= BODY_COST_BYTES) {
                size_t taken = lane_read(&r->small, budget);

                budget -= taken > BODY_COST_BYTES ? taken : BODY_COST_BYTES;
        }
        if (r->large.head != NULL)
                lane_read(&r->large, API_SLICE_BYTES);
        return body_reader_has_work(r);
}
