/* SPDX-License-Identifier: Apache-2.0 */
/* The last lines of what happened, kept only where they are wanted: a failing seed is run again. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crr/base/log.h"
#include "sim.h"

#define LINE_BYTES 800

static char (*ring)[LINE_BYTES];
static size_t capacity, written;
static bool prints_at_once;
static const struct sim *traced;

static void keep(const char *line)
{
        if (prints_at_once) {
                puts(line);
                return;
        }
        snprintf(ring[written++ % capacity], LINE_BYTES, "%s", line);
}

void sim_trace(struct sim *s, const char *format, ...)
{
        char line[LINE_BYTES];
        va_list args;
        int n;

        if (!s->traces)
                return;
        n = snprintf(line, sizeof line, "%7lld ", (long long)s->now_ms);
        va_start(args, format);
        vsnprintf(line + n, sizeof line - (size_t)n, format, args);
        va_end(args);
        keep(line);
}

/* The members' own log, without its time. */
static void on_log_line(void *data, struct str line)
{
        char text[LINE_BYTES];
        const char *event = memchr(line.base, ' ', line.len);
        int skipped = event != NULL ? (int)(event - line.base) : 0;

        (void)data;
        snprintf(text, sizeof text, "%7lld       log%.*s", (long long)traced->now_ms,
                 (int)line.len - skipped - 1, line.base + skipped);
        keep(text);
}

static void drop_log_line(void *data, struct str line)
{
        (void)data;
        (void)line;
}

void sim_trace_begin(struct sim *s, size_t lines, bool at_once)
{
        s->traces = lines > 0 || at_once;
        traced = s;
        prints_at_once = at_once;
        log_configure(s->traces ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
        log_sink(s->traces ? on_log_line : drop_log_line, NULL);
        if (lines == 0)
                return;
        free(ring);
        ring = calloc(lines, sizeof *ring);
        if (ring == NULL)
                abort();
        capacity = lines;
        written = 0;
}

void sim_trace_print(void)
{
        size_t first = written > capacity ? written - capacity : 0;

        for (size_t i = first; ring != NULL && i < written; i++)
                puts(ring[i % capacity]);
        free(ring);
        ring = NULL;
        fflush(stdout);
}

void sim_fail(struct sim *s, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        vsnprintf(s->finding, sizeof s->finding, format, args);
        va_end(args);
        sim_trace(s, "FAILED: %s", s->finding);
        longjmp(s->end, 1);
}
