/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings from a file: JSON with comments. What is wrong is noted with its line and column, and
 * the walk goes on; only what is not JSON ends it.
 */
#include <stdlib.h>
#include <string.h>

#include "crr/base/json_read.h"
#include "settings_private.h"
#include "settings_secret.h"

#define FILE_LIMIT   ((size_t)1024 * 1024)
#define SECRET_LIMIT FILE_LIMIT
#define MAX_DEPTH    8
#define MAX_NAMES    4096

enum place_kind {
        PLACE_GROUP,  /* an object above settings */
        PLACE_MAP,    /* a setting's properties */
        PLACE_LIST,   /* a setting's items */
        PLACE_SECRET, /* {"file": ...}, in place of a string */
        PLACE_SKIPPED /* of something that was refused */
};

struct place {
        enum place_kind kind;
        enum setting id;
        size_t path_bytes;  /* of its own path */
        const char *source; /* where it begins */
};

struct walk {
        struct settings *s;
        const char *name; /* of the file; NULL: the defaults */
        struct str text;  /* without comments */
        struct json_reader *reader;
        size_t taken;                       /* end of the event before */
        struct place places[MAX_DEPTH + 2]; /* by depth of what is in it */
        struct buf path;                    /* of the value at hand */
        const char **names;                 /* paths seen, to find one twice */
        size_t n_names;
        struct secret_place secret;
        struct buf secret_name;
        bool secret_is_odd; /* it holds something else too */
};

/* POSITIONS */

static const char *source_at(struct walk *w, size_t offset)
{
        size_t line = 1, column = 1;
        struct buf text;
        const char *source;

        if (w->name == NULL)
                return "default";
        for (size_t i = 0; i < offset && i < w->text.len; i++) {
                column = w->text.base[i] == '\n' ? 1 : column + 1;
                line += w->text.base[i] == '\n';
        }
        buf_init(&text, FILE_LIMIT);
        buf_printf(&text, "%s:%zu:%zu", w->name, line, column);
        source = settings_copy(w->s, buf_str(&text));
        buf_deinit(&text);
        return source;
}

/* Where the event at hand begins: its name if it has one, else its value. */
static const char *source_of_event(struct walk *w)
{
        size_t begin = w->taken;

        while (begin < w->text.len && strchr(" \t\r\n,", w->text.base[begin]) != NULL)
                begin++;
        w->taken = json_reader_offset(w->reader);
        return source_at(w, begin);
}

/* WHAT A VALUE MEANS BY ITS PLACE */

static bool is_container(const struct json_value *v)
{
        return v->type == JSON_OBJECT || v->type == JSON_ARRAY;
}

static struct raw_value raw_of(const struct json_value *v)
{
        return (struct raw_value){ .type = v->type, .text = v->text, .boolean = v->boolean };
}

static void enter_secret(struct walk *w, struct place *inner)
{
        inner->kind = PLACE_SECRET;
        w->secret = (struct secret_place){ 0 };
        w->secret_is_odd = false;
        buf_clear(&w->secret_name);
}

static void on_setting(struct walk *w, enum setting id, const struct json_value *v,
                       struct place *inner)
{
        enum setting_type type = setting_row(id)->type;
        struct raw_value raw = raw_of(v);

        inner->id = id;
        if (v->type == JSON_OBJECT && type == SETTING_MAP) {
                inner->kind = PLACE_MAP;
        } else if (v->type == JSON_ARRAY && type == SETTING_LIST) {
                inner->kind = PLACE_LIST;
                settings_list_begin(w->s, id, inner->source);
        } else if (v->type == JSON_OBJECT && type == SETTING_TEXT) {
                enter_secret(w, inner);
        } else {
                settings_assign(w->s, id, inner->source, &raw);
        }
}

static bool has_dot(struct str name)
{
        return memchr(name.base, '.', name.len) != NULL;
}

static void in_group(struct walk *w, struct str name, const struct json_value *v,
                     struct place *inner)
{
        struct str path = buf_str(&w->path), property;
        bool is_nested = !has_dot(name);
        enum setting id;

        if (is_nested && setting_find(path, &id, &property) && property.base == NULL)
                on_setting(w, id, v, inner);
        else if (!is_nested || !setting_is_group(path))
                settings_problem(w->s, inner->source, path, "unknown setting");
        else if (v->type == JSON_OBJECT)
                inner->kind = PLACE_GROUP;
        else
                settings_problem(w->s, inner->source, path, "must be an object");
}

