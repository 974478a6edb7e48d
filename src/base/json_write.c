/* SPDX-License-Identifier: Apache-2.0 */
#include "crr/base/json_write.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "crr/base/time.h"
#include "digits.h"

void json_writer_init(struct json_writer *w, struct buf *out)
{
        *w = (struct json_writer){ .out = out };
}

/* Room for n bytes of a value and the comma before it, if one is due, which is written. */
static char *begin_value(struct json_writer *w, size_t n)
{
        char *at = buf_reserve(w->out, n + 1);

        if (at != NULL && w->comma)
                *at++ = ',';
        w->comma = true;
        return at;
}

static void end_at(struct json_writer *w, const char *at)
{
        w->out->len = (size_t)(at - w->out->base);
}

static void append_value(struct json_writer *w, const char *text, size_t n)
{
        char *at = begin_value(w, n);

        if (at == NULL)
                return;
        memcpy(at, text, n);
        end_at(w, at + n);
}

static void open(struct json_writer *w, char bracket)
{
        append_value(w, &bracket, 1);
        w->comma = false;
}

static void close(struct json_writer *w, char bracket)
{
        buf_append_char(w->out, bracket);
        w->comma = true;
}

void json_object_open(struct json_writer *w)
{
        open(w, '{');
}

void json_object_close(struct json_writer *w)
{
        close(w, '}');
}

void json_array_open(struct json_writer *w)
{
        open(w, '[');
}

void json_array_close(struct json_writer *w)
{
        close(w, ']');
}

void json_key_str(struct json_writer *w, struct str name)
{
        json_str(w, name);
        buf_append_char(w->out, ':');
        w->comma = false;
}

/* STRINGS */

static bool is_escaped(unsigned char c)
{
        return c < 0x20 || c == '"' || c == '\\';
}

/* The bytes of a word that need an escape: their high bits are set, and perhaps those of bytes
 * behind such a one. Bytes above 0x7f never need one. */
static uint64_t to_escape(uint64_t word)
{
        const uint64_t ones = UINT64_C(0x0101010101010101), high = 0x80 * ones;
        uint64_t quote = word ^ '"' * ones, backslash = word ^ '\\' * ones;

        return ((word - 0x20 * ones) | (quote - ones) | (backslash - ones)) & ~word & high;
}

/* Copy a word, and mark what of it needs an escape. */
static inline uint64_t copy_word(char *to, const char *from)
{
        uint64_t word;

        memcpy(&word, from, sizeof word);
        memcpy(to, &word, sizeof word);
        return to_escape(word);
}

/* 16 bytes at once, by vectors of the compiler. */
typedef unsigned char vector __attribute__((vector_size(16)));

static inline vector copy_vector(char *to, const char *from)
{
        vector v;

        memcpy(&v, from, sizeof v);
        memcpy(to, &v, sizeof v);
        return (vector)(v < 0x20) | (vector)(v == '"') | (vector)(v == '\\');
}

static bool copy_vectors(char *to, const char *from, size_t n)
{
        vector found = copy_vector(to, from);
        uint64_t words[2];

        for (size_t i = sizeof found; n - i > sizeof found; i += sizeof found)
                found |= copy_vector(to + i, from + i);
        found |= copy_vector(to + n - sizeof found, from + n - sizeof found);
        memcpy(words, &found, sizeof found);
        return (words[0] | words[1]) == 0;
}

/* Copy n bytes, and tell whether none of them needs an escape. The last word or vector begins in
 * bytes that are copied already. */
static bool copy_plain(char *to, const char *from, size_t n)
{
        bool found = false;

        if (n > 16)
                return copy_vectors(to, from, n);
        if (n >= 8)
                return (copy_word(to, from) | copy_word(to + n - 8, from + n - 8)) == 0;
        for (size_t i = 0; i < n; i++) {
                found |= is_escaped((unsigned char)from[i]);
                to[i] = from[i];
        }
        return !found;
}

