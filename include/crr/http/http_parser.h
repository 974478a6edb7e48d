/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_HTTP_HTTP_PARSER_H
#define CRR_HTTP_HTTP_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crr/base/buf.h"
#include "crr/base/error.h"
#include "crr/base/str.h"

/*
 * Bytes of one connection into requests: llhttp in its strict mode, and on top of it the checks and
 * limits that it lacks. It knows no sockets and no clock, so it can be fed one byte at a time.
 *
 * Ownership  The views of a request live until http_parser_next().
 * Errors     HTTP_PARSE_BAD with the fault's code; the parser is dead then: answer and close.
 */
enum http_verb { HTTP_VERB_GET, HTTP_VERB_HEAD, HTTP_VERB_POST, HTTP_VERB_OTHER };

#define HTTP_HEAD_BYTES   16384 /* request line and headers, as they stand on the wire */
#define HTTP_TARGET_BYTES 12288
#define HTTP_HEADERS_MAX  64

/* What all connections share: the bytes of bodies that are kept. */
struct http_budget {
        size_t used, limit;
};

enum http_parse_state {
        HTTP_PARSE_IDLE, /* nothing of a request has come */
        HTTP_PARSE_HEAD, /* in the request line or the headers */
        HTTP_PARSE_BODY,
        HTTP_PARSE_DONE, /* a request is whole: no byte is taken until http_parser_next() */
        HTTP_PARSE_BAD,
};

struct http_parsed_header {
        struct str name, value; /* the value trimmed */
};

struct http_parser;

struct http_parser *http_parser_new(size_t max_body_bytes, struct http_budget *budget);
void http_parser_free(struct http_parser *p);

/* Take bytes; the number taken (all, unless a request is whole or bad). */
size_t http_parser_feed(struct http_parser *p, const char *bytes, size_t n);
enum http_parse_state http_parser_state(const struct http_parser *p);
void http_parser_next(struct http_parser *p); /* DONE -> IDLE: the request is forgotten */

/* Of a request that is DONE: */
enum http_verb http_parser_verb(const struct http_parser *p);
struct str http_parser_target(const struct http_parser *p);
struct str http_parser_body(const struct http_parser *p);
struct str http_parser_header(const struct http_parser *p, const char *name); /* absent: none */
bool http_parser_keep_alive(const struct http_parser *p);
bool http_parser_is_http10(const struct http_parser *p);

/* Of one whose headers are complete (state BODY or later): */
bool http_parser_wants_continue(struct http_parser *p); /* once: Expect: 100-continue */
uint64_t http_parser_expected_body(
        const struct http_parser *p); /* Content-Length, 0 if chunked or none */

enum error_code http_parser_fault(const struct http_parser *p); /* BAD: why */
const char *http_parser_fault_text(const struct http_parser *p);

#endif