static void in_map(struct walk *w, const struct place *map, struct str name,
                   const struct json_value *v, struct place *inner)
{
        struct raw_value raw = raw_of(v);

        inner->id = map->id;
        if (v->type == JSON_OBJECT)
                enter_secret(w, inner);
        else
                settings_set_property(w->s, map->id, inner->source, name, &raw);
}

static void in_list(struct walk *w, const struct place *list, const struct json_value *v,
                    struct place *inner)
{
        struct raw_value raw = raw_of(v);

        inner->id = list->id;
        if (v->type == JSON_OBJECT)
                enter_secret(w, inner);
        else
                settings_list_add(w->s, list->id, inner->source, &raw);
}

static void in_secret(struct walk *w, struct str name, const struct json_value *v)
{
        bool is_file = str_eq_c(name, "file"), is_env = str_eq_c(name, "env");

        if (v->type != JSON_STRING || !(is_file || is_env)) {
                w->secret_is_odd = true;
                return;
        }
        w->secret.has_file |= is_file;
        w->secret.has_env |= is_env;
        buf_clear(&w->secret_name);
        buf_append_str(&w->secret_name, v->text);
}

/* EVENTS */

static bool is_twice(const struct walk *w)
{
        for (size_t i = 0; i < w->n_names; i++)
                if (str_eq_c(buf_str(&w->path), w->names[i]))
                        return true;
        return false;
}

/* The name's path. ERR_BAD_CONFIG: it is refused; err says so when the file is. */
static int note_name(struct walk *w, const struct place *outer, struct str name, const char *source,
                     struct error *err)
{
        w->path.len = outer->path_bytes;
        if (name.base == NULL)
                return 0;
        if (outer->path_bytes > 0)
                buf_append_char(&w->path, '.');
        buf_append_str(&w->path, name);
        if (outer->kind == PLACE_SKIPPED || (outer->kind == PLACE_GROUP && has_dot(name)))
                return 0;
        if (w->n_names == MAX_NAMES)
                return error_set(err, ERR_BAD_CONFIG, "more than %d names", MAX_NAMES);
        if (is_twice(w)) {
                settings_problem(w->s, source, buf_str(&w->path), "stands twice");
                return ERR_BAD_CONFIG;
        }
        w->names[w->n_names++] = settings_copy(w->s, buf_str(&w->path));
        return 0;
}

static void dispatch(struct walk *w, const struct place *outer, struct str name,
                     const struct json_value *v, struct place *inner)
{
        switch (outer->kind) {
        case PLACE_GROUP:
                in_group(w, name, v, inner);
                break;
        case PLACE_MAP:
                in_map(w, outer, name, v, inner);
                break;
        case PLACE_LIST:
                in_list(w, outer, v, inner);
                break;
        case PLACE_SECRET:
                in_secret(w, name, v);
                break;
        case PLACE_SKIPPED:
                break;
        }
}

static int walk_on_value(void *data, unsigned depth, struct str name, const struct json_value *v,
                         struct error *err)
{
        struct walk *w = data;
        const struct place *outer = &w->places[depth];
        struct place inner = { .kind = PLACE_SKIPPED, .source = source_of_event(w) };

        err->code = 0;
        if (depth == 0 && v->type != JSON_OBJECT)
                return error_set(err, ERR_BAD_CONFIG, "the configuration must be an object");
        if (depth == 0)
                inner.kind = PLACE_GROUP;
        else if (note_name(w, outer, name, inner.source, err) == 0)
                dispatch(w, outer, name, v, &inner);
        if (err->code != 0)
                return (int)err->code;
        inner.path_bytes = w->path.len;
        if (is_container(v))
                w->places[depth + 1] = inner;
        return 0;
}

