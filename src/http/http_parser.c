/* SPDX-License-Identifier: Apache-2.0 */
#include "crr/http/http_parser.h"

#include <llhttp.h>
#include <stdlib.h>
#include <string.h>

/* Where the text of one header lies in the head's bytes. */
struct header_span {
        uint16_t name_at, name_len, value_at, value_len;
};

/* Only while a request is read or answered. */
struct head {
        size_t len; /* bytes kept: target, names, values */
        size_t target_len;
        unsigned n; /* headers */
        bool in_value;
        struct header_span spans[HTTP_HEADERS_MAX];
        char bytes[HTTP_HEAD_BYTES];
};

struct http_parser {
        llhttp_t llhttp;
        enum http_parse_state state;
        struct head *head;
        struct buf body;
        size_t max_body_bytes;
        struct http_budget *budget;
        size_t budgeted; /* of it, for this body */
        size_t head_wire, body_wire;
        bool after_lf, after_cr, ends; /* of the raw head, over the borders of pieces */
        bool head_complete, wants_continue, http10, keep_alive;
        unsigned n_length, n_encoding, n_host;
        enum http_verb verb;
        uint64_t expected;
        enum error_code fault;
        const char *fault_text;
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
        struct head *h = p->head;

        if (n > sizeof h->bytes - h->len)
                return refuse(p, ERR_HEADERS_TOO_LARGE, "the headers are too large");
        memcpy(h->bytes + h->len, at, n);
        h->len += n;
        return 0;
}

/* CALLBACKS OF LLHTTP: spans may be split anywhere */

static int on_url(llhttp_t *llhttp, const char *at, size_t n)
{
        struct http_parser *p = llhttp->data;

        p->head->target_len += n;
        if (p->head->target_len > HTTP_TARGET_BYTES)
                return refuse(p, ERR_URI_TOO_LONG, "the request target is too long");
        return keep(p, at, n);
}

static int on_header_field(llhttp_t *llhttp, const char *at, size_t n)
{
        struct http_parser *p = llhttp->data;
        struct head *h = p->head;

        if (p->head_complete)
                return 0; /* a trailer */
        if (h->n == 0 || h->in_value) {
                if (h->n == HTTP_HEADERS_MAX)
                        return refuse(p, ERR_HEADERS_TOO_LARGE, "more than 64 headers");
                h->spans[h->n++] = (struct header_span){ .name_at = (uint16_t)h->len };
                h->in_value = false;
        }
        h->spans[h->n - 1].name_len = (uint16_t)(h->spans[h->n - 1].name_len + n);
        return keep(p, at, n);
}

static int on_header_value(llhttp_t *llhttp, const char *at, size_t n)
{
        struct http_parser *p = llhttp->data;
        struct head *h = p->head;

        if (p->head_complete || h->n == 0)
                return 0;
        if (!h->in_value) {
                h->spans[h->n - 1].value_at = (uint16_t)h->len;
                h->in_value = true;
        }
        h->spans[h->n - 1].value_len = (uint16_t)(h->spans[h->n - 1].value_len + n);
        return keep(p, at, n);
}

static struct str name_at(const struct http_parser *p, unsigned i)
{
        const struct header_span *span = &p->head->spans[i];

        return (struct str){ p->head->bytes + span->name_at, span->name_len };
}

static struct str value_at(const struct http_parser *p, unsigned i)
{
        const struct header_span *span = &p->head->spans[i];

