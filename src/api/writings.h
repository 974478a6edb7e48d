/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_WRITINGS_H
#define API_WRITINGS_H

#include <stdbool.h>

/*
 * Large answers, written a slice a turn, so that they hold the loop for no longer than small ones.
 *
 * Ownership  A writing is embedded by the caller and borrowed until write() says that it is over:
 *            then it is answered, and gone.
 */
struct writing {
        bool (*write)(struct writing *w); /* a slice; false: there is more */
        struct writing *next;
};

struct writings;

struct writings *writings_new(void);
void writings_free(struct writings *s); /* what waits is written to its end */

/* The first slice at once, the others one a turn; those that came first first. */
void writings_begin(struct writings *s, struct writing *w);
bool writings_work(struct writings *s); /* true: there was work, and perhaps there is more */

#endif
