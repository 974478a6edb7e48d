/* SPDX-License-Identifier: Apache-2.0 */
/* Identities made ready, and what is known of them fetched into the cache. */
#include <assert.h>

#include "plain.h"
#include "table_private.h"
#include "version_pack.h"

static_assert(FAILURE_KEY_BYTES >= IMAGE_MAX, "an image fits");

/*
 * The hash is of the identity without the site: all its sites are found in one place. The bucket's
 * own hash stands for the bucket, whose number is not the same for ever. Key and version come by
 * whole words, the last of which may overlap the one before; then the bucket's hash, which may be
 * on its way from memory until then; and the lengths, which tell how many words are what: no two
 * identities give the same words.
 *
 * All of it is inlined into one function: the state stays in registers, and is not waited for.
 */
struct making {
        struct siphash hash;
        bytes16 not_plain; /* 0: all is */
};

static ALWAYS_INLINE void copy_short(struct making *m, uint8_t *to, struct str text)
{
        const uint8_t *p = (const uint8_t *)text.base;

        m->not_plain |= (bytes16){ (uint8_t)!short_is_plain(p, text.len) };
        memcpy(to, p, text.len);
        if (text.len < 8) {
                siphash13_word(&m->hash, bytes_get_tail(p, (unsigned)text.len));
                return;
        }
        siphash13_word(&m->hash, bytes_get64(p));
        siphash13_word(&m->hash, bytes_get64(p + text.len - 8));
}

/* Copy and hash sixteen bytes. All in one go: the rounds of a hash wait for each other, and there
 * is time for the rest meanwhile. */
static ALWAYS_INLINE void copy16(struct making *m, uint8_t *to, const uint8_t *from)
{
        bytes16 c = bytes_get128(from);

        memcpy(to, &c, sizeof c);
        m->not_plain |= bytes16_not_plain(c);
        siphash13_word(&m->hash, bytes_get64(from));
        siphash13_word(&m->hash, bytes_get64(from + 8));
}

static ALWAYS_INLINE void copy_text(struct making *m, uint8_t *to, struct str text)
{
        const uint8_t *p = (const uint8_t *)text.base, *last = p + text.len - 16;

        if (text.len < 16) {
                copy_short(m, to, text);
                return;
        }
        for (; p < last; p += 16, to += 16)
                copy16(m, to, p);
        copy16(m, to - (p - last), last);
}

/* Pack and hash sixteen digits or more. False: they are others; the state is as before. */
static ALWAYS_INLINE bool pack_long(struct siphash *hash, uint8_t *to, struct str version_id)
{
        const uint8_t *p = (const uint8_t *)version_id.base, *last = p + version_id.len - 16;
        struct siphash s = *hash;
        bytes16 bad = { 0 };
        uint64_t word;

        for (; p < last; p += 16, to += 8) {
                word = version_pack16(p, &bad);
                if (bytes16_any(bad))
                        return false;
                bytes_put64(to, word);
                siphash13_word(&s, word);
        }
        word = version_pack16(last, &bad);
        bytes_put64(to - (p - last) / 2, word);
        siphash13_word(&s, word);
        if (bytes16_any(bad))
                return false;
        *hash = s;
        return true;
}

static ALWAYS_INLINE bool pack_short(struct siphash *hash, uint8_t *to, struct str version_id)
{
        if (!version_pack(to, version_id))
                return false;
        siphash13_word(hash, bytes_get_tail(to, (unsigned)version_id.len / 2));
        return true;
}

/* Returns the bytes that it takes, and RECORD_VERSION_PACKED. */
static ALWAYS_INLINE unsigned write_version(struct making *m, uint8_t *to, struct str version_id)
{
        size_t n = version_id.len;

        if (n == 0)
                return 0;
        if (n % 2 == 0 &&
            (n < 16 ? pack_short(&m->hash, to, version_id) : pack_long(&m->hash, to, version_id)))
                return (unsigned)n / 2 | RECORD_VERSION_PACKED;
        copy_text(m, to, version_id);
        return (unsigned)n;
}

