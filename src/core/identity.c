/* SPDX-License-Identifier: Apache-2.0 */
#include "crr/core/identity.h"

#include <stdint.h>
#include <string.h>

#include "crr/base/limits.h"
#include "crr/base/url.h"
#include "span.h"

#define VERSION_MARK "?versionId="
#define SITE_MARK    "&sitename="

void identity_write_key(const struct identity *id, struct buf *out)
{
        url_encode(out, id->bucket);
        buf_append_char(out, '/');
        url_encode(out, id->key);
        buf_append_c(out, VERSION_MARK);
        url_encode(out, id->version_id);
        buf_append_c(out, SITE_MARK);
        url_encode(out, id->site);
}

void identity_write_object_key(const struct identity *id, struct buf *out)
{
        url_encode_component(out, id->bucket);
        url_encode_component(out, STR("/"));
        url_encode_component(out, id->key);
}

/* PARSING: bucket and key hold no '/', '?' and '&' of their own, those are escaped. */

struct key_parts {
        struct str bucket, key, version_id, site;
};

static bool cut_prefix(struct str *s, struct str prefix)
{
        if (s->len < prefix.len || !str_eq((struct str){ s->base, prefix.len }, prefix))
                return false;
        s->base += prefix.len;
        s->len -= prefix.len;
        return true;
}

static bool split_key(struct str text, struct key_parts *ret)
{
        struct str query, version;

        if (!str_split(text, '?', &text, &query) || !str_split(text, '/', &ret->bucket, &ret->key))
                return false;
        if (!str_split(query, '&', &version, &ret->site))
                return false;
        if (!cut_prefix(&version, STR("versionId=")) || !cut_prefix(&ret->site, STR("sitename=")))
                return false;
        ret->version_id = version;
        return true;
}

/* Nothing but printable characters that no part has: a key in another alphabet is not ours. */
static bool is_plausible(struct str s)
{
        for (size_t i = 0; i < s.len; i++) {
                unsigned char c = (unsigned char)s.base[i];

                if (c <= ' ' || c >= 0x7f || c == '/' || c == '?' || c == '&')
                        return false;
        }
        return true;
}

static bool decode_part(struct buf *scratch, struct str part, struct span *ret, bool *canonical)
{
        bool is_encoded = url_is_encoded(part);

        *ret = span_in_text(part);
        *canonical &= is_encoded;
        if (!is_encoded && !is_plausible(part))
                return false;
        if (part.len == 0 || memchr(part.base, '%', part.len) == NULL)
                return true;
        *ret = span_in_buf(scratch->len, 0);
        if (!url_decode(scratch, part, false) || scratch->overflow)
                return false;
        ret->len = scratch->len - ret->at;
        return true;
}

bool identity_parse_key(struct str key, struct buf *scratch, struct identity *ret,
                        bool *ret_canonical)
{
        struct key_parts parts;
        struct span bucket, name, version_id, site;
        bool canonical = true;
        struct error err;

        if (key.base == NULL || !split_key(key, &parts))
                return false;
        if (!decode_part(scratch, parts.bucket, &bucket, &canonical) ||
            !decode_part(scratch, parts.key, &name, &canonical) ||
            !decode_part(scratch, parts.version_id, &version_id, &canonical) ||
            !decode_part(scratch, parts.site, &site, &canonical))
                return false;
        *ret = (struct identity){
                .bucket = span_str(bucket, scratch),
                .key = span_str(name, scratch),
                .version_id = span_str(version_id, scratch),
                .site = span_str(site, scratch),
        };
        if (identity_check(ret, &err) != 0)
                return false;
        *ret_canonical = canonical;
        return true;
}

static int check_part(const char *field, struct str part, size_t min, size_t max, struct error *err)
{
        if (part.base == NULL || part.len < min)
                return error_set(err, ERR_MALFORMED_POST, "%s is empty", field);
        if (part.len > max)
                return error_set(err, ERR_MALFORMED_POST, "%s is longer than %zu bytes", field,
                                 max);
        if (!str_is_utf8(part))
                return error_set(err, ERR_MALFORMED_POST, "%s is not UTF-8", field);
        return 0;
}

int identity_check(const struct identity *id, struct error *err)
{
        int rc = check_part("Bucket", id->bucket, 1, LIMIT_BUCKET_BYTES, err);

        if (rc == 0)
                rc = check_part("Key", id->key, 1, LIMIT_KEY_BYTES, err);
        if (rc == 0)
                rc = check_part("VersionId", id->version_id, 0, LIMIT_VERSION_ID_BYTES, err);
        if (rc == 0)
                rc = check_part("StorageClass", id->site, 1, LIMIT_SITE_BYTES, err);
        return rc;
}

/* PARTITIONERS */

bool partitioner_parse(struct str name, enum partitioner *ret)
{
        if (str_eq_c(name, "murmur2"))
                *ret = PARTITIONER_MURMUR2;
        else if (str_eq_c(name, "consistent"))
                *ret = PARTITIONER_CONSISTENT;
        else
                return false;
        return true;
}

/* MurmurHash2 with the seed and the little-endian reads of Kafka's Java client (Utils.murmur2). */
static uint32_t murmur2(struct str s)
{
        const uint32_t m = 0x5bd1e995;
        const unsigned char *p = (const unsigned char *)s.base;
        size_t left = s.len;
        uint32_t h = 0x9747b28c ^ (uint32_t)s.len;

        for (; left >= 4; left -= 4, p += 4) {
                uint32_t k = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
                             (uint32_t)p[3] << 24;

                k *= m;
                k ^= k >> 24;
                k *= m;
                h = h * m ^ k;
        }
        if (left == 3)
                h ^= (uint32_t)p[2] << 16;
        if (left >= 2)
                h ^= (uint32_t)p[1] << 8;
        if (left >= 1) {
                h ^= p[0];
                h *= m;
        }
        h ^= h >> 13;
        h *= m;
        return h ^ h >> 15;
}

/* CRC-32 of IEEE 802.3, as zlib has it. */
static uint32_t crc32(struct str s)
{
        uint32_t crc = 0xffffffff;

        for (size_t i = 0; i < s.len; i++) {
                crc ^= (unsigned char)s.base[i];
                for (int bit = 0; bit < 8; bit++)
                        crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
        }
        return ~crc;
}

int partition_of_key(enum partitioner p, struct str key, int n_partitions)
{
        uint32_t hash = 0;

        switch (p) {
        case PARTITIONER_MURMUR2:
                hash = murmur2(key) & 0x7fffffff;
                break;
        case PARTITIONER_CONSISTENT:
                hash = crc32(key);
                break;
        }
        return (int)(hash % (uint32_t)n_partitions);
}
