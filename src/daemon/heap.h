/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_DAEMON_HEAP_H
#define CRR_SRC_DAEMON_HEAP_H

#include <stddef.h>

#include <uv.h>

/*
 * How malloc deals with the system's memory: it keeps what a burst of requests needs, and has it
 * before the first one comes. Memory that was given back has to be cleared by the kernel when it is
 * taken again, a page at a time, by the loop; where the machine is a virtual one its host may take
 * milliseconds to find some.
 */

/* First of all in the process, before there is another thread. */
void heap_configure(void);

struct heap_reserve {
        uv_work_t work;
        void *pieces[8];
        size_t piece_bytes;
};

/* Get `bytes` of memory (at most HEAP_RESERVE_MOST), let a thread of libuv's pool touch them, and
 * give them to malloc, which hands them out first. The loop runs until they are. */
#define HEAP_RESERVE_MOST ((size_t)128 << 20)
void heap_get_ahead(struct heap_reserve *r, uv_loop_t *loop, size_t bytes);

#endif
