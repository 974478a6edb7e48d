/* SPDX-License-Identifier: Apache-2.0 */
/* The settings as text for people: --help and the documentation. */
#include "settings_text.h"

#include <string.h>

#include "settings_value.h"

#define LINE_LIMIT   4096
#define HELP_COLUMNS 96

void settings_wrap(struct buf *out, const char *text, const char *prefix, int columns)
{
        struct str rest = str_from(text), word;
        int column = 0;
        bool more = true;

        while (more) {
                more = str_split(rest, ' ', &word, &rest);
                if (!more)
                        word = rest;
                if (column > 0 && column + 1 + (int)word.len > columns) {
                        buf_append_char(out, '\n');
                        column = 0;
                }
                buf_append_c(out, column == 0 ? prefix : " ");
                column += (column == 0 ? (int)strlen(prefix) : 1) + (int)word.len;
                buf_append_str(out, word);
        }
        buf_append_char(out, '\n');
}

void settings_describe_limits(struct buf *out, const struct setting_row *row)
{
        if (row->choices != NULL) {
                setting_describe_type(row, out);
        } else if (row->max > 0) {
                setting_show_number(row, row->min, out);
                buf_append_c(out, " to ");
                setting_show_number(row, row->max, out);
                buf_append_c(out, row->flags & SETTING_AUTOMATIC ? ", or auto" : "");
        }
}

static char upper(char c)
{
        return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

void settings_wrap_limits(struct buf *out, const struct setting_row *row, const char *prefix,
                          int columns)
{
        struct buf text;

        buf_init(&text, LINE_LIMIT);
        settings_describe_limits(&text, row);
        if (text.len > 0) {
                text.base[0] = upper(text.base[0]);
                buf_append_char(&text, '.');
        }
        if ((row->flags & SETTING_RELOADABLE) && text.len > 0)
                buf_append_char(&text, ' ');
        if (row->flags & SETTING_RELOADABLE)
                buf_append_c(&text, setting_is_librdkafkas(row)
                                            ? "Reloadable: sasl.username, sasl.password."
                                            : "Reloadable.");
        buf_append_char(&text, '\0');
        if (text.len > 1)
                settings_wrap(out, text.base, prefix, columns);
        buf_deinit(&text);
}

/* --help */

void settings_print_help(struct buf *out)
{
        for (int id = 0; id < SETTING__COUNT; id++) {
                const struct setting_row *row = setting_row((enum setting)id);

                buf_printf(out, "  %s  (default %s)\n", row->path, row->preset);
                settings_wrap(out, row->help, "        ", HELP_COLUMNS);
                settings_wrap_limits(out, row, "        ", HELP_COLUMNS);
        }
}

/* DOCUMENTATION */

static void print_intro(struct buf *out)
{
        buf_append_c(
                out,
                "# Settings of crr-retryd\n\n"
                "Made from `include/crr/daemon/settings.def` by `crr-retryd --print-config-docs`; "
                "a test compares.\n"
                "`crr-retryd.json` is the annotated sample, `crr-retryd.schema.json` its JSON "
                "Schema.\n\n"
                "Sources, later ones win: default, `--config FILE` (JSON with `//` and `/* */` "
                "comments), environment, `--set PATH=VALUE`.\n"
                "`crr-retryd --check-config` says what is wrong, all of it at once (exit 78); "
                "`--print-config` shows each value and its source.\n\n"
                "- Durations have a unit: `ms` `s` `m` `h` `d`. Sizes are bytes or have a unit: "
                "`B` `KiB` `MiB` `GiB`.\n"
                "- In the environment and in `--set` lists are separated by commas, and `null` is null.\n"
                "- Properties of librdkafka: "
                "`--set kafka.properties.bootstrap.servers=host:9092` or\n"
                "  `CRR_KAFKA__PROPERTIES__BOOTSTRAP_SERVERS=host:9092` (`_` for `.`). Sources "
                "add to the properties of those before.\n"
                "- Secrets: any string may be `{\"file\": \"/run/secrets/x\"}` (a trailing newline "
                "is dropped) or `{\"env\": \"NAME\"}`,\n"
                "  in the file, the environment and `--set`. Such values, and librdkafka's secret "
                "properties, are never printed.\n"
                "  A value that begins and ends with a brace must come from a file or a variable.\n"
                "- SIGHUP reads all sources again and applies what is reloadable; the rest is "
                "logged as needing a restart, a bad file\n"
                "  changes nothing. A variable `CRR_...` with `__` that is no setting is an "
                "error.\n\n"
                "| setting | default | values | reloadable | meaning |\n"
                "|---|---|---|---|---|\n");
}

/* A '|' would end the cell. */
static void append_cell(struct buf *out, struct str text)
{
        for (size_t i = 0; i < text.len; i++) {
                if (text.base[i] == '|')
                        buf_append_char(out, '\\');
                buf_append_char(out, text.base[i]);
        }
}

static const char *reloadable_cell(const struct setting_row *row)
{
        if (!(row->flags & SETTING_RELOADABLE))
                return "no";
        return setting_is_librdkafkas(row) ? "`sasl.username`, `sasl.password`" : "yes";
}

/* Where it is set: in the file, and the variable if there is one. */
static void print_names(struct buf *out, enum setting id)
{
        const struct setting_row *row = setting_row(id);

        buf_printf(out, "| `%s`", row->path);
        if (row->type == SETTING_MAP && !setting_is_librdkafkas(row))
                return;
        buf_append_c(out, "<br>`");
        setting_env_name(id, out);
        buf_printf(out, "%s`", setting_is_librdkafkas(row) ? "__<NAME>" : "");
}

void settings_print_docs(struct buf *out)
{
        struct buf limits;

        buf_init(&limits, LINE_LIMIT);
        print_intro(out);
        for (int id = 0; id < SETTING__COUNT; id++) {
                const struct setting_row *row = setting_row((enum setting)id);

                buf_clear(&limits);
                settings_describe_limits(&limits, row);
                if (limits.len == 0)
                        setting_describe_type(row, &limits);
                print_names(out, (enum setting)id);
                buf_printf(out, " | `%s` | ", row->preset);
                append_cell(out, buf_str(&limits));
                buf_printf(out, " | %s | ", reloadable_cell(row));
                append_cell(out, str_from(row->help));
                buf_append_c(out, " |\n");
        }
        buf_deinit(&limits);
}
