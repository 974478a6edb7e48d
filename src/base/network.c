/* SPDX-License-Identifier: Apache-2.0 */
#include "crr/base/network.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define V4_BITS_BEFORE 96 /* ::ffff:0:0/96 */

static bool parse_address(struct str text, unsigned char ret[16], bool *ret_v4)
{
        static const unsigned char v4_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
        char copy[INET6_ADDRSTRLEN];

        if (text.len >= sizeof copy)
                return false;
        snprintf(copy, sizeof copy, "%.*s", STR_ARG(text));
        *ret_v4 = inet_pton(AF_INET, copy, ret + sizeof v4_prefix) == 1;
        if (*ret_v4)
                memcpy(ret, v4_prefix, sizeof v4_prefix);
        return *ret_v4 || inet_pton(AF_INET6, copy, ret) == 1;
}

bool network_parse(struct str text, struct network *ret)
{
        struct str address = text, length;
        unsigned long long bits;
        bool has_length = str_split(text, '/', &address, &length), is_v4;

        if (!parse_address(address, ret->address, &is_v4))
                return false;
        bits = is_v4 ? 32 : 128;
        if (has_length && !str_to_u64(length, bits, &bits))
                return false;
        ret->bits = (unsigned)bits + (is_v4 ? V4_BITS_BEFORE : 0);
        return true;
}

bool network_has(const struct network *n, struct str address)
{
        unsigned char other[16];
        unsigned whole = n->bits / 8, rest = n->bits % 8;
        bool is_v4;

        if (!parse_address(address, other, &is_v4) || memcmp(n->address, other, whole) != 0)
                return false;
        return rest == 0 || (n->address[whole] ^ other[whole]) >> (8 - rest) == 0;
}
