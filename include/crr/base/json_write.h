/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_BASE_JSON_WRITE_H
#define CRR_BASE_JSON_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "crr/base/buf.h"
#include "crr/base/json_read.h"
#include "crr/base/str.h"

/*
 * JSON by appending to a buffer: commas and colons are placed here, so that no caller can misplace
 * one.
 *
 * Cost    What copying the bytes costs, and a look at each of a string; names that are literals are
 *         copied without one.
 * Errors  The buffer's overflow. Strings must be UTF-8 already (a table never holds others);
 *         control characters, quotes and backslashes are escaped, '/' is not.
 */
struct json_writer {
        struct buf *out;
        bool comma; /* a value stands before the next one in this container */
};

void json_writer_init(struct json_writer *w, struct buf *out);

void json_object_open(struct json_writer *w);
void json_object_close(struct json_writer *w);
void json_array_open(struct json_writer *w);
void json_array_close(struct json_writer *w);
void json_key_str(struct json_writer *w, struct str name); /* any name */
void json_str(struct json_writer *w, struct str value);
void json_c(struct json_writer *w, const char *value);
void json_int(struct json_writer *w, int64_t value);
void json_u64(struct json_writer *w, uint64_t value);
void json_double(struct json_writer *w,
                 double value); /* shortest form that reads back; finite only */
void json_bool(struct json_writer *w, bool value);
void json_null(struct json_writer *w);
void json_time(struct json_writer *w, int64_t ms);     /* RFC 3339 UTC with milliseconds */
void json_raw(struct json_writer *w, struct str json); /* JSON made elsewhere, as one value */

/* A value as it was read, numbers digit for digit; an object or array is opened only. */
void json_copy(struct json_writer *w, const struct json_value *v);

/* "name": at `at`, where there is room; the end of it. */
static inline char *json_put_name(char *at, const char *name, size_t n)
{
        *at++ = '"';
        memcpy(at, name, n);
        at += n;
        *at++ = '"';
        *at++ = ':';
        return at;
}

static inline void json_key(struct json_writer *w, const char *name) /* needs no escape */
{
        size_t n = strlen(name);
        char *at = buf_reserve(w->out, n + 4);

        if (at == NULL)
                return;
        if (w->comma)
                *at++ = ',';
        at = json_put_name(at, name, n);
        w->out->len = (size_t)(at - w->out->base);
        w->comma = false;
}

/*
 * A flat object whose size has a bound, written through a pointer: for pages of many.
 *
 *     at = begin = json_row_begin(w, JSON_ROW_ROOM(n_members, strings))
 *     at = json_row_str(json_row_name(at, "Bucket"), bucket) ...
 *     json_row_end(w, begin, at)
 *
 * `strings`: the bytes of all string values together. Names have at most 24 bytes, and there is at
 * least one member.
 */
#define JSON_ROW_ROOM(members, strings) ((size_t)64 * (members) + (size_t)6 * (strings) + 2)

char *json_row_begin(struct json_writer *w, size_t room); /* NULL past the limit */
char *json_row_str(char *at, struct str value);
char *json_row_u64(char *at, uint64_t value);
char *json_row_time(char *at, int64_t ms);
void json_row_end(struct json_writer *w, char *begin, char *at);

/* Every name has a comma before it; json_row_end() makes a brace of the first. */
static inline char *json_row_name(char *at, const char *name)
{
        *at++ = ',';
        return json_put_name(at, name, strlen(name));
}

#endif
