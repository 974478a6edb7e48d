/* SPDX-License-Identifier: Apache-2.0 */
#include "crr/base/url.h"

#include <stdint.h>
#include <string.h>

#include "crr/base/bytes.h"
#include "digits.h"

#define SHOWN_BYTES 80 /* of what a message quotes */

/* By ASCII character: 'u' is unreserved, 'c' is kept by encodeURIComponent too. */
static const char kinds[256] = "                                "
                               " c     cccc  uu uuuuuuuuuu      "
                               " uuuuuuuuuuuuuuuuuuuuuuuuuu    u"
                               " uuuuuuuuuuuuuuuuuuuuuuuuuu   u ";

static bool is_unreserved(char c)
{
        return kinds[(unsigned char)c] == 'u';
}

/* A letter is one when its bit 0x20 is set; hyphen and dot stand side by side. */
static bytes16 reserved(bytes16 c)
{
        bytes16 letter = (c | 0x20) - 'a', digit = c - '0', dot = c - '-';

        return ~((bytes16)(letter < 26) | (bytes16)(digit < 10) | (bytes16)(dot < 2) |
                 (bytes16)(c == '_') | (bytes16)(c == '~'));
}

/* Behind the unreserved characters from p on: sixteen at once. */
static const char *skip_unreserved(const char *p, const char *end)
{
        for (; end - p >= 16; p += 16) {
                unsigned first = bytes16_first(reserved(bytes_get128((const uint8_t *)p)));

                if (first < 16)
                        return p + first;
        }
        while (p < end && is_unreserved(*p))
                p++;
        return p;
}

static bool is_kept(char c, bool component)
{
        char kind = kinds[(unsigned char)c];

        return kind == 'u' || (component && kind == 'c');
}

static size_t encoded_len(struct str s, bool component)
{
        size_t n = s.len;

        for (size_t i = 0; i < s.len; i++)
                n += is_kept(s.base[i], component) ? 0 : 2;
        return n;
}

static void encode(struct buf *out, struct str s, bool component)
{
        static const char hex[] = "0123456789ABCDEF";
        bool fits = 3 * s.len <= out->limit - out->len;
        char *begin = buf_reserve(out, fits ? 3 * s.len : encoded_len(s, component));
        char *at = begin;

        if (begin == NULL)
                return;
        for (const char *p = s.base, *end = p + s.len; p < end; p++) {
                const char *run_end = skip_unreserved(p, end);

                memcpy(at, p, (size_t)(run_end - p));
                at += run_end - p;
                p = run_end;
                if (p < end && is_kept(*p, component)) {
                        *at++ = *p;
                } else if (p < end) {
                        *at++ = '%';
                        *at++ = hex[(unsigned char)*p >> 4];
                        *at++ = hex[*p & 15];
                }
        }
        out->len += (size_t)(at - begin);
}

void url_encode(struct buf *out, struct str s)
{
        encode(out, s, false);
}

void url_encode_component(struct buf *out, struct str s)
{
        encode(out, s, true);
}

static bool is_lower(char c)
{
        return c >= 'a' && c <= 'z';
}

/* The byte of an escape, its '%' at p; -1: it is none. */
static int unescape(const char *p, const char *end)
{
        int high = end - p > 2 ? digits_from_hex(p[1]) : -1;
        int low = end - p > 2 ? digits_from_hex(p[2]) : -1;

        return high < 0 || low < 0 ? -1 : high * 16 + low;
}

bool url_is_encoded(struct str s)
{
        const char *end = s.base + s.len, *p = skip_unreserved(s.base, end);

        for (; p < end; p = skip_unreserved(p + 3, end)) {
                int c = *p == '%' ? unescape(p, end) : -1;

                if (c < 0 || is_unreserved((char)c) || is_lower(p[1]) || is_lower(p[2]))
                        return false;
        }
        return true;
}

static void plus_to_space(char *text, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (text[i] == '+')
                        text[i] = ' ';
}

bool url_decode(struct buf *out, struct str s, bool plus_is_space)
{
        const char *p = s.base, *end = p + s.len;
        char *at = buf_reserve(out, s.len);

        if (at == NULL)
                return true;
        while (p < end) {
                const char *escape = memchr(p, '%', (size_t)(end - p));
                size_t run = (size_t)((escape != NULL ? escape : end) - p);
                int c;

                memcpy(at, p, run);
                if (plus_is_space)
                        plus_to_space(at, run);
                at += run;
                out->len += run;
                if (escape == NULL)
                        break;
                c = unescape(escape, end);
                if (c < 0)
                        return false;
                *at++ = (char)c;
                out->len++;
                p = escape + 3;
        }
        return true;
}

static int decode_part(struct str text, struct arena *arena, struct str *ret, struct error *err)
{
        struct buf decoded;
        int rc = 0;

        buf_init(&decoded, SIZE_MAX);
        if (!url_decode(&decoded, text, true))
                rc = error_set(err, ERR_INVALID_QUERY, "the query has a bad escape in '%.*s'",
                               STR_ARG(str_cut(text, SHOWN_BYTES)));
        else if (!str_is_utf8(buf_str(&decoded)))
                rc = error_set(err, ERR_INVALID_QUERY, "the query is not UTF-8");
        else
                *ret = arena_str(arena, buf_str(&decoded));
        buf_deinit(&decoded);
        if (rc == 0 && ret->base == NULL)
                rc = error_set(err, ERR_INVALID_QUERY, "the query is too long");
        return rc;
}

static int add_param(struct url_query *q, struct str piece, struct arena *arena, struct error *err)
{
        struct str name = piece, value = STR("");
        struct url_param *param;

        if (q->n == URL_MAX_PARAMS)
                return error_set(err, ERR_INVALID_QUERY, "more than %d query parameters",
                                 URL_MAX_PARAMS);
        str_split(piece, '=', &name, &value);
        param = &q->params[q->n];
        if (decode_part(name, arena, &param->name, err) != 0)
                return (int)err->code;
        if (decode_part(value, arena, &param->value, err) != 0)
                return error_prefix(err, "%.*s", STR_ARG(str_cut(param->name, SHOWN_BYTES)));
        for (size_t i = 0; i < q->n; i++)
                if (str_eq(q->params[i].name, param->name))
                        return error_set(err, ERR_INVALID_QUERY,
                                         "the query parameter '%.*s' is there twice",
                                         STR_ARG(str_cut(param->name, SHOWN_BYTES)));
        q->n++;
        return 0;
}

int url_query_parse(struct url_query *q, struct str text, struct arena *arena, struct error *err)
{
        q->n = 0;
        while (text.len > 0) {
                struct str piece = text, rest = STR("");

                str_split(text, '&', &piece, &rest);
                if (piece.len > 0 && add_param(q, piece, arena, err) != 0)
                        return (int)err->code;
                text = rest;
        }
        return 0;
}

const struct url_param *url_query_find(const struct url_query *q, const char *name)
{
        for (size_t i = 0; i < q->n; i++)
                if (str_eq_c(q->params[i].name, name))
                        return &q->params[i];
        return NULL;
}
