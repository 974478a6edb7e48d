/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>

#include "check.h"
#include "crr/base/str.h"

#define BYTES(text)                      \
        {                                \
                (text), sizeof(text) - 1 \
        }

struct utf8_row {
        const char *name;
        struct str bytes;
};

/* First and last of every row of RFC 3629, section 4. */
static const struct utf8_row well_formed[] = {
        { "U+0000", BYTES("\x00") },
        { "U+007F", BYTES("\x7f") },
        { "U+0080", BYTES("\xc2\x80") },
        { "U+07FF", BYTES("\xdf\xbf") },
        { "U+0800", BYTES("\xe0\xa0\x80") },
        { "U+0FFF", BYTES("\xe0\xbf\xbf") },
        { "U+1000", BYTES("\xe1\x80\x80") },
        { "U+CFFF", BYTES("\xec\xbf\xbf") },
        { "U+D000", BYTES("\xed\x80\x80") },
        { "U+D7FF", BYTES("\xed\x9f\xbf") },
        { "U+E000", BYTES("\xee\x80\x80") },
        { "U+FEFF", BYTES("\xef\xbb\xbf") },
        { "U+FFFF", BYTES("\xef\xbf\xbf") },
        { "U+10000", BYTES("\xf0\x90\x80\x80") },
        { "U+3FFFF", BYTES("\xf0\xbf\xbf\xbf") },
        { "U+40000", BYTES("\xf1\x80\x80\x80") },
        { "U+FFFFF", BYTES("\xf3\xbf\xbf\xbf") },
        { "U+100000", BYTES("\xf4\x80\x80\x80") },
        { "U+10FFFF", BYTES("\xf4\x8f\xbf\xbf") },
};

static const struct utf8_row ill_formed[] = {
        { "a continuation alone, the first", BYTES("\x80") },
        { "a continuation alone, the last", BYTES("\xbf") },
        { "U+0000 in two bytes", BYTES("\xc0\x80") },
        { "U+003F in two bytes", BYTES("\xc0\xbf") },
        { "U+007F in two bytes", BYTES("\xc1\xbf") },
        { "two bytes, cut", BYTES("\xc2") },
        { "two bytes, the second below", BYTES("\xc2\x7f") },
        { "two bytes, the second above", BYTES("\xc2\xc0") },
        { "U+0000 in three bytes", BYTES("\xe0\x80\x80") },
        { "U+07FF in three bytes", BYTES("\xe0\x9f\xbf") },
        { "three bytes, cut after one", BYTES("\xe1") },
        { "three bytes, cut after two", BYTES("\xe1\x80") },
        { "three bytes, the third below", BYTES("\xe1\x80\x7f") },
        { "three bytes, the third above", BYTES("\xe1\x80\xc0") },
        { "U+D800, a surrogate", BYTES("\xed\xa0\x80") },
        { "U+DFFF, a surrogate", BYTES("\xed\xbf\xbf") },
        { "U+0000 in four bytes", BYTES("\xf0\x80\x80\x80") },
        { "U+FFFF in four bytes", BYTES("\xf0\x8f\xbf\xbf") },
        { "four bytes, cut after one", BYTES("\xf1") },
        { "four bytes, cut after two", BYTES("\xf1\x80") },
        { "four bytes, cut after three", BYTES("\xf1\x80\x80") },
        { "four bytes, the fourth below", BYTES("\xf1\x80\x80\x7f") },
        { "four bytes, the fourth above", BYTES("\xf1\x80\x80\xc0") },
        { "U+110000", BYTES("\xf4\x90\x80\x80") },
        { "U+140000", BYTES("\xf5\x80\x80\x80") },
        { "five bytes", BYTES("\xf8\x88\x80\x80\x80") },
        { "FE", BYTES("\xfe") },
        { "FF", BYTES("\xff") },
};

