/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <unistd.h>

#include "crr/base/log.h"
#include "crr/daemon/settings.h"
#include "crr/kafka/kafka.h"
#include "daemon.h"
#include "healthcheck.h"
#include "heap.h"
#include "options.h"

#define TEXT_LIMIT ((size_t)4 * 1024 * 1024)

void daemon_configure_log(const struct settings *s)
{
        log_configure((enum log_level)settings_number(s, SETTING_LOG_LEVEL),
                      (enum log_format)settings_number(s, SETTING_LOG_FORMAT));
}

void daemon_log_problems(const struct settings *s)
{
        const struct settings_problem *problems;
        size_t n = settings_problems(s, &problems);

        for (size_t i = 0; i < n; i++) {
                const struct settings_problem *p = &problems[i];
                enum log_event event = p->is_warning ? LOG_CONFIG_WARNING : LOG_CONFIG_ERROR;

                log_emit(event, LOG_FIELDS(log_c("source", p->source), log_c("path", p->path)),
                         "%s: %s%s%s", p->source, p->path != NULL ? p->path : "",
                         p->path != NULL ? ": " : "", p->message);
        }
}

static void print_version(struct buf *out)
{
        buf_printf(out, "crr-retryd %s (librdkafka %s)\n", CRR_VERSION, kafka_library_version());
}

/* What can be printed without any settings; false: the command is another one. */
static bool print_table(enum command command, struct buf *out)
{
        switch (command) {
        case COMMAND_PRINT_SAMPLE:
                settings_print_sample(out);
                return true;
        case COMMAND_PRINT_SCHEMA:
                settings_print_schema(out);
                return true;
        case COMMAND_PRINT_DOCS:
                settings_print_docs(out);
                return true;
        case COMMAND_VERSION:
                print_version(out);
                return true;
        case COMMAND_HELP:
                options_print_help(out);
                return true;
        case COMMAND_RUN:
        case COMMAND_CHECK_CONFIG:
        case COMMAND_PRINT_CONFIG:
        case COMMAND_HEALTHCHECK:
                break;
        }
        return false;
}

static enum exit_status put(const struct buf *out)
{
        bool is_written = fwrite(out->base, 1, out->len, stdout) == out->len;

        return is_written && fflush(stdout) == 0 ? EXIT_CLEAN : EXIT_FAILED;
}

static enum exit_status print_settings(const struct settings *s)
{
        struct buf out;
        enum exit_status status;

        buf_init(&out, TEXT_LIMIT);
        settings_print(s, &out);
        status = put(&out);
        buf_deinit(&out);
        return status;
}

static enum exit_status check_health(const struct settings *s, const char *url)
{
        const char *const *listen;

        settings_list(s, SETTING_HTTP_LISTEN, &listen);
        return (enum exit_status)(url != NULL ? healthcheck(url) : healthcheck_address(listen[0]));
}

static enum exit_status with_settings(const struct options *options)
{
        struct settings_sources sources = {
                .file = options->file,
                .environment = (const char *const *)environ,
                .sets = options->sets,
                .n_sets = options->n_sets,
                .kafka = { kafka_property_refusal, kafka_property_from_env,
                           kafka_property_is_secret, kafka_property_check },
        };
        struct settings *s = settings_load(&sources);
        enum exit_status status = settings_are_good(s) ? EXIT_CLEAN : EXIT_CONFIG;

        daemon_configure_log(s);
        daemon_log_problems(s);
        if (status == EXIT_CLEAN && options->command == COMMAND_RUN)
                return daemon_run(s, &sources);
        if (status == EXIT_CLEAN && options->command == COMMAND_PRINT_CONFIG)
                status = print_settings(s);
        else if (status == EXIT_CLEAN && options->command == COMMAND_HEALTHCHECK)
                status = check_health(s, options->url);
        settings_free(s);
        return status;
}

int main(int argc, char *argv[])
{
        enum exit_status status = EXIT_USAGE;
        struct options options;
        struct buf out;

        heap_configure();
        buf_init(&out, TEXT_LIMIT);
        if (options_parse(argc, argv, &options) == 0)
                status = print_table(options.command, &out) ? put(&out) : with_settings(&options);
        buf_deinit(&out);
        options_deinit(&options);
        return (int)status;
}
