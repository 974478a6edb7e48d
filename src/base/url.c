/* SPDX-License-Identifier: Apache-2.0 */
#include "crr/base/url.h"

#include <stdint.h>
#include <string.h>

#define SHOWN_BYTES 80 /* of what a message quotes */

static bool is_unreserved(unsigned char c)
{
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '.' || c == '_' || c == '~';
}

static void encode(struct buf *out, struct str s, const char *also_kept)
{
        static const char hex[] = "0123456789ABCDEF";

        for (size_t i = 0; i < s.len; i++) {
                unsigned char c = (unsigned char)s.base[i];

                if (is_unreserved(c) || (c != '\0' && strchr(also_kept, c) != NULL)) {
                        buf_append_char(out, (char)c);
                } else {
                        char escape[3] = { '%', hex[c >> 4], hex[c & 15] };

                        buf_append(out, escape, 3);
                }
        }
}

void url_encode(struct buf *out, struct str s)
{
        encode(out, s, "");
}

void url_encode_component(struct buf *out, struct str s)
{
        encode(out, s, "!*'()");
}

static int hex_digit(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Characters from here on that stand for themselves. */
static size_t plain_run(struct str s, size_t from, bool plus_is_space)
{
        size_t i = from;

        while (i < s.len && s.base[i] != '%' && (s.base[i] != '+' || !plus_is_space))
                i++;
        return i - from;
}

bool url_decode(struct buf *out, struct str s, bool plus_is_space)
{
        size_t i = 0;

        while (i < s.len) {
                size_t run = plain_run(s, i, plus_is_space);
                int high, low;

                buf_append(out, s.base + i, run);
                i += run;
                if (i == s.len)
                        break;
                if (s.base[i] == '+') {
                        buf_append_char(out, ' ');
                        i++;
                        continue;
                }
                high = i + 2 < s.len ? hex_digit(s.base[i + 1]) : -1;
                low = i + 2 < s.len ? hex_digit(s.base[i + 2]) : -1;
                if (high < 0 || low < 0)
                        return false;
                buf_append_char(out, (char)(high * 16 + low));
                i += 3;
        }
        return true;
}

static bool is_upper_hex(char c)
{
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F');
}

bool url_is_encoded(struct str s)
{
        for (size_t i = 0; i < s.len; i++) {
                if (is_unreserved((unsigned char)s.base[i]))
                        continue;
                if (s.base[i] != '%' || i + 2 >= s.len || !is_upper_hex(s.base[i + 1]) ||
                    !is_upper_hex(s.base[i + 2]) ||
                    is_unreserved((unsigned char)(hex_digit(s.base[i + 1]) * 16 +
                                                  hex_digit(s.base[i + 2]))))
                        return false;
                i += 2;
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
