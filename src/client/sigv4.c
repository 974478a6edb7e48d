/* SPDX-License-Identifier: Apache-2.0 */
#include "sigv4.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "crr/base/buf.h"
#include "crr/base/hash.h"

#define SIGNED_HEADERS "host;x-amz-content-sha256;x-amz-date"
#define SECRET_BYTES   300
#define DAY_BYTES      8

struct scope {
        char time[sizeof "20200101T000000Z"];
        char text[DAY_BYTES + sizeof "/" + 64 + sizeof "/s3/aws4_request"];
};

/* "https://host:9000/a/b?c=d" in its parts; the host as curl would say it, without the port that
 * is the scheme's own. */
static void split_url(const char *url, struct str *ret_host, struct str *ret_path,
                      struct str *ret_query)
{
        const char *host = strstr(url, "://") + strlen("://"), *path = strchr(host, '/');
        const char *own_port = strncmp(url, "https", 5) == 0 ? ":443" : ":80";
        size_t len = strlen(own_port);

        *ret_host = (struct str){ host, (size_t)(path - host) };
        if (ret_host->len > len && memcmp(path - len, own_port, len) == 0)
                ret_host->len -= len;
        *ret_path = str_from(path);
        *ret_query = STR("");
        str_split(*ret_path, '?', ret_path, ret_query);
}

static struct scope scope_of(const struct sigv4_key *key, int64_t wall_ms)
{
        time_t seconds = (time_t)(wall_ms / 1000);
        struct scope scope;
        struct tm tm;

        gmtime_r(&seconds, &tm);
        strftime(scope.time, sizeof scope.time, "%Y%m%dT%H%M%SZ", &tm);
        snprintf(scope.text, sizeof scope.text, "%.8s/%s/s3/aws4_request", scope.time, key->region);
        return scope;
}

static struct str bytes_of(const unsigned char digest[HASH_BYTES])
{
        return (struct str){ (const char *)digest, HASH_BYTES };
}

static void derive(const struct sigv4_key *key, const struct scope *scope,
                   unsigned char ret[HASH_BYTES])
{
        char secret[SECRET_BYTES];

        snprintf(secret, sizeof secret, "AWS4%s", key->secret_key);
        hash_hmac_sha256_bytes(str_from(secret), (struct str){ scope->time, DAY_BYTES }, ret);
        hash_hmac_sha256_bytes(bytes_of(ret), str_from(key->region), ret);
        hash_hmac_sha256_bytes(bytes_of(ret), STR("s3"), ret);
        hash_hmac_sha256_bytes(bytes_of(ret), STR("aws4_request"), ret);
}

static void hash_request(const char *url, const struct scope *scope, const char *body_hash,
                         char ret[HASH_TEXT_SIZE])
{
        struct str host, path, query;
        struct buf text;

        split_url(url, &host, &path, &query);
        buf_init(&text, SIZE_MAX);
        buf_append_c(&text, "GET\n");
        buf_append_str(&text, path);
        buf_append_char(&text, '\n');
        buf_append_str(&text, query);
        buf_printf(&text, "\nhost:%.*s\nx-amz-content-sha256:%s\nx-amz-date:%s\n\n%s\n%s",
                   STR_ARG(host), body_hash, scope->time, SIGNED_HEADERS, body_hash);
        hash_sha256(buf_str(&text), ret);
        buf_deinit(&text);
}

void sigv4_sign(const struct sigv4_key *key, const char *url, int64_t wall_ms, struct sigv4 *ret)
{
        struct scope scope = scope_of(key, wall_ms);
        char body_hash[HASH_TEXT_SIZE], request_hash[HASH_TEXT_SIZE], signature[HASH_TEXT_SIZE];
        unsigned char derived[HASH_BYTES];
        struct str host, path, query;
        char text[256];

        hash_sha256(STR(""), body_hash);
        hash_request(url, &scope, body_hash, request_hash);
        snprintf(text, sizeof text, "AWS4-HMAC-SHA256\n%s\n%s\n%s", scope.time, scope.text,
                 request_hash);
        derive(key, &scope, derived);
        hash_hmac_sha256(bytes_of(derived), str_from(text), signature);
        split_url(url, &host, &path, &query);
        snprintf(ret->lines[0], sizeof ret->lines[0], "Host: %.*s", STR_ARG(host));
        snprintf(ret->lines[1], sizeof ret->lines[1], "x-amz-content-sha256: %s", body_hash);
        snprintf(ret->lines[2], sizeof ret->lines[2], "x-amz-date: %s", scope.time);
        snprintf(ret->lines[3], sizeof ret->lines[3],
                 "Authorization: AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s",
                 key->access_key, scope.text, SIGNED_HEADERS, signature);
}
