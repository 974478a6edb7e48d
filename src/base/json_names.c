/* SPDX-License-Identifier: Apache-2.0 */
#include "json_names.h"

#include <stdlib.h>
#include <string.h>

#include "crr/base/uuid.h"

void json_names_init(struct json_names *s)
{
        *s = (struct json_names){ .n_buckets = 64, .capacity = 64 };
        random_bytes(&s->key, sizeof s->key);
        buf_init(&s->bytes, SIZE_MAX);
        s->buckets = calloc(s->n_buckets, sizeof *s->buckets);
        s->names = calloc(s->capacity, sizeof *s->names);
        if (s->buckets == NULL || s->names == NULL)
                abort();
}

void json_names_deinit(struct json_names *s)
{
        buf_deinit(&s->bytes);
        free(s->buckets);
        free(s->names);
}

uint32_t json_names_open(const struct json_names *s)
{
        return s->n;
}

static uint32_t *bucket_of(struct json_names *s, uint64_t hash)
{
        return &s->buckets[hash & (s->n_buckets - 1)];
}

static void grow(struct json_names *s)
{
        s->capacity *= 2;
        s->n_buckets *= 2;
        s->names = realloc(s->names, s->capacity * sizeof *s->names);
        free(s->buckets);
        s->buckets = calloc(s->n_buckets, sizeof *s->buckets);
        if (s->names == NULL || s->buckets == NULL)
                abort();
        for (uint32_t i = 0; i < s->n; i++) {
                uint32_t *bucket = bucket_of(s, s->names[i].hash);

                s->names[i].next = *bucket;
                *bucket = i + 1;
        }
}

bool json_names_add(struct json_names *s, uint32_t scope, struct str name)
{
        uint64_t hash = siphash13(&s->key, name.base, name.len);
        uint32_t *bucket;

        for (uint32_t i = *bucket_of(s, hash); i > scope; i = s->names[i - 1].next) {
                const struct json_name *other = &s->names[i - 1];

                if (other->hash == hash && other->len == name.len &&
                    memcmp(s->bytes.base + other->at, name.base, name.len) == 0)
                        return false;
        }
        if (s->n == s->capacity)
                grow(s);
        bucket = bucket_of(s, hash);
        s->names[s->n] = (struct json_name){ hash, s->bytes.len, name.len, *bucket };
        *bucket = ++s->n;
        s->last_at = s->bytes.len;
        s->last_len = name.len;
        buf_append_str(&s->bytes, name);
        return true;
}

void json_names_close(struct json_names *s, uint32_t scope)
{
        while (s->n > scope) {
                struct json_name *name = &s->names[--s->n];

                *bucket_of(s, name->hash) = name->next;
                s->bytes.len = name->at;
        }
}

struct str json_names_last(const struct json_names *s)
{
        return (struct str){ s->bytes.base != NULL ? s->bytes.base + s->last_at : "", s->last_len };
}
