/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_CRR_BODY_H
#define API_CRR_BODY_H

#include <stddef.h>

#include "crr/base/arena.h"
#include "crr/base/error.h"
#include "crr/base/json_read.h"
#include "crr/core/retry_service.h"

/*
 * The body of a retry: [{"Bucket","Key","VersionId"?,"StorageClass","ForceRetry"?}, ...] into the
 * door's entries, event by event.
 *
 * Ownership  Entries live in the arena; their strings there or in the body.
 * Errors     ERR_MALFORMED_POST or ERR_BAD_JSON names the element (the first is 0) and the field;
 *            ERR_TOO_LARGE as soon as there is one element too many.
 */
struct crr_body {
        struct str text;
        struct arena *arena;
        size_t max_elements;
        struct retry_entry *entries;
        size_t n, capacity;
        struct json_object object; /* progress through the element that is being read */
        struct retry_entry element;
};

/* Its size bounds the number of entries. */
int crr_body_init(struct crr_body *b, struct str text, size_t max_elements, struct arena *arena,
                  struct error *err);

extern const struct json_events crr_body_events; /* their data is a struct crr_body */

/* After the last event. */
int crr_body_finish(const struct crr_body *b, struct error *err);

#endif
