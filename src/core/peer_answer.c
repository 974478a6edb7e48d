/* SPDX-License-Identifier: Apache-2.0 */
#include "crr/core/peer_answer.h"

#include <string.h>

#include "crr/base/json_write.h"
#include "crr/base/limits.h"

#define FIRST_CAPACITY 16

/* WRITING */

static void member_str(struct json_writer *w, const char *name, struct str value)
{
        if (value.base == NULL)
                return;
        json_key(w, name);
        json_str(w, value);
}

static void member_int(struct json_writer *w, const char *name, int64_t value, int64_t unknown)
{
        if (value == unknown)
                return;
        json_key(w, name);
        json_int(w, value);
}

static void write_facts(struct json_writer *w, const struct failure *f)
{
        member_int(w, "Size", f->size, -1);
        member_int(w, "LastModified", f->last_modified_ms, TIME_UNKNOWN);
        member_int(w, "FailedAt", f->failed_at_ms, TIME_UNKNOWN);
        member_str(w, "ErrorCode", f->error_code);
        member_int(w, "Attempts", f->attempts, -1);
        member_str(w, "Role", f->role);
        if (f->superseded) {
                json_key(w, "Superseded");
                json_bool(w, true);
        }
}

void peer_answer_write_row(struct buf *rows, const struct failure *f)
{
        struct json_writer w;

        json_writer_init(&w, rows);
        w.comma = rows->len > 0;
        json_object_open(&w);
        member_str(&w, "Bucket", f->id.bucket);
        member_str(&w, "Key", f->id.key);
        member_str(&w, "VersionId", f->id.version_id);
        member_str(&w, "StorageClass", f->id.site);
        write_facts(&w, f);
        member_int(&w, "Partition", f->partition, -1);
        member_int(&w, "Offset", f->offset, -1);
        json_object_close(&w);
}

void peer_answer_write_page(struct buf *out, struct str rows, uint64_t known_below,
                            const struct partition_set *missing)
{
        struct json_writer w;

        json_writer_init(&w, out);
        json_object_open(&w);
        json_key(&w, "rows");
        json_array_open(&w);
        if (rows.len > 0)
                json_raw(&w, rows);
        json_array_close(&w);
        if (known_below != UINT64_MAX)
                member_int(&w, "knownBelow", (int64_t)known_below, -1);
        json_key(&w, "missing");
        json_array_open(&w);
        for (int p = 0; p < LIMIT_PARTITIONS; p++)
                if (partition_set_has(missing, p))
                        json_int(&w, p);
        json_array_close(&w);
        json_object_close(&w);
}

static void write_indices(struct json_writer *w, const char *name,
                          const struct retry_entry *entries, size_t n, enum retry_result result)
{
        json_key(w, name);
        json_array_open(w);
        for (size_t i = 0; i < n; i++)
                if (entries[i].result == result)
                        json_int(w, (int64_t)i);
        json_array_close(w);
}

static void write_published(struct json_writer *w, const struct retry_entry *entries, size_t n)
{
        json_key(w, "published");
        json_array_open(w);
        for (size_t i = 0; i < n; i++) {
                if (entries[i].result != RETRY_PUBLISHED)
                        continue;
                json_object_open(w);
                member_int(w, "Index", (int64_t)i, -1);
                write_facts(w, entries[i].failure);
                json_object_close(w);
        }
        json_array_close(w);
}

bool peer_answer_has_results(const struct retry_entry *entries, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (entries[i].result != RETRY_WAITING && entries[i].result != RETRY_SKIPPED)
                        return true;
        return false;
}

void peer_answer_write_results(struct buf *out, const struct retry_entry *entries, size_t n,
                               const struct error *err)
{
        struct json_writer w;

        json_writer_init(&w, out);
        json_object_open(&w);
        write_published(&w, entries, n);
        write_indices(&w, "failed", entries, n, RETRY_FAILED);
        write_indices(&w, "unknown", entries, n, RETRY_UNKNOWN);
        if (err != NULL)
                member_str(&w, "error", str_from(err->message));
        json_object_close(&w);
}

