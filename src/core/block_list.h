/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_BLOCK_LIST_H
#define CRR_SRC_CORE_BLOCK_LIST_H

#include <stddef.h>
#include <stdint.h>

#include "block_store.h"

/*
 * The blocks of one log in the order of their offsets: linked both ways, and in a sorted list of
 * sorted chunks, so that an offset is found and a block is put in or taken out without moving much.
 *
 * Cost  At the end O(1); elsewhere O(log n) looks at blocks, and the move of a chunk's numbers.
 */
struct block_chunk {
        uint32_t n;
        uint32_t blocks[TABLE_CHUNK];
};

struct block_list {
        struct block_chunk **chunks;
        uint32_t n_chunks, capacity;
        uint32_t first, last; /* NO_BLOCK: it is empty */
};

void block_list_deinit(struct block_list *l);
size_t block_list_memory(const struct block_list *l);

/* after NO_BLOCK: at the beginning. Bases do not decrease. */
void block_list_insert(struct block_list *l, const struct block_store *s, uint32_t block,
                       uint32_t after);
void block_list_remove(struct block_list *l, const struct block_store *s, uint32_t block);

/* The last block that begins at or before the offset, else the first. The list is not empty. */
uint32_t block_list_seek(const struct block_list *l, const struct block_store *s, uint64_t offset);

void block_list_check(const struct block_list *l, const struct block_store *s);

#endif
