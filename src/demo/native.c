/* SPDX-License-Identifier: Apache-2.0 */
/* The native pipeline: failures and outcomes go into the failure log itself. */
#include <stdlib.h>
#include <string.h>

#include "crr/base/json_read.h"
#include "crr/base/limits.h"
#include "crr/core/failure_codec.h"
#include "crr/core/identity.h"
#include "generator.h"
#include "pipeline.h"

struct native {
        const struct options *options;
        struct writer *writer;
        rd_kafka_topic_t *failures;
        struct generator generator;
        struct buf entry;
        struct json_reader *json;
};

static void native_close(void *data)
{
        struct native *p = data;

        if (p->failures != NULL)
                rd_kafka_topic_destroy(p->failures);
        json_reader_free(p->json);
        buf_deinit(&p->entry);
        free(p);
}

static void *native_open(const struct options *o, struct writer *w)
{
        struct native *p = calloc(1, sizeof *p);

        if (p == NULL)
                abort();
        *p = (struct native){ .options = o, .writer = w };
        generator_init(&p->generator, o->seed, o->sites, o->buckets, o->entries);
        buf_init(&p->entry, SIZE_MAX);
        p->json = json_reader_new(LIMIT_JSON_DEPTH);
        p->failures = writer_open_topic(w, o->failures_topic);
        if (p->failures != NULL)
                return p;
        native_close(p);
        return NULL;
}

static void put(struct native *p, const struct failure *f, struct str entry)
{
        struct writer *w = p->writer;

        buf_clear(&w->key);
        identity_write_key(&f->id, &w->key);
        buf_clear(&w->value);
        failure_encode(f, STR("crr-demo"), entry, &w->value);
        writer_send(w, p->failures, buf_str(&w->key), buf_str(&w->value));
}

static void put_tombstone(struct native *p, const struct identity *id)
{
        struct writer *w = p->writer;

        buf_clear(&w->key);
        identity_write_key(id, &w->key);
        writer_send(w, p->failures, buf_str(&w->key), STR_ABSENT);
}

static void native_feed(void *data, uint64_t n)
{
        struct native *p = data;
        struct failure failure;
        bool has_entry;

        generator_failure(&p->generator, n, &failure, &has_entry);
        buf_clear(&p->entry);
        if (has_entry)
                generator_entry(&failure.id, &p->entry);
        put(p, &failure, has_entry ? buf_str(&p->entry) : STR_ABSENT);
}

/* READING A RETRY ENTRY: its value names the identity, natively or as the Entry of this demo. */

struct target {
        char bucket[LIMIT_BUCKET_BYTES], key[LIMIT_KEY_BYTES];
        char version_id[LIMIT_VERSION_ID_BYTES], site[LIMIT_SITE_BYTES];
        struct identity id;
        struct json_object object;
};

static int keep(char *to, size_t room, struct str from, struct str *ret, struct error *err)
{
        if (from.len > room)
                return error_set(err, ERR_BAD_JSON, "too long");
        memcpy(to, from.base, from.len);
        *ret = (struct str){ to, from.len };
        return 0;
}

static int set_bucket(void *target, const struct json_value *v, struct error *err)
{
        struct target *t = target;

        return keep(t->bucket, sizeof t->bucket, v->text, &t->id.bucket, err);
}

static int set_key(void *target, const struct json_value *v, struct error *err)
{
        struct target *t = target;

        return keep(t->key, sizeof t->key, v->text, &t->id.key, err);
}

static int set_version_id(void *target, const struct json_value *v, struct error *err)
{
        struct target *t = target;

        return keep(t->version_id, sizeof t->version_id, v->text, &t->id.version_id, err);
}

static int set_site(void *target, const struct json_value *v, struct error *err)
{
        struct target *t = target;

        return keep(t->site, sizeof t->site, v->text, &t->id.site, err);
}

static const struct json_field rows[] = {
        { "Bucket", JSON_STRING, true, true, set_bucket },
        { "Key", JSON_STRING, true, true, set_key },
        { "VersionId", JSON_STRING, true, true, set_version_id },
        { "StorageClass", JSON_STRING, true, true, set_site },
};
static const struct json_fields fields = { rows, sizeof rows / sizeof *rows, true };

static int on_value(void *data, unsigned depth, struct str name, const struct json_value *v,
                    struct error *err)
{
        struct target *t = data;

        return depth == 0 ? 0 : json_object_value(&t->object, depth, name, v, err);
}

static const struct json_events events = { .value = on_value };

static bool read_entry(struct native *p, struct str value, struct target *t)
{
        struct error err;

        t->id = (struct identity){ 0 };
        json_object_begin(&t->object, &fields, t, 1);
        return json_read(p->json, value, &events, t, &err) == 0 &&
               json_object_end(&t->object, &err) == 0;
}

static enum taken native_take(void *data, struct str value, unsigned attempt)
{
        struct native *p = data;
        struct target target;
        struct failure again = {
                .state = FAILURE_FAILED,
                .size = -1,
                .last_modified_ms = TIME_UNKNOWN,
                .failed_at_ms = TIME_UNKNOWN,
                .retried_at_ms = TIME_UNKNOWN,
                .attempts = (int32_t)attempt,
                .error_code = STR("ServiceUnavailable"),
                .entry_offset = -1,
        };

        if (!read_entry(p, value, &target))
                return TAKEN_UNREADABLE;
        again.id = target.id;
        if (generator_fails_again(&target.id, attempt, p->options->refail)) {
                put(p, &again, STR_ABSENT);
                return TAKEN_FAILED_AGAIN;
        }
        put_tombstone(p, &target.id);
        return TAKEN_COMPLETED;
}

const struct speech native_speech = { native_open, native_close, native_feed, native_take };
