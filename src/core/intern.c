/* SPDX-License-Identifier: Apache-2.0 */
#include "intern.h"

#include <stdlib.h>
#include <string.h>

#define MALLOC_OVERHEAD 16

void intern_init(struct intern *t, const struct siphash_key *key)
{
        *t = (struct intern){ .key = *key, .n_chains = 64 };
        t->chains = calloc(t->n_chains, sizeof(struct interned *));
        if (t->chains == NULL)
                abort();
        t->memory = t->n_chains * sizeof(struct interned *) + MALLOC_OVERHEAD;
}

void intern_deinit(struct intern *t)
{
        for (size_t i = 0; i < t->n_chains; i++) {
                while (t->chains[i] != NULL) {
                        struct interned *next = t->chains[i]->next;

                        free(t->chains[i]);
                        t->chains[i] = next;
                }
        }
        free(t->chains);
}

static void grow(struct intern *t)
{
        size_t n = 2 * t->n_chains;
        struct interned **chains = calloc(n, sizeof(struct interned *));

        if (chains == NULL)
                abort();
        for (size_t i = 0; i < t->n_chains; i++) {
                struct interned *next;

                for (struct interned *s = t->chains[i]; s != NULL; s = next) {
                        next = s->next;
                        s->next = chains[s->hash & (n - 1)];
                        chains[s->hash & (n - 1)] = s;
                }
        }
        free(t->chains);
        t->memory += (n - t->n_chains) * sizeof(struct interned *);
        t->chains = chains;
        t->n_chains = n;
}

static size_t bytes_of(const struct interned *i)
{
        return sizeof *i + i->len + MALLOC_OVERHEAD;
}

struct interned *intern_acquire(struct intern *t, struct str s)
{
        uint64_t hash;
        struct interned *i;

        if (s.base == NULL)
                return NULL;
        hash = siphash13(&t->key, s.base, s.len);
        for (i = t->chains[hash & (t->n_chains - 1)]; i != NULL; i = i->next) {
                if (i->hash == hash && str_eq(interned_str(i), s)) {
                        i->refs++;
                        return i;
                }
        }
        if (t->n == t->n_chains)
                grow(t);
        i = malloc(sizeof *i + s.len);
        if (i == NULL)
                abort();
        *i = (struct interned){ t->chains[hash & (t->n_chains - 1)], hash, 1, (uint32_t)s.len };
        memcpy(i->bytes, s.base, s.len);
        t->chains[hash & (t->n_chains - 1)] = i;
        t->n++;
        t->memory += bytes_of(i);
        return i;
}

void intern_release(struct intern *t, struct interned *i)
{
        struct interned **at;

        if (i == NULL || --i->refs > 0)
                return;
        at = &t->chains[i->hash & (t->n_chains - 1)];
        while (*at != i)
                at = &(*at)->next;
        *at = i->next;
        t->n--;
        t->memory -= bytes_of(i);
        free(i);
}

struct str interned_str(const struct interned *i)
{
        return i != NULL ? (struct str){ i->bytes, i->len } : STR_ABSENT;
}
