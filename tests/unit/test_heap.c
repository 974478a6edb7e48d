/* SPDX-License-Identifier: Apache-2.0 */
/* Memory is there before it is asked for, and malloc hands it out. */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "check.h"
#include "heap.h"

#define AHEAD ((size_t)32 << 20)
#define PIECE ((size_t)100000)

static uv_loop_t loop;

static size_t resident(void)
{
        size_t bytes;

        CHECK_INT(uv_resident_set_memory(&bytes), 0);
        return bytes;
}

static void get_ahead(size_t bytes)
{
        struct heap_reserve reserve = { 0 };

        heap_get_ahead(&reserve, &loop, bytes);
        CHECK_INT(uv_run(&loop, UV_RUN_DEFAULT), 0);
}

static void memory_is_there_before_it_is_asked_for(void)
{
        size_t before = resident();

        get_ahead(AHEAD);
        CHECK(resident() - before >= AHEAD / 2);
}

static void more_than_the_most_is_not_got(void)
{
        size_t before = resident();

        get_ahead(100 * HEAP_RESERVE_MOST);
        CHECK(resident() - before <= HEAP_RESERVE_MOST + AHEAD);
}

/* A sanitizer's malloc does not hand out again what was freed a moment ago. */
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)
static long page_faults(void)
{
        struct rusage usage;

        CHECK_INT(getrusage(RUSAGE_SELF, &usage), 0);
        return usage.ru_minflt;
}

static void fill_pieces(void *pieces[], size_t n)
{
        for (size_t i = 0; i < n; i++) {
                pieces[i] = malloc(PIECE);
                memset(pieces[i], 'x', PIECE);
        }
}

static void what_malloc_hands_out_costs_no_page_fault(void)
{
        static void *pieces[AHEAD / 2 / PIECE];
        size_t n = sizeof pieces / sizeof *pieces;
        long before;

        get_ahead(AHEAD);
        for (int again = 0; again < 2; again++) {
                before = page_faults();
                fill_pieces(pieces, n);
                CHECK(page_faults() - before < 100);
                for (size_t i = 0; i < n; i++)
                        free(pieces[i]);
        }
}
#endif

int main(void)
{
        heap_configure();
        CHECK_INT(uv_loop_init(&loop), 0);
        RUN(memory_is_there_before_it_is_asked_for);
        RUN(more_than_the_most_is_not_got);
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)
        RUN(what_malloc_hands_out_costs_no_page_fault);
#endif
        CHECK_INT(uv_loop_close(&loop), 0);
        return 0;
}
