/* SPDX-License-Identifier: Apache-2.0 */
#include "slot_index.h"

#include <assert.h>
#include <string.h>

#include "record.h"

#define DEPTH_MAX    24
#define DEPTH_SPARE  8 /* a directory may be so many bits deeper than its sub-tables need */
#define MERGE_BELOW  (SLOT_HIGHEST / 4)
#define MERGE_EVERY  (SLOT_HIGHEST / 10) /* removals from a sub-table between two tries */
#define MERGED_LIMIT (SLOT_HIGHEST * 6 / 10)
#define QUEUE        48 /* records whose hash is on its way from memory */

static size_t directory_bytes(unsigned depth)
{
        size_t bytes = sizeof(uint32_t) << depth;

        return bytes < REGION_SMALL ? REGION_SMALL : bytes;
}

static unsigned log2_of(uint32_t n)
{
        return 31 - (unsigned)__builtin_clz(n);
}

bool slot_index_init(struct slot_index *x, uint32_t subs_max)
{
        unsigned depth_max = log2_of(subs_max) + DEPTH_SPARE;

        *x = (struct slot_index){ 0 };
        if (depth_max > DEPTH_MAX)
                depth_max = DEPTH_MAX;
        if (!pool_init(&x->subs, SLOT_BUCKETS * sizeof(struct slot_bucket), subs_max, TABLE_PAGE) ||
            !region_init(&x->metas, subs_max * sizeof(struct slot_sub), REGION_SMALL) ||
            !region_init(&x->directory, directory_bytes(depth_max), REGION_SMALL))
                return false;
        pool_take(&x->subs);
        return true;
}

void slot_index_deinit(struct slot_index *x)
{
        pool_deinit(&x->subs);
        region_deinit(&x->metas);
        region_deinit(&x->directory);
}

static struct slot_bucket *sub_at(const struct slot_index *x, uint32_t sub)
{
        return pool_at(&x->subs, sub);
}

static const uint8_t *record_of(const struct slot_index *x, uint32_t handle)
{
        return (const uint8_t *)x->records + (size_t)handle * RECORD_UNIT;
}

static void place(struct slot_bucket *sub, uint32_t hash, uint8_t tag, uint32_t handle)
{
        uint32_t i = hash & (SLOT_BUCKETS - 1);
        unsigned empty;

        while ((empty = slot_match(&sub[i], 0)) == 0) {
                if (sub[i].overflow != SLOT_STICKY)
                        sub[i].overflow++;
                i = (i + 1) & (SLOT_BUCKETS - 1);
        }
        sub[i].tag[__builtin_ctz(empty)] = tag;
        sub[i].handle[__builtin_ctz(empty)] = handle;
}

/* DEALING: the entries of a sub-table into one or two others, by a bit of their hash. */

struct dealing {
        const struct slot_index *x;
        struct slot_bucket *to[2];
        unsigned shift; /* of the bit that chooses */
        uint32_t n[2];
        unsigned queued;
        uint32_t handle[QUEUE + SLOTS];
        uint8_t tag[QUEUE + SLOTS];
};

static void deal_queued(struct dealing *d)
{
        for (unsigned i = 0; i < d->queued; i++) {
                uint32_t hash = record_hash(record_of(d->x, d->handle[i]));
                unsigned side = hash >> d->shift & 1;

                place(d->to[side], hash, d->tag[i], d->handle[i]);
                d->n[side]++;
        }
        d->queued = 0;
}

static void deal(struct dealing *d, const struct slot_bucket *from)
{
        for (uint32_t i = 0; i < SLOT_BUCKETS; i++) {
                for (unsigned slot = 0; slot < SLOTS; slot++) {
                        if (from[i].tag[slot] == 0)
                                continue;
                        d->handle[d->queued] = from[i].handle[slot];
                        d->tag[d->queued] = from[i].tag[slot];
                        __builtin_prefetch(record_of(d->x, d->handle[d->queued++]));
                }
                if (d->queued >= QUEUE)
                        deal_queued(d);
        }
        deal_queued(d);
}

/* SPLITTING */

static void point_directory(struct slot_index *x, uint32_t sub)
{
        const struct slot_sub *meta = slot_meta(x, sub);
        size_t first = (uint64_t)meta->prefix >> (32 - x->depth);
        size_t n = (size_t)1 << (x->depth - meta->depth);

        for (size_t i = first; i < first + n; i++)
                slot_directory(x)[i] = sub;
}

