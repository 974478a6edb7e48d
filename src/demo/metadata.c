/* SPDX-License-Identifier: Apache-2.0 */
#include "metadata.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "crr/base/json_write.h"
#include "crr/base/siphash.h"
#include "crr/base/url.h"

#define HOUR_MS      INT64_C(3600000)
#define DIGEST_WORDS 3

struct pair {
        const char *name, *value;
};

static void member_str(struct json_writer *w, const char *name, struct str value)
{
        json_key(w, name);
        json_str(w, value);
}

static void member_c(struct json_writer *w, const char *name, const char *value)
{
        member_str(w, name, str_from(value));
}

static void members_c(struct json_writer *w, const struct pair *pairs, size_t n)
{
        for (size_t i = 0; i < n; i++)
                member_c(w, pairs[i].name, pairs[i].value);
}

/* What stands for a digest or a name that the store would have given, another for each version and
 * purpose: 16 digits a word. */
static void member_digest(struct json_writer *w, const char *name, const struct object_version *v,
                          struct str purpose, unsigned words)
{
        char text[DIGEST_WORDS * 16 + 1];

        assert(words <= DIGEST_WORDS);
        for (unsigned n = 0; n < words; n++) {
                struct siphash_key key = { { n, siphash13(&(struct siphash_key){ { 0 } },
                                                          purpose.base, purpose.len) } };

                snprintf(text + (size_t)n * 16, 17, "%016" PRIx64,
                         siphash13(&key, v->id.base, v->id.len));
        }
        member_c(w, name, text);
}

static void write_acl(struct json_writer *w)
{
        static const char *const grants[] = { "FULL_CONTROL", "WRITE_ACP", "READ", "READ_ACP" };

        json_key(w, "acl");
        json_object_open(w);
        member_c(w, "Canned", "private");
        for (size_t i = 0; i < sizeof grants / sizeof *grants; i++) {
                json_key(w, grants[i]);
                json_array_open(w);
                json_array_close(w);
        }
        json_object_close(w);
}

/* The last one has what is over. */
static void write_part(struct json_writer *w, const struct object *o,
                       const struct object_version *v, unsigned part)
{
        int64_t size = v->size / o->n_parts, start = part * size;
        char purpose[24];

        json_object_open(w);
        snprintf(purpose, sizeof purpose, "location %u", part);
        member_digest(w, "key", v, str_from(purpose), 3);
        json_key(w, "size");
        json_int(w, part + 1 < o->n_parts ? size : v->size - start);
        json_key(w, "start");
        json_int(w, start);
        member_c(w, "dataStoreName", "us-east-1");
        member_c(w, "dataStoreType", "scality");
        snprintf(purpose, sizeof purpose, "content %u", part);
        member_digest(w, "dataStoreETag", v, str_from(purpose), 2);
        json_object_close(w);
}

static void write_location(struct json_writer *w, const struct object *o,
                           const struct object_version *v)
{
        json_key(w, "location");
        json_array_open(w);
        for (unsigned part = 0; part < o->n_parts; part++)
                write_part(w, o, v, part);
        json_array_close(w);
}

static void write_backend(struct json_writer *w, const struct object_version *v, struct str site,
                          bool failed)
{
        json_object_open(w);
        member_str(w, "site", site);
        member_c(w, "status", failed ? "FAILED" : "COMPLETED");
        if (failed)
                member_c(w, "dataStoreVersionId", "");
        else
                member_digest(w, "dataStoreVersionId", v, site, 2);
        json_object_close(w);
}

static void write_site_names(struct json_writer *w, const struct object *o)
{
        struct buf names;

        buf_init(&names, SIZE_MAX);
        for (unsigned n = 0; n < o->n_sites; n++)
                buf_printf(&names, "%s%.*s", n > 0 ? "," : "", STR_ARG(o->sites[n]));
        member_str(w, "storageClass", buf_str(&names));
        buf_deinit(&names);
}

/* The role at the source, and the one at the destination. */
static void write_roles(struct json_writer *w, const struct object *o)
{
        struct buf roles;

        buf_init(&roles, SIZE_MAX);
        buf_append_str(&roles, o->role);
        buf_append_c(&roles, ",arn:aws:iam::604563867484:role/crr-replica");
        member_str(w, "role", buf_str(&roles));
        buf_deinit(&roles);
}

