/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_CORE_SOURCE_H
#define CRR_CORE_SOURCE_H

#include <stdint.h>

#include "crr/base/error.h"
#include "crr/base/str.h"
#include "crr/core/backbeat_metadata.h"

/*
 * Source: the port that asks the store which is replicated from for the metadata of one object
 * version.
 *
 * Implemented by client/source_backbeat.c (HTTP) and tests/lib/fake_source.c.
 *
 * Contract of every implementation:
 *   - done is called exactly once per get, on the loop, never from inside get(); after cancel() not
 *     at all;
 *   - the call and its strings are borrowed until then;
 *   - it is done at the deadline at the latest;
 *   - cancel() of a call that is done, or was canceled, does nothing.
 */
enum source_result {
        SOURCE_FOUND,       /* object is set */
        SOURCE_GONE,        /* the source says that there is no such version */
        SOURCE_UNAVAILABLE, /* nothing is known: err says why */
};

struct source_call {
        void *data;                         /* the caller's */
        struct str bucket, key, version_id; /* version_id absent or empty: the current version */
        struct str role;                    /* of the failure; absent: none */
        int64_t deadline_ms;                /* monotonic */
        void (*done)(struct source_call *call);

        enum source_result result;      /* out, as the rest */
        struct backbeat_object *object; /* NULL where none was found. Who is told owns it */
        struct error err;

        void *work; /* the implementation's, as the rest */
        struct source_call *next;
};

struct source {
        void (*get)(struct source *self, struct source_call *call);
        void (*cancel)(struct source *self, struct source_call *call);
};

#endif
