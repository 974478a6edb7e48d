/* SPDX-License-Identifier: Apache-2.0 */
#include "crr/base/json_read.h"

#include <stdlib.h>
#include <string.h>

#include <yajl/yajl_parse.h>

#include "json_names.h"
#include "json_text.h"

struct json_reader {
        yajl_handle yajl;
        unsigned max_depth;
        bool allow_duplicates;
        unsigned depth;
        unsigned values; /* at the top */
        struct json_names names;
        uint32_t *scopes; /* by depth */
        struct str name;  /* of the value to come */
        struct json_text text;
        const struct json_events *events;
        void *data;
        struct error *err;
        enum json_fault fault;
        size_t taken; /* bytes of the pieces before this one */
        bool parsing; /* this one is at the parser */
};

static int refuse(struct json_reader *r, enum json_fault fault, const char *text)
{
        r->fault = fault;
        error_set(r->err, ERR_BAD_JSON, "byte %zu: %s", json_reader_offset(r), text);
        return 0; /* yajl: stop */
}

static int emit(struct json_reader *r, const struct json_value *v)
{
        struct str name = r->name;

        r->name = STR_ABSENT;
        if (r->depth == 0 && ++r->values > 1)
                return refuse(r, JSON_FAULT_SYNTAX, "more than one value");
        if (r->events->value(r->data, r->depth, name, v, r->err) == 0)
                return 1;
        r->fault = JSON_FAULT_HANDLER;
        return 0;
}

static int on_null(void *data)
{
        return emit(data, &(struct json_value){ .type = JSON_NULL });
}

static int on_boolean(void *data, int value)
{
        return emit(data, &(struct json_value){ .type = JSON_BOOL, .boolean = value != 0 });
}

/* Digits, perhaps behind a minus, that fit int64_t. */
static bool to_integer(struct str text, int64_t *ret)
{
        bool minus = text.len > 0 && text.base[0] == '-';
        unsigned long long value;
        struct str digits = { text.base + minus, text.len - minus };

        if (!str_to_u64(digits, (unsigned long long)INT64_MAX + minus, &value))
                return false;
        *ret = minus ? (int64_t)(0 - value) : (int64_t)value;
        return true;
}

static int on_number(void *data, const char *text, size_t len)
{
        struct json_value v = { .type = JSON_NUMBER, .text = { text, len } };

        if (to_integer(v.text, &v.integer))
                v.type = JSON_INTEGER;
        return emit(data, &v);
}

static int on_string(void *data, const unsigned char *text, size_t len)
{
        return emit(data, &(struct json_value){ .type = JSON_STRING,
                                                .text = { (const char *)text, len } });
}

static int begin_container(struct json_reader *r, enum json_type type)
{
        if (r->depth >= r->max_depth)
                return refuse(r, JSON_FAULT_DEPTH, "nested too deep");
        if (!emit(r, &(struct json_value){ .type = type }))
                return 0;
        r->scopes[r->depth] = json_names_open(&r->names);
        r->depth++;
        return 1;
}

static int end_container(struct json_reader *r, enum json_type type)
{
        r->depth--;
        json_names_close(&r->names, r->scopes[r->depth]);
        r->name = STR_ABSENT;
        if (r->events->end == NULL || r->events->end(r->data, r->depth, type, r->err) == 0)
                return 1;
        r->fault = JSON_FAULT_HANDLER;
        return 0;
}

static int on_start_map(void *data)
{
        return begin_container(data, JSON_OBJECT);
}

static int on_map_key(void *data, const unsigned char *text, size_t len)
{
        struct json_reader *r = data;
        struct str name = { (const char *)text, len };
        uint32_t scope = r->allow_duplicates ? json_names_open(&r->names) : r->scopes[r->depth - 1];

        if (!json_names_add(&r->names, scope, name))
                return refuse(r, JSON_FAULT_DUPLICATE, "a name stands twice in an object");
        r->name = json_names_last(&r->names);
        return 1;
}

static int on_end_map(void *data)
{
        return end_container(data, JSON_OBJECT);
}

static int on_start_array(void *data)
{
        return begin_container(data, JSON_ARRAY);
}

static int on_end_array(void *data)
{
        return end_container(data, JSON_ARRAY);
}

static const yajl_callbacks callbacks = {
        .yajl_null = on_null,
        .yajl_boolean = on_boolean,
        .yajl_number = on_number,
        .yajl_string = on_string,
        .yajl_start_map = on_start_map,
        .yajl_map_key = on_map_key,
        .yajl_end_map = on_end_map,
        .yajl_start_array = on_start_array,
        .yajl_end_array = on_end_array,
};

