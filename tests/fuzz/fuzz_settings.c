/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration file of any bytes is taken or refused with reasons, and can be printed. */
#include <stdio.h>
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

static void load(const char *file)
{
        struct settings_sources sources = {
                .file = file,
                .kafka = { .refusal = refuse_nothing,
                           .from_env = refuse_nothing,
                           .is_secret = no_secret,
                           .check = take_all },
        };
        struct settings *s = settings_load(&sources);
        const struct settings_problem *problems;
        size_t n = settings_problems(s, &problems);
        struct buf printed;

        for (size_t i = 0; i < n; i++)
                HOLDS(problems[i].source != NULL && problems[i].message != NULL);
        HOLDS(n > 0 || settings_are_good(s));
        buf_init(&printed, SIZE_MAX);
        settings_print(s, &printed);
        buf_deinit(&printed);
        settings_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        int fd = memfd_create("settings", 0);
        char path[64];

        HOLDS(fd >= 0 && write(fd, data, size) == (ssize_t)size);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        load(path);
        close(fd);
        return 0;
}
