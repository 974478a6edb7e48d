/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_CORE_IDENTITY_H
#define CRR_CORE_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>

#include "crr/base/buf.h"
#include "crr/base/error.h"
#include "crr/core/failure.h"

/*
 * The record key of the failure log: an identity as text, and the partition it belongs to
 * (events.md, "Identity").
 *
 *     enc(Bucket) "/" enc(Key) "?versionId=" enc(VersionId) "&sitename=" enc(StorageClass)
 */

/* Append the canonical key. */
void identity_write_key(const struct identity *id, struct buf *out);

/*
 * Parse any correct spelling (escapes of unreserved characters, lower-case hex). The strings of
 * *ret are parts of `key`, or are appended to `scratch` and live as long as it is not touched.
 * *ret_canonical: the key is spelled as we would. False: not a key of an identity (bad escape,
 * missing part, a part too long or empty, not UTF-8).
 */
bool identity_parse_key(struct str key, struct buf *scratch, struct identity *ret,
                        bool *ret_canonical);

/* The rules for an identity's parts: lengths, UTF-8. ERR_MALFORMED_POST with a message that names
 * the field. */
int identity_check(const struct identity *id, struct error *err);

enum partitioner {
        PARTITIONER_MURMUR2,    /* of Java clients: (murmur2(key) & 0x7fffffff) % n */
        PARTITIONER_CONSISTENT, /* CRC-32 of the key % n, librdkafka's and so Backbeat's */
};

bool partitioner_parse(struct str name, enum partitioner *ret);
int partition_of_key(enum partitioner p, struct str key, int n_partitions);

/* encodeURIComponent(Bucket + "/" + Key): the key of a retry entry in the replication topic. */
void identity_write_object_key(const struct identity *id, struct buf *out);

#endif
