/* SPDX-License-Identifier: Apache-2.0 */
#include "dataset.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define BUCKETS        4096
#define FIRST_MODIFIED INT64_C(1777593600000) /* 2026-05-01 */
#define FIRST_FAILED   INT64_C(1795132800000) /* 2026-11-20 */
#define DAY_MS         UINT64_C(86400000)
#define KEY_HEAD       23 /* "data/3/1a2b/0123456789a" */

static const char alphabet[65] = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-_";
static const char *const sites[] = { "us-east-1-aws", "azure-backup-eu", "gcp-archive",
                                     "dr-site-tokyo-ring-2", "wasabi-cold" };
static const char *const causes[] = { "AccessDenied",       "NoSuchBucket", "InternalError",
                                      "ServiceUnavailable", "SlowDown",     "RequestTimeout" };

/* A step of splitmix64. */
static uint64_t mix(uint64_t x)
{
        x += UINT64_C(0x9e3779b97f4a7c15);
        x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
        return x ^ x >> 31;
}

/* n characters of the first `kinds` of the alphabet, a power of two up to 64. */
static void fill(char *to, size_t n, uint64_t seed, unsigned kinds)
{
        uint64_t random = 0;

        for (size_t i = 0; i < n; i++) {
                if (i % 10 == 0)
                        random = mix(seed + i);
                to[i] = alphabet[random % kinds];
                random >>= 6;
        }
}

static void name_bucket(uint64_t random, char name[64])
{
        double share = (double)(random >> 11) * 0x1p-53;
        unsigned bucket = (unsigned)(share * share * BUCKETS);
        size_t length = 8 + (size_t)(mix(bucket) % 26);

        snprintf(name, 64, "bk%04x-", bucket);
        fill(name + 7, length - 7, bucket, 32);
        name[length] = '\0';
}

static void name_key(uint64_t i, uint64_t random, char name[1100])
{
        size_t length = random % 100 == 0 ? 200 + (size_t)((random >> 12) % 825)
                                          : 25 + (size_t)((random >> 12) % 61);

        snprintf(name, 1100, "data/%u/%04x/%011" PRIx64, (unsigned)(random >> 8 & 7),
                 (unsigned)(random >> 32 & 0xffff), i);
        fill(name + KEY_HEAD, length - KEY_HEAD, random, 64);
        name[length] = '\0';
}

static void name_version(uint64_t random, char name[80])
{
        static const char hex[] = "0123456789abcdef";
        static const size_t lengths[] = { 40, 54, 56, 64 };
        unsigned percent = (unsigned)(random % 100);
        size_t length = percent < 60 ? lengths[random >> 40 & 3] : percent < 90 ? 32 : 0;

        if (percent >= 60)
                fill(name, length, random, 64);
        for (size_t i = 0; percent < 60 && i < length; i++)
                name[i] = hex[mix(random + i / 16) >> 4 * (i % 16) & 15];
        name[length] = '\0';
}

static const char *site_of(unsigned percent)
{
        static const unsigned below[] = { 60, 85, 95, 99, 100 };
        size_t i = 0;

        while (percent >= below[i])
                i++;
        return sites[i];
}

void dataset_row(uint64_t i, struct dataset_row *ret)
{
        uint64_t a = mix(i), b = mix(a), c = mix(b), d = mix(c);

        name_bucket(a, ret->bucket);
        name_key(i, b, ret->key);
        name_version(c, ret->version_id);
        ret->failure = (struct failure){
                .id = { str_from(ret->bucket), str_from(ret->key), str_from(ret->version_id),
                        str_from(site_of((unsigned)(d % 100))) },
                .state = FAILURE_FAILED,
                .size = (int64_t)(mix(d) >> (24 + d % 32)),
                .last_modified_ms = FIRST_MODIFIED + (int64_t)(mix(d + 1) % (180 * DAY_MS)),
                .failed_at_ms = FIRST_FAILED + (int64_t)(mix(d + 2) % DAY_MS),
                .retried_at_ms = TIME_UNKNOWN,
                .attempts = 1 + (int32_t)(d >> 8 & 3),
                .error_code = str_from(causes[(d >> 16) % 6]),
                .entry_offset = -1,
        };
}

static void write_identity(const struct identity *id, struct json_writer *w)
{
        json_key(w, "Bucket");
        json_str(w, id->bucket);
        json_key(w, "Key");
        json_str(w, id->key);
        json_key(w, "VersionId");
        json_str(w, id->version_id);
        json_key(w, "StorageClass");
        json_str(w, id->site);
}

void dataset_write_value(const struct failure *f, struct buf *out)
{
        struct json_writer w;

        json_writer_init(&w, out);
        json_object_open(&w);
        write_identity(&f->id, &w);
        json_key(&w, "ReplicationStatus");
        json_c(&w, "FAILED");
        json_key(&w, "Size");
        json_int(&w, f->size);
        json_key(&w, "LastModified");
        json_time(&w, f->last_modified_ms);
        json_key(&w, "FailedAt");
        json_time(&w, f->failed_at_ms);
        json_key(&w, "ErrorCode");
        json_str(&w, f->error_code);
        json_key(&w, "ErrorMessage");
        json_c(&w, "the target answered 503");
        json_key(&w, "Attempts");
        json_int(&w, f->attempts);
        json_object_close(&w);
}

void dataset_write_element(const struct failure *f, struct json_writer *w)
{
        json_object_open(w);
        write_identity(&f->id, w);
        json_object_close(w);
}
