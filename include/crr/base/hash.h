/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_BASE_HASH_H
#define CRR_BASE_HASH_H

#include <stdbool.h>

#include "crr/base/str.h"

/* SHA-256 (FIPS 180-4) and HMAC-SHA-256 (RFC 2104) by OpenSSL, as lower-case hex. */
#define HASH_TEXT_SIZE 65

void hash_sha256(struct str bytes, char text[HASH_TEXT_SIZE]);
void hash_hmac_sha256(struct str key, struct str bytes, char text[HASH_TEXT_SIZE]);

/* The bytes themselves, for keys that are derived from keys. */
#define HASH_BYTES 32
void hash_hmac_sha256_bytes(struct str key, struct str bytes, unsigned char digest[HASH_BYTES]);

/* In a time that depends on the lengths only. */
bool hash_eq(struct str a, struct str b);

#endif
