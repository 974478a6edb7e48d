/* SPDX-License-Identifier: Apache-2.0 */
#include "crr/base/uuid.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "digits.h"

/* RFC 9562, appendix: the URL namespace. */
static const uint8_t url_namespace[16] = { 0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1,
                                           0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8 };

void random_bytes(void *bytes, size_t n)
{
        unsigned char *at = bytes;

        while (n > 0) {
                ssize_t got = getrandom(at, n, 0);

                if (got <= 0)
                        abort();
                at += got;
                n -= (size_t)got;
        }
}

static void set_version(struct uuid *u, uint8_t version)
{
        u->bytes[6] = (uint8_t)((u->bytes[6] & 0x0f) | version << 4);
        u->bytes[8] = (uint8_t)((u->bytes[8] & 0x3f) | 0x80);
}

struct uuid uuid_v4(void)
{
        struct uuid u;

        random_bytes(u.bytes, sizeof u.bytes);
        set_version(&u, 4);
        return u;
}

struct uuid uuid_v5_url(struct str name)
{
        unsigned char digest[EVP_MAX_MD_SIZE];
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        struct uuid u;

        if (context == NULL || EVP_DigestInit_ex(context, EVP_sha1(), NULL) != 1 ||
            EVP_DigestUpdate(context, url_namespace, sizeof url_namespace) != 1 ||
            EVP_DigestUpdate(context, name.base, name.len) != 1 ||
            EVP_DigestFinal_ex(context, digest, NULL) != 1)
                abort();
        EVP_MD_CTX_free(context);
        memcpy(u.bytes, digest, sizeof u.bytes);
        set_version(&u, 5);
        return u;
}

static bool is_dash_place(size_t i)
{
        return i == 8 || i == 13 || i == 18 || i == 23;
}

bool uuid_parse(struct str s, struct uuid *ret)
{
        struct uuid u = { { 0 } };
        size_t n = 0;

        if (s.len != UUID_TEXT_SIZE - 1)
                return false;
        for (size_t i = 0; i < s.len; i++) {
                int digit = digits_from_hex(s.base[i]);

                if (is_dash_place(i) ? s.base[i] != '-' : digit < 0)
                        return false;
                if (is_dash_place(i))
                        continue;
                u.bytes[n / 2] = (uint8_t)(u.bytes[n / 2] << 4 | digit);
                n++;
        }
        *ret = u;
        return true;
}

static char hex_of(unsigned nibble)
{
        return (char)('0' + nibble + (nibble > 9) * ('a' - '0' - 10));
}

/* Without branches, all digits at once: every retry is written with it, three times. */
void uuid_format(const struct uuid *u, char text[UUID_TEXT_SIZE])
{
        static const char shape[] = "00000000-0000-0000-0000-000000000000";
        char digits[2 * sizeof u->bytes];

        for (size_t i = 0; i < sizeof u->bytes; i++) {
                digits[2 * i] = hex_of(u->bytes[i] >> 4);
                digits[2 * i + 1] = hex_of(u->bytes[i] & 15);
        }
        memcpy(text, shape, sizeof shape);
        memcpy(text, digits, 8);
        memcpy(text + 9, digits + 8, 4);
        memcpy(text + 14, digits + 12, 4);
        memcpy(text + 19, digits + 16, 4);
        memcpy(text + 24, digits + 20, 12);
}

bool uuid_is_nil(const struct uuid *u)
{
        static const struct uuid nil;

        return memcmp(u, &nil, sizeof nil) == 0;
}

bool uuid_eq(const struct uuid *a, const struct uuid *b)
{
        return memcmp(a, b, sizeof *a) == 0;
}
