/* SPDX-License-Identifier: Apache-2.0 */
/* The settings as a JSON Schema (2020-12), for editors and for checks before a roll-out. */
#include <string.h>

#include "crr/base/json_write.h"
#include "settings_private.h"
#include "settings_value.h"

#define SCHEMA_LIMIT  ((size_t)1024 * 1024)
#define SIZE_PATTERN  "^[0-9]+(B|KiB|MiB|GiB)$"
#define TIME_PATTERN  "^[0-9]+(ms|s|m|h|d)$"
#define INDENT_SPACES 2

static void member_c(struct json_writer *w, const char *name, const char *value)
{
        json_key(w, name);
        json_c(w, value);
}

static void open_object(struct json_writer *w, const char *name)
{
        json_key(w, name);
        json_object_open(w);
}

static void open_array(struct json_writer *w, const char *name)
{
        json_key(w, name);
        json_array_open(w);
}

static void alternative_c(struct json_writer *w, const char *name, const char *value)
{
        json_object_open(w);
        member_c(w, name, value);
        json_object_close(w);
}

static void member_range(struct json_writer *w, const struct setting_row *row)
{
        member_c(w, "type", "integer");
        json_key(w, "minimum");
        json_int(w, row->min);
        json_key(w, "maximum");
        json_int(w, row->max);
}

static void member_pattern(struct json_writer *w, const char *pattern)
{
        member_c(w, "type", "string");
        member_c(w, "pattern", pattern);
}

static void member_size(struct json_writer *w, const struct setting_row *row)
{
        open_array(w, "anyOf");
        json_object_open(w);
        member_range(w, row);
        json_object_close(w);
        json_object_open(w);
        member_pattern(w, SIZE_PATTERN);
        json_object_close(w);
        if (row->flags & SETTING_AUTOMATIC)
                alternative_c(w, "const", "auto");
        json_array_close(w);
}

static void member_choices(struct json_writer *w, const struct setting_row *row)
{
        struct str name;

        open_array(w, "enum");
        for (int64_t i = 0; (name = setting_choice_name(row, i)).base != NULL; i++)
                json_str(w, name);
        json_array_close(w);
}

static void member_text(struct json_writer *w, const struct setting_row *row)
{
        open_array(w, "anyOf");
        alternative_c(w, "type", "string");
        alternative_c(w, "$ref", "#/$defs/secret");
        if (row->flags & SETTING_NULLABLE)
                alternative_c(w, "type", "null");
        json_array_close(w);
}

static void member_list(struct json_writer *w)
{
        member_c(w, "type", "array");
        json_key(w, "minItems");
        json_int(w, 1);
        open_object(w, "items");
        open_array(w, "anyOf");
        alternative_c(w, "type", "string");
        alternative_c(w, "$ref", "#/$defs/secret");
        json_array_close(w);
        json_object_close(w);
}

static void member_map(struct json_writer *w, const struct setting_row *row)
{
        member_c(w, "type", "object");
        open_object(w, "additionalProperties");
        open_array(w, "anyOf");
        alternative_c(w, "type", "string");
        if (setting_is_librdkafkas(row)) {
                alternative_c(w, "type", "number");
                alternative_c(w, "type", "boolean");
        }
        alternative_c(w, "$ref", "#/$defs/secret");
        json_array_close(w);
        json_object_close(w);
}

static void member_type(struct json_writer *w, const struct setting_row *row)
{
        switch (row->type) {
        case SETTING_BOOL:
                member_c(w, "type", "boolean");
                break;
        case SETTING_INTEGER:
                member_range(w, row);
                break;
        case SETTING_SIZE:
                member_size(w, row);
                break;
        case SETTING_DURATION:
                member_pattern(w, TIME_PATTERN);
                break;
        case SETTING_CHOICE:
                member_choices(w, row);
                break;
        case SETTING_TEXT:
                member_text(w, row);
                break;
        case SETTING_LIST:
                member_list(w);
                break;
        case SETTING_MAP:
                member_map(w, row);
                break;
        }
}

static void print_setting(struct json_writer *w, enum setting id)
{
        const struct setting_row *row = setting_row(id);

        open_object(w, setting_name(id));
        member_c(w, "description", row->help);
        member_type(w, row);
        json_key(w, "default");
        json_raw(w, str_from(row->preset));
        json_object_close(w);
}

static void open_closed_object(struct json_writer *w)
{
        member_c(w, "type", "object");
        json_key(w, "additionalProperties");
        json_bool(w, false);
}

static void print_secret(struct json_writer *w)
{
        open_object(w, "$defs");
        open_object(w, "secret");
        member_c(w, "description", "A string that stands in a file or in a variable.");
        open_closed_object(w);
        open_object(w, "properties");
        open_object(w, "file");
        member_c(w, "type", "string");
        json_object_close(w);
        open_object(w, "env");
        member_c(w, "type", "string");
        json_object_close(w);
        json_object_close(w);
        json_key(w, "minProperties");
        json_int(w, 1);
        json_key(w, "maxProperties");
        json_int(w, 1);
        json_object_close(w);
        json_object_close(w);
}

static void open_group(struct json_writer *w, struct str name)
{
        json_key_str(w, name);
        json_object_open(w);
        open_closed_object(w);
        open_object(w, "properties");
}

static void close_group(struct json_writer *w)
{
        json_object_close(w);
        json_object_close(w);
}

static void print_groups(struct json_writer *w)
{
        open_object(w, "properties");
        for (int i = 0; i < SETTING__COUNT; i++) {
                enum setting id = (enum setting)i;
                size_t depth = setting_depth(id);

                for (size_t level = setting_common_groups(i - 1, i); level < depth; level++)
                        open_group(w, setting_group(id, level));
                print_setting(w, id);
                for (size_t level = setting_common_groups(i, i + 1); level < depth; level++)
                        close_group(w);
        }
        json_object_close(w);
}

static void break_line(struct buf *out, size_t depth)
{
        buf_append_char(out, '\n');
        for (size_t i = 0; i < INDENT_SPACES * depth; i++)
                buf_append_char(out, ' ');
}

/* JSON without blanks -> JSON for people. */
static void indent(struct buf *out, struct str json)
{
        bool in_string = false;
        size_t depth = 0;

        for (size_t i = 0; i < json.len; i++) {
                char c = json.base[i];

                if (c == '"' && (i == 0 || json.base[i - 1] != '\\'))
                        in_string = !in_string;
                if (!in_string && (c == '}' || c == ']'))
                        break_line(out, --depth);
                buf_append_char(out, c);
                if (in_string)
                        continue;
                if (c == '{' || c == '[')
                        break_line(out, ++depth);
                else if (c == ',')
                        break_line(out, depth);
                else if (c == ':')
                        buf_append_char(out, ' ');
        }
        buf_append_char(out, '\n');
}

void settings_print_schema(struct buf *out)
{
        struct json_writer w;
        struct buf json;

        buf_init(&json, SCHEMA_LIMIT);
        json_writer_init(&w, &json);
        json_object_open(&w);
        member_c(&w, "$schema", "https://json-schema.org/draft/2020-12/schema");
        member_c(&w, "title", "Settings of crr-retryd");
        open_closed_object(&w);
        print_groups(&w);
        print_secret(&w);
        json_object_close(&w);
        indent(out, buf_str(&json));
        buf_deinit(&json);
}
