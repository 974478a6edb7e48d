/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration file of any bytes is refused with reasons, or taken; then what is printed of it
 * is a configuration file that says the same. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "crr/daemon/settings.h"
#include "fuzz.h"

static const char *refuse_nothing(const char *name)
{
        return NULL;
}

static bool no_secret(const char *name)
{
        return false;
}

static int take_all(const char *name, const char *value, struct error *err)
{
        return 0;
}

static struct settings *load(const char *bytes, size_t n)
{
        struct settings_sources sources = { .kafka = { .refusal = refuse_nothing,
                                                       .from_env = refuse_nothing,
                                                       .is_secret = no_secret,
                                                       .check = take_all } };
        int fd = memfd_create("settings", 0);
        struct settings *s;
        char path[64];

        HOLDS(fd >= 0 && write(fd, bytes, n) == (ssize_t)n);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        sources.file = path;
        s = settings_load(&sources);
        close(fd);
        return s;
}

static void problems_are_told(const struct settings *s)
{
        const struct settings_problem *problems;
        size_t n = settings_problems(s, &problems);
        bool good = true;

        for (size_t i = 0; i < n; i++) {
                HOLDS(problems[i].source != NULL && problems[i].message[0] != '\0');
                good &= problems[i].is_warning;
        }
        HOLDS(settings_are_good(s) == good);
}

/* A line of what is printed, without the comment at its end, which says the value's source. */
static struct str next_line(struct str *text)
{
        struct str line = *text;
        const char *comment = NULL;

        str_split(*text, '\n', &line, text);
        for (size_t i = 0; i + 5 <= line.len; i++)
                if (memcmp(line.base + i, "  // ", 5) == 0)
                        comment = line.base + i;
        if (comment != NULL)
                line.len = (size_t)(comment - line.base);
        return line;
}

static void say_the_same(struct str a, struct str b)
{
        while (a.len > 0 && b.len > 0)
                HOLDS(str_eq(next_line(&a), next_line(&b)));
        HOLDS(a.len == 0 && b.len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct settings *first = load((const char *)data, size), *second;
        struct buf printed, again;

        problems_are_told(first);
        buf_init(&printed, SIZE_MAX);
        buf_init(&again, SIZE_MAX);
        settings_print(first, &printed);
        if (settings_are_good(first)) {
                second = load(printed.base, printed.len);
                HOLDS(settings_are_good(second));
                settings_print(second, &again);
                say_the_same(buf_str(&printed), buf_str(&again));
                settings_free(second);
        }
        buf_deinit(&printed);
        buf_deinit(&again);
        settings_free(first);
        return 0;
}
