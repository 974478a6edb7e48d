/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "crr/base/network.h"

static void an_address_is_in_its_networks(void)
{
        static const struct {
                const char *network, *address;
                bool is_in;
        } rows[] = {
                { "127.0.0.0/8", "127.255.0.1", true },
                { "127.0.0.0/8", "128.0.0.1", false },
                { "10.1.2.3", "10.1.2.3", true },
                { "10.1.2.3", "10.1.2.4", false },
                { "10.128.0.0/9", "10.129.0.1", true },
                { "10.128.0.0/9", "10.127.0.1", false },
                { "0.0.0.0/0", "8.8.8.8", true },
                { "0.0.0.0/0", "::1", false },
                { "::/0", "10.0.0.1", true },
                { "::1/128", "::1", true },
                { "fd00::/8", "fdff::1", true },
                { "fd00::/8", "fe00::1", false },
                { "10.0.0.0/8", "::ffff:10.0.0.1", true },
                { "::ffff:10.0.0.0/104", "10.9.9.9", true },
                { "10.0.0.0/8", "nonsense", false },
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                struct network n;

                CHECK(network_parse(str_from(rows[i].network), &n));
                CHECK_INT(network_has(&n, str_from(rows[i].address)), rows[i].is_in);
        }
}

static void what_is_no_network_is_refused(void)
{
        static const char *const rows[] = { "",          "10.0.0.0/33", "10.0.0/8", "::/129",
                                            "10.0.0.0/", "/8",          "host",     "10.0.0.0/-1" };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                struct network n;

                CHECK(!network_parse(str_from(rows[i]), &n));
        }
}

int main(void)
{
        RUN(an_address_is_in_its_networks);
        RUN(what_is_no_network_is_refused);
        return 0;
}
