/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "kafka_events.h"
#include "kafka_queue.h"

static struct kafka_events events;
static uv_loop_t loop;
static struct kafka_queue queue;
static unsigned served, turns, closed;
static unsigned busy_ms;           /* what serving an event takes */
static unsigned stop_at, close_at; /* after so many events: the loop ends, the queue closes */
static unsigned served_in_turn, most_in_turn, unrested;
static unsigned rests, rests_wanted; /* how often it had rest, and wants it */

static void start(void)
{
        kafka_events_init(&events);
        CHECK(uv_loop_init(&loop) == 0);
        served = turns = closed = busy_ms = stop_at = close_at = most_in_turn = served_in_turn = 0;
        unrested = rests = rests_wanted = 0;
}

static void stop(void)
{
        CHECK(uv_loop_close(&loop) == 0);
        kafka_events_deinit(&events);
}

/* Each is an event of its own. */
static void make_events(unsigned n)
{
        for (unsigned i = 0; i < n; i++)
                kafka_events_make(&events);
}

static void on_closed(void *data)
{
        CHECK(data == &served);
        closed++;
}

static bool on_rest(void *data)
{
        CHECK(data == &served);
        unrested = 0;
        rests++;
        return rests < rests_wanted;
}

static void serve(void *data, rd_kafka_event_t *event)
{
        bool is_delivery;

        CHECK(data == &served);
        CHECK(closed == 0);
        is_delivery = rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR;
        rd_kafka_event_destroy(event);
        if (!is_delivery) /* what else the library says */
                return;
        served++;
        unrested++;
        served_in_turn++;
        uv_sleep(busy_ms);
        if (served == stop_at)
                uv_stop(&loop);
        if (served == close_at)
                kafka_queue_close(&queue, on_closed);
}

static void close_queue(void)
{
        kafka_queue_close(&queue, on_closed);
        CHECK_INT(closed, 0);
        uv_run(&loop, UV_RUN_DEFAULT);
        CHECK_INT(closed, 1);
}

static void what_came_before_the_start_is_served(void)
{
        start();
        make_events(3);
        kafka_queue_start(&queue, &loop, events.queue, serve, on_rest, &served);
        CHECK_INT(served, 0);
        stop_at = 3;
        uv_run(&loop, UV_RUN_DEFAULT);
        CHECK_INT(served, 3);
        close_queue();
        stop();
}

static void on_watchdog(uv_timer_t *timer)
{
        (void)timer;
        check_fail(__FILE__, __LINE__, "the loop is woken", "it slept for ten seconds");
}

static void what_comes_later_wakes_the_loop(void)
{
        uv_timer_t watchdog;

        start();
        kafka_queue_start(&queue, &loop, events.queue, serve, on_rest, &served);
        uv_timer_stop(&queue.heartbeat); /* it would find them too, a second later */
        uv_timer_init(&loop, &watchdog);
        uv_timer_start(&watchdog, on_watchdog, 10000, 0);
        uv_run(&loop, UV_RUN_ONCE); /* the first drain finds nothing */
        for (unsigned i = 1; i <= 20; i++) {
                make_events(i % 3 + 1);
                stop_at = served + i % 3 + 1;
                uv_run(&loop, UV_RUN_DEFAULT);
                CHECK_INT(served, stop_at);
        }
        uv_close((uv_handle_t *)&watchdog, NULL);
        close_queue();
        stop();
}

/* As the daemon measures it: from one wait of the loop to the next. */
static void on_turn(uv_prepare_t *handle)
{
        (void)handle;
        turns++;
        CHECK_INT(unrested, 0); /* no turn ends without */
        if (served_in_turn > most_in_turn)
                most_in_turn = served_in_turn;
        served_in_turn = 0;
}

/* An event that takes longer than a turn has is the only one in it: the rest of the loop goes on.
 */
static void many_events_do_not_hold_the_loop(void)
{
        uv_prepare_t turn;

        start();
        make_events(10);
        busy_ms = 3;
        uv_prepare_init(&loop, &turn);
        uv_prepare_start(&turn, on_turn);
        kafka_queue_start(&queue, &loop, events.queue, serve, on_rest, &served);
        stop_at = 10;
        uv_run(&loop, UV_RUN_DEFAULT);
        CHECK_INT(served, 10);
        CHECK(turns >= 9);
        CHECK_INT(most_in_turn, 1);
        uv_close((uv_handle_t *)&turn, NULL);
        close_queue();
        stop();
}

static void quick_events_share_a_turn(void)
{
        uv_prepare_t turn;

        start();
        make_events(100);
        uv_prepare_init(&loop, &turn);
        uv_prepare_start(&turn, on_turn);
        kafka_queue_start(&queue, &loop, events.queue, serve, on_rest, &served);
        stop_at = 100;
        uv_run(&loop, UV_RUN_DEFAULT);
        CHECK(turns < 50);
        uv_close((uv_handle_t *)&turn, NULL);
        close_queue();
        stop();
}

static void who_is_not_done_at_rest_has_another_turn(void)
{
        uv_prepare_t turn;

        start();
        rests_wanted = 20;
        uv_prepare_init(&loop, &turn);
        uv_prepare_start(&turn, on_turn);
        kafka_queue_start(&queue, &loop, events.queue, serve, on_rest, &served);
        uv_timer_stop(&queue.heartbeat); /* nothing else would wake it */
        while (rests < rests_wanted)
                uv_run(&loop, UV_RUN_ONCE);
        CHECK(turns >= rests_wanted);
        CHECK(!uv_is_active((uv_handle_t *)&queue.turn));
        uv_close((uv_handle_t *)&turn, NULL);
        close_queue();
        stop();
}

static void after_the_close_nothing_is_served(void)
{
        start();
        make_events(10);
        kafka_queue_start(&queue, &loop, events.queue, serve, on_rest, &served);
        close_at = 4; /* from inside */
        uv_run(&loop, UV_RUN_DEFAULT);
        CHECK_INT(served, 4);
        CHECK_INT(closed, 1);
        stop();
        start();
        kafka_queue_start(&queue, &loop, events.queue, serve, on_rest, &served);
        make_events(3);
        close_queue();
        CHECK_INT(served, 0);
        stop();
}

int main(void)
{
        RUN(what_came_before_the_start_is_served);
        RUN(what_comes_later_wakes_the_loop);
        RUN(many_events_do_not_hold_the_loop);
        RUN(quick_events_share_a_turn);
        RUN(who_is_not_done_at_rest_has_another_turn);
        RUN(after_the_close_nothing_is_served);
        return 0;
}
