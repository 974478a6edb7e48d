/* SPDX-License-Identifier: Apache-2.0 */
#include "crr/base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 256

void buf_init(struct buf *b, size_t limit)
{
        *b = (struct buf){ .limit = limit };
}

void buf_deinit(struct buf *b)
{
        free(b->base);
        *b = (struct buf){ .limit = b->limit };
}

void buf_clear(struct buf *b)
{
        b->len = 0;
        b->overflow = false;
}

static void grow(struct buf *b, size_t wanted)
{
        size_t capacity = b->capacity > 0 ? b->capacity : FIRST_CAPACITY;

        while (capacity < wanted)
                capacity = capacity > SIZE_MAX / 2 ? wanted : 2 * capacity;
        b->base = realloc(b->base, capacity);
        if (b->base == NULL)
                abort();
        b->capacity = capacity;
}

char *buf_reserve(struct buf *b, size_t n)
{
        if (b->overflow || n > b->limit - b->len) {
                b->overflow = true;
                return NULL;
        }
        if (b->base == NULL || b->len + n > b->capacity)
                grow(b, b->len + n);
        return b->base + b->len;
}

void buf_append(struct buf *b, const void *bytes, size_t n)
{
        char *room = buf_reserve(b, n);

        if (room == NULL || n == 0)
                return;
        memcpy(room, bytes, n);
        b->len += n;
}

void buf_append_str(struct buf *b, struct str s)
{
        buf_append(b, s.base, s.len);
}

void buf_append_c(struct buf *b, const char *text)
{
        buf_append(b, text, strlen(text));
}

void buf_append_char(struct buf *b, char c)
{
        buf_append(b, &c, 1);
}

void buf_printf(struct buf *b, const char *format, ...)
{
        va_list ap;
        int n;

        va_start(ap, format);
        n = vsnprintf(NULL, 0, format, ap);
        va_end(ap);
        if (n < 0 || b->overflow || (size_t)n > b->limit - b->len) {
                b->overflow = true;
                return;
        }
        if (b->base == NULL || b->len + (size_t)n + 1 > b->capacity)
                grow(b, b->len + (size_t)n + 1); /* the NUL is not a byte of ours */
        va_start(ap, format);
        vsnprintf(b->base + b->len, (size_t)n + 1, format, ap);
        va_end(ap);
        b->len += (size_t)n;
}

struct str buf_str(const struct buf *b)
{
        return (struct str){ b->base != NULL ? b->base : "", b->len };
}

struct buf buf_move(struct buf *b)
{
        struct buf moved = *b;

        buf_init(b, moved.limit);
        return moved;
}
