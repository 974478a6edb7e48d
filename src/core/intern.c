/* SPDX-License-Identifier: Apache-2.0 */
#include "intern.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "crr/base/bytes.h"
#include "plain.h"

#define FIRST_CHAINS    64
#define MALLOC_OVERHEAD 16

bool intern_init(struct intern *t, const struct siphash_key *key, uint32_t capacity,
                 uint32_t recent)
{
        size_t chains = (size_t)capacity + FIRST_CHAINS;

        *t = (struct intern){ .key = *key, .n_chains = FIRST_CHAINS, .level = FIRST_CHAINS };
        t->recent = calloc(recent, sizeof(struct interned *));
        if (t->recent == NULL)
                abort();
        t->recent_shift = 65 - (unsigned)__builtin_ctz(recent);
        return pool_init(&t->strings, sizeof(struct interned *), capacity, REGION_SMALL) &&
               region_init(&t->chains, chains * sizeof(struct interned *), REGION_SMALL);
}

static struct interned *string_at(const struct intern *t, uint32_t number)
{
        return *(struct interned **)pool_at(&t->strings, number);
}

void intern_deinit(struct intern *t)
{
        for (uint32_t i = 0; i < t->strings.n; i++)
                if (!pool_is_free(&t->strings, i))
                        free(string_at(t, i));
        pool_deinit(&t->strings);
        region_deinit(&t->chains);
        free(t->recent);
}

/* FINDING */

/* Where it was put, or may be put: one of a pair. */
static struct interned **recent_of(const struct intern *t, struct str s)
{
        const uint8_t *p = (const uint8_t *)s.base;
        uint64_t looks = s.len;

        if (s.len >= 8)
                looks ^= bytes_get64(p) ^ bytes_get64(p + s.len - 8) * 3;
        else
                looks ^= bytes_get_tail(p, (unsigned)s.len) << 8;
        return &t->recent[looks * UINT64_C(0x9e3779b97f4a7c15) >> t->recent_shift << 1];
}

static struct interned **chain_of(const struct intern *t, uint64_t hash)
{
        uint32_t chain = (uint32_t)hash & (2 * t->level - 1);

        if (chain >= t->n_chains)
                chain -= t->level;
        return (struct interned **)(void *)t->chains.base + chain;
}

static bool is_string(const struct interned *i, struct str s)
{
        return i->len == s.len &&
               bytes_equal((const uint8_t *)i->bytes, (const uint8_t *)s.base, s.len);
}

static struct interned *find_hashed(const struct intern *t, struct str s, uint64_t hash)
{
        for (struct interned *i = *chain_of(t, hash); i != NULL; i = i->next)
                if (i->hash == hash && is_string(i, s))
                        return i;
        return NULL;
}

static struct interned *find_recent(const struct intern *t, struct str s)
{
        struct interned **recent = recent_of(t, s);

        if (recent[0] != NULL && is_string(recent[0], s))
                return recent[0];
        if (recent[1] != NULL && is_string(recent[1], s))
                return recent[1];
        return NULL;
}

static void keep_recent(const struct intern *t, struct interned *i)
{
        struct interned **recent = recent_of(t, (struct str){ i->bytes, i->len });

        recent[1] = recent[0];
        recent[0] = i;
}

static struct interned *find_again(const struct intern *t, struct str s, uint64_t hash)
{
        struct interned *i = find_hashed(t, s, hash);

        if (i != NULL)
                keep_recent(t, i);
        return i;
}

static struct interned *find(const struct intern *t, struct str s)
{
        struct interned *i = find_recent(t, s);

        return i != NULL ? i : find_again(t, s, siphash13(&t->key, s.base, s.len));
}

uint64_t intern_hash(const struct intern *t, struct str s, uint32_t *ret_number)
{
        const struct interned *i = find_recent(t, s);
        uint64_t hash;

        if (i != NULL) {
                *ret_number = i->number;
                return i->hash;
        }
        hash = siphash13(&t->key, s.base, s.len);
        i = find_again(t, s, hash);
        *ret_number = i != NULL ? i->number : INTERN_NONE;
        return hash;
}

uint32_t intern_find(const struct intern *t, struct str s)
{
        const struct interned *i = find(t, s);

        return i != NULL ? i->number : INTERN_NONE;
}

void intern_fetch_place(const struct intern *t, struct str s)
{
        __builtin_prefetch(recent_of(t, s));
}

