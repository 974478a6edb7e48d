/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of calls when the source fails, is slow, or is not wanted any more. */
#include "source_bench.h"

/* FAILURES */

static void a_failure_is_tried_again(void)
{
        struct source_bench b;

        source_bench_init(&b);
        b.server.script[0] = FAILED;
        b.server.script[1] = FAILED;
        b.server.otherwise = FOUND;
        ask(&b, SOURCE_FOUND);
        CHECK_INT(b.server.n_requests, 3);
        CHECK_INT(outcome(&b, "retried"), 2);
        CHECK_INT(outcome(&b, "found"), 1);
        source_bench_deinit(&b);
}

static void the_last_attempt_says_why(void)
{
        struct source_bench b;

        source_bench_init(&b);
        b.server.otherwise = FAILED;
        ask(&b, SOURCE_UNAVAILABLE);
        check_says(&b, "status 500 (InternalError)");
        CHECK_INT(b.server.n_requests, 3);
        CHECK_INT(outcome(&b, "failed"), 1);
        source_bench_deinit(&b);
}

static void a_connection_that_breaks_is_tried_again(void)
{
        struct source_bench b;

        source_bench_init(&b);
        b.server.script[0] = HTTP_REPLY("200 OK", "99") "{\"Body\":";
        b.server.hangs_up = true;
        b.server.otherwise = FOUND;
        ask(&b, SOURCE_FOUND);
        CHECK_INT(b.server.n_requests, 2);
        source_bench_deinit(&b);
}

static void nobody_there_is_unavailable(void)
{
        struct source_bench b;

        source_bench_init(&b);
        http_source_deafen(&b.server);
        uv_run(&b.loop, UV_RUN_NOWAIT);
        ask(&b, SOURCE_UNAVAILABLE);
        check_says(&b, "connect");
        CHECK_INT(outcome(&b, "retried"), 2);
        source_bench_deinit(&b);
}

static void a_slow_answer_is_given_up_and_asked_for_again(void)
{
        static const struct source_pace stubborn = { .attempts = 6,
                                                     .backoff_ms = 1,
                                                     .breaker_failures = 1000 };
        struct source_bench b;

        source_bench_init_with(&b, (struct source_config){ .timeout_ms = 50, .pace = &stubborn });
        begin(&b, 0);
        WAIT(&b, b.server.n_requests >= 2);
        b.server.otherwise = FOUND;
        WAIT(&b, b.asks[0].done);
        CHECK_INT(b.asks[0].call.result, SOURCE_FOUND);
        source_bench_deinit(&b);
}

static bool has_ended_early(const struct source_ask *a)
{
        return a->done > 0 && time_monotonic_ms() < a->call.deadline_ms;
}

static void wherever_a_call_is_it_ends_with_its_deadline(void)
{
        static const struct source_pace slow = { .attempts = 3,
                                                 .backoff_ms = TIMEOUT_MS,
                                                 .breaker_failures = 1000 };
        struct source_bench b;

        source_bench_init_with(&b, (struct source_config){ .concurrency = 1, .pace = &slow });
        begin_until(&b, 0, 60); /* no answer comes */
        begin_until(&b, 1, 30); /* it waits behind the first */
        begin_until(&b, 2, -1);
        WAIT(&b, b.asks[2].done);
        CHECK(!has_ended_early(&b.asks[0]) && !has_ended_early(&b.asks[1]));
        WAIT(&b, b.asks[1].done);
        CHECK(!has_ended_early(&b.asks[0]) && !has_ended_early(&b.asks[1]));
        WAIT(&b, b.asks[0].done);
        CHECK(!has_ended_early(&b.asks[0]));
        for (int i = 0; i < 3; i++)
                CHECK_INT(b.asks[i].call.result, SOURCE_UNAVAILABLE);
        CHECK_INT(outcome(&b, "late"), 3);
        CHECK_INT(b.server.n_requests, 1);
        b.server.otherwise = FAILED; /* no second attempt: its pause would pass the deadline */
        begin(&b, 0);
        WAIT(&b, b.asks[0].done);
        CHECK(b.server.n_requests == 2 && outcome(&b, "retried") == 0);
        source_bench_deinit(&b);
}

