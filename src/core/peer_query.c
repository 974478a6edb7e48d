/* SPDX-License-Identifier: Apache-2.0 */
#include "crr/core/peer_query.h"

#include <string.h>

#include "crr/base/json_write.h"
#include "crr/base/limits.h"
#include "crr/core/identity.h"

#define FIRST_CAPACITY 64
#define WAY_MS         200 /* of an answer, at least */
#define WAY_SHARE      20  /* of the time that the asker has */

const char *peer_question_name(enum peer_question question)
{
        static const char *const names[] = {
                [PEER_PAGE] = "page",     [PEER_FIND] = "find", [PEER_RETRY] = "retry",
                [PEER_STATUS] = "status", [PEER_KNOW] = "know",
        };

        return names[question];
}

/* WRITING */

static void write_partitions(struct json_writer *w, const struct partition_set *s)
{
        json_key(w, "partitions");
        json_array_open(w);
        for (int p = 0; p < LIMIT_PARTITIONS; p++)
                if (partition_set_has(s, p))
                        json_int(w, p);
        json_array_close(w);
}

static void member_str(struct json_writer *w, const char *name, struct str value)
{
        if (value.base == NULL)
                return;
        json_key(w, name);
        json_str(w, value);
}

static void member_int(struct json_writer *w, const char *name, int64_t value)
{
        json_key(w, name);
        json_int(w, value);
}

static void member_bool(struct json_writer *w, const char *name, bool value)
{
        json_key(w, name);
        json_bool(w, value);
}

static void write_entry(struct json_writer *w, const struct identity *id, bool force)
{
        json_object_open(w);
        member_str(w, "Bucket", id->bucket);
        member_str(w, "Key", id->key);
        member_str(w, "VersionId", id->version_id);
        member_str(w, "StorageClass", id->site);
        if (force)
                member_bool(w, "ForceRetry", true);
        json_object_close(w);
}

/* The member has to say what it did before the asker's time is up, and the way back takes time. */
static unsigned time_to_answer(const struct peer_call *call)
{
        unsigned way = call->timeout_ms / WAY_SHARE;

        if (way < WAY_MS)
                way = WAY_MS;
        return call->timeout_ms > 2 * way ? call->timeout_ms - way : (call->timeout_ms + 1) / 2;
}

static void write_retry(struct json_writer *w, const struct peer_call *call)
{
        char id[UUID_TEXT_SIZE];

        uuid_format(&call->retry->retry_id, id);
        member_str(w, "retryId", str_from(id));
        member_bool(w, "hasIdempotencyKey", call->retry->has_idempotency_key);
        member_bool(w, "again", call->again);
        member_str(w, "traceparent", call->retry->traceparent);
        member_int(w, "timeoutMs", time_to_answer(call));
        json_key(w, "entries");
        json_array_open(w);
        for (size_t i = 0; i < call->n_entries; i++)
                write_entry(w, &call->entries[i]->id, call->entries[i]->force);
        json_array_close(w);
}

static void write_know(struct json_writer *w, const struct peer_call *call)
{
        member_int(w, "timeoutMs", time_to_answer(call));
        json_key(w, "entries");
        json_array_open(w);
        for (size_t i = 0; i < call->n_doubtful; i++)
                write_entry(w, &call->doubtful[i]->id, false);
        json_array_close(w);
}

void peer_query_write(const struct peer_call *call, struct buf *out)
{
        struct json_writer w;

        json_writer_init(&w, out);
        json_object_open(&w);
        member_int(&w, "of", call->n_partitions);
        switch (call->question) {
        case PEER_PAGE:
                write_partitions(&w, &call->partitions);
                member_int(&w, "marker", (int64_t)call->marker);
                member_int(&w, "maxRows", call->max_rows);
                member_str(&w, "site", call->site);
                break;
        case PEER_FIND:
                write_partitions(&w, &call->partitions);
                member_str(&w, "bucket", call->bucket);
                member_str(&w, "key", call->key);
                member_str(&w, "versionId", call->version_id);
                member_str(&w, "site", call->site);
                break;
        case PEER_RETRY:
                write_retry(&w, call);
                break;
        case PEER_STATUS:
                break;
        case PEER_KNOW:
                write_know(&w, call);
                break;
        }
        json_object_close(&w);
}

/* READING */

static int number_in(const struct json_value *v, int64_t min, int64_t max, int64_t *ret,
                     struct error *err)
{
        *ret = v->integer;
        if (v->integer < min || v->integer > max)
                return error_set(err, ERR_MALFORMED_POST, "a number is out of range");
        return 0;
}

static int keep(struct peer_query *q, const struct json_value *v, struct str *ret,
                struct error *err)
{
        *ret = v->text.len > 0 ? arena_str(q->arena, v->text) : STR("");
        if (ret->base == NULL)
                return error_set(err, ERR_TOO_LARGE, "the question needs too much memory");
        return 0;
}

