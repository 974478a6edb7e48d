/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a question: against a server that answers with bytes that the test chose. */
#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "crr/base/log.h"
#include "crr/client/peer_client.h"
#include "crr/core/peer_auth.h"

#define TIMEOUT_MS 10000 /* nothing that a test waits for takes so long */
#define SHORT_MS   300   /* where no answer comes */

struct bench {
        uv_loop_t loop;
        uv_tcp_t listener, conn;
        bool conn_open;
        const char *script; /* sent when a whole question has come; NULL: nothing ever */
        bool hangs_up;      /* then close */
        unsigned timeout_ms;
        char heard[4096];
        size_t heard_len;
        char url[64];

        struct curl_loop *curl;
        struct peer_client *client;
        struct metrics *metrics;
        struct arena arena;
        struct peer_call call;
        bool done;
};

/* THE OTHER MEMBER */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
        struct bench *b = handle->data;

        *buf = uv_buf_init(b->heard + b->heard_len, (unsigned)(sizeof b->heard - 1 - b->heard_len));
}

static void on_closed(uv_handle_t *handle)
{
        ((struct bench *)handle->data)->conn_open = false;
}

static void hang_up(struct bench *b)
{
        if (b->conn_open && !uv_is_closing((uv_handle_t *)&b->conn))
                uv_close((uv_handle_t *)&b->conn, on_closed);
}

static bool has_whole_question(const struct bench *b)
{
        const char *body = strstr(b->heard, "\r\n\r\n");

        return body != NULL && body[strlen(body) - 1] == '}';
}

static void on_heard(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
        struct bench *b = stream->data;
        uv_buf_t out;

        if (n < 0) {
                hang_up(b);
                return;
        }
        b->heard_len += (size_t)n;
        b->heard[b->heard_len] = '\0';
        if (!has_whole_question(b))
                return;
        if (b->script != NULL) {
                out = uv_buf_init((char *)b->script, (unsigned)strlen(b->script));
                CHECK_INT(uv_try_write(stream, &out, 1), (int)out.len);
        }
        if (b->hangs_up)
                hang_up(b);
}

static void on_connection(uv_stream_t *listener, int status)
{
        struct bench *b = listener->data;

        CHECK_INT(status, 0);
        uv_tcp_init(&b->loop, &b->conn);
        b->conn.data = b;
        b->conn_open = true;
        CHECK_INT(uv_accept(listener, (uv_stream_t *)&b->conn), 0);
        uv_read_start((uv_stream_t *)&b->conn, on_alloc, on_heard);
}

static void listen_anywhere(struct bench *b)
{
        struct sockaddr_in address;
        int len = sizeof address;

        uv_tcp_init(&b->loop, &b->listener);
        b->listener.data = b;
        uv_ip4_addr("127.0.0.1", 0, &address);
        CHECK_INT(uv_tcp_bind(&b->listener, (struct sockaddr *)&address, 0), 0);
        CHECK_INT(uv_listen((uv_stream_t *)&b->listener, 1, on_connection), 0);
        CHECK_INT(uv_tcp_getsockname(&b->listener, (struct sockaddr *)&address, &len), 0);
        snprintf(b->url, sizeof b->url, "http://127.0.0.1:%d", ntohs(address.sin_port));
}

/* THE ASKER */

static void bench_init(struct bench *b, const char *secret)
{
        struct curl_loop_limits limits = { 4, 16 };

        memset(b, 0, sizeof *b);
        b->timeout_ms = TIMEOUT_MS;
        uv_loop_init(&b->loop);
        listen_anywhere(b);
        b->metrics = metrics_new(100);
        b->curl = curl_loop_new(&b->loop, &limits);
        b->client = peer_client_new(b->curl, secret != NULL ? str_from(secret) : STR_ABSENT,
                                    b->metrics);
        arena_init(&b->arena, 1 << 20);
}

static void on_curl_closed(void *data)
{
        struct bench *b = data;

        hang_up(b);
        if (!uv_is_closing((uv_handle_t *)&b->listener))
                uv_close((uv_handle_t *)&b->listener, NULL);
}