static void an_answer_is_not_waited_for_by_others_of_its_connection(void)
{
        struct source_bench b;

        source_bench_init(&b);
        begin(&b, 0);
        WAIT(&b, b.server.n_waiting == 1);
        b.server.otherwise = FOUND;
        begin(&b, 1);
        WAIT(&b, b.asks[1].done);
        CHECK_INT(b.asks[0].done, 0);
        http_source_answer(&b.server, 0, FOUND);
        WAIT(&b, b.asks[0].done);
        CHECK_INT(b.server.n_conns, 2);
        source_bench_deinit(&b);
}

/* CONCURRENCY */

static void no_more_are_out_than_may_be_and_the_rest_goes_in_order(void)
{
        struct source_bench b;
        char key[20];

        source_bench_init_with(&b, (struct source_config){ .concurrency = 3 });
        for (unsigned i = 0; i < 12; i++) {
                snprintf(key, sizeof key, "%u", i);
                begin_for(&b, i, strdup(key), NULL, NULL);
        }
        for (unsigned i = 0; i < 12; i++) {
                WAIT(&b, b.server.n_requests > i);
                if (i >= 3) {
                        snprintf(key, sizeof key, "/%u", i);
                        CHECK(strstr(http_source_target(&b.server, i), key) != NULL);
                }
                if (i >= 2)
                        http_source_answer(&b.server, i - 2, FOUND);
        }
        http_source_answer(&b.server, 10, FOUND);
        http_source_answer(&b.server, 11, FOUND);
        WAIT(&b, b.n_done == 12);
        CHECK(b.server.most_waiting == 3 && b.server.n_conns == 3);
        for (unsigned i = 0; i < 12; i++)
                free((char *)b.asks[i].call.key.base);
        source_bench_deinit(&b);
}

static void connections_are_kept_however_many_end_at_once(void)
{
        struct source_bench b;

        source_bench_init_with(&b, (struct source_config){ .concurrency = 16 });
        for (unsigned round = 1; round <= 3; round++) {
                for (unsigned i = 0; i < 16; i++)
                        begin(&b, i);
                WAIT(&b, b.server.n_waiting == 16);
                for (unsigned i = 0; i < 16; i++)
                        http_source_answer(&b.server, 16 * (round - 1) + i, FOUND);
                WAIT(&b, b.n_done == 16 * round);
        }
        CHECK_INT(b.server.n_conns, 16);
        source_bench_deinit(&b);
}

static void who_asks_again_from_done_is_served(void)
{
        struct source_bench b;

        source_bench_init(&b);
        b.server.otherwise = FOUND;
        begin(&b, 0);
        b.asks[0].asks_again = true;
        WAIT(&b, b.asks[0].done == 20);
        b.asks[0].asks_again = false;
        WAIT(&b, b.asks[0].done == 21);
        source_bench_deinit(&b);
}

/* THE BREAKER */

static const struct source_pace touchy = {
        .attempts = 1, .breaker_failures = 2, .breaker_open_ms = 20, .breaker_open_max_ms = 20
};

static void open_breaker(struct source_bench *b)
{
        b->server.otherwise = FAILED;
        ask(b, SOURCE_UNAVAILABLE);
        CHECK_STR(source_backbeat_status(b->source), "ok");
        ask(b, SOURCE_UNAVAILABLE);
        CHECK_STR(source_backbeat_status(b->source), "open");
        CHECK_INT(breaker(b), 2);
}

