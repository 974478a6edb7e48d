/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "crr/core/identity.h"
#include "generator.h"
#include "options.h"

static void the_same_seed_makes_the_same_failures_and_another_others(void)
{
        struct generator a, b, c;
        struct failure of_a, of_b, of_c;
        bool entry;

        generator_init(&a, 7, 5, 8, 0);
        generator_init(&b, 7, 5, 8, 0);
        generator_init(&c, 8, 5, 8, 0);
        for (uint64_t i = 0; i < 100; i++) {
                generator_failure(&a, i, &of_a, &entry);
                generator_failure(&b, i, &of_b, &entry);
                generator_failure(&c, i, &of_c, &entry);
                CHECK(identity_eq(&of_a.id, &of_b.id));
                CHECK(!identity_eq(&of_a.id, &of_c.id));
                CHECK_INT(of_a.size, of_b.size);
        }
}

static void every_failure_is_a_good_one(void)
{
        struct generator g;
        struct failure f;
        struct error err;
        bool entry;

        generator_init(&g, 1, GENERATOR_MAX_SITES, GENERATOR_MAX_BUCKETS, 0.5);
        for (uint64_t i = 0; i < 5000; i++) {
                generator_failure(&g, i, &f, &entry);
                CHECK_INT(identity_check(&f.id, &err), 0);
                CHECK(f.size >= 0 && f.attempts > 0);
        }
}

static void a_share_is_about_as_large_as_asked(void)
{
        struct generator g;
        struct failure f;
        unsigned again = 0, entries = 0;
        bool entry;

        generator_init(&g, 1, 5, 8, 0.25);
        for (uint64_t i = 0; i < 10000; i++) {
                generator_failure(&g, i, &f, &entry);
                entries += entry;
                again += generator_fails_again(&f.id, 2, 0.1);
                CHECK(!generator_fails_again(&f.id, 2, 0));
                CHECK(generator_fails_again(&f.id, 2, 1));
        }
        CHECK(entries > 2200 && entries < 2800);
        CHECK(again > 800 && again < 1200);
}

static void options_are_taken_and_wrong_ones_refused(void)
{
        static const struct {
                const char *argv[6];
                enum options_verdict want;
        } table[] = {
                { { "demo", "--count", "5" }, OPTIONS_RUN },
                { { "demo", "--count", "x" }, OPTIONS_WRONG },
                { { "demo", "--refail", "1.5" }, OPTIONS_WRONG },
                { { "demo", "--sites", "0" }, OPTIONS_WRONG },
                { { "demo", "--rate", "-1" }, OPTIONS_WRONG },
                { { "demo", "-X", "linger.ms=1" }, OPTIONS_RUN },
                { { "demo", "-X", "linger.ms" }, OPTIONS_WRONG },
                { { "demo", "--nonsense", "1" }, OPTIONS_WRONG },
                { { "demo", "produce" }, OPTIONS_WRONG },
                { { "demo", "--format", "backbeat" }, OPTIONS_RUN },
                { { "demo", "--format", "other" }, OPTIONS_WRONG },
                { { "demo", "--format", "backbeat", "--roles" }, OPTIONS_RUN },
                { { "demo", "--roles", "--format", "backbeat" }, OPTIONS_RUN },
                { { "demo", "--roles" }, OPTIONS_WRONG },
                { { "demo", "--format", "native", "--successes", "5" }, OPTIONS_WRONG },
                { { "demo", "--format", "backbeat", "--successes", "5" }, OPTIONS_RUN },
                { { "demo", "--format", "backbeat", "--failed-share", "2" }, OPTIONS_WRONG },
                { { "demo", "--format", "backbeat", "--metadata-latency", "-1" }, OPTIONS_WRONG },
                { { "demo", "--format", "backbeat", "--parts", "10000" }, OPTIONS_RUN },
                { { "demo", "--format", "backbeat", "--parts", "0" }, OPTIONS_WRONG },
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                char *argv[6];
                int argc = 0;
                struct options o;

                while (argc < 6 && table[i].argv[argc] != NULL) {
                        argv[argc] = (char *)table[i].argv[argc];
                        argc++;
                }
                CHECK_INT(options_parse(&o, argc, argv), table[i].want);
        }
}

int main(void)
{
        RUN(the_same_seed_makes_the_same_failures_and_another_others);
        RUN(every_failure_is_a_good_one);
        RUN(a_share_is_about_as_large_as_asked);
        RUN(options_are_taken_and_wrong_ones_refused);
        return 0;
}
