/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_DAEMON_OPTIONS_H
#define CRR_SRC_DAEMON_OPTIONS_H

#include <stddef.h>

#include "crr/base/buf.h"

/* The command line of crr-retryd. */
enum command {
        COMMAND_RUN,
        COMMAND_CHECK_CONFIG,
        COMMAND_PRINT_CONFIG,
        COMMAND_PRINT_SAMPLE,
        COMMAND_PRINT_SCHEMA,
        COMMAND_PRINT_DOCS,
        COMMAND_VERSION,
        COMMAND_HELP,
        COMMAND_HEALTHCHECK,
};

struct options {
        enum command command;
        const char *file;  /* NULL: none */
        const char **sets; /* owned; the strings are argv's */
        size_t n_sets;
        const char *url; /* of healthcheck; NULL: from the settings */
};

/* 0, or -1 when usage is wrong: that was said on stderr. */
int options_parse(int argc, char *argv[], struct options *ret);
void options_deinit(struct options *options);

void options_print_help(struct buf *out);

#endif
