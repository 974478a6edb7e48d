/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_CLIENT_PEER_CLIENT_H
#define CRR_CLIENT_PEER_CLIENT_H

#include "crr/base/metrics.h"
#include "crr/client/curl_loop.h"
#include "crr/core/peers.h"

/*
 * Peer client: the port `peers` over HTTP (src/api/peer/PROTOCOL.md is the other end).
 *
 * Ownership  The secret is copied; curl loop and metrics outlive it.
 * Threads    Loop thread only.
 */
struct peer_client;

/* secret absent: questions are not signed. */
struct peer_client *peer_client_new(struct curl_loop *curl, struct str secret,
                                    struct metrics *metrics);
struct peers *peer_client_port(struct peer_client *c);
void peer_client_set_secret(struct peer_client *c, struct str secret); /* SIGHUP */
void peer_client_free(struct peer_client *c); /* no call may be open; NULL is legal */

#endif