struct json_reader *json_reader_new(unsigned max_depth)
{
        struct json_reader *r = calloc(1, sizeof *r);

        if (r == NULL || max_depth > 64)
                abort();
        r->max_depth = max_depth;
        r->scopes = calloc(max_depth + 1, sizeof *r->scopes);
        if (r->scopes == NULL)
                abort();
        json_names_init(&r->names);
        return r;
}

void json_reader_allow_duplicates(struct json_reader *r)
{
        r->allow_duplicates = true;
}

static void drop_yajl(struct json_reader *r)
{
        if (r->yajl != NULL)
                yajl_free(r->yajl);
        r->yajl = NULL;
}

void json_reader_free(struct json_reader *r)
{
        if (r == NULL)
                return;
        drop_yajl(r);
        json_names_deinit(&r->names);
        free(r->scopes);
        free(r);
}

/* A handle that did not end cleanly between two texts would join them: it is made anew. */
void json_read_begin(struct json_reader *r, const struct json_events *events, void *data)
{
        if (r->depth != 0 || r->values != 1 || r->fault != JSON_FAULT_NONE)
                drop_yajl(r);
        if (r->yajl == NULL) {
                r->yajl = yajl_alloc(&callbacks, NULL, r);
                if (r->yajl == NULL)
                        abort();
                yajl_config(r->yajl, yajl_allow_multiple_values, 1);
                yajl_config(r->yajl, yajl_dont_validate_strings, 1);
        }
        json_names_close(&r->names, 0);
        json_text_begin(&r->text);
        r->depth = r->values = 0;
        r->taken = 0;
        r->fault = JSON_FAULT_NONE;
        r->parsing = false;
        r->name = STR_ABSENT;
        r->events = events;
        r->data = data;
}

static int say_syntax(struct json_reader *r, struct str piece)
{
        unsigned char *text;

        if (r->fault != JSON_FAULT_NONE)
                return (int)r->err->code;
        text = yajl_get_error(r->yajl, 0, (const unsigned char *)piece.base, piece.len);
        text[strcspn((char *)text, "\n")] = '\0';
        refuse(r, JSON_FAULT_SYNTAX, (char *)text);
        yajl_free_error(r->yajl, text);
        return (int)r->err->code;
}

static int refuse_at(struct json_reader *r, size_t at, enum json_fault fault, const char *text)
{
        r->taken += at;
        return refuse(r, fault, text);
}

/* False: it is refused. */
static bool check_text(struct json_reader *r, struct str piece)
{
        static const char bom[] = "\xef\xbb\xbf";
        size_t at;

        if (!json_text_utf8(&r->text, piece, &at))
                return refuse_at(r, at, JSON_FAULT_UTF8, "not UTF-8");
        if (!json_text_escapes(&r->text, piece, &at))
                return refuse_at(r, at, JSON_FAULT_UTF8, "a lone surrogate in an escape");
        if (!json_text_blanks(piece, &at))
                return refuse_at(r, at, JSON_FAULT_SYNTAX, "a vertical tab or a form feed");
        if (r->taken == 0 && str_has_prefix(piece, bom))
                return refuse(r, JSON_FAULT_SYNTAX, "a byte order mark");
        return true;
}

int json_read_more(struct json_reader *r, struct str piece, struct error *err)
{
        r->err = err;
        if (piece.len == 0)
                return 0;
        if (!json_text_is_plain(&r->text, piece) && !check_text(r, piece))
                return (int)err->code;
        r->parsing = true;
        if (yajl_parse(r->yajl, (const unsigned char *)piece.base, piece.len) != yajl_status_ok)
                return say_syntax(r, piece);
        r->parsing = false;
        r->taken += piece.len;
        return 0;
}

/* The line feed ends a number, and is refused in a string that was not closed; the handle stays
 * good for the next text. */
int json_read_end(struct json_reader *r, struct error *err)
{
        int rc = json_read_more(r, STR("\n"), err);

        if (rc != 0)
                return rc;
        r->taken--;
        if (r->values == 1 && r->depth == 0 && json_text_end(&r->text))
                return 0;
        refuse(r, JSON_FAULT_SYNTAX, r->values == 0 ? "no value" : "the value is not complete");
        return (int)err->code;
}

int json_read(struct json_reader *r, struct str text, const struct json_events *events, void *data,
              struct error *err)
{
        json_read_begin(r, events, data);
        if (json_read_more(r, text, err) != 0)
                return (int)err->code;
        return json_read_end(r, err);
}

enum json_fault json_reader_fault(const struct json_reader *r)
{
        return r->fault;
}

size_t json_reader_offset(const struct json_reader *r)
{
        return r->taken + (r->parsing ? yajl_get_bytes_consumed(r->yajl) : 0);
}
