/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_DIALECT_H
#define API_DIALECT_H

#include "api_private.h"
#include "crr/base/arena.h"
#include "crr/http/router.h"

/*
 * A dialect: one protocol's face of the retry service. A route table, a parser into the door's
 * requests, and a renderer.
 */
struct dialect {
        const char *name; /* for the metrics' label "dialect" */
        /* The path as the route table spells it, in the arena or in the path; absent when it is not
         * this dialect's (or the arena is full). NULL: paths are taken as they are. */
        struct str (*canonical_path)(struct str path, struct arena *arena);
        const struct route *routes;
        bool is_apart; /* for http_app.is_apart */
};

/* Every dialect that is compiled in, in the order in which they are asked; ends with NULL. */
extern const struct dialect *const dialects[];

#endif
