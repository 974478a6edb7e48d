/* SPDX-License-Identifier: Apache-2.0 */
#include "crr/base/region.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

bool region_init(struct region *r, size_t size, size_t page)
{
        size_t mapped_size = size + REGION_HUGE;
        char *mapped;

        *r = (struct region){ 0 };
        if (size > SIZE_MAX / 2)
                return false;
        mapped = mmap(NULL, mapped_size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (mapped == MAP_FAILED)
                return false;
        *r = (struct region){
                .base = mapped + (-(uintptr_t)mapped & (REGION_HUGE - 1)),
                .size = size,
                .page = page,
                .mapped = mapped,
                .mapped_size = mapped_size,
        };
        madvise(r->base, size, page == REGION_HUGE ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
        region_touch(r->base, page);
        return true;
}

void region_deinit(struct region *r)
{
        if (r->mapped != NULL)
                munmap(r->mapped, r->mapped_size);
        *r = (struct region){ 0 };
}

void region_give_back(struct region *r, size_t at, size_t n)
{
        if (madvise(r->base + at, n, MADV_DONTNEED) != 0)
                abort();
}

/* An atomic "or 0" is a write that changes nothing, also while the owner writes there. Asking the
 * kernel to populate the range instead would hold the lock of the address space meanwhile, for
 * which the owner waits when it maps anything. */
void region_touch(void *at, size_t n)
{
        char *p = at;

        for (size_t i = 0; i < n; i += REGION_SMALL)
                __atomic_fetch_or(&p[i], 0, __ATOMIC_RELAXED);
}
