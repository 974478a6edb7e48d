/* SPDX-License-Identifier: Apache-2.0 */
#include "outgoing.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "crr/base/limits.h"
#include "crr/core/backbeat_metadata.h"

static const struct sm_state states[] = {
        [OUTGOING_OWED] = { "owed", SM_TO(OUTGOING_READING) | SM_TO(OUTGOING_QUEUED) |
                                            SM_TO(OUTGOING_OVER) },
        [OUTGOING_READING] = { "reading", SM_TO(OUTGOING_QUEUED) | SM_TO(OUTGOING_OWED) |
                                                  SM_TO(OUTGOING_OVER) },
        [OUTGOING_QUEUED] = { "queued", SM_TO(OUTGOING_ENCODED) | SM_TO(OUTGOING_OWED) |
                                                SM_TO(OUTGOING_OVER) },
        [OUTGOING_ENCODED] = { "encoded", SM_TO(OUTGOING_SUBMITTED) | SM_TO(OUTGOING_QUEUED) |
                                                  SM_TO(OUTGOING_OVER) },
        [OUTGOING_SUBMITTED] = { "submitted", SM_TO(OUTGOING_QUEUED) | SM_TO(OUTGOING_COMMITTED) |
                                                      SM_TO(OUTGOING_UNKNOWN) |
                                                      SM_TO(OUTGOING_OWED) | SM_TO(OUTGOING_OVER) },
        [OUTGOING_COMMITTED] = { "committed", SM_TO(OUTGOING_OVER) },
        [OUTGOING_UNKNOWN] = { "unknown", SM_TO(OUTGOING_OWED) | SM_TO(OUTGOING_OVER) },
        [OUTGOING_OVER] = { "over", 0 },
};

static const char *const kind_names[OUTGOING_KINDS] = {
        [OUTGOING_RETRY] = "retry",        [OUTGOING_MERGE] = "merged",
        [OUTGOING_RELIST] = "expired",     [OUTGOING_CLOSE] = "closed",
        [OUTGOING_COMPLETE] = "completed", [OUTGOING_REWRITE] = "rewritten",
        [OUTGOING_MOVE] = "moved",         [OUTGOING_SUPERSEDE] = "superseded",
        [OUTGOING_HIDDEN] = "hidden",
};

const char *outgoing_kind_name(enum outgoing_kind kind)
{
        return kind_names[kind];
}

struct outgoing *outgoing_new(enum outgoing_kind kind, const struct failure *failure,
                              struct str traceparent)
{
        const struct identity *id = &failure->id;
        size_t strings = id->bucket.len + id->key.len + id->version_id.len + id->site.len +
                         failure->error_code.len + failure->role.len + traceparent.len;
        struct outgoing *o = malloc(sizeof *o + strings + 1);
        char *space;

        if (o == NULL)
                abort();
        memset(o, 0, sizeof *o);
        space = (char *)(o + 1);
        o->kind = kind;
        o->failure = *failure;
        o->traceparent = traceparent;
        o->failure.id.bucket = str_copy_to(&space, o->failure.id.bucket);
        o->failure.id.key = str_copy_to(&space, o->failure.id.key);
        o->failure.id.version_id = str_copy_to(&space, o->failure.id.version_id);
        o->failure.id.site = str_copy_to(&space, o->failure.id.site);
        o->failure.error_code = str_copy_to(&space, o->failure.error_code);
        o->failure.role = str_copy_to(&space, o->failure.role);
        o->traceparent = str_copy_to(&space, o->traceparent);
        o->stands = o->settles = o->floor = o->offset = -1;
        o->settles_partition = failure->partition;
        buf_init(&o->read, SIZE_MAX);
        buf_init(&o->read_entry, SIZE_MAX);
        sm_init(&o->sm, "outgoing", states, 0, OUTGOING_OWED);
        return o;
}

void outgoing_free(struct outgoing *o)
{
        if (o == NULL)
                return;
        assert(o->list == NULL && o->waiters == NULL);
        assert(o->object == NULL && o->own == NULL && o->current == NULL);
        assert(o->sent == NULL && !o->is_claimed);
        buf_deinit(&o->read);
        buf_deinit(&o->read_entry);
        free(o);
}

