/* SPDX-License-Identifier: Apache-2.0 */
#include "crr_body.h"

#include <assert.h>
#include <stdint.h>

#include "crr/base/limits.h"
#include "crr/core/identity.h"

/* What a correct element takes in the body at least, with its comma or bracket. */
#define SMALLEST_TEXT    "{\"Bucket\":\"b\",\"Key\":\"k\",\"StorageClass\":\"s\"},"
#define SMALLEST_ELEMENT (sizeof SMALLEST_TEXT - 1)

int crr_body_init(struct crr_body *b, struct str text, size_t max_elements, struct arena *arena,
                  struct error *err)
{
        *b = (struct crr_body){ .text = text, .arena = arena, .max_elements = max_elements };
        b->capacity = text.len / SMALLEST_ELEMENT + 1;
        if (b->capacity > max_elements)
                b->capacity = max_elements;
        b->entries = arena_room(arena, b->capacity, sizeof *b->entries);
        if (b->entries == NULL)
                return error_set(err, ERR_TOO_LARGE, "the body needs too much memory");
        return 0;
}

/* A string without escapes mostly stands in the body as it is, and so needs no copy. */
static struct str keep(const struct crr_body *b, struct str s)
{
        uintptr_t body = (uintptr_t)b->text.base, at = (uintptr_t)s.base;

        if (at >= body && at + s.len <= body + b->text.len)
                return s;
        return s.len > 0 ? arena_str(b->arena, s) : STR("");
}

/* What cannot be right is not copied; identity_check() says the rest. */
static int set_str(struct crr_body *b, struct str *ret, const char *name, size_t max,
                   const struct json_value *v, struct error *err)
{
        if (v->text.len > max)
                return error_set(err, ERR_MALFORMED_POST, "%s must be at most %zu bytes, is %zu",
                                 name, max, v->text.len);
        *ret = keep(b, v->text);
        if (ret->base == NULL)
                return error_set(err, ERR_TOO_LARGE, "the body needs too much memory");
        return 0;
}

static int set_bucket(void *target, const struct json_value *v, struct error *err)
{
        struct crr_body *b = target;

        return set_str(b, &b->element.id.bucket, "Bucket", LIMIT_BUCKET_BYTES, v, err);
}

static int set_key(void *target, const struct json_value *v, struct error *err)
{
        struct crr_body *b = target;

        return set_str(b, &b->element.id.key, "Key", LIMIT_KEY_BYTES, v, err);
}

static int set_version_id(void *target, const struct json_value *v, struct error *err)
{
        struct crr_body *b = target;

        return set_str(b, &b->element.id.version_id, "VersionId", LIMIT_VERSION_ID_BYTES, v, err);
}

static int set_site(void *target, const struct json_value *v, struct error *err)
{
        struct crr_body *b = target;

        return set_str(b, &b->element.id.site, "StorageClass", LIMIT_SITE_BYTES, v, err);
}

static int set_force(void *target, const struct json_value *v, struct error *err)
{
        struct crr_body *b = target;

        b->element.force = v->boolean;
        return 0;
}

static const struct json_field rows[] = {
        { "Bucket", JSON_STRING, true, true, set_bucket },
        { "Key", JSON_STRING, true, true, set_key },
        { "VersionId", JSON_STRING, false, true, set_version_id },
        { "StorageClass", JSON_STRING, true, true, set_site },
        { "ForceRetry", JSON_BOOL, false, true, set_force },
};

static const struct json_fields fields = {
        .rows = rows,
        .n = sizeof rows / sizeof *rows,
        .unknown_allowed = true,
};

/* "element 3: ..."; too much of everything is not the fault of one element. */
static int blame_element(const struct crr_body *b, struct error *err)
{
        if (err->code == ERR_TOO_LARGE)
                return err->code;
        return error_prefix(err, "element %zu", b->n);
}

static int begin_element(struct crr_body *b, const struct json_value *v, struct error *err)
{
        if (b->n == b->max_elements)
                return error_set(err, ERR_TOO_LARGE, "more than %zu elements (http.max_elements)",
                                 b->max_elements);
        if (v->type != JSON_OBJECT)
                return error_set(err, ERR_MALFORMED_POST, "element %zu: must be an object", b->n);
        b->element = (struct retry_entry){ .id.version_id = STR("") };
        json_object_begin(&b->object, &fields, b, 2);
        return 0;
}

static int on_value(void *data, unsigned depth, struct str name, const struct json_value *v,
                    struct error *err)
{
        struct crr_body *b = data;

        if (depth == 0 && v->type != JSON_ARRAY)
                return error_set(err, ERR_MALFORMED_POST, "the body must be an array of objects");
        if (depth == 0)
                return 0;
        if (depth == 1)
                return begin_element(b, v, err);
        if (json_object_value(&b->object, depth, name, v, err) != 0)
                return blame_element(b, err);
        return 0;
}

static int on_end(void *data, unsigned depth, enum json_type container, struct error *err)
{
        struct crr_body *b = data;

        if (depth != 1)
                return 0;
        if (json_object_end(&b->object, err) != 0 || identity_check(&b->element.id, err) != 0)
                return blame_element(b, err);
        /* A correct element is no smaller than what the capacity was computed from. */
        assert(b->n < b->capacity);
        b->entries[b->n++] = b->element;
        return 0;
}

const struct json_events crr_body_events = { .value = on_value, .end = on_end };

int crr_body_finish(const struct crr_body *b, struct error *err)
{
        if (b->n == 0)
                return error_set(err, ERR_MALFORMED_POST, "the array is empty");
        return 0;
}
