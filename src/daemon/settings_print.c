/* SPDX-License-Identifier: Apache-2.0 */
/* The settings as a configuration file: the annotated sample, and what is in force. */
#include <stdio.h>
#include <string.h>

#include "crr/base/json_write.h"
#include "settings_private.h"
#include "settings_text.h"
#include "settings_value.h"

#define HELP_COLUMNS 100
#define REDACTED     "\"(secret)\""

static void indent(struct buf *out, size_t level)
{
        for (size_t i = 0; i < level; i++)
                buf_append_c(out, "  ");
}

static bool is_last_of_group(int id)
{
        return setting_common_groups(id, id + 1) < setting_depth((enum setting)id);
}

/* Those that begin with this setting. */
static void open_groups(struct buf *out, int id)
{
        for (size_t level = setting_common_groups(id - 1, id);
             level < setting_depth((enum setting)id); level++) {
                indent(out, level + 1);
                buf_printf(out, "\"%.*s\": {\n", STR_ARG(setting_group((enum setting)id, level)));
        }
}

/* Those that end with it. */
static void close_groups(struct buf *out, int id)
{
        size_t kept = setting_common_groups(id, id + 1);

        for (size_t level = setting_depth((enum setting)id); level > kept; level--) {
                bool goes_on = level == kept + 1 && id + 1 < SETTING__COUNT;

                indent(out, level);
                buf_append_c(out, goes_on ? "},\n" : "}\n");
        }
}

/* THE SAMPLE */

static void print_sample_of(struct buf *out, int id)
{
        const struct setting_row *row = setting_row((enum setting)id);
        size_t depth = setting_depth((enum setting)id) + 1;
        char prefix[32];

        if (setting_common_groups(id - 1, id) > 0)
                buf_append_char(out, '\n');
        open_groups(out, id);
        snprintf(prefix, sizeof prefix, "%*s// ", (int)(2 * depth), "");
        settings_wrap(out, row->help, prefix, HELP_COLUMNS);
        settings_wrap_limits(out, row, prefix, HELP_COLUMNS);
        indent(out, depth);
        buf_printf(out, "\"%s\": %s%s\n", setting_name((enum setting)id), row->preset,
                   is_last_of_group(id) ? "" : ",");
        close_groups(out, id);
}

void settings_print_sample(struct buf *out)
{
        buf_append_c(out,
                     "// Settings of crr-retryd, all at their defaults: keep what you change.\n"
                     "// Durations have a unit: ms s m h d. Sizes are bytes or have one: B KiB "
                     "MiB GiB.\n"
                     "// Any string may stand elsewhere: {\"file\": \"/run/secrets/x\"} or "
                     "{\"env\": \"NAME\"}.\n"
                     "{\n");
        for (int id = 0; id < SETTING__COUNT; id++)
                print_sample_of(out, id);
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
                open_groups(out, id);
                indent(out, setting_depth((enum setting)id) + 1);
                buf_printf(out, "\"%s\": ", setting_name((enum setting)id));
                print_value(out, setting_row((enum setting)id), &s->values[id],
                            is_last_of_group(id) ? "" : ",");
                close_groups(out, id);
        }
        buf_append_c(out, "}\n");
}
