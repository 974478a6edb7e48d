/* SPDX-License-Identifier: Apache-2.0 */
#include "crr_render.h"

#include <stdio.h>
#include <string.h>

#include "crr/base/limits.h"

#define MAX_PARTITIONS_NAMED 16

#define MEMBERS              12 /* of a row, at most */

static inline char *member_time(char *at, const char *name, int64_t ms)
{
        return ms == TIME_UNKNOWN ? at : json_row_time(json_row_name(at, name), ms);
}

static inline char *member_str(char *at, const char *name, struct str value)
{
        return value.base == NULL ? at : json_row_str(json_row_name(at, name), value);
}

static inline char *member_int(char *at, const char *name, int64_t value)
{
        return value < 0 ? at : json_row_u64(json_row_name(at, name), (uint64_t)value);
}

static inline char *member_flag(char *at, const char *name, bool is_set)
{
        static const char text[] = { 't', 'r', 'u', 'e' };

        if (!is_set)
                return at;
        at = json_row_name(at, name);
        memcpy(at, text, sizeof text);
        return at + sizeof text;
}

void crr_render_failure(struct json_writer *w, const struct failure *f, enum crr_row row)
{
        struct str status =
                row == CRR_ROW_RETRIED ? str_from(failure_state_name(f->state)) : STR_ABSENT;
        size_t strings = f->id.bucket.len + f->id.key.len + f->id.version_id.len + f->id.site.len +
                         f->error_code.len + f->role.len + status.len;
        char *begin = json_row_begin(w, JSON_ROW_ROOM(MEMBERS, strings)), *at = begin;

        if (begin == NULL)
                return;
        at = member_str(at, "Bucket", f->id.bucket);
        at = member_str(at, "Key", f->id.key);
        at = member_str(at, "VersionId", f->id.version_id);
        at = member_str(at, "StorageClass", f->id.site);
        at = member_int(at, "Size", f->size);
        at = member_time(at, "LastModified", f->last_modified_ms);
        at = member_time(at, "FailedAt", f->failed_at_ms);
        at = member_str(at, "ErrorCode", f->error_code);
        at = member_int(at, "Attempts", f->attempts);
        at = member_str(at, "Role", f->role);
        at = member_flag(at, "Superseded", f->superseded);
        at = member_str(at, "ReplicationStatus", status);
        json_row_end(w, begin, at);
}

static int known_partitions(const struct coverage *c)
{
        return c->partitions - partition_set_count(&c->missing);
}

static void render_coverage(struct json_writer *w, const struct coverage *c)
{
        char text[32];

        snprintf(text, sizeof text, "%d/%d", known_partitions(c), c->partitions);
        json_key(w, "Coverage");
        json_object_open(w);
        json_key(w, "Partitions");
        json_c(w, text);
        json_key(w, "Missing");
        json_array_open(w);
        for (int p = 0; p < LIMIT_PARTITIONS; p++)
                if (partition_set_has(&c->missing, p))
                        json_int(w, p);
        json_array_close(w);
        json_object_close(w);
}

void crr_render_page_begin(struct buf *out, const uint64_t *next_marker)
{
        struct json_writer w;

        json_writer_init(&w, out);
        json_object_open(&w);
        json_key(&w, "IsTruncated");
        json_bool(&w, next_marker != NULL);
        if (next_marker != NULL) {
                json_key(&w, "NextMarker");
                json_u64(&w, *next_marker);
        }
        json_key(&w, "Versions");
        json_array_open(&w);
}

void crr_render_page_end(struct json_writer *rows, const struct coverage *coverage)
{
        json_array_close(rows);
        if (!coverage_is_whole(coverage))
                render_coverage(rows, coverage);
        json_object_close(rows);
}

/* "3,5"; at most `most` of them, then "...". */
static void append_missing(struct buf *out, const struct coverage *c, int most)
{
        const char *comma = "";

        for (int p = 0; p < LIMIT_PARTITIONS; p++) {
                if (!partition_set_has(&c->missing, p))
                        continue;
                if (most-- == 0) {
                        buf_append_c(out, ",...");
                        return;
                }
                buf_printf(out, "%s%d", comma, p);
                comma = ",";
        }
}

void crr_render_coverage_header(struct buf *out, const struct coverage *coverage)
{
        buf_printf(out, "%d/%d; missing=", known_partitions(coverage), coverage->partitions);
        append_missing(out, coverage, LIMIT_PARTITIONS);
}

void crr_explain_missing(struct error *err, const struct coverage *coverage)
{
        int n = partition_set_count(&coverage->missing);
        struct error named = { .code = err->code };
        struct buf list;

        if (n == 0)
                return;
        buf_init(&list, 256);
        append_missing(&list, coverage, MAX_PARTITIONS_NAMED);
        error_set(&named, err->code, "%.200s (%d of %d partitions of the failure log: %.*s)",
                  err->message, n, coverage->partitions, STR_ARG(buf_str(&list)));
        buf_deinit(&list);
        *err = named;
}
