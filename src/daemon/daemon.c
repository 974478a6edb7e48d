/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of the process: one loop, its parts, and the order in which they begin and end.
 *
 * The happy path is: start, turn after turn until a signal, stop, exit 0.
 *
 *   start   1. metrics
 *           2. the HTTP listener is bound; nothing is accepted before the loop turns
 *           3. Kafka's handles; nothing is consumed yet
 *           4. member, door, API
 *           5. signals; Kafka begins to feed the member; the loop turns
 *   stop    1. DELAYED    not ready; requests are taken for shutdown.delay
 *           2. DRAINING   listener closed, no new retries; those under way end, at most
 *                         shutdown.grace; what is open then is answered 504; nothing more is taken
 *                         in
 *           3. LEAVING    the transaction under way ends, the group is left
 *           4. ANSWERING  the last answers are written
 *           5. CLOSING    connections and our own handles are closed
 *           6. everything is freed in reverse order
 *
 * Possible failures are:
 *
 *  - something of the start is refused: what was made is closed, exit 78 or 1;
 *  - Kafka gives up (on_fatal): as a signal, but without delay and grace, exit 1;
 *  - a second signal: likewise, and whatever is open after HURRY_MS is left behind;
 *  - Kafka does not answer while we leave: what is stuck is left behind, at the very end;
 *  - a part does not close: the process ends after CLOSE_MS, exit 1.
 */
#include "daemon.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "crr/base/log.h"
#include "crr/base/time.h"
#include "daemon_private.h"

#define HEAP_SHARE 32 /* of the machine's share for a table: what requests may need at once */
#define ANSWER_MS  2000
#define HURRY_MS   1000
#define CLOSE_MS   10000

enum life {
        LIFE_STARTING,
        LIFE_RUNNING,
        LIFE_DELAYED,
        LIFE_DRAINING,
        LIFE_LEAVING,
        LIFE_ANSWERING,
        LIFE_CLOSING,
        LIFE_STOPPED,
};

/*  STARTING -> RUNNING -> DELAYED -> DRAINING -> LEAVING -> ANSWERING -> CLOSING -> STOPPED
 *      |          '-------------------^                                    ^
 *      '-------------------------------------------------------------------' */
static const struct sm_state states[] = {
        [LIFE_STARTING] = { "starting", SM_TO(LIFE_RUNNING) | SM_TO(LIFE_CLOSING) },
        [LIFE_RUNNING] = { "running", SM_TO(LIFE_DELAYED) | SM_TO(LIFE_DRAINING) },
        [LIFE_DELAYED] = { "delayed", SM_TO(LIFE_DRAINING) },
        [LIFE_DRAINING] = { "draining", SM_TO(LIFE_LEAVING) },
        [LIFE_LEAVING] = { "leaving", SM_TO(LIFE_ANSWERING) },
        [LIFE_ANSWERING] = { "answering", SM_TO(LIFE_CLOSING) },
        [LIFE_CLOSING] = { "closing", SM_TO(LIFE_STOPPED) },
        [LIFE_STOPPED] = { "stopped", 0 },
};

bool daemon_is_running(const struct daemon *d)
{
        return d->life.state == LIFE_STARTING || d->life.state == LIFE_RUNNING;
}

static void enter(struct daemon *d, enum life state, int64_t deadline_ms)
{
        sm_move(&d->life, (int)state);
        d->deadline_ms = deadline_ms;
}

/* THE END, STEP BY STEP */

static void leave_behind(const struct daemon *d, enum exit_status status, const char *why)
{
        log_emit(LOG_STOPPED, LOG_FIELDS(log_i("exit", status)), "ended while %s: %s",
                 sm_state_name(&d->life), why);
        _exit((int)status);
}

static void close_handles(struct daemon *d)
{
        uv_close((uv_handle_t *)&d->turn, NULL);
        uv_close((uv_handle_t *)&d->timer, NULL);
        uv_close((uv_handle_t *)&d->busy, NULL);
        for (int i = 0; i < SIGNALS; i++)
                uv_close((uv_handle_t *)&d->signals[i], NULL);
}

static void http_on_closed(void *data)
{
        struct daemon *d = data;

        d->http_closed = true;
}

static void curl_on_closed(void *data)
{
        struct daemon *d = data;

        d->curl_closed = true;
}

static void source_on_closed(void *data)
{
        struct daemon *d = data;

        d->source_closed = true;
}

static void begin_closing(struct daemon *d)
{
        enter(d, LIFE_CLOSING, time_monotonic_ms() + CLOSE_MS);
        if (d->curl != NULL)
                curl_loop_close(d->curl, curl_on_closed, d);
        else
                d->curl_closed = true;
        if (d->source != NULL)
                source_backbeat_close(d->source, source_on_closed, d);
        else
                d->source_closed = true;
        if (d->http != NULL)
                http_server_close(d->http, http_on_closed, d);
        else
                d->http_closed = true;
}

static void kafka_on_closed(void *data)
{
        struct daemon *d = data;

        d->kafka_closed = true;
}

