/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_DAEMON_SETTINGS_TEXT_H
#define CRR_SRC_DAEMON_SETTINGS_TEXT_H

#include "settings_table.h"

/* Append text in lines of at most `columns`, each behind the prefix. */
void settings_wrap(struct buf *out, const char *text, const char *prefix, int columns);

/* "1 to 65535. Reloadable." */
void settings_describe_limits(struct buf *out, const struct setting_row *row);
void settings_wrap_limits(struct buf *out, const struct setting_row *row, const char *prefix,
                          int columns); /* nothing when there is nothing to say */

#endif
