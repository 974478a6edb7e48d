/* SPDX-License-Identifier: Apache-2.0 */
#include <stdalign.h>
#include <stdint.h>

#include "check.h"
#include "crr/base/arena.h"
#include "draw.h"

#define BLOCK ((size_t)4096) /* of malloc, for small pieces */
#define ALIGN alignof(max_align_t)

static struct arena a;

static bool is_zero(const unsigned char *p, size_t n)
{
        while (n > 0 && p[n - 1] == 0)
                n--;
        return n == 0;
}

static bool is_filled(const unsigned char *p, size_t n, unsigned char with)
{
        while (n > 0 && p[n - 1] == with)
                n--;
        return n == 0;
}

/* Pieces are zeroed and aligned, and none overlaps another: each keeps what was written to it. */
static void pieces_are_zeroed_aligned_and_apart(void)
{
        for (uint64_t seed = 0; seed < 10; seed++) {
                struct draw d = draw_seed(seed);
                unsigned char *pieces[200];
                size_t sizes[200];

                arena_init(&a, SIZE_MAX);
                for (size_t i = 0; i < 200; i++) {
                        sizes[i] = draw(&d, 10) == 0 ? draw(&d, 3 * BLOCK) : draw(&d, 100);
                        pieces[i] = arena_alloc(&a, sizes[i]);
                        CHECK(pieces[i] != NULL);
                        CHECK_INT((uintptr_t)pieces[i] % ALIGN, 0);
                        CHECK(is_zero(pieces[i], sizes[i]));
                        if (sizes[i] > 0)
                                memset(pieces[i], (int)i + 1, sizes[i]);
                }
                for (size_t i = 0; i < 200; i++)
                        CHECK(is_filled(pieces[i], sizes[i], (unsigned char)(i + 1)));
                arena_deinit(&a);
        }
}

static void a_large_piece_leaves_the_block_before_it_in_use(void)
{
        char *before, *after;

        arena_init(&a, SIZE_MAX);
        before = arena_alloc(&a, 16);
        CHECK(arena_alloc(&a, 10 * BLOCK) != NULL);
        after = arena_alloc(&a, 16);
        CHECK_INT(after - before, 16);
        CHECK_INT(a.used, 11 * BLOCK);
        arena_deinit(&a);
}

static void a_large_piece_may_be_the_first(void)
{
        arena_init(&a, SIZE_MAX);
        CHECK(arena_alloc(&a, BLOCK + 1) != NULL);
        CHECK(arena_alloc(&a, 1) != NULL);
        CHECK(arena_alloc(&a, BLOCK) != NULL);
        arena_deinit(&a);
}

/* Rows: pieces in this order under this limit; the last one is the one in question. */
static void nothing_is_given_past_the_limit(void)
{
        static const struct {
                const char *name;
                size_t limit, pieces[3];
                bool given;
        } table[] = {
                { "a piece of the whole limit", 1024, { 1024 }, true },
                { "a piece over the limit", 1024, { 1025 }, false },
                { "a large piece of the whole limit", 5 * BLOCK, { 5 * BLOCK }, true },
                { "a large piece over the limit", 5 * BLOCK, { 5 * BLOCK + 1 }, false },
                { "the rest of a limit below a block", 100, { 64, 32 }, true },
                { "more than the rest", 100, { 64, 64 }, false },
                { "what a block still holds", BLOCK, { 16, BLOCK - 16 }, true },
                { "a byte more than a block still holds", BLOCK, { 16, BLOCK - 15 }, false },
                { "a second block", 2 * BLOCK, { BLOCK, 16, BLOCK - 16 }, true },
                { "half a second block", BLOCK + 32, { BLOCK, 32 }, true },
                { "more than half a second block", BLOCK + 32, { BLOCK, 33 }, false },
                { "a byte of nothing", 0, { 1 }, false },
                { "nothing of nothing", 0, { 0 }, true },
                { "more than there are addresses", SIZE_MAX, { SIZE_MAX }, false },
                { "almost as many", SIZE_MAX, { SIZE_MAX - ALIGN + 1 }, false },
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                void *piece = NULL;

                arena_init(&a, table[i].limit);
                for (size_t k = 0; k < 3 && (k == 0 || table[i].pieces[k] > 0); k++) {
                        if (k > 0)
                                CHECK(piece != NULL);
                        piece = arena_alloc(&a, table[i].pieces[k]);
                }
                if ((piece != NULL) != table[i].given || a.used > a.limit)
                        check_fail(__FILE__, __LINE__, table[i].name, "");
                arena_deinit(&a);
        }
}

static void after_a_refusal_what_fits_is_still_given(void)
{
        arena_init(&a, BLOCK);
        CHECK(arena_alloc(&a, 64) != NULL);
        CHECK(arena_alloc(&a, BLOCK) == NULL);
        CHECK(arena_alloc(&a, BLOCK - 64) != NULL);
        CHECK(arena_alloc(&a, 1) == NULL);
        arena_deinit(&a);
}

