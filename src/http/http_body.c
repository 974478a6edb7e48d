/* SPDX-License-Identifier: Apache-2.0 */
#include "http_body.h"
#include <time.h>
extern long dbg_http[8]; static inline long cpu_(void){struct timespec t; clock_gettime(CLOCK_THREAD_CPUTIME_ID,&t); return t.tv_sec*1000000000L+t.tv_nsec;}

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define FIRST_BYTES ((size_t)512)
#define PAGE        ((size_t)4096)

static bool grow_in_heap(struct http_body *b, size_t capacity)
{
        char *grown = realloc(b->base, capacity);

        if (grown == NULL)
                return false;
        b->base = grown;
        b->capacity = b->kept = capacity;
        return true;
}

static bool leave_heap(struct http_body *b, size_t capacity)
{
        char *pages = mmap(NULL, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                           0);

        if (pages == MAP_FAILED)
                return false;
        madvise(pages, capacity, MADV_NOHUGEPAGE); /* or more would get memory than is used */
        if (b->len > 0)
                memcpy(pages, b->base, b->len);
        free(b->base);
        b->base = pages;
        b->capacity = capacity;
        b->is_mapped = true;
        return true;
}

static bool grow_mapped(struct http_body *b, size_t capacity)
{
        char *moved = mremap(b->base, b->capacity, capacity, MREMAP_MAYMOVE);

        if (moved == MAP_FAILED)
                return false;
        b->base = moved;
        b->capacity = capacity;
        return true;
}

static bool make_room(struct http_body *b, size_t wanted)
{
        size_t capacity = b->capacity > 0 ? b->capacity : FIRST_BYTES;

        while (capacity < wanted)
                capacity *= 2;
        if (capacity == b->capacity)
                return true;
        if (b->is_mapped)
                return grow_mapped(b, capacity);
        return capacity <= HTTP_BODY_SMALL ? grow_in_heap(b, capacity) : leave_heap(b, capacity);
}

bool http_body_append(struct http_body *b, struct http_budget *budget, const void *bytes, size_t n)
{
        size_t before = b->kept;

        if (n == 0)
                return true; long t0=cpu_();
        if (!make_room(b, b->len + n))
                return false;
        memcpy(b->base + b->len, bytes, n);
        b->len += n;
        if (b->is_mapped)
                b->kept = (b->len + PAGE - 1) & ~(PAGE - 1);
        budget->used += b->kept - before; dbg_http[2]+=cpu_()-t0;
        return true;
}

void http_body_release(struct http_body *b, struct http_budget *budget)
{
        budget->used -= b->kept; long t0=cpu_();
        if (b->is_mapped)
                munmap(b->base, b->capacity);
        else
                free(b->base);
        *b = (struct http_body){ 0 };dbg_http[3]+=cpu_()-t0;
}