/* At every distance from a word's beginning, which is looked at as a whole when it is ASCII. */
static void check_everywhere(const struct utf8_row *row, bool want)
{
        for (size_t before = 0; before <= 17; before++) {
                for (size_t after = 0; after <= 17; after++) {
                        char text[64];
                        size_t n = before + row->bytes.len + after;

                        memset(text, 'a', sizeof text);
                        memcpy(text + before, row->bytes.base, row->bytes.len);
                        if (str_is_utf8((struct str){ text, n }) != want)
                                check_fail(__FILE__, __LINE__, row->name,
                                           want ? "is UTF-8" : "is not UTF-8");
                }
        }
}

static void every_boundary_of_utf8_is_where_the_standard_has_it(void)
{
        for (size_t i = 0; i < sizeof well_formed / sizeof *well_formed; i++)
                check_everywhere(&well_formed[i], true);
        for (size_t i = 0; i < sizeof ill_formed / sizeof *ill_formed; i++)
                check_everywhere(&ill_formed[i], false);
        CHECK(str_is_utf8(STR("")));
}

/* By code point and shortest form, not by ranges of bytes. 0: no character. */
static size_t naive_length(const unsigned char *p, size_t left)
{
        static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
        size_t n = p[0] < 0x80 ? 1 : p[0] >> 5 == 6 ? 2 : p[0] >> 4 == 14 ? 3 : 4;
        uint32_t code = n == 1 ? p[0] : p[0] & 0xffu >> (n + 1);

        if (n > left || (n == 4 && p[0] >> 3 != 30))
                return 0;
        for (size_t i = 1; i < n; i++) {
                if (p[i] >> 6 != 2)
                        return 0;
                code = code << 6 | (p[i] & 0x3f);
        }
        return code >= least[n] && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) ? n : 0;
}

static void check_bytes(const unsigned char *p, size_t n)
{
        size_t at = 0, step = 1;

        while (at < n && step > 0) {
                step = naive_length(p + at, n - at);
                at += step;
        }
        CHECK_INT(str_is_utf8((struct str){ (const char *)p, n }), step > 0);
}

static void it_agrees_with_a_naive_one_on_every_kind_of_four_bytes(void)
{
        static const unsigned char ends[] = { 0x7f, 0x80, 0xbf, 0xc0 };
        unsigned char p[4];

        for (unsigned lead = 0x7f00; lead < 0x10000; lead++) {
                p[0] = (unsigned char)(lead >> 8);
                p[1] = (unsigned char)lead;
                if (p[1] == 0)
                        check_bytes(p, 1);
                check_bytes(p, 2);
                for (size_t i = 0; i < sizeof ends; i++) {
                        p[2] = ends[i];
                        check_bytes(p, 3);
                        for (size_t k = 0; k < sizeof ends; k++) {
                                p[3] = ends[k];
                                check_bytes(p, 4);
                        }
                }
        }
}

static void digits_are_a_number_up_to_the_limit(void)
{
        static const struct {
                const char *text;
                unsigned long long max, want;
        } table[] = {
                { "0", 0, 0 },
                { "0", 9, 0 },
                { "000", 9, 0 },
                { "007", 9, 7 },
                { "9", 9, 9 },
                { "255", 255, 255 },
                { "9223372036854775807", INT64_MAX, INT64_MAX },
                { "18446744073709551615", UINT64_MAX, UINT64_MAX },
                { "18446744073709551609", UINT64_MAX, UINT64_MAX - 6 },
                { "0000000000000000000000000000000001", 1, 1 },
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                unsigned long long value = 77;

                if (!str_to_u64(str_from(table[i].text), table[i].max, &value) ||
                    value != table[i].want)
                        check_fail(__FILE__, __LINE__, "a number", table[i].text);
        }
}

