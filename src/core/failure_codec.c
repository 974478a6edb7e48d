/* SPDX-License-Identifier: Apache-2.0 */
#include "crr/core/failure_codec.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crr/base/json_read.h"
#include "crr/base/limits.h"
#include "crr/core/identity.h"
#include "failure_fields.h"
#include "span.h"

struct failure_decoder {
        struct json_reader *json;
        size_t max_value_bytes;
        struct buf key;     /* the identity of the record's key */
        struct buf strings; /* those of the value that had escapes: positions while it grows */
};

/* What the field table fills: strings may be spans, because their buffer moves while it grows. */
struct value_target {
        struct buf *strings;
        struct decoded_record *ret;
        struct str value;
        struct span bucket, key, version_id, site, error_code, role, entry;
        bool has_retried_at;
        struct json_object object;
};

static const char *const cause_names[] = {
#define X(id, name) [REJECT_##id] = (name),
        REJECT_CAUSES(X)
#undef X
};

const char *reject_cause_name(enum reject_cause cause)
{
        return cause_names[cause];
}

const char *record_outcome_name(enum record_outcome outcome)
{
        static const char *const names[] = {
                [RECORD_FAILED] = "failed",
                [RECORD_PENDING] = "pending",
                [RECORD_COMPLETED] = "completed",
                [RECORD_TOMBSTONE] = "tombstone",
        };

        return names[outcome];
}

/* FIELDS */

static void keep(struct value_target *t, struct str text, struct span *ret)
{
        *ret = span_keep(text, t->value, t->strings);
}

static int set_bucket(void *target, const struct json_value *v, struct error *err)
{
        struct value_target *t = target;

        (void)err;
        keep(t, v->text, &t->bucket);
        return 0;
}

static int set_key(void *target, const struct json_value *v, struct error *err)
{
        struct value_target *t = target;

        (void)err;
        keep(t, v->text, &t->key);
        return 0;
}

static int set_version_id(void *target, const struct json_value *v, struct error *err)
{
        struct value_target *t = target;

        (void)err;
        keep(t, v->type == JSON_NULL ? STR("") : v->text, &t->version_id);
        return 0;
}

static int set_site(void *target, const struct json_value *v, struct error *err)
{
        struct value_target *t = target;

        (void)err;
        keep(t, v->text, &t->site);
        return 0;
}

static int set_status(void *target, const struct json_value *v, struct error *err)
{
        struct decoded_record *ret = ((struct value_target *)target)->ret;

        if (str_eq_c(v->text, "FAILED"))
                ret->outcome = RECORD_FAILED;
        else if (str_eq_c(v->text, "PENDING"))
                ret->outcome = RECORD_PENDING;
        else if (str_eq_c(v->text, "COMPLETED"))
                ret->outcome = RECORD_COMPLETED;
        else
                return error_set(err, ERR_BAD_JSON,
                                 "ReplicationStatus is not FAILED, PENDING or COMPLETED");
        return 0;
}

static int set_size(void *target, const struct json_value *v, struct error *err)
{
        return failure_field_size(v, &((struct value_target *)target)->ret->failure.size, err);
}

static int set_last_modified(void *target, const struct json_value *v, struct error *err)
{
        return failure_field_time(
                v, &((struct value_target *)target)->ret->failure.last_modified_ms, err);
}

static int set_failed_at(void *target, const struct json_value *v, struct error *err)
{
        return failure_field_time(v, &((struct value_target *)target)->ret->failure.failed_at_ms,
                                  err);
}

static int set_retried_at(void *target, const struct json_value *v, struct error *err)
{
        struct value_target *t = target;
        int rc = failure_field_time(v, &t->ret->failure.retried_at_ms, err);

        t->has_retried_at = rc == 0 && v->type != JSON_NULL;
        return rc;
}

static int set_error_code(void *target, const struct json_value *v, struct error *err)
{
        struct value_target *t = target;

        (void)err;
        if (v->type == JSON_STRING && v->text.len > 0)
                keep(t, str_cut(v->text, LIMIT_ERROR_CODE_BYTES), &t->error_code);
        return 0;
}

/* For people who read the log; it is not kept in memory. */
static int set_error_message(void *target, const struct json_value *v, struct error *err)
{
        (void)target;
        (void)v;
        (void)err;
        return 0;
}

static int set_attempts(void *target, const struct json_value *v, struct error *err)
{
        struct failure *f = &((struct value_target *)target)->ret->failure;

        if (v->type == JSON_NULL)
                return 0;
        if (v->type == JSON_NUMBER) { /* digits beyond int64_t saturate too */
                unsigned long long ignored;

                for (size_t i = 0; i < v->text.len; i++)
                        if (!str_to_u64((struct str){ v->text.base + i, 1 }, 9, &ignored))
                                return failure_field_refuse(err);
                f->attempts = LIMIT_ATTEMPTS;
                return 0;
        }
        if (v->integer < 0)
                return failure_field_refuse(err);
        f->attempts = v->integer > LIMIT_ATTEMPTS ? LIMIT_ATTEMPTS : (int32_t)v->integer;
        return 0;
}