void peer_answer_write_absent(struct buf *out, const struct know_entry *entries, size_t n)
{
        struct json_writer w;

        json_writer_init(&w, out);
        json_object_open(&w);
        json_key(&w, "absent");
        json_array_open(&w);
        for (size_t i = 0; i < n; i++)
                if (entries[i].absent)
                        json_int(&w, (int64_t)i);
        json_array_close(&w);
        json_object_close(&w);
}

/* READING */

enum takes {
        TAKES_NOTHING,
        TAKES_ROWS,
        TAKES_PUBLISHED,
        TAKES_FAILED,
        TAKES_UNKNOWN,
        TAKES_MISSING,
        TAKES_ABSENT
};

struct reading {
        struct peer_call *call;
        struct json_object top, element;
        enum takes takes;
        size_t capacity; /* of the call's rows */
        struct failure row;
        int64_t index; /* of a published entry; -1: none yet */
};

static int refuse(struct error *err)
{
        return error_set(err, ERR_UNAVAILABLE, "the peer's answer is not understood");
}

static int keep(struct reading *r, const struct json_value *v, struct str *ret, struct error *err)
{
        *ret = v->text.len > 0 ? arena_str(r->call->arena, v->text) : STR("");
        if (ret->base == NULL)
                return error_set(err, ERR_UNAVAILABLE, "the peer's answer is too large");
        return 0;
}

static int set_known_below(void *target, const struct json_value *v, struct error *err)
{
        struct reading *r = target;

        if (v->integer < 0)
                return refuse(err);
        r->call->known_below = (uint64_t)v->integer;
        return 0;
}

static int set_error(void *target, const struct json_value *v, struct error *err)
{
        struct reading *r = target;

        error_set(&r->call->err, ERR_UNAVAILABLE, "%.*s",
                  (int)(v->text.len < 300 ? v->text.len : 300), v->text.base);
        return 0;
}

#define SET_TAKES(name, what)                                                        \
        static int name(void *target, const struct json_value *v, struct error *err) \
        {                                                                            \
                ((struct reading *)target)->takes = (what);                          \
                return 0;                                                            \
        }
SET_TAKES(set_rows, TAKES_ROWS)
SET_TAKES(set_published, TAKES_PUBLISHED)
SET_TAKES(set_failed, TAKES_FAILED)
SET_TAKES(set_unknown, TAKES_UNKNOWN)
SET_TAKES(set_missing, TAKES_MISSING)
SET_TAKES(set_absent, TAKES_ABSENT)

static const struct json_field top_rows[] = {
        { "rows", JSON_ARRAY, false, true, set_rows },
        { "knownBelow", JSON_INTEGER, false, true, set_known_below },
        { "missing", JSON_ARRAY, false, true, set_missing },
        { "published", JSON_ARRAY, false, true, set_published },
        { "failed", JSON_ARRAY, false, true, set_failed },
        { "unknown", JSON_ARRAY, false, true, set_unknown },
        { "absent", JSON_ARRAY, false, true, set_absent },
        { "error", JSON_STRING, false, true, set_error },
};
static const struct json_fields top_fields = { top_rows, sizeof top_rows / sizeof *top_rows, true };

static int set_bucket(void *target, const struct json_value *v, struct error *err)
{
        struct reading *r = target;

        return keep(r, v, &r->row.id.bucket, err);
}

static int set_key(void *target, const struct json_value *v, struct error *err)
{
        struct reading *r = target;

        return keep(r, v, &r->row.id.key, err);
}

static int set_version_id(void *target, const struct json_value *v, struct error *err)
{
        struct reading *r = target;

        return keep(r, v, &r->row.id.version_id, err);
}

static int set_site(void *target, const struct json_value *v, struct error *err)
{
        struct reading *r = target;

        return keep(r, v, &r->row.id.site, err);
}

static int set_error_code(void *target, const struct json_value *v, struct error *err)
{
        struct reading *r = target;

        return keep(r, v, &r->row.error_code, err);
}

