/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORLD_ONE_H
#define WORLD_ONE_H

#include "world.h"

/*
 * Tests about one identity: version v of b/k, at aws.
 */
#define ONE_KEY STR("b/k?versionId=v&sitename=aws")
#define ONE_VALUE(extra) \
        "{\"Bucket\":\"b\",\"Key\":\"k\",\"VersionId\":\"v\",\"StorageClass\":\"aws\"" extra "}"

/* `extra` absent: a tombstone; no time: now. Returns the offset. */
static inline int64_t one_append(struct world *w, int partition, const char *extra, int64_t settles,
                                 const char *outcome, int64_t timestamp_ms)
{
        char value[512];
        int64_t offset;

        snprintf(value, sizeof value, ONE_VALUE("%s"), extra != NULL ? extra : "");
        offset =
                world_append(w, partition, ONE_KEY, extra != NULL ? value : NULL, settles, outcome);
        if (timestamp_ms != 0)
                w->logs[partition].records[offset].timestamp_ms = timestamp_ms;
        return offset;
}

/* A request with one entry: that version of b/`key`. */
static inline void one_retry(struct world *w, struct world_retry *r, const char *key, bool force)
{
        world_retry_init(w, r);
        world_retry_add(r, "b", key, "v", "aws", force);
        world_retry_submit(w, r);
}

#endif
