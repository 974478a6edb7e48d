/* SPDX-License-Identifier: Apache-2.0 */
#include "crr/base/json_write.h"
#include "crr/core/failure_codec.h"

static void write_identity(struct json_writer *w, const struct identity *id)
{
        json_key(w, "Bucket");
        json_str(w, id->bucket);
        json_key(w, "Key");
        json_str(w, id->key);
        json_key(w, "VersionId");
        json_str(w, id->version_id);
        json_key(w, "StorageClass");
        json_str(w, id->site);
}

/* What is known, in the API's order; nothing is invented. */
static void write_facts(struct json_writer *w, const struct failure *f)
{
        if (f->size >= 0) {
                json_key(w, "Size");
                json_int(w, f->size);
        }
        if (f->last_modified_ms != TIME_UNKNOWN) {
                json_key(w, "LastModified");
                json_time(w, f->last_modified_ms);
        }
        if (f->failed_at_ms != TIME_UNKNOWN) {
                json_key(w, "FailedAt");
                json_time(w, f->failed_at_ms);
        }
        if (f->error_code.base != NULL) {
                json_key(w, "ErrorCode");
                json_str(w, f->error_code);
        }
        if (f->attempts >= 0) {
                json_key(w, "Attempts");
                json_int(w, f->attempts);
        }
        if (f->role.base != NULL) {
                json_key(w, "Role");
                json_str(w, f->role);
        }
        if (f->superseded) {
                json_key(w, "Superseded");
                json_bool(w, true);
        }
}

static void write_retry_id(struct json_writer *w, const struct failure *f)
{
        char text[UUID_TEXT_SIZE];

        if (uuid_is_nil(&f->retry_id))
                return;
        uuid_format(&f->retry_id, text);
        json_key(w, "RetryId");
        json_c(w, text);
}

void failure_encode(const struct failure *f, struct str retried_by, struct str entry,
                    struct buf *out)
{
        struct json_writer w;

        json_writer_init(&w, out);
        json_object_open(&w);
        write_identity(&w, &f->id);
        json_key(&w, "ReplicationStatus");
        json_c(&w, failure_state_name(f->state));
        write_facts(&w, f);
        write_retry_id(&w, f);
        if (f->state == FAILURE_PENDING) {
                json_key(&w, "RetriedBy");
                json_str(&w, retried_by);
                json_key(&w, "RetriedAt");
                json_time(&w, f->retried_at_ms);
        }
        if (entry.base != NULL) {
                json_key(&w, "Entry");
                json_str(&w, entry);
        }
        json_object_close(&w);
}

void completion_encode(const struct identity *id, struct buf *out)
{
        struct json_writer w;

        json_writer_init(&w, out);
        json_object_open(&w);
        write_identity(&w, id);
        json_key(&w, "ReplicationStatus");
        json_c(&w, "COMPLETED");
        json_object_close(&w);
}

void retry_entry_encode_native(const struct failure *f, struct buf *out)
{
        struct json_writer w;

        json_writer_init(&w, out);
        json_object_open(&w);
        write_identity(&w, &f->id);
        write_facts(&w, f);
        json_key(&w, "ReplicationStatus");
        json_c(&w, failure_state_name(FAILURE_PENDING));
        write_retry_id(&w, f);
        json_object_close(&w);
}
