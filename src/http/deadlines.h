/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_HTTP_DEADLINES_H
#define CRR_SRC_HTTP_DEADLINES_H

#include <stdint.h>

/*
 * Deadlines of many things: a wheel of lists, one list a tick.
 *
 * Ownership  A deadline is embedded in what it is for, zeroed, and cleared before that goes.
 * Cost       Set and clear: O(1), no system call. A tick: O(those that are due); one that is
 *            further away than a turn of the wheel (64 s) is looked at once a turn.
 * Threads    Loop thread only.
 * Units      Milliseconds of any clock that does not run backwards.
 * Errors     Never early. Late by less than two ticks when the wheel is asked once a tick.
 */
#define DEADLINES_TICK_MS INT64_C(250)
#define DEADLINES_SLOTS   256

struct deadline {
        struct deadline *prev, *next; /* NULL: not set */
        int64_t tick;                 /* the first at which it is due */
};

struct deadlines {
        int64_t tick; /* all that were due by then have been handed out, or are in `due` */
        struct deadline due;
        struct deadline slots[DEADLINES_SLOTS];
};

void deadlines_init(struct deadlines *d, int64_t now_ms);

void deadline_set(struct deadlines *d, struct deadline *one, int64_t at_ms); /* moves it if set */
void deadline_clear(struct deadline *one);

/* One that is due, cleared; NULL when there is none. Whoever asks may set and clear any other
 * before asking again. */
struct deadline *deadlines_next_due(struct deadlines *d, int64_t now_ms);

#endif
