/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_DAEMON_SETTINGS_H
#define CRR_DAEMON_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crr/base/buf.h"
#include "crr/base/error.h"
#include "crr/base/str.h"

/*
 * Settings: one table, settings.def, from which come the parser, --help, --print-config, the
 * sample, its schema and the documentation.
 *
 * Sources, later ones win: the table's defaults, a file (JSON with comments), the environment,
 * --set. All of them are read to the end, and everything that is wrong is kept as a problem.
 *
 * Ownership  Everything that the functions give lives as long as the settings, but settings_reload.
 * Threads    Any; the settings do not change but by settings_reload().
 * Units      Numbers are bytes, ms or counts; choices and booleans are numbers too.
 */
enum setting {
#define X(id, ...) SETTING_##id,
#include "crr/daemon/settings.def"
#undef X
        SETTING__COUNT
};

#define SETTING_AUTO INT64_C(-1) /* the number of a setting that is "auto" */

enum setting_source_auth { SETTING_AUTH_NONE, SETTING_AUTH_V4 };
enum setting_payload {
        SETTING_PAYLOAD_NATIVE,
        SETTING_PAYLOAD_ENTRY,
        SETTING_PAYLOAD_BACKBEAT,
};
enum setting_pending_expiry { SETTING_EXPIRY_AUTO, SETTING_EXPIRY_RELIST, SETTING_EXPIRY_CLOSE };

/* What the settings need to know of librdkafka: see crr/kafka/kafka.h. */
struct settings_kafka {
        const char *(*refusal)(const char *name);
        const char *(*from_env)(const char *upper);
        bool (*is_secret)(const char *name);
        int (*check)(const char *name, const char *value, struct error *err);
};

struct settings_sources {
        const char *file;               /* NULL: none */
        const char *const *environment; /* as environ; NULL: none */
        const char *const *sets;        /* "path=value" */
        size_t n_sets;
        struct settings_kafka kafka;
};

struct settings_problem {
        const char *source; /* "crr-retryd.json:14:7", "CRR_HTTP__LISTEN", "--set" */
        const char *path;   /* NULL: about the source as a whole */
        const char *message;
        bool is_warning;
};

struct setting_property {
        const char *name, *value, *source;
        bool is_secret;
};

struct settings;

/* Never NULL: a setting with a problem keeps what the sources before said. */
struct settings *settings_load(const struct settings_sources *sources);
void settings_free(struct settings *s); /* NULL is legal */

bool settings_are_good(const struct settings *s); /* no problem but warnings */
size_t settings_problems(const struct settings *s, const struct settings_problem **ret);

int64_t settings_number(const struct settings *s, enum setting id);
const char *settings_text(const struct settings *s, enum setting id); /* NULL: null */
const char *settings_choice(const struct settings *s, enum setting id);
size_t settings_list(const struct settings *s, enum setting id, const char *const **ret);
size_t settings_properties(const struct settings *s, enum setting id,
                           const struct setting_property **ret);

const char *setting_path(enum setting id);

/*
 * Take over what differs in `fresh` and is reloadable; `changed` is called for each setting that
 * differs, `taken` or not (for properties perhaps with both). Neither settings may have a problem.
 */
void settings_reload(struct settings *s, const struct settings *fresh,
                     void (*changed)(void *data, enum setting id, bool taken), void *data);

/* Texts for people, made from the table. */
void settings_print(const struct settings *s, struct buf *out); /* with sources, without secrets */
void settings_print_sample(struct buf *out);
void settings_print_schema(struct buf *out);
void settings_print_docs(struct buf *out); /* Markdown */
void settings_print_help(struct buf *out);

#endif
