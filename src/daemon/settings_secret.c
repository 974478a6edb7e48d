/* SPDX-License-Identifier: Apache-2.0 */
#include "settings_secret.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SECRET_LIMIT ((size_t)1024 * 1024)
#define NAME_LIMIT   4096
#define CHUNK        4096

struct str environment_find(const char *const *environment, struct str name)
{
        struct str found, value;

        for (; environment != NULL && *environment != NULL; environment++)
                if (str_split(str_from(*environment), '=', &found, &value) && str_eq(found, name))
                        return value;
        return STR_ABSENT;
}

static int read_all(FILE *file, size_t limit, struct buf *out, struct error *err)
{
        while (!feof(file)) {
                char chunk[CHUNK];
                size_t n = fread(chunk, 1, sizeof chunk, file);

                if (ferror(file))
                        return error_set(err, ERR_BAD_CONFIG, "cannot be read: %s",
                                         strerror(errno));
                buf_append(out, chunk, n);
                if (out->overflow || out->len > limit)
                        return error_set(err, ERR_BAD_CONFIG, "is longer than %zu bytes", limit);
        }
        return 0;
}

int file_read(const char *path, size_t limit, struct buf *out, struct error *err)
{
        FILE *file = fopen(path, "re");
        int rc;

        if (file == NULL)
                return error_set(err, ERR_BAD_CONFIG, "cannot be read: %s", strerror(errno));
        rc = read_all(file, limit, out, err);
        fclose(file);
        return rc;
}

static void drop_newline(struct buf *out)
{
        if (out->len > 0 && out->base[out->len - 1] == '\n')
                out->len--;
        if (out->len > 0 && out->base[out->len - 1] == '\r')
                out->len--;
}

static int fetch_file(struct str name, struct buf *out, struct error *err)
{
        char path[NAME_LIMIT];

        if (name.len >= sizeof path)
                return error_set(err, ERR_BAD_CONFIG, "the secret's file name is too long");
        snprintf(path, sizeof path, "%.*s", STR_ARG(name));
        if (file_read(path, SECRET_LIMIT, out, err) != 0)
                return error_prefix(err, "the secret's file %s", path);
        drop_newline(out);
        if (out->len == 0)
                return error_set(err, ERR_BAD_CONFIG, "the secret's file %s: is empty", path);
        return 0;
}

int secret_fetch(const struct secret_place *place, const char *const *environment, struct buf *out,
                 struct error *err)
{
        struct str value;

        if (place->has_file == place->has_env)
                return error_set(err, ERR_BAD_CONFIG,
                                 "a secret is {\"file\": \"/path\"} or {\"env\": \"NAME\"}");
        if (place->has_file)
                return fetch_file(place->name, out, err);
        value = environment_find(environment, place->name);
        if (value.len == 0)
                return error_set(err, ERR_BAD_CONFIG, "the secret's variable %.*s is not set",
                                 STR_ARG(place->name));
        buf_append_str(out, value);
        return 0;
}

struct secret_parser {
        struct secret_place *place;
        struct buf *name;
};

static int refuse(struct error *err)
{
        return error_set(err, ERR_BAD_CONFIG, "not a secret");
}

static int parser_on_value(void *data, unsigned depth, struct str name, const struct json_value *v,
                           struct error *err)
{
        struct secret_parser *p = data;
        bool is_file = str_eq_c(name, "file"), is_env = str_eq_c(name, "env");

        if (depth == 0)
                return v->type == JSON_OBJECT ? 0 : refuse(err);
        if (v->type != JSON_STRING || !(is_file || is_env) || p->name->len > 0)
                return refuse(err);
        p->place->has_file = is_file;
        p->place->has_env = is_env;
        buf_append_str(p->name, v->text);
        return 0;
}

bool secret_is_meant(struct str text)
{
        return text.len >= 2 && text.base[0] == '{' && text.base[text.len - 1] == '}';
}

bool secret_parse(struct str text, struct secret_place *ret, struct buf *name)
{
        static const struct json_events events = { .value = parser_on_value };
        struct secret_parser parser = { .place = ret, .name = name };
        struct json_reader *reader;
        struct error err;
        bool is_secret;

        *ret = (struct secret_place){ 0 };
        reader = json_reader_new(1);
        is_secret = json_read(reader, text, &events, &parser, &err) == 0 && name->len > 0;
        json_reader_free(reader);
        ret->name = buf_str(name);
        return is_secret;
}
