/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_BASE_JSON_WRITE_H
#define CRR_BASE_JSON_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "crr/base/buf.h"
#include "crr/base/str.h"

/*
 * JSON by appending to a buffer: commas and colons are placed here, so that no caller can misplace
 * one.
 *
 * Errors  The buffer's overflow. Strings must be UTF-8 already (a table never holds others);
 * control characters, quotes and backslashes are escaped, '/' is not.
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
void json_key(struct json_writer *w, const char *name);    /* a literal that needs no escape */
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

#endif
