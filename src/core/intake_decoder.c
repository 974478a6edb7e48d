/* SPDX-License-Identifier: Apache-2.0 */
#include "crr/core/intake_decoder.h"

#include <stdlib.h>

#include "backbeat_private.h"
#include "crr/base/limits.h"
#include "failure_fields.h"
#include "intake_decoder_private.h"
#include "span.h"

#define RECORD_DEPTH 64 /* what Backbeat adds to its records is not ours to judge */

struct intake_decoder *intake_decoder_new(size_t max_value_bytes, bool has_roles)
{
        struct intake_decoder *d = calloc(1, sizeof *d);

        if (d == NULL)
                abort();
        d->json = json_reader_new(RECORD_DEPTH);
        d->max_value_bytes = max_value_bytes;
        d->has_roles = has_roles;
        buf_init(&d->strings, SIZE_MAX);
        buf_init(&d->role, SIZE_MAX);
        d->native = failure_decoder_new(max_value_bytes);
        d->metadata = backbeat_reader_new();
        return d;
}

void intake_decoder_free(struct intake_decoder *d)
{
        if (d == NULL)
                return;
        json_reader_free(d->json);
        buf_deinit(&d->strings);
        buf_deinit(&d->role);
        failure_decoder_free(d->native);
        backbeat_reader_free(d->metadata);
        free(d->items);
        free(d);
}

struct intake_item *intake_add_item(struct intake_decoder *d)
{
        struct intake_item *item;

        if (d->n == d->capacity) {
                d->capacity = d->capacity > 0 ? 2 * d->capacity : 8;
                d->items = realloc(d->items, d->capacity * sizeof *d->items);
                if (d->items == NULL)
                        abort();
        }
        item = &d->items[d->n++];
        *item = (struct intake_item){ .completed = false };
        failure_unknown(&item->failure);
        item->failure.timestamp_ms = d->timestamp_ms;
        return item;
}

/* THE TOP LEVEL */

struct top_target {
        struct str text;
        struct buf *strings;
        struct intake_top *top;
        struct span spans[INTAKE_MEMBERS];
        struct json_object object;
};

/* A string, or null. */
static int set_text(struct top_target *t, enum intake_member member, const struct json_value *v)
{
        if (v->type == JSON_STRING)
                t->spans[member] = span_keep(v->text, t->text, t->strings);
        return 0;
}

#define TEXT_SETTER(name, member)                                                    \
        static int name(void *target, const struct json_value *v, struct error *err) \
        {                                                                            \
                (void)err;                                                           \
                return set_text(target, member, v);                                  \
        }
TEXT_SETTER(set_key, INTAKE_KEY)
TEXT_SETTER(set_member, INTAKE_MEMBER)
TEXT_SETTER(set_bucket, INTAKE_BUCKET)
TEXT_SETTER(set_value, INTAKE_VALUE)
TEXT_SETTER(set_site, INTAKE_SITE)

/* Milliseconds, as a number or as its digits. */
static int set_score(void *target, const struct json_value *v, struct error *err)
{
        int64_t *score_ms = &((struct top_target *)target)->top->score_ms;
        unsigned long long ms;

        if (v->type != JSON_STRING)
                return failure_field_time(v, score_ms, err);
        if (!str_to_u64(v->text, TIME_LAST, &ms))
                return failure_field_refuse(err);
        *score_ms = (int64_t)ms;
        return 0;
}

/* What is set to nothing is as if it were not there. */
static int set_mark(void *target, const struct json_value *v, struct error *err)
{
        bool is_nothing = v->type == JSON_NULL || (v->type == JSON_BOOL && !v->boolean) ||
                          (v->type == JSON_STRING && v->text.len == 0);

        (void)target;
        return is_nothing ? failure_field_refuse(err) : 0;
}

static int set_nothing(void *target, const struct json_value *v, struct error *err)
{
        (void)target;
        (void)v;
        (void)err;
        return 0;
}

