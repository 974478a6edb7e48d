/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_door.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

struct retry_service *fake_door_new(int partitions)
{
        struct retry_service *s = calloc(1, sizeof *s);

        if (s == NULL)
                abort();
        s->partitions = partitions;
        return s;
}

struct failure *fake_door_add(struct retry_service *s, int partition, int64_t offset,
                              const char *bucket, const char *key, const char *version_id,
                              const char *site)
{
        struct failure *f = &s->failures[s->n++];

        assert(s->n <= FAKE_DOOR_FAILURES);
        *f = (struct failure){
                .id = { str_from(bucket), str_from(key), str_from(version_id), str_from(site) },
                .state = FAILURE_FAILED,
                .size = -1,
                .last_modified_ms = TIME_UNKNOWN,
                .failed_at_ms = TIME_UNKNOWN,
                .attempts = -1,
                .partition = partition,
                .offset = offset,
        };
        return f;
}

void retry_service_free(struct retry_service *s)
{
        free(s);
}

bool coverage_is_whole(const struct coverage *c)
{
        return partition_set_count(&c->missing) == 0;
}

void retry_service_list(struct retry_service *s, struct list_request *req)
{
        s->calls++;
        s->list_seen = *req;
        req->next = s->lists;
        s->lists = req;
}

void retry_service_get(struct retry_service *s, struct get_request *req)
{
        s->calls++;
        req->next = s->gets;
        s->gets = req;
}

void retry_service_retry(struct retry_service *s, struct retry_request *req)
{
        struct str trace = req->traceparent;

        s->calls++;
        s->retry_seen = *req;
        s->first_entry_seen = req->entries[0];
        if (trace.base == NULL)
                trace = STR("-");
        snprintf(s->traceparent_seen, sizeof s->traceparent_seen, "%.*s", STR_ARG(trace));
        req->next = s->retries;
        s->retries = req;
}

/* NULL when the request may go on. */
static const struct error *refusal(struct retry_service *s, bool partial, struct coverage *ret)
{
        static struct error unknown;

        *ret = (struct coverage){ .partitions = s->partitions, .missing = s->missing };
        if (s->fail.code != 0)
                return &s->fail;
        if (coverage_is_whole(ret) || partial)
                return NULL;
        error_set(&unknown, ERR_UNAVAILABLE, "failures are being restored");
        return &unknown;
}

static bool is_listed(const struct failure *f)
{
        return f->state == FAILURE_FAILED;
}

static void work_list(struct retry_service *s, struct list_request *req)
{
        const struct error *err = refusal(s, req->partial, &req->coverage);
        unsigned rows = 0;

        for (size_t i = 0; err == NULL && i < s->n; i++) {
                const struct failure *f = &s->failures[i];

                if (!is_listed(f) || marker_of(f->partition, f->offset) < req->marker ||
                    (req->site.base != NULL && !str_eq(req->site, f->id.site)))
                        continue;
                if (rows == req->max_rows) {
                        req->truncated = true;
                        req->next_marker = marker_of(f->partition, f->offset);
                        break;
                }
                req->row(req, f);
                rows++;
        }
        req->done(req, err);
}

static void work_get(struct retry_service *s, struct get_request *req)
{
        const struct error *err = refusal(s, req->partial, &req->coverage);

        for (size_t i = 0; err == NULL && i < s->n; i++) {
                const struct failure *f = &s->failures[i];

                if (is_listed(f) && str_eq(f->id.bucket, req->bucket) &&
                    str_eq(f->id.key, req->key) && str_eq(f->id.version_id, req->version_id) &&
                    (req->site.base == NULL || str_eq(req->site, f->id.site)))
                        req->row(req, f);
        }
        req->done(req, err);
}

static struct failure *find_listed(struct retry_service *s, const struct identity *id)
{
        for (size_t i = 0; i < s->n; i++)
                if (is_listed(&s->failures[i]) && identity_eq(&s->failures[i].id, id))
                        return &s->failures[i];
        return NULL;
}

