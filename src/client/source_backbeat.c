/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: a call waits in the queue for one of the requests that may be out at once, is
 * sent, signed with the keys of its role, and done with the object that the answer tells of. What
 * came is read in the order in which it came, a bounded part of it in a turn of the loop, or by
 * another thread; its place among those that are out is free meanwhile.
 *
 *   get --> queue --> out --> inbox --> done
 *             ^        |        |
 *             '------ pause ----'       what failed, if its deadline and its attempts allow another
 *
 * Possible failures:
 *  - an answer that is no metadata: done at once, as gone or unavailable;
 *  - 5xx, no connection, no whole answer: a pause, and again; done with the last one's reason;
 *  - the deadline passes, wherever the call is: done, late;
 *  - many failures in a row: the breaker opens, and what waits or comes is done at once;
 *  - we close: everything is done.
 *
 * What cannot be done where it is found out (in get(), or in the middle of a list) goes to `ended`,
 * whose calls are done from the timer, a bounded number in a turn.
 */
#include "crr/client/source_backbeat.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "breaker.h"
#include "crr/base/limits.h"
#include "crr/base/time.h"
#include "source_fetch.h"
#include "source_inbox.h"
#include "source_trouble.h"

struct source_backbeat {
        struct source port; /* the first member */
        uv_loop_t *loop;
        struct curl_loop *curl;
        struct metrics *metrics;
        char *url;
        unsigned timeout_ms, concurrency;
        struct source_pace pace;
        struct arena auth_arena;
        struct source_auth auth;

        struct fetch_list queue, paused, out, ended;
        struct source_inbox inbox;
        unsigned n_out;
        struct breaker breaker;
        struct source_trouble trouble;

        uv_timer_t timer;
        int64_t due_ms;        /* it is armed for then; INT64_MAX: it is not */
        bool closing, is_over; /* it takes no calls any more */
        unsigned open_parts;   /* while it closes */
        void (*closed)(void *data);
        void *closed_data;
};

static void timer_on_due(uv_timer_t *timer);

/* THE TIMER */

/* Never 0 ms: libuv before 1.45 runs such a timer again and again within one turn. */
static void wake_at(struct source_backbeat *s, int64_t due_ms)
{
        int64_t now_ms = time_monotonic_ms();

        if (due_ms >= s->due_ms || s->closing)
                return;
        s->due_ms = due_ms;
        uv_update_time(s->loop);
        uv_timer_start(&s->timer, timer_on_due, due_ms > now_ms ? (uint64_t)(due_ms - now_ms) : 1,
                       0);
}

static void wake_for(struct source_backbeat *s, const struct fetch_list *list)
{
        for (const struct fetch *f = list->first; f != NULL; f = f->next) {
                wake_at(s, f->call->deadline_ms);
                if (list == &s->paused)
                        wake_at(s, f->resume_ms);
        }
}

/* ENDS */

static void done(struct fetch *f, const char *outcome)
{
        struct source_backbeat *s = f->owner;
        struct source_call *call = f->call;

        metrics_add(s->metrics, METRIC_SOURCE_REQUESTS_TOTAL, LABELS_1(outcome), 1);
        fetch_take(f);
        free(f);
        call->work = NULL;
        call->done(call);
}

static void end_later(struct fetch *f, const char *outcome, const char *lead, const char *why)
{
        struct source_backbeat *s = f->owner;

        f->call->result = SOURCE_UNAVAILABLE;
        error_set(&f->call->err, ERR_UNAVAILABLE, "the source %s: %s%s", s->url, lead, why);
        f->outcome = outcome;
        fetch_move(f, &s->ended);
        wake_at(s, 0);
}

static void end_late(struct fetch *f)
{
        end_later(f, "late", "",
                  f->attempts > 0 ? f->owner->trouble.last.message : "no answer in time");
}

static void end_refused(struct fetch *f)
{
        end_later(f, "open",
                  "not asked for a while, after failures: ", f->owner->trouble.last.message);
}

