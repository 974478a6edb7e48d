/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_BASE_BUF_H
#define CRR_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "crr/base/str.h"

/*
 * A growing array of bytes with a hard limit.
 *
 * Ownership  The buffer owns its bytes; a view of them ends at the next append.
 * Errors     Past the limit nothing is appended and `overflow` stays set: check
 *            once at the end. Out of memory aborts (a restart replays the log).
 */
struct buf {
        char *base;
        size_t len, capacity, limit;
        bool overflow;
};

void buf_init(struct buf *b, size_t limit); /* allocates nothing */
void buf_deinit(struct buf *b);
void buf_clear(struct buf *b); /* keeps the memory; clears overflow */
void buf_append(struct buf *b, const void *bytes, size_t n);
void buf_append_str(struct buf *b, struct str s);
void buf_append_c(struct buf *b, const char *text);
void buf_append_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Room for n more bytes at base + len, or NULL past the limit; the caller adds to len what it used.
 */
char *buf_reserve(struct buf *b, size_t n);

struct str buf_str(const struct buf *b);
struct buf buf_move(struct buf *b); /* the bytes change hands; *b is empty again, same limit */

#endif
