/* SPDX-License-Identifier: Apache-2.0 */
/* One value into its setting: by type, checked. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "settings_check.h"
#include "settings_private.h"
#include "settings_value.h"

#define TEXT_LIMIT 1024

static void refuse_type(struct settings *s, const char *source, enum setting id)
{
        struct buf text;

        buf_init(&text, TEXT_LIMIT);
        setting_describe_type(setting_row(id), &text);
        settings_problem(s, source, str_from(setting_path(id)), "must be %.*s",
                         STR_ARG(buf_str(&text)));
        buf_deinit(&text);
}

static void assign_number(struct settings *s, enum setting id, const char *source,
                          const struct raw_value *raw)
{
        struct error err;
        int64_t number;

        if (setting_read_number(setting_row(id), raw, &number, &err) != 0) {
                settings_problem(s, source, str_from(setting_path(id)), "%s", err.message);
                return;
        }
        s->values[id].number = number;
        if (setting_row(id)->type == SETTING_CHOICE)
                s->values[id].text = settings_copy(s, setting_choice_name(setting_row(id), number));
        s->values[id].source = source;
        s->values[id].is_secret = raw->is_secret;
}

static const char *complaint(const struct setting_row *row, struct str text)
{
        if (memchr(text.base, '\0', text.len) != NULL)
                return "holds a zero byte";
        return row->check != NULL ? row->check(text) : NULL;
}

/* False, and said, when the text is not good for its setting. */
static bool is_good(struct settings *s, enum setting id, const char *source,
                    const struct raw_value *raw)
{
        struct str path = str_from(setting_path(id));
        const char *why = complaint(setting_row(id), raw->text);

        if (why == NULL)
                return true;
        if (raw->is_secret || check_holds_credentials(raw->text))
                settings_problem(s, source, path, "%s", why);
        else
                settings_problem(s, source, path, "\"%.*s\" %s", STR_ARG(raw->text), why);
        return false;
}

static void assign_text(struct settings *s, enum setting id, const char *source,
                        const struct raw_value *raw)
{
        struct setting_value *value = &s->values[id];
        bool is_null = raw->type == JSON_NULL && (setting_row(id)->flags & SETTING_NULLABLE);

        if (!is_null && raw->type != JSON_STRING) {
                refuse_type(s, source, id);
                return;
        }
        if (!is_null && !is_good(s, id, source, raw))
                return;
        value->text = is_null ? NULL : settings_copy(s, raw->text);
        value->source = source;
        value->is_secret = raw->is_secret;
}

/* The environment and --set give lists by comma; a list from them replaces the one before. */
static void assign_list(struct settings *s, enum setting id, const char *source,
                        const struct raw_value *raw)
{
        struct raw_value item = *raw;
        struct str rest = raw->text;

        if (!raw->is_loose) {
                refuse_type(s, source, id);
                return;
        }
        settings_list_begin(s, id, source);
        while (str_split(rest, ',', &item.text, &rest)) {
                item.text = str_trim(item.text);
                settings_list_add(s, id, source, &item);
        }
        item.text = str_trim(rest);
        settings_list_add(s, id, source, &item);
}

void settings_assign(struct settings *s, enum setting id, const char *source,
                     const struct raw_value *raw)
{
        const struct setting_row *row = setting_row(id);
        struct raw_value text = *raw;

        text.is_secret |= (row->flags & SETTING_SECRET) != 0 && raw->type != JSON_NULL;
        if (setting_is_number(row))
                assign_number(s, id, source, raw);
        else if (row->type == SETTING_TEXT)
                assign_text(s, id, source, &text);
        else if (row->type == SETTING_LIST)
                assign_list(s, id, source, raw);
        else if (raw->is_loose)
                settings_problem(s, source, str_from(row->path),
                                 "is set one property at a time, by %s.<name>", row->path);
        else
                refuse_type(s, source, id);
}

/* LISTS */

void settings_list_begin(struct settings *s, enum setting id, const char *source)
{
        struct setting_value *value = &s->values[id];

        assert(setting_row(id)->type == SETTING_LIST);
        value->items = NULL;
        value->n_items = 0;
        value->item_refused = false;
        value->source = source;
        value->is_secret = false;
}

