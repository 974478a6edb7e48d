/* SPDX-License-Identifier: Apache-2.0 */
/* Identities, and the records that have them. */
#include <stdlib.h>

#include "table_private.h"

/* SEEKING */

void table_seek(struct sought *s, const struct failure_key *key, uint32_t site)
{
        uint64_t site_hash = table_site_hash(key->hash, site);

        *s = (struct sought){
                .image = key->image,
                .image_len = key->image_len,
                .hash = (uint32_t)(site_hash >> 32),
                .site = site,
                .tag = table_tag(site_hash, site),
        };
}

/* True: this is the one, and there is nothing better to come. */
static bool take(const struct failure_table *t, const struct slot_walk *w, struct found *ret)
{
        uint32_t handle = *slot_handle(w);
        enum log_standing standing = t->n_hidden == 0 ? LOG_SHOWN : table_standing(t, handle);

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

bool table_find_key(const struct failure_table *t, struct failure_key *key, struct sought *s,
                    struct found *ret)
{
        table_renew_key(t, key);
        if (key->bucket == INTERN_NONE || key->site == INTERN_NONE)
                return false;
        table_seek(s, key, key->site);
        return table_find(t, s, ret) && !ret->is_dropped;
}

static void view(const struct failure_table *t, uint32_t handle, struct failure *ret)
{
        const struct block *b = block_meta(&t->logs.blocks, block_of(handle));
        const uint8_t *record = record_at(&t->logs.blocks, handle);

        table_view_facts(t, record, b->base + record_delta(record), record_log_at(&t->logs, b->log),
                         ret);
}

bool failure_table_get_keyed(const struct failure_table *t, struct failure_key *key,
                             struct failure *ret)
{
        struct sought s;
        struct found found;

        if (!table_find_key(t, key, &s, &found))
                return false;
        view(t, found.handle, ret);
        ret->id = key->id;
        return true;
}

bool failure_table_get(const struct failure_table *t, const struct identity *id,
                       struct failure *ret)
{
        struct failure_key key;

        failure_table_key(t, id, &key);
        return failure_table_get_keyed(t, &key, ret);
}

/* EVERY SITE OF A VERSION */

struct match {
        uint64_t marker;
        uint32_t handle;
};

struct matches {
        const struct failure_table *t;
        const struct failure_key *key;
        struct match *items;
        size_t n;
};

static void add_match(struct matches *m, uint32_t handle, uint32_t hash)
{
        const uint8_t *record = record_at(&m->t->logs.blocks, handle);
        const struct record_log *l;

        if (record_hash(record) != hash ||
            !record_has_identity(record, m->key->image, m->key->image_len))
                return;
        l = record_log_at(&m->t->logs, record_log_of(&m->t->logs, handle));
        if (l->standing != LOG_SHOWN)
                return;
        m->items[m->n++] = (struct match){
                marker_of(l->partition, (int64_t)record_offset(&m->t->logs.blocks, handle)), handle
        };
}

/* The slots of a bucket that may be one of the first n sites that share this hash. */
static unsigned match_sites(const struct slot_bucket *b, uint64_t site_hash, unsigned n)
{
        unsigned low = slot_match_low(b, (uint8_t)site_hash, n);

        if ((uint8_t)-site_hash < n) /* of one of them it would be 0, and is 1 */
                low |= slot_match_low(b, 1, 1);
        return low & slot_match_high(b, (unsigned)site_hash) & ~slot_empty(b);
}

/* One in twenty is of another identity: the right one need not wait for it. */
static ALWAYS_INLINE void fetch_records(const struct failure_table *t, const struct slot_bucket *b,
                                        unsigned candidates)
{
        for (; candidates != 0; candidates &= candidates - 1)
                table_fetch_record(t, b->handle[__builtin_ctz(candidates)]);
}

/* The first n sites that share a hash. */
static void match_class(struct matches *m, uint64_t site_hash, unsigned n)
{
        const struct slot_index *x = &m->t->logs.index;
        uint32_t hash = (uint32_t)(site_hash >> 32);
        struct slot_bucket *b = slot_home(x, hash);

        FETCH_ONCE(b);
        FETCH_ONCE(slot_next(x, b));
        for (unsigned left = SLOT_BUCKETS; left > 0; left--, b = slot_next(x, b)) {
                unsigned candidates = match_sites(b, site_hash, n);

                fetch_records(m->t, b, candidates);
                for (; candidates != 0; candidates &= candidates - 1)
                        add_match(m, b->handle[__builtin_ctz(candidates)], hash);
                if (b->overflow == 0)
                        return;
        }
}

static void match_all(struct matches *m)
{
        uint32_t n_sites = m->t->sites.strings.n;

        for (uint32_t first = 0; first < n_sites; first += TABLE_SITE_CLASS) {
                uint32_t n =
                        n_sites - first < TABLE_SITE_CLASS ? n_sites - first : TABLE_SITE_CLASS;

                match_class(m, table_site_hash(m->key->hash, first), n);
        }
}

static int compare_matches(const void *a, const void *b)
{
        const struct match *x = a, *y = b;

        return x->marker < y->marker ? -1 : x->marker > y->marker;
}

static void give_matches(const struct matches *m, failure_row_fn row, void *data)
{
        bool more = true;

        for (size_t i = 0; more && i < m->n; i++) {
                const uint8_t *record = record_at(&m->t->logs.blocks, m->items[i].handle);
                struct failure f;

                view(m->t, m->items[i].handle, &f);
                f.id = m->key->id;
                f.id.site = intern_str(&m->t->sites, record_site(record));
                more = row(data, &f);
        }
}

void failure_table_find(const struct failure_table *t, struct str bucket, struct str key,
                        struct str version_id, failure_row_fn row, void *data)
{
        struct identity id = { bucket, key, version_id, STR_ABSENT };
        struct failure_key made;
        struct matches m = { .t = t, .key = &made };

        failure_table_key(t, &id, &made);
        if (made.bucket == INTERN_NONE)
                return;
        m.items = table_begin_walk(t);
        match_all(&m);
        if (m.n > 1)
                qsort(m.items, m.n, sizeof *m.items, compare_matches);
        give_matches(&m, row, data);
        table_end_walk(t);
}