void outgoing_move(struct outgoing *o, enum outgoing_state next)
{
        sm_move(&o->sm, (int)next);
}

enum outgoing_state outgoing_state(const struct outgoing *o)
{
        return (enum outgoing_state)o->sm.state;
}

/* The records repeat the identity, percent-encoded in the keys; 512 covers names of fields and
 * times. Metadata stands in two of them. */
size_t outgoing_bytes(const struct outgoing *o)
{
        const struct identity *id = &o->failure.id;
        size_t names = id->bucket.len + id->key.len + id->version_id.len + id->site.len;

        size_t metadata = o->metadata != NULL ? o->metadata->bytes : 0;

        return 4 * names + 2 * (o->read.len + o->read_entry.len + metadata) + o->failure.role.len +
               512;
}

int outgoing_watched(const struct outgoing *o)
{
        return o->kind == OUTGOING_RETRY ? o->failure.partition : o->settles_partition;
}

void outgoing_keep_entry(struct outgoing *o, struct str entry)
{
        buf_clear(&o->read_entry);
        buf_append_str(&o->read_entry, entry);
        o->entry = entry.base == NULL ? STR_ABSENT : (struct str){ o->read_entry.base, entry.len };
        if (entry.base != NULL && entry.len == 0)
                o->entry = STR("");
}

void outgoing_keep_record(struct outgoing *o, struct str key, struct str value)
{
        buf_clear(&o->read);
        buf_append_str(&o->read, key);
        buf_append_str(&o->read, value);
        o->moved_key = (struct str){ o->read.base, key.len };
        o->moved_value = STR_ABSENT;
        if (value.base != NULL)
                o->moved_value = (struct str){ o->read.base + key.len, value.len };
}

static void count_in(struct outgoing_list *l, struct outgoing *o)
{
        assert(o->list == NULL);
        o->list = l;
        l->n++;
        o->list_bytes = outgoing_bytes(o);
        l->bytes += o->list_bytes;
}

void outgoing_list_append(struct outgoing_list *l, struct outgoing *o)
{
        count_in(l, o);
        o->next = NULL;
        o->prev = l->tail;
        if (l->tail != NULL)
                l->tail->next = o;
        else
                l->head = o;
        l->tail = o;
        if (l->cursor == NULL)
                l->cursor = o;
}

void outgoing_list_prepend(struct outgoing_list *l, struct outgoing *o)
{
        count_in(l, o);
        o->prev = NULL;
        o->next = l->head;
        if (l->head != NULL)
                l->head->prev = o;
        else
                l->tail = o;
        l->head = o;
}

void outgoing_list_remove(struct outgoing *o)
{
        struct outgoing_list *l = o->list;

        if (l == NULL)
                return;
        if (l->cursor == o)
                l->cursor = o->next;
        if (o->prev != NULL)
                o->prev->next = o->next;
        else
                l->head = o->next;
        if (o->next != NULL)
                o->next->prev = o->prev;
        else
                l->tail = o->prev;
        l->n--;
        l->bytes -= o->list_bytes;
        o->list = NULL;
        o->prev = o->next = NULL;
}

static char *put_part(char *at, struct str part)
{
        uint16_t len = (uint16_t)part.len;

        memcpy(at, &len, sizeof len);
        if (part.len > 0)
                memcpy(at + sizeof len, part.base, part.len);
        return at + sizeof len + part.len;
}

/* With their lengths, so that parts cannot be shifted against each other. */
uint64_t identity_hash(const struct siphash_key *key, const struct identity *id)
{
        char bytes[LIMIT_BUCKET_BYTES + LIMIT_KEY_BYTES + LIMIT_VERSION_ID_BYTES +
                   LIMIT_SITE_BYTES + 4 * sizeof(uint16_t)];
        char *at = bytes;

        assert(id->bucket.len <= LIMIT_BUCKET_BYTES && id->key.len <= LIMIT_KEY_BYTES &&
               id->version_id.len <= LIMIT_VERSION_ID_BYTES && id->site.len <= LIMIT_SITE_BYTES);
        at = put_part(at, id->bucket);
        at = put_part(at, id->key);
        at = put_part(at, id->version_id);
        at = put_part(at, id->site);
        return siphash13(key, bytes, (size_t)(at - bytes));
}