/* One more at the end of an array in the arena, which is copied: lists are short and read once. */
static void *grow(struct settings *s, const void *array, size_t n, size_t size)
{
        char *grown = arena_array(&s->arena, n + 1, size);

        if (grown == NULL)
                abort();
        if (n > 0)
                memcpy(grown, array, n * size);
        return grown;
}

void settings_list_add(struct settings *s, enum setting id, const char *source,
                       const struct raw_value *raw)
{
        struct setting_value *value = &s->values[id];

        if (raw->type != JSON_STRING) {
                refuse_type(s, source, id);
                value->item_refused = true;
                return;
        }
        if (!is_good(s, id, source, raw)) {
                value->item_refused = true;
                return;
        }
        value->items = grow(s, value->items, value->n_items, sizeof *value->items);
        value->items[value->n_items++] = settings_copy(s, raw->text);
        value->is_secret |= raw->is_secret;
}

/* PROPERTIES */

static struct setting_property *property_slot(struct settings *s, enum setting id, struct str name)
{
        struct setting_value *value = &s->values[id];

        for (size_t i = 0; i < value->n_properties; i++)
                if (str_eq_c(name, value->properties[i].name))
                        return &value->properties[i];
        value->properties =
                grow(s, value->properties, value->n_properties, sizeof *value->properties);
        return &value->properties[value->n_properties++];
}

static struct str property_text(const struct raw_value *raw)
{
        switch (raw->type) {
        case JSON_STRING:
        case JSON_INTEGER:
        case JSON_NUMBER:
                return raw->text;
        case JSON_BOOL:
                return raw->boolean ? STR("true") : STR("false");
        case JSON_NULL:
        case JSON_OBJECT:
        case JSON_ARRAY:
                break;
        }
        return STR_ABSENT;
}

/* NULL, or why this property cannot have this value. */
static const char *property_refusal(const struct setting_row *row, const char *name,
                                    struct str text)
{
        if (name[0] == '\0')
                return "has no name";
        if (text.base == NULL)
                return "must be a string, a number or a boolean";
        if (memchr(text.base, '\0', text.len) != NULL)
                return "holds a zero byte";
        return row->check != NULL ? row->check(text) : NULL;
}

/* The same by librdkafka, whose own words are in `err`. */
static const char *librdkafkas_refusal(const struct settings *s, const char *name,
                                       const char *value, bool is_secret, struct error *err)
{
        const char *why = s->kafka.refusal(name);

        if (why == NULL && s->kafka.check(name, value, err) != 0)
                why = is_secret ? "librdkafka refuses the secret" : err->message;
        return why;
}

static void refuse_property(struct settings *s, enum setting id, const char *source,
                            const char *name, const char *why)
{
        struct buf path;

        buf_init(&path, TEXT_LIMIT);
        buf_printf(&path, "%s.%s", setting_path(id), name);
        settings_problem(s, source, buf_str(&path), "%s", why);
        buf_deinit(&path);
}

void settings_set_property(struct settings *s, enum setting id, const char *source, struct str name,
                           const struct raw_value *raw)
{
        const struct setting_row *row = setting_row(id);
        bool is_librdkafkas = setting_is_librdkafkas(row);
        const char *copy = settings_copy(s, name), *value = NULL;
        struct str text = property_text(raw);
        const char *why = property_refusal(row, copy, text);
        bool is_secret = raw->is_secret || (row->flags & SETTING_SECRET) ||
                         (is_librdkafkas && s->kafka.is_secret(copy));
        struct setting_property *slot;
        struct error err;

        assert(row->type == SETTING_MAP);
        if (why == NULL)
                value = settings_copy(s, text);
        if (why == NULL && is_librdkafkas)
                why = librdkafkas_refusal(s, copy, value, is_secret, &err);
        if (why != NULL) {
                refuse_property(s, id, source, copy, why);
                return;
        }
        slot = property_slot(s, id, name);
        *slot = (struct setting_property){ copy, value, source, is_secret };
        s->values[id].source = source;
}
