/* SPDX-License-Identifier: Apache-2.0 */
#include "source_bench.h"

static const struct source_pace quick = { .attempts = 3,
                                          .backoff_ms = 1,
                                          .breaker_failures = 1000,
                                          .breaker_open_ms = 1,
                                          .breaker_open_max_ms = 1 };

static void on_log(void *data, struct str line)
{
        struct source_bench *b = data;
        size_t len = strlen(b->logged);

        snprintf(b->logged + len, sizeof b->logged - len, "%.*s", STR_ARG(line));
}

void source_bench_init_with(struct source_bench *b, struct source_config config)
{
        memset(b, 0, sizeof *b);
        uv_loop_init(&b->loop);
        http_source_start(&b->server, &b->loop);
        b->metrics = metrics_new(10);
        snprintf(b->url, sizeof b->url, "%s%s", b->server.url,
                 config.url != NULL ? config.url : "");
        config.url = b->url;
        config.timeout_ms = config.timeout_ms > 0 ? config.timeout_ms : TIMEOUT_MS;
        config.concurrency = config.concurrency > 0 ? config.concurrency : 4;
        config.pace = config.pace != NULL ? config.pace : &quick;
        b->source = source_backbeat_new(&b->loop, &config, b->metrics);
        b->port = source_backbeat_port(b->source);
        log_sink(on_log, b);
}

void source_bench_init(struct source_bench *b)
{
        source_bench_init_with(b, (struct source_config){ .concurrency = 0 });
}

static void on_closed(void *data)
{
        struct source_bench *b = data;

        b->closed = true;
        http_source_close(&b->server);
}

static void finish(struct source_bench *b)
{
        CHECK_INT(uv_loop_close(&b->loop), 0);
        source_backbeat_free(b->source);
        metrics_free(b->metrics);
        http_source_free(&b->server);
        log_sink(NULL, NULL);
}

void source_bench_deinit(struct source_bench *b)
{
        source_backbeat_close(b->source, on_closed, b);
        CHECK(!b->closed);
        uv_run(&b->loop, UV_RUN_DEFAULT);
        CHECK(b->closed);
        finish(b);
}

void source_bench_closed(struct source_bench *b)
{
        http_source_close(&b->server);
        uv_run(&b->loop, UV_RUN_DEFAULT);
        finish(b);
}

static void on_done(struct source_call *call)
{
        struct source_ask *a = call->data;

        a->done++;
        a->bench->n_done++;
        a->bytes = call->object != NULL ? call->object->bytes : 0;
        a->head[0] = '\0';
        if (call->object != NULL)
                snprintf(a->head, sizeof a->head, "%.*s",
                         STR_ARG(str_cut(call->object->head, 100)));
        backbeat_object_free(call->object);
        call->object = NULL;
        if (a->asks_again)
                a->bench->port->get(a->bench->port, call);
}

void begin_for(struct source_bench *b, unsigned i, const char *key, const char *version_id,
               const char *role)
{
        struct source_ask *a = &b->asks[i];

        *a = (struct source_ask){ .bench = b,
                                  .call = { .data = a,
                                            .bucket = STR("bucket"),
                                            .key = str_from(key),
                                            .version_id = str_from(version_id),
                                            .role = str_from(role),
                                            .deadline_ms = time_monotonic_ms() + TIMEOUT_MS,
                                            .done = on_done } };
        b->port->get(b->port, &a->call);
        CHECK_INT(a->done, 0);
}

void begin(struct source_bench *b, unsigned i)
{
        begin_for(b, i, "key", "v1", NULL);
}

void ask(struct source_bench *b, enum source_result want)
{
        struct source_ask *a = &b->asks[0];

        begin(b, 0);
        WAIT(b, a->done);
        if (a->call.result != want)
                fprintf(stderr, "result %d: %s\n", a->call.result, a->call.err.message);
        CHECK_INT(a->call.result, want);
        CHECK(a->call.work == NULL);
}

void check_says(const struct source_bench *b, const char *wanted)
{
        const char *message = b->asks[0].call.err.message;

        if (strstr(message, wanted) == NULL)
                fprintf(stderr, "%s\n", message);
        CHECK(strstr(message, wanted) != NULL);
        CHECK(strstr(message, b->server.url) != NULL);
}

double outcome(const struct source_bench *b, const char *name)
{
        return metrics_get(b->metrics, METRIC_SOURCE_REQUESTS_TOTAL, LABELS_1(name));
}

double breaker(const struct source_bench *b)
{
        return metrics_get(b->metrics, METRIC_SOURCE_BREAKER_STATE, NO_LABELS);
}

void begin_until(struct source_bench *b, unsigned i, int64_t left_ms)
{
        begin(b, i);
        b->port->cancel(b->port, &b->asks[i].call);
        b->asks[i].call.deadline_ms = time_monotonic_ms() + left_ms;
        b->port->get(b->port, &b->asks[i].call);
}
