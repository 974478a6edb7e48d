/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: an answer is added while the loop polls, and read before it polls again.
 *
 * Possible failures: more come at once than a turn may read: the rest waits for the turns that
 * follow, each of which begins at once.
 */
#include "source_inbox.h"

#include <assert.h>

#include "crr/base/limits.h"

static void on_awake(uv_idle_t *idle)
{
        (void)idle;
}

static void take(struct source_inbox *in, struct fetch *f)
{
        assert(f->in == &in->list && in->bytes >= f->http.answer.len);
        in->bytes -= f->http.answer.len;
        fetch_take(f);
}

static void on_due(uv_prepare_t *due)
{
        struct source_inbox *in = due->data;
        size_t left = SOURCE_TURN_BYTES;
        struct fetch *f;

        for (unsigned n = 0; n < LIMIT_WORK_ENTRIES && (f = in->list.first) != NULL; n++) {
                size_t len = f->http.answer.len;

                if (len > left && n > 0)
                        break;
                left -= len < left ? len : left;
                take(in, f);
                in->read(f);
        }
        if (in->list.first != NULL)
                return;
        uv_prepare_stop(&in->due);
        uv_idle_stop(&in->awake);
}

void source_inbox_init(struct source_inbox *in, uv_loop_t *loop, void (*read)(struct fetch *f))
{
        *in = (struct source_inbox){ .read = read, .open_handles = 2 };
        uv_prepare_init(loop, &in->due);
        uv_idle_init(loop, &in->awake);
        in->due.data = in->awake.data = in;
}

void source_inbox_add(struct source_inbox *in, struct fetch *f)
{
        fetch_move(f, &in->list);
        in->bytes += f->http.answer.len;
        uv_prepare_start(&in->due, on_due);
        uv_idle_start(&in->awake, on_awake);
}

void source_inbox_drop(struct source_inbox *in, struct fetch *f)
{
        take(in, f);
        buf_deinit(&f->http.answer);
}

bool source_inbox_is_full(const struct source_inbox *in)
{
        return in->bytes >= SOURCE_INBOX_BYTES;
}

static void on_handle_closed(uv_handle_t *handle)
{
        struct source_inbox *in = handle->data;

        if (--in->open_handles == 0)
                in->closed(in->closed_data);
}

void source_inbox_close(struct source_inbox *in, void (*closed)(void *data), void *data)
{
        in->closed = closed;
        in->closed_data = data;
        uv_close((uv_handle_t *)&in->due, on_handle_closed);
        uv_close((uv_handle_t *)&in->awake, on_handle_closed);
}
