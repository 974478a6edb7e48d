/* SPDX-License-Identifier: Apache-2.0 */
#include "intern.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "crr/base/bytes.h"
#include "plain.h"

#define FIRST_CHAINS    64
#define MALLOC_OVERHEAD 16

bool intern_init(struct intern *t, const struct siphash_key *key, uint32_t capacity)
{
        *t = (struct intern){ .key = *key, .n_chains = FIRST_CHAINS, .level = FIRST_CHAINS };
        t->recent = calloc(INTERN_RECENT, sizeof *t->recent);
        if (t->recent == NULL)
                abort();
        return pool_init(&t->strings, sizeof(struct interned *), capacity, REGION_SMALL) &&
               region_init(&t->chains, ((size_t)capacity + FIRST_CHAINS) * sizeof(uint32_t),
                           REGION_SMALL);
}

void intern_deinit(struct intern *t)
{
        for (uint32_t i = 0; i < t->strings.n; i++)
                if (!pool_is_free(&t->strings, i))
                        free(*(struct interned **)pool_at(&t->strings, i));
        pool_deinit(&t->strings);
        region_deinit(&t->chains);
        free(t->recent);
}

/* FINDING */

static uint32_t *recent_of(const struct intern *t, struct str s)
{
        const uint8_t *p = (const uint8_t *)s.base;
        uint64_t looks = s.len;

        if (s.len >= 8)
                looks ^= bytes_get64(p) ^ bytes_get64(p + s.len - 8) * 3;
        else
                looks ^= bytes_get_tail(p, (unsigned)s.len) << 8;
        return &t->recent[looks * UINT64_C(0x9e3779b97f4a7c15) >> 56];
}

static uint32_t *chain_of(const struct intern *t, uint64_t hash)
{
        uint32_t chain = (uint32_t)hash & (2 * t->level - 1);

        if (chain >= t->n_chains)
                chain -= t->level;
        return (uint32_t *)(void *)t->chains.base + chain;
}

static bool is_string(const struct interned *i, struct str s)
{
        return i->len == s.len && memcmp(i->bytes, s.base, s.len) == 0;
}

static uint32_t find_hashed(const struct intern *t, struct str s, uint64_t hash)
{
        for (uint32_t at = *chain_of(t, hash); at != 0; at = intern_at(t, at - 1)->next) {
                const struct interned *i = intern_at(t, at - 1);

                if (i->hash == hash && is_string(i, s))
                        return at - 1;
        }
        return INTERN_NONE;
}

uint64_t intern_hash(const struct intern *t, struct str s, uint32_t *ret_number)
{
        uint32_t *recent = recent_of(t, s);
        uint64_t hash;

        if (*recent != 0 && is_string(intern_at(t, *recent - 1), s)) {
                *ret_number = *recent - 1;
                return intern_at(t, *ret_number)->hash;
        }
        hash = siphash13(&t->key, s.base, s.len);
        *ret_number = find_hashed(t, s, hash);
        if (*ret_number != INTERN_NONE)
                *recent = *ret_number + 1;
        return hash;
}

uint32_t intern_find(const struct intern *t, struct str s)
{
        uint32_t number;

        intern_hash(t, s, &number);
        return number;
}

/* CHANGING */

/* The next chain is split in two: its strings whose hash has the next bit go to a new one. */
static void split_chain(struct intern *t)
{
        uint32_t *heads = (uint32_t *)(void *)t->chains.base;
        uint32_t at = heads[t->n_chains - t->level];

        heads[t->n_chains - t->level] = heads[t->n_chains] = 0;
        t->n_chains++;
        while (at != 0) {
                struct interned *i = *(struct interned **)pool_at(&t->strings, at - 1);
                uint32_t next = i->next, *chain = chain_of(t, i->hash);

                i->next = *chain;
                *chain = at;
                at = next;
        }
        if (t->n_chains == 2 * t->level)
                t->level = t->n_chains;
}

static size_t bytes_of(size_t len)
{
        return sizeof(struct interned) + len + MALLOC_OVERHEAD;
}

static uint32_t add(struct intern *t, struct str s, uint64_t hash)
{
        uint32_t number = pool_take(&t->strings);
        struct interned *i = malloc(sizeof *i + s.len);
        uint32_t *chain;

        if (i == NULL)
                abort();
        *i = (struct interned){ .hash = hash, .len = (uint32_t)s.len, .json_plain = is_plain(s) };
        memcpy(i->bytes, s.base, s.len);
        *(struct interned **)pool_at(&t->strings, number) = i;
        t->bytes += bytes_of(s.len);
        if (pool_used(&t->strings) > t->n_chains)
                split_chain(t);
        chain = chain_of(t, hash);
        i->next = *chain;
        *chain = number + 1;
        *recent_of(t, s) = number + 1;
        return number;
}

uint32_t intern_acquire(struct intern *t, struct str s)
{
        uint32_t number;
        uint64_t hash = intern_hash(t, s, &number);

        if (number == INTERN_NONE)
                number = add(t, s, hash);
        intern_hold(t, number);
        return number;
}

void intern_hold(struct intern *t, uint32_t number)
{
        (*(struct interned **)pool_at(&t->strings, number))->refs++;
}

static void drop_string(struct intern *t, uint32_t number, struct interned *i)
{
        uint32_t *recent = recent_of(t, (struct str){ i->bytes, i->len });
        uint32_t *at = chain_of(t, i->hash);

        if (*recent == number + 1)
                *recent = 0;
        while (*at != number + 1)
                at = &(*(struct interned **)pool_at(&t->strings, *at - 1))->next;
        *at = i->next;
        t->bytes -= bytes_of(i->len);
        pool_free(&t->strings, number);
        free(i);
}

void intern_release(struct intern *t, uint32_t number)
{
        struct interned *i;

        if (number == INTERN_NONE)
                return;
        i = *(struct interned **)pool_at(&t->strings, number);
        if (--i->refs == 0)
                drop_string(t, number, i);
}

uint32_t intern_left(const struct intern *t)
{
        return pool_left(&t->strings);
}

static size_t chain_bytes(const struct intern *t)
{
        return (t->n_chains * sizeof(uint32_t) + REGION_SMALL - 1) & ~(REGION_SMALL - 1);
}

size_t intern_memory(const struct intern *t)
{
        return t->bytes + pool_memory(&t->strings) + chain_bytes(t) +
               INTERN_RECENT * sizeof(uint32_t);
}

size_t intern_growth(const struct intern *t, struct str s)
{
        return bytes_of(s.len) + pool_growth(&t->strings, 1) + REGION_SMALL;
}

void intern_check(const struct intern *t)
{
        size_t n = 0, bytes = 0;

        assert(t->level <= t->n_chains && t->n_chains < 2 * t->level);
        for (uint32_t chain = 0; chain < t->n_chains; chain++) {
                uint32_t at = ((uint32_t *)(void *)t->chains.base)[chain];

                for (; at != 0; at = intern_at(t, at - 1)->next, n++) {
                        const struct interned *i = intern_at(t, at - 1);

                        assert(!pool_is_free(&t->strings, at - 1) && i->refs > 0);
                        assert((uint32_t)(chain_of(t, i->hash) -
                                          (uint32_t *)(void *)t->chains.base) == chain);
                        bytes += bytes_of(i->len);
                }
        }
        assert(n == pool_used(&t->strings) && bytes == t->bytes);
}