static void end_closed(struct fetch *f)
{
        end_later(f, "failed", "", "closed");
}

static void finish_ended(struct source_backbeat *s, unsigned most)
{
        struct fetch *f;

        for (; most > 0 && (f = fetch_pop(&s->ended)) != NULL; most--)
                done(f, f->outcome);
}

/* THE BREAKER */

static void refuse_waiting(struct source_backbeat *s)
{
        while (s->queue.first != NULL)
                end_refused(s->queue.first);
        while (s->paused.first != NULL)
                end_refused(s->paused.first);
}

/* After everything that may have changed it. */
static void heed_breaker(struct source_backbeat *s)
{
        enum breaker_state state = breaker_state(&s->breaker);

        metrics_set(s->metrics, METRIC_SOURCE_BREAKER_STATE, NO_LABELS, (double)state);
        source_trouble_on_breaker(&s->trouble, &s->breaker);
        if (state != BREAKER_OPEN)
                return;
        refuse_waiting(s);
        wake_at(s, s->breaker.until_ms);
}

/* REQUESTS */

static void http_on_done(struct curl_call *http);

static void send_it(struct fetch *f, int64_t now_ms)
{
        struct source_backbeat *s = f->owner;
        int64_t left_ms = f->call->deadline_ms - now_ms;

        f->is_cut = left_ms < (int64_t)s->timeout_ms;
        f->http = (struct curl_call){
                .data = f,
                .timeout_ms = f->is_cut ? (unsigned)left_ms : s->timeout_ms,
                .max_answer_bytes = SOURCE_ANSWER_BYTES,
                .done = http_on_done,
        };
        if (!source_send(s->curl, s->url, &s->auth, f->call, &f->http)) {
                end_later(f, "refused", "", "the object's name is too long");
                return;
        }
        f->attempts++;
        fetch_move(f, &s->out);
        s->n_out++;
        breaker_on_sent(&s->breaker);
}

static void send_waiting(struct source_backbeat *s)
{
        int64_t now_ms = time_monotonic_ms();
        struct fetch *f;

        while (!s->closing && s->n_out < s->concurrency && !source_inbox_is_full(&s->inbox) &&
               breaker_lets_through(&s->breaker) && (f = s->queue.first) != NULL) {
                if (f->call->deadline_ms <= now_ms)
                        end_late(f);
                else
                        send_it(f, now_ms);
        }
}

/* A pause, if there is time and the breaker would let it go on. */
static bool tries_again(struct fetch *f, int64_t now_ms)
{
        struct source_backbeat *s = f->owner;
        int64_t pause_ms = s->pace.backoff_ms;

        for (unsigned i = 1; i < f->attempts; i++)
                pause_ms *= 4;
        if (s->closing || breaker_state(&s->breaker) != BREAKER_CLOSED ||
            f->attempts >= s->pace.attempts || now_ms + pause_ms >= f->call->deadline_ms)
                return false;
        f->resume_ms = now_ms + pause_ms;
        fetch_move(f, &s->paused);
        wake_at(s, f->resume_ms);
        metrics_add(s->metrics, METRIC_SOURCE_REQUESTS_TOTAL, LABELS_1("retried"), 1);
        return true;
}

/* What the attempt says of the source: nothing when it was given less than its time. */
static void tell_breaker(struct fetch *f, enum source_verdict verdict, int64_t now_ms)
{
        struct breaker *b = &f->owner->breaker;
        bool has_status = f->http.result == CURL_ANSWERED;

        if (verdict != VERDICT_FAILED)
                breaker_on_answer(b);
        else if (f->owner->closing || (f->is_cut && !has_status && now_ms >= f->call->deadline_ms))
                breaker_on_nothing(b);
        else
                breaker_on_failure(b, now_ms);
}

