/* SPDX-License-Identifier: Apache-2.0 */
#include "generator.h"

#include <inttypes.h>
#include <stdio.h>

#include "crr/base/json_write.h"
#include "crr/base/siphash.h"

#define FIRST_MODIFIED INT64_C(1777593600000) /* 2026-05-01 */
#define DAY_MS         INT64_C(86400000)

static const char *const regions[] = { "aws-east", "azure-west", "gcp-eu", "ceph-dr", "wasabi-2" };
static const char *const uses[] = { "photos",   "backups", "videos", "logs",
                                    "invoices", "mail",    "models", "scans" };
static const char *const suffixes[] = {
        "jpg", "tar.gz", "mp4", "log", "pdf", "eml", "bin", "tiff"
};
static const char *const causes[] = { "ServiceUnavailable", "AccessDenied", "SlowDown",
                                      "RequestTimeout",     "NoSuchBucket", "InternalError" };
#define COUNT(array) (sizeof(array) / sizeof *(array))

void generator_init(struct generator *g, uint64_t seed, unsigned sites, unsigned buckets,
                    double entries)
{
        *g = (struct generator){
                .seed = seed, .sites = sites, .buckets = buckets, .entries = entries
        };
}

uint64_t generator_draw(const struct generator *g, uint64_t i, uint64_t n)
{
        struct siphash_key key = { { g->seed, n } };

        return siphash13(&key, &i, sizeof i);
}

bool generator_is_of_share(uint64_t random, double share)
{
        return (double)(random >> 11) * 0x1p-53 < share;
}

void generator_name_site(uint64_t n, char ret_name[GENERATOR_SITE_BYTES])
{
        if (n < COUNT(regions))
                snprintf(ret_name, GENERATOR_SITE_BYTES, "%s", regions[n]);
        else
                snprintf(ret_name, GENERATOR_SITE_BYTES, "site-%" PRIu64, n);
}

static void name_bucket(struct generator *g, uint64_t n)
{
        if (n < COUNT(uses))
                snprintf(g->bucket, sizeof g->bucket, "%s", uses[n]);
        else
                snprintf(g->bucket, sizeof g->bucket, "%s-%" PRIu64, uses[n % COUNT(uses)],
                         n / COUNT(uses));
}

void generator_failure(struct generator *g, uint64_t i, struct failure *ret, bool *ret_has_entry)
{
        uint64_t bucket = generator_draw(g, i, 1) % g->buckets;
        int64_t modified =
                FIRST_MODIFIED + (int64_t)(generator_draw(g, i, 2) % (uint64_t)(180 * DAY_MS));
        unsigned magnitude = (unsigned)(generator_draw(g, i, 3) % 32);

        name_bucket(g, bucket);
        generator_name_site(generator_draw(g, i, 4) % g->sites, g->site);
        snprintf(g->key, sizeof g->key, "2026/%02u/%s-%08" PRIu64 ".%s",
                 1 + (unsigned)(generator_draw(g, i, 5) % 12), uses[bucket % COUNT(uses)], i,
                 suffixes[bucket % COUNT(suffixes)]);
        snprintf(g->version_id, sizeof g->version_id, "%016" PRIx64, generator_draw(g, i, 6));
        *ret = (struct failure){
                .id = { str_from(g->bucket), str_from(g->key), str_from(g->version_id),
                        str_from(g->site) },
                .state = FAILURE_FAILED,
                .size = (int64_t)(generator_draw(g, i, 7) & ((UINT64_C(1) << magnitude) - 1)),
                .last_modified_ms = modified,
                .failed_at_ms = TIME_UNKNOWN, /* the record's timestamp */
                .retried_at_ms = TIME_UNKNOWN,
                .attempts = 1 + (int32_t)(generator_draw(g, i, 8) % 3),
                .error_code = str_from(causes[generator_draw(g, i, 9) % COUNT(causes)]),
                .entry_offset = -1,
        };
        *ret_has_entry = generator_is_of_share(generator_draw(g, i, 10), g->entries);
}

void generator_entry(const struct identity *id, struct buf *out)
{
        struct json_writer w;

        json_writer_init(&w, out);
        json_object_open(&w);
        json_key(&w, "Bucket");
        json_str(&w, id->bucket);
        json_key(&w, "Key");
        json_str(&w, id->key);
        json_key(&w, "VersionId");
        json_str(&w, id->version_id);
        json_key(&w, "StorageClass");
        json_str(&w, id->site);
        json_object_close(&w);
}

bool generator_fails_again(const struct identity *id, unsigned attempt, double share)
{
        struct siphash_key key = { { attempt, 0 } };
        uint64_t parts[3] = {
                siphash13(&key, id->key.base, id->key.len),
                siphash13(&key, id->version_id.base, id->version_id.len),
                siphash13(&key, id->site.base, id->site.len),
        };

        return generator_is_of_share(siphash13(&key, parts, sizeof parts), share);
}
