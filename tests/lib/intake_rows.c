/* SPDX-License-Identifier: Apache-2.0 */
#include "intake_rows.h"

#include "check.h"

struct intake_decoded got;
struct error err;

enum reject_cause decode(struct intake_decoder *d, struct str value)
{
        struct log_record record = {
                .partition = 3, .offset = 42, .timestamp_ms = STAMP, .value = value, .settles = -1
        };

        err.message[0] = '\0';
        return intake_decode(d, &record, &got, &err);
}

static void append_time(struct buf *out, const char *name, int64_t ms)
{
        if (ms != TIME_UNKNOWN)
                buf_printf(out, " %s=%lld", name, (long long)ms);
}

static void describe(struct buf *out)
{
        buf_clear(out);
        for (size_t i = 0; i < got.n; i++) {
                const struct intake_item *item = &got.items[i];
                const struct failure *f = &item->failure;

                buf_printf(out, "%s%s %.*s|%.*s|%.*s|%.*s", i > 0 ? "; " : "",
                           item->completed ? "COMPLETED" : "FAILED", STR_ARG(f->id.bucket),
                           STR_ARG(f->id.key), STR_ARG(f->id.version_id), STR_ARG(f->id.site));
                if (f->size >= 0)
                        buf_printf(out, " size=%lld", (long long)f->size);
                append_time(out, "modified", f->last_modified_ms);
                if (!item->completed && f->failed_at_ms == TIME_UNKNOWN)
                        buf_append_c(out, " failed=?");
                else if (f->failed_at_ms != STAMP)
                        append_time(out, "failed", f->failed_at_ms);
                if (f->role.base != NULL)
                        buf_printf(out, " role=%.*s", STR_ARG(f->role));
        }
        for (unsigned bit = 0; failure_field_name(bit) != NULL; bit++)
                if (got.ignored_fields >> bit & 1)
                        buf_printf(out, " without %s", failure_field_name(bit));
        buf_append_char(out, '\0');
}

static const char *say(enum reject_cause cause, struct buf *out)
{
        if (cause != REJECT_NONE) {
                CHECK(err.message[0] != '\0');
                return reject_cause_name(cause);
        }
        describe(out);
        return out->base;
}

void check_rows(struct intake_decoder *d, const struct row *rows, size_t n)
{
        struct buf text;

        buf_init(&text, SIZE_MAX);
        for (size_t i = 0; i < n; i++) {
                const char *said = say(decode(d, str_from(rows[i].value)), &text);

                if (strcmp(said, rows[i].want) != 0) {
                        fprintf(stderr, "%s: %s\n", rows[i].value, err.message);
                        check_fail(__FILE__, (int)i, rows[i].want, said);
                }
        }
        buf_deinit(&text);
}