static int set_of(void *target, const struct json_value *v, struct error *err)
{
        struct peer_query *q = target;
        int64_t n;
        int rc = number_in(v, 1, LIMIT_PARTITIONS, &n, err);

        q->n_partitions = rc == 0 ? (int)n : 0;
        return rc;
}

static int set_partitions(void *target, const struct json_value *v, struct error *err)
{
        ((struct peer_query *)target)->takes = PEER_TAKES_PARTITIONS;
        return 0;
}

static int set_entries(void *target, const struct json_value *v, struct error *err)
{
        ((struct peer_query *)target)->takes = PEER_TAKES_ENTRIES;
        return 0;
}

static int set_marker(void *target, const struct json_value *v, struct error *err)
{
        struct peer_query *q = target;
        int64_t n;
        int rc = number_in(v, 0, (int64_t)LIMIT_MARKER, &n, err);

        q->marker = rc == 0 ? (uint64_t)n : 0;
        return rc;
}

static int set_max_rows(void *target, const struct json_value *v, struct error *err)
{
        struct peer_query *q = target;
        int64_t n;
        int rc = number_in(v, 1, LIMIT_PAGE_ROWS + 1, &n, err);

        q->max_rows = rc == 0 ? (unsigned)n : 0;
        return rc;
}

static int set_timeout(void *target, const struct json_value *v, struct error *err)
{
        struct peer_query *q = target;
        int64_t n;
        int rc = number_in(v, 1, INT64_C(86400000), &n, err);

        q->timeout_ms = rc == 0 ? (unsigned)n : 0;
        return rc;
}

static int set_site(void *target, const struct json_value *v, struct error *err)
{
        struct peer_query *q = target;

        return keep(q, v, &q->site, err);
}

static int set_bucket(void *target, const struct json_value *v, struct error *err)
{
        struct peer_query *q = target;

        return keep(q, v, &q->bucket, err);
}

static int set_key(void *target, const struct json_value *v, struct error *err)
{
        struct peer_query *q = target;

        return keep(q, v, &q->key, err);
}

static int set_version_id(void *target, const struct json_value *v, struct error *err)
{
        struct peer_query *q = target;

        return keep(q, v, &q->version_id, err);
}

static int set_traceparent(void *target, const struct json_value *v, struct error *err)
{
        struct peer_query *q = target;

        return keep(q, v, &q->traceparent, err);
}

static int set_retry_id(void *target, const struct json_value *v, struct error *err)
{
        struct peer_query *q = target;

        if (!uuid_parse(v->text, &q->retry_id))
                return error_set(err, ERR_MALFORMED_POST, "retryId is not a UUID");
        return 0;
}

static int set_has_key(void *target, const struct json_value *v, struct error *err)
{
        ((struct peer_query *)target)->has_idempotency_key = v->boolean;
        return 0;
}

static int set_again(void *target, const struct json_value *v, struct error *err)
{
        ((struct peer_query *)target)->again = v->boolean;
        return 0;
}

static const struct json_field top_rows[] = {
        { "of", JSON_INTEGER, true, true, set_of },
        { "partitions", JSON_ARRAY, false, true, set_partitions },
        { "marker", JSON_INTEGER, false, true, set_marker },
        { "maxRows", JSON_INTEGER, false, true, set_max_rows },
        { "site", JSON_STRING, false, true, set_site },
        { "bucket", JSON_STRING, false, true, set_bucket },
        { "key", JSON_STRING, false, true, set_key },
        { "versionId", JSON_STRING, false, true, set_version_id },
        { "retryId", JSON_STRING, false, true, set_retry_id },
        { "hasIdempotencyKey", JSON_BOOL, false, true, set_has_key },
        { "again", JSON_BOOL, false, true, set_again },
        { "traceparent", JSON_STRING, false, true, set_traceparent },
        { "timeoutMs", JSON_INTEGER, false, true, set_timeout },
        { "entries", JSON_ARRAY, false, true, set_entries },
};
static const struct json_fields top_fields = { top_rows, sizeof top_rows / sizeof *top_rows, true };

static int set_entry_bucket(void *target, const struct json_value *v, struct error *err)
{
        struct peer_query *q = target;

        return keep(q, v, &q->entry.id.bucket, err);
}

static int set_entry_key(void *target, const struct json_value *v, struct error *err)
{
        struct peer_query *q = target;

        return keep(q, v, &q->entry.id.key, err);
}

static int set_entry_version_id(void *target, const struct json_value *v, struct error *err)
{
        struct peer_query *q = target;

        return keep(q, v, &q->entry.id.version_id, err);
}

static int set_entry_site(void *target, const struct json_value *v, struct error *err)
{
        struct peer_query *q = target;

        return keep(q, v, &q->entry.id.site, err);
}

static int set_entry_force(void *target, const struct json_value *v, struct error *err)
{
        ((struct peer_query *)target)->entry.force = v->boolean;
        return 0;
}