static const char *settle(struct fetch *f, struct source_said *said, int64_t now_ms)
{
        const char *outcome = source_settle(f->owner->url, said, f->call);

        if (said->verdict == VERDICT_FAILED)
                return now_ms >= f->call->deadline_ms ? "late" : outcome;
        if (f->call->result == SOURCE_UNAVAILABLE)
                source_trouble_on_refusal(&f->owner->trouble, f->call, outcome, now_ms);
        return outcome;
}

static void on_read(struct fetch *f, struct source_said *said)
{
        struct source_backbeat *s = f->owner;
        int64_t now_ms = time_monotonic_ms();

        if (said->verdict == VERDICT_FAILED)
                s->trouble.last = said->why;
        tell_breaker(f, said->verdict, now_ms);
        if (said->verdict != VERDICT_FAILED || !tries_again(f, now_ms))
                done(f, settle(f, said, now_ms));
        heed_breaker(s);
        send_waiting(s);
}

/* Where nothing came there is nothing to parse, and whether the time was over counts: at once.
 * The free place is taken when the inbox is read next, in this turn: a failure counts first. */
static void http_on_done(struct curl_call *http)
{
        struct fetch *f = http->data;
        struct source_backbeat *s = f->owner;
        struct source_said said = { .verdict = VERDICT_FAILED, .why = { .message = "closed" } };

        s->n_out--;
        if (http->result != CURL_ANSWERED || s->closing) {
                if (!s->closing)
                        source_not_read(http, &said);
                buf_deinit(&http->answer);
                on_read(f, &said);
                return;
        }
        source_inbox_add(&s->inbox, f);
        wake_at(s, f->call->deadline_ms);
}

/* It says nothing of the source any more. */
static void drop_answer(struct fetch *f)
{
        source_inbox_drop(&f->owner->inbox, f);
        breaker_on_nothing(&f->owner->breaker);
}

/* TIME PASSES */

static void end_overdue(struct fetch_list *list, int64_t now_ms)
{
        struct fetch *next;

        for (struct fetch *f = list->first; f != NULL; f = next) {
                next = f->next;
                if (f->call->deadline_ms > now_ms)
                        continue;
                if (source_inbox_has(&f->owner->inbox, f))
                        drop_answer(f);
                end_late(f);
        }
}

/* The oldest of them goes first. */
static void end_pauses(struct source_backbeat *s, int64_t now_ms)
{
        struct fetch *prev;

        for (struct fetch *f = s->paused.last; f != NULL; f = prev) {
                prev = f->prev;
                if (f->resume_ms <= now_ms)
                        fetch_move_first(f, &s->queue);
        }
}

static void timer_on_due(uv_timer_t *timer)
{
        struct source_backbeat *s = timer->data;
        int64_t now_ms = time_monotonic_ms();

        s->due_ms = INT64_MAX;
        breaker_tick(&s->breaker, now_ms);
        heed_breaker(s);
        end_overdue(&s->queue, now_ms);
        end_overdue(&s->paused, now_ms);
        end_overdue(&s->inbox.list, now_ms);
        end_overdue(&s->inbox.large, now_ms);
        end_pauses(s, now_ms);
        finish_ended(s, LIMIT_WORK_ENTRIES);
        send_waiting(s);
        wake_for(s, &s->queue);
        wake_for(s, &s->paused);
        wake_for(s, &s->inbox.list);
        wake_for(s, &s->inbox.large);
        if (s->ended.first != NULL)
                wake_at(s, 0);
}

/* THE PORT */

static void get(struct source *port, struct source_call *call)
{
        struct source_backbeat *s = (struct source_backbeat *)port;
        struct fetch *f = calloc(1, sizeof *f);

        assert(!s->is_over);
        if (f == NULL)
                abort();
        f->owner = s;
        f->call = call;
        call->work = f;
        call->object = NULL;
        if (s->closing) {
                end_closed(f);
        } else if (!breaker_lets_through(&s->breaker)) {
                end_refused(f);
        } else {
                fetch_move(f, &s->queue);
                wake_at(s, call->deadline_ms);
                send_waiting(s);
        }
}

