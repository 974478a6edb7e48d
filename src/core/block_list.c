/* SPDX-License-Identifier: Apache-2.0 */
#include "block_list.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define MALLOC_OVERHEAD 16

struct place {
        uint32_t chunk, at;
};

void block_list_deinit(struct block_list *l)
{
        for (uint32_t i = 0; i < l->n_chunks; i++)
                free(l->chunks[i]);
        free(l->chunks);
        *l = (struct block_list){ 0 };
}

size_t block_list_memory(const struct block_list *l)
{
        return l->n_chunks * (sizeof(struct block_chunk) + MALLOC_OVERHEAD) +
               l->capacity * sizeof(struct block_chunk *) + MALLOC_OVERHEAD;
}

/* PLACES */

static uint64_t base_at(const struct block_list *l, const struct block_store *s, uint32_t chunk,
                        uint32_t at)
{
        return block_meta(s, l->chunks[chunk]->blocks[at])->base;
}

/* The last chunk that begins below (or, `with`, at) the offset; else the first. */
static uint32_t find_chunk(const struct block_list *l, const struct block_store *s, uint64_t offset,
                           bool with)
{
        uint32_t low = 0, high = l->n_chunks;

        while (high - low > 1) {
                uint32_t middle = low + (high - low) / 2;
                uint64_t base = base_at(l, s, middle, 0);

                if (base < offset || (with && base == offset))
                        low = middle;
                else
                        high = middle;
        }
        return low;
}

