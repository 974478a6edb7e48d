/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_BASE_JSON_NAMES_H
#define CRR_SRC_BASE_JSON_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crr/base/buf.h"
#include "crr/base/siphash.h"
#include "crr/base/str.h"

/*
 * The names seen in the objects that are open, to find duplicates.
 *
 * Cost  O(1) a name whatever its object holds. The names of a small object are compared one by one;
 *       those of a larger one stand in chains by a keyed hash. A scope's names leave in reverse
 *       order, so that each is the head of its chain then.
 */
struct json_name {
        uint64_t hash;
        uint64_t head;  /* its first eight bytes */
        uint64_t marks; /* of it and of those before it in its scope: a bit for each */
        size_t at, len; /* in `bytes` */
        uint32_t next;  /* index + 1 of the next in the chain; 0: none */
        bool chained;
};

struct json_names {
        struct siphash_key key;
        struct json_name *names;
        uint32_t n, capacity;
        uint32_t *buckets;
        uint32_t n_buckets;
        struct buf bytes;
        size_t last_at, last_len; /* the name added last */
};

void json_names_init(struct json_names *s);
void json_names_deinit(struct json_names *s);
uint32_t json_names_open(
        const struct json_names *s); /* a new scope: give this back to close and add */
bool json_names_add(struct json_names *s, uint32_t scope,
                    struct str name); /* false: it is there already */
void json_names_close(struct json_names *s, uint32_t scope);
struct str json_names_last(const struct json_names *s); /* borrowed until the next add */

#endif