static void cancel(struct source *port, struct source_call *call)
{
        struct source_backbeat *s = (struct source_backbeat *)port;
        struct fetch *f = call->work;

        if (f == NULL)
                return;
        call->work = NULL;
        if (f->in == &s->out) {
                curl_loop_cancel(s->curl, &f->http);
                s->n_out--;
                breaker_on_nothing(&s->breaker);
        } else if (source_inbox_has(&s->inbox, f)) {
                drop_answer(f);
        }
        fetch_take(f);
        free(f);
        metrics_add(s->metrics, METRIC_SOURCE_REQUESTS_TOTAL, LABELS_1("canceled"), 1);
        send_waiting(s);
}

/* LIFE */

struct source_backbeat *source_backbeat_new(uv_loop_t *loop, const struct source_config *config,
                                            struct metrics *metrics)
{
        struct source_backbeat *s = calloc(1, sizeof *s);
        struct curl_loop_limits limits = { config->concurrency, config->concurrency,
                                           config->concurrency };

        if (s == NULL || (s->url = strdup(config->url)) == NULL)
                abort();
        s->trouble.url = s->url;
        s->port = (struct source){ get, cancel };
        s->loop = loop;
        s->curl = curl_loop_new(loop, &limits);
        s->metrics = metrics;
        s->concurrency = config->concurrency;
        s->pace = config->pace != NULL ? *config->pace : SOURCE_PACE;
        arena_init(&s->auth_arena, 0);
        source_backbeat_reconfigure(s, config);
        source_inbox_init(&s->inbox, loop, on_read);
        breaker_init(&s->breaker, &(struct breaker_rules){
                                          .failures = s->pace.breaker_failures,
                                          .span_ms = s->pace.breaker_span_ms,
                                          .open_ms = s->pace.breaker_open_ms,
                                          .open_max_ms = s->pace.breaker_open_max_ms,
                                  });
        uv_timer_init(loop, &s->timer);
        s->timer.data = s;
        s->due_ms = INT64_MAX;
        heed_breaker(s);
        return s;
}

struct source *source_backbeat_port(struct source_backbeat *s)
{
        return &s->port;
}

void source_backbeat_reconfigure(struct source_backbeat *s, const struct source_config *config)
{
        s->timeout_ms = config->timeout_ms;
        source_auth_replace(&s->auth, &s->auth_arena, &config->auth);
}

size_t source_backbeat_unread(const struct source_backbeat *s)
{
        return s->inbox.bytes;
}

const char *source_backbeat_status(const struct source_backbeat *s)
{
        enum breaker_state state = breaker_state(&s->breaker);

        return state == BREAKER_CLOSED ? "ok" : breaker_state_name(state);
}

static void part_on_closed(void *data)
{
        struct source_backbeat *s = data;

        if (--s->open_parts == 0)
                s->closed(s->closed_data);
}

static void timer_on_closed(uv_handle_t *handle)
{
        part_on_closed(handle->data);
}

void source_backbeat_close(struct source_backbeat *s, void (*closed)(void *data), void *data)
{
        struct fetch *f;

        s->closing = true;
        s->closed = closed;
        s->closed_data = data;
        s->open_parts = 3;
        curl_loop_close(s->curl, part_on_closed, s);
        while (s->queue.first != NULL)
                end_closed(s->queue.first);
        while (s->paused.first != NULL)
                end_closed(s->paused.first);
        while ((f = source_inbox_first(&s->inbox)) != NULL) {
                drop_answer(f);
                end_closed(f);
        }
        while (s->ended.first != NULL)
                finish_ended(s, 1);
        s->is_over = true;
        source_inbox_close(&s->inbox, part_on_closed, s);
        uv_close((uv_handle_t *)&s->timer, timer_on_closed);
}

void source_backbeat_free(struct source_backbeat *s)
{
        if (s == NULL)
                return;
        assert(s->out.first == NULL && s->ended.first == NULL);
        curl_loop_free(s->curl);
        arena_deinit(&s->auth_arena);
        free(s->url);
        free(s);
}
