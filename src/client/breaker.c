/* SPDX-License-Identifier: Apache-2.0 */
#include "breaker.h"

/*
 *            failures            until_ms
 *   CLOSED -----------> OPEN --------------> HALF OPEN
 *      ^                 |  ^                  |   |
 *      |  a late answer  |  '----- failure ----'   |
 *      '-----------------+--------- answer --------'
 */
static const struct sm_state states[] = {
        [BREAKER_CLOSED] = { "closed", SM_TO(BREAKER_OPEN) },
        [BREAKER_HALF_OPEN] = { "half-open", SM_TO(BREAKER_OPEN) | SM_TO(BREAKER_CLOSED) },
        [BREAKER_OPEN] = { "open", SM_TO(BREAKER_HALF_OPEN) | SM_TO(BREAKER_CLOSED) },
};

void breaker_init(struct breaker *b, const struct breaker_rules *rules)
{
        *b = (struct breaker){ .rules = *rules, .open_ms = rules->open_ms, .until_ms = INT64_MAX };
        sm_init(&b->sm, "breaker", states, 0, BREAKER_CLOSED);
}

enum breaker_state breaker_state(const struct breaker *b)
{
        return (enum breaker_state)b->sm.state;
}

const char *breaker_state_name(enum breaker_state state)
{
        return states[state].name;
}

void breaker_tick(struct breaker *b, int64_t now_ms)
{
        if (now_ms < b->until_ms)
                return;
        sm_move(&b->sm, BREAKER_HALF_OPEN);
        b->until_ms = INT64_MAX;
        b->is_probing = false;
}

bool breaker_lets_through(const struct breaker *b)
{
        return b->sm.state == BREAKER_CLOSED ||
               (b->sm.state == BREAKER_HALF_OPEN && !b->is_probing);
}

void breaker_on_sent(struct breaker *b)
{
        b->is_probing = b->sm.state == BREAKER_HALF_OPEN;
}

void breaker_on_answer(struct breaker *b)
{
        b->failures = 0;
        b->until_ms = INT64_MAX;
        b->open_ms = b->rules.open_ms;
        if (b->sm.state != BREAKER_CLOSED)
                sm_move(&b->sm, BREAKER_CLOSED);
}

static void open_it(struct breaker *b, int64_t now_ms)
{
        sm_move(&b->sm, BREAKER_OPEN);
        b->until_ms = now_ms + b->open_ms;
        b->open_ms = b->open_ms * 2 < b->rules.open_max_ms ? b->open_ms * 2 : b->rules.open_max_ms;
}

void breaker_on_failure(struct breaker *b, int64_t now_ms)
{
        bool is_enough;

        if (b->failures++ == 0)
                b->first_failure_ms = now_ms;
        is_enough = b->failures >= b->rules.failures &&
                    now_ms - b->first_failure_ms >= b->rules.span_ms;
        if (b->sm.state == BREAKER_HALF_OPEN || (b->sm.state == BREAKER_CLOSED && is_enough))
                open_it(b, now_ms);
}

void breaker_on_nothing(struct breaker *b)
{
        b->is_probing = false;
}
