/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenario.h"

void scenario_fail(const struct scenario *s, const char *format, ...)
{
        va_list args;

        fprintf(stderr, "%s:%d: ", s->file, s->line);
        va_start(args, format);
        vfprintf(stderr, format, args);
        va_end(args);
        fprintf(stderr, "\n");
        exit(1);
}

char *scenario_word(char **rest)
{
        char *begin = *rest + strspn(*rest, " "), *end = begin + strcspn(begin, " ");

        *rest = end + strspn(end, " ");
        *end = '\0';
        return begin;
}

long scenario_number(const struct scenario *s, const char *text)
{
        char *end;
        long n = strtol(text, &end, 10);

        if (end == text || *end != '\0')
                scenario_fail(s, "not a number: '%s'", text);
        return n;
}

int scenario_partition(const struct scenario *s, const char *text)
{
        long p = scenario_number(s, text);

        if (p < 0 || p >= s->world.n_partitions)
                scenario_fail(s, "no such partition: %ld", p);
        return (int)p;
}

int64_t scenario_duration_ms(const struct scenario *s, const char *text)
{
        static const struct {
                const char *unit;
                int64_t ms;
        } units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 } };
        char *end;
        long n = strtol(text, &end, 10);

        for (size_t i = 0; i < sizeof units / sizeof *units; i++)
                if (end != text && strcmp(end, units[i].unit) == 0)
                        return n * units[i].ms;
        scenario_fail(s, "not a duration: '%s'", text);
}

int scenario_choose(const struct scenario *s, const char *text,
                    const struct scenario_choice *choices)
{
        for (const struct scenario_choice *c = choices; c->name != NULL; c++)
                if (strcmp(c->name, text) == 0)
                        return c->value;
        scenario_fail(s, "what is '%s'?", text);
}