static void begin_leaving(struct daemon *d)
{
        enter(d, LIFE_LEAVING, time_monotonic_ms() + CLOSE_MS);
        kafka_close(d->kafka, kafka_on_closed, d);
}

static void begin_draining(struct daemon *d, int64_t grace_ms)
{
        enter(d, LIFE_DRAINING, time_monotonic_ms() + grace_ms);
        member_stop_retries(d->member);
        if (d->intake != NULL)
                intake_stop(d->intake);
        http_server_drain(d->http);
}

/* What is stuck in Kafka cannot be freed: the end of the process does it. */
static void finish(struct daemon *d)
{
        const char *stuck = d->kafka != NULL ? kafka_stuck(d->kafka) : NULL;

        if (stuck != NULL)
                leave_behind(d, d->exit_status, stuck);
        enter(d, LIFE_STOPPED, INT64_MAX);
        close_handles(d);
}

static bool is_quiet(const struct daemon *d)
{
        return !member_has_retries(d->member) && http_server_is_idle(d->http);
}

static void step(struct daemon *d, int64_t now_ms)
{
        bool is_over = now_ms >= d->deadline_ms;

        if (now_ms >= d->hurry_ms)
                leave_behind(d, d->exit_status, "asked to stop at once");
        switch ((enum life)d->life.state) {
        case LIFE_DELAYED:
                if (is_over)
                        begin_draining(d, settings_number(d->settings, SETTING_SHUTDOWN_GRACE));
                break;
        case LIFE_DRAINING:
                if (is_over)
                        member_end_retries(d->member);
                if (is_over || is_quiet(d))
                        begin_leaving(d);
                break;
        case LIFE_LEAVING:
                if (d->kafka_closed)
                        enter(d, LIFE_ANSWERING, now_ms + ANSWER_MS);
                else if (is_over)
                        leave_behind(d, EXIT_FAILED, "Kafka does not close");
                break;
        case LIFE_ANSWERING:
                if (is_over || is_quiet(d))
                        begin_closing(d);
                break;
        case LIFE_CLOSING:
                if (d->http_closed && d->curl_closed && d->source_closed &&
                    (d->http == NULL || http_server_in_flight(d->http) == 0)) {
                        finish(d);
                } else if (is_over) {
                        leave_behind(d, EXIT_FAILED, "a request does not end");
                }
                break;
        case LIFE_STARTING:
        case LIFE_RUNNING:
        case LIFE_STOPPED:
                break;
        }
}

/* Without delay and grace. */
static void stop_now(struct daemon *d)
{
        if (d->life.state == LIFE_RUNNING || d->life.state == LIFE_DELAYED)
                begin_draining(d, 0);
        else if (d->life.state == LIFE_DRAINING)
                d->deadline_ms = 0;
}

/* SIGNALS AND FATAL ERRORS */

static void on_stop_signal(struct daemon *d, int number)
{
        int64_t now_ms = time_monotonic_ms();

        if (d->life.state != LIFE_RUNNING) {
                d->hurry_ms = now_ms + HURRY_MS;
                stop_now(d);
                return;
        }
        log_emit(LOG_STOPPING,
                 LOG_FIELDS(log_c("signal", number == SIGINT ? "SIGINT" : "SIGTERM"),
                            log_i("in_flight", http_server_in_flight(d->http))),
                 "asked to stop");
        enter(d, LIFE_DELAYED, now_ms + settings_number(d->settings, SETTING_SHUTDOWN_DELAY));
}

static void signal_on_caught(uv_signal_t *handle, int number)
{
        struct daemon *d = handle->data;

        if (number != SIGHUP)
                on_stop_signal(d, number);
        else if (daemon_is_running(d))
                daemon_reload(d);
}

/* Kafka has said in the log what it is. */
static void kafka_on_fatal(void *data, const struct error *err)
{
        struct daemon *d = data;

        d->exit_status = EXIT_FAILED;
        stop_now(d);
}

/* THE LOOP */

static void timer_on_due(uv_timer_t *timer)
{
        struct daemon *d = timer->data;
        int64_t late_us = time_monotonic_us() - d->timer_due_us;

        metrics_observe(d->metrics, METRIC_EVENT_LOOP_DELAY, NO_LABELS,
                        (double)(late_us > 0 ? late_us : 0) / 1e6);
}

static void busy_on_idle(uv_idle_t *idle)
{
}

/* Never 0 ms: libuv before 1.45 runs such a timer again and again within one turn. One that is due
 * earlier stays: were it begun anew each turn, a busy loop would never see how late it is. */