static void end_secret(struct walk *w, const struct place *outer, const struct place *secret)
{
        struct raw_value raw = { .type = JSON_STRING, .is_secret = true };
        struct str path = { w->path.base, secret->path_bytes };
        struct buf value;
        struct error err;

        buf_init(&value, SECRET_LIMIT + 1);
        w->secret.name = buf_str(&w->secret_name);
        if (w->secret_is_odd)
                w->secret.has_file = w->secret.has_env = false;
        if (secret_fetch(&w->secret, w->s->environment, &value, &err) != 0) {
                settings_problem(w->s, secret->source, path, "%s", err.message);
                buf_deinit(&value);
                return;
        }
        raw.text = buf_str(&value);
        if (outer->kind == PLACE_MAP)
                settings_set_property(w->s, secret->id, secret->source,
                                      (struct str){ path.base + outer->path_bytes + 1,
                                                    path.len - outer->path_bytes - 1 },
                                      &raw);
        else if (outer->kind == PLACE_LIST)
                settings_list_add(w->s, secret->id, secret->source, &raw);
        else
                settings_assign(w->s, secret->id, secret->source, &raw);
        buf_deinit(&value);
}

static int walk_on_end(void *data, unsigned depth, enum json_type container, struct error *err)
{
        struct walk *w = data;
        const struct place *ended = &w->places[depth + 1];

        w->taken = json_reader_offset(w->reader);
        if (ended->kind == PLACE_SECRET)
                end_secret(w, &w->places[depth], ended);
        return 0;
}

/* READING */

/* End of the comment that begins at i; text.len when it has none. */
static size_t comment_end(struct str text, size_t i)
{
        bool is_line = text.base[i + 1] == '/';

        for (size_t from = i + 2; from < text.len; from++) {
                if (is_line && text.base[from] == '\n')
                        return from;
                if (!is_line && text.base[from] == '/' && text.base[from - 1] == '*' &&
                    from > i + 2)
                        return from + 1;
        }
        return text.len;
}

static bool begins_comment(struct str text, size_t i)
{
        return text.base[i] == '/' && i + 1 < text.len &&
               (text.base[i + 1] == '/' || text.base[i + 1] == '*');
}

static size_t blank(char *text, size_t from, size_t end)
{
        for (; from < end; from++)
                if (text[from] != '\n')
                        text[from] = ' ';
        return end;
}

/* Comments become blanks, so that every byte keeps its place. */
static void blank_comments(char *text, size_t n)
{
        bool in_string = false;
        size_t i = 0;

        while (i < n) {
                size_t end = i + 1;

                if (in_string && text[i] == '\\')
                        end++;
                else if (text[i] == '"')
                        in_string = !in_string;
                else if (!in_string && begins_comment((struct str){ text, n }, i))
                        end = blank(text, i, comment_end((struct str){ text, n }, i));
                i = end;
        }
}

/* The reader's messages begin with their place in bytes; ours with line and column. */
static void say_broken(struct walk *w, const struct error *err)
{
        const char *message = err->message;

        if (strncmp(message, "byte ", 5) == 0 && strstr(message, ": ") != NULL)
                message = strstr(message, ": ") + 2;
        settings_problem(w->s, source_at(w, json_reader_offset(w->reader)), STR_ABSENT, "%s",
                         message);
}

void settings_read_text(struct settings *s, struct str text, const char *name)
{
        static const struct json_events events = { .value = walk_on_value, .end = walk_on_end };
        struct walk w = { .s = s, .name = name };
        struct error err;
        char *copy = malloc(text.len + 1);

        w.names = calloc(MAX_NAMES, sizeof *w.names);
        if (copy == NULL || w.names == NULL)
                abort();
        memcpy(copy, text.base, text.len);
        blank_comments(copy, text.len);
        w.text = (struct str){ copy, text.len };
        w.reader = json_reader_new(MAX_DEPTH);
        json_reader_allow_duplicates(w.reader);
        buf_init(&w.path, FILE_LIMIT);
        buf_init(&w.secret_name, FILE_LIMIT);
        if (json_read(w.reader, w.text, &events, &w, &err) != 0)
                say_broken(&w, &err);
        buf_deinit(&w.secret_name);
        buf_deinit(&w.path);
        json_reader_free(w.reader);
        free(w.names);
        free(copy);
}

void settings_read_file(struct settings *s, const char *path)
{
        struct error err;
        struct buf text;

        buf_init(&text, FILE_LIMIT + 4096);
        if (file_read(path, FILE_LIMIT, &text, &err) != 0)
                settings_problem(s, settings_copy(s, str_from(path)), STR_ABSENT, "%s",
                                 err.message);
        else
                settings_read_text(s, buf_str(&text), settings_copy(s, str_from(path)));
        buf_deinit(&text);
}
