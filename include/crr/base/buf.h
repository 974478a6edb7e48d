/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_BASE_BUF_H
#define CRR_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

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
        size_t len, capacity, limit; /* len <= capacity <= limit */
        bool overflow;
};

void buf_init(struct buf *b, size_t limit); /* allocates nothing */
void buf_deinit(struct buf *b);
void buf_clear(struct buf *b);                      /* keeps the memory; clears overflow */
void buf_append_u64(struct buf *b, uint64_t value); /* in decimal */
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

char *buf_make_room(struct buf *b, size_t n); /* buf_reserve() where there is none yet */

/* Room for n more bytes at base + len, or NULL past the limit; the caller adds to len what it used.
 */
static inline char *buf_reserve(struct buf *b, size_t n)
{
        if (b->overflow || n > b->capacity - b->len || b->base == NULL)
                return buf_make_room(b, n);
        return b->base + b->len;
}

static inline void buf_append(struct buf *b, const void *bytes, size_t n)
{
        char *room = buf_reserve(b, n);

        if (room == NULL || n == 0)
                return;
        memcpy(room, bytes, n);
        b->len += n;
}

static inline void buf_append_str(struct buf *b, struct str s)
{
        buf_append(b, s.base, s.len);
}

static inline void buf_append_c(struct buf *b, const char *text)
{
        buf_append(b, text, strlen(text));
}

static inline void buf_append_char(struct buf *b, char c)
{
        char *room = buf_reserve(b, 1);

        if (room == NULL)
                return;
        *room = c;
        b->len++;
}

struct str buf_str(const struct buf *b);
struct buf buf_move(struct buf *b); /* the bytes change hands; *b is empty again, same limit */

#endif