static void the_bytes_of_malloc_never_exceed_the_limit(void)
{
        for (uint64_t seed = 0; seed < 50; seed++) {
                struct draw d = draw_seed(seed);
                size_t refused = 0;

                arena_init(&a, draw(&d, 6 * BLOCK));
                for (int i = 0; i < 300; i++) {
                        refused += arena_alloc(&a, draw(&d, BLOCK / 4)) == NULL;
                        CHECK(a.used <= a.limit);
                }
                CHECK(refused > 0);
                arena_deinit(&a);
        }
}

static void the_product_of_an_array_cannot_overflow(void)
{
        arena_init(&a, SIZE_MAX);
        CHECK(arena_array(&a, SIZE_MAX / 8, 16) == NULL);
        CHECK(arena_array(&a, (size_t)1 << 33, (size_t)1 << 33) == NULL);
        CHECK(arena_array(&a, SIZE_MAX, 0) != NULL);
        CHECK(arena_array(&a, 0, SIZE_MAX) != NULL);
        CHECK(is_zero(arena_array(&a, 100, 40), 4000));
        CHECK(arena_room(&a, SIZE_MAX / 8, 16) == NULL);
        memset(arena_room(&a, 100, 40), 1, 4000);
        arena_deinit(&a);
}

static void a_string_is_copied_and_an_absent_one_stays_absent(void)
{
        char text[] = "text";
        struct str copy;

        arena_init(&a, 64);
        copy = arena_str(&a, str_from(text));
        text[0] = 'n';
        CHECK(str_eq_c(copy, "text"));
        CHECK(arena_str(&a, STR_ABSENT).base == NULL);
        copy = arena_str(&a, STR(""));
        CHECK(copy.base != NULL && copy.len == 0);
        CHECK_STR(arena_c(&a, (struct str){ "text", 2 }), "te");
        CHECK_STR(arena_c(&a, STR_ABSENT), "");
        CHECK(arena_str(&a, STR("more than is left of it")).base == NULL);
        CHECK(arena_c(&a, STR("more than is left of it")) == NULL);
        CHECK(arena_c(&a, (struct str){ "x", SIZE_MAX }) == NULL);
        arena_deinit(&a);
}

/* Draws: pieces before the mark keep what was written to them, and those after it cost nothing. */
static void what_was_taken_since_a_mark_is_given_back(void)
{
        for (uint64_t seed = 0; seed < 20; seed++) {
                struct draw d = draw_seed(seed);
                unsigned char *pieces[50];
                size_t sizes[50];

                arena_init(&a, 4u << 20);
                for (size_t i = 0; i < 50; i++) {
                        struct arena_mark mark = arena_mark(&a);
                        size_t used = a.used;

                        for (size_t k = draw(&d, 20); k > 0; k--)
                                CHECK(arena_alloc(&a, draw(&d, 3 * BLOCK)) != NULL);
                        arena_rewind(&a, &mark);
                        CHECK_INT(a.used, used);
                        sizes[i] = draw(&d, 4) == 0 ? draw(&d, 3 * BLOCK) : draw(&d, 500);
                        pieces[i] = arena_alloc(&a, sizes[i]);
                        CHECK(pieces[i] != NULL && is_zero(pieces[i], sizes[i]));
                        if (sizes[i] > 0)
                                memset(pieces[i], (int)i + 1, sizes[i]);
                }
                for (size_t i = 0; i < 50; i++)
                        CHECK(is_filled(pieces[i], sizes[i], (unsigned char)(i + 1)));
                arena_deinit(&a);
        }
}

static void an_arena_is_empty_again_after_its_end(void)
{
        arena_init(&a, 3 * BLOCK);
        for (int i = 0; i < 5; i++) {
                CHECK(arena_alloc(&a, 3 * BLOCK) != NULL);
                CHECK(arena_alloc(&a, 1) == NULL);
                arena_deinit(&a);
                CHECK_INT(a.used, 0);
        }
        arena_deinit(&a);
}

int main(void)
{
        RUN(pieces_are_zeroed_aligned_and_apart);
        RUN(a_large_piece_leaves_the_block_before_it_in_use);
        RUN(a_large_piece_may_be_the_first);
        RUN(nothing_is_given_past_the_limit);
        RUN(after_a_refusal_what_fits_is_still_given);
        RUN(the_bytes_of_malloc_never_exceed_the_limit);
        RUN(the_product_of_an_array_cannot_overflow);
        RUN(a_string_is_copied_and_an_absent_one_stays_absent);
        RUN(what_was_taken_since_a_mark_is_given_back);
        RUN(an_arena_is_empty_again_after_its_end);
        return 0;
}