static void write_image(const struct failure_table *t, struct failure_key *k, uint64_t bucket_hash)
{
        struct making m = { .hash = siphash13_begin(&t->key) };
        size_t key_len = k->id.key.len, version_len;
        unsigned version;
        uint32_t lengths;

        copy_text(&m, k->image + IMAGE_KEY, k->id.key);
        version = write_version(&m, k->image + IMAGE_KEY + key_len, k->id.version_id);
        siphash13_word(&m.hash, bucket_hash);
        version_len = version & (RECORD_VERSION_PACKED - 1);
        lengths =
                (uint32_t)key_len | (version & RECORD_VERSION_PACKED) | (uint32_t)version_len << 16;
        bytes_put16(k->image + IMAGE_LENGTHS, (uint16_t)lengths);
        k->image[IMAGE_LENGTHS + 2] = (uint8_t)version_len;
        k->image_len = (uint16_t)(IMAGE_KEY + key_len + version_len);
        k->is_json_plain = !bytes16_any(m.not_plain);
        k->hash = siphash13_end(&m.hash, lengths, k->image_len);
}

/* Longer than any identity is: no entry has it. */
static bool is_too_long(const struct identity *id)
{
        return id->key.len > LIMIT_KEY_BYTES || id->version_id.len > LIMIT_VERSION_ID_BYTES;
}

static uint64_t names_age(const struct failure_table *t)
{
        return t->buckets.age + t->sites.age;
}

void failure_table_key(const struct failure_table *t, const struct identity *id,
                       struct failure_key *ret)
{
        uint64_t bucket_hash;

        ret->id = *id;
        ret->names_age = names_age(t);
        ret->image_len = 0;
        ret->hash = 0;
        ret->bucket = INTERN_NONE;
        ret->site = INTERN_NONE;
        if (is_too_long(id))
                return;
        if (id->site.base != NULL)
                ret->site = intern_find(&t->sites, id->site);
        bucket_hash = intern_hash(&t->buckets, id->bucket, &ret->bucket);
        write_image(t, ret, bucket_hash);
        if (ret->bucket != INTERN_NONE)
                image_set_bucket(ret->image, ret->bucket);
}

static void find_names(const struct failure_table *t, struct failure_key *key)
{
        key->names_age = names_age(t);
        key->site = intern_find(&t->sites, key->id.site);
        key->bucket = intern_find(&t->buckets, key->id.bucket);
        if (key->bucket != INTERN_NONE)
                image_set_bucket(key->image, key->bucket);
}

/* What was there is the same until a name goes; what was not may have come. */
void table_renew_key(const struct failure_table *t, struct failure_key *key)
{
        bool is_known = key->bucket != INTERN_NONE && key->site != INTERN_NONE;

        if (key->image_len > 0 && (!is_known || key->names_age != names_age(t)))
                find_names(t, key);
}

/* PREFETCHING: the names of buckets first, many as there may be, then the lines of the index, then
 * those of the records that they name. */

static ALWAYS_INLINE void fetch_home(const struct failure_table *t, const struct failure_key *key)
{
        uint64_t site_hash = table_site_hash(key->hash, key->site != INTERN_NONE ? key->site : 0);

        __builtin_prefetch(slot_home(&t->logs.index, (uint32_t)(site_hash >> 32)), 1);
}

static ALWAYS_INLINE void fetch_record(const struct failure_table *t, const struct failure_key *key)
{
        uint64_t site_hash = table_site_hash(key->hash, key->site);
        struct slot_bucket *home = slot_home(&t->logs.index, (uint32_t)(site_hash >> 32));
        unsigned candidates = slot_match(home, table_tag(site_hash, key->site));

        if (home->overflow != 0)
                __builtin_prefetch(slot_next(&t->logs.index, home), 1);
        if (candidates != 0)
                table_fetch_record(t, home->handle[__builtin_ctz(candidates)]);
}

void failure_table_prefetch(const struct failure_table *t, const struct identity *ids, size_t n,
                            struct failure_key *ret)
{
        for (size_t i = 0; i < n; i++)
                intern_fetch_place(&t->buckets, ids[i].bucket);
        for (size_t i = 0; i < n; i++)
                intern_fetch_string(&t->buckets, ids[i].bucket);
        for (size_t i = 0; i < n; i++) {
                failure_table_key(t, &ids[i], &ret[i]);
                fetch_home(t, &ret[i]);
        }
        for (size_t i = 0; i < n; i++)
                if (ret[i].site != INTERN_NONE)
                        fetch_record(t, &ret[i]);
}
