/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "crr/base/json_read.h"

#define SHOWN_BYTES 80 /* of a name in a message */

void json_object_begin(struct json_object *o, const struct json_fields *fields, void *target,
                       unsigned depth)
{
        assert(fields->n <= 64);
        *o = (struct json_object){
                .fields = fields, .target = target, .depth = depth, .bad_row = fields->n
        };
}

/* Names are short, and mostly right from their first byte on. */
static bool is_row(const struct json_field *row, struct str name)
{
        for (size_t i = 0; i < name.len; i++)
                if (row->name[i] != name.base[i] || row->name[i] == '\0')
                        return false;
        return row->name[name.len] == '\0';
}

/* fields->n: there is none. */
static size_t find_row(struct json_object *o, struct str name)
{
        size_t n = o->fields->n;

        for (size_t tried = 0; tried < n; tried++) {
                size_t i = o->next_row + tried < n ? o->next_row + tried : o->next_row + tried - n;

                if (is_row(&o->fields->rows[i], name)) {
                        o->next_row = i + 1 < n ? i + 1 : 0;
                        return i;
                }
        }
        return n;
}

static bool type_fits(unsigned types, enum json_type type)
{
        return (types & type) != 0 || (type == JSON_INTEGER && (types & JSON_NUMBER) != 0);
}

static int set_field(struct json_object *o, size_t row, const struct json_value *v,
                     struct error *err)
{
        const struct json_field *field = &o->fields->rows[row];
        struct error unheard;
        struct error *said = field->strict ? err : &unheard;
        bool fits = type_fits(field->types, v->type);

        if (fits && field->set(o->target, v, said) == 0)
                return 0;
        if (!fits)
                error_set(said, ERR_BAD_JSON, "%s must be %s", field->name,
                          json_type_names(field->types));
        o->bad_row = row;
        if (field->strict)
                return (int)err->code;
        o->ignored |= UINT64_C(1) << row;
        return 0;
}

int json_object_value(struct json_object *o, unsigned depth, struct str name,
                      const struct json_value *v, struct error *err)
{
        size_t row;

        if (depth > o->depth)
                return 0; /* inside a member that was skipped, or that its owner reads */
        row = find_row(o, name);
        if (row < o->fields->n) {
                o->seen |= UINT64_C(1) << row;
                return set_field(o, row, v, err);
        }
        if (o->fields->unknown_allowed)
                return 0;
        o->bad_row = row;
        return error_set(err, ERR_BAD_JSON, "unknown field '%.*s'",
                         STR_ARG(str_cut(name, SHOWN_BYTES)));
}

int json_object_end(struct json_object *o, struct error *err)
{
        for (size_t i = 0; i < o->fields->n; i++) {
                if (!o->fields->rows[i].required || (o->seen >> i & 1) != 0)
                        continue;
                o->bad_row = i;
                return error_set(err, ERR_BAD_JSON, "%s is missing", o->fields->rows[i].name);
        }
        return 0;
}

const char *json_type_names(unsigned types)
{
        static const struct {
                unsigned type;
                const char *name;
        } names[] = {
                { JSON_STRING, "a string" },  { JSON_INTEGER, "an integer" },
                { JSON_NUMBER, "a number" },  { JSON_BOOL, "a boolean" },
                { JSON_OBJECT, "an object" }, { JSON_ARRAY, "an array" },
                { JSON_NULL, "null" },
        };
        static _Thread_local char text[128];
        size_t at = 0;

        text[0] = '\0';
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                if (types & names[i].type)
                        at += (size_t)snprintf(text + at, sizeof text - at, "%s%s",
                                               at > 0 ? " or " : "", names[i].name);
        return text;
}
