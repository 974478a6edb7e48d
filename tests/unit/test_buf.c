/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>

#include "check.h"
#include "crr/base/buf.h"
#include "draw.h"

static struct buf b;

static void nothing_is_allocated_before_the_first_byte(void)
{
        buf_init(&b, 100);
        CHECK(b.base == NULL && b.capacity == 0);
        CHECK(buf_str(&b).base != NULL);
        CHECK_INT(buf_str(&b).len, 0);
        buf_deinit(&b);
        CHECK_INT(b.limit, 100);
}

enum how { APPEND, STRING, TEXT, CHARACTER, PRINTF };

static void append_by(enum how how, const char *text)
{
        switch (how) {
        case APPEND:
                buf_append(&b, text, strlen(text));
                break;
        case STRING:
                buf_append_str(&b, str_from(text));
                break;
        case TEXT:
                buf_append_c(&b, text);
                break;
        case CHARACTER:
                buf_append_char(&b, *text);
                break;
        case PRINTF:
                buf_printf(&b, "%s", text);
                break;
        }
}

/* Rows: what stands already, what comes, and whether it fits ten bytes. */
static void what_fits_is_appended_and_what_does_not_is_left_out_whole(void)
{
        static const struct {
                const char *name;
                enum how how;
                const char *before, *text;
                bool fits;
        } table[] = {
                { "bytes, exactly", APPEND, "12345", "67890", true },
                { "bytes, one too many", APPEND, "12345", "67890x", false },
                { "bytes, none into a full one", APPEND, "1234567890", "", true },
                { "a string, exactly", STRING, "", "1234567890", true },
                { "a string, one too many", STRING, "", "12345678901", false },
                { "text, exactly", TEXT, "123456789", "0", true },
                { "text, one too many", TEXT, "1234567890", "x", false },
                { "a character, exactly", CHARACTER, "123456789", "0", true },
                { "a character too many", CHARACTER, "1234567890", "x", false },
                { "printf, exactly", PRINTF, "12345", "67890", true },
                { "printf, one too many", PRINTF, "12345", "67890x", false },
                { "printf, nothing into a full one", PRINTF, "1234567890", "", true },
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                const char *name = table[i].name;
                size_t before = strlen(table[i].before);
                size_t want = before + (table[i].fits ? strlen(table[i].text) : 0);

                buf_init(&b, 10);
                buf_append_c(&b, table[i].before);
                append_by(table[i].how, table[i].text);
                if (b.overflow == table[i].fits || b.len != want)
                        check_fail(__FILE__, __LINE__, name, "");
                if (before > 0 && memcmp(b.base, table[i].before, before) != 0)
                        check_fail(__FILE__, __LINE__, name, "what stood there");
                buf_deinit(&b);
        }
}

static void an_overflow_stays_until_the_buffer_is_cleared(void)
{
        static const enum how ways[] = { APPEND, STRING, TEXT, CHARACTER, PRINTF };

        for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
                buf_init(&b, 4);
                buf_append_c(&b, "ab");
                buf_append_c(&b, "cde");
                CHECK(b.overflow);
                append_by(ways[i], "c");
                CHECK(b.overflow);
                CHECK(str_eq_c(buf_str(&b), "ab"));
                CHECK(buf_reserve(&b, 0) == NULL);
                buf_clear(&b);
                append_by(ways[i], "c");
                CHECK(!b.overflow);
                CHECK(str_eq_c(buf_str(&b), "c"));
                buf_deinit(&b);
        }
}

static void room_is_reserved_up_to_the_limit(void)
{
        char *room;

        buf_init(&b, 1000);
        buf_append_c(&b, "x");
        room = buf_reserve(&b, 999);
        CHECK(room == b.base + 1);
        memset(room, 'y', 999);
        CHECK_INT(b.len, 1);
        b.len += 999;
        CHECK(buf_reserve(&b, 0) != NULL);
        CHECK(buf_reserve(&b, 1) == NULL);
        CHECK(b.overflow);
        buf_deinit(&b);
        buf_init(&b, SIZE_MAX);
        buf_append_c(&b, "x");
        CHECK(buf_reserve(&b, SIZE_MAX) == NULL);
        buf_deinit(&b);
        buf_init(&b, 0);
        buf_append(&b, NULL, 0);
        buf_append_str(&b, STR_ABSENT);
        CHECK(!b.overflow);
        buf_append_char(&b, 'x');
        CHECK(b.overflow);
        buf_deinit(&b);
}

static void it_holds_what_was_appended_however_it_grew(void)
{
        static char want[20000];

        for (uint64_t seed = 0; seed < 20; seed++) {
                struct draw d = draw_seed(seed);
                size_t n = 0;

                buf_init(&b, sizeof want);
                for (;;) {
                        char piece[700];
                        size_t len = draw(&d, 4) == 0 ? draw(&d, sizeof piece) : draw(&d, 9);

                        memset(piece, (int)('a' + draw(&d, 26)), sizeof piece);
                        buf_append(&b, piece, len);
                        if (n + len > sizeof want)
                                break;
                        memcpy(want + n, piece, len);
                        n += len;
                        CHECK(!b.overflow);
                }
                CHECK(b.overflow);
                CHECK_INT(b.len, n);
                CHECK(memcmp(b.base, want, n) == 0);
                buf_deinit(&b);
        }
}

static void a_cleared_buffer_keeps_its_memory(void)
{
        const char *base;

        buf_init(&b, 100);
        buf_append_c(&b, "some text");
        base = b.base;
        buf_clear(&b);
        CHECK_INT(b.len, 0);
        buf_append_c(&b, "other");
        CHECK(b.base == base);
        buf_deinit(&b);
}

static void a_move_leaves_an_empty_buffer_with_the_same_limit(void)
{
        struct buf moved;

        buf_init(&b, 6);
        buf_append_c(&b, "bytes");
        buf_append_c(&b, "too many");
        moved = buf_move(&b);
        CHECK(str_eq_c(buf_str(&moved), "bytes"));
        CHECK(moved.overflow);
        CHECK_INT(moved.limit, 6);
        CHECK(b.base == NULL && b.len == 0 && b.capacity == 0 && !b.overflow);
        CHECK_INT(b.limit, 6);
        buf_append_c(&b, "again");
        CHECK(str_eq_c(buf_str(&b), "again"));
        CHECK(str_eq_c(buf_str(&moved), "bytes"));
        buf_deinit(&b);
        buf_deinit(&moved);
}

static void a_format_is_printed_behind_what_stands_there(void)
{
        buf_init(&b, 1 << 20);
        buf_append_c(&b, "n=");
        buf_printf(&b, "%d", -5);
        buf_printf(&b, "%s", "");
        buf_printf(&b, "|%.*s|", STR_ARG(STR("ab")));
        CHECK(str_eq_c(buf_str(&b), "n=-5|ab|"));
        buf_printf(&b, "%0*d", 5000, 1);
        CHECK_INT(b.len, 5008);
        CHECK(!b.overflow);
        buf_deinit(&b);
}

int main(void)
{
        RUN(nothing_is_allocated_before_the_first_byte);
        RUN(what_fits_is_appended_and_what_does_not_is_left_out_whole);
        RUN(an_overflow_stays_until_the_buffer_is_cleared);
        RUN(room_is_reserved_up_to_the_limit);
        RUN(it_holds_what_was_appended_however_it_grew);
        RUN(a_cleared_buffer_keeps_its_memory);
        RUN(a_move_leaves_an_empty_buffer_with_the_same_limit);
        RUN(a_format_is_printed_behind_what_stands_there);
        return 0;
}
