/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_CORE_PEER_AUTH_H
#define CRR_CORE_PEER_AUTH_H

#include <stdint.h>

#include "crr/base/error.h"
#include "crr/base/str.h"

/*
 * How members prove to each other that they have the same secret: the header PEER_AUTH_HEADER holds
 * the time and an HMAC over method, path, the body's hash and that time. All questions are POSTs.
 *
 * Units  Times in ms since the epoch.
 */
#define PEER_AUTH_HEADER  "crr-peer-auth"
#define PEER_AUTH_SIZE    128
#define PEER_AUTH_SKEW_MS 30000 /* clocks of two members may differ by so much */

/* "1764097200000:5d1c...": the header's value. */
void peer_auth_write(struct str secret, struct str path, struct str body, int64_t wall_ms,
                     char text[PEER_AUTH_SIZE]);

/* ERR_ACCESS_DENIED says what is wrong with the header (absent: it is missing). */
int peer_auth_check(struct str secret, struct str path, struct str body, struct str header,
                    int64_t wall_ms, struct error *err);

#endif
