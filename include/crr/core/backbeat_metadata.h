/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_CORE_BACKBEAT_METADATA_H
#define CRR_CORE_BACKBEAT_METADATA_H

#include <stdbool.h>
#include <stdint.h>

#include "crr/base/buf.h"
#include "crr/base/error.h"
#include "crr/base/str.h"
#include "crr/core/failure.h"

/*
 * The metadata of one object version, as Backbeat keeps it (JSON), and the entries of payload mode
 * `backbeat` made from it (events.md, "Retry entries").
 *
 * Ownership  A reader is reused. An object is its owner's, and has copies of all.
 * Cost       backbeat_object_new() parses the text and escapes it, once: some 10 ns a byte. After
 *            that facts cost a look at the backends; a value costs one copy, and a parse of the
 *            replicationInfo alone.
 * Threads    A reader is for one at a time. An object may be made by another thread than uses it.
 * Errors     ERR_BAD_JSON with the place and the rule: not an object, bad replicationInfo, ...
 *            A value that does not fit is the overflow of `out`.
 */
enum backend_status {
        BACKEND_NONE,  /* the site is not among the backends */
        BACKEND_OTHER, /* PENDING, PROCESSING, REPLICA, or no status */
        BACKEND_FAILED,
        BACKEND_COMPLETED,
};

struct backbeat_facts {
        int64_t size;               /* -1 unknown */
        int64_t last_modified_ms;   /* TIME_UNKNOWN */
        struct str version_id;      /* on the wire: lower-case hex of the raw one; empty: none. It
                                     * is the object's */
        enum backend_status status; /* of the site that was asked for */
};

struct backbeat_reader;

struct backbeat_reader *backbeat_reader_new(void);
void backbeat_reader_free(struct backbeat_reader *r); /* NULL is legal */

struct backbeat_backend {
        struct str site; /* absent: it has none */
        enum backend_status status;
};

struct backbeat_object {
        int64_t size;
        int64_t last_modified_ms;
        struct str version_id;
        const struct backbeat_backend *backends; /* in the document's order */
        size_t n_backends;

        /* The value of replicationInfo, an object or null, and the text around it, escaped as it
         * stands in a JSON string. info absent: there is none; it can be put between the two. */
        struct str head, info, tail;
        bool has_members;
        size_t bytes; /* of memory */
};

/* NULL: the error. */
struct backbeat_object *backbeat_object_new(struct backbeat_reader *r, struct str metadata,
                                            struct error *err);
void backbeat_object_free(struct backbeat_object *o); /* NULL is legal */

struct backbeat_facts backbeat_object_facts(const struct backbeat_object *o, struct str site);

/*
 * Values, appended to `out`: {"bucket","key","value":"<metadata>","site"}.
 *
 *   entry   replication topic: backends reduced to the site, PENDING; storageClass = site
 *   status  status topic: all backends kept, the site's PENDING; global status FAILED if another
 *           is, else PROCESSING
 *
 * Everything else of replicationInfo stays as it is, in its order, number for number; what is
 * around it stays byte for byte. What is missing stands at the end of its object: a backend as
 * {"site","status","dataStoreVersionId":""}; a whole replicationInfo with "content"
 * (["DATA","METADATA"], without DATA when the object is empty), "destination" "", "role" of the
 * failure, "storageType" "" and "dataStoreVersionId" "" besides.
 *
 * A status entry may follow another one of the same object, and says what that one changed too:
 * `said` is what that one left in *ret_said; absent: it is the first.
 */
void backbeat_write_entry(struct backbeat_reader *r, const struct backbeat_object *o,
                          const struct failure *f, struct buf *out);
void backbeat_write_status(struct backbeat_reader *r, const struct backbeat_object *o,
                           struct str said, const struct failure *f, struct buf *out,
                           struct buf *ret_said);

#endif
