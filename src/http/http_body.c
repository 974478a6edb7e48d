/* SPDX-License-Identifier: Apache-2.0 */
#include "http_body.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define FIRST_BYTES ((size_t)512)

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
        char *pages =
                mmap(NULL, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

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
                return true;
        if (!make_room(b, b->len + n))
                return false;
        memcpy(b->base + b->len, bytes, n);
        b->len += n;
        if (b->is_mapped)
                b->kept = http_pages_of(b->len);
        http_budget_receive(budget, before, b->kept);
        return true;
}

/* GIVING BACK */

/* Stands at the beginning of the pages that it is about. */
struct http_pages {
        struct http_pages *next;
        size_t size;
};

static void leave(struct http_body *b, struct http_budget *budget)
{
        struct http_pages *pages = (struct http_pages *)b->base;

        if (b->kept < b->capacity)
                munmap(b->base + b->kept, b->capacity - b->kept); /* without memory: no work */
        *pages = (struct http_pages){ .next = budget->leaving, .size = b->kept };
        budget->leaving = pages;
}

void http_body_release(struct http_body *b, struct http_budget *budget)
{
        if (b->is_mapped) {
                leave(b, budget);
        } else {
                http_budget_receive(budget, b->kept, 0);
                free(b->base);
        }
        *b = (struct http_body){ 0 };
}

bool http_budget_work(struct http_budget *budget)
{
        struct http_pages *pages = budget->leaving;
        size_t n;

        if (pages == NULL)
                return false;
        n = pages->size < HTTP_GIVEN_BACK ? pages->size : HTTP_GIVEN_BACK;
        pages->size -= n;
        if (pages->size == 0)
                budget->leaving = pages->next;
        munmap((char *)pages + pages->size, n);
        http_budget_receive(budget, n, 0);
        return budget->leaving != NULL;
}
