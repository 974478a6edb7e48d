/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_DAEMON_HELPER_H
#define CRR_SRC_DAEMON_HELPER_H

#include <stdbool.h>

#include <uv.h>

#include "crr/core/helpers.h"

/*
 * Helper: one thread that works with the loop, and for it. It takes a few parts at a time, as the
 * loop does, until none is left; one that has no processor just then is waited for only if it has
 * begun some.
 */
struct helper {
        struct helpers port;
        uv_thread_t thread;
        uv_mutex_t lock; /* of all that follows */
        uv_cond_t more, idle;
        helpers_part part;
        void *data;
        size_t next, n;
        bool is_working, stop;
};

/* NULL: one processor is all there is, or no thread is to be had. */
struct helper *helper_new(void);
void helper_free(struct helper *h);

#endif
