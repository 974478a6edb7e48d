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
#define SUB_BYTES    (SLOT_BUCKETS * sizeof(struct slot_bucket))
#define LEAD         24 /* records whose hash is on its way from memory */

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
        if (!pool_init(&x->subs, SUB_BYTES, subs_max, TABLE_PAGE) ||
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

static void fill(struct slot_bucket *b, unsigned slot, unsigned tag, uint32_t handle)
{
        b->low[slot] = (uint8_t)tag;
        b->bit8 = (b->bit8 & ~(1u << slot)) | (tag >> 8 & 1) << slot;
        b->bit9 = (b->bit9 & ~(1u << slot)) | (tag >> 9 & 1) << slot;
        b->handle[slot] = handle;
}

static void place(struct slot_bucket *sub, uint32_t hash, unsigned tag, uint32_t handle)
{
        uint32_t i = hash & (SLOT_BUCKETS - 1);
        unsigned empty;

        while ((empty = slot_empty(&sub[i])) == 0) {
                if (sub[i].overflow != SLOT_STICKY)
                        sub[i].overflow++;
                i = (i + 1) & (SLOT_BUCKETS - 1);
        }
        fill(&sub[i], (unsigned)__builtin_ctz(empty), tag, handle);
}

/* DEALING: the entries of a sub-table into one or two others, by a bit of their hash. */

struct entries {
        uint32_t n;
        uint32_t handle[SLOT_BUCKETS * SLOTS];
        uint16_t tag[SLOT_BUCKETS * SLOTS];
};

static void take_entries(struct entries *e, const struct slot_bucket *sub)
{
        e->n = 0;
        for (uint32_t i = 0; i < SLOT_BUCKETS; i++) {
                unsigned used = ~slot_empty(&sub[i]) & SLOTS_MASK;

                for (; used != 0; used &= used - 1) {
                        unsigned slot = (unsigned)__builtin_ctz(used);

                        e->handle[e->n] = sub[i].handle[slot];
                        e->tag[e->n++] = (uint16_t)slot_tag(&sub[i], slot);
                }
        }
}

/* How many went to the second one. */
static uint32_t deal(const struct slot_index *x, const struct entries *e, unsigned shift,
                     struct slot_bucket *const to[2])
{
        uint32_t n_second = 0;

        for (uint32_t i = 0; i < e->n && i < LEAD; i++)
                FETCH_ONCE(record_of(x, e->handle[i]));
        for (uint32_t i = 0; i < e->n; i++) {
                uint32_t hash = record_hash(record_of(x, e->handle[i]));
                unsigned side = hash >> shift & 1;

                if (i + LEAD < e->n)
                        FETCH_ONCE(record_of(x, e->handle[i + LEAD]));
                place(to[side], hash, e->tag[i], e->handle[i]);
                n_second += side;
        }
        return n_second;
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
        uint32_t other = pool_take(&x->subs), n_other;
        struct slot_sub *meta = slot_meta(x, sub), *other_meta = slot_meta(x, other);
        struct slot_bucket *to[2] = { sub_at(x, sub), sub_at(x, other) };
        unsigned shift = 31 - meta->depth;
        struct entries all;

        if (meta->depth == x->depth)
                double_directory(x);
        take_entries(&all, to[0]);
        memset(to[0], 0, SUB_BYTES);
        memset(to[1], 0, SUB_BYTES);
        n_other = deal(x, &all, shift, to);
        *other_meta = (struct slot_sub){ n_other, meta->prefix | 1u << shift, meta->depth + 1 };
        *meta = (struct slot_sub){ all.n - n_other, meta->prefix, meta->depth + 1 };
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
        struct slot_bucket *to[2];
        struct entries moved;

        if (meta->depth == 0)
                return;
        other = slot_sub_of(x, meta->prefix ^ 1u << (32 - meta->depth));
        if (slot_meta(x, other)->depth != meta->depth ||
            meta->n + slot_meta(x, other)->n > MERGED_LIMIT)
                return;
        to[0] = to[1] = sub_at(x, sub);
        take_entries(&moved, sub_at(x, other));
        deal(x, &moved, 0, to);
        meta->n += moved.n;
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

void slot_index_put(struct slot_index *x, uint32_t hash, unsigned tag, uint32_t handle)
{
        uint32_t sub = slot_sub_of(x, hash);

        place(sub_at(x, sub), hash, tag, handle);
        slot_meta(x, sub)->n++;
        x->n++;
}

void slot_index_remove(struct slot_index *x, uint32_t hash, const struct slot_walk *slot)
{
        struct slot_sub *meta = slot_meta(x, slot_sub_of(x, hash));

        slot->sub[slot->at].low[slot->slot] = 0;
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

                memcpy(sub_at(x, hole), sub_at(x, top), SUB_BYTES);
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

                if (b->low[slot] == 0)
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
