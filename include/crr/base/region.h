/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_BASE_REGION_H
#define CRR_BASE_REGION_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Region: address space that is reserved at once and gets memory as it is touched; its first page
 * has it from the beginning. What grows in it never moves, and nothing is mapped while it grows.
 *
 * Ownership  Its bytes live from region_init() to region_deinit(). They are zero until written, and
 *            zero again after they were given back.
 * Cost       The first touch of a page waits for the kernel: some 0.3 ms for a huge one, several
 *            where the host of a virtual machine has to find the memory. Giving back REGION_HUGE
 *            bytes is a system call of some microseconds.
 * Threads    region_touch() may be called by any thread while the owner uses the same bytes; the
 *            rest is the owner's.
 * Errors     region_init(): false when the system does not reserve so much (ulimit -v, or
 *            vm.overcommit_memory=2, which counts reserved bytes as used).
 */
#define REGION_HUGE  ((size_t)2 << 20)
#define REGION_SMALL ((size_t)4 << 10)

struct region {
        char *base; /* aligned to REGION_HUGE */
        size_t size;
        size_t page; /* memory comes in pieces of this size: REGION_HUGE or REGION_SMALL */
        void *mapped;
        size_t mapped_size;
};

/* page: REGION_HUGE asks for transparent huge pages; the system may have them switched off. */
bool region_init(struct region *r, size_t size, size_t page);
void region_deinit(struct region *r);                         /* legal for a zeroed one */
void region_give_back(struct region *r, size_t at, size_t n); /* whole pages */

/* Get the memory of these bytes now; their contents stay as they are. */
void region_touch(void *at, size_t n);

#endif
