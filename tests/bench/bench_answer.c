/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a file, sent from memory by the daemon's HTTP server to whoever asks for anything:
 * what a page would cost if nothing had to be found or written.
 *
 *   bench_answer FILE
 *
 * Prints one line of JSON with its port, and ends with SIGTERM.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crr/http/http_server.h"
#include "meter.h"

static struct buf stored;

/* The server frees the body of each answer; this one is lent to all of them (linked with
 * --wrap=free). */
void __real_free(void *p);
void __wrap_free(void *p);
void __wrap_free(void *p)
{
        if (p == NULL || p != stored.base)
                __real_free(p);
}

static void on_request(void *data, struct http_request *req)
{
        struct http_response res = { .status = 200, .body = stored };

        (void)data;
        http_respond(req, &res);
}

static void render_error(void *data, const struct error *err, struct buf *out)
{
        (void)data;
        buf_append_c(out, err->message);
}

static void load_file(const char *path)
{
        FILE *file = fopen(path, "re");
        char piece[65536];
        size_t n;

        if (file == NULL)
                bench_fail("cannot read %s", path);
        buf_init(&stored, SIZE_MAX);
        while ((n = fread(piece, 1, sizeof piece, file)) > 0)
                buf_append(&stored, piece, n);
        fclose(file);
}

static void on_closed(void *data)
{
        (void)data;
}

static void on_signal(uv_signal_t *handle, int number)
{
        (void)number;
        uv_close((uv_handle_t *)handle, NULL);
        http_server_close(handle->data, on_closed, NULL);
}

int main(int argc, char **argv)
{
        struct http_limits limits = {
                .max_body_bytes = 1 << 20,
                .max_buffered_bytes = (size_t)1 << 40,
                .max_connections = 1024,
                .max_in_flight = 1024,
                .request_timeout_ms = 30000,
        };
        struct http_app app = { NULL, on_request, render_error, NULL };
        struct metrics *metrics = metrics_new(1);
        struct http_server *server;
        const char *address;
        uv_signal_t on_term;
        struct error err;
        uv_loop_t loop;

        if (argc != 2)
                bench_fail("usage: bench_answer FILE");
        load_file(argv[1]);
        uv_loop_init(&loop);
        server = http_server_new(&loop, &limits, &app, metrics);
        if (http_server_listen(server, "127.0.0.1:0", &address, &err) != 0)
                bench_fail("%s", err.message);
        uv_signal_init(&loop, &on_term);
        on_term.data = server;
        uv_signal_start(&on_term, on_signal, SIGTERM);
        printf("{\"port\":%s}\n", strrchr(address, ':') + 1);
        fflush(stdout);
        uv_run(&loop, UV_RUN_DEFAULT);
        http_server_free(server);
        uv_loop_close(&loop);
        metrics_free(metrics);
        __real_free(stored.base);
        return 0;
}