        return str_trim((struct str){ p->head->bytes + span->value_at, span->value_len });
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
        p->expected = length;
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

static int check_head(struct http_parser *p)
{
        if (p->llhttp.http_major != 1 || p->llhttp.http_minor > 1)
                return refuse(p, ERR_HTTP_VERSION, "only HTTP/1.0 and HTTP/1.1");
        for (unsigned i = 0; i < p->head->n; i++)
                if (check_header(p, name_at(p, i), value_at(p, i)) != 0)
                        return HPE_USER;
        if (p->n_length > 0 && p->n_encoding > 0)
                return refuse(p, ERR_BAD_HTTP, "Content-Length beside Transfer-Encoding");
        if (p->http10 && p->n_encoding > 0)
                return refuse(p, ERR_BAD_HTTP, "Transfer-Encoding in HTTP/1.0");
        if (!p->http10 && p->n_host == 0)
                return refuse(p, ERR_BAD_HTTP, "Host is missing");
        if (p->llhttp.method == HTTP_CONNECT || p->llhttp.method > HTTP_TRACE)
                return refuse(p, ERR_NOT_IMPLEMENTED, "this method is not implemented");
        if (p->expected > p->max_body_bytes)
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

static int take_budget(struct http_parser *p, size_t n)
{
        if (p->budget->used > p->budget->limit || n > p->budget->limit - p->budget->used)
                return refuse(p, ERR_UNAVAILABLE, "too many bodies are being received");
        p->budget->used += n;
        p->budgeted += n;
        return 0;
}

static int on_body(llhttp_t *llhttp, const char *at, size_t n)
{
        struct http_parser *p = llhttp->data;

        if (n > p->max_body_bytes - p->body.len)
                return refuse(p, ERR_TOO_LARGE, "the body is larger than http.max_body_bytes");
        if (take_budget(p, n) != 0)
                return HPE_USER;
        buf_append(&p->body, at, n);
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
        struct http_parser *p = calloc(1, sizeof *p);

        if (p == NULL)
                abort();
        llhttp_init(&p->llhttp, HTTP_REQUEST, settings());
        p->llhttp.data = p;
        p->max_body_bytes = max_body_bytes;
        p->budget = budget;
        buf_init(&p->body, max_body_bytes);
        return p;
}

static void forget_request(struct http_parser *p)
{
        free(p->head);
        p->head = NULL;
        buf_deinit(&p->body);
        p->budget->used -= p->budgeted;
        p->budgeted = 0;
}

void http_parser_free(struct http_parser *p)
{
        if (p == NULL)
                return;
        forget_request(p);
        free(p);
}

void http_parser_next(struct http_parser *p)
{
        forget_request(p);
        p->state = HTTP_PARSE_IDLE;
        p->head_wire = p->body_wire = 0;
        p->after_lf = p->after_cr = p->ends = p->head_complete = p->wants_continue = false;
        p->n_length = p->n_encoding = p->n_host = 0;
        p->expected = 0;
        llhttp_resume(&p->llhttp);
        p->llhttp.upgrade = 0; /* an Upgrade header is ignored: the connection stays HTTP/1.1 */
}

/*
 * The raw head, which llhttp does not show: a line may not begin with a blank (obs-fold), and end
 * only with CR LF. Version 8 takes LF alone in places, version 9 others. True: refused.
 */
static bool head_is_bad(struct http_parser *p, const char *bytes, size_t n)
{
        for (size_t i = 0; i < n && !p->ends; i++) {
                char c = bytes[i];

                if (p->after_lf && c == '\r') {
                        p->ends = true; /* what follows is the last LF, and the body */
                        return false;
                }
                if (c == '\0' || (p->after_cr && c != '\n') || (c == '\n' && !p->after_cr)) {
                        refuse(p, ERR_BAD_HTTP, "a NUL, or a line that does not end with CR LF");
                        return true;
                }
                if (p->after_lf && (c == ' ' || c == '\t')) {
                        refuse(p, ERR_BAD_HTTP, "a folded header");
                        return true;
                }
                p->after_cr = c == '\r';
                p->after_lf = c == '\n';
        }
        return false;
}

/* Empty lines before a request are skipped, a few of them. */
static size_t skip_empty_lines(struct http_parser *p, const char *bytes, size_t n)
{
        size_t i = 0;

        if (p->state != HTTP_PARSE_IDLE)
                return 0;
        while (i < n && (bytes[i] == '\r' || bytes[i] == '\n') && p->head_wire < HTTP_HEAD_BYTES) {
                i++;
                p->head_wire++;
        }
        if (p->head_wire >= HTTP_HEAD_BYTES)
                refuse(p, ERR_HEADERS_TOO_LARGE, "endless empty lines");
        return i;
}

static void begin_head(struct http_parser *p)
{
        if (p->state != HTTP_PARSE_IDLE)
                return;
        p->state = HTTP_PARSE_HEAD;
        p->head = malloc(sizeof *p->head);
        if (p->head == NULL)
                abort();
        memset(p->head, 0, offsetof(struct head, spans));
}

/* Count what was fed while the headers were open, and the wire bytes of a body (chunk extensions,
 * trailers). */
static void count_wire(struct http_parser *p, bool in_head, size_t n)
{
        if (in_head) {
                p->head_wire += n;
                if (!p->head_complete && p->head_wire >= HTTP_HEAD_BYTES)
                        refuse(p, ERR_HEADERS_TOO_LARGE, "the headers are too large");
                return;
        }
        p->body_wire += n;
        if (p->body_wire > 2 * p->max_body_bytes + 65536)
                refuse(p, ERR_TOO_LARGE, "the body is larger than http.max_body_bytes");
}

/* An Upgrade that was asked for is not done: the connection goes on as HTTP/1.1. */
static llhttp_errno_t run_llhttp(struct http_parser *p, const char *bytes, size_t n)
{
        llhttp_errno_t result = llhttp_execute(&p->llhttp, bytes, n);

        if (result != HPE_PAUSED_UPGRADE)
                return result;
        llhttp_resume_after_upgrade(&p->llhttp);
        return llhttp_execute(&p->llhttp, bytes, n);
}

static size_t execute(struct http_parser *p, const char *bytes, size_t n)
{
        llhttp_errno_t result = run_llhttp(p, bytes, n);
        const char *stop = bytes + n;

        if (result != HPE_OK) {
                stop = llhttp_get_error_pos(&p->llhttp);
                if (p->state != HTTP_PARSE_DONE)
                        refuse(p, ERR_BAD_HTTP, llhttp_get_error_reason(&p->llhttp));
        }
        if (stop == NULL || stop < bytes || stop > bytes + n)
                stop = bytes + n;
        return (size_t)(stop - bytes);
}

size_t http_parser_feed(struct http_parser *p, const char *bytes, size_t n)
{
        size_t taken = skip_empty_lines(p, bytes, n);

        while (taken < n && p->state != HTTP_PARSE_DONE && p->state != HTTP_PARSE_BAD) {
                size_t piece = n - taken, used;
                bool in_head;

                begin_head(p);
                in_head = p->state == HTTP_PARSE_HEAD;
                if (in_head && piece > HTTP_HEAD_BYTES - p->head_wire)
                        piece = HTTP_HEAD_BYTES - p->head_wire;
                if (in_head && head_is_bad(p, bytes + taken, piece))
                        break;
                used = execute(p, bytes + taken, piece);
                taken += used;
                if (p->state != HTTP_PARSE_BAD)
                        count_wire(p, in_head, used);
                if (used == 0 && p->state != HTTP_PARSE_DONE && p->state != HTTP_PARSE_BAD)
                        refuse(p, ERR_BAD_HTTP, "no progress");
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
        return (struct str){ p->head->bytes, p->head->target_len };
}

struct str http_parser_body(const struct http_parser *p)
{
        return buf_str(&p->body);
}

struct str http_parser_header(const struct http_parser *p, const char *name)
{
        for (unsigned i = 0; i < p->head->n; i++)
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
        bool wants = p->wants_continue;

        p->wants_continue = false;
        return wants;
}

uint64_t http_parser_expected_body(const struct http_parser *p)
{
        return p->expected;
}

enum error_code http_parser_fault(const struct http_parser *p)
{
        return p->fault;
}

const char *http_parser_fault_text(const struct http_parser *p)
{
        return p->fault_text != NULL ? p->fault_text : "not valid HTTP/1.1";
}
