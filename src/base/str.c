/* SPDX-License-Identifier: Apache-2.0 */
#include "crr/base/str.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

struct str str_from(const char *text)
{
        return text != NULL ? (struct str){ text, strlen(text) } : STR_ABSENT;
}

bool str_eq(struct str a, struct str b)
{
        return a.len == b.len && (a.len == 0 || memcmp(a.base, b.base, a.len) == 0);
}

bool str_eq_c(struct str a, const char *b)
{
        return str_eq(a, str_from(b));
}

bool str_ieq_c(struct str a, const char *b)
{
        return a.len == strlen(b) && (a.len == 0 || strncasecmp(a.base, b, a.len) == 0);
}

int str_compare(struct str a, struct str b)
{
        size_t n = a.len < b.len ? a.len : b.len;
        int order = n > 0 ? memcmp(a.base, b.base, n) : 0;

        return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

bool str_has_prefix(struct str s, const char *prefix)
{
        size_t n = strlen(prefix);

        return s.len >= n && (n == 0 || memcmp(s.base, prefix, n) == 0);
}

/* Length of the well-formed sequence at p, 0 if there is none (RFC 3629, table of section 4). */
static size_t utf8_sequence(const unsigned char *p, const unsigned char *end)
{
        size_t left = (size_t)(end - p), n;
        unsigned char low = 0x80, high = 0xbf;

        if (p[0] < 0x80)
                return 1;
        if (p[0] < 0xc2 || p[0] > 0xf4)
                return 0;
        n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
        if (p[0] == 0xe0)
                low = 0xa0;
        else if (p[0] == 0xed)
                high = 0x9f;
        else if (p[0] == 0xf0)
                low = 0x90;
        else if (p[0] == 0xf4)
                high = 0x8f;
        if (left < n || p[1] < low || p[1] > high)
                return 0;
        for (size_t i = 2; i < n; i++)
                if ((p[i] & 0xc0) != 0x80)
                        return 0;
        return n;
}

static uint64_t word_at(const unsigned char *p)
{
        uint64_t word;

        memcpy(&word, p, sizeof word);
        return word;
}

/* How many bytes from p on are ASCII, at least: in steps of 8, the last one going back over bytes
 * that were looked at already. */
static size_t ascii_run(const unsigned char *p, const unsigned char *end)
{
        const unsigned char *at = p;

        while (end - at >= 8 && (word_at(at) & UINT64_C(0x8080808080808080)) == 0)
                at += 8;
        if (end - at < 8 && end - p >= 8 && (word_at(end - 8) & UINT64_C(0x8080808080808080)) == 0)
                return (size_t)(end - p);
        return (size_t)(at - p);
}

bool str_is_utf8(struct str s)
{
        const unsigned char *p = (const unsigned char *)s.base;
        const unsigned char *end = s.len > 0 ? p + s.len : p; /* an absent one has no base */

        while (p < end) {
                size_t n = ascii_run(p, end);

                if (n == 0)
                        n = utf8_sequence(p, end);
                if (n == 0)
                        return false;
                p += n;
        }
        return true;
}

struct str str_cut(struct str s, size_t max)
{
        if (s.len <= max)
                return s;
        s.len = max;
        for (int i = 0; i < 3 && s.len > 0 && ((unsigned char)s.base[s.len] & 0xc0) == 0x80; i++)
                s.len--;
        return s;
}

struct str str_trim(struct str s)
{
        while (s.len > 0 && (s.base[0] == ' ' || s.base[0] == '\t')) {
                s.base++;
                s.len--;
        }
        while (s.len > 0 && (s.base[s.len - 1] == ' ' || s.base[s.len - 1] == '\t'))
                s.len--;
        return s;
}

struct str str_copy_to(char **space, struct str s)
{
        struct str copy = { *space, s.len };

        if (s.base == NULL)
                return STR_ABSENT;
        if (s.len > 0)
                memcpy(*space, s.base, s.len);
        *space += s.len;
        return copy;
}

bool str_split(struct str s, char sep, struct str *ret_head, struct str *ret_tail)
{
        const char *at = s.len > 0 ? memchr(s.base, sep, s.len) : NULL;

        if (at == NULL)
                return false;
        *ret_head = (struct str){ s.base, (size_t)(at - s.base) };
        *ret_tail = (struct str){ at + 1, s.len - ret_head->len - 1 };
        return true;
}

bool str_split_last(struct str s, char sep, struct str *ret_head, struct str *ret_tail)
{
        size_t at = s.len;

        while (at > 0 && s.base[at - 1] != sep)
                at--;
        if (at == 0)
                return false;
        *ret_head = (struct str){ s.base, at - 1 };
        *ret_tail = (struct str){ s.base + at, s.len - at };
        return true;
}

bool str_to_u64(struct str s, unsigned long long max, unsigned long long *ret)
{
        unsigned long long value = 0;

        if (s.len == 0)
                return false;
        for (size_t i = 0; i < s.len; i++) {
                unsigned digit = (unsigned char)s.base[i] - '0';

                if (digit > 9 || value > (max - digit) / 10 || digit > max)
                        return false;
                value = 10 * value + digit;
        }
        *ret = value;
        return true;
}
