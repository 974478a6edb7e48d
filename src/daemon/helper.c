/* SPDX-License-Identifier: Apache-2.0 */
#include "helper.h"

#include <stdlib.h>

#define AT_ONCE 8 /* parts */

/* The lock is held here, and again when it returns. False: there is nothing left. */
static bool take_some(struct helper *h, unsigned worker)
{
        size_t from = h->next, to = h->n - from < AT_ONCE ? h->n : from + AT_ONCE;
        helpers_part part = h->part;
        void *data = h->data;

        if (from == to)
                return false;
        h->next = to;
        uv_mutex_unlock(&h->lock);
        for (size_t i = from; i < to; i++)
                part(data, worker, i);
        uv_mutex_lock(&h->lock);
        return true;
}

static void help(void *data)
{
        struct helper *h = data;

        uv_mutex_lock(&h->lock);
        while (!h->stop) {
                if (h->next == h->n) {
                        uv_cond_wait(&h->more, &h->lock);
                        continue;
                }
                h->is_working = true;
                while (take_some(h, 1))
                        ;
                h->is_working = false;
                uv_cond_signal(&h->idle);
        }
        uv_mutex_unlock(&h->lock);
}

static void begin(struct helpers *port, helpers_part part, void *data, size_t n)
{
        struct helper *h = (struct helper *)port;

        uv_mutex_lock(&h->lock);
        h->part = part;
        h->data = data;
        h->next = 0;
        h->n = n;
        uv_cond_signal(&h->more);
        uv_mutex_unlock(&h->lock);
}

static void end(struct helpers *port)
{
        struct helper *h = (struct helper *)port;

        uv_mutex_lock(&h->lock);
        while (take_some(h, 0))
                ;
        while (h->is_working)
                uv_cond_wait(&h->idle, &h->lock);
        uv_mutex_unlock(&h->lock);
}

struct helper *helper_new(void)
{
        struct helper *h = uv_available_parallelism() > 1 ? calloc(1, sizeof *h) : NULL;

        if (h == NULL)
                return NULL;
        h->port = (struct helpers){ begin, end };
        if (uv_mutex_init(&h->lock) != 0 || uv_cond_init(&h->more) != 0 ||
            uv_cond_init(&h->idle) != 0)
                abort();
        if (uv_thread_create(&h->thread, help, h) == 0)
                return h;
        uv_cond_destroy(&h->idle);
        uv_cond_destroy(&h->more);
        uv_mutex_destroy(&h->lock);
        free(h);
        return NULL;
}

void helper_free(struct helper *h)
{
        if (h == NULL)
                return;
        uv_mutex_lock(&h->lock);
        h->stop = true;
        uv_cond_signal(&h->more);
        uv_mutex_unlock(&h->lock);
        uv_thread_join(&h->thread);
        uv_cond_destroy(&h->idle);
        uv_cond_destroy(&h->more);
        uv_mutex_destroy(&h->lock);
        free(h);
}
