/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_HTTP_HTTP_PARSER_H
#define CRR_HTTP_HTTP_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crr/base/error.h"
#include "crr/base/str.h"
#include "crr/http/http_budget.h"

/*
 * The bytes of one request: llhttp in its strict mode, and on top of it the checks and limits that
 * it lacks. It knows no sockets and no clock, so it can be fed one byte at a time.
 *
 * Ownership  A parser is for one request; the views of the request live as long as it, that of the
 *            body until more is fed. The body counts in the budget; the caller looks whether
 *            there is room for it.
 * Cost       17 KiB, and the body. A connection that waits for a request needs none.
 * Errors     HTTP_PARSE_BAD with the fault's code; the parser is dead then: answer and close.
 */
enum http_verb { HTTP_VERB_GET, HTTP_VERB_HEAD, HTTP_VERB_POST, HTTP_VERB_OTHER };

/* Request line and headers, as they stand on the wire; in a chunked body also what stands between
 * two pieces of it. */
#define HTTP_HEAD_BYTES   16384
#define HTTP_TARGET_BYTES 12288
#define HTTP_HEADERS_MAX  64

enum http_parse_state {
        HTTP_PARSE_IDLE, /* nothing has come, or empty lines only */
        HTTP_PARSE_HEAD, /* in the request line or the headers */
        HTTP_PARSE_BODY,
        HTTP_PARSE_DONE, /* the request is whole: no further byte is taken */
        HTTP_PARSE_BAD,
};

struct http_parser;

struct http_parser *http_parser_new(size_t max_body_bytes, struct http_budget *budget);
void http_parser_free(struct http_parser *p);

/* Take bytes; the number taken: all, unless the request is whole or bad. */
size_t http_parser_feed(struct http_parser *p, const char *bytes, size_t n);
enum http_parse_state http_parser_state(const struct http_parser *p);

/* Of a request that is DONE: */
struct str http_parser_header(const struct http_parser *p, const char *name); /* absent: none */
bool http_parser_keep_alive(const struct http_parser *p);
bool http_parser_is_http10(const struct http_parser *p);

/* Of one whose headers are complete (in state BODY, DONE, or BAD after those): */
enum http_verb http_parser_verb(const struct http_parser *p); /* OTHER before */
struct str http_parser_target(const struct http_parser *p);
struct str http_parser_body(const struct http_parser *p); /* as far as it has come */
bool http_parser_wants_continue(
        struct http_parser *p); /* once: Expect: 100-continue, no body yet */
bool http_parser_body_is_within(const struct http_parser *p, size_t n); /* chunked: unknown, no */
uint64_t http_parser_body_size(const struct http_parser *p); /* chunked: of what has come */

enum error_code http_parser_fault(const struct http_parser *p); /* BAD: why */
const char *http_parser_fault_text(const struct http_parser *p);

#endif
