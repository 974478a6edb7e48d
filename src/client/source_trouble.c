/* SPDX-License-Identifier: Apache-2.0 */
#include "source_trouble.h"

#include "crr/base/time.h"

static void say_down(struct source_trouble *t, const struct breaker *breaker)
{
        t->down_since_ms = time_monotonic_ms();
        log_emit(LOG_SOURCE_DOWN,
                 LOG_FIELDS(log_c("source", t->url), log_i("failures", breaker->failures)),
                 "the source does not answer, it is not asked for a while: %s", t->last.message);
}

static void say_up(const struct source_trouble *t)
{
        log_emit(LOG_SOURCE_UP,
                 LOG_FIELDS(log_c("source", t->url),
                            log_i("duration_ms", time_monotonic_ms() - t->down_since_ms)),
                 "the source answers again");
}

void source_trouble_on_breaker(struct source_trouble *t, const struct breaker *breaker)
{
        bool is_down = breaker_state(breaker) != BREAKER_CLOSED;

        if (is_down && !t->is_down)
                say_down(t, breaker);
        else if (!is_down && t->is_down)
                say_up(t);
        t->is_down = is_down;
}

void source_trouble_on_refusal(struct source_trouble *t, const struct source_call *call,
                               const char *outcome, int64_t now_ms)
{
        int64_t n = log_seldom(&t->refused, 1, now_ms);

        if (n == 0)
                return;
        log_emit(LOG_SOURCE_REFUSED,
                 LOG_FIELDS(log_c("source", t->url), log_s("bucket", call->bucket),
                            log_c("outcome", outcome), log_i("n", n)),
                 "%s", call->err.message);
}
