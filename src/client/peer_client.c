/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: a question is written as JSON, signed and posted to the member's URL; its
 * answer is read into the call.
 *
 * Possible failures:
 *  - no connection: the member was not asked;
 *  - the member does not own what it is asked for (421), or cannot answer now (503 and others);
 *  - it does not know us (403), which is said in the log;
 *  - no answer in time, or none that is understood: the member may have done what was asked.
 */
#include "crr/client/peer_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crr/base/json_read.h"
#include "crr/base/limits.h"
#include "crr/base/log.h"
#include "crr/base/time.h"
#include "crr/core/peer_answer.h"
#include "crr/core/peer_auth.h"
#include "crr/core/peer_query.h"

#define ANSWER_LIMIT  ((size_t)32 << 20)
#define URL_BYTES     1300
#define MESSAGE_BYTES 300

struct peer_client {
        struct peers port;
        struct curl_loop *curl;
        struct buf secret;
        bool signs;
        struct metrics *metrics;
        struct json_reader *json;
        struct log_seldom denied;
};

/* One question on its way. */
struct asking {
        struct peer_client *client;
        struct peer_call *call;
        struct curl_call http;
        struct buf body;
        char url[URL_BYTES];
        char auth[PEER_AUTH_SIZE + 32];
};

static const char *const result_names[] = {
        [PEER_ANSWERED] = "answered",   [PEER_NOT_MINE] = "not_mine", [PEER_REFUSED] = "refused",
        [PEER_UNREACHED] = "unreached", [PEER_LOST] = "lost",
};

static void asking_free(struct asking *a)
{
        buf_deinit(&a->body);
        buf_deinit(&a->http.answer);
        free(a);
}

/* ANSWERS */

static int on_description(void *data, unsigned depth, struct str name, const struct json_value *v,
                          struct error *err)
{
        struct error *said = data;

        if (depth == 1 && v->type == JSON_STRING && str_eq_c(name, "description"))
                error_set(said, ERR_UNAVAILABLE, "%.*s",
                          (int)(v->text.len < MESSAGE_BYTES ? v->text.len : MESSAGE_BYTES),
                          v->text.base);
        return 0;
}

/* What an error's body says, if it is one of ours. */
static void take_description(struct peer_client *c, const struct curl_call *http, struct error *ret)
{
        static const struct json_events events = { .value = on_description };
        struct error unheard;

        error_set(ret, ERR_UNAVAILABLE, "status %d", http->status);
        json_read(c->json, buf_str(&http->answer), &events, ret, &unheard);
}

static enum peer_result take_answer(struct peer_client *c, const struct curl_call *http,
                                    struct peer_call *call)
{
        struct str text = buf_str(&http->answer);

        if (call->question == PEER_STATUS) {
                call->status = arena_str(call->arena, text);
                return PEER_ANSWERED;
        }
        call->err.message[0] = '\0';
        return peer_answer_read(c->json, text, call, &call->err) == 0 ? PEER_ANSWERED : PEER_LOST;
}

static enum peer_result unanswered(const struct curl_call *http)
{
        return http->result == CURL_UNREACHED ? PEER_UNREACHED : PEER_LOST;
}

/* It goes on until somebody mends the settings, and a 503 does not tell. */
static void say_denied(struct peer_client *c, const struct peer_call *call)
{
        int64_t n = log_seldom(&c->denied, 1, time_monotonic_ms());

        if (n > 0)
                log_emit(LOG_PEER_DENIED, LOG_FIELDS(log_c("url", call->url), log_i("n", n)),
                         "a member does not answer us: %s", call->err.message);
}

static enum peer_result take_result(struct peer_client *c, const struct curl_call *http,
                                    struct peer_call *call)
{
        if (http->result != CURL_ANSWERED) {
                call->err = http->err;
                return unanswered(http);
        }
        if (http->status == 200)
                return take_answer(c, http, call);
        take_description(c, http, &call->err);
        if (http->status == error_http_status(ERR_ACCESS_DENIED))
                say_denied(c, call);
        if (http->status == error_http_status(ERR_MISDIRECTED))
                return PEER_NOT_MINE;
        return http->status == error_http_status(ERR_GATEWAY_TIMEOUT) ? PEER_LOST : PEER_REFUSED;
}