static void double_directory(struct slot_index *x)
{
        uint32_t *directory = slot_directory(x);

        for (size_t i = (size_t)1 << x->depth; i-- > 0;)
                directory[2 * i] = directory[2 * i + 1] = directory[i];
        x->depth++;
}

static void split(struct slot_index *x, uint32_t sub)
{
        uint32_t other = pool_take(&x->subs);
        struct slot_sub *meta = slot_meta(x, sub), *other_meta = slot_meta(x, other);
        struct slot_bucket before[SLOT_BUCKETS];
        struct dealing d = { .x = x,
                             .to = { sub_at(x, sub), sub_at(x, other) },
                             .shift = 31 - meta->depth };

        if (meta->depth == x->depth)
                double_directory(x);
        memcpy(before, d.to[0], sizeof before);
        memset(d.to[0], 0, sizeof before);
        memset(d.to[1], 0, sizeof before);
        deal(&d, before);
        *other_meta = (struct slot_sub){ d.n[1], meta->prefix | 1u << d.shift, meta->depth + 1 };
        *meta = (struct slot_sub){ d.n[0], meta->prefix, meta->depth + 1 };
        point_directory(x, other);
}

static size_t metas_bytes(uint32_t n)
{
        return (n * sizeof(struct slot_sub) + REGION_SMALL - 1) & ~(REGION_SMALL - 1);
}

static size_t split_growth(const struct slot_index *x, uint32_t sub)
{
        size_t growth = pool_growth(&x->subs, 1);

        growth += metas_bytes(x->subs.n + 1) - metas_bytes(x->subs.n);
        if (slot_meta(x, sub)->depth == x->depth)
                growth += directory_bytes(x->depth + 1) - directory_bytes(x->depth);
        return growth;
}

static bool split_helps(const struct slot_index *x, uint32_t sub)
{
        unsigned depth = slot_meta(x, sub)->depth;

        return depth < DEPTH_MAX && depth < log2_of(pool_used(&x->subs)) + DEPTH_SPARE;
}

bool slot_index_make_room(struct slot_index *x, uint32_t hash, size_t *room)
{
        uint32_t sub = slot_sub_of(x, hash);

        while (slot_meta(x, sub)->n >= SLOT_HIGHEST) {
                size_t growth;

                if (!split_helps(x, sub)) {
                        x->refused++;
                        return slot_meta(x, sub)->n < SLOT_ALL;
                }
                growth = split_growth(x, sub);
                if (growth > *room || pool_left(&x->subs) == 0)
                        return false;
                *room -= growth;
                split(x, sub);
                sub = slot_sub_of(x, hash);
        }
        return true;
}

/* MERGING */

static void merge_if_sparse(struct slot_index *x, uint32_t hash)
{
        uint32_t sub = slot_sub_of(x, hash), other;
        struct slot_sub *meta = slot_meta(x, sub);
        struct dealing d = { .x = x };

        if (meta->depth == 0)
                return;
        other = slot_sub_of(x, meta->prefix ^ 1u << (32 - meta->depth));
        if (slot_meta(x, other)->depth != meta->depth ||
            meta->n + slot_meta(x, other)->n > MERGED_LIMIT)
                return;
        d.to[0] = d.to[1] = sub_at(x, sub);
        deal(&d, sub_at(x, other));
        meta->n += d.n[0] + d.n[1];
        meta->prefix &= ~(1u << (32 - meta->depth));
        meta->depth--;
        pool_free(&x->subs, other);
        point_directory(x, sub);
}

/* ENTRIES */

/* Bits of the slots with this handle; an empty one has none. */
static unsigned match_handle(const struct slot_bucket *b, uint32_t handle)
{
        unsigned bits = 0;

        for (unsigned slot = 0; slot < SLOTS; slot++)
                bits |= (unsigned)(b->handle[slot] == handle) << slot;
        return bits;
}

void slot_index_find(const struct slot_index *x, uint32_t hash, uint32_t handle,
                     struct slot_walk *ret)
{
        unsigned at;

        ret->sub = sub_at(x, slot_sub_of(x, hash));
        ret->at = hash & (SLOT_BUCKETS - 1);
        while ((at = match_handle(&ret->sub[ret->at], handle)) == 0) {
                assert(ret->sub[ret->at].overflow != 0);
                ret->at = (ret->at + 1) & (SLOT_BUCKETS - 1);
        }
        ret->slot = (unsigned)__builtin_ctz(at);
}

