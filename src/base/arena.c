/* SPDX-License-Identifier: Apache-2.0 */
#include "crr/base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES 4096
#define BLOCK_MOST  65536 /* of a block for several pieces */

struct arena_block {
        struct arena_block *next;
        size_t used, size; /* of the bytes behind this header */
        alignas(max_align_t) unsigned char bytes[];
};

void arena_init(struct arena *a, size_t limit)
{
        *a = (struct arena){ .limit = limit };
}

/* The list without what stands in it before `end`. */
static struct arena_block *free_until(struct arena_block *block, const struct arena_block *end)
{
        while (block != end) {
                struct arena_block *next = block->next;

                free(block);
                block = next;
        }
        return block;
}

void arena_deinit(struct arena *a)
{
        a->blocks = free_until(a->blocks, NULL);
        a->used = 0;
}

struct arena_mark arena_mark(const struct arena *a)
{
        struct arena_mark mark = { .block = a->blocks, .used = a->used };

        if (mark.block != NULL) {
                mark.next = mark.block->next;
                mark.block_used = mark.block->used;
        }
        return mark;
}

/* Newer blocks stand before the one that was the current one, large pieces right behind it too. */
void arena_rewind(struct arena *a, const struct arena_mark *mark)
{
        a->blocks = free_until(a->blocks, mark->block);
        if (a->blocks != NULL) {
                a->blocks->next = free_until(a->blocks->next, mark->next);
                a->blocks->used = mark->block_used;
        }
        a->used = mark->used;
}

/* Blocks grow with the arena, for there is a block of malloc to be freed for each. */
static size_t block_size(const struct arena *a)
{
        size_t size = a->used / 8;

        if (size < BLOCK_BYTES)
                return BLOCK_BYTES;
        return size < BLOCK_MOST ? size : BLOCK_MOST;
}

/* A piece larger than a block gets one of its own, behind the current one, whose rest stays in use.
 */
static struct arena_block *add_block(struct arena *a, size_t n)
{
        size_t usual = block_size(a), size = n > usual ? n : usual;
        struct arena_block *block;

        if (size > a->limit - a->used && n <= a->limit - a->used)
                size = n;
        if (size > a->limit - a->used)
                return NULL;
        block = malloc(sizeof *block + size);
        if (block == NULL)
                abort();
        block->used = 0;
        block->size = size;
        a->used += size;
        if (n > usual && a->blocks != NULL) {
                block->next = a->blocks->next;
                a->blocks->next = block;
        } else {
                block->next = a->blocks;
                a->blocks = block;
        }
        return block;
}

/* Not zeroed. */
static void *take(struct arena *a, size_t n)
{
        struct arena_block *block = a->blocks;
        void *piece;

        if (n > SIZE_MAX - alignof(max_align_t))
                return NULL;
        n = (n + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
        if (block == NULL || n > block->size - block->used)
                block = add_block(a, n);
        if (block == NULL)
                return NULL;
        piece = block->bytes + block->used;
        block->used += n;
        return piece;
}

void *arena_alloc(struct arena *a, size_t n)
{
        void *piece = take(a, n);

        return piece != NULL ? memset(piece, 0, n) : NULL;
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
        if (size != 0 && count > SIZE_MAX / size)
                return NULL;
        return arena_alloc(a, count * size);
}

void *arena_room(struct arena *a, size_t count, size_t size)
{
        if (size != 0 && count > SIZE_MAX / size)
                return NULL;
        return take(a, count * size);
}

struct str arena_str(struct arena *a, struct str s)
{
        char *copy;

        if (s.base == NULL)
                return STR_ABSENT;
        copy = arena_c(a, s);
        return copy != NULL ? (struct str){ copy, s.len } : STR_ABSENT;
}

char *arena_c(struct arena *a, struct str s)
{
        char *copy = s.len < SIZE_MAX ? take(a, s.len + 1) : NULL;

        if (copy == NULL)
                return NULL;
        if (s.len > 0)
                memcpy(copy, s.base, s.len);
        copy[s.len] = '\0';
        return copy;
}