/* Not even the first line of an answer, nor that there is nobody. */
static bool is_silence(const struct curl_call *http)
{
        return http->result != CURL_ANSWERED &&
               (http->timed_out || (http->result == CURL_LOST && http->status == 0));
}

static void asking_on_done(struct curl_call *http)
{
        struct asking *a = http->data;
        struct peer_client *c = a->client;
        struct peer_call *call = a->call;

        call->work = NULL;
        call->result = take_result(c, http, call);
        call->is_silent = is_silence(http);
        metrics_add(c->metrics, METRIC_PEER_REQUESTS_TOTAL, LABELS_1(result_names[call->result]),
                    1);
        asking_free(a);
        call->done(call);
}

/* QUESTIONS */

static void set_auth(struct asking *a)
{
        char path[64], value[PEER_AUTH_SIZE];

        if (!a->client->signs)
                return;
        snprintf(path, sizeof path, PEER_PATH "%s", peer_question_name(a->call->question));
        peer_auth_write(buf_str(&a->client->secret), str_from(path), buf_str(&a->body),
                        time_wall_ms(), value);
        snprintf(a->auth, sizeof a->auth, PEER_AUTH_HEADER ": %s", value);
        a->http.headers[1] = a->auth;
}

static void ask(struct peers *port, struct peer_call *call)
{
        struct peer_client *c = (struct peer_client *)port;
        struct asking *a = calloc(1, sizeof *a);

        if (a == NULL)
                abort();
        a->client = c;
        a->call = call;
        buf_init(&a->body, SIZE_MAX);
        peer_query_write(call, &a->body);
        snprintf(a->url, sizeof a->url, "%s" PEER_PATH "%s", call->url,
                 peer_question_name(call->question));
        a->http = (struct curl_call){
                .data = a,
                .url = a->url,
                .is_post = true,
                .body = buf_str(&a->body),
                .headers = { "Content-Type: application/json" },
                .timeout_ms = call->timeout_ms,
                .max_answer_bytes = ANSWER_LIMIT,
                .done = asking_on_done,
        };
        set_auth(a);
        call->work = a;
        curl_loop_start(c->curl, &a->http);
}

static void cancel(struct peers *port, struct peer_call *call)
{
        struct peer_client *c = (struct peer_client *)port;
        struct asking *a = call->work;

        if (a == NULL)
                return;
        call->work = NULL;
        curl_loop_cancel(c->curl, &a->http);
        call->result = unanswered(&a->http);
        metrics_add(c->metrics, METRIC_PEER_REQUESTS_TOTAL, LABELS_1("canceled"), 1);
        asking_free(a);
}

/* LIFE */

struct peer_client *peer_client_new(struct curl_loop *curl, struct str secret,
                                    struct metrics *metrics)
{
        struct peer_client *c = calloc(1, sizeof *c);

        if (c == NULL)
                abort();
        c->port = (struct peers){ ask, cancel };
        c->curl = curl;
        c->metrics = metrics;
        c->json = json_reader_new(LIMIT_JSON_DEPTH);
        buf_init(&c->secret, SIZE_MAX);
        peer_client_set_secret(c, secret);
        return c;
}

struct peers *peer_client_port(struct peer_client *c)
{
        return &c->port;
}

void peer_client_set_secret(struct peer_client *c, struct str secret)
{
        buf_clear(&c->secret);
        buf_append_str(&c->secret, secret);
        c->signs = secret.base != NULL;
}

void peer_client_free(struct peer_client *c)
{
        if (c == NULL)
                return;
        json_reader_free(c->json);
        buf_deinit(&c->secret);
        free(c);
}
