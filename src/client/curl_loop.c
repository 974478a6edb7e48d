/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: a call becomes an easy handle of the multi handle; libcurl says which sockets
 * and how long to wait for, uv says when they are ready; a finished transfer is taken out and its
 * call is done.
 *
 * Possible failures:
 *  - no connection, a lost one, a late or too large answer: the call is done with what is known;
 *  - we close: what is under way is done as lost.
 *
 * libcurl is only called from callbacks of uv, never from inside curl_loop_start(), whose transfer
 * waits in `fresh` for the next turn: so no call is done before its starter returned.
 *
 * However much has come, a turn receives about TURN_BYTES of it. What is ready then is left for the
 * next turn; but libcurl also reads from transfers one of whose timers is due, all of them in one
 * call: these pause, and go on in the order in which they paused.
 */
#include "crr/client/curl_loop.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#define SPARE_HANDLES 64
#define TURN_BYTES    ((size_t)256 << 10)

struct transfer {
        CURL *easy;
        struct curl_slist *headers;
        struct curl_call *call; /* NULL: canceled */
        struct curl_loop *loop;
        struct transfer *prev, *next;
        bool added; /* to the multi handle */
        bool is_paused;
        struct transfer *next_paused;
        char why[CURL_ERROR_SIZE];
};

struct watch {
        uv_poll_t poll;
        struct curl_loop *loop;
        curl_socket_t socket;
};

struct curl_loop {
        uv_loop_t *loop;
        CURLM *multi;
        uv_timer_t timer;
        uv_prepare_t turn_over; /* active while some are fresh or pause, or bytes came */
        uv_idle_t awake;        /* while some are fresh or pause: the loop does not wait */
        size_t received;        /* in this turn */
        struct transfer *fresh, *running;
        struct transfer *paused, **paused_end; /* of those that run */
        CURL *spare[SPARE_HANDLES];
        unsigned n_spare;
        unsigned open_handles, watches;
        bool closing;
        void (*closed)(void *data);
        void *closed_data;
};

/* TRANSFERS */

static void list_add(struct transfer **list, struct transfer *t)
{
        t->prev = NULL;
        t->next = *list;
        if (t->next != NULL)
                t->next->prev = t;
        *list = t;
}

static void list_remove(struct transfer **list, struct transfer *t)
{
        if (t->prev != NULL)
                t->prev->next = t->next;
        else
                *list = t->next;
        if (t->next != NULL)
                t->next->prev = t->prev;
}

static void on_awake(uv_idle_t *idle);
static void on_turn_over(uv_prepare_t *prepare);

static void pause_it(struct transfer *t)
{
        struct curl_loop *c = t->loop;

        t->is_paused = true;
        t->next_paused = NULL;
        *c->paused_end = t;
        c->paused_end = &t->next_paused;
        uv_idle_start(&c->awake, on_awake);
}

static void forget_paused(struct transfer *t)
{
        struct curl_loop *c = t->loop;
        struct transfer **at = &c->paused;

        if (!t->is_paused)
                return;
        while (*at != t)
                at = &(*at)->next_paused;
        *at = t->next_paused;
        if (c->paused_end == &t->next_paused)
                c->paused_end = at;
        t->is_paused = false;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *data)
{
        struct transfer *t = data;

        if (t->call == NULL)
                return 0;
        uv_prepare_start(&t->loop->turn_over, on_turn_over);
        if (t->loop->received >= TURN_BYTES) {
                pause_it(t);
                return CURL_WRITEFUNC_PAUSE;
        }
        t->loop->received += size * n;
        buf_append(&t->call->answer, bytes, size * n);
        return t->call->answer.overflow ? 0 : size * n;
}

static CURL *take_easy(struct curl_loop *c)
{
        CURL *easy = c->n_spare > 0 ? c->spare[--c->n_spare] : curl_easy_init();

        if (easy == NULL)
                abort();
        return easy;
}

static void give_back_easy(struct curl_loop *c, CURL *easy)
{
        if (c->n_spare == SPARE_HANDLES) {
                curl_easy_cleanup(easy);
                return;
        }
        curl_easy_reset(easy);
        c->spare[c->n_spare++] = easy;
}

static void set_headers(struct transfer *t)
{
        /* No wait for 100 Continue: the answer comes when the body was read. */
        t->headers = t->call->is_post ? curl_slist_append(NULL, "Expect:") : NULL;
        for (int i = 0; i < CURL_CALL_MAX_HEADERS && t->call->headers[i] != NULL; i++)
                t->headers = curl_slist_append(t->headers, t->call->headers[i]);
        curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
}

