/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_DAEMON_SETTINGS_SECRET_H
#define CRR_SRC_DAEMON_SETTINGS_SECRET_H

#include "crr/base/error.h"
#include "settings_private.h"

/* A secret stands elsewhere: {"file": "/run/secrets/x"} or {"env": "X"}. */
struct secret_place {
        bool has_file, has_env;
        struct str name; /* of the file or the variable; borrowed */
};

/* Append the secret. ERR_BAD_CONFIG: neither or both places, not there, not readable, too long,
 * empty. A file's trailing newline is dropped. */
int secret_fetch(const struct secret_place *place, const char *const *environment, struct buf *out,
                 struct error *err);

/* A text in braces, of the environment or of --set: it can only be such an object. */
bool secret_is_meant(struct str text);
/* The name's bytes go to `name`. False: it is none. */
bool secret_parse(struct str text, struct secret_place *ret, struct buf *name);

/* A variable of an environment; absent if it is not set. */
struct str environment_find(const char *const *environment, struct str name);

/* A whole file of at most `limit` bytes. */
int file_read(const char *path, size_t limit, struct buf *out, struct error *err);

#endif
