/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to the world's door. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "crr/base/limits.h"
#include "world.h"

static void list_on_row(struct list_request *req, const struct failure *f)
{
        struct world_list *list = req->data;

        failure_copy(&list->rows[list->n++], f, &list->arena);
}

static void list_on_done(struct list_request *req, const struct error *err)
{
        struct world_list *list = req->data;

        assert(!list->done);
        list->done = true;
        list->failed = err != NULL;
        if (err != NULL)
                list->err = *err;
}

void world_list(struct world *w, struct world_list *list, const char *site, uint64_t marker,
                unsigned max_rows, bool partial)
{
        memset(list, 0, sizeof *list);
        arena_init(&list->arena, 64u << 20);
        list->req = (struct list_request){
                .data = list,
                .site = str_from(site),
                .marker = marker,
                .max_rows = max_rows,
                .partial = partial,
                .arena = &list->arena,
                .row = list_on_row,
                .done = list_on_done,
        };
        retry_service_list(w->door, &list->req);
        assert(!list->done);
        world_run(w);
        assert(list->done);
}

void world_list_deinit(struct world_list *list)
{
        arena_deinit(&list->arena);
}

size_t world_listed(struct world *w)
{
        static struct world_list list;
        size_t n;

        world_list(w, &list, NULL, 0, LIMIT_PAGE_ROWS, false);
        if (list.failed)
                abort();
        n = list.n;
        world_list_deinit(&list);
        return n;
}

static void retry_on_done(struct retry_request *req, const struct error *err)
{
        struct world_retry *r = req->data;

        assert(!r->done);
        r->done = true;
        r->failed = err != NULL;
        if (err != NULL)
                r->err = *err;
}

void world_retry_init(struct world *w, struct world_retry *r)
{
        static uint8_t counter;

        memset(r, 0, sizeof *r);
        arena_init(&r->arena, 64u << 20);
        r->req = (struct retry_request){
                .data = r,
                .entries = r->entries,
                .deadline_ms = w->now_ms + 30000,
                .arena = &r->arena,
                .done = retry_on_done,
        };
        memset(r->req.retry_id.bytes, ++counter, sizeof r->req.retry_id.bytes);
}

void world_retry_add(struct world_retry *r, const char *bucket, const char *key,
                     const char *version, const char *site, bool force)
{
        r->entries[r->req.n++] = (struct retry_entry){
                .id = { str_from(bucket), str_from(key), str_from(version), str_from(site) },
                .force = force,
        };
}

void world_retry_submit(struct world *w, struct world_retry *r)
{
        retry_service_retry(w->door, &r->req);
        assert(!r->done);
        world_run(w);
}

void world_retry_deinit(struct world_retry *r)
{
        arena_deinit(&r->arena);
}

size_t world_retry_published(const struct world_retry *r)
{
        size_t n = 0;

        for (size_t i = 0; i < r->req.n; i++)
                n += r->entries[i].result == RETRY_PUBLISHED;
        return n;
}