static void bench_deinit(struct bench *b)
{
        curl_loop_close(b->curl, on_curl_closed, b);
        uv_run(&b->loop, UV_RUN_DEFAULT);
        CHECK_INT(uv_loop_close(&b->loop), 0);
        peer_client_free(b->client);
        curl_loop_free(b->curl);
        metrics_free(b->metrics);
        arena_deinit(&b->arena);
}

static void on_done(struct peer_call *call)
{
        ((struct bench *)call->data)->done = true;
}

static void begin(struct bench *b)
{
        struct peers *port = peer_client_port(b->client);

        b->heard_len = 0;
        b->done = false;
        b->call = (struct peer_call){
                .data = b,
                .question = PEER_PAGE,
                .url = b->url,
                .timeout_ms = b->timeout_ms,
                .arena = &b->arena,
                .n_partitions = 1,
                .max_rows = 10,
                .done = on_done,
        };
        port->ask(port, &b->call);
        CHECK(!b->done);
}

static void ask(struct bench *b, enum peer_result want)
{
        begin(b);
        while (!b->done)
                uv_run(&b->loop, UV_RUN_ONCE);
        if (b->call.result != want)
                fprintf(stderr, "result %d: %s\n", b->call.result, b->call.err.message);
        CHECK_INT(b->call.result, want);
}

#define HEAD(STATUS, LENGTH) "HTTP/1.1 " STATUS "\r\nContent-Length: " LENGTH "\r\n\r\n"

static void an_answer_is_read(void)
{
        struct bench b;

        bench_init(&b, NULL);
        b.script = HEAD("200 OK", "40") "{\"rows\":[],\"knownBelow\":7,\"missing\":[0]}";
        ask(&b, PEER_ANSWERED);
        CHECK(b.call.known_below == 7 && partition_set_has(&b.call.missing, 0));
        CHECK(strstr(b.heard, "POST /_/peer/v1/page HTTP/1.1\r\n") == b.heard);
        CHECK(strstr(b.heard, "crr-peer-auth") == NULL);
        CHECK_INT(metrics_get(b.metrics, METRIC_PEER_REQUESTS_TOTAL, LABELS_1("answered")), 1);
        bench_deinit(&b);
}

static void with_a_secret_the_question_is_signed(void)
{
        struct bench b;

        bench_init(&b, "secret");
        b.script = HEAD("200 OK", "12") "{\"rows\":[]} ";
        ask(&b, PEER_ANSWERED);
        CHECK(strstr(b.heard, PEER_AUTH_HEADER ": ") != NULL);
        bench_deinit(&b);
}

static void refusals_say_whether_another_owns_it(void)
{
        static const struct {
                const char *script, *says;
                enum peer_result result;
        } rows[] = {
                { HEAD("421 Misdirected Request",
                       "42") "{\"code\":421,\"description\":\"p\",\"M\":true}      ",
                  "p", PEER_NOT_MINE },
                { HEAD("503 Service Unavailable", "27") "{\"description\":\"restoring\"}",
                  "restoring", PEER_REFUSED },
                { HEAD("404 Not Found", "0"), "status 404", PEER_REFUSED },
                { HEAD("403 Forbidden", "4") "nope", "status 403", PEER_REFUSED },
                { HEAD("504 Gateway Timeout", "0"), "status 504", PEER_LOST },
        };
        struct bench b;

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                bench_init(&b, NULL);
                b.script = rows[i].script;
                b.hangs_up = true;
                ask(&b, rows[i].result);
                CHECK_STR(b.call.err.message, rows[i].says);
                CHECK(!b.call.is_silent);
                bench_deinit(&b);
        }
}

static void keep_line(void *data, struct str line)
{
        buf_append_str(data, line);
        buf_append_char(data, '\0');
}

