/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_HTTP_WALKER_H
#define TESTS_HTTP_WALKER_H

#include "http_conn.h"

/* What holds of a server between two turns of the loop; the first thing that does not, or NULL. */
const char *http_walk(const struct http_server *s);

#endif