#define TEXT (JSON_STRING | JSON_NULL)
#define ANY  (TEXT | JSON_BOOL | JSON_INTEGER | JSON_NUMBER | JSON_OBJECT | JSON_ARRAY)
/* No row is strict: whether a bad value matters is known when the shape is. */
static const struct json_field rows[] = {
        [INTAKE_KEY] = { "key", TEXT, false, false, set_key },
        [INTAKE_MEMBER] = { "member", TEXT, false, false, set_member },
        [INTAKE_SCORE] = { "score", JSON_INTEGER | TEXT, false, false, set_score },
        [INTAKE_BUCKET] = { "bucket", TEXT, false, false, set_bucket },
        [INTAKE_VALUE] = { "value", TEXT, false, false, set_value },
        [INTAKE_SITE] = { "site", TEXT, false, false, set_site },
        [INTAKE_CANARY] = { "canary", ANY, false, false, set_mark },
        [INTAKE_BOOTSTRAP] = { "bootstrapId", ANY, false, false, set_mark },
        [INTAKE_NATIVE_BUCKET] = { "Bucket", ANY, false, false, set_nothing },
        [INTAKE_NATIVE_KEY] = { "Key", ANY, false, false, set_nothing },
        [INTAKE_NATIVE_SITE] = { "StorageClass", ANY, false, false, set_nothing },
};
static const struct json_fields fields = { rows, sizeof rows / sizeof *rows, true };

const char *intake_member_name(enum intake_member member)
{
        return rows[member].name;
}

static int on_value(void *data, unsigned depth, struct str name, const struct json_value *v,
                    struct error *err)
{
        struct top_target *t = data;

        if (depth > 0)
                return json_object_value(&t->object, depth, name, v, err);
        if (v->type == JSON_OBJECT)
                return 0;
        return error_set(err, ERR_BAD_JSON, "the value is not an object");
}

static const struct json_events events = { .value = on_value };

static enum reject_cause read_top(struct intake_decoder *d, struct str value,
                                  struct intake_top *ret, struct error *err)
{
        struct top_target t = { .text = value, .strings = &d->strings, .top = ret };
        const uint64_t marks = INTAKE_BIT(CANARY) | INTAKE_BIT(BOOTSTRAP);

        *ret = (struct intake_top){ .score_ms = TIME_UNKNOWN };
        buf_clear(&d->strings);
        json_object_begin(&t.object, &fields, &t, 1);
        if (json_read(d->json, value, &events, &t, err) != 0)
                return reject_cause_of(json_reader_fault(d->json), REJECT_NOT_JSON);
        for (size_t i = 0; i < INTAKE_MEMBERS; i++)
                ret->texts[i] = span_str(t.spans[i], &d->strings);
        ret->bad = t.object.ignored;
        ret->seen = t.object.seen & ~(t.object.ignored & marks);
        return REJECT_NONE;
}

/* SHAPES */

static enum reject_cause take_native(struct intake_decoder *d, const struct log_record *record,
                                     const struct intake_top *top, struct error *err)
{
        struct log_record bare = { .timestamp_ms = record->timestamp_ms,
                                   .value = record->value,
                                   .settles = -1 };
        struct decoded_record decoded;
        enum reject_cause cause = failure_decode_value(d->native, &bare, &decoded, err);
        struct intake_item *item;

        (void)top;
        if (cause != REJECT_NONE)
                return cause;
        d->ignored_fields = decoded.ignored_fields;
        if (decoded.outcome == RECORD_PENDING)
                return REJECT_NONE;
        item = intake_add_item(d);
        item->completed = decoded.outcome == RECORD_COMPLETED;
        item->failure = decoded.failure;
        item->failure.entry_offset = -1; /* it has no place in the failure log yet */
        if (!item->completed)
                item->value = record->value;
        return REJECT_NONE;
}

static enum reject_cause take_failed_entry(struct intake_decoder *d,
                                           const struct log_record *record,
                                           const struct intake_top *top, struct error *err)
{
        (void)record;
        return backbeat_take_failed_entry(d, top, err);
}

