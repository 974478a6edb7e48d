/* SPDX-License-Identifier: Apache-2.0 */
#include "crr/core/backbeat_metadata.h"

#include <stdlib.h>
#include <string.h>

#include "backbeat_private.h"
#include "crr/base/limits.h"
#include "failure_fields.h"

struct backbeat_reader *backbeat_reader_new(void)
{
        struct backbeat_reader *r = calloc(1, sizeof *r);

        if (r == NULL)
                abort();
        r->most = LIMIT_BACKENDS;
        r->json = json_reader_new(LIMIT_METADATA_DEPTH);
        buf_init(&r->strings, SIZE_MAX);
        buf_init(&r->info, SIZE_MAX);
        buf_init(&r->escaped, SIZE_MAX);
        return r;
}

void backbeat_reader_free(struct backbeat_reader *r)
{
        if (r == NULL)
                return;
        json_reader_free(r->json);
        buf_deinit(&r->strings);
        buf_deinit(&r->info);
        buf_deinit(&r->escaped);
        free(r->found);
        free(r->backends);
        free(r);
}

enum json_fault backbeat_reader_fault(const struct backbeat_reader *r)
{
        return json_reader_fault(r->json);
}

/* FIELDS: one table for the metadata, one for replicationInfo, one for a backend */

struct metadata_target {
        struct backbeat_reader *reader;
        struct str text;
        int64_t size, last_modified_ms;
        struct span version_id, role;
        struct json_object top, info, backend;
        bool in_info, in_backends;
        bool has_members, has_info;
        size_t info_begin, info_end; /* where its value stands */
        size_t end;                  /* of the metadata: where its last brace stands */
};

static int set_size(void *target, const struct json_value *v, struct error *err)
{
        return failure_field_size(v, &((struct metadata_target *)target)->size, err);
}

static int set_last_modified(void *target, const struct json_value *v, struct error *err)
{
        return failure_field_time(v, &((struct metadata_target *)target)->last_modified_ms, err);
}

static void append_hex(struct buf *out, struct str s)
{
        static const char hex[] = "0123456789abcdef";
        char *at = buf_reserve(out, 2 * s.len);

        for (size_t i = 0; i < s.len; i++) {
                *at++ = hex[(unsigned char)s.base[i] >> 4];
                *at++ = hex[s.base[i] & 15];
        }
        out->len += 2 * s.len;
}

static int set_version_id(void *target, const struct json_value *v, struct error *err)
{
        struct metadata_target *t = target;
        struct buf *strings = &t->reader->strings;

        if (v->type == JSON_NULL)
                return 0;
        if (v->text.len > LIMIT_VERSION_ID_BYTES / 2)
                return error_set(err, ERR_BAD_JSON, "versionId is longer than %d bytes",
                                 LIMIT_VERSION_ID_BYTES / 2);
        t->version_id = span_in_buf(strings->len, 2 * v->text.len);
        append_hex(strings, v->text);
        return 0;
}

static int set_info(void *target, const struct json_value *v, struct error *err)
{
        struct metadata_target *t = target;

        (void)err;
        t->in_info = v->type == JSON_OBJECT;
        t->has_info = true;
        t->info_end = json_reader_offset(t->reader->json);
        t->info_begin = t->info_end - (t->in_info ? strlen("{") : strlen("null"));
        return 0;
}

static int set_backends(void *target, const struct json_value *v, struct error *err)
{
        struct metadata_target *t = target;

        (void)err;
        t->in_backends = v->type == JSON_ARRAY;
        return 0;
}

/* "<of the source>,<of the destination>", or one alone. */
static int set_role(void *target, const struct json_value *v, struct error *err)
{
        struct metadata_target *t = target;
        struct str role = v->text, rest;

        if (v->type == JSON_NULL)
                return 0;
        str_split(v->text, ',', &role, &rest);
        if (role.len > LIMIT_ROLE_BYTES)
                return failure_field_refuse(err);
        if (role.len > 0)
                t->role = span_keep(role, t->text, &t->reader->strings);
        return 0;
}

static int set_site(void *target, const struct json_value *v, struct error *err)
{
        struct metadata_target *t = target;
        struct backbeat_reader *r = t->reader;

        (void)err;
        r->found[r->n - 1].site = span_keep(v->text, t->text, &r->strings);
        return 0;
}

static int set_status(void *target, const struct json_value *v, struct error *err)
{
        struct metadata_target *t = target;
        struct backbeat_reader *r = t->reader;
        enum backend_status status = BACKEND_OTHER;

        (void)err;
        if (v->type == JSON_STRING && str_eq_c(v->text, "FAILED"))
                status = BACKEND_FAILED;
        else if (v->type == JSON_STRING && str_eq_c(v->text, "COMPLETED"))
                status = BACKEND_COMPLETED;
        r->found[r->n - 1].status = status;
        return 0;
}

#define TEXT (JSON_STRING | JSON_NULL)
enum { ROW_SIZE, ROW_LAST_MODIFIED };
static const struct json_field top_rows[] = {
        [ROW_SIZE] = { "content-length", JSON_INTEGER | TEXT, false, false, set_size },
        [ROW_LAST_MODIFIED] = { "last-modified", JSON_INTEGER | TEXT, false, false,
                                set_last_modified },
        { "versionId", TEXT, false, true, set_version_id },
        { "replicationInfo", JSON_OBJECT | JSON_NULL, false, true, set_info },
};
enum { ROW_ROLE };
static const struct json_field info_rows[] = {
        [ROW_ROLE] = { "role", TEXT, false, false, set_role },
        { "backends", JSON_ARRAY | JSON_NULL, false, true, set_backends },
};
static const struct json_field backend_rows[] = {
        { "site", JSON_STRING, false, true, set_site },
        { "status", TEXT, false, true, set_status },
};
#define FIELDS(rows)                                        \
        {                                                   \
                (rows), sizeof(rows) / sizeof *(rows), true \
        }