static int set_role(void *target, const struct json_value *v, struct error *err)
{
        struct reading *r = target;

        return keep(r, v, &r->row.role, err);
}

static int set_size(void *target, const struct json_value *v, struct error *err)
{
        ((struct reading *)target)->row.size = v->integer;
        return v->integer < 0 ? refuse(err) : 0;
}

static int set_last_modified(void *target, const struct json_value *v, struct error *err)
{
        ((struct reading *)target)->row.last_modified_ms = v->integer;
        return 0;
}

static int set_failed_at(void *target, const struct json_value *v, struct error *err)
{
        ((struct reading *)target)->row.failed_at_ms = v->integer;
        return 0;
}

static int set_attempts(void *target, const struct json_value *v, struct error *err)
{
        ((struct reading *)target)->row.attempts = (int32_t)v->integer;
        return v->integer < 0 || v->integer > LIMIT_ATTEMPTS ? refuse(err) : 0;
}

static int set_superseded(void *target, const struct json_value *v, struct error *err)
{
        (void)err;
        ((struct reading *)target)->row.superseded = v->boolean;
        return 0;
}

static int set_partition(void *target, const struct json_value *v, struct error *err)
{
        ((struct reading *)target)->row.partition = (int)v->integer;
        return v->integer < 0 || v->integer >= LIMIT_PARTITIONS ? refuse(err) : 0;
}

static int set_offset(void *target, const struct json_value *v, struct error *err)
{
        ((struct reading *)target)->row.offset = v->integer;
        return v->integer < 0 || v->integer >= LIMIT_OFFSET ? refuse(err) : 0;
}

static int set_index(void *target, const struct json_value *v, struct error *err)
{
        ((struct reading *)target)->index = v->integer;
        return 0;
}

/* Of a row, and, without the identity and the place, of a published entry. */
static const struct json_field row_rows[] = {
        { "Bucket", JSON_STRING, false, true, set_bucket },
        { "Key", JSON_STRING, false, true, set_key },
        { "VersionId", JSON_STRING, false, true, set_version_id },
        { "StorageClass", JSON_STRING, false, true, set_site },
        { "Size", JSON_INTEGER, false, true, set_size },
        { "LastModified", JSON_INTEGER, false, true, set_last_modified },
        { "FailedAt", JSON_INTEGER, false, true, set_failed_at },
        { "ErrorCode", JSON_STRING, false, true, set_error_code },
        { "Attempts", JSON_INTEGER, false, true, set_attempts },
        { "Role", JSON_STRING, false, true, set_role },
        { "Superseded", JSON_BOOL, false, true, set_superseded },
        { "Partition", JSON_INTEGER, false, true, set_partition },
        { "Offset", JSON_INTEGER, false, true, set_offset },
        { "Index", JSON_INTEGER, false, true, set_index },
};
static const struct json_fields row_fields = { row_rows, sizeof row_rows / sizeof *row_rows, true };

static void begin_element(struct reading *r)
{
        r->row = (struct failure){
                .state = FAILURE_FAILED,
                .size = -1,
                .last_modified_ms = TIME_UNKNOWN,
                .failed_at_ms = TIME_UNKNOWN,
                .timestamp_ms = TIME_UNKNOWN,
                .attempts = -1,
                .partition = -1,
                .offset = -1,
                .entry_offset = -1,
        };
        r->index = -1;
        json_object_begin(&r->element, &row_fields, r, 3);
}

static int mark(struct reading *r, const struct json_value *v, enum retry_result result,
                struct error *err)
{
        struct peer_call *call = r->call;

        if (v->type != JSON_INTEGER || v->integer < 0 || (uint64_t)v->integer >= call->n_entries)
                return refuse(err);
        call->entries[v->integer]->result = result;
        return 0;
}

static int mark_absent(struct reading *r, const struct json_value *v, struct error *err)
{
        struct peer_call *call = r->call;

        if (v->type != JSON_INTEGER || v->integer < 0 || (uint64_t)v->integer >= call->n_doubtful)
                return refuse(err);
        call->doubtful[v->integer]->absent = true;
        return 0;
}

