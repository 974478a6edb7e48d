/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_DAEMON_SETTINGS_TABLE_H
#define CRR_SRC_DAEMON_SETTINGS_TABLE_H

#include "crr/daemon/settings.h"

/* The rows of settings.def, and how to find one. */
enum setting_type {
        SETTING_BOOL,
        SETTING_INTEGER,
        SETTING_SIZE,     /* bytes */
        SETTING_DURATION, /* ms */
        SETTING_CHOICE,   /* index into choices */
        SETTING_TEXT,
        SETTING_LIST,
        SETTING_MAP,
};

enum setting_flags {
        SETTING_RELOADABLE = 1,
        SETTING_NULLABLE = 2,
        SETTING_AUTOMATIC = 4,
        SETTING_SECRET = 8, /* never said again, wherever it comes from */
};

struct setting_row {
        const char *path;
        const char *preset; /* the default, as JSON */
        enum setting_type type;
        unsigned flags;
        const char *help;
        int64_t min, max;                      /* of a number */
        const char *choices;                   /* "a|b|c" */
        const char *(*check)(struct str text); /* NULL, or what is wrong with a text */
};

const struct setting_row *setting_row(enum setting id);
/* A map whose names are properties of librdkafka; another map has a check for its values. */
bool setting_is_librdkafkas(const struct setting_row *row);
bool setting_is_number(const struct setting_row *row); /* settings_number() is its value */

/* False: no such setting. A property's path ("kafka.properties.ssl.ca.location") is its map's:
 * *ret_property is the rest, absent otherwise. */
bool setting_find(struct str path, enum setting *ret, struct str *ret_property);
bool setting_is_group(struct str path); /* settings stand below it; "" is one */

/* The groups that a setting stands in: 1 for "a.b", 2 for "a.b.c"; their names, the outermost
 * first; and how many of them two settings share. There may be no such setting: none then. */
size_t setting_depth(enum setting id);
struct str setting_group(enum setting id, size_t level);
size_t setting_common_groups(int a, int b);
const char *setting_name(enum setting id); /* within its group */

/* The name in the environment: CRR_HTTP__LISTEN. */
void setting_env_name(enum setting id, struct buf *out);

/* The i-th choice; absent past the last. */
struct str setting_choice_name(const struct setting_row *row, int64_t i);

#endif
