/* SPDX-License-Identifier: Apache-2.0 */
#include "crr/http/http_parser.h"

#include <llhttp.h>
#include <stdlib.h>
#include <string.h>

#include "http_body.h"

/* Where the text of one header lies in the head's bytes. */
struct header_span {
        uint16_t name_at, name_len, value_at, value_len;
};

/* Raw lines, which llhttp does not show, over the borders of pieces. */
struct raw_lines {
        char last;      /* the byte before */
        size_t in_line; /* bytes of the line so far, without its end */
};

/* What stands between two pieces of a chunked body: their sizes, extensions, the trailers. */
struct between {
        const char *from; /* in the piece that is fed: not looked at from here on */
        size_t n;         /* bytes since the last one of the body */
};

struct http_parser {
        llhttp_t llhttp;
        enum http_parse_state state;
        size_t max_body_bytes;
        struct http_budget *budget;
        struct http_body body;
        size_t head_wire, body_wire;
        struct raw_lines lines;
        struct between between;
        bool head_complete, wants_continue, http10, keep_alive;
        unsigned n_length, n_encoding, n_host;
        enum http_verb verb;
        uint64_t content_length;
        enum error_code fault;
        const char *fault_text;
        /* The head: target, names and values, one behind the other. */
        size_t head_len, target_len;
        unsigned n_headers;
        bool in_value;
        struct header_span spans[HTTP_HEADERS_MAX];
        char head[HTTP_HEAD_BYTES];
};

static int refuse(struct http_parser *p, enum error_code fault, const char *text)
{
        if (p->fault == 0) {
                p->fault = fault;
                p->fault_text = text;
        }
        p->state = HTTP_PARSE_BAD;
        return HPE_USER;
}

static int keep(struct http_parser *p, const char *at, size_t n)
{
        if (n > sizeof p->head - p->head_len)
                return refuse(p, ERR_HEADERS_TOO_LARGE, "the headers are too large");
        memcpy(p->head + p->head_len, at, n);
        p->head_len += n;
        return 0;
}

/* CALLBACKS OF LLHTTP: spans may be split anywhere */

static int on_url(llhttp_t *llhttp, const char *at, size_t n)
{
        struct http_parser *p = llhttp->data;

        p->target_len += n;
        if (p->target_len > HTTP_TARGET_BYTES)
                return refuse(p, ERR_URI_TOO_LONG, "the request target is too long");
        return keep(p, at, n);
}

static int on_header_field(llhttp_t *llhttp, const char *at, size_t n)
{
        struct http_parser *p = llhttp->data;
        struct header_span *span;

        if (p->head_complete)
                return 0; /* a trailer */
        if (p->n_headers == 0 || p->in_value) {
                if (p->n_headers == HTTP_HEADERS_MAX)
                        return refuse(p, ERR_HEADERS_TOO_LARGE, "more than 64 headers");
                p->spans[p->n_headers++] = (struct header_span){ .name_at = (uint16_t)p->head_len };
                p->in_value = false;
        }
        span = &p->spans[p->n_headers - 1];
        span->name_len = (uint16_t)(span->name_len + n);
        return keep(p, at, n);
}

static int on_header_value(llhttp_t *llhttp, const char *at, size_t n)
{
        struct http_parser *p = llhttp->data;
        struct header_span *span;

        if (p->head_complete || p->n_headers == 0)
                return 0;
        span = &p->spans[p->n_headers - 1];
        if (!p->in_value) {
                span->value_at = (uint16_t)p->head_len;
                p->in_value = true;
        }
        span->value_len = (uint16_t)(span->value_len + n);
        return keep(p, at, n);
}

static struct str name_at(const struct http_parser *p, unsigned i)
{
        return (struct str){ p->head + p->spans[i].name_at, p->spans[i].name_len };
}

static struct str value_at(const struct http_parser *p, unsigned i)
{
        return str_trim((struct str){ p->head + p->spans[i].value_at, p->spans[i].value_len });
}

static bool has_control(struct str s)
{
        for (size_t i = 0; i < s.len; i++) {
                unsigned char c = (unsigned char)s.base[i];

                if ((c < ' ' && c != '\t') || c == 0x7f)
                        return true;
        }
        return false;
}

