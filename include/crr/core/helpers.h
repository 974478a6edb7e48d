/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_CORE_HELPERS_H
#define CRR_CORE_HELPERS_H

#include <stddef.h>

/*
 * Port: other threads that take a part of a calculation.
 *
 * begin() lets them call part(data, worker, i) for each i below n, once each, in any order, some at
 * the same time; the caller goes on with something else. end() takes what is left, as worker 0, and
 * returns when all are done. `worker` is below HELPERS_WORKERS, and no two calls at the same time
 * have the same: it names the scratch to use. One calculation at a time.
 *
 * Threads  Both are the loop's. A part reads what is lent to it until end(), and writes what is its
 *          own, or its worker's; it counts, logs and allocates nothing that others see.
 * Cost     Waking a helper takes some microseconds: for work of more than a hundred.
 */
#define HELPERS_WORKERS 2

typedef void (*helpers_part)(void *data, unsigned worker, size_t i);

struct helpers {
        void (*begin)(struct helpers *h, helpers_part part, void *data, size_t n);
        void (*end)(struct helpers *h);
};

#endif