static void failures_in_a_row_open_the_breaker_and_an_answer_closes_it(void)
{
        struct source_bench b;

        source_bench_init_with(&b, (struct source_config){ .pace = &touchy });
        open_breaker(&b);
        begin(&b, 0);
        begin(&b, 1);
        WAIT(&b, b.asks[0].done && b.asks[1].done);
        check_says(&b, "not asked for a while, after failures: status 500 (InternalError)");
        CHECK(b.server.n_requests == 2 && outcome(&b, "open") == 2);
        CHECK(strstr(b.logged, "event=source_down") != NULL);

        WAIT(&b, breaker(&b) == 1);
        CHECK_STR(source_backbeat_status(b.source), "half-open");
        ask(&b, SOURCE_UNAVAILABLE); /* the probe */
        check_says(&b, ": status 500");
        CHECK(b.server.n_requests == 3 && breaker(&b) == 2);

        WAIT(&b, breaker(&b) == 1);
        b.server.otherwise = NULL;
        begin(&b, 0);
        WAIT(&b, b.server.n_waiting == 1);
        begin(&b, 1); /* while the probe is out */
        WAIT(&b, b.asks[1].done);
        CHECK(b.server.n_requests == 4 && outcome(&b, "open") == 3);
        CHECK(strstr(b.logged, "event=source_up") == NULL);
        http_source_answer(&b.server, 3, GONE);
        WAIT(&b, b.asks[0].done);
        CHECK_INT(b.asks[0].call.result, SOURCE_GONE);
        CHECK(breaker(&b) == 0 && strstr(b.logged, "event=source_up") != NULL);
        CHECK_STR(source_backbeat_status(b.source), "ok");
        b.server.otherwise = FOUND;
        ask(&b, SOURCE_FOUND);
        source_bench_deinit(&b);
}

static void what_waits_when_the_breaker_opens_is_done_at_once(void)
{
        static const struct source_pace patient = { .attempts = 2,
                                                    .backoff_ms = TIMEOUT_MS / 2,
                                                    .breaker_failures = 2,
                                                    .breaker_open_ms = 20,
                                                    .breaker_open_max_ms = 20 };
        struct source_bench b;

        source_bench_init_with(&b, (struct source_config){ .concurrency = 1, .pace = &patient });
        for (unsigned i = 0; i < CALLS; i++)
                begin(&b, i);
        WAIT(&b, b.server.n_requests == 1);
        http_source_answer(&b.server, 0, FAILED); /* the first pauses */
        WAIT(&b, b.server.n_requests == 2);
        CHECK_INT(b.n_done, 0);
        http_source_answer(&b.server, 1, FAILED);
        WAIT(&b, b.n_done == CALLS);
        CHECK(b.server.n_requests == 2 && outcome(&b, "open") == CALLS - 1);
        source_bench_deinit(&b);
}

static void answers_do_not_open_the_breaker_whatever_they_say(void)
{
        static const char *const replies[] = { HTTP_REPLY("403 Forbidden", "0"),
                                               GONE,
                                               HTML,
                                               HTTP_REPLY("429 Too Many Requests", "0"),
                                               HTTP_REPLY("302 Found", "0"),
                                               HTTP_REPLY("200 OK", "0") };
        struct source_bench b;

        source_bench_init_with(&b, (struct source_config){ .pace = &touchy });
        for (size_t i = 0; i < 3 * (sizeof replies / sizeof *replies); i++) {
                b.server.otherwise = replies[i / 3];
                begin(&b, 0);
                WAIT(&b, b.asks[0].done);
                CHECK_INT(breaker(&b), 0);
        }
        source_bench_deinit(&b);
}

static void a_deadline_that_cuts_an_attempt_short_says_nothing_of_the_source(void)
{
        struct source_bench b;

        source_bench_init_with(&b, (struct source_config){ .pace = &touchy });
        for (unsigned i = 0; i < 4; i++)
                begin_until(&b, i, 10);
        WAIT(&b, b.n_done == 4);
        CHECK(outcome(&b, "late") == 4 && breaker(&b) == 0);
        source_bench_deinit(&b);
}

/* GIVING UP */

