/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_BASE_UUID_H
#define CRR_BASE_UUID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crr/base/str.h"

/* UUIDs of RFC 9562. A nil UUID (all zero) means "none" here. */
struct uuid {
        uint8_t bytes[16];
};

#define UUID_TEXT_SIZE 37

struct uuid uuid_v4(void);                /* from the system's random source; not for src/core */
struct uuid uuid_v5_url(struct str name); /* version 5 in the URL namespace (SHA-1 by OpenSSL) */
bool uuid_parse(struct str s, struct uuid *ret); /* 8-4-4-4-12, either case */
void uuid_format(const struct uuid *u, char text[UUID_TEXT_SIZE]);
bool uuid_is_nil(const struct uuid *u);
bool uuid_eq(const struct uuid *a, const struct uuid *b);

/* Fill with random bytes of the system (getrandom); aborts when there are none. */
void random_bytes(void *bytes, size_t n);

#endif