/* How many of a chunk's blocks begin below (or at) the offset. */
static uint32_t count_below(const struct block_list *l, const struct block_store *s, uint32_t chunk,
                            uint64_t offset, bool with)
{
        uint32_t low = 0, high = l->chunks[chunk]->n;

        while (low < high) {
                uint32_t middle = low + (high - low) / 2;
                uint64_t base = base_at(l, s, chunk, middle);

                if (base < offset || (with && base == offset))
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

uint32_t block_list_seek(const struct block_list *l, const struct block_store *s, uint64_t offset)
{
        uint32_t chunk, below;

        if (block_meta(s, l->last)->base <= offset)
                return l->last;
        chunk = find_chunk(l, s, offset, true);
        below = count_below(l, s, chunk, offset, true);
        return l->chunks[chunk]->blocks[below > 0 ? below - 1 : 0];
}

static void go_to_next_chunk_at_its_end(const struct block_list *l, struct place *p)
{
        if (p->at < l->chunks[p->chunk]->n)
                return;
        p->at = 0;
        p->chunk++;
        assert(p->chunk < l->n_chunks);
}

static struct place place_of(const struct block_list *l, const struct block_store *s,
                             uint32_t block)
{
        uint64_t base = block_meta(s, block)->base;
        struct place p = { l->n_chunks - 1, 0 };

        if (block == l->last) {
                p.at = l->chunks[p.chunk]->n - 1;
                return p;
        }
        p.chunk = find_chunk(l, s, base, false);
        p.at = count_below(l, s, p.chunk, base, false);
        go_to_next_chunk_at_its_end(l, &p);
        while (l->chunks[p.chunk]->blocks[p.at] != block) { /* several may begin at one offset */
                p.at++;
                go_to_next_chunk_at_its_end(l, &p);
        }
        return p;
}

/* CHUNKS */

static struct block_chunk *add_chunk(struct block_list *l, uint32_t at)
{
        struct block_chunk *chunk = malloc(sizeof *chunk);

        if (l->n_chunks == l->capacity) {
                l->capacity = l->capacity == 0 ? 1 : 2 * l->capacity;
                l->chunks = realloc(l->chunks, l->capacity * sizeof(struct block_chunk *));
        }
        if (chunk == NULL || l->chunks == NULL)
                abort();
        chunk->n = 0;
        memmove(&l->chunks[at + 1], &l->chunks[at],
                (l->n_chunks - at) * sizeof(struct block_chunk *));
        l->chunks[at] = chunk;
        l->n_chunks++;
        return chunk;
}

static void remove_chunk(struct block_list *l, uint32_t at)
{
        free(l->chunks[at]);
        l->n_chunks--;
        memmove(&l->chunks[at], &l->chunks[at + 1],
                (l->n_chunks - at) * sizeof(struct block_chunk *));
}

static void move_blocks(struct block_chunk *to, struct block_chunk *from, uint32_t first)
{
        memcpy(&to->blocks[to->n], &from->blocks[first], (from->n - first) * sizeof(uint32_t));
        to->n += from->n - first;
        from->n = first;
}

/* Room in a chunk for a block at this place, which may become one of another chunk. */
static struct place make_room(struct block_list *l, struct place p)
{
        struct block_chunk *chunk = l->chunks[p.chunk], *next;
        uint32_t half = chunk->n / 2;

        if (chunk->n < TABLE_CHUNK)
                return p;
        next = add_chunk(l, p.chunk + 1);
        if (p.at == chunk->n) /* blocks come at the end mostly: leave this one full */
                return (struct place){ p.chunk + 1, 0 };
        move_blocks(next, chunk, half);
        return p.at <= half ? p : (struct place){ p.chunk + 1, p.at - half };
}

static void merge_chunks(struct block_list *l, uint32_t at)
{
        if (l->chunks[at]->n == 0) {
                remove_chunk(l, at);
                return;
        }
        if (at + 1 == l->n_chunks)
                at = at > 0 ? at - 1 : 0;
        if (at + 1 < l->n_chunks && l->chunks[at]->n + l->chunks[at + 1]->n <= TABLE_CHUNK / 2) {
                move_blocks(l->chunks[at], l->chunks[at + 1], 0);
                remove_chunk(l, at + 1);
        }
}

/* BLOCKS */

static void link_block(struct block_list *l, const struct block_store *s, uint32_t block,
                       uint32_t after)
{
        struct block *b = block_meta(s, block);

        b->prev = after;
        b->next = after == NO_BLOCK ? l->first : block_meta(s, after)->next;
        if (b->prev == NO_BLOCK)
                l->first = block;
        else
                block_meta(s, b->prev)->next = block;
        if (b->next == NO_BLOCK)
                l->last = block;
        else
                block_meta(s, b->next)->prev = block;
}

void block_list_insert(struct block_list *l, const struct block_store *s, uint32_t block,
                       uint32_t after)
{
        struct place p = { 0, 0 };
        struct block_chunk *chunk;

        if (l->n_chunks == 0)
                add_chunk(l, 0);
        if (after != NO_BLOCK) {
                p = place_of(l, s, after);
                p.at++;
        }
        p = make_room(l, p);
        chunk = l->chunks[p.chunk];
        memmove(&chunk->blocks[p.at + 1], &chunk->blocks[p.at],
                (chunk->n - p.at) * sizeof(uint32_t));
        chunk->blocks[p.at] = block;
        chunk->n++;
        link_block(l, s, block, after);
}

void block_list_remove(struct block_list *l, const struct block_store *s, uint32_t block)
{
        struct place p = place_of(l, s, block);
        struct block_chunk *chunk = l->chunks[p.chunk];
        const struct block *b = block_meta(s, block);

        chunk->n--;
        memmove(&chunk->blocks[p.at], &chunk->blocks[p.at + 1],
                (chunk->n - p.at) * sizeof(uint32_t));
        if (b->prev == NO_BLOCK)
                l->first = b->next;
        else
                block_meta(s, b->prev)->next = b->next;
        if (b->next == NO_BLOCK)
                l->last = b->prev;
        else
                block_meta(s, b->next)->prev = b->prev;
        merge_chunks(l, p.chunk);
}

/* A chunk holds the linked blocks from `block` on; returns the last of them. */
static uint32_t check_chunk(const struct block_list *l, const struct block_store *s,
                            const struct block_chunk *chunk, uint32_t block)
{
        uint32_t prev = block_meta(s, block)->prev;

        assert(chunk->n > 0 && (prev != NO_BLOCK || l->first == block));
        for (uint32_t i = 0; i < chunk->n; i++) {
                const struct block *b = block_meta(s, block);

                assert(chunk->blocks[i] == block && b->prev == prev);
                assert(prev == NO_BLOCK || block_meta(s, prev)->base <= b->base);
                prev = block;
                block = b->next;
        }
        return prev;
}

void block_list_check(const struct block_list *l, const struct block_store *s)
{
        uint32_t block = l->first, last = NO_BLOCK;

        for (uint32_t chunk = 0; chunk < l->n_chunks; chunk++) {
                last = check_chunk(l, s, l->chunks[chunk], block);
                block = block_meta(s, last)->next;
        }
        assert(block == NO_BLOCK && l->last == last);
}
