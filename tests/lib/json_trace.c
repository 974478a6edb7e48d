/* SPDX-License-Identifier: Apache-2.0 */
#include "json_trace.h"

#include <inttypes.h>
#include <stdlib.h>

static void append_value(struct buf *out, const struct json_value *v)
{
        switch (v->type) {
        case JSON_NULL:
                buf_append_char(out, 'n');
                return;
        case JSON_BOOL:
                buf_append_char(out, v->boolean ? 't' : 'f');
                return;
        case JSON_INTEGER:
                buf_printf(out, "i%" PRId64, v->integer);
                return;
        case JSON_NUMBER:
                buf_append_char(out, '#');
                buf_append_str(out, v->text);
                return;
        case JSON_STRING:
                buf_append_char(out, 's');
                buf_append_str(out, v->text);
                return;
        case JSON_OBJECT:
                buf_append_char(out, '{');
                return;
        case JSON_ARRAY:
                buf_append_char(out, '[');
                return;
        }
        abort();
}

static void append_place(struct buf *out, unsigned depth)
{
        if (out->len > 0)
                buf_append_char(out, ' ');
        buf_printf(out, "%u", depth);
}

static int on_value(void *data, unsigned depth, struct str name, const struct json_value *v,
                    struct error *err)
{
        struct buf *out = data;

        (void)err;
        append_place(out, depth);
        if (name.base != NULL) {
                buf_append_char(out, '"');
                buf_append_str(out, name);
                buf_append_char(out, '"');
        }
        append_value(out, v);
        return 0;
}

static int on_end(void *data, unsigned depth, enum json_type container, struct error *err)
{
        struct buf *out = data;

        (void)err;
        append_place(out, depth);
        buf_append_char(out, container == JSON_OBJECT ? '}' : ']');
        return 0;
}

const struct json_events json_trace = { .value = on_value, .end = on_end };

int json_trace_text(struct json_reader *r, struct str text, struct buf *out, struct error *err)
{
        buf_clear(out);
        return json_read(r, text, &json_trace, out, err);
}
