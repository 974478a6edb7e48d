/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_DRAW_H
#define TESTS_DRAW_H

#include <assert.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Random input for property tests, by a seed that is printed: a run can be repeated. */
static uint64_t draw_state;

static inline void draw_begin(uint64_t seed)
{
        printf("seed %" PRIu64 "\n", seed);
        draw_state = seed;
}

/* Below n, which is not 0; xorshift64*. */
static inline uint64_t draw(uint64_t n)
{
        assert(n > 0);
        draw_state ^= draw_state << 13;
        draw_state ^= draw_state >> 7;
        draw_state ^= draw_state << 17;
        return (draw_state * UINT64_C(0x2545f4914f6cdd1d) >> 11) % n;
}

/* Text with a share of what is hard: control characters, quotes, percent signs, plus, UTF-8 of
 * every length. Returns its length, at most `most` bytes. */
static inline size_t draw_text(char *to, size_t most)
{
        static const char *const hard[] = { "\x01",
                                            "\x1f",
                                            "\x7f",
                                            "\n",
                                            "\t",
                                            "\"",
                                            "\\",
                                            "/",
                                            "&",
                                            "+",
                                            "%",
                                            "%41",
                                            "%2F",
                                            "%2f",
                                            "%C3%A9",
                                            "%c3",
                                            "%aF",
                                            "\xc3\xa9",
                                            "\xe9\x8d\xb5",
                                            "\xef\xbf\xbd",
                                            "\xf0\x9f\x94\x91" };
        size_t wanted = draw(4) == 0 ? draw(most + 1) : draw(most < 24 ? most + 1 : 24), n = 0;
        uint64_t share = draw(3) == 0 ? 2 : draw(3) == 0 ? 40 : 100000;

        while (n < wanted) {
                const char *piece = draw(share) == 0 ? hard[draw(sizeof hard / sizeof *hard)] : "";

                for (; *piece != '\0' && n < most; piece++)
                        to[n++] = *piece;
                if (n < wanted)
                        to[n++] = (char)('a' + draw(26));
        }
        return n;
}

#endif
