/* SPDX-License-Identifier: Apache-2.0 */
/* The settings as a configuration file: the annotated sample, and what is in force. */
#include <string.h>

#include "crr/base/json_write.h"
#include "settings_private.h"
#include "settings_text.h"
#include "settings_value.h"

#define HELP_COLUMNS 100
#define REDACTED     "\"(secret)\""

static struct str group_of(enum setting id)
{
        struct str path = str_from(setting_path(id)), group, name;

        str_split(path, '.', &group, &name);
        return group;
}

static const char *name_of(enum setting id)
{
        return strchr(setting_path(id), '.') + 1;
}

static bool is_first_of_group(int id)
{
        return id == 0 || !str_eq(group_of((enum setting)id), group_of((enum setting)(id - 1)));
}

static bool is_last_of_group(int id)
{
        return id == SETTING__COUNT - 1 || is_first_of_group(id + 1);
}

static void open_group(struct buf *out, enum setting id)
{
        buf_printf(out, "  \"%.*s\": {\n", STR_ARG(group_of(id)));
}

static void close_group(struct buf *out, int id)
{
        buf_append_c(out, id == SETTING__COUNT - 1 ? "  }\n" : "  },\n");
}

/* THE SAMPLE */

void settings_print_sample(struct buf *out)
{
        buf_append_c(out,
                     "// Settings of crr-retryd, all at their defaults: keep what you change.\n"
                     "// Durations have a unit: ms s m h d. Sizes are bytes or have one: B KiB "
                     "MiB GiB.\n"
                     "// Any string may stand elsewhere: {\"file\": \"/run/secrets/x\"} or "
                     "{\"env\": \"NAME\"}.\n"
                     "{\n");
        for (int id = 0; id < SETTING__COUNT; id++) {
                const struct setting_row *row = setting_row((enum setting)id);

                if (is_first_of_group(id))
                        open_group(out, (enum setting)id);
                else
                        buf_append_char(out, '\n');
                settings_wrap(out, row->help, "    // ", HELP_COLUMNS);
                settings_wrap_limits(out, row, "    // ", HELP_COLUMNS);
                buf_printf(out, "    \"%s\": %s%s\n", name_of((enum setting)id), row->preset,
                           is_last_of_group(id) ? "" : ",");
                if (is_last_of_group(id))
                        close_group(out, id);
        }
        buf_append_c(out, "}\n");
}

/* WHAT IS IN FORCE */

static void print_c(struct buf *out, const char *text)
{
        struct json_writer w;

        json_writer_init(&w, out);
        if (text == NULL)
                json_null(&w);
        else if (str_is_utf8(str_from(text)))
                json_c(&w, text);
        else
                json_c(&w, "(not UTF-8)");
}

static void end_line(struct buf *out, const char *comma, const char *source)
{
        buf_printf(out, "%s  // %s\n", comma, source);
}

static void print_list(struct buf *out, const struct setting_value *value)
{
        buf_append_char(out, '[');
        for (size_t i = 0; i < value->n_items; i++) {
                buf_append_c(out, i > 0 ? ", " : "");
                print_c(out, value->items[i]);
        }
        buf_append_char(out, ']');
}

static void print_map(struct buf *out, const struct setting_value *value, const char *comma)
{
        buf_append_c(out, value->n_properties > 0 ? "{\n" : "{");
        for (size_t i = 0; i < value->n_properties; i++) {
                const struct setting_property *p = &value->properties[i];

                buf_append_c(out, "      ");
                print_c(out, p->name);
                buf_append_c(out, ": ");
                if (p->is_secret)
                        buf_append_c(out, REDACTED);
                else
                        print_c(out, p->value);
                end_line(out, i + 1 < value->n_properties ? "," : "", p->source);
        }
        buf_printf(out, "%s}%s", value->n_properties > 0 ? "    " : "", comma);
        if (value->n_properties == 0)
                buf_printf(out, "  // default");
        buf_append_char(out, '\n');
}

static void print_value(struct buf *out, const struct setting_row *row,
                        const struct setting_value *value, const char *comma)
{
        if (row->type == SETTING_MAP) {
                print_map(out, value, comma);
                return;
        }
        if (value->is_secret)
                buf_append_c(out, REDACTED);
        else if (row->type == SETTING_TEXT)
                print_c(out, value->text);
        else if (row->type == SETTING_LIST)
                print_list(out, value);
        else
                setting_write_number(row, value->number, out);
        end_line(out, comma, value->source);
}

void settings_print(const struct settings *s, struct buf *out)
{
        buf_append_c(out, "{\n");
        for (int id = 0; id < SETTING__COUNT; id++) {
                if (is_first_of_group(id))
                        open_group(out, (enum setting)id);
                buf_printf(out, "    \"%s\": ", name_of((enum setting)id));
                print_value(out, setting_row((enum setting)id), &s->values[id],
                            is_last_of_group(id) ? "" : ",");
                if (is_last_of_group(id))
                        close_group(out, id);
        }
        buf_append_c(out, "}\n");
}
