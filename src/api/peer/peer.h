/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_PEER_H
#define API_PEER_H

#include "api_private.h"
#include "crr/core/peer_query.h"
#include "crr/http/router.h"

/*
 * The members' own dialect: PROTOCOL.md beside this file. Only members may speak it.
 */

/* Who asks is proven, and the body read; then it is served, if it is whole. */
void peer_exchange_begin(const struct api *api, struct http_request *req,
                         enum peer_question question);

#endif