static char *put_escape(char *at, unsigned char c)
{
        static const char hex[] = "0123456789abcdef";
        static const char letters[0x20] = { ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't' };

        *at++ = '\\';
        if (c >= 0x20) {
                *at++ = (char)c;
        } else if (letters[c] != '\0') {
                *at++ = letters[c];
        } else {
                *at++ = 'u';
                *at++ = '0';
                *at++ = '0';
                *at++ = hex[c >> 4];
                *at++ = hex[c & 15];
        }
        return at;
}

static char *put_escaped(char *at, struct str value)
{
        for (size_t i = 0; i < value.len; i++) {
                unsigned char c = (unsigned char)value.base[i];

                if (is_escaped(c))
                        at = put_escape(at, c);
                else
                        *at++ = (char)c;
        }
        return at;
}

char *json_row_str(char *at, struct str value)
{
        *at++ = '"';
        at = copy_plain(at, value.base, value.len) ? at + value.len : put_escaped(at, value);
        *at++ = '"';
        return at;
}

/* What an escaped string takes: 2 or 6 bytes for such a character. */
static size_t room_of(struct str value)
{
        size_t n = value.len + 2;

        for (size_t i = 0; i < value.len; i++)
                n += is_escaped((unsigned char)value.base[i]) ? 5 : 0;
        return n;
}

void json_str(struct json_writer *w, struct str value)
{
        bool fits = 6 * value.len + 3 <= w->out->limit - w->out->len;
        char *at = begin_value(w, fits ? 6 * value.len + 2 : room_of(value));

        if (at != NULL)
                end_at(w, json_row_str(at, value));
}

void json_c(struct json_writer *w, const char *value)
{
        json_str(w, str_from(value));
}

/* OTHER VALUES */

char *json_row_u64(char *at, uint64_t value)
{
        char *end = at + digits_count(value);

        digits_put_before(end, value);
        return end;
}

void json_u64(struct json_writer *w, uint64_t value)
{
        char *at = begin_value(w, DIGITS_MAX);

        if (at != NULL)
                end_at(w, json_row_u64(at, value));
}

void json_int(struct json_writer *w, int64_t value)
{
        char digits[DIGITS_MAX + 1], *end = digits + sizeof digits;
        char *at = digits_put_before(end, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);

        if (value < 0)
                *--at = '-';
        append_value(w, at, (size_t)(end - at));
}

void json_double(struct json_writer *w, double value)
{
        char text[32];

        for (int precision = 1; precision <= 17; precision++) {
                snprintf(text, sizeof text, "%.*g", precision, value);
                if (!isfinite(value) || strtod(text, NULL) == value)
                        break;
        }
        json_raw(w, isfinite(value) ? str_from(text) : STR("null"));
}

void json_bool(struct json_writer *w, bool value)
{
        json_raw(w, value ? STR("true") : STR("false"));
}

void json_null(struct json_writer *w)
{
        json_raw(w, STR("null"));
}

char *json_row_time(char *at, int64_t ms)
{
        *at++ = '"';
        at += time_format_rfc3339(ms, at);
        *at++ = '"';
        return at;
}

void json_time(struct json_writer *w, int64_t ms)
{
        char *at = begin_value(w, TIME_TEXT_SIZE + 2);

        if (at != NULL)
                end_at(w, json_row_time(at, ms));
}

void json_raw(struct json_writer *w, struct str json)
{
        append_value(w, json.base, json.len);
}

/* ROWS */

char *json_row_begin(struct json_writer *w, size_t room)
{
        return begin_value(w, room);
}

void json_row_end(struct json_writer *w, char *begin, char *at)
{
        *begin = '{';
        *at++ = '}';
        assert(at <= w->out->base + w->out->capacity);
        end_at(w, at);
}

void json_copy(struct json_writer *w, const struct json_value *v)
{
        switch (v->type) {
        case JSON_NULL:
                json_null(w);
                break;
        case JSON_BOOL:
                json_bool(w, v->boolean);
                break;
        case JSON_INTEGER:
        case JSON_NUMBER:
                json_raw(w, v->text);
                break;
        case JSON_STRING:
                json_str(w, v->text);
                break;
        case JSON_OBJECT:
                json_object_open(w);
                break;
        case JSON_ARRAY:
                json_array_open(w);
                break;
        }
}