static void set_options(struct transfer *t)
{
        const struct curl_call *call = t->call;
        CURL *easy = t->easy;

        curl_easy_setopt(easy, CURLOPT_URL, call->url);
        curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
        curl_easy_setopt(easy, CURLOPT_PRIVATE, t);
        curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(easy, CURLOPT_PROXY, "");
        curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->why);
        curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)call->timeout_ms);
        curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)call->timeout_ms);
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
        curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
        if (call->is_post) {
                curl_easy_setopt(easy, CURLOPT_POST, 1L);
                curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body.base);
                curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.len);
        }
        set_headers(t);
}

static void free_transfer(struct transfer *t)
{
        forget_paused(t);
        if (t->added) {
                curl_multi_remove_handle(t->loop->multi, t->easy);
                list_remove(&t->loop->running, t);
        } else {
                list_remove(&t->loop->fresh, t);
        }
        curl_slist_free_all(t->headers);
        give_back_easy(t->loop, t->easy);
        free(t);
}

/* What may have happened at the other side. */
static enum curl_result result_of(CURL *easy, CURLcode code)
{
        long sent = 0;

        if (code == CURLE_OK)
                return CURL_ANSWERED;
        curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &sent);
        return sent > 0 ? CURL_LOST : CURL_UNREACHED;
}

static void finish(struct transfer *t, CURLcode code)
{
        struct curl_call *call = t->call;
        long status = 0;

        if (call != NULL) {
                call->result = result_of(t->easy, code);
                call->timed_out = code == CURLE_OPERATION_TIMEDOUT;
                curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
                call->status = (int)status;
                call->transfer = NULL;
                if (code != CURLE_OK)
                        error_set(&call->err, ERR_UNAVAILABLE, "%s",
                                  call->answer.overflow ? "the answer is too large"
                                  : t->why[0] != '\0'   ? t->why
                                                        : curl_easy_strerror(code));
        }
        free_transfer(t);
        if (call != NULL)
                call->done(call);
}

static void take_finished(struct curl_loop *c)
{
        const CURLMsg *message;
        int left;

        while ((message = curl_multi_info_read(c->multi, &left)) != NULL) {
                struct transfer *t;

                if (message->msg != CURLMSG_DONE)
                        continue;
                curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&t);
                finish(t, message->data.result);
        }
}

/* LIBCURL AND UV */

static void on_watch_closed(uv_handle_t *handle);

static void on_ready(uv_poll_t *poll, int status, int events)
{
        struct watch *w = poll->data;
        struct curl_loop *c = w->loop;
        int flags = status < 0 ? CURL_CSELECT_ERR : 0, running;

        if (c->received >= TURN_BYTES)
                return;
        flags |= (events & UV_READABLE) != 0 ? CURL_CSELECT_IN : 0;
        flags |= (events & UV_WRITABLE) != 0 ? CURL_CSELECT_OUT : 0;
        curl_multi_socket_action(c->multi, w->socket, flags, &running);
        take_finished(c);
}

static struct watch *watch_new(struct curl_loop *c, curl_socket_t socket)
{
        struct watch *w = calloc(1, sizeof *w);

        if (w == NULL || uv_poll_init_socket(c->loop, &w->poll, socket) != 0)
                abort();
        w->poll.data = w;
        w->loop = c;
        w->socket = socket;
        c->watches++;
        curl_multi_assign(c->multi, socket, w);
        return w;
}

static int on_socket(CURL *easy, curl_socket_t socket, int what, void *data, void *watched)
{
        struct curl_loop *c = data;
        struct watch *w = watched;
        int events = 0;

        (void)easy;
        if (what == CURL_POLL_REMOVE) {
                if (w != NULL) {
                        curl_multi_assign(c->multi, socket, NULL);
                        uv_poll_stop(&w->poll);
                        uv_close((uv_handle_t *)&w->poll, on_watch_closed);
                }
                return 0;
        }
        if (w == NULL)
                w = watch_new(c, socket);
        events |= what != CURL_POLL_OUT ? UV_READABLE : 0;
        events |= what != CURL_POLL_IN ? UV_WRITABLE : 0;
        uv_poll_start(&w->poll, events, on_ready);
        return 0;
}

static void on_timer(uv_timer_t *timer)
{
        struct curl_loop *c = timer->data;
        int running;

        curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        take_finished(c);
}

/* Never 0 ms: libuv before 1.45 runs such a timer again and again within one turn. */
static int on_timeout(CURLM *multi, long ms, void *data)
{
        struct curl_loop *c = data;

        (void)multi;
        if (ms < 0)
                uv_timer_stop(&c->timer);
        else
                uv_timer_start(&c->timer, on_timer, ms > 0 ? (uint64_t)ms : 1, 0);
        return 0;
}