void outgoing_map_init(struct outgoing_map *map, const struct siphash_key *key)
{
        *map = (struct outgoing_map){ .key = *key, .n_buckets = 64 };
        map->buckets = calloc(map->n_buckets, sizeof(struct outgoing *));
        if (map->buckets == NULL)
                abort();
}

void outgoing_map_deinit(struct outgoing_map *map)
{
        assert(map->n == 0);
        free(map->buckets);
        map->buckets = NULL;
}

static struct outgoing **bucket_of(const struct outgoing_map *map, uint64_t hash)
{
        return &map->buckets[hash & (map->n_buckets - 1)];
}

struct outgoing *outgoing_map_find_hash(const struct outgoing_map *map, const struct identity *id,
                                        uint64_t hash)
{
        for (struct outgoing *o = *bucket_of(map, hash); o != NULL; o = o->map_next)
                if (o->hash == hash && identity_eq(&o->failure.id, id))
                        return o;
        return NULL;
}

struct outgoing *outgoing_map_find(const struct outgoing_map *map, const struct identity *id)
{
        if (map->n == 0)
                return NULL;
        return outgoing_map_find_hash(map, id, identity_hash(&map->key, id));
}

struct outgoing *outgoing_map_next(const struct outgoing *o)
{
        for (struct outgoing *next = o->map_next; next != NULL; next = next->map_next)
                if (next->hash == o->hash && identity_eq(&next->failure.id, &o->failure.id))
                        return next;
        return NULL;
}

void outgoing_map_fetch_place(const struct outgoing_map *map, uint64_t hash)
{
        __builtin_prefetch(bucket_of(map, hash));
}

/* Its hash; where its strings are, and the strings. */
void outgoing_map_fetch_first(const struct outgoing_map *map, uint64_t hash)
{
        const struct outgoing *o = *bucket_of(map, hash);

        if (o == NULL)
                return;
        __builtin_prefetch(o, 1);
        __builtin_prefetch(&o->failure);
        __builtin_prefetch(o + 1);
}

static void map_grow(struct outgoing_map *map)
{
        size_t n = map->n_buckets * 2;
        struct outgoing **buckets = calloc(n, sizeof(struct outgoing *));

        if (buckets == NULL)
                abort();
        for (size_t i = 0; i < map->n_buckets; i++) {
                struct outgoing *next;

                for (struct outgoing *o = map->buckets[i]; o != NULL; o = next) {
                        next = o->map_next;
                        o->map_next = buckets[o->hash & (n - 1)];
                        buckets[o->hash & (n - 1)] = o;
                }
        }
        free(map->buckets);
        map->buckets = buckets;
        map->n_buckets = n;
}

void outgoing_map_add_hash(struct outgoing_map *map, struct outgoing *o, uint64_t hash)
{
        struct outgoing **bucket;

        if (map->n == map->n_buckets)
                map_grow(map);
        o->hash = hash;
        bucket = bucket_of(map, hash);
        o->map_next = *bucket;
        *bucket = o;
        map->n++;
}

void outgoing_map_add(struct outgoing_map *map, struct outgoing *o)
{
        outgoing_map_add_hash(map, o, identity_hash(&map->key, &o->failure.id));
}

void outgoing_map_remove(struct outgoing_map *map, struct outgoing *o)
{
        struct outgoing **at = bucket_of(map, o->hash);

        while (*at != o)
                at = &(*at)->map_next;
        *at = o->map_next;
        map->n--;
}

void outgoing_map_each(struct outgoing_map *map, void (*visit)(void *data, struct outgoing *o),
                       void *data)
{
        for (size_t i = 0; i < map->n_buckets && map->n > 0; i++) {
                struct outgoing *next;

                for (struct outgoing *o = map->buckets[i]; o != NULL; o = next) {
                        next = o->map_next;
                        visit(data, o);
                }
        }
}