static void anything_else_is_no_number_and_changes_nothing(void)
{
        static const struct {
                const char *text;
                unsigned long long max;
        } table[] = {
                { "", 9 },
                { "1", 0 },
                { "10", 9 },
                { "7", 3 },
                { "256", 255 },
                { "260", 255 },
                { "300", 255 },
                { "1000", 255 },
                { "9223372036854775808", INT64_MAX },
                { "18446744073709551616", UINT64_MAX },
                { "18446744073709551620", UINT64_MAX },
                { "28446744073709551615", UINT64_MAX },
                { "99999999999999999999999", UINT64_MAX },
                { "+1", 9 },
                { "-1", 9 },
                { " 1", 9 },
                { "1 ", 9 },
                { "1.0", 9 },
                { "0x1", 9 },
                { "1e1", 99 },
                { "a", 99 },
                { "/", 99 },
                { ":", 99 },
                { "\xd9\xa1", 99 }, /* an Arabic digit */
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                unsigned long long value = 77;

                if (str_to_u64(str_from(table[i].text), table[i].max, &value) || value != 77)
                        check_fail(__FILE__, __LINE__, "refused", table[i].text);
        }
        CHECK(!str_to_u64(STR("1\0"), 99, &(unsigned long long){ 0 }));
        CHECK(!str_to_u64(STR_ABSENT, 99, &(unsigned long long){ 0 }));
}

static void strings_are_compared_byte_by_byte(void)
{
        static const struct {
                struct str a, b;
                int want;
        } table[] = {
                { BYTES(""), BYTES(""), 0 },          { BYTES("a"), BYTES("a"), 0 },
                { BYTES("a"), BYTES("b"), -1 },       { BYTES("a"), BYTES("ab"), -1 },
                { BYTES(""), BYTES("\0"), -1 },       { BYTES("a\0b"), BYTES("a\0c"), -1 },
                { BYTES("\x7f"), BYTES("\x80"), -1 }, { BYTES("Z"), BYTES("a"), -1 },
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                int order = str_compare(table[i].a, table[i].b);
                int back = str_compare(table[i].b, table[i].a);

                CHECK_INT((order > 0) - (order < 0), table[i].want);
                CHECK_INT((back > 0) - (back < 0), -table[i].want);
                CHECK_INT(str_eq(table[i].a, table[i].b), table[i].want == 0);
        }
        CHECK(str_eq(STR_ABSENT, STR("")));
        CHECK_INT(str_compare(STR_ABSENT, STR("")), 0);
        CHECK(str_from(NULL).base == NULL);
        CHECK(str_eq_c(STR("a"), "a") && !str_eq_c(STR("a\0"), "a"));
}

static void case_is_ignored_for_ascii_letters_only(void)
{
        static const struct {
                const char *a, *b;
                bool want;
        } table[] = {
                { "Host", "hOST", true },
                { "az", "AZ", true },
                { "[", "{", false },
                { "@", "`", false },
                { "\xc3\x84", "\xc3\xa4", false },
                { "a", "aa", false },
                { "", "", true },
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++)
                CHECK_INT(str_ieq_c(str_from(table[i].a), table[i].b), table[i].want);
        CHECK(str_ieq_c(STR_ABSENT, ""));
}

static void blanks_and_tabs_are_trimmed_at_both_ends(void)
{
        static const struct {
                const char *text, *want;
        } table[] = {
                { "", "" },     { " \t ", "" },         { "a", "a" },         { " a", "a" },
                { "a\t", "a" }, { "\t a b \t", "a b" }, { "\na\n", "\na\n" },
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++)
                CHECK(str_eq_c(str_trim(str_from(table[i].text)), table[i].want));
}

static void no_character_is_cut_in_two(void)
{
        static const struct {
                const char *text;
                size_t max;
                const char *want;
        } table[] = {
                { "", 0, "" },
                { "abc", 3, "abc" },
                { "abc", 2, "ab" },
                { "abc", 0, "" },
                { "\xc3\xa9", 1, "" },
                { "a\xc3\xa9", 2, "a" },
                { "a\xc3\xa9", 3, "a\xc3\xa9" },
                { "a\xc3\xa9z", 3, "a\xc3\xa9" },
                { "\xe2\x82\xac", 2, "" },
                { "\xe2\x82\xac\xe2\x82\xac", 5, "\xe2\x82\xac" },
                { "a\xf0\x9f\x98\x80", 4, "a" },
                { "a\xf0\x9f\x98\x80", 5, "a\xf0\x9f\x98\x80" },
                { "\x80\x80\x80\x80\x80\x80", 5, "\x80\x80" }, /* no characters at all */
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++)
                CHECK(str_eq_c(str_cut(str_from(table[i].text), table[i].max), table[i].want));
        CHECK(str_cut(STR_ABSENT, 5).base == NULL);
}