static void on_awake(uv_idle_t *idle)
{
        (void)idle;
}

/* What was held back of them is received at once. One that fails says so when it is read next. */
static void resume_paused(struct curl_loop *c)
{
        struct transfer *t;

        while (c->received < TURN_BYTES && (t = c->paused) != NULL) {
                forget_paused(t);
                curl_easy_pause(t->easy, CURLPAUSE_CONT);
        }
}

static void on_turn_over(uv_prepare_t *prepare)
{
        struct curl_loop *c = prepare->data;
        struct transfer *t;

        c->received = 0;
        resume_paused(c);
        if (c->paused == NULL && c->received == 0)
                uv_prepare_stop(&c->turn_over);
        if (c->paused == NULL)
                uv_idle_stop(&c->awake);
        while ((t = c->fresh) != NULL) {
                list_remove(&c->fresh, t);
                list_add(&c->running, t);
                t->added = true;
                if (curl_multi_add_handle(c->multi, t->easy) != CURLM_OK)
                        abort();
        }
}

/* FACE */

struct curl_loop *curl_loop_new(uv_loop_t *loop, const struct curl_loop_limits *limits)
{
        struct curl_loop *c = calloc(1, sizeof *c);

        if (c == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
                abort();
        c->loop = loop;
        c->paused_end = &c->paused;
        c->multi = curl_multi_init();
        if (c->multi == NULL)
                abort();
        uv_timer_init(loop, &c->timer);
        uv_prepare_init(loop, &c->turn_over);
        uv_idle_init(loop, &c->awake);
        c->timer.data = c->turn_over.data = c->awake.data = c;
        c->open_handles = 3;
        curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
        curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
        curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
        curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
        curl_multi_setopt(c->multi, CURLMOPT_MAX_HOST_CONNECTIONS, limits->connections_per_host);
        curl_multi_setopt(c->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, limits->connections);
        curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, limits->kept);
        curl_multi_setopt(c->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
        return c;
}

void curl_loop_start(struct curl_loop *c, struct curl_call *call)
{
        struct transfer *t = calloc(1, sizeof *t);

        if (t == NULL)
                abort();
        t->easy = take_easy(c);
        t->call = call;
        t->loop = c;
        call->transfer = t;
        call->status = 0;
        buf_init(&call->answer, call->max_answer_bytes);
        set_options(t);
        list_add(&c->fresh, t);
        uv_prepare_start(&c->turn_over, on_turn_over);
        uv_idle_start(&c->awake, on_awake);
}

void curl_loop_cancel(struct curl_loop *c, struct curl_call *call)
{
        struct transfer *t = call->transfer;

        (void)c;
        if (t == NULL)
                return;
        call->result = result_of(t->easy, CURLE_ABORTED_BY_CALLBACK);
        call->transfer = NULL;
        t->call = NULL;
        buf_deinit(&call->answer);
        free_transfer(t);
}

/* CLOSING */

static void tell_closed_if_so(struct curl_loop *c)
{
        if (c->closing && c->open_handles == 0 && c->watches == 0)
                c->closed(c->closed_data);
}

static void on_watch_closed(uv_handle_t *handle)
{
        struct watch *w = handle->data;
        struct curl_loop *c = w->loop;

        free(w);
        c->watches--;
        tell_closed_if_so(c);
}

static void on_handle_closed(uv_handle_t *handle)
{
        struct curl_loop *c = handle->data;

        c->open_handles--;
        tell_closed_if_so(c);
}

/* done() may cancel others. */
static void finish_all(struct transfer **list, CURLcode code)
{
        for (struct transfer *t = *list; t != NULL; t = *list) {
                finish(t, code);
                assert(*list != t);
        }
}

static void drop_connections(struct curl_loop *c)
{
        finish_all(&c->fresh, CURLE_COULDNT_CONNECT);
        finish_all(&c->running, CURLE_ABORTED_BY_CALLBACK);
        while (c->n_spare > 0)
                curl_easy_cleanup(c->spare[--c->n_spare]);
        curl_multi_cleanup(c->multi); /* its sockets are closed: on_socket() hears of each */
        c->multi = NULL;
}

void curl_loop_close(struct curl_loop *c, void (*closed)(void *data), void *data)
{
        c->closing = true;
        c->closed = closed;
        c->closed_data = data;
        drop_connections(c);
        uv_close((uv_handle_t *)&c->timer, on_handle_closed);
        uv_close((uv_handle_t *)&c->turn_over, on_handle_closed);
        uv_close((uv_handle_t *)&c->awake, on_handle_closed);
}

void curl_loop_free(struct curl_loop *c)
{
        free(c);
        if (c != NULL)
                curl_global_cleanup();
}
