/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_NODE_MAP_H
#define CRR_SRC_CORE_NODE_MAP_H

#include <stddef.h>
#include <stdint.h>

/*
 * Chained hash map of nodes that are embedded as the first member of what they are of. Which of the
 * nodes of one hash is meant the user compares.
 *
 * Ownership  The map has its buckets; nodes are the user's.
 * Cost       O(1); it doubles when it is full.
 */
struct map_node {
        struct map_node *next;
        uint64_t hash;
};

struct node_map {
        struct map_node **buckets;
        size_t n_buckets, n;
};

void node_map_init(struct node_map *map);
void node_map_deinit(struct node_map *map); /* empty */
void node_map_add(struct node_map *map, struct map_node *node, uint64_t hash);
void node_map_remove(struct node_map *map, struct map_node *node); /* it is in it */

/* The nodes of a hash, one after the other; NULL: no more. */
struct map_node *node_map_first(const struct node_map *map, uint64_t hash);
struct map_node *node_map_next(const struct map_node *node);

#endif
