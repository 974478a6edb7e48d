/* SPDX-License-Identifier: Apache-2.0 */
#include "settings_fixture.h"

#include <stdio.h>
#include <unistd.h>

#include "check.h"

/* A librdkafka that knows a few names. */
static const char *fake_refusal(const char *name)
{
        return strcmp(name, "group.id") == 0 ? "is set by kafka.group" : NULL;
}

static const char *fake_from_env(const char *upper)
{
        if (strcmp(upper, "BOOTSTRAP_SERVERS") == 0)
                return "bootstrap.servers";
        return strcmp(upper, "GROUP_ID") == 0 ? "group.id" : NULL;
}

static bool fake_is_secret(const char *name)
{
        return strcmp(name, "sasl.password") == 0;
}

static int fake_check(const char *name, const char *value, struct error *err)
{
        if (strcmp(value, "bad") == 0)
                return error_set(err, ERR_BAD_CONFIG, "no value of %s: bad", name);
        return 0;
}

const struct settings_kafka fake_settings_kafka = { fake_refusal, fake_from_env, fake_is_secret,
                                                    fake_check };

char settings_file_name[] = "/tmp/settings-XXXXXX";

const char *settings_file_of(const char *text)
{
        FILE *file = fopen(settings_file_name, "w");

        CHECK(file != NULL);
        fputs(text, file);
        fclose(file);
        return settings_file_name;
}

struct settings *settings_of(const char *file, const char *const *environment, const char *set)
{
        struct settings_sources sources = {
                .file = file != NULL ? settings_file_of(file) : NULL,
                .environment = environment,
                .sets = &set,
                .n_sets = set != NULL,
                .kafka = fake_settings_kafka,
        };

        return settings_load(&sources);
}

void settings_problems_text(const struct settings *s, struct buf *out)
{
        const struct settings_problem *problems;
        size_t n = settings_problems(s, &problems);

        for (size_t i = 0; i < n; i++) {
                const char *source = problems[i].source;

                if (strncmp(source, settings_file_name, strlen(settings_file_name)) == 0)
                        buf_printf(out, "FILE%s", source + strlen(settings_file_name));
                else
                        buf_append_c(out, source);
                if (problems[i].path != NULL)
                        buf_printf(out, ": %s", problems[i].path);
                buf_printf(out, ": %s%s\n", problems[i].message,
                           problems[i].is_warning ? " (warning)" : "");
        }
        buf_append_char(out, '\0');
}

void check_problems(const struct settings *s, const char *wanted)
{
        struct buf text;

        buf_init(&text, TEXT_LIMIT);
        settings_problems_text(s, &text);
        CHECK_STR(text.base, wanted);
        buf_deinit(&text);
}

void check_good(const struct settings *s)
{
        check_problems(s, "");
        CHECK(settings_are_good(s));
}

const char *settings_property(const struct settings *s, enum setting id, const char *name)
{
        const struct setting_property *properties;
        size_t n = settings_properties(s, id, &properties);

        for (size_t i = 0; i < n; i++)
                if (strcmp(properties[i].name, name) == 0)
                        return properties[i].value;
        return "(none)";
}

void settings_fixture_begin(void)
{
        int fd = mkstemp(settings_file_name);

        CHECK(fd >= 0);
        close(fd);
}

void settings_fixture_end(void)
{
        unlink(settings_file_name);
}
