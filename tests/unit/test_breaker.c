/* SPDX-License-Identifier: Apache-2.0 */
#include "breaker.h"
#include "check.h"

static const struct breaker_rules rules = {
        .failures = 3, .span_ms = 100, .open_ms = 1000, .open_max_ms = 3000
};

static void fail(struct breaker *b, unsigned times, int64_t now_ms)
{
        while (times-- > 0)
                breaker_on_failure(b, now_ms);
}

static void open_at(struct breaker *b, int64_t now_ms)
{
        breaker_init(b, &rules);
        fail(b, 1, now_ms - rules.span_ms);
        fail(b, 2, now_ms);
        CHECK_INT(breaker_state(b), BREAKER_OPEN);
}

static void failures_in_a_row_open_it(void)
{
        struct breaker b;

        breaker_init(&b, &rules);
        fail(&b, 2, 0);
        breaker_on_answer(&b);
        fail(&b, 1, 500);
        fail(&b, 1, 1000);
        CHECK(breaker_state(&b) == BREAKER_CLOSED && breaker_lets_through(&b));
        fail(&b, 1, 1000);
        CHECK(breaker_state(&b) == BREAKER_OPEN && !breaker_lets_through(&b));
}

static void many_at_once_are_one_hiccup(void)
{
        struct breaker b;

        breaker_init(&b, &rules);
        fail(&b, 50, 1000);
        fail(&b, 50, 1099);
        CHECK_INT(breaker_state(&b), BREAKER_CLOSED);
        fail(&b, 1, 1100);
        CHECK_INT(breaker_state(&b), BREAKER_OPEN);
}

static void after_its_time_one_request_at_a_time_is_let_through(void)
{
        struct breaker b;

        open_at(&b, 5000);
        breaker_tick(&b, 5999);
        CHECK_INT(breaker_state(&b), BREAKER_OPEN);
        breaker_tick(&b, 6000);
        CHECK_INT(breaker_state(&b), BREAKER_HALF_OPEN);
        CHECK(breaker_lets_through(&b));
        breaker_on_sent(&b);
        CHECK(!breaker_lets_through(&b));
        breaker_on_nothing(&b);
        CHECK(breaker_lets_through(&b));
        breaker_on_sent(&b);
        breaker_on_answer(&b);
        CHECK(breaker_state(&b) == BREAKER_CLOSED && breaker_lets_through(&b));
}

static void each_failed_probe_doubles_its_time_up_to_the_most(void)
{
        static const int64_t waits[] = { 1000, 2000, 3000, 3000 };
        struct breaker b;
        int64_t now_ms = 5000;

        open_at(&b, now_ms);
        for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
                CHECK_INT(b.until_ms - now_ms, waits[i]);
                now_ms = b.until_ms;
                breaker_tick(&b, now_ms);
                breaker_on_sent(&b);
                fail(&b, 1, now_ms);
                CHECK_INT(breaker_state(&b), BREAKER_OPEN);
        }
        breaker_on_answer(&b);
        fail(&b, 1, now_ms);
        fail(&b, 2, now_ms + 100);
        CHECK_INT(b.until_ms - (now_ms + 100), 1000);
}

static void a_late_answer_closes_an_open_one_and_a_late_failure_prolongs_nothing(void)
{
        struct breaker b;

        open_at(&b, 5000);
        fail(&b, 1, 5500);
        CHECK_INT(b.until_ms, 6000);
        breaker_on_answer(&b);
        CHECK_INT(breaker_state(&b), BREAKER_CLOSED);
        breaker_tick(&b, 7000);
        CHECK_INT(breaker_state(&b), BREAKER_CLOSED);
}

int main(void)
{
        RUN(failures_in_a_row_open_it);
        RUN(many_at_once_are_one_hiccup);
        RUN(after_its_time_one_request_at_a_time_is_let_through);
        RUN(each_failed_probe_doubles_its_time_up_to_the_most);
        RUN(a_late_answer_closes_an_open_one_and_a_late_failure_prolongs_nothing);
        return 0;
}