static int check_length(struct http_parser *p, struct str value)
{
        unsigned long long length;

        if (++p->n_length > 1 || !str_to_u64(value, INT64_MAX, &length)) {
                for (size_t i = 0; i < value.len; i++)
                        if (value.base[i] < '0' || value.base[i] > '9')
                                return refuse(p, ERR_BAD_HTTP, "Content-Length is not a number");
                if (p->n_length == 1 && value.len > 0)
                        return refuse(p, ERR_BAD_HTTP, "Content-Length is out of range");
                return refuse(p, ERR_BAD_HTTP, "Content-Length must stand once");
        }
        p->content_length = length;
        return 0;
}

static int check_header(struct http_parser *p, struct str name, struct str value)
{
        if (name.len == 0)
                return refuse(p, ERR_BAD_HTTP, "a header without a name");
        if (has_control(value))
                return refuse(p, ERR_BAD_HTTP, "a control character in a header");
        if (str_ieq_c(name, "content-length"))
                return check_length(p, value);
        if (str_ieq_c(name, "transfer-encoding")) {
                if (++p->n_encoding > 1 || !str_ieq_c(value, "chunked"))
                        return refuse(p, ERR_BAD_HTTP, "Transfer-Encoding must be chunked");
        } else if (str_ieq_c(name, "host")) {
                if (++p->n_host > 1)
                        return refuse(p, ERR_BAD_HTTP, "Host must stand once");
        } else if (str_ieq_c(name, "expect")) {
                if (!str_ieq_c(value, "100-continue"))
                        return refuse(p, ERR_EXPECTATION, "only 100-continue can be expected");
                p->wants_continue = true;
        }
        return 0;
}

/* Of the standard, and PATCH: what applications answer, if with 405. */
static bool is_common(unsigned method)
{
        return (method <= HTTP_TRACE && method != HTTP_CONNECT) || method == HTTP_PATCH;
}

static int check_head(struct http_parser *p)
{
        if (p->llhttp.http_major != 1 || p->llhttp.http_minor > 1)
                return refuse(p, ERR_HTTP_VERSION, "only HTTP/1.0 and HTTP/1.1");
        for (unsigned i = 0; i < p->n_headers; i++)
                if (check_header(p, name_at(p, i), value_at(p, i)) != 0)
                        return HPE_USER;
        if (p->n_length > 0 && p->n_encoding > 0)
                return refuse(p, ERR_BAD_HTTP, "Content-Length beside Transfer-Encoding");
        if (p->http10 && p->n_encoding > 0)
                return refuse(p, ERR_BAD_HTTP, "Transfer-Encoding in HTTP/1.0");
        if (!p->http10 && p->n_host == 0)
                return refuse(p, ERR_BAD_HTTP, "Host is missing");
        if (!is_common(p->llhttp.method))
                return refuse(p, ERR_NOT_IMPLEMENTED, "this method is not implemented");
        if (p->content_length > p->max_body_bytes)
                return refuse(p, ERR_TOO_LARGE, "the body is larger than http.max_body_bytes");
        return 0;
}

static enum http_verb verb_of(unsigned method)
{
        if (method == HTTP_GET)
                return HTTP_VERB_GET;
        if (method == HTTP_HEAD)
                return HTTP_VERB_HEAD;
        return method == HTTP_POST ? HTTP_VERB_POST : HTTP_VERB_OTHER;
}

static int on_headers_complete(llhttp_t *llhttp)
{
        struct http_parser *p = llhttp->data;

        p->head_complete = true;
        p->http10 = llhttp->http_minor == 0;
        p->verb = verb_of(llhttp->method);
        p->keep_alive = llhttp_should_keep_alive(llhttp) != 0;
        if (check_head(p) != 0)
                return HPE_USER;
        if (p->http10)
                p->wants_continue = false;
        p->state = HTTP_PARSE_BODY;
        return 0;
}

/*
 * A line of a head or between the pieces of a body may not begin with a blank (obs-fold), and ends
 * only with CR LF. Version 8 of llhttp takes LF alone in places, version 9 in others.
 */
