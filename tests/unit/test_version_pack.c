/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "version_pack.h"

static const char digits[] = "0123456789abcdef";

static struct str hex(char *text, size_t n, unsigned step)
{
        for (size_t i = 0; i < n; i++)
                text[i] = digits[(i * step + n) % 16];
        return (struct str){ text, n };
}

static void check_round(struct str s)
{
        char back[VERSION_TEXT_BYTES];
        uint8_t packed[LIMIT_VERSION_ID_BYTES + 8];

        CHECK(version_pack(packed, s));
        CHECK_INT(packed[0] >> 4, strchr(digits, s.base[0]) - digits);
        CHECK_INT(packed[0] & 15, strchr(digits, s.base[1]) - digits);
        version_unpack(back, packed, s.len / 2);
        CHECK(memcmp(back, s.base, s.len) == 0);
}

static void hex_of_every_even_length_is_packed_and_comes_back(void)
{
        char text[LIMIT_VERSION_ID_BYTES];

        for (unsigned step = 1; step < 16; step += 2)
                for (size_t n = 2; n <= LIMIT_VERSION_ID_BYTES; n += 2)
                        check_round(hex(text, n, step));
}

static void check_refused(size_t n, size_t at, unsigned char other)
{
        char text[LIMIT_VERSION_ID_BYTES];
        uint8_t packed[LIMIT_VERSION_ID_BYTES + 8];
        struct str s = hex(text, n, 7);

        text[at] = (char)other;
        CHECK(!version_pack(packed, s));
}

/* Wherever it stands, at every length. */
static void what_is_not_a_hex_digit_is_not_packed(void)
{
        static const unsigned char others[] = { 0,   '/', ':', '@',  '`',  'g',  'A',
                                                'F', 'z', ' ', 0x80, 0xb0, 0xe1, 0xff };

        for (size_t n = 2; n <= LIMIT_VERSION_ID_BYTES; n += 2)
                for (size_t at = 0; at < n; at++)
                        check_refused(n, at, others[(at + n / 2) % sizeof others]);
}

static void an_odd_length_and_nothing_are_not_packed(void)
{
        uint8_t packed[16];

        CHECK(!version_pack(packed, STR("")));
        CHECK(!version_pack(packed, STR("a")));
        CHECK(!version_pack(packed, STR("abc")));
}

int main(void)
{
        RUN(hex_of_every_even_length_is_packed_and_comes_back);
        RUN(what_is_not_a_hex_digit_is_not_packed);
        RUN(an_odd_length_and_nothing_are_not_packed);
        return 0;
}