static void a_split_is_at_the_first_separator(void)
{
        static const struct {
                const char *text, *head, *tail; /* head NULL: there is none */
        } table[] = {
                { "", NULL, NULL },      { "ab", NULL, NULL }, { ",", "", "" },
                { "a,b", "a", "b" },     { ",b", "", "b" },    { "a,", "a", "" },
                { "a,b,c", "a", "b,c" },
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                struct str head = STR("kept"), tail = STR("kept");

                CHECK_INT(str_split(str_from(table[i].text), ',', &head, &tail),
                          table[i].head != NULL);
                CHECK(str_eq_c(head, table[i].head != NULL ? table[i].head : "kept"));
                CHECK(str_eq_c(tail, table[i].head != NULL ? table[i].tail : "kept"));
        }
        CHECK(!str_split(STR_ABSENT, ',', &(struct str){ 0 }, &(struct str){ 0 }));
}

static void the_last_separator_can_be_asked_for(void)
{
        static const struct {
                const char *text, *head, *tail; /* head NULL: there is none */
        } table[] = {
                { "", NULL, NULL },      { "ab", NULL, NULL }, { ",", "", "" },
                { "a,b", "a", "b" },     { ",b", "", "b" },    { "a,", "a", "" },
                { "a,b,c", "a,b", "c" },
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                struct str head = STR("kept"), tail = STR("kept");

                CHECK_INT(str_split_last(str_from(table[i].text), ',', &head, &tail),
                          table[i].head != NULL);
                CHECK(str_eq_c(head, table[i].head != NULL ? table[i].head : "kept"));
                CHECK(str_eq_c(tail, table[i].head != NULL ? table[i].tail : "kept"));
        }
        CHECK(!str_split_last(STR_ABSENT, ',', &(struct str){ 0 }, &(struct str){ 0 }));
}

static void a_prefix_is_at_the_beginning_and_whole(void)
{
        CHECK(str_has_prefix(STR("abc"), "ab") && str_has_prefix(STR("abc"), "abc"));
        CHECK(str_has_prefix(STR("abc"), "") && str_has_prefix(STR_ABSENT, ""));
        CHECK(!str_has_prefix(STR("abc"), "abcd") && !str_has_prefix(STR("abc"), "b"));
        CHECK(!str_has_prefix(STR_ABSENT, "a"));
}

static void copies_stand_one_behind_the_other(void)
{
        char space[4] = "....", *at = space;
        struct str copy = str_copy_to(&at, STR("ab"));

        CHECK(copy.base == space && str_eq_c(copy, "ab"));
        CHECK(str_copy_to(&at, STR_ABSENT).base == NULL);
        CHECK(str_copy_to(&at, STR("")).base == space + 2);
        CHECK(str_eq_c(str_copy_to(&at, STR("c")), "c"));
        CHECK(at == space + 3 && space[3] == '.');
}

int main(void)
{
        RUN(every_boundary_of_utf8_is_where_the_standard_has_it);
        RUN(it_agrees_with_a_naive_one_on_every_kind_of_four_bytes);
        RUN(digits_are_a_number_up_to_the_limit);
        RUN(anything_else_is_no_number_and_changes_nothing);
        RUN(strings_are_compared_byte_by_byte);
        RUN(case_is_ignored_for_ascii_letters_only);
        RUN(blanks_and_tabs_are_trimmed_at_both_ends);
        RUN(no_character_is_cut_in_two);
        RUN(a_split_is_at_the_first_separator);
        RUN(the_last_separator_can_be_asked_for);
        RUN(a_prefix_is_at_the_beginning_and_whole);
        RUN(copies_stand_one_behind_the_other);
        return 0;
}