static bool is_bad_in_lines(struct raw_lines *lines, char c)
{
        bool bad = c == '\0' || (lines->last == '\r') != (c == '\n') ||
                   (lines->last == '\n' && (c == ' ' || c == '\t'));

        if (c == '\n')
                lines->in_line = 0;
        else if (c != '\r')
                lines->in_line++;
        lines->last = c;
        return bad;
}

static int look_between(struct http_parser *p, const char *until)
{
        size_t n = (size_t)(until - p->between.from);

        if (p->n_encoding == 0)
                return 0;
        p->between.n += n;
        if (p->between.n > HTTP_HEAD_BYTES)
                return refuse(p, ERR_TOO_LARGE,
                              "a chunk's extension or the trailers are too large");
        for (size_t i = 0; i < n; i++)
                if (is_bad_in_lines(&p->lines, p->between.from[i]))
                        return refuse(p, ERR_BAD_HTTP, "a bad line between chunks");
        p->between.from = until;
        return 0;
}

static int on_body(llhttp_t *llhttp, const char *at, size_t n)
{
        struct http_parser *p = llhttp->data;

        if (look_between(p, at) != 0)
                return HPE_USER;
        if (n > p->max_body_bytes - p->body.len)
                return refuse(p, ERR_TOO_LARGE, "the body is larger than http.max_body_bytes");
        if (!http_body_append(&p->body, p->budget, at, n))
                return refuse(p, ERR_UNAVAILABLE, "the system gives no memory for the body");
        p->between = (struct between){ .from = at + n };
        p->lines = (struct raw_lines){ .in_line = 1 };
        return 0;
}

static int on_chunk_header(llhttp_t *llhttp)
{
        struct http_parser *p = llhttp->data;

        if (llhttp->content_length > p->max_body_bytes - p->body.len)
                return refuse(p, ERR_TOO_LARGE, "the body is larger than http.max_body_bytes");
        return 0;
}

static int on_message_complete(llhttp_t *llhttp)
{
        struct http_parser *p = llhttp->data;

        p->state = HTTP_PARSE_DONE;
        return HPE_PAUSED;
}

static const llhttp_settings_t *settings(void)
{
        static llhttp_settings_t s;

        if (s.on_url == NULL) {
                llhttp_settings_init(&s);
                s.on_url = on_url;
                s.on_header_field = on_header_field;
                s.on_header_value = on_header_value;
                s.on_headers_complete = on_headers_complete;
                s.on_body = on_body;
                s.on_chunk_header = on_chunk_header;
                s.on_message_complete = on_message_complete;
        }
        return &s;
}

/* LIFE */

struct http_parser *http_parser_new(size_t max_body_bytes, struct http_budget *budget)
{
        struct http_parser *p = malloc(sizeof *p);

        if (p == NULL)
                abort();
        memset(p, 0, offsetof(struct http_parser, spans));
        llhttp_init(&p->llhttp, HTTP_REQUEST, settings());
        p->llhttp.data = p;
        p->max_body_bytes = max_body_bytes;
        p->budget = budget;
        p->verb = HTTP_VERB_OTHER;
        return p;
}

void http_parser_free(struct http_parser *p)
{
        if (p == NULL)
                return;
        http_body_release(&p->body, p->budget);
        free(p);
}

/* FEEDING */

/* The bytes up to the end of the head, or all; what is behind a bad one does not matter. */
static size_t look_at_head(struct http_parser *p, const char *bytes, size_t n, bool *ret_ends)
{
        for (size_t i = 0; i < n; i++) {
                bool is_blank = p->lines.in_line == 0;

                if (is_bad_in_lines(&p->lines, bytes[i])) {
                        refuse(p, ERR_BAD_HTTP, "a NUL, a folded line, or one without CR LF");
                        return 0;
                }
                if (p->lines.in_line > 0)
                        p->state = HTTP_PARSE_HEAD;
                *ret_ends = p->state == HTTP_PARSE_HEAD && is_blank && bytes[i] == '\n';
                if (*ret_ends)
                        return i + 1;
        }
        return n;
}

