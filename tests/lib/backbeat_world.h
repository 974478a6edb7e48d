/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BACKBEAT_WORLD_H
#define TESTS_BACKBEAT_WORLD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

/*
 * A world whose retries are of payload `backbeat`: one partition, a status topic, no guard.
 * Versions of objects in bucket b; V1 to V3 are ids on the wire, "v1" to "v3" what metadata says.
 */
#define V1 "7631"
#define V2 "7632"
#define V3 "7633"

/* Of one site, of two. */
#define AT(site, status) \
        "{\"site\":\"" site "\",\"status\":\"" status "\",\"dataStoreVersionId\":\"\"}"
#define METADATA(version, backends)                                                                     \
        "{\"content-length\":7,\"last-modified\":\"2018-03-30T22:22:34.384Z\",\"versionId\":\"" version \
        "\",\"replicationInfo\":{\"status\":\"FAILED\",\"backends\":[" backends "],"                    \
        "\"content\":[\"DATA\",\"METADATA\"],\"destination\":\"arn:aws:s3:::d\","                       \
        "\"storageClass\":\"aws\",\"role\":\"r\",\"storageType\":\"aws_s3\","                           \
        "\"dataStoreVersionId\":\"\"}}"

static inline void backbeat_world(struct world *w)
{
        world_init(w, 1);
        w->config.payload = RETRY_PAYLOAD_BACKBEAT;
        w->config.has_status_topic = true;
        w->config.version_guard = false;
        world_start(w);
}

/* The same, whose source answers nothing before it is told to. */
static inline void backbeat_world_held(struct world *w, bool guard)
{
        backbeat_world(w);
        w->config.version_guard = guard;
        member_set_config(w->member, &w->config);
        w->source->holds = true;
}

/* A version of b/`key` that failed at aws, and that the source has. */
static inline void backbeat_failure(struct world *w, const char *key, const char *version)
{
        const char *raw = version[3] == '1'   ? METADATA("v1", AT("aws", "FAILED"))
                          : version[3] == '2' ? METADATA("v2", AT("aws", "FAILED"))
                                              : METADATA("v3", AT("aws", "FAILED"));

        world_failure(w, "b", key, version, "aws", NULL);
        fake_source_found(w->source, "b", key, version, raw);
        world_run(w);
}

static inline void backbeat_answer(struct world *w, const char *key, const char *version)
{
        struct source_call *call = fake_source_find(w->source, "b", key, version);

        if (call == NULL)
                abort();
        fake_source_answer(w->source, call);
        world_run(w);
}

static inline void backbeat_retry(struct world *w, struct world_retry *r, const char *key,
                                  const char *version, bool force)
{
        world_retry_init(w, r);
        world_retry_add(r, "b", key, version, "aws", force);
        world_retry_submit(w, r);
}

static inline double backbeat_skipped(const struct world *w, const char *cause)
{
        return metrics_get(w->metrics, METRIC_RETRIES_SKIPPED_TOTAL, LABELS_1(cause));
}

#endif
