/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_DAEMON_DAEMON_H
#define CRR_SRC_DAEMON_DAEMON_H

#include "crr/daemon/settings.h"

enum exit_status { EXIT_CLEAN = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_CONFIG = 78 };

/* Run with these settings until a signal or a fatal error; the sources are read again at SIGHUP.
 * The settings are taken over. */
enum exit_status daemon_run(struct settings *settings, const struct settings_sources *sources);

/* Each problem of the settings as a log line. */
void daemon_log_problems(const struct settings *s);

/* log.level and log.format. */
void daemon_configure_log(const struct settings *s);

#endif
