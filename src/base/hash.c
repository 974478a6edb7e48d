/* SPDX-License-Identifier: Apache-2.0 */
#include "crr/base/hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

static void write_hex(const unsigned char digest[HASH_BYTES], char text[HASH_TEXT_SIZE])
{
        static const char hex[] = "0123456789abcdef";

        for (size_t i = 0; i < HASH_BYTES; i++) {
                text[2 * i] = hex[digest[i] >> 4];
                text[2 * i + 1] = hex[digest[i] & 15];
        }
        text[HASH_TEXT_SIZE - 1] = '\0';
}

void hash_sha256(struct str bytes, char text[HASH_TEXT_SIZE])
{
        unsigned char digest[HASH_BYTES];

        if (EVP_Digest(bytes.base, bytes.len, digest, NULL, EVP_sha256(), NULL) != 1)
                abort();
        write_hex(digest, text);
}

void hash_hmac_sha256_bytes(struct str key, struct str bytes, unsigned char digest[HASH_BYTES])
{
        if (HMAC(EVP_sha256(), key.base, (int)key.len, (const unsigned char *)bytes.base, bytes.len,
                 digest, NULL) == NULL)
                abort();
}

void hash_hmac_sha256(struct str key, struct str bytes, char text[HASH_TEXT_SIZE])
{
        unsigned char digest[HASH_BYTES];

        hash_hmac_sha256_bytes(key, bytes, digest);
        write_hex(digest, text);
}

bool hash_eq(struct str a, struct str b)
{
        return a.len == b.len && CRYPTO_memcmp(a.base, b.base, a.len) == 0;
}
