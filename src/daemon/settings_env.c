/* SPDX-License-Identifier: Apache-2.0 */
/* Settings from the environment and from --set: text, read by the setting's type. */
#include <stdio.h>
#include <string.h>

#include "settings_private.h"
#include "settings_secret.h"

#define NAME_LIMIT   4096
#define SECRET_LIMIT ((size_t)1024 * 1024)

static void give(struct settings *s, enum setting id, struct str property, const char *source,
                 const struct raw_value *raw)
{
        if (property.base != NULL)
                settings_set_property(s, id, source, property, raw);
        else
                settings_assign(s, id, source, raw);
}

/* The file's null, so that what it sets can be unset. */
static bool is_null(enum setting id, struct str text)
{
        return (setting_row(id)->flags & SETTING_NULLABLE) && str_eq_c(text, "null");
}

/* Text, null, or the place of a secret. */
static void give_text(struct settings *s, enum setting id, struct str property, const char *source,
                      struct str text)
{
        struct raw_value raw = { .type = JSON_STRING, .text = text, .is_loose = true };
        struct secret_place place;
        struct buf name, secret;
        struct error err;

        buf_init(&name, NAME_LIMIT);
        buf_init(&secret, SECRET_LIMIT + 1);
        if (property.base == NULL && is_null(id, text))
                raw.type = JSON_NULL;
        if (!secret_is_meant(text)) {
                give(s, id, property, source, &raw);
        } else if (!secret_parse(text, &place, &name)) {
                settings_problem(s, source, str_from(setting_path(id)),
                                 "a text in braces must be {\"file\": \"/path\"} or {\"env\": "
                                 "\"NAME\"}");
        } else if (secret_fetch(&place, s->environment, &secret, &err) != 0) {
                settings_problem(s, source, str_from(setting_path(id)), "%s", err.message);
        } else {
                raw.is_secret = true;
                raw.text = buf_str(&secret);
                give(s, id, property, source, &raw);
        }
        buf_deinit(&name);
        buf_deinit(&secret);
}

/* THE ENVIRONMENT */

/* CRR_KAFKA__PROPERTIES__BOOTSTRAP_SERVERS -> the map, and "BOOTSTRAP_SERVERS" in *ret_rest. */
static bool find_variable(struct str variable, enum setting *ret, struct str *ret_rest)
{
        bool found = false;
        struct buf name;

        buf_init(&name, NAME_LIMIT);
        for (int id = 0; id < SETTING__COUNT && !found; id++) {
                *ret = (enum setting)id;
                *ret_rest = STR_ABSENT;
                buf_clear(&name);
                setting_env_name(*ret, &name);
                found = str_eq(variable, buf_str(&name));
                if (found || setting_row(*ret)->type != SETTING_MAP)
                        continue;
                buf_append_c(&name, "__");
                buf_append_char(&name, '\0');
                if (!str_has_prefix(variable, name.base))
                        continue;
                found = true;
                *ret_rest =
                        (struct str){ variable.base + name.len - 1, variable.len - name.len + 1 };
        }
        buf_deinit(&name);
        return found;
}

static bool has_levels(struct str name)
{
        for (size_t i = 0; i + 1 < name.len; i++)
                if (name.base[i] == '_' && name.base[i + 1] == '_')
                        return true;
        return false;
}

static char lower(char c)
{
        return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* "CRR_HTTP__LISTEN" -> "http.listen", for messages. */
static void write_path(struct str variable, struct buf *out)
{
        size_t i = strlen("CRR_");

        while (i < variable.len) {
                bool is_level =
                        i + 1 < variable.len && has_levels((struct str){ variable.base + i, 2 });

                if (is_level)
                        buf_append_char(out, '.');
                else
                        buf_append_char(out, lower(variable.base[i]));
                i += is_level ? 2 : 1;
        }
}

static void say_unknown(struct settings *s, const char *source, struct str variable,
                        const char *message)
{
        struct buf path;

        buf_init(&path, NAME_LIMIT);
        write_path(variable, &path);
        settings_problem(s, source, buf_str(&path), "%s", message);
        buf_deinit(&path);
}

static void read_variable(struct settings *s, struct str variable, struct str value)
{
        const char *source = settings_copy(s, variable), *property = NULL;
        enum setting id;
        struct str rest;

        if (!find_variable(variable, &id, &rest)) {
                say_unknown(s, source, variable, "unknown setting");
                return;
        }
        if (rest.base != NULL && !setting_is_librdkafkas(setting_row(id))) {
                say_unknown(s, source, variable, "names do not fit a variable: use the file");
                return;
        }
        if (rest.base != NULL) {
                property = s->kafka.from_env(source + (variable.len - rest.len));
                if (property == NULL) {
                        say_unknown(s, source, variable, "librdkafka has no such property");
                        return;
                }
        }
        give_text(s, id, str_from(property), source, value);
}

/* Kubernetes sets CRR_RETRY_SERVICE_HOST and more when a service is named crr-retry; CRR_LOG_STRICT
 * is the log's. */
static bool is_foreign(struct str variable)
{
        return !has_levels(variable) && !str_eq_c(variable, "CRR_LOG_STRICT");
}

void settings_read_environment(struct settings *s)
{
        struct str variable, value, foreign = STR_ABSENT;
        size_t n_foreign = 0;

        for (const char *const *entry = s->environment; entry != NULL && *entry != NULL; entry++) {
                if (!str_split(str_from(*entry), '=', &variable, &value) ||
                    !str_has_prefix(variable, "CRR_"))
                        continue;
                if (has_levels(variable))
                        read_variable(s, variable, value);
                else if (is_foreign(variable) && n_foreign++ == 0)
                        foreign = variable;
        }
        if (n_foreign > 0)
                settings_warning(s, settings_copy(s, foreign), STR_ABSENT,
                                 "%zu variables that begin with CRR_ are not settings (those have "
                                 "__ in their names)",
                                 n_foreign);
}

/* --set */

void settings_read_set(struct settings *s, struct str assignment)
{
        struct str path, value, property;
        enum setting id;

        if (!str_split(assignment, '=', &path, &value))
                settings_problem(s, "--set", STR_ABSENT, "must be PATH=VALUE");
        else if (!setting_find(path, &id, &property))
                settings_problem(s, "--set", path, "unknown setting");
        else
                give_text(s, id, property, "--set", value);
}
