/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_BASE_URL_H
#define CRR_BASE_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "crr/base/arena.h"
#include "crr/base/buf.h"
#include "crr/base/error.h"
#include "crr/base/str.h"

/*
 * Percent-encoding and queries (RFC 3986), byte by byte: nothing here knows UTF-8.
 */

void url_encode(struct buf *out, struct str s); /* all but A-Z a-z 0-9 - . _ ~ ; upper-case hex */
void url_encode_component(struct buf *out,
                          struct str s); /* JavaScript's encodeURIComponent: keeps ! * ' ( ) too */

/* Is it spelled as url_encode() would spell it? Then it can be decoded. */
bool url_is_encoded(struct str s);

/* False on a bad escape. plus_is_space: as in queries. What is appended before the fault stays.
 * Wants room for the text as it is. */
bool url_decode(struct buf *out, struct str s, bool plus_is_space);

#define URL_MAX_PARAMS 32

struct url_param {
        struct str name, value; /* decoded; value is empty for "name" and "name=" */
};

struct url_query {
        struct url_param params[URL_MAX_PARAMS];
        size_t n;
};

/*
 * Parse "a=1&b=2" into decoded pairs that live in the arena. ERR_INVALID_QUERY names the parameter:
 * a bad escape, not UTF-8, a name twice, too many.  Empty pieces ("&&") are skipped.
 */
int url_query_parse(struct url_query *q, struct str text, struct arena *arena, struct error *err);
const struct url_param *url_query_find(const struct url_query *q,
                                       const char *name); /* NULL: absent */

#endif
