/* SPDX-License-Identifier: Apache-2.0 */
#include "table_data.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define BUCKETS 3000

static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-_";
static const char *const sites[DATA_SITES] = { "us-east-1-aws", "azure-backup-eu", "gcp-archive",
                                               "dr-site-tokyo-ring-2", "wasabi-cold" };
static const char *const errors[] = { "AccessDenied",       "NoSuchBucket", "InternalError",
                                      "ServiceUnavailable", "SlowDown",     "RequestTimeout" };
static char bucket_names[BUCKETS][64];
static struct str buckets[BUCKETS];
static int n_partitions;

uint64_t data_mix(uint64_t x)
{
        x += UINT64_C(0x9e3779b97f4a7c15);
        x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
        return x ^ x >> 31;
}

/* A Feistel network over the next even number of bits; what falls outside goes round again. */
uint64_t data_shuffled(uint64_t i, uint64_t n)
{
        unsigned half = 1;
        uint64_t mask;

        while (UINT64_C(1) << 2 * half < n)
                half++;
        mask = (UINT64_C(1) << half) - 1;
        do {
                uint64_t left = i >> half, right = i & mask;

                for (unsigned round = 0; round < 4; round++) {
                        uint64_t mixed = left ^ (data_mix(right + (round << 24)) & mask);

                        left = right;
                        right = mixed;
                }
                i = left << half | right;
        } while (i >= n);
        return i;
}

static size_t bucket_len(unsigned i, uint64_t random)
{
        if (i % 97 == 0)
                return 8;
        return i % 50 == 0 ? 63 : 10 + random % 24;
}

void data_init(int partitions)
{
        n_partitions = partitions;
        for (unsigned i = 0; i < BUCKETS; i++) {
                uint64_t random = data_mix(i + 77);
                size_t len = bucket_len(i, random);
                int at = snprintf(bucket_names[i], sizeof bucket_names[i], "bk%04x-", i);

                for (; (size_t)at < len; at++) {
                        random = data_mix(random);
                        bucket_names[i][at] = letters[random % 36];
                }
                buckets[i] = (struct str){ bucket_names[i], len };
        }
}

struct str data_site(unsigned i)
{
        return str_from(sites[i]);
}

/* n letters of an alphabet of 2^bits. */
static void fill(char *text, size_t n, uint64_t random, unsigned bits, const char *alphabet)
{
        uint64_t word = 0;

        for (size_t i = 0; i < n; i++, word >>= bits) {
                if (i % (60 / bits) == 0)
                        word = data_mix(random + i);
                text[i] = alphabet[word & ((1u << bits) - 1)];
        }
}

static struct str make_key(char *text, uint64_t shape, uint64_t random)
{
        static const char path[] = "data/20";
        size_t len = shape % 1000 < 990 ? 25 + (shape >> 12) % 61 : 200 + (shape >> 12) % 825;

        fill(text, len, random, 6, letters);
        for (size_t i = 0; i < sizeof path - 1; i++)
                text[i] = path[i];
        text[7] = (char)('0' + random % 8);
        text[8] = text[11] = '/';
        text[18] = (random >> 8) & 1 ? ':' : '/';
        return (struct str){ text, len };
}

static struct str make_version(char *text, uint64_t shape, uint64_t random)
{
        static const uint8_t hex_lens[] = { 40, 54, 56, 64 };
        unsigned kind = (shape >> 32) % 100;
        size_t len = kind < 60 ? hex_lens[(shape >> 40) % 4] : kind < 90 ? 32 : 0;

        if (kind < 60)
                fill(text, len, random ^ 991, 4, "0123456789abcdef");
        else
                fill(text, len, random ^ 0x55555, 6, letters);
        return (struct str){ text, len };
}

static unsigned site_of(uint64_t random)
{
        unsigned share = (random >> 20) % 100;

        if (share < 60)
                return 0;
        if (share < 85)
                return 1;
        return share < 95 ? 2 : share < 99 ? 3 : 4;
}

static int64_t size_of(uint64_t random)
{
        return (int64_t)((random >> 33) % 3 ? (random >> 34) & 0xfffff
                                            : (random >> 10) & 0x3ffffffff);
}

void data_failure(uint64_t id, uint64_t seq, char *text, struct failure *ret)
{
        uint64_t first = data_mix(id * 2 + 1), shape = data_mix(first), random = data_mix(shape);
        double skew = (double)(first >> 11) / 9007199254740992.0;

        *ret = (struct failure){
                .id.bucket = buckets[(unsigned)(skew * skew * BUCKETS)],
                .id.key = make_key(text, shape, random),
                .id.site = data_site(site_of(random)),
                .state = FAILURE_FAILED,
                .size = size_of(random),
                .failed_at_ms = INT64_C(1751000000000) + (int64_t)(seq / 8),
                .attempts = 1 + (int32_t)((random >> 40) % 5),
                .error_code = str_from(errors[(random >> 30) % 6]),
                .retried_at_ms = TIME_UNKNOWN,
                .partition = (int)(data_mix(seq >> 8 ^ 0xabcdef) % (unsigned)n_partitions),
                .offset = 1000 + (int64_t)seq * 2 + (int64_t)(first & 1),
        };
        ret->id.version_id = make_version(text + ret->id.key.len, shape, random);
        ret->last_modified_ms = ret->failed_at_ms - 1000 - (int64_t)(random & 0xfffffff);
        ret->timestamp_ms = ret->failed_at_ms + (int64_t)(random >> 50 & 0x7ff);
        ret->entry_offset = ret->offset;
}

static bool is_packable(struct str s)
{
        for (size_t i = 0; i < s.len; i++)
                if (strchr("0123456789abcdef", s.base[i]) == NULL)
                        return false;
        return s.len % 2 == 0;
}

size_t data_least_bytes(const struct failure *f)
{
        size_t version = f->id.version_id.len;

        return f->id.key.len + (is_packable(f->id.version_id) ? version / 2 : version);
}