static void arm(struct daemon *d, int64_t due_ms, bool is_busy)
{
        int64_t now_ms = time_monotonic_ms(), wait_ms, due_us;

        if (d->deadline_ms < due_ms)
                due_ms = d->deadline_ms;
        if (d->hurry_ms < due_ms)
                due_ms = d->hurry_ms;
        wait_ms = due_ms > now_ms ? due_ms - now_ms : 1;
        due_us = time_monotonic_us() + wait_ms * 1000;
        if (!uv_is_active((uv_handle_t *)&d->timer) || due_us < d->timer_due_us) {
                uv_update_time(&d->loop);
                d->timer_due_us = due_us;
                uv_timer_start(&d->timer, timer_on_due, (uint64_t)wait_ms, 0);
        }
        if (is_busy)
                uv_idle_start(&d->busy, busy_on_idle);
        else
                uv_idle_stop(&d->busy);
}

/* Kafka is closing or closed: nothing new is given to it. */
static bool is_leaving(const struct daemon *d)
{
        return d->life.state >= LIFE_LEAVING;
}

/* A turn is all that the loop does from one call to the next; what it waits for costs no CPU. */
static void measure_turn(struct daemon *d)
{
        int64_t cpu_ns = process_thread_cpu_ns(), turn_ns = cpu_ns - d->turn_cpu_ns;

        d->turn_cpu_ns = cpu_ns;
        if (turn_ns > d->longest_turn_ns)
                d->longest_turn_ns = turn_ns;
        metrics_observe(d->metrics, METRIC_EVENT_LOOP_TURN_CPU, NO_LABELS, (double)turn_ns / 1e9);
}

/* Once a turn, after the timer and before the loop waits: what came in the turn before is worked
 * on. First what is asked, which takes little; then what waits for its turns. */
static void turn_on_prepare(uv_prepare_t *turn)
{
        struct daemon *d = turn->data;
        int64_t now_ms = time_monotonic_ms(), due_ms;
        bool more;

        measure_turn(d);
        due_ms = member_tick(d->member, now_ms, time_wall_ms());
        more = retry_service_work(d->door);
        more |= !is_leaving(d) && member_work(d->member);
        if (d->intake != NULL)
                intake_work(d->intake, now_ms);
        more |= api_work(d->api);
        daemon_get_pages(d);
        daemon_watch_ready(d, now_ms);
        step(d, now_ms);
        if (d->life.state != LIFE_STOPPED)
                arm(d, due_ms, more);
}

/* Turns of a daemon whose parts are not complete: they close only. */
static void turn_on_abandoned(uv_prepare_t *turn)
{
        struct daemon *d = turn->data;
        int64_t now_ms = time_monotonic_ms();

        step(d, now_ms);
        if (d->life.state != LIFE_STOPPED)
                arm(d, now_ms + 1, false);
}

/* Signals are caught from here on, and heard of when the loop turns. */
static void init_handles(struct daemon *d)
{
        static const int numbers[SIGNALS] = { SIGTERM, SIGINT, SIGHUP };

        uv_prepare_init(&d->loop, &d->turn);
        uv_timer_init(&d->loop, &d->timer);
        uv_idle_init(&d->loop, &d->busy);
        d->turn.data = d->timer.data = d->busy.data = d;
        for (int i = 0; i < SIGNALS; i++) {
                uv_signal_init(&d->loop, &d->signals[i]);
                d->signals[i].data = d;
                uv_signal_start(&d->signals[i], signal_on_caught, numbers[i]);
        }
}

static void begin(struct daemon *d)
{
        enter(d, LIFE_RUNNING, INT64_MAX);
        heap_get_ahead(&d->heap, &d->loop, process_table_memory() / HEAP_SHARE);
        d->turn_cpu_ns = process_thread_cpu_ns();
        kafka_start(d->kafka, d->member);
        uv_prepare_start(&d->turn, turn_on_prepare);
}

/* Before the loop turns first, so that the first wait has an end. */
static void abandon(struct daemon *d)
{
        begin_closing(d);
        uv_prepare_start(&d->turn, turn_on_abandoned);
}

enum exit_status daemon_run(struct settings *settings, const struct settings_sources *sources)
{
        struct daemon d = { .settings = settings,
                            .sources = sources,
                            .deadline_ms = INT64_MAX,
                            .hurry_ms = INT64_MAX,
                            .not_ready_since_ms = time_monotonic_ms() };
        struct kafka_callbacks callbacks = { &d, kafka_on_fatal };
        struct api_health health = { &d, daemon_health_ready, daemon_health_replication,
                                     daemon_health_collect };
        int rc = uv_loop_init(&d.loop);

        if (rc != 0)
                abort();
        process_ignore_sigpipe();
        sm_init(&d.life, "life", states, 0, LIFE_STARTING);
        init_handles(&d);
        d.exit_status = (enum exit_status)daemon_make_parts(&d, &callbacks, &health);
        if (d.exit_status == EXIT_CLEAN)
                begin(&d);
        else
                abandon(&d);
        uv_run(&d.loop, UV_RUN_DEFAULT);
        daemon_free_parts(&d);
        rc = uv_loop_close(&d.loop);
        assert(rc == 0);
        log_emit(LOG_STOPPED, LOG_FIELDS(log_i("exit", d.exit_status)), "stopped");
        settings_free(settings);
        return d.exit_status;
}
