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
 * Cost       One parse a call.
 * Errors     ERR_BAD_JSON with the place and the rule: not an object, bad replicationInfo, ...
 */
enum backend_status {
        BACKEND_NONE,  /* the site is not among the backends */
        BACKEND_OTHER, /* PENDING, PROCESSING, REPLICA, or no status */
        BACKEND_FAILED,
        BACKEND_COMPLETED,
};

struct backbeat_facts {
        int64_t size;             /* -1 unknown */
        int64_t last_modified_ms; /* TIME_UNKNOWN */
        struct str version_id;    /* on the wire: lower-case hex of the raw one; empty: none */
        enum backend_status status; /* of the site that was asked for */
};

struct backbeat_reader;

struct backbeat_reader *backbeat_reader_new(void);
void backbeat_reader_free(struct backbeat_reader *r); /* NULL is legal */

int backbeat_read_facts(struct backbeat_reader *r, struct str metadata, struct str site,
                        struct backbeat_facts *ret, struct error *err);

/*
 * Values, appended to `out`; everything of the metadata that is not named in events.md stays as it
 * is, number for number. On an error `out` is as before.
 *
 *   entry   replication topic: backends reduced to the site, PENDING
 *   status  status topic: all backends kept, the site's PENDING
 */
int backbeat_write_entry(struct backbeat_reader *r, struct str metadata, const struct failure *f,
                         struct buf *out, struct error *err);
int backbeat_write_status(struct backbeat_reader *r, struct str metadata, const struct failure *f,
                          struct buf *out, struct error *err);

#endif
