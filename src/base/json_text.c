/* SPDX-License-Identifier: Apache-2.0 */
#include "json_text.h"

#include <string.h>

#include "crr/base/bytes.h"
#include "digits.h"

void json_text_begin(struct json_text *t)
{
        *t = (struct json_text){ 0 };
}

/* Nothing but ASCII, no backslash, vertical tab or form feed. The last bytes are looked at twice.
 */
bool json_text_is_plain(const struct json_text *t, struct str piece)
{
        const uint8_t *p = (const uint8_t *)piece.base;
        bytes16 high = { 0 }, other = { 0 };

        if (piece.len < sizeof high || t->carry_len > 0 || t->escape > 0 || t->low_wanted)
                return false;
        for (size_t i = 0; i < piece.len; i += sizeof high) {
                size_t at = i + sizeof high <= piece.len ? i : piece.len - sizeof high;
                bytes16 c = bytes_get128(p + at);

                high |= c;
                other |= (bytes16)(c == '\\') | (bytes16)(c == '\v') | (bytes16)(c == '\f');
        }
        return !bytes16_any((high & 0x80) | other);
}

static size_t sequence_length(unsigned char lead)
{
        if (lead < 0xc0)
                return 1;
        return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

/* Bytes at the end that begin a sequence which goes on in the next piece. */
static size_t cut_length(struct str piece)
{
        for (size_t back = 1; back <= 3 && back <= piece.len; back++) {
                unsigned char c = (unsigned char)piece.base[piece.len - back];

                if (c < 0x80)
                        return 0;
                if (c >= 0xc0)
                        return sequence_length(c) > back ? back : 0;
        }
        return 0;
}

/* Of text that is not UTF-8: its first sequence that is none. */
static size_t bad_sequence(struct str text)
{
        size_t at = 0;

        for (;;) {
                size_t n = sequence_length((unsigned char)text.base[at]);

                if (n > text.len - at || !str_is_utf8((struct str){ text.base + at, n }))
                        return at;
                at += n;
        }
}

bool json_text_utf8(struct json_text *t, struct str piece, size_t *ret_at)
{
        const char *begin = piece.base;
        size_t cut;

        *ret_at = 0;
        while (t->carry_len > 0 && piece.len > 0) {
                t->carry[t->carry_len++] = (unsigned char)*piece.base++;
                piece.len--;
                if ((t->carry[t->carry_len - 1] & 0xc0) != 0x80)
                        return false;
                if (t->carry_len < sequence_length(t->carry[0]))
                        continue;
                if (!str_is_utf8((struct str){ (const char *)t->carry, t->carry_len }))
                        return false;
                t->carry_len = 0;
        }
        cut = cut_length(piece);
        if (cut > 0 && t->carry_len == 0) {
                memcpy(t->carry, piece.base + piece.len - cut, cut);
                t->carry_len = (uint8_t)cut;
                piece.len -= cut;
        }
        if (str_is_utf8(piece))
                return true;
        *ret_at = (size_t)(piece.base - begin) + bad_sequence(piece);
        return false;
}

/* A whole \uXXXX. */
static bool end_unit(struct json_text *t)
{
        bool high = t->unit >= 0xd800 && t->unit < 0xdc00;
        bool low = t->unit >= 0xdc00 && t->unit < 0xe000;

        if (t->low_wanted != low)
                return false;
        t->low_wanted = high;
        return true;
}

static bool take_char(struct json_text *t, char c)
{
        int digit = digits_from_hex(c);

        if (t->escape == 1) {
                t->escape = c == 'u' ? 2 : 0;
                t->unit = 0;
                return c == 'u' || !t->low_wanted;
        }
        if (digit < 0) { /* not a \u at all: the parser says so */
                t->escape = 0;
                return !t->low_wanted;
        }
        t->unit = (uint16_t)(t->unit << 4 | digit);
        if (t->escape++ < 5)
                return true;
        t->escape = 0;
        return end_unit(t);
}

/* A backslash stands in strings only, if the text is JSON at all. */
bool json_text_escapes(struct json_text *t, struct str piece, size_t *ret_at)
{
        const char *p = piece.base, *end = p + piece.len;

        while (p < end) {
                *ret_at = (size_t)(p - piece.base);
                if (t->escape > 0) {
                        if (!take_char(t, *p++))
                                return false;
                        continue;
                }
                if (t->low_wanted && *p != '\\')
                        return false;
                p = memchr(p, '\\', (size_t)(end - p));
                if (p == NULL)
                        return true;
                t->escape = 1;
                p++;
        }
        return true;
}

/* In strings they are refused as all control characters are. */
bool json_text_blanks(struct str piece, size_t *ret_at)
{
        const char *at = memchr(piece.base, '\v', piece.len);

        if (at == NULL)
                at = memchr(piece.base, '\f', piece.len);
        *ret_at = at != NULL ? (size_t)(at - piece.base) : 0;
        return at == NULL;
}

bool json_text_end(const struct json_text *t)
{
        return t->carry_len == 0 && !t->low_wanted;
}
