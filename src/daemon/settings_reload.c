/* SPDX-License-Identifier: Apache-2.0 */
/* What another reading of the sources changes. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "settings_private.h"

/* SCALARS AND LISTS */

static bool same_text(const char *a, const char *b)
{
        return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_value(const struct setting_value *a, const struct setting_value *b)
{
        if (a->number != b->number || !same_text(a->text, b->text) || a->n_items != b->n_items)
                return false;
        for (size_t i = 0; i < a->n_items; i++)
                if (!same_text(a->items[i], b->items[i]))
                        return false;
        return true;
}

static const char *copy(struct settings *s, const char *text)
{
        return text != NULL ? settings_copy(s, str_from(text)) : NULL;
}

static void *array(struct settings *s, size_t n, size_t size)
{
        void *items = arena_array(&s->arena, n + 1, size);

        if (items == NULL)
                abort();
        return items;
}

static void take(struct settings *s, enum setting id, const struct setting_value *fresh)
{
        struct setting_value *value = &s->values[id];
        const char **items = array(s, fresh->n_items, sizeof *items);

        for (size_t i = 0; i < fresh->n_items; i++)
                items[i] = copy(s, fresh->items[i]);
        value->number = fresh->number;
        value->is_secret = fresh->is_secret;
        value->source = copy(s, fresh->source);
        value->text = copy(s, fresh->text);
        value->items = items;
        value->n_items = fresh->n_items;
}

/* PROPERTIES */

static struct setting_property *find(const struct setting_value *map, const char *name)
{
        for (size_t i = 0; i < map->n_properties; i++)
                if (strcmp(map->properties[i].name, name) == 0)
                        return &map->properties[i];
        return NULL;
}

/* What a handle can take while it lives. */
static bool is_credential(const char *name)
{
        return strcmp(name, "sasl.username") == 0 || strcmp(name, "sasl.password") == 0;
}

struct property_changes {
        bool taken, left;
};

static void take_property(struct settings *s, struct setting_property *old,
                          const struct setting_property *fresh)
{
        old->value = copy(s, fresh->value);
        old->source = copy(s, fresh->source);
        old->is_secret = fresh->is_secret;
}

static struct property_changes take_credentials(struct settings *s, enum setting id,
                                                const struct setting_value *fresh)
{
        struct setting_value *map = &s->values[id];
        bool may_take = setting_row(id)->flags & SETTING_RELOADABLE;
        struct property_changes changes = { .left = map->n_properties != fresh->n_properties };

        for (size_t i = 0; i < fresh->n_properties; i++) {
                const struct setting_property *p = &fresh->properties[i];
                struct setting_property *old = find(map, p->name);

                if (old != NULL && same_text(old->value, p->value))
                        continue;
                if (old == NULL || !may_take || !is_credential(p->name)) {
                        changes.left = true;
                        continue;
                }
                take_property(s, old, p);
                changes.taken = true;
        }
        return changes;
}

static void replace_properties(struct settings *s, enum setting id,
                               const struct setting_value *fresh)
{
        struct setting_property *all = array(s, fresh->n_properties, sizeof *all);

        for (size_t i = 0; i < fresh->n_properties; i++) {
                const struct setting_property *p = &fresh->properties[i];

                all[i] = (struct setting_property){ copy(s, p->name), copy(s, p->value),
                                                    copy(s, p->source), p->is_secret };
        }
        s->values[id].properties = all;
        s->values[id].n_properties = fresh->n_properties;
        s->values[id].source = copy(s, fresh->source);
}

static bool same_properties(const struct setting_value *a, const struct setting_value *b)
{
        if (a->n_properties != b->n_properties)
                return false;
        for (size_t i = 0; i < a->n_properties; i++) {
                const struct setting_property *other = find(b, a->properties[i].name);

                if (other == NULL || !same_text(a->properties[i].value, other->value))
                        return false;
        }
        return true;
}

static struct property_changes take_properties(struct settings *s, enum setting id,
                                               const struct setting_value *fresh)
{
        bool is_other = !same_properties(&s->values[id], fresh);

        if (setting_is_librdkafkas(setting_row(id)))
                return take_credentials(s, id, fresh);
        if (is_other)
                replace_properties(s, id, fresh);
        return (struct property_changes){ .taken = is_other };
}

void settings_reload(struct settings *s, const struct settings *fresh,
                     void (*changed)(void *data, enum setting id, bool taken), void *data)
{
        assert(settings_are_good(s) && settings_are_good(fresh));
        for (int i = 0; i < SETTING__COUNT; i++) {
                enum setting id = (enum setting)i;
                bool reloadable = setting_row(id)->flags & SETTING_RELOADABLE;
                const struct setting_value *value = &fresh->values[id];

                if (setting_row(id)->type == SETTING_MAP) {
                        struct property_changes changes = take_properties(s, id, value);

                        if (changes.taken)
                                changed(data, id, true);
                        if (changes.left)
                                changed(data, id, false);
                } else if (!same_value(&s->values[id], value)) {
                        if (reloadable)
                                take(s, id, value);
                        changed(data, id, reloadable);
                }
        }
}
