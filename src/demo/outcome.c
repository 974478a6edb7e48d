/* SPDX-License-Identifier: Apache-2.0 */
#include "outcome.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "crr/base/json_read.h"
#include "crr/base/json_write.h"
#include "crr/base/limits.h"
#include "crr/base/siphash.h"
#include "metadata.h"

struct outcome_reader {
        struct json_reader *json;
        struct buf bucket, key, site, version_id, metadata; /* of the entry */
        struct buf rewritten;

        /* Where in the metadata the reading is: in replicationInfo, in its backends. */
        bool in_info, in_backends;
        unsigned n_backends;
        bool is_pending, is_of_site; /* false once something else was said */
        unsigned n_said;             /* how often one of both was said */

        struct json_object object; /* reading the entry */
        struct json_writer writer; /* writing the outcome's metadata */
        bool failed;
};

struct outcome_reader *outcome_reader_new(void)
{
        struct outcome_reader *r = calloc(1, sizeof *r);

        if (r == NULL)
                abort();
        r->json = json_reader_new(LIMIT_METADATA_DEPTH);
        buf_init(&r->bucket, LIMIT_BUCKET_BYTES);
        buf_init(&r->key, LIMIT_KEY_BYTES);
        buf_init(&r->site, LIMIT_SITE_BYTES);
        buf_init(&r->version_id, LIMIT_VERSION_ID_BYTES);
        buf_init(&r->metadata, SIZE_MAX);
        buf_init(&r->rewritten, SIZE_MAX);
        return r;
}

void outcome_reader_free(struct outcome_reader *r)
{
        if (r == NULL)
                return;
        json_reader_free(r->json);
        buf_deinit(&r->bucket);
        buf_deinit(&r->key);
        buf_deinit(&r->site);
        buf_deinit(&r->version_id);
        buf_deinit(&r->metadata);
        buf_deinit(&r->rewritten);
        free(r);
}

/* THE ENTRY */

static int keep(struct buf *to, struct str from, struct error *err)
{
        buf_clear(to);
        buf_append_str(to, from);
        return to->overflow ? error_set(err, ERR_BAD_JSON, "too long") : 0;
}

static int set_bucket(void *target, const struct json_value *v, struct error *err)
{
        struct outcome_reader *r = target;

        return keep(&r->bucket, v->text, err);
}

/* Up to the U+0000 that divides a "versioned" key from its version. */
static int set_key(void *target, const struct json_value *v, struct error *err)
{
        struct outcome_reader *r = target;
        struct str key = v->text, version;

        str_split(v->text, '\0', &key, &version);
        return keep(&r->key, key, err);
}

static int set_value(void *target, const struct json_value *v, struct error *err)
{
        struct outcome_reader *r = target;

        return keep(&r->metadata, v->text, err);
}

static int set_site(void *target, const struct json_value *v, struct error *err)
{
        struct outcome_reader *r = target;

        return keep(&r->site, v->text, err);
}

static const struct json_field rows[] = {
        { "bucket", JSON_STRING, true, true, set_bucket },
        { "key", JSON_STRING, true, true, set_key },
        { "value", JSON_STRING, true, true, set_value },
        { "site", JSON_STRING, true, true, set_site },
};
static const struct json_fields fields = { rows, sizeof rows / sizeof *rows, true };

static int on_entry_value(void *data, unsigned depth, struct str name, const struct json_value *v,
                          struct error *err)
{
        struct outcome_reader *r = data;

        return depth == 0 ? 0 : json_object_value(&r->object, depth, name, v, err);
}

/* ITS METADATA: {"versionId", "replicationInfo": {"status", "storageClass", "backends": [{"site",
 * "status"}]}} is what counts; both readings below walk it alike. */

enum place { PLACE_OTHER, PLACE_VERSION_ID, PLACE_STATUS, PLACE_SITE, PLACE_STORE_ID };

static enum place place_of(struct outcome_reader *r, unsigned depth, struct str name)
{
        if (depth == 1)
                r->in_info = str_eq_c(name, "replicationInfo");
        if (depth <= 2)
                r->in_backends = depth == 2 && r->in_info && str_eq_c(name, "backends");
        r->n_backends += depth == 3 && r->in_backends;
        if (depth == 1 && str_eq_c(name, "versionId"))
                return PLACE_VERSION_ID;
        if (depth == 2 && r->in_info && str_eq_c(name, "storageClass"))
                return PLACE_SITE;
        if ((depth != 2 || !r->in_info) && (depth != 4 || !r->in_backends))
                return PLACE_OTHER;
        if (str_eq_c(name, "status"))
                return PLACE_STATUS;
        if (depth == 4 && str_eq_c(name, "site"))
                return PLACE_SITE;
        return depth == 4 && str_eq_c(name, "dataStoreVersionId") ? PLACE_STORE_ID : PLACE_OTHER;
}

