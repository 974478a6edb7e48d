/* SPDX-License-Identifier: Apache-2.0 */
#include "json_names.h"

#include <stdlib.h>
#include <string.h>

#include "crr/base/bytes.h"
#include "crr/base/uuid.h"

#define SMALL 16 /* names of an object that are not chained */

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

static void chain(struct json_names *s, uint32_t i)
{
        struct json_name *name = &s->names[i];
        uint32_t *bucket;

        name->hash = siphash13(&s->key, s->bytes.base + name->at, name->len);
        bucket = bucket_of(s, name->hash);
        name->next = *bucket;
        name->chained = true;
        *bucket = i + 1;
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
        for (uint32_t i = 0; i < s->n; i++)
                if (s->names[i].chained)
                        chain(s, i);
}

static uint64_t head_of(struct str text)
{
        const uint8_t *p = (const uint8_t *)text.base;

        return text.len < 8 ? bytes_get_tail(p, (unsigned)text.len) : bytes_get64(p);
}

/* One bit of 64: a name whose bit is not among those of the others is another one than they. */
static uint64_t mark_of(struct str text, uint64_t head)
{
        return UINT64_C(1) << ((head + text.len) * UINT64_C(0x9e3779b97f4a7c15) >> 58);
}

/* Most names differ in their lengths or their first bytes. */
static bool is_name(const struct json_names *s, const struct json_name *name, struct str text,
                    uint64_t head)
{
        return name->len == text.len && name->head == head &&
               memcmp(s->bytes.base + name->at, text.base, text.len) == 0;
}

static uint64_t marks(const struct json_names *s, uint32_t scope)
{
        return s->n > scope ? s->names[s->n - 1].marks : 0;
}

static bool is_in_small(const struct json_names *s, uint32_t scope, struct str name, uint64_t head)
{
        if ((marks(s, scope) & mark_of(name, head)) == 0)
                return false;
        for (uint32_t i = scope; i < s->n; i++)
                if (is_name(s, &s->names[i], name, head))
                        return true;
        return false;
}

static bool is_in_chain(struct json_names *s, uint32_t scope, struct str name, uint64_t head)
{
        uint64_t hash = siphash13(&s->key, name.base, name.len);

        for (uint32_t i = *bucket_of(s, hash); i > scope; i = s->names[i - 1].next)
                if (s->names[i - 1].hash == hash && is_name(s, &s->names[i - 1], name, head))
                        return true;
        return false;
}

static void push(struct json_names *s, uint32_t scope, struct str name, uint64_t head)
{
        if (s->n == s->capacity)
                grow(s);
        s->names[s->n] = (struct json_name){ .head = head,
                                             .marks = marks(s, scope) | mark_of(name, head),
                                             .at = s->bytes.len,
                                             .len = name.len };
        s->n++;
        s->last_at = s->bytes.len;
        s->last_len = name.len;
        buf_append_str(&s->bytes, name);
}

bool json_names_add(struct json_names *s, uint32_t scope, struct str name)
{
        uint32_t n = s->n - scope;
        uint64_t head = head_of(name);

        if (n == SMALL) /* from now on */
                for (uint32_t i = scope; i < s->n; i++)
                        chain(s, i);
        if (n < SMALL ? is_in_small(s, scope, name, head) : is_in_chain(s, scope, name, head))
                return false;
        push(s, scope, name, head);
        if (n >= SMALL)
                chain(s, s->n - 1);
        return true;
}

void json_names_close(struct json_names *s, uint32_t scope)
{
        while (s->n > scope) {
                struct json_name *name = &s->names[--s->n];

                if (name->chained)
                        *bucket_of(s, name->hash) = name->next;
                s->bytes.len = name->at;
        }
}

struct str json_names_last(const struct json_names *s)
{
        return (struct str){ s->bytes.base != NULL ? s->bytes.base + s->last_at : "", s->last_len };
}