static const struct json_field entry_rows[] = {
        { "Bucket", JSON_STRING, true, true, set_entry_bucket },
        { "Key", JSON_STRING, true, true, set_entry_key },
        { "VersionId", JSON_STRING, true, true, set_entry_version_id },
        { "StorageClass", JSON_STRING, true, true, set_entry_site },
        { "ForceRetry", JSON_BOOL, false, true, set_entry_force },
};
static const struct json_fields entry_fields = { entry_rows, sizeof entry_rows / sizeof *entry_rows,
                                                 true };

void peer_query_begin(struct peer_query *q, struct arena *arena, size_t max_entries)
{
        *q = (struct peer_query){ .arena = arena, .max_entries = max_entries };
        json_object_begin(&q->top, &top_fields, q, 1);
}

static int take_partition(struct peer_query *q, const struct json_value *v, struct error *err)
{
        if (v->type != JSON_INTEGER || v->integer < 0 || v->integer >= LIMIT_PARTITIONS)
                return error_set(err, ERR_MALFORMED_POST, "partitions: not a partition");
        partition_set_add(&q->partitions, (int)v->integer);
        return 0;
}

static int begin_entry(struct peer_query *q, const struct json_value *v, struct error *err)
{
        if (v->type != JSON_OBJECT)
                return error_set(err, ERR_MALFORMED_POST, "entries: must be objects");
        if (q->n_entries == q->max_entries)
                return error_set(err, ERR_TOO_LARGE, "more than %zu entries", q->max_entries);
        q->entry = (struct retry_entry){ 0 };
        json_object_begin(&q->element, &entry_fields, q, 3);
        return 0;
}

static int on_value(void *data, unsigned depth, struct str name, const struct json_value *v,
                    struct error *err)
{
        struct peer_query *q = data;

        if (depth == 0)
                return v->type == JSON_OBJECT
                               ? 0
                               : error_set(err, ERR_MALFORMED_POST, "a question is an object");
        if (depth == 1) {
                q->takes = PEER_TAKES_NOTHING;
                return json_object_value(&q->top, depth, name, v, err);
        }
        if (q->takes == PEER_TAKES_ENTRIES)
                return depth == 2 ? begin_entry(q, v, err)
                                  : json_object_value(&q->element, depth, name, v, err);
        return q->takes == PEER_TAKES_PARTITIONS ? take_partition(q, v, err) : 0;
}

static int add_entry(struct peer_query *q, struct error *err)
{
        if (q->n_entries == q->capacity) {
                size_t capacity = q->capacity > 0 ? 2 * q->capacity : FIRST_CAPACITY;
                struct retry_entry *grown = arena_array(q->arena, capacity, sizeof *grown);

                if (grown == NULL)
                        return error_set(err, ERR_TOO_LARGE, "the question needs too much memory");
                if (q->n_entries > 0)
                        memcpy(grown, q->entries, q->n_entries * sizeof *grown);
                q->entries = grown;
                q->capacity = capacity;
        }
        q->entries[q->n_entries++] = q->entry;
        return 0;
}

static int on_end(void *data, unsigned depth, enum json_type container, struct error *err)
{
        struct peer_query *q = data;

        if (depth != 2 || q->takes != PEER_TAKES_ENTRIES)
                return 0;
        if (json_object_end(&q->element, err) != 0 || identity_check(&q->entry.id, err) != 0)
                return error_prefix(err, "entry %zu", q->n_entries);
        return add_entry(q, err);
}

const struct json_events peer_query_events = { .value = on_value, .end = on_end };

static int demand(bool is_there, const char *name, struct error *err)
{
        return is_there ? 0 : error_set(err, ERR_MALFORMED_POST, "%s is missing", name);
}

int peer_query_check(const struct peer_query *q, enum peer_question question, struct error *err)
{
        int rc = demand(q->n_partitions > 0, "of", err);

        switch (question) {
        case PEER_PAGE:
                rc = rc != 0 ? rc : demand(q->max_rows > 0, "maxRows", err);
                break;
        case PEER_FIND:
                rc = rc != 0 ? rc : demand(q->bucket.len > 0, "bucket", err);
                rc = rc != 0 ? rc : demand(q->key.len > 0, "key", err);
                rc = rc != 0 ? rc : demand(q->version_id.base != NULL, "versionId", err);
                break;
        case PEER_RETRY:
                rc = rc != 0 ? rc : demand(!uuid_is_nil(&q->retry_id), "retryId", err);
                rc = rc != 0 ? rc : demand(q->timeout_ms > 0, "timeoutMs", err);
                rc = rc != 0 ? rc : demand(q->n_entries > 0, "entries", err);
                break;
        case PEER_STATUS:
                break;
        case PEER_KNOW:
                rc = rc != 0 ? rc : demand(q->timeout_ms > 0, "timeoutMs", err);
                rc = rc != 0 ? rc : demand(q->n_entries > 0, "entries", err);
                break;
        }
        return rc;
}
