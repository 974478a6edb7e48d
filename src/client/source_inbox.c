/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: an answer is added while the loop polls, and read before it polls again; a
 * large one goes to the pool when the one before it has come back, and is read when it is back.
 *
 * Possible failures:
 *  - more come at once than a turn may read: the rest waits for the turns that follow, and these
 *    begin at once;
 *  - one is dropped while the pool has it: what the pool makes of it is freed.
 */
#include "source_inbox.h"

#include <assert.h>
#include <stdlib.h>

#include "crr/base/limits.h"

static void on_awake(uv_idle_t *idle)
{
        (void)idle;
}

static void take(struct source_inbox *in, struct fetch *f)
{
        assert(source_inbox_has(in, f) && in->bytes >= f->http.answer.len);
        in->bytes -= f->http.answer.len;
        fetch_take(f);
}

static void read_it(struct source_inbox *in, struct fetch *f)
{
        struct source_said said;

        take(in, f);
        source_read(&in->reader, f->http.status, buf_str(&f->http.answer), &said);
        buf_deinit(&f->http.answer);
        in->on_read(f, &said);
}

static void on_due(uv_prepare_t *due)
{
        struct source_inbox *in = due->data;
        size_t left = SOURCE_TURN_BYTES;
        struct fetch *f;

        for (unsigned n = 0; n < LIMIT_WORK_ENTRIES && (f = in->list.first) != NULL; n++) {
                size_t len = f->http.answer.len;

                if (len > left)
                        break;
                left -= len;
                read_it(in, f);
        }
        if (in->list.first != NULL)
                return;
        uv_prepare_stop(&in->due);
        uv_idle_stop(&in->awake);
}

/* LARGE ONES */

static void begin_large(struct source_inbox *in);
static void tell_closed_if_so(struct source_inbox *in);

static void pool_read(uv_work_t *work)
{
        struct source_inbox *in = work->data;

        source_read(&in->pool.reader, in->pool.status, buf_str(&in->pool.answer), &in->pool.said);
}

static void pool_on_read(uv_work_t *work, int status)
{
        struct source_inbox *in = work->data;
        struct fetch *f = in->pool.fetch;

        assert(status == 0); /* nobody cancels it */
        in->pool.is_busy = false;
        if (f != NULL) {
                in->bytes -= in->pool.answer.len;
                fetch_take(f);
                in->on_read(f, &in->pool.said);
        } else {
                backbeat_object_free(in->pool.said.object);
        }
        buf_deinit(&in->pool.answer);
        begin_large(in);
        tell_closed_if_so(in);
}

static void begin_large(struct source_inbox *in)
{
        struct fetch *f = in->large.first;

        if (in->pool.is_busy || f == NULL)
                return;
        in->pool.is_busy = true;
        in->pool.fetch = f;
        in->pool.status = f->http.status;
        in->pool.answer = f->http.answer;
        buf_init(&f->http.answer, 0);
        if (uv_queue_work(in->due.loop, &in->pool.work, pool_read, pool_on_read) != 0)
                abort();
}

/* FACE */

void source_inbox_init(struct source_inbox *in, uv_loop_t *loop,
                       void (*on_read)(struct fetch *f, struct source_said *said))
{
        *in = (struct source_inbox){ .on_read = on_read, .open_parts = 2 };
        source_reader_init(&in->reader);
        source_reader_init(&in->pool.reader);
        uv_prepare_init(loop, &in->due);
        uv_idle_init(loop, &in->awake);
        in->due.data = in->awake.data = in->pool.work.data = in;
}

void source_inbox_add(struct source_inbox *in, struct fetch *f)
{
        in->bytes += f->http.answer.len;
        if (f->http.answer.len > SOURCE_LARGE_BYTES) {
                fetch_move(f, &in->large);
                begin_large(in);
                return;
        }
        fetch_move(f, &in->list);
        uv_prepare_start(&in->due, on_due);
        uv_idle_start(&in->awake, on_awake);
}

bool source_inbox_has(const struct source_inbox *in, const struct fetch *f)
{
        return f->in == &in->list || f->in == &in->large;
}

void source_inbox_drop(struct source_inbox *in, struct fetch *f)
{
        if (in->pool.is_busy && in->pool.fetch == f) {
                in->pool.fetch = NULL;
                in->bytes -= in->pool.answer.len; /* what waits for room shall not wait for it */
        }
        take(in, f);
        buf_deinit(&f->http.answer);
}

struct fetch *source_inbox_first(const struct source_inbox *in)
{
        return in->list.first != NULL ? in->list.first : in->large.first;
}

bool source_inbox_is_full(const struct source_inbox *in)
{
        return in->bytes >= SOURCE_INBOX_BYTES;
}

/* CLOSING */

static void tell_closed_if_so(struct source_inbox *in)
{
        if (in->open_parts > 0 || in->pool.is_busy)
                return;
        source_reader_deinit(&in->reader);
        source_reader_deinit(&in->pool.reader);
        in->closed(in->closed_data);
}

static void on_handle_closed(uv_handle_t *handle)
{
        struct source_inbox *in = handle->data;

        in->open_parts--;
        tell_closed_if_so(in);
}

void source_inbox_close(struct source_inbox *in, void (*closed)(void *data), void *data)
{
        assert(source_inbox_first(in) == NULL);
        in->closed = closed;
        in->closed_data = data;
        uv_close((uv_handle_t *)&in->due, on_handle_closed);
        uv_close((uv_handle_t *)&in->awake, on_handle_closed);
}