static void work_entry(struct retry_service *s, struct retry_request *req, struct retry_entry *e)
{
        struct failure *f = find_listed(s, &e->id);
        struct failure unknown = {
                .id = e->id,
                .size = -1,
                .last_modified_ms = TIME_UNKNOWN,
                .failed_at_ms = TIME_UNKNOWN,
                .attempts = -1,
        };

        e->result = RETRY_SKIPPED;
        if (f == NULL && !e->force)
                return;
        if (f == NULL)
                f = &unknown;
        f->state = FAILURE_PENDING;
        f->attempts = (f->attempts < 0 ? 0 : f->attempts) + 1;
        e->failure = arena_alloc(req->arena, sizeof *e->failure);
        if (e->failure == NULL || !failure_copy(e->failure, f, req->arena))
                abort();
        e->result = RETRY_PUBLISHED;
}

static void work_retry(struct retry_service *s, struct retry_request *req)
{
        const struct error *err = refusal(s, req->partial, &req->coverage);

        req->retry_after_s = s->retry_after_s;
        for (size_t i = 0; err == NULL && i < req->n; i++)
                work_entry(s, req, &req->entries[i]);
        if (err != NULL && s->leaves_out_last)
                req->entries[req->n - 1].result = RETRY_SKIPPED;
        req->done(req, err);
}

void retry_service_know(struct retry_service *s, struct know_request *req)
{
        s->calls++;
        req->next = s->knows;
        s->knows = req;
}

/* Of what is missing nothing is certain. */
static void work_know(struct retry_service *s, struct know_request *req)
{
        bool is_whole = partition_set_count(&s->missing) == 0 && s->fail.code == 0;

        for (size_t i = 0; i < req->n; i++) {
                req->entries[i].absent = is_whole;
                for (size_t k = 0; k < s->n; k++)
                        if (identity_eq(&s->failures[k].id, &req->entries[i].id))
                                req->entries[i].absent = false;
        }
        req->done(req);
}

void retry_service_cluster(struct retry_service *s, struct cluster_request *req)
{
        req->next = s->clusters;
        s->clusters = req;
}

void retry_service_write_status(const struct retry_service *s, struct buf *out)
{
        buf_append_c(out, "{\"memberId\":\"fake\"}");
}

static void work_cluster(struct retry_service *s, struct cluster_request *req)
{
        req->members = arena_array(req->arena, 2, sizeof *req->members);
        if (req->members == NULL)
                abort();
        req->members[0] = (struct cluster_member){ .url = STR("http://a"), .status = STR("{}") };
        req->members[1] = (struct cluster_member){ .url = STR("http://b") };
        error_set(&req->members[1].err, ERR_UNAVAILABLE, "no connection");
        req->members[1].silent_ms = 5000;
        req->n_members = 2;
        req->n_partitions = s->partitions;
        req->missing = s->missing;
        req->done(req);
}

bool retry_service_work(struct retry_service *s)
{
        struct list_request *lists = s->lists;
        struct get_request *gets = s->gets;
        struct retry_request *retries = s->retries;
        struct cluster_request *clusters = s->clusters;
        struct know_request *knows = s->knows;
        bool more = clusters != NULL || lists != NULL || gets != NULL || retries != NULL ||
                    knows != NULL;

        s->lists = NULL;
        s->gets = NULL;
        s->retries = NULL;
        s->clusters = NULL;
        s->knows = NULL;
        for (struct know_request *next; knows != NULL; knows = next) {
                next = knows->next;
                work_know(s, knows);
        }
        for (struct cluster_request *next; clusters != NULL; clusters = next) {
                next = clusters->next;
                work_cluster(s, clusters);
        }
        for (struct list_request *next; lists != NULL; lists = next) {
                next = lists->next;
                work_list(s, lists);
        }
        for (struct get_request *next; gets != NULL; gets = next) {
                next = gets->next;
                work_get(s, gets);
        }
        for (struct retry_request *next; retries != NULL; retries = next) {
                next = retries->next;
                work_retry(s, retries);
        }
        return more;
}
