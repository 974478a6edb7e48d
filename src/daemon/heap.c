/* SPDX-License-Identifier: Apache-2.0 */
#include "heap.h"

#include <malloc.h>
#include <stdlib.h>

#include "crr/base/region.h"

#define KEPT_BYTES (256 << 20) /* free at the heap's end, before any of it is given back */
#define OWN_BYTES  (32 << 20)  /* a piece of so many is mapped by itself; glibc's most */

/*
 * What glibc does else: a piece of 128 KiB or more is mapped, and unmapped when it is freed, until
 * it has seen larger ones (bodies and answers of bulk requests are of that size); and the heap's
 * end is given back beyond twice the largest. Small pieces that are freed it sets aside, and looks
 * at all of them whenever a large one is freed, which are the records that Kafka has taken: merged
 * at once, they cost the transaction thread a third less.
 */
void heap_configure(void)
{
#ifdef __GLIBC__
        mallopt(M_MMAP_THRESHOLD, OWN_BYTES);
        mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
        mallopt(M_MXFAST, 0);
#endif
}

#define PIECES (sizeof((struct heap_reserve *)0)->pieces / sizeof(void *))

static void touch(uv_work_t *work)
{
        struct heap_reserve *r = work->data;

        for (size_t i = 0; i < PIECES; i++)
                region_touch(r->pieces[i], r->piece_bytes);
}

static void heap_on_touched(uv_work_t *work, int status)
{
        struct heap_reserve *r = work->data;

        (void)status;
        for (size_t i = 0; i < PIECES; i++) {
                free(r->pieces[i]);
                r->pieces[i] = NULL;
        }
}

/* In pieces that are not mapped by themselves. */
void heap_get_ahead(struct heap_reserve *r, uv_loop_t *loop, size_t bytes)
{
        if (bytes > HEAP_RESERVE_MOST)
                bytes = HEAP_RESERVE_MOST;
        r->piece_bytes = bytes / PIECES;
        for (size_t i = 0; i < PIECES; i++) {
                r->pieces[i] = malloc(r->piece_bytes + 1);
                if (r->pieces[i] == NULL)
                        abort();
        }
        r->work.data = r;
        if (uv_queue_work(loop, &r->work, touch, heap_on_touched) != 0)
                abort();
}