static const struct json_fields top_fields = FIELDS(top_rows);
static const struct json_fields info_fields = FIELDS(info_rows);
static const struct json_fields backend_fields = FIELDS(backend_rows);

/* READING */

static void grow(struct backbeat_reader *r)
{
        r->capacity = r->capacity > 0 ? 2 * r->capacity : 8;
        r->found = realloc(r->found, r->capacity * sizeof *r->found);
        r->backends = realloc(r->backends, r->capacity * sizeof *r->backends);
        if (r->found == NULL || r->backends == NULL)
                abort();
}

static int begin_backend(struct metadata_target *t, const struct json_value *v, struct error *err)
{
        struct backbeat_reader *r = t->reader;

        if (v->type != JSON_OBJECT)
                return error_set(err, ERR_BAD_JSON, "not an object");
        if (r->n == r->most)
                return error_set(err, ERR_BAD_JSON, "more than %zu", r->most);
        if (r->n == r->capacity)
                grow(r);
        r->found[r->n++] = (struct found_backend){ .status = BACKEND_OTHER };
        json_object_begin(&t->backend, &backend_fields, t, 4);
        return 0;
}

static int take_info_member(struct metadata_target *t, struct str name, const struct json_value *v,
                            struct error *err)
{
        t->in_backends = false;
        if (json_object_value(&t->info, 2, name, v, err) != 0)
                return error_prefix(err, "replicationInfo");
        return 0;
}

static int take_backend(struct metadata_target *t, unsigned depth, struct str name,
                        const struct json_value *v, struct error *err)
{
        size_t index = depth == 3 ? t->reader->n : t->reader->n - 1;
        int rc = depth == 3 ? begin_backend(t, v, err)
                            : json_object_value(&t->backend, depth, name, v, err);

        return rc == 0 ? 0 : error_prefix(err, "replicationInfo.backends[%zu]", index);
}

/* metadata 0, replicationInfo 1, backends 2, a backend 3, its members 4 */
static int on_value(void *data, unsigned depth, struct str name, const struct json_value *v,
                    struct error *err)
{
        struct metadata_target *t = data;

        if (depth == 0)
                return v->type == JSON_OBJECT
                               ? 0
                               : error_set(err, ERR_BAD_JSON, "the metadata is not an object");
        if (depth == 1) {
                t->in_info = t->in_backends = false;
                t->has_members = true;
                return json_object_value(&t->top, depth, name, v, err);
        }
        if (depth == 2 && t->in_info)
                return take_info_member(t, name, v, err);
        return t->in_backends ? take_backend(t, depth, name, v, err) : 0;
}

static int on_end(void *data, unsigned depth, enum json_type container, struct error *err)
{
        struct metadata_target *t = data;

        (void)container;
        (void)err;
        if (depth == 1 && t->in_info)
                t->info_end = json_reader_offset(t->reader->json);
        if (depth == 0)
                t->end = json_reader_offset(t->reader->json) - strlen("}");
        return 0;
}

static const struct json_events events = { .value = on_value, .end = on_end };

static void place_info(const struct metadata_target *t, struct backbeat_metadata *ret)
{
        size_t begin = t->has_info ? t->info_begin : t->end;
        size_t end = t->has_info ? t->info_end : t->end;

        ret->has_members = t->has_members;
        ret->head = (struct str){ t->text.base, begin };
        ret->info = t->has_info ? (struct str){ t->text.base + begin, end - begin } : STR_ABSENT;
        ret->tail = (struct str){ t->text.base + end, t->text.len - end };
}

static uint64_t ignored_fields(const struct metadata_target *t)
{
        uint64_t ignored = 0;

        if ((t->top.ignored >> ROW_SIZE & 1) != 0)
                ignored |= failure_field_bit("Size");
        if ((t->top.ignored >> ROW_LAST_MODIFIED & 1) != 0)
                ignored |= failure_field_bit("LastModified");
        if ((t->info.ignored >> ROW_ROLE & 1) != 0)
                ignored |= failure_field_bit("Role");
        return ignored;
}

int backbeat_read(struct backbeat_reader *r, struct str metadata, struct backbeat_metadata *ret,
                  struct error *err)
{
        struct metadata_target t = {
                .reader = r, .text = metadata, .size = -1, .last_modified_ms = TIME_UNKNOWN
        };

        buf_clear(&r->strings);
        r->n = 0;
        json_object_begin(&t.top, &top_fields, &t, 1);
        json_object_begin(&t.info, &info_fields, &t, 2);
        if (json_read(r->json, metadata, &events, &t, err) != 0)
                return ERR_BAD_JSON; /* the handlers say no other */
        for (size_t i = 0; i < r->n; i++)
                r->backends[i] = (struct backbeat_backend){
                        .site = span_str(r->found[i].site, &r->strings),
                        .status = r->found[i].status,
                };
        *ret = (struct backbeat_metadata){
                .size = t.size,
                .last_modified_ms = t.last_modified_ms,
                .version_id = t.version_id.present ? span_str(t.version_id, &r->strings) : STR(""),
                .role = span_str(t.role, &r->strings),
                .backends = r->backends,
                .n_backends = r->n,
                .ignored = ignored_fields(&t),
        };
        place_info(&t, ret);
        return 0;
}
