/* SPDX-License-Identifier: Apache-2.0 */
#include "node_map.h"

#include <assert.h>
#include <stdlib.h>

#define FIRST_BUCKETS 64

static struct map_node **make_buckets(size_t n)
{
        struct map_node **buckets = calloc(n, sizeof(struct map_node *));

        if (buckets == NULL)
                abort();
        return buckets;
}

void node_map_init(struct node_map *map)
{
        *map = (struct node_map){ make_buckets(FIRST_BUCKETS), FIRST_BUCKETS, 0 };
}

void node_map_deinit(struct node_map *map)
{
        assert(map->n == 0);
        free(map->buckets);
        map->buckets = NULL;
}

static struct map_node **bucket_of(const struct node_map *map, uint64_t hash)
{
        return &map->buckets[hash & (map->n_buckets - 1)];
}

static void push(struct node_map *map, struct map_node *node)
{
        struct map_node **bucket = bucket_of(map, node->hash);

        node->next = *bucket;
        *bucket = node;
}

static void grow(struct node_map *map)
{
        struct node_map grown = { make_buckets(2 * map->n_buckets), 2 * map->n_buckets, map->n };

        for (size_t i = 0; i < map->n_buckets; i++) {
                struct map_node *next;

                for (struct map_node *node = map->buckets[i]; node != NULL; node = next) {
                        next = node->next;
                        push(&grown, node);
                }
        }
        free(map->buckets);
        *map = grown;
}

void node_map_add(struct node_map *map, struct map_node *node, uint64_t hash)
{
        if (map->n == map->n_buckets)
                grow(map);
        node->hash = hash;
        push(map, node);
        map->n++;
}

void node_map_remove(struct node_map *map, struct map_node *node)
{
        struct map_node **at = bucket_of(map, node->hash);

        while (*at != node)
                at = &(*at)->next;
        *at = node->next;
        map->n--;
}

static struct map_node *of_hash(struct map_node *node, uint64_t hash)
{
        while (node != NULL && node->hash != hash)
                node = node->next;
        return node;
}

struct map_node *node_map_first(const struct node_map *map, uint64_t hash)
{
        return of_hash(*bucket_of(map, hash), hash);
}

struct map_node *node_map_next(const struct map_node *node)
{
        return of_hash(node->next, node->hash);
}
