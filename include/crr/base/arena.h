/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_BASE_ARENA_H
#define CRR_BASE_ARENA_H

#include <stddef.h>

#include "crr/base/str.h"

/*
 * Memory that dies at once, with the request it was for.
 *
 * Cost    A pointer bump; a block of malloc per 4 KiB, or an eighth of what is used up to 64 KiB,
 *         or larger piece.
 * Errors  NULL past the limit (what an outsider's size controls is an error);
 *         out of memory below it aborts.
 * Rewind  What was taken since a mark is given back: nothing may point there any more, and no mark
 *         before that one may have been rewound to since.
 */
struct arena_block;

struct arena {
        struct arena_block *blocks;
        size_t used, limit; /* bytes taken from malloc, and their bound */
};

struct arena_mark {
        struct arena_block *block, *next; /* the current one, and the one behind it */
        size_t block_used, used;
};

void arena_init(struct arena *a, size_t limit);
void arena_deinit(struct arena *a);

struct arena_mark arena_mark(const struct arena *a);
void arena_rewind(struct arena *a, const struct arena_mark *mark);

void *arena_alloc(struct arena *a,
                  size_t n); /* zeroed, aligned for any type; NULL past the limit */
void *arena_array(struct arena *a, size_t count,
                  size_t size); /* same, overflow of the product refused */
void *arena_room(struct arena *a, size_t count,
                 size_t size); /* same, not zeroed: for many that are filled one by one */
struct str arena_str(struct arena *a,
                     struct str s);           /* a copy; absent past the limit (and for absent) */
char *arena_c(struct arena *a, struct str s); /* a terminated copy; NULL past the limit */

#endif
