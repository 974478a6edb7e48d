/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CLIENT_BREAKER_H
#define CRR_SRC_CLIENT_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "crr/base/sm.h"

/*
 * Circuit breaker: after enough failures in a row nobody is asked for a while; then one request is
 * let through at a time, and the next outcome decides.
 *
 * Threads  One; time is a parameter.
 * Units    Monotonic ms.
 */
enum breaker_state { BREAKER_CLOSED, BREAKER_HALF_OPEN, BREAKER_OPEN };

struct breaker_rules {
        unsigned failures;   /* so many in a row open it, ... */
        int64_t span_ms;     /* ... if they take so long at least: a hiccup is not an outage */
        int64_t open_ms;     /* so long at first, twice as long after each probe that fails, ... */
        int64_t open_max_ms; /* ... at most so long */
};

struct breaker {
        struct breaker_rules rules;
        struct sm sm;
        unsigned failures; /* in a row */
        int64_t first_failure_ms;
        int64_t open_ms;  /* of the next time */
        int64_t until_ms; /* it is open; INT64_MAX: it is not */
        bool is_probing;  /* half open: a request is out */
};

void breaker_init(struct breaker *b, const struct breaker_rules *rules);
enum breaker_state breaker_state(const struct breaker *b);
const char *breaker_state_name(enum breaker_state state);

/* An open one is half open from until_ms on. */
void breaker_tick(struct breaker *b, int64_t now_ms);

/* May a request be made? If so, breaker_on_sent() is told, and then one of its outcomes. */
bool breaker_lets_through(const struct breaker *b);
void breaker_on_sent(struct breaker *b);

/* Whichever request it is of: an answer closes it, whatever it says; a failure counts. */
void breaker_on_answer(struct breaker *b);
void breaker_on_failure(struct breaker *b, int64_t now_ms);
void breaker_on_nothing(struct breaker *b); /* it was given up, not waited for */

#endif
