/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_DAEMON_SETTINGS_PRIVATE_H
#define CRR_SRC_DAEMON_SETTINGS_PRIVATE_H

#include "crr/base/arena.h"
#include "crr/base/json_read.h"
#include "crr/daemon/settings.h"
#include "settings_table.h"

/* A value as a source wrote it. Borrowed. */
struct raw_value {
        enum json_type type;
        struct str text; /* a string's bytes, a number's literal */
        bool boolean;
        bool is_loose;  /* a string from the environment or --set: its setting's type reads it */
        bool is_secret; /* from a secret: never said again */
};

struct setting_value {
        const char *source;
        bool is_secret;
        int64_t number;
        const char *text;
        const char **items;
        size_t n_items;
        bool item_refused;
        struct setting_property *properties;
        size_t n_properties;
};

struct settings {
        struct setting_value values[SETTING__COUNT];
        struct settings_problem *problems;
        size_t n_problems;
        struct settings_kafka kafka;
        const char *const *environment;
        struct arena arena; /* every string and array */
};

/* settings.c */
void settings_problem(struct settings *s, const char *source, struct str path, const char *format,
                      ...) __attribute__((format(printf, 4, 5)));
void settings_warning(struct settings *s, const char *source, struct str path, const char *format,
                      ...) __attribute__((format(printf, 4, 5)));
const char *settings_copy(struct settings *s, struct str text);

/* settings_assign.c: on a refusal a problem is noted and the value stays. `source` lives as long as
 * the settings. */
void settings_assign(struct settings *s, enum setting id, const char *source,
                     const struct raw_value *raw);
void settings_list_begin(struct settings *s, enum setting id, const char *source);
void settings_list_add(struct settings *s, enum setting id, const char *source,
                       const struct raw_value *raw);
void settings_set_property(struct settings *s, enum setting id, const char *source, struct str name,
                           const struct raw_value *raw);

/* settings_file.c, settings_env.c */
void settings_read_text(struct settings *s, struct str text, const char *name); /* NULL: default */
void settings_read_file(struct settings *s, const char *path);
void settings_read_environment(struct settings *s);
void settings_read_set(struct settings *s, struct str assignment);

#endif