static int take_element(struct reading *r, const struct json_value *v, struct error *err)
{
        switch (r->takes) {
        case TAKES_ROWS:
        case TAKES_PUBLISHED:
                begin_element(r);
                return v->type == JSON_OBJECT ? 0 : refuse(err);
        case TAKES_FAILED:
                return mark(r, v, RETRY_FAILED, err);
        case TAKES_UNKNOWN:
                return mark(r, v, RETRY_UNKNOWN, err);
        case TAKES_MISSING:
                if (v->type != JSON_INTEGER || v->integer < 0 || v->integer >= LIMIT_PARTITIONS)
                        return refuse(err);
                partition_set_add(&r->call->missing, (int)v->integer);
                return 0;
        case TAKES_ABSENT:
                return mark_absent(r, v, err);
        case TAKES_NOTHING:
                break;
        }
        return 0;
}

static int on_value(void *data, unsigned depth, struct str name, const struct json_value *v,
                    struct error *err)
{
        struct reading *r = data;

        if (depth == 0)
                return v->type == JSON_OBJECT ? 0 : refuse(err);
        if (depth == 1) {
                r->takes = TAKES_NOTHING;
                return json_object_value(&r->top, depth, name, v, err);
        }
        if (depth == 2)
                return take_element(r, v, err);
        if (r->takes == TAKES_ROWS || r->takes == TAKES_PUBLISHED)
                return json_object_value(&r->element, depth, name, v, err);
        return 0;
}

static int add_row(struct reading *r, struct error *err)
{
        struct peer_call *call = r->call;

        if (r->row.id.bucket.base == NULL || r->row.id.key.base == NULL ||
            r->row.id.version_id.base == NULL || r->row.id.site.base == NULL ||
            r->row.partition < 0 || r->row.offset < 0)
                return refuse(err);
        if (call->n_rows == r->capacity) {
                size_t capacity = r->capacity > 0 ? 2 * r->capacity : FIRST_CAPACITY;
                struct failure *grown = arena_array(call->arena, capacity, sizeof *grown);

                if (grown == NULL)
                        return error_set(err, ERR_UNAVAILABLE, "the peer's answer is too large");
                if (call->n_rows > 0)
                        memcpy(grown, call->rows, call->n_rows * sizeof *grown);
                call->rows = grown;
                r->capacity = capacity;
        }
        call->rows[call->n_rows++] = r->row;
        return 0;
}

static int add_published(struct reading *r, struct error *err)
{
        struct peer_call *call = r->call;
        struct retry_entry *entry;

        if (r->index < 0 || (uint64_t)r->index >= call->n_entries)
                return refuse(err);
        entry = call->entries[r->index];
        entry->failure = arena_alloc(call->arena, sizeof *entry->failure);
        if (entry->failure == NULL)
                return error_set(err, ERR_UNAVAILABLE, "the peer's answer is too large");
        *entry->failure = r->row;
        entry->failure->id = entry->id;
        entry->failure->state = FAILURE_PENDING;
        entry->result = RETRY_PUBLISHED;
        return 0;
}

static int on_end(void *data, unsigned depth, enum json_type container, struct error *err)
{
        struct reading *r = data;

        if (depth != 2)
                return 0;
        if (r->takes == TAKES_ROWS)
                return add_row(r, err);
        return r->takes == TAKES_PUBLISHED ? add_published(r, err) : 0;
}

static const struct json_events events = { .value = on_value, .end = on_end };

int peer_answer_read(struct json_reader *json, struct str text, struct peer_call *call,
                     struct error *err)
{
        struct reading r = { .call = call };

        call->known_below = UINT64_MAX;
        for (size_t i = 0; i < call->n_entries; i++)
                call->entries[i]->result = RETRY_SKIPPED;
        json_object_begin(&r.top, &top_fields, &r, 1);
        if (json_read(json, text, &events, &r, err) == 0)
                return 0;
        return error_set(err, ERR_UNAVAILABLE, "the peer's answer is not understood");
}
