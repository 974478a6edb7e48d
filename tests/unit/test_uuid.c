/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "crr/base/uuid.h"

static char text[UUID_TEXT_SIZE];

/* As Python's uuid.uuid5(uuid.NAMESPACE_URL, name) has them. */
static void version_five_in_the_url_namespace_has_its_known_values(void)
{
        static const struct {
                struct str name;
                const char *want;
        } table[] = {
                { { "", 0 }, "1b4db7eb-4057-5ddf-91e0-36dec72071f5" },
                { { "a", 1 }, "e1407479-3136-56c0-9908-bb02fb0339e2" },
                { { "www.example.com", 15 }, "b63cdfa4-3df9-568e-97ae-006c5b8fd652" },
                { { "http://www.example.com/", 23 }, "fcde3c85-2270-590f-9e7c-ee003d65e0e2" },
                { { "retry-2026-10-01", 16 }, "7b583568-0be8-565b-b832-a6bc2b56be2d" },
                { { "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
                    128 },
                  "a24d930b-2155-554f-9ba2-3a0866cf9cb6" },
                { { "key with spaces ~!", 18 }, "8b2006d3-469a-5d89-88c9-d4746a782dfb" },
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                struct uuid u = uuid_v5_url(table[i].name);

                uuid_format(&u, text);
                CHECK_STR(text, table[i].want);
                CHECK_INT(u.bytes[6] >> 4, 5);
                CHECK_INT(u.bytes[8] >> 6, 2);
        }
}

static void version_four_has_its_bits_and_never_comes_twice(void)
{
        struct uuid all[200];

        for (size_t i = 0; i < 200; i++) {
                all[i] = uuid_v4();
                CHECK_INT(all[i].bytes[6] >> 4, 4);
                CHECK_INT(all[i].bytes[8] >> 6, 2);
                CHECK(!uuid_is_nil(&all[i]));
                for (size_t k = 0; k < i; k++)
                        CHECK(!uuid_eq(&all[i], &all[k]));
        }
}

static void every_bit_of_version_four_is_drawn_but_the_fixed_ones(void)
{
        uint8_t ones[16] = { 0 }, zeros[16] = { 0 };

        for (size_t i = 0; i < 200; i++) {
                struct uuid u = uuid_v4();

                for (size_t k = 0; k < 16; k++) {
                        ones[k] |= u.bytes[k];
                        zeros[k] |= (uint8_t)~u.bytes[k];
                }
        }
        for (size_t k = 0; k < 16; k++) {
                uint8_t fixed = k == 6 ? 0xf0 : k == 8 ? 0xc0 : 0;

                CHECK_INT(ones[k] & zeros[k], 0xff & ~fixed);
        }
}

static void text_is_read_in_either_case_and_written_in_lower(void)
{
        static const struct {
                const char *text, *want;
        } table[] = {
                { "00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000000" },
                { "ffffffff-ffff-ffff-ffff-ffffffffffff", "ffffffff-ffff-ffff-ffff-ffffffffffff" },
                { "8E9DB50B-7B3A-4F4E-8F0E-5B6F1A1D9C11", "8e9db50b-7b3a-4f4e-8f0e-5b6f1a1d9c11" },
                { "01234567-89ab-CDEF-0123-456789AbCdEf", "01234567-89ab-cdef-0123-456789abcdef" },
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                struct uuid u;

                CHECK(uuid_parse(str_from(table[i].text), &u));
                uuid_format(&u, text);
                CHECK_STR(text, table[i].want);
                CHECK_INT(uuid_is_nil(&u), i == 0);
        }
}

static void another_shape_is_refused_and_changes_nothing(void)
{
        static const char *const table[] = {
                "",
                "8e9db50b",
                "8e9db50b7b3a4f4e8f0e5b6f1a1d9c11",
                "8e9db50b-7b3a-4f4e-8f0e-5b6f1a1d9c1",
                "8e9db50b-7b3a-4f4e-8f0e-5b6f1a1d9c111",
                "{8e9db50b-7b3a-4f4e-8f0e-5b6f1a1d9c11}",
                "8e9db50b-7b3a-4f4e-8f0e-5b6f1a1d9c1g",
                "8e9db50b-7b3a-4f4e-8f0e-5b6f1a1d9c1G",
                "8e9db50b-7b3a-4f4e-8f0e-5b6f1a1d9c1/",
                "8e9db50b-7b3a-4f4e-8f0e-5b6f1a1d9c1:",
                "8e9db50b-7b3a-4f4e-8f0e 5b6f1a1d9c11",
                "8e9db50b-7b3a-4f4e-8f0e05b6f1a1d9c11",
                "8e9db50-b7b3a-4f4e-8f0e-5b6f1a1d9c11",
                "--------------------------------------",
                "8e9db50b-7b3a-4f4e-8f0e-5b6f1a1d-c11",
                "urn:uuid:8e9db50b-7b3a-4f4e-8f0e-5b6",
        };
        struct uuid kept = uuid_v4(), u = kept;

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                if (uuid_parse(str_from(table[i]), &u))
                        check_fail(__FILE__, __LINE__, "refused", table[i]);
                CHECK(uuid_eq(&u, &kept));
        }
        CHECK(!uuid_parse(STR_ABSENT, &u));
}

static void one_bit_makes_another_uuid(void)
{
        struct uuid nil = { { 0 } };

        for (size_t bit = 0; bit < 128; bit++) {
                struct uuid u = nil;

                u.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
                CHECK(!uuid_eq(&u, &nil));
                CHECK(!uuid_is_nil(&u));
        }
        CHECK(uuid_is_nil(&nil) && uuid_eq(&nil, &nil));
}

int main(void)
{
        RUN(version_five_in_the_url_namespace_has_its_known_values);
        RUN(version_four_has_its_bits_and_never_comes_twice);
        RUN(every_bit_of_version_four_is_drawn_but_the_fixed_ones);
        RUN(text_is_read_in_either_case_and_written_in_lower);
        RUN(another_shape_is_refused_and_changes_nothing);
        RUN(one_bit_makes_another_uuid);
        return 0;
}
