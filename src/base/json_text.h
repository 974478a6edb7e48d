/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_BASE_JSON_TEXT_H
#define CRR_SRC_BASE_JSON_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "crr/base/str.h"

/*
 * Checks of raw JSON text that yajl lacks, piece by piece: UTF-8 (yajl lets overlong forms,
 * surrogates and more through), \u escapes (yajl makes '?' of a lone surrogate), and blanks that
 * only yajl takes for such. *ret_at is set on failure: where in this piece it is; 0 if what is
 * wrong began in the one before.
 */
struct json_text {
        unsigned char carry[4]; /* of a sequence that the piece's end cuts */
        uint8_t carry_len;
        uint8_t escape;  /* 0: outside; 1: behind a backslash; 2..5: in the digits of \u */
        bool low_wanted; /* a high surrogate must be followed by \u and a low one */
        uint16_t unit;
};

void json_text_begin(struct json_text *t);
bool json_text_is_plain(const struct json_text *t,
                        struct str piece); /* true: there is nothing for the others to check */
bool json_text_utf8(struct json_text *t, struct str piece, size_t *ret_at); /* false: not UTF-8 */
bool json_text_escapes(struct json_text *t, struct str piece,
                       size_t *ret_at);                  /* false: a lone surrogate */
bool json_text_blanks(struct str piece, size_t *ret_at); /* false: \v or \f */
bool json_text_end(const struct json_text *t);           /* false: cut in a sequence or pair */

#endif