static enum reject_cause take_queue_entry(struct intake_decoder *d, const struct log_record *record,
                                          const struct intake_top *top, struct error *err)
{
        (void)record;
        return backbeat_take_queue_entry(d, top, err);
}

/* A record that Backbeat writes to see whether its topics work. */
static enum reject_cause skip(struct intake_decoder *d, const struct log_record *record,
                              const struct intake_top *top, struct error *err)
{
        (void)d;
        (void)record;
        (void)top;
        (void)err;
        return REJECT_NONE;
}

#define NATIVE (INTAKE_BIT(NATIVE_BUCKET) | INTAKE_BIT(NATIVE_KEY) | INTAKE_BIT(NATIVE_SITE))
/* The first that fits. Native values may have any members besides their own, so they come first;
 * what has but a part of an identity comes last, and is told what it lacks. */
static const struct shape {
        enum intake_format format;
        uint64_t all_of, any_of; /* members that it has; any_of 0: no matter */
        enum reject_cause (*take)(struct intake_decoder *d, const struct log_record *record,
                                  const struct intake_top *top, struct error *err);
} shapes[] = {
        { INTAKE_NATIVE, NATIVE, 0, take_native },
        { INTAKE_FAILED_ENTRY, INTAKE_BIT(KEY) | INTAKE_BIT(MEMBER), 0, take_failed_entry },
        { INTAKE_QUEUE_ENTRY, 0, INTAKE_BIT(CANARY) | INTAKE_BIT(BOOTSTRAP), skip },
        { INTAKE_QUEUE_ENTRY, INTAKE_BIT(BUCKET) | INTAKE_BIT(KEY) | INTAKE_BIT(VALUE), 0,
          take_queue_entry },
        { INTAKE_NATIVE, 0, NATIVE, take_native },
};

const char *intake_format_name(enum intake_format format)
{
        static const char *const names[] = {
                [INTAKE_FAILED_ENTRY] = "failed_entry",
                [INTAKE_QUEUE_ENTRY] = "queue_entry",
                [INTAKE_NATIVE] = "native",
        };

        return names[format];
}

static const struct shape *shape_of(const struct intake_top *top)
{
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
                const struct shape *s = &shapes[i];

                if ((top->seen & s->all_of) == s->all_of &&
                    (s->any_of == 0 || (top->seen & s->any_of) != 0))
                        return s;
        }
        return NULL;
}

static enum reject_cause check_size(const struct intake_decoder *d, struct str value,
                                    struct error *err)
{
        if (value.base == NULL) {
                error_set(err, ERR_BAD_JSON, "the record has no value");
                return REJECT_UNKNOWN_FORMAT;
        }
        if (value.len > d->max_value_bytes) {
                error_set(err, ERR_TOO_LARGE, "the value has %zu bytes, more than %zu", value.len,
                          d->max_value_bytes);
                return REJECT_TOO_LARGE;
        }
        return REJECT_NONE;
}

enum reject_cause intake_decode(struct intake_decoder *d, const struct log_record *record,
                                struct intake_decoded *ret, struct error *err)
{
        const struct shape *shape;
        struct intake_top top;
        enum reject_cause cause = check_size(d, record->value, err);

        d->n = 0;
        d->ignored_fields = 0;
        d->timestamp_ms = record->timestamp_ms;
        if (cause == REJECT_NONE)
                cause = read_top(d, record->value, &top, err);
        if (cause != REJECT_NONE)
                return cause;
        shape = shape_of(&top);
        if (shape == NULL) {
                error_set(err, ERR_BAD_JSON,
                          "neither a failed entry, nor a queue entry, nor a native value");
                return REJECT_UNKNOWN_FORMAT;
        }
        cause = shape->take(d, record, &top, err);
        if (cause == REJECT_NONE)
                *ret = (struct intake_decoded){
                        .format = shape->format,
                        .items = d->items,
                        .n = d->n,
                        .ignored_fields = d->ignored_fields,
                };
        return cause;
}
