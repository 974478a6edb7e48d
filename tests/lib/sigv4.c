/* SPDX-License-Identifier: Apache-2.0 */
/* AWS signature version 4, as a server computes it from the request that came. */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "crr/base/buf.h"
#include "crr/base/url.h"
#include "http_source.h"

#define LIMIT  ((size_t)64 << 10)
#define DIGEST 32

static void append_hex(struct buf *out, const unsigned char *bytes)
{
        for (int i = 0; i < DIGEST; i++)
                buf_printf(out, "%02x", bytes[i]);
}

static void hash(struct buf *out, struct str text)
{
        unsigned char digest[DIGEST];

        CHECK(EVP_Digest(text.base, text.len, digest, NULL, EVP_sha256(), NULL) == 1);
        append_hex(out, digest);
}

static void hmac(unsigned char key[DIGEST], const void *first_key, size_t key_len, struct str text)
{
        unsigned char digest[DIGEST];

        CHECK(HMAC(EVP_sha256(), first_key != NULL ? first_key : key,
                   first_key != NULL ? (int)key_len : DIGEST, (const unsigned char *)text.base,
                   text.len, digest, NULL) != NULL);
        memcpy(key, digest, DIGEST);
}

/* The trimmed value of a header of the request; absent: none. */
static struct str header(struct str head, struct str name)
{
        struct str line, rest = head, found, value;

        while (str_split(rest, '\n', &line, &rest)) {
                char lower[256];

                if (!str_split(line, ':', &found, &value) || found.len != name.len)
                        continue;
                snprintf(lower, sizeof lower, "%.*s", STR_ARG(name));
                if (!str_ieq_c(found, lower))
                        continue;
                value.len -= value.len > 0 && value.base[value.len - 1] == '\r';
                return str_trim(value);
        }
        return STR_ABSENT;
}

/* Decoded, and encoded as the signature wants it. */
static void append_anew(struct buf *out, struct str text)
{
        struct buf plain;

        buf_init(&plain, LIMIT);
        CHECK(url_decode(&plain, text, false));
        url_encode(out, buf_str(&plain));
        buf_deinit(&plain);
}

static void append_path(struct buf *out, struct str path)
{
        struct str segment, rest = path;

        while (str_split(rest, '/', &segment, &rest)) {
                append_anew(out, segment);
                buf_append_char(out, '/');
        }
        append_anew(out, rest);
}

/* Of at most one parameter. */
static void append_query(struct buf *out, struct str query)
{
        struct str name, value;

        if (!str_split(query, '=', &name, &value))
                return;
        append_anew(out, name);
        buf_append_char(out, '=');
        append_anew(out, value);
}

static void append_headers(struct buf *out, struct str head, struct str names)
{
        struct str name, rest = names;

        for (bool more = true; more;) {
                more = str_split(rest, ';', &name, &rest);
                if (!more)
                        name = rest;
                buf_printf(out, "%.*s:%.*s\n", STR_ARG(name), STR_ARG(header(head, name)));
        }
        buf_printf(out, "\n%.*s\n", STR_ARG(names));
}

static void canonical(struct buf *out, struct str head, struct str target, struct str names)
{
        struct str path = target, query = STR(""), payload;

        str_split(target, '?', &path, &query);
        buf_append_c(out, "GET\n");
        append_path(out, path);
        buf_append_char(out, '\n');
        append_query(out, query);
        buf_append_char(out, '\n');
        append_headers(out, head, names);
        payload = header(head, STR("x-amz-content-sha256"));
        CHECK(payload.base != NULL);
        buf_append_str(out, payload);
}

/* "Credential=" -> what stands behind it, until the next comma. */
static struct str part(struct str authorization, const char *name)
{
        const char *at = memmem(authorization.base, authorization.len, name, strlen(name));
        struct str value, rest;

        CHECK(at != NULL);
        value = (struct str){ at + strlen(name), authorization.len -
                                                         (size_t)(at - authorization.base) -
                                                         strlen(name) };
        str_split(value, ',', &value, &rest);
        return str_trim(value);
}

static void derive_key(unsigned char key[DIGEST], const char *secret_key, struct str day,
                       const char *region)
{
        char first[256];

        snprintf(first, sizeof first, "AWS4%s", secret_key);
        hmac(key, first, strlen(first), day);
        hmac(key, NULL, 0, str_from(region));
        hmac(key, NULL, 0, STR("s3"));
        hmac(key, NULL, 0, STR("aws4_request"));
}

bool http_source_is_signed(const struct http_source *s, unsigned i, const char *region,
                           const char *access_key, const char *secret_key)
{
        struct str head = str_from(s->requests[i].head);
        struct str authorization = header(head, STR("Authorization"));
        struct str time = header(head, STR("X-Amz-Date")), names, day;
        struct buf text, scope, wanted;
        unsigned char key[DIGEST];
        bool is_same;

        if (authorization.base == NULL || time.len != strlen("20200101T000000Z"))
                return false;
        buf_init(&text, LIMIT);
        buf_init(&scope, LIMIT);
        buf_init(&wanted, LIMIT);
        day = (struct str){ time.base, 8 };
        names = part(authorization, "SignedHeaders=");
        buf_printf(&scope, "%.*s/%s/s3/aws4_request", STR_ARG(day), region);
        canonical(&text, head, str_from(http_source_target(s, i)), names);
        buf_printf(&wanted, "AWS4-HMAC-SHA256\n%.*s\n%.*s\n", STR_ARG(time),
                   STR_ARG(buf_str(&scope)));
        hash(&wanted, buf_str(&text));
        derive_key(key, secret_key, day, region);
        hmac(key, NULL, 0, buf_str(&wanted));
        buf_clear(&wanted);
        append_hex(&wanted, key);
        buf_clear(&text);
        buf_printf(&text, "%s/%.*s", access_key, STR_ARG(buf_str(&scope)));
        is_same = str_eq(part(authorization, "Signature="), buf_str(&wanted)) &&
                  str_eq(part(authorization, "Credential="), buf_str(&text));
        buf_deinit(&text);
        buf_deinit(&scope);
        buf_deinit(&wanted);
        return is_same;
}