static int set_role(void *target, const struct json_value *v, struct error *err)
{
        struct value_target *t = target;

        if (v->type == JSON_NULL)
                return 0;
        if (v->text.len > LIMIT_ROLE_BYTES)
                return failure_field_refuse(err);
        keep(t, v->text, &t->role);
        return 0;
}

static int set_entry(void *target, const struct json_value *v, struct error *err)
{
        struct value_target *t = target;

        (void)err;
        if (v->type == JSON_STRING)
                keep(t, v->text, &t->entry);
        return 0;
}

static int set_retry_id(void *target, const struct json_value *v, struct error *err)
{
        struct failure *f = &((struct value_target *)target)->ret->failure;

        if (v->type == JSON_NULL)
                return 0;
        return uuid_parse(v->text, &f->retry_id) ? 0 : failure_field_refuse(err);
}

static int set_retried_by(void *target, const struct json_value *v, struct error *err)
{
        (void)target;
        (void)v;
        (void)err;
        return 0;
}

static int set_superseded(void *target, const struct json_value *v, struct error *err)
{
        (void)err;
        if (v->type == JSON_BOOL)
                ((struct value_target *)target)->ret->failure.superseded = v->boolean;
        return 0;
}

#define TEXT  (JSON_STRING | JSON_NULL)
#define TIMES (JSON_STRING | JSON_INTEGER | JSON_NULL)
static const struct json_field rows[] = {
        { "Bucket", JSON_STRING, true, true, set_bucket },
        { "Key", JSON_STRING, true, true, set_key },
        { "VersionId", TEXT, false, true, set_version_id },
        { "StorageClass", JSON_STRING, true, true, set_site },
        { "ReplicationStatus", JSON_STRING, false, true, set_status },
        { "Size", JSON_INTEGER | TEXT, false, false, set_size },
        { "LastModified", TIMES, false, false, set_last_modified },
        { "FailedAt", TIMES, false, false, set_failed_at },
        { "ErrorCode", TEXT, false, false, set_error_code },
        { "ErrorMessage", TEXT, false, false, set_error_message },
        { "Attempts", JSON_INTEGER | JSON_NUMBER | JSON_NULL, false, false, set_attempts },
        { "Role", TEXT, false, false, set_role },
        { "Entry", TEXT, false, false, set_entry },
        { "RetryId", TEXT, false, false, set_retry_id },
        { "RetriedBy", TEXT, false, false, set_retried_by },
        { "RetriedAt", TIMES, false, false, set_retried_at },
        { "Superseded", JSON_BOOL | JSON_NULL, false, false, set_superseded },
};
static const struct json_fields fields = { rows, sizeof rows / sizeof *rows, true };

const char *failure_field_name(unsigned bit)
{
        return bit < fields.n ? rows[bit].name : NULL;
}

uint64_t failure_field_bit(const char *name)
{
        size_t i = 0;

        while (strcmp(rows[i].name, name) != 0) {
                i++;
                assert(i < fields.n);
        }
        return UINT64_C(1) << i;
}

/* DECODING */

static int on_value(void *data, unsigned depth, struct str name, const struct json_value *v,
                    struct error *err)
{
        struct value_target *t = data;

        if (depth > 0)
                return json_object_value(&t->object, depth, name, v, err);
        if (v->type == JSON_OBJECT)
                return 0;
        t->object.bad_row = SIZE_MAX; /* not a matter of fields */
        return error_set(err, ERR_BAD_JSON, "the value is not an object");
}

static const struct json_events events = { .value = on_value };

struct failure_decoder *failure_decoder_new(size_t max_value_bytes)
{
        struct failure_decoder *d = calloc(1, sizeof *d);

        if (d == NULL)
                abort();
        d->json = json_reader_new(LIMIT_JSON_DEPTH);
        d->max_value_bytes = max_value_bytes;
        buf_init(&d->key, SIZE_MAX);
        buf_init(&d->strings, SIZE_MAX);
        return d;
}

void failure_decoder_free(struct failure_decoder *d)
{
        if (d == NULL)
                return;
        json_reader_free(d->json);
        buf_deinit(&d->key);
        buf_deinit(&d->strings);
        free(d);
}

static enum reject_cause cause_of(const struct failure_decoder *d, const struct value_target *t)
{
        return reject_cause_of(json_reader_fault(d->json),
                               t->object.bad_row == SIZE_MAX ? REJECT_NOT_JSON : REJECT_BAD_FIELD);
}

static void take_strings(const struct value_target *t)
{
        const struct buf *strings = t->strings;
        struct failure *f = &t->ret->failure;

        f->id = (struct identity){
                .bucket = span_str(t->bucket, strings),
                .key = span_str(t->key, strings),
                .version_id = t->version_id.present ? span_str(t->version_id, strings) : STR(""),
                .site = span_str(t->site, strings),
        };
        f->error_code = span_str(t->error_code, strings);
        f->role = span_str(t->role, strings);
        t->ret->entry = span_str(t->entry, strings);
}

