/* SPDX-License-Identifier: Apache-2.0 */
#include "crr/daemon/settings.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "settings_check.h"
#include "settings_private.h"

#define ARENA_LIMIT   ((size_t)256 * 1024 * 1024)
#define SAMPLE_LIMIT  ((size_t)1024 * 1024)
#define MAX_PROBLEMS  200
#define MESSAGE_BYTES 512

/* The defaults are read as what they are shown as: the sample. */
static void read_defaults(struct settings *s)
{
        struct buf sample;

        buf_init(&sample, SAMPLE_LIMIT);
        settings_print_sample(&sample);
        settings_read_text(s, buf_str(&sample), NULL);
        buf_deinit(&sample);
}

struct settings *settings_load(const struct settings_sources *sources)
{
        struct settings *s = calloc(1, sizeof *s);

        if (s == NULL)
                abort();
        arena_init(&s->arena, ARENA_LIMIT);
        s->problems = calloc(MAX_PROBLEMS, sizeof *s->problems);
        if (s->problems == NULL)
                abort();
        s->kafka = sources->kafka;
        s->environment = sources->environment;
        read_defaults(s);
        assert(s->n_problems == 0);
        if (sources->file != NULL)
                settings_read_file(s, sources->file);
        settings_read_environment(s);
        for (size_t i = 0; i < sources->n_sets; i++)
                settings_read_set(s, str_from(sources->sets[i]));
        settings_check_together(s);
        s->environment = NULL;
        return s;
}

void settings_free(struct settings *s)
{
        if (s == NULL)
                return;
        arena_deinit(&s->arena);
        free(s->problems);
        free(s);
}

/* PROBLEMS */

const char *settings_copy(struct settings *s, struct str text)
{
        char *copy = arena_c(&s->arena, text);

        if (copy == NULL)
                abort();
        return copy;
}

__attribute__((format(printf, 5, 0))) static void note(struct settings *s, bool is_warning,
                                                       const char *source, struct str path,
                                                       const char *format, va_list ap)
{
        char message[MESSAGE_BYTES];

        if (s->n_problems == MAX_PROBLEMS)
                return;
        vsnprintf(message, sizeof message, format, ap);
        s->problems[s->n_problems++] = (struct settings_problem){
                .source = source,
                .path = path.base != NULL ? settings_copy(s, path) : NULL,
                .message = settings_copy(s, str_from(message)),
                .is_warning = is_warning,
        };
}

void settings_problem(struct settings *s, const char *source, struct str path, const char *format,
                      ...)
{
        va_list ap;

        va_start(ap, format);
        note(s, false, source, path, format, ap);
        va_end(ap);
}

void settings_warning(struct settings *s, const char *source, struct str path, const char *format,
                      ...)
{
        va_list ap;

        va_start(ap, format);
        note(s, true, source, path, format, ap);
        va_end(ap);
}

bool settings_are_good(const struct settings *s)
{
        for (size_t i = 0; i < s->n_problems; i++)
                if (!s->problems[i].is_warning)
                        return false;
        return true;
}

size_t settings_problems(const struct settings *s, const struct settings_problem **ret)
{
        *ret = s->problems;
        return s->n_problems;
}

/* VALUES */

int64_t settings_number(const struct settings *s, enum setting id)
{
        assert(setting_is_number(setting_row(id)));
        return s->values[id].number;
}

const char *settings_text(const struct settings *s, enum setting id)
{
        assert(setting_row(id)->type == SETTING_TEXT);
        return s->values[id].text;
}

const char *settings_choice(const struct settings *s, enum setting id)
{
        assert(setting_row(id)->type == SETTING_CHOICE);
        return s->values[id].text;
}

size_t settings_list(const struct settings *s, enum setting id, const char *const **ret)
{
        assert(setting_row(id)->type == SETTING_LIST);
        *ret = s->values[id].items;
        return s->values[id].n_items;
}

size_t settings_properties(const struct settings *s, enum setting id,
                           const struct setting_property **ret)
{
        assert(setting_row(id)->type == SETTING_MAP);
        *ret = s->values[id].properties;
        return s->values[id].n_properties;
}