static void what_is_canceled_is_not_heard_of_again(void)
{
        static const struct source_pace slow = { .attempts = 2,
                                                 .backoff_ms = TIMEOUT_MS / 2,
                                                 .breaker_failures = 1000 };
        struct source_bench b;

        source_bench_init_with(&b, (struct source_config){ .concurrency = 1, .pace = &slow });
        begin(&b, 0); /* not sent yet */
        b.port->cancel(b.port, &b.asks[0].call);
        b.server.script[0] = FAILED;
        begin(&b, 1); /* pauses */
        WAIT(&b, outcome(&b, "retried") == 1);
        begin(&b, 2); /* out */
        begin(&b, 3); /* waits */
        WAIT(&b, b.server.n_waiting == 1);
        b.port->cancel(b.port, &b.asks[1].call);
        b.port->cancel(b.port, &b.asks[3].call);
        begin(&b, 4);
        b.port->cancel(b.port, &b.asks[2].call);
        b.port->cancel(b.port, &b.asks[2].call);
        WAIT(&b, b.server.n_requests == 3); /* its place is free */
        http_source_answer(&b.server, 2, FOUND);
        WAIT(&b, b.asks[4].done);
        CHECK(b.n_done == 1 && outcome(&b, "canceled") == 4);
        source_bench_deinit(&b);
        CHECK_INT(b.n_done, 1);
}

static void a_refused_call_can_be_canceled_and_a_canceled_probe_frees_the_way(void)
{
        struct source_bench b;

        source_bench_init_with(&b, (struct source_config){ .pace = &touchy });
        open_breaker(&b);
        b.n_done = 0;
        begin(&b, 0);
        b.port->cancel(b.port, &b.asks[0].call);
        WAIT(&b, breaker(&b) == 1);
        b.server.otherwise = NULL;
        begin(&b, 1);
        WAIT(&b, b.server.n_waiting == 1);
        b.port->cancel(b.port, &b.asks[1].call);
        b.server.otherwise = FOUND;
        CHECK_INT(b.n_done, 0);
        ask(&b, SOURCE_FOUND);
        source_bench_deinit(&b);
}

static void closing_ends_every_call(void)
{
        static const struct source_pace slow = { .attempts = 2,
                                                 .backoff_ms = TIMEOUT_MS / 2,
                                                 .breaker_failures = 1000 };
        struct source_bench b;

        source_bench_init_with(&b, (struct source_config){ .concurrency = 1, .pace = &slow });
        b.server.script[0] = FAILED;
        begin(&b, 0); /* pauses */
        WAIT(&b, outcome(&b, "retried") == 1);
        begin(&b, 1); /* out */
        WAIT(&b, b.server.n_waiting == 1);
        begin(&b, 2);           /* waits */
        begin_until(&b, 3, -1); /* has ended, and is not told yet */
        source_bench_deinit(&b);
        CHECK_INT(b.n_done, 4);
        for (int i = 0; i < 4; i++)
                CHECK(b.asks[i].done == 1 && b.asks[i].call.result == SOURCE_UNAVAILABLE);
        CHECK(strstr(b.logged, "event=source_down") == NULL);
}

int main(void)
{
        RUN(a_failure_is_tried_again);
        RUN(the_last_attempt_says_why);
        RUN(a_connection_that_breaks_is_tried_again);
        RUN(nobody_there_is_unavailable);
        RUN(a_slow_answer_is_given_up_and_asked_for_again);
        RUN(wherever_a_call_is_it_ends_with_its_deadline);
        RUN(an_answer_is_not_waited_for_by_others_of_its_connection);
        RUN(no_more_are_out_than_may_be_and_the_rest_goes_in_order);
        RUN(connections_are_kept_however_many_end_at_once);
        RUN(who_asks_again_from_done_is_served);
        RUN(failures_in_a_row_open_the_breaker_and_an_answer_closes_it);
        RUN(what_waits_when_the_breaker_opens_is_done_at_once);
        RUN(answers_do_not_open_the_breaker_whatever_they_say);
        RUN(a_deadline_that_cuts_an_attempt_short_says_nothing_of_the_source);
        RUN(what_is_canceled_is_not_heard_of_again);
        RUN(a_refused_call_can_be_canceled_and_a_canceled_probe_frees_the_way);
        RUN(closing_ends_every_call);
        return 0;
}
