/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>

#include "check.h"
#include "deadlines.h"

#define N          2000
#define TURN       (DEADLINES_TICK_MS * DEADLINES_SLOTS)
#define START      12345678
#define ASKED      77 /* the clock's steps, no divisor of a tick */
#define STOPPED_MS INT64_C(3600000)

static struct deadlines wheel;
static struct deadline all[N];
static int64_t at_ms[N];

/* The same numbers in every run. */
static uint32_t next_random(void)
{
        static uint32_t state = 1;

        state = state * 1664525 + 1013904223;
        return state >> 8;
}

static void set(int i, int64_t ms)
{
        at_ms[i] = ms;
        deadline_set(&wheel, &all[i], ms);
}

/* Hand out what is due; each may be late by `late_ms` at most. The number of them. */
static int take_due(int64_t now_ms, int64_t late_ms)
{
        struct deadline *due;
        int n = 0;

        while ((due = deadlines_next_due(&wheel, now_ms)) != NULL) {
                int64_t late = now_ms - at_ms[due - all];

                CHECK(late >= 0);
                CHECK(late < late_ms);
                CHECK(due->next == NULL);
                n++;
        }
        return n;
}

static void each_is_due_once_never_early_and_at_most_two_ticks_late(void)
{
        int64_t now_ms = START;
        int n = 0;

        deadlines_init(&wheel, now_ms);
        for (int i = 0; i < N; i++)
                set(i, START + next_random() % (3 * TURN));
        while (now_ms < START + 3 * TURN + 2 * DEADLINES_TICK_MS) {
                n += take_due(now_ms, DEADLINES_TICK_MS + ASKED);
                now_ms += ASKED;
        }
        CHECK_INT(n, N);
}

static void one_that_is_moved_is_due_at_its_last_place_only(void)
{
        deadlines_init(&wheel, START);
        set(0, START + 1000);
        set(0, START + 60000);
        CHECK_INT(take_due(START + 59999, 1), 0);
        CHECK_INT(take_due(START + 60000 + DEADLINES_TICK_MS, 2 * DEADLINES_TICK_MS), 1);
        set(0, START + 90000);
        set(0, START + 61000);
        CHECK_INT(take_due(START + 61000 + DEADLINES_TICK_MS, 2 * DEADLINES_TICK_MS), 1);
        CHECK_INT(take_due(START + 100000, 1), 0);
}

static void one_that_is_cleared_is_never_due(void)
{
        deadlines_init(&wheel, START);
        for (int i = 0; i < 3; i++)
                set(i, START + 1000);
        deadline_clear(&all[1]);
        deadline_clear(&all[1]);
        CHECK_INT(take_due(START + TURN, 2 * TURN), 2);
}

static void others_that_are_due_may_be_cleared_and_moved_meanwhile(void)
{
        deadlines_init(&wheel, START);
        for (int i = 0; i < 4; i++)
                set(i, START + 1000);
        CHECK(deadlines_next_due(&wheel, START + 2000) == &all[0]);
        deadline_clear(&all[1]);
        set(2, START + 3000);
        CHECK(deadlines_next_due(&wheel, START + 2000) == &all[3]);
        CHECK(deadlines_next_due(&wheel, START + 2000) == NULL);
        CHECK_INT(take_due(START + 3000 + DEADLINES_TICK_MS, 2 * DEADLINES_TICK_MS), 1);
}

static void what_is_past_already_is_due_at_the_next_tick(void)
{
        deadlines_init(&wheel, START);
        set(0, START - 5000);
        CHECK_INT(take_due(START + DEADLINES_TICK_MS, 5000 + 2 * DEADLINES_TICK_MS), 1);
}

static void after_a_stop_of_the_process_all_are_due_at_once(void)
{
        deadlines_init(&wheel, START);
        for (int i = 0; i < N; i++)
                set(i, START + next_random() % STOPPED_MS);
        CHECK_INT(take_due(START + STOPPED_MS + DEADLINES_TICK_MS, 2 * STOPPED_MS), N);
}

int main(void)
{
        RUN(each_is_due_once_never_early_and_at_most_two_ticks_late);
        RUN(one_that_is_moved_is_due_at_its_last_place_only);
        RUN(one_that_is_cleared_is_never_due);
        RUN(others_that_are_due_may_be_cleared_and_moved_meanwhile);
        RUN(what_is_past_already_is_due_at_the_next_tick);
        RUN(after_a_stop_of_the_process_all_are_due_at_once);
        return 0;
}
