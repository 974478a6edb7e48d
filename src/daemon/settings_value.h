/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_DAEMON_SETTINGS_VALUE_H
#define CRR_SRC_DAEMON_SETTINGS_VALUE_H

#include "crr/base/error.h"
#include "settings_private.h"

/* Numbers with units, choices and booleans: text <-> number. */

/* ERR_BAD_CONFIG: not of the row's type, or out of its range. */
int setting_read_number(const struct setting_row *row, const struct raw_value *raw, int64_t *ret,
                        struct error *err);

/* As JSON that reads back to the same number: 8388608, "30s", "native", true. */
void setting_write_number(const struct setting_row *row, int64_t number, struct buf *out);

/* The same for people: 30s, 256MiB. */
void setting_show_number(const struct setting_row *row, int64_t number, struct buf *out);

/* What a value of this row must be: "a duration such as \"30s\"". */
void setting_describe_type(const struct setting_row *row, struct buf *out);

#endif
