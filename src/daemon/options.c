/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crr/daemon/settings.h"

enum option_key { KEY_CONFIG = 256, KEY_SET, KEY_COMMAND };

/* Options that are commands: KEY_COMMAND + enum command. */
static const struct option table[] = {
        { "config", required_argument, NULL, KEY_CONFIG },
        { "set", required_argument, NULL, KEY_SET },
        { "check-config", no_argument, NULL, KEY_COMMAND + COMMAND_CHECK_CONFIG },
        { "print-config", no_argument, NULL, KEY_COMMAND + COMMAND_PRINT_CONFIG },
        { "print-sample-config", no_argument, NULL, KEY_COMMAND + COMMAND_PRINT_SAMPLE },
        { "print-config-schema", no_argument, NULL, KEY_COMMAND + COMMAND_PRINT_SCHEMA },
        { "print-config-docs", no_argument, NULL, KEY_COMMAND + COMMAND_PRINT_DOCS },
        { "version", no_argument, NULL, KEY_COMMAND + COMMAND_VERSION },
        { "help", no_argument, NULL, KEY_COMMAND + COMMAND_HELP },
        { NULL, 0, NULL, 0 },
};

static const char usage[] =
        "usage: crr-retryd [--config FILE] [--set PATH=VALUE]...\n"
        "       crr-retryd [--config FILE] [--set PATH=VALUE]... healthcheck [URL]\n"
        "\n"
        "Lists the replications that failed and retries them, exactly once, through Kafka.\n"
        "\n"
        "  --config FILE          settings: JSON, with // and /* */ comments\n"
        "  --set PATH=VALUE       one setting; may be repeated\n"
        "  --check-config         say what is wrong with the settings and exit, 0 or 78\n"
        "  --print-config         print every setting with its source and exit\n"
        "  --print-sample-config  print an annotated file of all defaults and exit\n"
        "  --print-config-schema  print the file's JSON Schema and exit\n"
        "  --print-config-docs    print the settings' documentation and exit\n"
        "  --version              print the versions and exit\n"
        "  --help                 print this and exit\n"
        "\n"
        "  healthcheck [URL]      exit 0 when the daemon at URL is ready, else 1; without a URL it\n"
        "                         asks where the settings tell the daemon to listen\n"
        "\n"
        "Exit status: 0 clean stop, 1 failure while running, 2 usage, 78 configuration.\n"
        "Signals: SIGTERM and SIGINT stop, a second one at once; SIGHUP reads the settings again.\n"
        "\n"
        "Settings. Later sources win: default, --config, environment, --set. In the environment\n"
        "http.listen is CRR_HTTP__LISTEN; kafka.properties.bootstrap.servers is\n"
        "CRR_KAFKA__PROPERTIES__BOOTSTRAP_SERVERS. Durations have a unit (ms s m h d), sizes are\n"
        "bytes or have one (B KiB MiB GiB), lists are separated by commas, null is null.\n"
        "\n";

void options_print_help(struct buf *out)
{
        buf_append_c(out, usage);
        settings_print_help(out);
}

static int say_usage(const char *complaint)
{
        if (complaint != NULL)
                fprintf(stderr, "crr-retryd: %s\n", complaint);
        fprintf(stderr, "Try crr-retryd --help.\n");
        return -1;
}

static int take_command(struct options *options, enum command command)
{
        if (options->command != COMMAND_RUN && options->command != command)
                return say_usage("only one of the options that print and exit can be given");
        options->command = command;
        return 0;
}

static int take_option(struct options *options, int key)
{
        if (key >= KEY_COMMAND)
                return take_command(options, (enum command)(key - KEY_COMMAND));
        if (key == KEY_CONFIG && options->file != NULL)
                return say_usage("only one --config can be given");
        if (key == KEY_CONFIG) {
                options->file = optarg;
                return 0;
        }
        if (key != KEY_SET)
                return say_usage(NULL);
        if (strchr(optarg, '=') == NULL)
                return say_usage("--set needs PATH=VALUE");
        options->sets[options->n_sets++] = optarg;
        return 0;
}

static int take_words(struct options *options, int n, char *words[])
{
        if (n == 0)
                return 0;
        if (strcmp(words[0], "healthcheck") != 0 || n > 2)
                return say_usage("the only word it takes is healthcheck [URL]");
        options->url = n == 2 ? words[1] : NULL;
        return take_command(options, COMMAND_HEALTHCHECK);
}

int options_parse(int argc, char *argv[], struct options *ret)
{
        int key;

        *ret = (struct options){ .command = COMMAND_RUN };
        ret->sets = calloc((size_t)argc, sizeof *ret->sets);
        if (ret->sets == NULL)
                abort();
        while ((key = getopt_long(argc, argv, "", table, NULL)) != -1)
                if (take_option(ret, key) != 0)
                        return -1;
        return take_words(ret, argc - optind, argv + optind);
}

void options_deinit(struct options *options)
{
        free(options->sets);
}
