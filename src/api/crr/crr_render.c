/* SPDX-License-Identifier: Apache-2.0 */
#include "crr_render.h"

#include <stdio.h>

#include "crr/base/limits.h"

#define MAX_PARTITIONS_NAMED 16

static void member_time(struct json_writer *w, const char *name, int64_t ms)
{
        if (ms == TIME_UNKNOWN)
                return;
        json_key(w, name);
        json_time(w, ms);
}

static void member_str(struct json_writer *w, const char *name, struct str value)
{
        if (value.base == NULL)
                return;
        json_key(w, name);
        json_str(w, value);
}

static void member_int(struct json_writer *w, const char *name, int64_t value)
{
        if (value < 0)
                return;
        json_key(w, name);
        json_int(w, value);
}

void crr_render_failure(struct json_writer *w, const struct failure *f, enum crr_row row)
{
        json_object_open(w);
        member_str(w, "Bucket", f->id.bucket);
        member_str(w, "Key", f->id.key);
        member_str(w, "VersionId", f->id.version_id);
        member_str(w, "StorageClass", f->id.site);
        member_int(w, "Size", f->size);
        member_time(w, "LastModified", f->last_modified_ms);
        member_time(w, "FailedAt", f->failed_at_ms);
        member_str(w, "ErrorCode", f->error_code);
        member_int(w, "Attempts", f->attempts);
        member_str(w, "Role", f->role);
        if (row == CRR_ROW_RETRIED)
                member_str(w, "ReplicationStatus", str_from(failure_state_name(f->state)));
        json_object_close(w);
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

void crr_render_page(struct buf *out, const struct buf *rows, const uint64_t *next_marker,
                     const struct coverage *coverage)
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
        if (rows->len > 0)
                json_raw(&w, buf_str(rows));
        json_array_close(&w);
        if (!coverage_is_whole(coverage))
                render_coverage(&w, coverage);
        json_object_close(&w);
        out->overflow |= rows->overflow;
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