static void take_defaults(const struct value_target *t, const struct log_record *record)
{
        struct failure *f = &t->ret->failure;

        f->state = t->ret->outcome == RECORD_PENDING ? FAILURE_PENDING : FAILURE_FAILED;
        f->superseded &= t->ret->outcome == RECORD_FAILED;
        if (f->failed_at_ms == TIME_UNKNOWN && t->ret->outcome == RECORD_FAILED)
                f->failed_at_ms = record->timestamp_ms;
        if (!t->has_retried_at)
                f->retried_at_ms = record->timestamp_ms;
        f->entry_partition = record->partition;
        f->entry_offset = t->entry.present ? record->offset : -1;
        t->ret->ignored_fields = t->object.ignored;
}

/* of_key: the identity that the key names, or NULL where the key does not matter. */
static enum reject_cause check_identity(const struct identity *id, const struct identity *of_key,
                                        struct error *err)
{
        if (of_key != NULL && identity_eq(id, of_key)) /* the key's is right already */
                return REJECT_NONE;
        if (identity_check(id, err) != 0)
                return REJECT_BAD_FIELD;
        if (of_key == NULL)
                return REJECT_NONE;
        error_set(err, ERR_BAD_JSON, "the key names another identity than the value");
        return REJECT_KEY_MISMATCH;
}

static enum reject_cause decode_value(struct failure_decoder *d, const struct log_record *record,
                                      const struct identity *of_key, struct buf *strings,
                                      struct decoded_record *ret, struct error *err)
{
        struct value_target target = { .strings = strings, .ret = ret, .value = record->value };
        enum reject_cause cause;

        ret->outcome = RECORD_FAILED;
        json_object_begin(&target.object, &fields, &target, 1);
        if (json_read(d->json, record->value, &events, &target, err) != 0)
                return cause_of(d, &target);
        if (json_object_end(&target.object, err) != 0)
                return REJECT_MISSING_FIELD;
        take_strings(&target);
        cause = check_identity(&ret->failure.id, of_key, err);
        if (cause == REJECT_NONE)
                take_defaults(&target, record);
        return cause;
}

static void decode_begin(const struct log_record *record, struct decoded_record *ret)
{
        *ret = (struct decoded_record){ .outcome = RECORD_TOMBSTONE };
        failure_unknown(&ret->failure);
        ret->failure.partition = record->partition;
        ret->failure.offset = record->offset;
        ret->failure.timestamp_ms = record->timestamp_ms;
}

static bool is_too_large(const struct failure_decoder *d, const struct log_record *record,
                         struct error *err)
{
        if (record->value.len <= d->max_value_bytes)
                return false;
        error_set(err, ERR_TOO_LARGE, "the value has %zu bytes, more than %zu", record->value.len,
                  d->max_value_bytes);
        return true;
}

enum reject_cause failure_decode_keyed(struct failure_decoder *d, const struct log_record *record,
                                       const struct record_key *key, struct buf *strings,
                                       struct decoded_record *ret, struct error *err)
{
        enum reject_cause cause;

        decode_begin(record, ret);
        ret->canonical_key = key->is_canonical;
        if (!key->is_good) {
                error_set(err, ERR_BAD_JSON,
                          record->key.base == NULL ? "the record has no key"
                                                   : "the key does not name an identity");
                return REJECT_BAD_KEY;
        }
        ret->failure.id = key->id;
        if (is_too_large(d, record, err))
                return REJECT_TOO_LARGE;
        if (record->value.base == NULL)
                return REJECT_NONE;
        cause = decode_value(d, record, &key->id, strings, ret, err);
        if (cause != REJECT_NONE)
                ret->failure.id = key->id;
        return cause;
}

enum reject_cause failure_decode_value(struct failure_decoder *d, const struct log_record *record,
                                       struct decoded_record *ret, struct error *err)
{
        decode_begin(record, ret);
        buf_clear(&d->strings);
        if (is_too_large(d, record, err))
                return REJECT_TOO_LARGE;
        if (record->value.base == NULL) {
                error_set(err, ERR_BAD_JSON, "a tombstone names nothing but by its key");
                return REJECT_UNKNOWN_FORMAT;
        }
        return decode_value(d, record, NULL, &d->strings, ret, err);
}

enum reject_cause failure_decode(struct failure_decoder *d, const struct log_record *record,
                                 struct decoded_record *ret, struct error *err)
{
        struct record_key key = { .is_good = false };

        buf_clear(&d->key);
        buf_clear(&d->strings);
        key.is_good = identity_parse_key(record->key, &d->key, &key.id, &key.is_canonical);
        return failure_decode_keyed(d, record, &key, &d->strings, ret, err);
}
