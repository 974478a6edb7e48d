/* SPDX-License-Identifier: Apache-2.0 */
#include "crr/base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "digits.h"

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

/* There is a byte behind the capacity, for the NUL of buf_printf(). */
static void grow(struct buf *b, size_t wanted)
{
        size_t capacity = b->capacity > 0 ? b->capacity : FIRST_CAPACITY;

        while (capacity < wanted)
                capacity = capacity > SIZE_MAX / 4 ? wanted : 2 * capacity;
        if (capacity > b->limit)
                capacity = b->limit;
        b->base = realloc(b->base, capacity + 1);
        if (b->base == NULL)
                abort();
        b->capacity = capacity;
}

char *buf_make_room(struct buf *b, size_t n)
{
        if (b->overflow || n > b->limit - b->len) {
                b->overflow = true;
                return NULL;
        }
        if (b->base == NULL || n > b->capacity - b->len)
                grow(b, b->len + n);
        return b->base + b->len;
}

void buf_append_u64(struct buf *b, uint64_t value)
{
        char digits[DIGITS_MAX], *end = digits + sizeof digits;
        const char *begin = digits_put_before(end, value);

        buf_append(b, begin, (size_t)(end - begin));
}

void buf_printf(struct buf *b, const char *format, ...)
{
        size_t room = b->base != NULL && !b->overflow ? b->capacity - b->len + 1 : 0;
        char *more;
        va_list ap;
        int n;

        va_start(ap, format);
        n = vsnprintf(room > 0 ? b->base + b->len : NULL, room, format, ap);
        va_end(ap);
        if (n < 0) {
                b->overflow = true;
                return;
        }
        if ((size_t)n >= room) {
                more = buf_reserve(b, (size_t)n);
                if (more == NULL)
                        return;
                va_start(ap, format);
                vsnprintf(more, (size_t)n + 1, format, ap);
                va_end(ap);
        }
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
