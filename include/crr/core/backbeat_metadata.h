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
 * Ownership  A reader is reused; the strings it gives live until its next call, and no longer than
 *            the text.
 * Cost       One parse, for a value a second one of its replicationInfo; nothing is allocated
 *            when warm.
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
        struct str version_id;      /* on the wire: lower-case hex of the raw one; empty: none */
        enum backend_status status; /* of the site that was asked for */
};

struct backbeat_reader;

struct backbeat_reader *backbeat_reader_new(void);
void backbeat_reader_free(struct backbeat_reader *r); /* NULL is legal */

int backbeat_read_facts(struct backbeat_reader *r, struct str metadata, struct str site,
                        struct backbeat_facts *ret, struct error *err);

/*
 * Values, appended to `out`: {"bucket","key","value":"<metadata>","site"}. On an error `out` is as
 * before.
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
 */
int backbeat_write_entry(struct backbeat_reader *r, struct str metadata, const struct failure *f,
                         struct buf *out, struct error *err);
int backbeat_write_status(struct backbeat_reader *r, struct str metadata, const struct failure *f,
                          struct buf *out, struct error *err);

#endif