static void write_replication(struct json_writer *w, const struct object *o,
                              const struct object_version *v)
{
        json_key(w, "replicationInfo");
        json_object_open(w);
        member_c(w, "status", v->failed ? "FAILED" : "COMPLETED");
        json_key(w, "backends");
        json_array_open(w);
        for (unsigned n = 0; n < o->n_sites; n++)
                write_backend(w, v, o->sites[n], v->failed && n == 0);
        json_array_close(w);
        json_key(w, "content");
        json_array_open(w);
        json_c(w, "DATA");
        json_c(w, "METADATA");
        json_array_close(w);
        member_c(w, "destination", "arn:aws:s3:::replicas");
        write_site_names(w, o);
        write_roles(w, o);
        member_c(w, "storageType", "aws_s3");
        member_c(w, "dataStoreVersionId", "");
        json_key(w, "isNFS");
        json_null(w);
        json_object_close(w);
}

void metadata_write(const struct object *o, const struct object_version *v, struct buf *out)
{
        static const struct pair constant[] = {
                { "x-amz-version-id", "null" },
                { "x-amz-server-version-id", "" },
                { "x-amz-storage-class", "STANDARD" },
                { "x-amz-server-side-encryption", "" },
                { "x-amz-server-side-encryption-aws-kms-key-id", "" },
                { "x-amz-server-side-encryption-customer-algorithm", "" },
                { "x-amz-website-redirect-location", "" },
                { "x-amz-meta-title", "\xf0\x9f\x8e\x9f \"seldom\" \\ read" },
        };
        struct json_writer w;

        json_writer_init(&w, out);
        json_object_open(&w);
        member_c(&w, "owner-display-name", "crr-demo");
        member_c(&w, "owner-id",
                 "9abe0ec063308bc0c7cd5f99e1260f942afb7e8682a86edc807795fa652ee28a");
        json_key(&w, "content-length");
        json_int(&w, v->size);
        member_c(&w, "content-type", "application/octet-stream");
        member_digest(&w, "content-md5", v, STR("content"), 2);
        members_c(&w, constant, sizeof constant / sizeof *constant);
        write_acl(&w);
        member_c(&w, "key", "");
        write_location(&w, o, v);
        json_key(&w, "isDeleteMarker");
        json_bool(&w, false);
        member_str(&w, "versionId", v->id);
        json_key(&w, "tags");
        json_object_open(&w);
        json_object_close(&w);
        write_replication(&w, o, v);
        member_c(&w, "dataStoreName", "us-east-1");
        member_c(&w, "originOp", "s3:ObjectCreated:Put");
        json_key(&w, "last-modified");
        json_time(&w, v->last_modified_ms);
        json_key(&w, "md-model-version");
        json_int(&w, 3);
        json_object_close(&w);
}

void metadata_write_failed_entry(const struct object *o, bool has_role, int64_t now_ms,
                                 struct buf *out)
{
        struct buf text;
        struct json_writer w;

        buf_init(&text, SIZE_MAX);
        json_writer_init(&w, out);
        json_object_open(&w);
        buf_printf(&text, "bb:crr:failed:%.*s:%lld", STR_ARG(o->sites[0]),
                   (long long)(now_ms - now_ms % HOUR_MS));
        member_str(&w, "key", buf_str(&text));
        buf_clear(&text);
        buf_printf(&text, "%.*s:%.*s:", STR_ARG(o->bucket), STR_ARG(o->key));
        objects_wire_id(o->version.id, &text);
        if (has_role) {
                buf_append_char(&text, ':');
                url_encode_component(&text, o->role);
        }
        member_str(&w, "member", buf_str(&text));
        json_key(&w, "score");
        json_int(&w, now_ms);
        json_object_close(&w);
        buf_deinit(&text);
}

void metadata_write_queue_entry(const struct queue_entry *e, struct buf *out)
{
        struct json_writer w;
        struct buf key;

        buf_init(&key, SIZE_MAX);
        buf_append_str(&key, e->key);
        if (e->version_id.len > 0) {
                buf_append_char(&key, '\0');
                buf_append_str(&key, e->version_id);
        }
        json_writer_init(&w, out);
        json_object_open(&w);
        member_str(&w, "bucket", e->bucket);
        member_str(&w, "key", buf_str(&key));
        member_str(&w, "value", e->metadata);
        member_str(&w, "site", e->site);
        json_object_close(&w);
        buf_deinit(&key);
}
