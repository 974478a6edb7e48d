/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>

#include "check.h"
#include "options.h"
#include "quiet.h"

#define WORDS 8

static struct options options;

static int parse(const char *const words[WORDS])
{
        char *argv[WORDS + 1] = { NULL };
        int argc = 0, rc, kept = quiet_begin();

        for (; argc < WORDS && words[argc] != NULL; argc++)
                argv[argc] = (char *)words[argc];
        optind = 0; /* glibc: from the beginning */
        rc = options_parse(argc, argv, &options);
        quiet_end(kept);
        return rc;
}

static const struct {
        const char *words[WORDS];
        enum command command;
        const char *file, *set, *url; /* the last --set; NULL: none */
        size_t sets;
} good[] = {
        { { "crr-retryd" }, COMMAND_RUN, NULL, NULL, NULL, 0 },
        { { "crr-retryd", "--config", "a.json" }, COMMAND_RUN, "a.json", NULL, NULL, 0 },
        { { "crr-retryd", "--config=a.json" }, COMMAND_RUN, "a.json", NULL, NULL, 0 },
        { { "crr-retryd", "--set", "a.b=1", "--set", "c=d=e" },
          COMMAND_RUN,
          NULL,
          "c=d=e",
          NULL,
          2 },
        { { "crr-retryd", "--set", "a.b=" }, COMMAND_RUN, NULL, "a.b=", NULL, 1 },
        { { "crr-retryd", "--check-config" }, COMMAND_CHECK_CONFIG, NULL, NULL, NULL, 0 },
        { { "crr-retryd", "--print-config" }, COMMAND_PRINT_CONFIG, NULL, NULL, NULL, 0 },
        { { "crr-retryd", "--print-sample-config" }, COMMAND_PRINT_SAMPLE, NULL, NULL, NULL, 0 },
        { { "crr-retryd", "--print-config-schema" }, COMMAND_PRINT_SCHEMA, NULL, NULL, NULL, 0 },
        { { "crr-retryd", "--print-config-docs" }, COMMAND_PRINT_DOCS, NULL, NULL, NULL, 0 },
        { { "crr-retryd", "--version" }, COMMAND_VERSION, NULL, NULL, NULL, 0 },
        { { "crr-retryd", "--help" }, COMMAND_HELP, NULL, NULL, NULL, 0 },
        { { "crr-retryd", "--help", "--help" }, COMMAND_HELP, NULL, NULL, NULL, 0 },
        { { "crr-retryd", "--check-config", "--config", "x", "--set", "a=b" },
          COMMAND_CHECK_CONFIG,
          "x",
          "a=b",
          NULL,
          1 },
        { { "crr-retryd", "healthcheck" }, COMMAND_HEALTHCHECK, NULL, NULL, NULL, 0 },
        { { "crr-retryd", "healthcheck", "http://h:1" },
          COMMAND_HEALTHCHECK,
          NULL,
          NULL,
          "http://h:1",
          0 },
        { { "crr-retryd", "--set", "a=b", "healthcheck" },
          COMMAND_HEALTHCHECK,
          NULL,
          "a=b",
          NULL,
          1 },
};

static void good_command_lines_are_taken(void)
{
        for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
                CHECK_INT(parse(good[i].words), 0);
                CHECK_INT(options.command, good[i].command);
                CHECK((options.file == NULL) == (good[i].file == NULL));
                CHECK(options.file == NULL || strcmp(options.file, good[i].file) == 0);
                CHECK((options.url == NULL) == (good[i].url == NULL));
                CHECK(options.url == NULL || strcmp(options.url, good[i].url) == 0);
                CHECK_INT(options.n_sets, good[i].sets);
                if (good[i].sets > 0)
                        CHECK_STR(options.sets[options.n_sets - 1], good[i].set);
                options_deinit(&options);
        }
}

static void wrong_usage_is_refused(void)
{
        static const char *const table[][WORDS] = {
                { "crr-retryd", "--no-such" },
                { "crr-retryd", "-x" },
                { "crr-retryd", "--config" },
                { "crr-retryd", "--config", "a", "--config", "b" },
                { "crr-retryd", "--set" },
                { "crr-retryd", "--set", "a.b" },
                { "crr-retryd", "--help=yes" },
                { "crr-retryd", "--version", "--help" },
                { "crr-retryd", "--check-config", "--print-config" },
                { "crr-retryd", "word" },
                { "crr-retryd", "healthcheck", "a", "b" },
                { "crr-retryd", "--help", "healthcheck" },
                { "crr-retryd", "Healthcheck" },
                { "crr-retryd", "" },
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                if (parse(table[i]) != -1)
                        check_fail(__FILE__, __LINE__, "refused", table[i][1]);
                options_deinit(&options);
        }
}

static void as_many_settings_as_words_are_kept_in_their_order(void)
{
        char text[64][16], *argv[130] = { (char *)"crr-retryd" };
        int argc = 1;

        for (int i = 0; i < 64; i++) {
                snprintf(text[i], sizeof text[i], "a%d=b", i);
                argv[argc++] = (char *)"--set";
                argv[argc++] = text[i];
        }
        optind = 0;
        CHECK_INT(options_parse(argc, argv, &options), 0);
        CHECK_INT(options.n_sets, 64);
        for (int i = 0; i < 64; i++)
                CHECK(options.sets[i] == text[i]);
        options_deinit(&options);
}

static void the_help_names_every_option_and_the_settings(void)
{
        static const char *const words[] = {
                "--config FILE",
                "--set PATH=VALUE",
                "--check-config",
                "--print-config ",
                "--print-sample-config",
                "--print-config-schema",
                "--print-config-docs",
                "--version",
                "--help",
                "healthcheck [URL]",
                "http.listen",
                "kafka.group",
                "retry.pending_ttl",
        };
        struct buf help;

        buf_init(&help, 1 << 20);
        options_print_help(&help);
        buf_append_char(&help, '\0');
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
                if (strstr(help.base, words[i]) == NULL)
                        check_fail(__FILE__, __LINE__, "in the help", words[i]);
        buf_deinit(&help);
}

int main(void)
{
        RUN(good_command_lines_are_taken);
        RUN(wrong_usage_is_refused);
        RUN(as_many_settings_as_words_are_kept_in_their_order);
        RUN(the_help_names_every_option_and_the_settings);
        return 0;
}