static size_t execute(struct http_parser *p, const char *bytes, size_t n)
{
        llhttp_errno_t result;
        const char *stop = bytes + n;

        p->between.from = bytes;
        result = llhttp_execute(&p->llhttp, bytes, n);
        if (result != HPE_OK) {
                stop = llhttp_get_error_pos(&p->llhttp);
                if (p->state != HTTP_PARSE_DONE)
                        refuse(p, ERR_BAD_HTTP, llhttp_get_error_reason(&p->llhttp));
        }
        if (stop == NULL || stop < bytes || stop > bytes + n)
                stop = bytes + n;
        return (size_t)(stop - bytes);
}

static bool is_open(const struct http_parser *p)
{
        return p->state != HTTP_PARSE_DONE && p->state != HTTP_PARSE_BAD;
}

static size_t feed_head(struct http_parser *p, const char *bytes, size_t n)
{
        size_t room = HTTP_HEAD_BYTES - p->head_wire;
        bool ends = false;

        n = look_at_head(p, bytes, n < room ? n : room, &ends);
        if (p->state == HTTP_PARSE_BAD)
                return 0;
        n = execute(p, bytes, n);
        p->head_wire += n;
        if (p->head_complete || !is_open(p))
                return n;
        if (ends)
                refuse(p, ERR_BAD_HTTP, "the headers are not complete");
        else if (p->head_wire == HTTP_HEAD_BYTES)
                refuse(p, ERR_HEADERS_TOO_LARGE, "the headers are too large");
        return n;
}

static size_t feed_body(struct http_parser *p, const char *bytes, size_t n)
{
        n = execute(p, bytes, n);
        p->body_wire += n;
        if (p->state != HTTP_PARSE_BAD)
                look_between(p, bytes + n);
        if (is_open(p) && p->body_wire > 2 * p->max_body_bytes + (size_t)4 * HTTP_HEAD_BYTES)
                refuse(p, ERR_TOO_LARGE, "too much stands between the chunks of the body");
        return n;
}

size_t http_parser_feed(struct http_parser *p, const char *bytes, size_t n)
{
        size_t taken = 0;

        while (taken < n && is_open(p)) {
                size_t used = p->head_complete ? feed_body(p, bytes + taken, n - taken)
                                               : feed_head(p, bytes + taken, n - taken);

                if (used == 0 && is_open(p))
                        refuse(p, ERR_BAD_HTTP, "no progress");
                taken += used;
        }
        return taken;
}

/* ANSWERS */

enum http_parse_state http_parser_state(const struct http_parser *p)
{
        return p->state;
}

enum http_verb http_parser_verb(const struct http_parser *p)
{
        return p->verb;
}

struct str http_parser_target(const struct http_parser *p)
{
        return (struct str){ p->head, p->target_len };
}

struct str http_parser_body(const struct http_parser *p)
{
        return http_body_str(&p->body);
}

struct str http_parser_header(const struct http_parser *p, const char *name)
{
        for (unsigned i = 0; i < p->n_headers; i++)
                if (str_ieq_c(name_at(p, i), name))
                        return value_at(p, i);
        return STR_ABSENT;
}

bool http_parser_keep_alive(const struct http_parser *p)
{
        return p->keep_alive;
}

bool http_parser_is_http10(const struct http_parser *p)
{
        return p->http10;
}

bool http_parser_wants_continue(struct http_parser *p)
{
        bool wants = p->wants_continue && p->body_wire == 0;

        p->wants_continue = false;
        return wants;
}

bool http_parser_body_is_within(const struct http_parser *p, size_t n)
{
        return p->n_encoding == 0 && p->content_length <= n;
}

uint64_t http_parser_body_size(const struct http_parser *p)
{
        return p->n_encoding > 0 ? p->body.len : p->content_length;
}

enum error_code http_parser_fault(const struct http_parser *p)
{
        return p->fault;
}

const char *http_parser_fault_text(const struct http_parser *p)
{
        return p->fault_text != NULL ? p->fault_text : "not valid HTTP/1.1";
}
