/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_SPAN_H
#define CRR_SRC_CORE_SPAN_H

#include <stdbool.h>
#include <stdint.h>

#include "crr/base/buf.h"

/* A decoded string: where it stands in the text that it was read from, if it has no escapes there,
 * or in a buffer, which may move while it grows. Zeroed: absent. */
struct span {
        const char *base; /* NULL: in the buffer */
        size_t at, len;
        bool present;
};

static inline struct span span_in_text(struct str text)
{
        return (struct span){ text.base, 0, text.len, true };
}

static inline struct span span_in_buf(size_t at, size_t len)
{
        return (struct span){ NULL, at, len, true };
}

/* A string that a reader of `whole` decoded, and lends until its handler returns. */
static inline struct span span_keep(struct str text, struct str whole, struct buf *buf)
{
        uintptr_t begin = (uintptr_t)whole.base, at = (uintptr_t)text.base;
        size_t to = buf->len;

        if (at >= begin && at + text.len <= begin + whole.len)
                return span_in_text(text);
        buf_append_str(buf, text);
        return span_in_buf(to, text.len);
}

/* The buffer does not grow any more. */
static inline struct str span_str(struct span span, const struct buf *buf)
{
        if (!span.present)
                return STR_ABSENT;
        if (span.base != NULL)
                return (struct str){ span.base, span.len };
        return (struct str){ buf_str(buf).base + span.at, span.len };
}

#endif
