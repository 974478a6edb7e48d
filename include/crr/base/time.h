/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_BASE_TIME_H
#define CRR_BASE_TIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crr/base/str.h"

/* Units: milliseconds since 1970-01-01T00:00:00Z; TIME_UNKNOWN is "not known", never a time. */

#define TIME_UNKNOWN   INT64_MIN
#define TIME_LAST      INT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z */
#define TIME_TEXT_SIZE 32

/* RFC 3339, any offset, 0..9 fraction digits (truncated to ms), 't' 'z' too; before 1970 and after
 * TIME_LAST is false. */
bool time_parse_rfc3339(struct str s, int64_t *ret_ms);

/* "2018-03-30T22:22:34.384Z" with a terminating NUL; returns the length. What is not of
 * 0..TIME_LAST, as TIME_UNKNOWN and what a Kafka record's timestamp can be, is printed as the
 * nearest time that is. */
size_t time_format_rfc3339(int64_t ms, char text[TIME_TEXT_SIZE]);

int64_t time_wall_ms(void); /* the clock; not for src/core */
int64_t time_monotonic_ms(void);
int64_t time_monotonic_us(void);

#endif
