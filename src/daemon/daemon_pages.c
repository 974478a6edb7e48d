/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that the table will write soon is touched by a thread of libuv's pool: the kernel clears
 * it, which takes longer than any work of the table.
 */
#include <stdlib.h>

#include "crr/base/region.h"
#include "daemon_private.h"

static void touch(uv_work_t *work)
{
        struct daemon *d = work->data;

        region_touch(d->pages.range.base, d->pages.range.bytes);
}

static void pages_on_touched(uv_work_t *work, int status)
{
        struct daemon *d = work->data;

        (void)status;
        d->pages.is_touching = false;
        member_got_pages(d->member, &d->pages.range);
}

void daemon_get_pages(struct daemon *d)
{
        if (d->pages.is_touching || !member_wants_pages(d->member, &d->pages.range))
                return;
        d->pages.is_touching = true;
        d->pages.work.data = d;
        if (uv_queue_work(&d->loop, &d->pages.work, touch, pages_on_touched) != 0)
                abort();
}
