/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_DRAW_TEXT_H
#define TESTS_DRAW_TEXT_H

#include <stddef.h>

#include "draw.h"

/* Text with a share of what is hard: control characters, quotes, percent signs, plus, UTF-8 of
 * every length. Returns its length, at most `most` bytes. */
static inline size_t draw_text(struct draw *d, char *to, size_t most)
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
        size_t wanted = draw(d, draw(d, 4) == 0 || most < 24 ? most + 1 : 24), n = 0;
        uint64_t share = draw(d, 3) == 0 ? 2 : draw(d, 3) == 0 ? 40 : 100000;

        while (n < wanted) {
                const char *piece =
                        draw(d, share) > 0 ? "" : hard[draw(d, sizeof hard / sizeof *hard)];

                for (; *piece != '\0' && n < most; piece++)
                        to[n++] = *piece;
                if (n < wanted)
                        to[n++] = (char)('a' + draw(d, 26));
        }
        return n;
}

#endif