void slot_index_put(struct slot_index *x, uint32_t hash, uint8_t tag, uint32_t handle)
{
        uint32_t sub = slot_sub_of(x, hash);

        place(sub_at(x, sub), hash, tag, handle);
        slot_meta(x, sub)->n++;
        x->n++;
}

void slot_index_remove(struct slot_index *x, uint32_t hash, const struct slot_walk *slot)
{
        struct slot_sub *meta = slot_meta(x, slot_sub_of(x, hash));

        slot->sub[slot->at].tag[slot->slot] = 0;
        slot->sub[slot->at].handle[slot->slot] = 0;
        for (uint32_t i = hash & (SLOT_BUCKETS - 1); i != slot->at;
             i = (i + 1) & (SLOT_BUCKETS - 1))
                if (slot->sub[i].overflow != SLOT_STICKY)
                        slot->sub[i].overflow--;
        x->n--;
        meta->n--;
        if (meta->n <= MERGE_BELOW && meta->n % MERGE_EVERY == 0)
                merge_if_sparse(x, hash);
}

/* GIVING BACK */

bool slot_index_trim(struct slot_index *x)
{
        uint32_t top = x->subs.n - 1;

        if (!pool_is_loose(&x->subs))
                return false;
        if (!pool_is_free(&x->subs, top)) {
                uint32_t hole = pool_take(&x->subs);

                memcpy(sub_at(x, hole), sub_at(x, top), SLOT_BUCKETS * sizeof(struct slot_bucket));
                *slot_meta(x, hole) = *slot_meta(x, top);
                point_directory(x, hole);
                pool_free(&x->subs, top);
        }
        pool_lower(&x->subs);
        return true;
}

size_t slot_index_memory(const struct slot_index *x)
{
        return pool_memory(&x->subs) + metas_bytes(x->subs.n) + directory_bytes(x->depth);
}

/* CHECKING */

static uint32_t check_bucket(const struct slot_index *x, uint32_t sub, uint32_t i,
                             unsigned passed[SLOT_BUCKETS])
{
        const struct slot_sub *meta = slot_meta(x, sub);
        const struct slot_bucket *b = sub_at(x, sub) + i;
        uint32_t n = 0;

        for (unsigned slot = 0; slot < SLOTS; slot++) {
                uint32_t hash, at;

                if (b->tag[slot] == 0)
                        continue;
                hash = record_hash(record_of(x, b->handle[slot]));
                assert(slot_sub_of(x, hash) == sub);
                assert(meta->depth == 0 || (hash ^ meta->prefix) >> (32 - meta->depth) == 0);
                at = hash & (SLOT_BUCKETS - 1);
                for (; at != i; at = (at + 1) & (SLOT_BUCKETS - 1))
                        passed[at]++;
                n++;
        }
        return n;
}

static void check_sub(const struct slot_index *x, uint32_t sub)
{
        const struct slot_sub *meta = slot_meta(x, sub);
        const struct slot_bucket *buckets = sub_at(x, sub);
        unsigned passed[SLOT_BUCKETS] = { 0 };
        uint32_t n = 0;

        for (uint32_t i = 0; i < SLOT_BUCKETS; i++)
                n += check_bucket(x, sub, i, passed);
        assert(n == meta->n);
        for (uint32_t i = 0; i < SLOT_BUCKETS; i++)
                assert(buckets[i].overflow == passed[i] ||
                       (buckets[i].overflow == SLOT_STICKY && passed[i] <= n));
}

void slot_index_check(const struct slot_index *x)
{
        size_t span = 0;
        uint64_t n = 0;

        for (uint32_t sub = 0; sub < x->subs.n; sub++) {
                const struct slot_sub *meta = slot_meta(x, sub);
                size_t first = (uint64_t)meta->prefix >> (32 - x->depth);

                if (pool_is_free(&x->subs, sub))
                        continue;
                check_sub(x, sub);
                assert(meta->depth <= x->depth);
                for (size_t i = 0; i < (size_t)1 << (x->depth - meta->depth); i++, span++)
                        assert(slot_directory(x)[first + i] == sub);
                n += meta->n;
        }
        assert(span == (size_t)1 << x->depth && n == x->n);
}