void intern_fetch_string(const struct intern *t, struct str s)
{
        const struct interned *i = *recent_of(t, s);

        if (i == NULL)
                return;
        __builtin_prefetch(i);
        __builtin_prefetch(i->bytes + 24);
}

/* CHANGING */

static void link_string(struct intern *t, struct interned *i)
{
        struct interned **chain = chain_of(t, i->hash);

        i->next = *chain;
        *chain = i;
}

/* The next chain is split in two: its strings whose hash has the next bit go to a new one. */
static void split_chain(struct intern *t)
{
        struct interned **chains = (struct interned **)(void *)t->chains.base, *i, *next;
        uint32_t split = t->n_chains - t->level;

        i = chains[split];
        chains[split] = chains[t->n_chains++] = NULL;
        for (; i != NULL; i = next) {
                next = i->next;
                link_string(t, i);
        }
        if (t->n_chains == 2 * t->level)
                t->level = t->n_chains;
}

static size_t bytes_of(size_t len)
{
        return sizeof(struct interned) + len + MALLOC_OVERHEAD;
}

static struct interned *add(struct intern *t, struct str s)
{
        struct interned *i = malloc(sizeof *i + s.len);

        if (i == NULL || s.len > UINT16_MAX)
                abort();
        *i = (struct interned){
                .hash = siphash13(&t->key, s.base, s.len),
                .number = pool_take(&t->strings),
                .len = (uint16_t)s.len,
        };
        i->json_plain = copy_plain((uint8_t *)i->bytes, s);
        *(struct interned **)pool_at(&t->strings, i->number) = i;
        t->bytes += bytes_of(s.len);
        link_string(t, i);
        if (pool_used(&t->strings) > t->n_chains)
                split_chain(t);
        return i;
}

uint32_t intern_acquire(struct intern *t, struct str s)
{
        struct interned *i = find(t, s);

        if (i == NULL)
                i = add(t, s);
        i->refs++;
        return i->number;
}

void intern_hold(struct intern *t, uint32_t number)
{
        string_at(t, number)->refs++;
}

static void drop_string(struct intern *t, struct interned *i)
{
        struct interned **recent = recent_of(t, (struct str){ i->bytes, i->len });
        struct interned **at = chain_of(t, i->hash);

        if (recent[0] == i)
                recent[0] = NULL;
        if (recent[1] == i)
                recent[1] = NULL;
        while (*at != i)
                at = &(*at)->next;
        *at = i->next;
        t->bytes -= bytes_of(i->len);
        t->age++;
        pool_free(&t->strings, i->number);
        free(i);
}

void intern_release(struct intern *t, uint32_t number)
{
        struct interned *i;

        if (number == INTERN_NONE)
                return;
        i = string_at(t, number);
        if (--i->refs == 0)
                drop_string(t, i);
}

uint32_t intern_left(const struct intern *t)
{
        return pool_left(&t->strings);
}

static size_t chain_bytes(const struct intern *t)
{
        size_t bytes = t->n_chains * sizeof(struct interned *);

        return (bytes + REGION_SMALL - 1) & ~(REGION_SMALL - 1);
}

size_t intern_memory(const struct intern *t)
{
        return t->bytes + pool_memory(&t->strings) + chain_bytes(t) +
               (sizeof(struct interned *) << (65 - t->recent_shift));
}

size_t intern_growth(const struct intern *t, struct str s)
{
        return bytes_of(s.len) + pool_growth(&t->strings, 1) + REGION_SMALL;
}

static size_t check_chain(const struct intern *t, struct interned *const *chain, size_t *bytes)
{
        size_t n = 0;

        for (const struct interned *i = *chain; i != NULL; i = i->next, n++) {
                assert(intern_at(t, i->number) == i && i->refs > 0);
                assert(!pool_is_free(&t->strings, i->number));
                assert(chain_of(t, i->hash) == chain);
                *bytes += bytes_of(i->len);
        }
        return n;
}

void intern_check(const struct intern *t)
{
        struct interned **chains = (struct interned **)(void *)t->chains.base;
        size_t n = 0, bytes = 0;

        assert(t->level <= t->n_chains && t->n_chains < 2 * t->level);
        for (uint32_t chain = 0; chain < t->n_chains; chain++)
                n += check_chain(t, &chains[chain], &bytes);
        assert(n == pool_used(&t->strings) && bytes == t->bytes);
}
