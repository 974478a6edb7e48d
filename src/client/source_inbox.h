/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CLIENT_SOURCE_INBOX_H
#define CRR_SRC_CLIENT_SOURCE_INBOX_H

#include <stdbool.h>
#include <stddef.h>

#include <uv.h>

#include "source_fetch.h"

/*
 * Answers that came and are not read yet, the oldest first. However many come at once, a turn of
 * the loop reads no more of them than a few milliseconds allow; the loop does not wait meanwhile.
 *
 * Ownership  A fetch in here owns its answer (`http.answer`); who reads or drops it frees that.
 * Cost       SOURCE_TURN_BYTES of answers in a turn, or one that is larger; LIMIT_WORK_ENTRIES.
 * Threads    Loop thread only.
 */
#define SOURCE_TURN_BYTES ((size_t)128 << 10)

/* Nothing more is asked for while so much is not read: what is out comes on top. */
#define SOURCE_INBOX_BYTES ((size_t)4 << 20)

struct source_inbox {
        struct fetch_list list;
        size_t bytes; /* of the answers in it */
        uv_prepare_t due;
        uv_idle_t awake;
        void (*read)(struct fetch *f); /* it is in no list then */
        unsigned open_handles;
        void (*closed)(void *data);
        void *closed_data;
};

void source_inbox_init(struct source_inbox *in, uv_loop_t *loop, void (*read)(struct fetch *f));

/* Read before the loop waits again; never from inside this. */
void source_inbox_add(struct source_inbox *in, struct fetch *f);
void source_inbox_drop(struct source_inbox *in, struct fetch *f); /* out of it, unread */
bool source_inbox_is_full(const struct source_inbox *in);

void source_inbox_close(struct source_inbox *in, void (*closed)(void *data), void *data);

#endif
