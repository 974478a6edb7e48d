/* SPDX-License-Identifier: Apache-2.0 */
/* Identities: their hash, and the records that have them. */
#include <stdlib.h>

#include "table_private.h"
#include "version_pack.h"

/* IMAGES AND HASHES */

/*
 * What is hashed is the identity without the site: the bucket's own hash stands for the bucket,
 * whose number is not the same for ever, in the eight bytes before the key's length.
 */
#define HASHED (RECORD_IDENTITY + 3)

bool table_write_image(const struct failure_table *t, uint8_t *image, struct str bucket,
                       struct str key, struct str version_id, size_t *ret_len)
{
        uint32_t number = intern_find(&t->buckets, bucket);

        *ret_len = record_write_identity(image, key, version_id);
        if (number == INTERN_NONE)
                return false;
        record_set_bucket(image, number);
        return true;
}

static uint64_t version_hash(const struct failure_table *t, struct str bucket, struct str key,
                             struct str version_id)
{
        uint8_t image[RECORD_BYTES_MAX];
        size_t len = record_write_identity(image, key, version_id);
        uint32_t number;

        bytes_put64(image + HASHED - 8, intern_hash(&t->buckets, bucket, &number));
        return siphash13(&t->key, image + HASHED - 8, len - 3 + 8);
}

uint64_t failure_table_hash(const struct failure_table *t, const struct identity *id)
{
        return version_hash(t, id->bucket, id->key, id->version_id);
}

/* SEEKING */

void table_seek(struct sought *s, const uint8_t *image, size_t len, uint64_t hash, uint32_t site)
{
        uint64_t site_hash = table_site_hash(hash, site);

        *s = (struct sought){
                .image = image,
                .identity_len = len,
                .hash = (uint32_t)(site_hash >> 32),
                .site = site,
                .tag = table_tag(site_hash, site),
        };
}

void table_seek_record(const struct failure_table *t, const uint8_t *record, struct sought *s)
{
        struct slot_walk slot;

        slot_index_find(&t->logs.index, record_hash(record), record_handle(&t->logs.blocks, record),
                        &slot);
        *s = (struct sought){
                .image = record,
                .identity_len = record_identity_len(record),
                .hash = record_hash(record),
                .site = record_site(record),
                .tag = slot.sub[slot.at].tag[slot.slot],
        };
}

/* True: this is the one, and there is nothing better to come. */
static bool take(const struct failure_table *t, const struct slot_walk *w, struct found *ret)
{
        uint32_t handle = *slot_handle(w);
        enum log_standing standing =
                t->n_hidden == 0 ? LOG_SHOWN : table_standing(t, handle);

        if (standing == LOG_PARKED) {
                ret->has_parked = true;
        } else if (standing == LOG_SHOWN || ret->handle == 0) {
                ret->slot = *w;
                ret->handle = handle;
                ret->is_dropped = standing == LOG_DROPPED;
        }
        return standing == LOG_SHOWN;
}

bool table_find(const struct failure_table *t, const struct sought *s, struct found *ret)
{
        struct slot_walk w;

        ret->handle = 0;
        ret->is_dropped = ret->has_parked = false;
        slot_walk_begin(&w, &t->logs.index, s->hash, s->tag);
        while (slot_walk_next(&w))
                if (table_is_sought(record_at(&t->logs.blocks, *slot_handle(&w)), s) &&
                    take(t, &w, ret))
                        return true;
        return ret->handle != 0;
}

static void view(const struct failure_table *t, uint32_t handle, struct failure *ret)
{
        const struct block *b = block_meta(&t->logs.blocks, block_of(handle));
        const uint8_t *record = record_at(&t->logs.blocks, handle);

        table_view_facts(t, record, b->base + record_delta(record),
                         record_log_at(&t->logs, b->log), ret);
}

bool failure_table_get_hashed(const struct failure_table *t, const struct identity *id,
                              uint64_t hash, struct failure *ret)
{
        uint8_t image[RECORD_BYTES_MAX];
        uint32_t site = intern_find(&t->sites, id->site);
        struct sought s;
        struct found found;
        size_t len;

        if (site == INTERN_NONE ||
            !table_write_image(t, image, id->bucket, id->key, id->version_id, &len))
                return false;
        table_seek(&s, image, len, hash, site);
        if (!table_find(t, &s, &found) || found.is_dropped)
                return false;
        view(t, found.handle, ret);
        ret->id = *id;
        return true;
}

bool failure_table_get(const struct failure_table *t, const struct identity *id,
                       struct failure *ret)
{
        return failure_table_get_hashed(t, id, failure_table_hash(t, id), ret);
}

/* PREFETCHING: first the lines of the index, then those of the records that they name. */

static void fetch_record(const struct failure_table *t, uint64_t hash, uint32_t site)
{
        uint64_t site_hash = table_site_hash(hash, site);
        const struct slot_bucket *home = slot_home(&t->logs.index, (uint32_t)(site_hash >> 32));
        unsigned candidates = slot_match(home, table_tag(site_hash, site));
        const uint8_t *record;
        uint32_t handle;

        if (candidates == 0)
                return;
        handle = home->handle[__builtin_ctz(candidates)];
        record = record_at(&t->logs.blocks, handle);
        __builtin_prefetch(record, 1);
        __builtin_prefetch(record + 64);
        __builtin_prefetch(block_meta(&t->logs.blocks, block_of(handle)), 1);
}

