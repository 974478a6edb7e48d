/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CLIENT_SOURCE_INBOX_H
#define CRR_SRC_CLIENT_SOURCE_INBOX_H

#include <stdbool.h>
#include <stddef.h>

#include <uv.h>

#include "source_fetch.h"
#include "source_request.h"

/*
 * Answers that came and are not read yet, the oldest first. However many come at once, a turn of
 * the loop reads no more of them than a few milliseconds allow; the loop does not wait meanwhile.
 * Large ones are read by a thread of libuv's pool, one at a time, beside the others.
 *
 * Ownership  A fetch in here owns its answer (`http.answer`), until it is read or dropped. The pool
 *            is lent one; dropped meanwhile, it is freed when the pool is done.
 * Cost       SOURCE_TURN_BYTES of answers in a turn; LIMIT_WORK_ENTRIES.
 * Threads    Loop thread only.
 */
#define SOURCE_TURN_BYTES  ((size_t)128 << 10)
#define SOURCE_LARGE_BYTES ((size_t)64 << 10)

/* Nothing more is asked for while so much is not read: what is out comes on top. */
#define SOURCE_INBOX_BYTES ((size_t)4 << 20)

struct source_inbox {
        struct fetch_list list, large;
        size_t bytes; /* of the answers in them, that which the pool has included */
        struct source_reader reader;
        uv_prepare_t due;
        uv_idle_t awake;
        /* It is in no list then; the object is his. */
        void (*on_read)(struct fetch *f, struct source_said *said);

        struct {
                uv_work_t work;
                bool is_busy;
                struct fetch *fetch; /* the first of `large`; NULL: it was dropped */
                struct source_reader reader;
                int status;
                struct buf answer;
                struct source_said said;
        } pool;

        unsigned open_parts;
        void (*closed)(void *data);
        void *closed_data;
};

void source_inbox_init(struct source_inbox *in, uv_loop_t *loop,
                       void (*on_read)(struct fetch *f, struct source_said *said));

/* Read later; never from inside this. */
void source_inbox_add(struct source_inbox *in, struct fetch *f);
bool source_inbox_has(const struct source_inbox *in, const struct fetch *f);
void source_inbox_drop(struct source_inbox *in, struct fetch *f); /* out of it, unread */
struct fetch *source_inbox_first(const struct source_inbox *in);  /* NULL: it is empty */
bool source_inbox_is_full(const struct source_inbox *in);

void source_inbox_close(struct source_inbox *in, void (*closed)(void *data),
                        void *data); /* empty */

#endif
