/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_BASE_STR_H
#define CRR_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A view of bytes: not terminated, may hold any byte, owned by somebody else.
 *
 * `base == NULL` means "absent"; an empty string has a base.
 */
struct str {
        const char *base;
        size_t len;
};

#define STR(literal) ((struct str){ (literal), sizeof(literal) - 1 })
#define STR_ARG(s)   (int)(s).len, (s).base /* for %.*s */
#define STR_ABSENT   ((struct str){ NULL, 0 })

struct str str_from(const char *text); /* NULL gives STR_ABSENT */
bool str_eq(struct str a, struct str b);
bool str_eq_c(struct str a, const char *b);
bool str_ieq_c(struct str a, const char *b); /* ASCII case ignored */
int str_compare(struct str a, struct str b); /* bytewise, then by length */
bool str_has_prefix(struct str s, const char *prefix);
bool str_is_utf8(struct str s); /* RFC 3629: no overlong form, no surrogate, <= U+10FFFF */
struct str str_cut(struct str s, size_t max); /* at most max bytes of it, no character cut in two */
struct str str_trim(struct str s);            /* without blanks and tabs at both ends */

/* A copy at *space, which is behind it then; absent stays absent. */
struct str str_copy_to(char **space, struct str s);

/* Split at the first or the last `sep`: true and both halves, or false when there is none. */
bool str_split(struct str s, char sep, struct str *ret_head, struct str *ret_tail);
bool str_split_last(struct str s, char sep, struct str *ret_head, struct str *ret_tail);

/* Decimal digits only, no sign, no blank, not empty, <= max. */
bool str_to_u64(struct str s, unsigned long long max, unsigned long long *ret);

#endif
