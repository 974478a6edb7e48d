/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_BASE_NETWORK_H
#define CRR_BASE_NETWORK_H

#include <stdbool.h>

#include "crr/base/str.h"

/* A network of IPv4 or IPv6 addresses, "10.0.0.0/8", or a single address. An IPv4 address is the
 * same as its form in IPv6, ::ffff:10.0.0.1. */
struct network {
        unsigned char address[16];
        unsigned bits; /* of it that count */
};

bool network_parse(struct str text, struct network *ret); /* false: it is none */

/* Is this address in it? `address` as inet_ntop(3) writes it. */
bool network_has(const struct network *n, struct str address);

#endif
