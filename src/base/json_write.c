/* SPDX-License-Identifier: Apache-2.0 */
#include "crr/base/json_write.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "crr/base/time.h"

void json_writer_init(struct json_writer *w, struct buf *out)
{
        *w = (struct json_writer){ .out = out };
}

/* Before every value and every key: a comma, if one is due. */
static void begin_value(struct json_writer *w)
{
        if (w->comma)
                buf_append_char(w->out, ',');
        w->comma = true;
}

static void open(struct json_writer *w, char bracket)
{
        begin_value(w);
        buf_append_char(w->out, bracket);
        w->comma = false;
}

static void close(struct json_writer *w, char bracket)
{
        buf_append_char(w->out, bracket);
        w->comma = true;
}

void json_object_open(struct json_writer *w)
{
        open(w, '{');
}

void json_object_close(struct json_writer *w)
{
        close(w, '}');
}

void json_array_open(struct json_writer *w)
{
        open(w, '[');
}

void json_array_close(struct json_writer *w)
{
        close(w, ']');
}

static void end_key(struct json_writer *w)
{
        buf_append_char(w->out, ':');
        w->comma = false;
}

void json_key(struct json_writer *w, const char *name)
{
        begin_value(w);
        buf_append_char(w->out, '"');
        buf_append_c(w->out, name);
        buf_append_char(w->out, '"');
        end_key(w);
}

void json_key_str(struct json_writer *w, struct str name)
{
        json_str(w, name);
        end_key(w);
}

static void append_escape(struct buf *out, unsigned char c)
{
        switch (c) {
        case '"':
                buf_append_c(out, "\\\"");
                break;
        case '\\':
                buf_append_c(out, "\\\\");
                break;
        case '\n':
                buf_append_c(out, "\\n");
                break;
        case '\r':
                buf_append_c(out, "\\r");
                break;
        case '\t':
                buf_append_c(out, "\\t");
                break;
        default:
                buf_printf(out, "\\u%04x", c);
                break;
        }
}

void json_str(struct json_writer *w, struct str value)
{
        const char *p = value.base, *end = value.base + value.len, *run = p;

        begin_value(w);
        buf_append_char(w->out, '"');
        for (; p < end; p++) {
                unsigned char c = (unsigned char)*p;

                if (c >= 0x20 && c != '"' && c != '\\')
                        continue;
                buf_append(w->out, run, (size_t)(p - run));
                append_escape(w->out, c);
                run = p + 1;
        }
        buf_append(w->out, run, (size_t)(end - run));
        buf_append_char(w->out, '"');
}

void json_c(struct json_writer *w, const char *value)
{
        json_str(w, str_from(value));
}

void json_u64(struct json_writer *w, uint64_t value)
{
        char digits[20];
        size_t at = sizeof digits;

        begin_value(w);
        do {
                digits[--at] = (char)('0' + value % 10);
                value /= 10;
        } while (value > 0);
        buf_append(w->out, digits + at, sizeof digits - at);
}

void json_int(struct json_writer *w, int64_t value)
{
        if (value >= 0) {
                json_u64(w, (uint64_t)value);
                return;
        }
        begin_value(w);
        buf_printf(w->out, "%" PRId64, value);
}

void json_double(struct json_writer *w, double value)
{
        char text[32];

        begin_value(w);
        for (int precision = 1; precision <= 17; precision++) {
                snprintf(text, sizeof text, "%.*g", precision, value);
                if (!isfinite(value) || strtod(text, NULL) == value)
                        break;
        }
        buf_append_c(w->out, isfinite(value) ? text : "null");
}

void json_bool(struct json_writer *w, bool value)
{
        begin_value(w);
        buf_append_c(w->out, value ? "true" : "false");
}

void json_null(struct json_writer *w)
{
        begin_value(w);
        buf_append_c(w->out, "null");
}

void json_time(struct json_writer *w, int64_t ms)
{
        char text[TIME_TEXT_SIZE];
        size_t n = time_format_rfc3339(ms, text);

        begin_value(w);
        buf_append_char(w->out, '"');
        buf_append(w->out, text, n);
        buf_append_char(w->out, '"');
}

void json_raw(struct json_writer *w, struct str json)
{
        begin_value(w);
        buf_append_str(w->out, json);
}