static void that_a_member_does_not_know_us_is_said_once_in_a_while(void)
{
        struct buf said;
        struct bench b;

        buf_init(&said, SIZE_MAX);
        log_sink(keep_line, &said);
        bench_init(&b, NULL);
        b.script = HEAD("503 Service Unavailable", "0");
        ask(&b, PEER_REFUSED);
        CHECK_INT(said.len, 0);
        b.script = HEAD("403 Forbidden", "30") "{\"description\":\"not the same\"}";
        for (int i = 0; i < 3; i++)
                ask(&b, PEER_REFUSED);
        CHECK(strstr(said.base, "event=peer_denied") != NULL);
        CHECK(strstr(said.base, b.url) != NULL);
        CHECK(strstr(said.base, "n=1 msg=\"a member does not answer us: not the same\"") != NULL);
        CHECK_INT(strlen(said.base) + 1, said.len); /* one line */
        bench_deinit(&b);
        log_sink(NULL, NULL);
        buf_deinit(&said);
}

static void what_cannot_be_read_is_lost(void)
{
        static const struct {
                const char *script;
                bool is_silent;
        } rows[] = {
                { HEAD("200 OK", "9") "{\"rows\":[", false },
                { HEAD("200 OK", "99") "{}", false },
                { "SSH-2.0-OpenSSH_9.2\r\n", true },
                { "", true },
        };
        struct bench b;

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                bench_init(&b, NULL);
                b.script = rows[i].script;
                b.hangs_up = true;
                ask(&b, PEER_LOST);
                CHECK(b.call.is_silent == rows[i].is_silent);
                CHECK_INT(metrics_get(b.metrics, METRIC_PEER_REQUESTS_TOTAL, LABELS_1("lost")), 1);
                bench_deinit(&b);
        }
}

static void no_answer_in_time_is_lost_and_silence(void)
{
        struct bench b;

        bench_init(&b, NULL);
        b.timeout_ms = SHORT_MS;
        ask(&b, PEER_LOST);
        CHECK(b.call.is_silent);
        bench_deinit(&b);
}

static void nobody_there_is_unreached(void)
{
        struct bench b;

        bench_init(&b, NULL);
        uv_close((uv_handle_t *)&b.listener, NULL);
        uv_run(&b.loop, UV_RUN_NOWAIT);
        ask(&b, PEER_UNREACHED);
        CHECK(!b.call.is_silent);
        bench_deinit(&b);
}

static void a_connection_that_the_other_side_closed_is_not_a_lost_answer(void)
{
        struct bench b;

        bench_init(&b, NULL);
        b.script = HEAD("200 OK", "11") "{\"rows\":[]}";
        ask(&b, PEER_ANSWERED);
        hang_up(&b);
        while (b.conn_open)
                uv_run(&b.loop, UV_RUN_ONCE);
        ask(&b, PEER_ANSWERED);
        bench_deinit(&b);
}

static void what_is_canceled_is_not_heard_of_again(void)
{
        struct peers *port;
        struct bench b;

        bench_init(&b, NULL);
        port = peer_client_port(b.client);
        begin(&b);
        while (b.heard_len == 0)
                uv_run(&b.loop, UV_RUN_ONCE);
        port->cancel(port, &b.call);
        CHECK_INT(b.call.result, PEER_LOST);
        bench_deinit(&b);
        CHECK(!b.done);
}

static void what_is_canceled_before_it_was_sent_is_unreached(void)
{
        struct peers *port;
        struct bench b;

        bench_init(&b, NULL);
        port = peer_client_port(b.client);
        begin(&b);
        port->cancel(port, &b.call);
        CHECK_INT(b.call.result, PEER_UNREACHED);
        bench_deinit(&b);
        CHECK(!b.done);
}

int main(void)
{
        RUN(an_answer_is_read);
        RUN(with_a_secret_the_question_is_signed);
        RUN(refusals_say_whether_another_owns_it);
        RUN(that_a_member_does_not_know_us_is_said_once_in_a_while);
        RUN(what_cannot_be_read_is_lost);
        RUN(no_answer_in_time_is_lost_and_silence);
        RUN(nobody_there_is_unreached);
        RUN(a_connection_that_the_other_side_closed_is_not_a_lost_answer);
        RUN(what_is_canceled_is_not_heard_of_again);
        RUN(what_is_canceled_before_it_was_sent_is_unreached);
        return 0;
}
