/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_BASE_LOG_H
#define CRR_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "crr/base/str.h"

/*
 * The log: one line an event on stderr, logfmt or JSON. Every event is a row of log_events.def
 * (stable name, level, its documented fields, one line of help). A message or value is cut at 4,096
 * bytes.
 *
 *   log_emit(LOG_RECORD_REJECTED,
 *            LOG_FIELDS(log_c("topic", t), log_i("partition", p), log_i("offset", o),
 *                       log_c("cause", cause)),
 *            "a record of the failure log was skipped: %s", why);
 *
 * Threads  Any (a line is one write(2)); level and format are set by the loop thread.
 * Errors   None: a line that cannot be written is lost. A field that the event's row does not list
 *          aborts in test builds (CRR_LOG_STRICT=1 in the environment).
 */
enum log_level {
        LOG_LEVEL_DEBUG,
        LOG_LEVEL_INFO,
        LOG_LEVEL_WARN,
        LOG_LEVEL_ERROR,
        LOG_LEVEL_COUNT
};
enum log_format { LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };

enum log_event {
#define X(id, name, level, fields, help) LOG_##id,
#include "crr/base/log_events.def"
#undef X
        LOG__COUNT
};

enum log_field_kind { LOG_FIELD_END, LOG_FIELD_STR, LOG_FIELD_INT, LOG_FIELD_BOOL };

struct log_field {
        const char *name;
        enum log_field_kind kind;
        struct str text;
        int64_t integer;
};

struct log_field log_s(const char *name, struct str value);
struct log_field log_c(const char *name, const char *value);
struct log_field log_i(const char *name, int64_t value);
struct log_field log_b(const char *name, bool value);

#define LOG_FIELDS(...) ((const struct log_field[]){ __VA_ARGS__, { .kind = LOG_FIELD_END } })
#define LOG_NO_FIELDS   ((const struct log_field[]){ { .kind = LOG_FIELD_END } })

void log_emit(enum log_event event, const struct log_field *fields, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* What lasts is said at once, then once in LOG_SELDOM_MS with how often it was since. Zeroed: it
 * was not said yet. */
#define LOG_SELDOM_MS 60000
struct log_seldom {
        int64_t due_ms; /* monotonic: it is said from then on */
        int64_t n;      /* since it was said */
};
/* So many times more; returns how many are to be said now, 0: none. */
int64_t log_seldom(struct log_seldom *s, int64_t n, int64_t now_ms);

void log_configure(enum log_level level, enum log_format format);
const char *log_level_name(enum log_level level);
uint64_t log_count(enum log_level level); /* lines emitted so far, for the metrics */

/* Where lines go instead of stderr; NULL restores it. The line ends with a newline. For tests. */
void log_sink(void (*sink)(void *data, struct str line), void *data);

/* The table itself, for the documentation and its test. */
struct log_event_row {
        const char *name;
        enum log_level level;
        const char *fields; /* comma-separated */
        const char *help;
};
const struct log_event_row *log_event_row(enum log_event event);

#endif
