/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_DEMO_METADATA_H
#define CRR_SRC_DEMO_METADATA_H

#include "crr/base/buf.h"
#include "objects.h"

/*
 * What Backbeat says of an object, as JSON that is appended (events.md, "Foreign formats"). The
 * shape of the metadata is that of Arsenal's ObjectMD, model version 3; of the entries that of
 * Backbeat's status processor.
 */

/* The metadata of one version: to each site COMPLETED, or FAILED at the first. */
void metadata_write(const struct object *o, const struct object_version *v, struct buf *out);

/* Topic of failures: where and since when it failed, and no word of its size and date. has_role:
 * the member ends in the percent-encoded role. */
void metadata_write_failed_entry(const struct object *o, bool has_role, int64_t now_ms,
                                 struct buf *out);

/* Status topic: the object with its metadata, as JSON in a string. The key is Backbeat's
 * "versioned" one: behind a U+0000 follows the raw version id, unless it is empty. */
struct queue_entry {
        struct str bucket, key, version_id, site, metadata;
};
void metadata_write_queue_entry(const struct queue_entry *e, struct buf *out);

#endif
