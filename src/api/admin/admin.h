/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_ADMIN_H
#define API_ADMIN_H

#include "crr/http/router.h"

/* Handler of the route table that is in a file of its own; `data` is a struct api. */
void admin_on_cluster(void *data, struct http_request *req, const struct route_args *args);

#endif
