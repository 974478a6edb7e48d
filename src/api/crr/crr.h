/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_CRR_H
#define API_CRR_H

#include "api_private.h"
#include "crr/http/router.h"

/*
 * The CRR Retry API, Backbeat compatible: PROTOCOL.md beside this file.
 */

/* Handlers of the route table; `data` is a struct api. */
void crr_on_list(void *data, struct http_request *req, const struct route_args *args);
void crr_on_object(void *data, struct http_request *req, const struct route_args *args);
void crr_on_retry(void *data, struct http_request *req, const struct route_args *args);

#endif