static void prefetch_some(const struct failure_table *t, const struct identity *ids, size_t n,
                          uint64_t *ret_hashes)
{
        uint32_t sites[FAILURE_TABLE_BATCH];

        for (size_t i = 0; i < n; i++) {
                uint64_t site_hash;

                ret_hashes[i] = failure_table_hash(t, &ids[i]);
                sites[i] = intern_find(&t->sites, ids[i].site);
                site_hash = table_site_hash(ret_hashes[i], sites[i] != INTERN_NONE ? sites[i] : 0);
                __builtin_prefetch(slot_home(&t->logs.index, (uint32_t)(site_hash >> 32)), 1);
        }
        for (size_t i = 0; i < n; i++)
                if (sites[i] != INTERN_NONE)
                        fetch_record(t, ret_hashes[i], sites[i]);
}

void failure_table_prefetch(const struct failure_table *t, const struct identity *ids, size_t n,
                            uint64_t *ret_hashes)
{
        for (size_t i = 0; i < n; i += FAILURE_TABLE_BATCH)
                prefetch_some(t, ids + i, n - i < FAILURE_TABLE_BATCH ? n - i : FAILURE_TABLE_BATCH,
                              ret_hashes + i);
}

/* EVERY SITE OF A VERSION */

#define FEW_SITES 16

struct match {
        uint64_t marker;
        uint32_t handle;
};

struct matches {
        const struct failure_table *t;
        const uint8_t *image;
        size_t identity_len;
        struct match *items;
        size_t n;
};

static void add_match(struct matches *m, uint32_t handle, uint32_t hash)
{
        const uint8_t *record = record_at(&m->t->logs.blocks, handle);
        const struct record_log *l;

        if (record_hash(record) != hash || !record_has_identity(record, m->image, m->identity_len))
                return;
        l = record_log_at(&m->t->logs, record_log_of(&m->t->logs, handle));
        if (l->standing != LOG_SHOWN)
                return;
        m->items[m->n++] = (struct match){
                marker_of(l->partition, (int64_t)record_offset(&m->t->logs.blocks, handle)), handle
        };
}

/* The slots of a bucket that may be one of the sites [first, end). */
static unsigned match_sites(const struct slot_bucket *b, uint64_t site_hash, uint32_t first,
                            uint32_t end)
{
        unsigned candidates = 0;

        if (end - first > FEW_SITES)
                return ~slot_match(b, 0) & ((1u << SLOTS) - 1);
        for (uint32_t site = first; site < end; site++)
                candidates |= slot_match(b, table_tag(site_hash, site));
        return candidates;
}

/* Sites that share a hash. */
static void match_class(struct matches *m, uint64_t hash, uint32_t first)
{
        uint32_t n_sites = m->t->sites.strings.n;
        uint32_t end = n_sites - first < TABLE_SITE_CLASS ? n_sites : first + TABLE_SITE_CLASS;
        uint64_t site_hash = table_site_hash(hash, first);
        struct slot_walk w;

        slot_walk_begin(&w, &m->t->logs.index, (uint32_t)(site_hash >> 32), 0);
        for (; w.left > 0; w.left--, w.at = (w.at + 1) & (SLOT_BUCKETS - 1)) {
                const struct slot_bucket *b = &w.sub[w.at];
                unsigned candidates = match_sites(b, site_hash, first, end);

                for (; candidates != 0; candidates &= candidates - 1)
                        add_match(m, b->handle[__builtin_ctz(candidates)],
                                  (uint32_t)(site_hash >> 32));
                if (b->overflow == 0)
                        return;
        }
}

static int compare_matches(const void *a, const void *b)
{
        const struct match *x = a, *y = b;

        return x->marker < y->marker ? -1 : x->marker > y->marker;
}

static void give_matches(const struct matches *m, const struct identity *id, failure_row_fn row,
                         void *data)
{
        bool more = true;

        for (size_t i = 0; more && i < m->n; i++) {
                const uint8_t *record = record_at(&m->t->logs.blocks, m->items[i].handle);
                struct failure f;

                view(m->t, m->items[i].handle, &f);
                f.id = *id;
                f.id.site = intern_str(&m->t->sites, record_site(record));
                more = row(data, &f);
        }
}

void failure_table_find(const struct failure_table *t, struct str bucket, struct str key,
                        struct str version_id, failure_row_fn row, void *data)
{
        uint8_t image[RECORD_BYTES_MAX];
        struct matches m = { .t = t, .image = image };
        struct identity id = { .bucket = bucket, .key = key, .version_id = version_id };
        uint64_t hash;

        if (!table_write_image(t, image, bucket, key, version_id, &m.identity_len))
                return;
        hash = version_hash(t, bucket, key, version_id);
        m.items = table_begin_walk(t);
        for (uint32_t first = 0; first < t->sites.strings.n; first += TABLE_SITE_CLASS)
                match_class(&m, hash, first);
        if (m.n > 1)
                qsort(m.items, m.n, sizeof *m.items, compare_matches);
        give_matches(&m, &id, row, data);
        table_end_walk(t);
}