static void begin_metadata(struct outcome_reader *r)
{
        r->in_info = r->in_backends = false;
        r->n_backends = r->n_said = 0;
        r->is_pending = r->is_of_site = true;
}

static int check_value(void *data, unsigned depth, struct str name, const struct json_value *v,
                       struct error *err)
{
        struct outcome_reader *r = data;
        enum place place = place_of(r, depth, name);
        struct str text = v->type == JSON_STRING ? v->text : STR("");

        if (place == PLACE_VERSION_ID)
                return keep(&r->version_id, text, err);
        if (place == PLACE_STATUS)
                r->is_pending &= str_eq_c(text, "PENDING");
        if (place == PLACE_SITE)
                r->is_of_site &= str_eq(text, buf_str(&r->site));
        r->n_said += place == PLACE_STATUS || place == PLACE_SITE;
        return 0;
}

bool outcome_read(struct outcome_reader *r, struct str value, struct retry_entry *ret)
{
        static const struct json_events of_entry = { .value = on_entry_value };
        static const struct json_events of_metadata = { .value = check_value };
        struct error err;

        json_object_begin(&r->object, &fields, r, 1);
        buf_clear(&r->version_id);
        if (json_read(r->json, value, &of_entry, r, &err) != 0 ||
            json_object_end(&r->object, &err) != 0)
                return false;
        begin_metadata(r);
        if (json_read(r->json, buf_str(&r->metadata), &of_metadata, r, &err) != 0)
                return false;
        /* Two statuses and two sites: the whole one's and the backend's. */
        if (r->n_backends != 1 || r->n_said != 4 || !r->is_pending || !r->is_of_site)
                return false;
        *ret = (struct retry_entry){
                .bucket = buf_str(&r->bucket),
                .key = buf_str(&r->key),
                .site = buf_str(&r->site),
                .version_id = buf_str(&r->version_id),
        };
        return true;
}

/* THE OUTCOME */

/* The name that the other store gave the version. */
static void write_store_id(struct outcome_reader *r)
{
        struct siphash_key key = { { 0 } };
        struct buf text;

        buf_init(&text, SIZE_MAX);
        buf_printf(&text, "%016" PRIx64, siphash13(&key, r->metadata.base, r->metadata.len));
        json_str(&r->writer, buf_str(&text));
        buf_deinit(&text);
}

static int rewrite_value(void *data, unsigned depth, struct str name, const struct json_value *v,
                         struct error *err)
{
        struct outcome_reader *r = data;
        enum place place = place_of(r, depth, name);

        if (name.base != NULL)
                json_key_str(&r->writer, name);
        if (place == PLACE_STATUS)
                json_c(&r->writer, r->failed ? "FAILED" : "COMPLETED");
        else if (place == PLACE_STORE_ID && v->type == JSON_STRING && !r->failed)
                write_store_id(r);
        else
                json_copy(&r->writer, v);
        return 0;
}

static int rewrite_end(void *data, unsigned depth, enum json_type container, struct error *err)
{
        struct outcome_reader *r = data;

        if (container == JSON_OBJECT)
                json_object_close(&r->writer);
        else
                json_array_close(&r->writer);
        return 0;
}

void outcome_write(struct outcome_reader *r, bool failed, struct buf *out)
{
        static const struct json_events events = { .value = rewrite_value, .end = rewrite_end };
        struct error err;
        int bad;

        r->failed = failed;
        buf_clear(&r->rewritten);
        json_writer_init(&r->writer, &r->rewritten);
        begin_metadata(r);
        bad = json_read(r->json, buf_str(&r->metadata), &events, r, &err);
        assert(bad == 0);
        metadata_write_queue_entry(
                &(struct queue_entry){
                        .bucket = buf_str(&r->bucket),
                        .key = buf_str(&r->key),
                        .version_id = buf_str(&r->version_id),
                        .site = buf_str(&r->site),
                        .metadata = buf_str(&r->rewritten),
                },
                out);
}
