/* SPDX-License-Identifier: Apache-2.0 */
#include "crr/base/log.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crr/base/buf.h"
#include "crr/base/json_write.h"
#include "crr/base/time.h"

#define LINE_LIMIT  262144 /* more than any line: six fields and a message, all of them escapes */
#define VALUE_BYTES 4096   /* of a message or a field; longer ones are cut */

#define DEBUG       LOG_LEVEL_DEBUG
#define INFO        LOG_LEVEL_INFO
#define WARN        LOG_LEVEL_WARN
#define ERROR       LOG_LEVEL_ERROR
static const struct log_event_row rows[LOG__COUNT] = {
#define X(id, name, level, fields, help) [LOG_##id] = { name, level, fields, help },
#include "crr/base/log_events.def"
#undef X
};
#undef DEBUG
#undef INFO
#undef WARN
#undef ERROR

static const char *const level_names[LOG_LEVEL_COUNT] = { "debug", "info", "warn", "error" };

static atomic_int threshold = LOG_LEVEL_INFO;
static atomic_int line_format = LOG_FORMAT_LOGFMT;
static atomic_uint_fast64_t counts[LOG_LEVEL_COUNT];
static void (*sink_fn)(void *data, struct str line);
static void *sink_data;

struct log_field log_s(const char *name, struct str value)
{
        return (struct log_field){ .name = name, .kind = LOG_FIELD_STR, .text = value };
}

struct log_field log_c(const char *name, const char *value)
{
        return log_s(name, value != NULL ? str_from(value) : STR(""));
}

struct log_field log_i(const char *name, int64_t value)
{
        return (struct log_field){ .name = name, .kind = LOG_FIELD_INT, .integer = value };
}

struct log_field log_b(const char *name, bool value)
{
        return (struct log_field){ .name = name, .kind = LOG_FIELD_BOOL, .integer = value };
}

static bool lists(const char *fields, const char *name)
{
        struct str rest = str_from(fields), piece;

        while (str_split(rest, ',', &piece, &rest))
                if (str_eq_c(piece, name))
                        return true;
        return str_eq_c(rest, name);
}

static void check_fields(enum log_event event, const struct log_field *fields)
{
        if (getenv("CRR_LOG_STRICT") == NULL)
                return;
        for (; fields->kind != LOG_FIELD_END; fields++) {
                if (lists(rows[event].fields, fields->name))
                        continue;
                fprintf(stderr, "event %s has no field %s\n", rows[event].name, fields->name);
                abort();
        }
}

static struct str printable(struct str s)
{
        s = str_cut(s, VALUE_BYTES);
        return str_is_utf8(s) ? s : STR("(not UTF-8)");
}

static void append_field(struct json_writer *w, const struct log_field *f)
{
        json_key(w, f->name);
        if (f->kind == LOG_FIELD_STR)
                json_str(w, printable(f->text));
        else if (f->kind == LOG_FIELD_INT)
                json_int(w, f->integer);
        else
                json_bool(w, f->integer != 0);
}

static void render_json(struct buf *line, const struct log_event_row *row, const char *time,
                        const struct log_field *fields, struct str message)
{
        struct json_writer w;

        json_writer_init(&w, line);
        json_object_open(&w);
        json_key(&w, "time");
        json_c(&w, time);
        json_key(&w, "level");
        json_c(&w, level_names[row->level]);
        json_key(&w, "event");
        json_c(&w, row->name);
        for (; fields->kind != LOG_FIELD_END; fields++)
                append_field(&w, fields);
        json_key(&w, "msg");
        json_str(&w, printable(message));
        json_object_close(&w);
}

static bool needs_quotes(struct str s)
{
        for (size_t i = 0; i < s.len; i++) {
                unsigned char c = (unsigned char)s.base[i];

                if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7f)
                        return true;
        }
        return s.len == 0;
}

/* Quoted values have JSON's escapes. */
static void append_value(struct buf *line, struct str s)
{
        struct json_writer w;

        s = printable(s);
        if (!needs_quotes(s)) {
                buf_append_str(line, s);
                return;
        }
        json_writer_init(&w, line);
        json_str(&w, s);
}

static void render_logfmt(struct buf *line, const struct log_event_row *row, const char *time,
                          const struct log_field *fields, struct str message)
{
        buf_printf(line, "time=%s level=%s event=%s", time, level_names[row->level], row->name);
        for (; fields->kind != LOG_FIELD_END; fields++) {
                buf_printf(line, " %s=", fields->name);
                if (fields->kind == LOG_FIELD_STR)
                        append_value(line, fields->text);
                else if (fields->kind == LOG_FIELD_INT)
                        buf_printf(line, "%" PRId64, fields->integer);
                else
                        buf_append_c(line, fields->integer ? "true" : "false");
        }
        buf_append_c(line, " msg=");
        append_value(line, message);
}

/* One write(2) a line; what cannot be written is lost. */
static void put_line(const struct buf *line)
{
        ssize_t written;

        if (sink_fn != NULL) {
                sink_fn(sink_data, buf_str(line));
                return;
        }
        written = write(STDERR_FILENO, line->base, line->len);
        (void)written;
}

void log_emit(enum log_event event, const struct log_field *fields, const char *format, ...)
{
        const struct log_event_row *row = &rows[event];
        char time[TIME_TEXT_SIZE], message[VALUE_BYTES + 2];
        struct buf line;
        va_list ap;

        check_fields(event, fields);
        if ((int)row->level < atomic_load(&threshold))
                return;
        atomic_fetch_add(&counts[row->level], 1);
        va_start(ap, format);
        vsnprintf(message, sizeof message, format, ap);
        va_end(ap);
        time_format_rfc3339(time_wall_ms(), time);
        buf_init(&line, LINE_LIMIT);
        if (atomic_load(&line_format) == LOG_FORMAT_JSON)
                render_json(&line, row, time, fields, str_from(message));
        else
                render_logfmt(&line, row, time, fields, str_from(message));
        buf_append_char(&line, '\n');
        put_line(&line);
        buf_deinit(&line);
}

void log_configure(enum log_level level, enum log_format format)
{
        atomic_store(&threshold, (int)level);
        atomic_store(&line_format, (int)format);
}

const char *log_level_name(enum log_level level)
{
        assert(level < LOG_LEVEL_COUNT);
        return level_names[level];
}

int64_t log_seldom(struct log_seldom *s, int64_t n, int64_t now_ms)
{
        int64_t said = s->n + n;

        s->n = said;
        if (now_ms < s->due_ms)
                return 0;
        s->due_ms = now_ms + LOG_SELDOM_MS;
        s->n = 0;
        return said;
}

uint64_t log_count(enum log_level level)
{
        return atomic_load(&counts[level]);
}

void log_sink(void (*sink)(void *data, struct str line), void *data)
{
        sink_fn = sink;
        sink_data = data;
}

const struct log_event_row *log_event_row(enum log_event event)
{
        return &rows[event];
}
