/* SPDX-License-Identifier: Apache-2.0 */
#include "crr/core/peer_auth.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>

#include "crr/base/buf.h"
#include "crr/base/hash.h"

static void sign(struct str secret, struct str path, struct str body, int64_t wall_ms,
                 char text[HASH_TEXT_SIZE])
{
        char body_hash[HASH_TEXT_SIZE];
        struct buf signed_text;

        hash_sha256(body, body_hash);
        buf_init(&signed_text, SIZE_MAX);
        buf_printf(&signed_text, "crr-peer-v1\nPOST\n%.*s\n%s\n%" PRId64, STR_ARG(path), body_hash,
                   wall_ms);
        hash_hmac_sha256(secret, buf_str(&signed_text), text);
        buf_deinit(&signed_text);
}

void peer_auth_write(struct str secret, struct str path, struct str body, int64_t wall_ms,
                     char text[PEER_AUTH_SIZE])
{
        char mac[HASH_TEXT_SIZE];

        sign(secret, path, body, wall_ms, mac);
        snprintf(text, PEER_AUTH_SIZE, "%" PRId64 ":%s", wall_ms, mac);
}

int peer_auth_check(struct str secret, struct str path, struct str body, struct str header,
                    int64_t wall_ms, struct error *err)
{
        char mac[HASH_TEXT_SIZE];
        struct str time, theirs;
        unsigned long long ms;

        if (header.base == NULL)
                return error_set(
                        err, ERR_ACCESS_DENIED,
                        "the header Crr-Peer-Auth is missing: who asks has no peer.secret");
        if (!str_split(header, ':', &time, &theirs) || !str_to_u64(time, INT64_MAX, &ms))
                return error_set(err, ERR_ACCESS_DENIED, "the header Crr-Peer-Auth is not one");
        sign(secret, path, body, (int64_t)ms, mac);
        if (!hash_eq(str_from(mac), theirs))
                return error_set(err, ERR_ACCESS_DENIED,
                                 "the members' secrets (peer.secret) are not the same");
        if ((int64_t)ms < wall_ms - PEER_AUTH_SKEW_MS || (int64_t)ms > wall_ms + PEER_AUTH_SKEW_MS)
                return error_set(err, ERR_ACCESS_DENIED,
                                 "the members' clocks differ by more than %d s",
                                 PEER_AUTH_SKEW_MS / 1000);
        return 0;
}
