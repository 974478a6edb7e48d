/* SPDX-License-Identifier: Apache-2.0 */
#include "http_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "crr/base/buf.h"

#define HEAD_LIMIT ((size_t)64 << 10)

struct http_source_conn {
        uv_tcp_t tcp;
        struct http_source *source;
        struct http_source_conn *next;
        struct buf in;
        char chunk[16384];
};

struct writing {
        uv_write_t req;
        char *bytes;
};

/* ANSWERS */

static void on_conn_closed(uv_handle_t *handle)
{
        struct http_source_conn *conn = handle->data, **at = &conn->source->conns;

        while (*at != conn)
                at = &(*at)->next;
        *at = conn->next;
        conn->source->n_open--;
        buf_deinit(&conn->in);
        free(conn);
}

static void forget_requests(struct http_source_conn *conn)
{
        struct http_source *s = conn->source;

        for (unsigned i = 0; i < s->n_requests; i++) {
                if (s->requests[i].conn != conn)
                        continue;
                s->n_waiting -= !s->requests[i].answered;
                s->requests[i].conn = NULL;
        }
}

static void hang_up(struct http_source_conn *conn)
{
        if (uv_is_closing((uv_handle_t *)&conn->tcp))
                return;
        forget_requests(conn);
        uv_close((uv_handle_t *)&conn->tcp, on_conn_closed);
}

static void on_written(uv_write_t *req, int status)
{
        struct writing *w = req->data;
        struct http_source_conn *conn = req->handle->data;

        (void)status;
        if (conn->source->hangs_up)
                hang_up(conn);
        free(w->bytes);
        free(w);
}

void http_source_answer(struct http_source *s, unsigned i, const char *reply)
{
        struct http_source_request *r = &s->requests[i];
        struct writing *w = calloc(1, sizeof *w);
        uv_buf_t out;

        CHECK(w != NULL && r->conn != NULL && !r->answered);
        r->answered = true;
        s->n_waiting--;
        w->bytes = strdup(reply);
        w->req.data = w;
        out = uv_buf_init(w->bytes, (unsigned)strlen(w->bytes));
        CHECK_INT(uv_write(&w->req, (uv_stream_t *)&r->conn->tcp, &out, 1, on_written), 0);
}

/* REQUESTS */

static void take_request(struct http_source_conn *conn, size_t len)
{
        struct http_source *s = conn->source;
        unsigned i = s->n_requests++;
        const char *reply = s->otherwise;

        CHECK(i < HTTP_SOURCE_REQUESTS);
        s->requests[i] = (struct http_source_request){ strndup(conn->in.base, len), conn, false };
        memmove(conn->in.base, conn->in.base + len, conn->in.len - len);
        conn->in.len -= len;
        if (++s->n_waiting > s->most_waiting)
                s->most_waiting = s->n_waiting;
        if (s->n_scripted < HTTP_SOURCE_SCRIPT && s->script[s->n_scripted] != NULL)
                reply = s->script[s->n_scripted++];
        if (reply != NULL)
                http_source_answer(s, i, reply);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *chunk)
{
        struct http_source_conn *conn = stream->data;
        const char *end;

        if (n < 0) {
                hang_up(conn);
                return;
        }
        buf_append(&conn->in, chunk->base, (size_t)n);
        while (conn->in.len > 0 &&
               (end = memmem(conn->in.base, conn->in.len, "\r\n\r\n", 4)) != NULL)
                take_request(conn, (size_t)(end + 4 - conn->in.base));
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
        struct http_source_conn *conn = handle->data;

        (void)suggested;
        *ret = uv_buf_init(conn->chunk, sizeof conn->chunk);
}

static void on_connection(uv_stream_t *listener, int status)
{
        struct http_source *s = listener->data;
        struct http_source_conn *conn = calloc(1, sizeof *conn);

        CHECK(conn != NULL && status == 0);
        conn->source = s;
        conn->next = s->conns;
        s->conns = conn;
        s->n_conns++;
        s->n_open++;
        buf_init(&conn->in, HEAD_LIMIT);
        uv_tcp_init(s->loop, &conn->tcp);
        conn->tcp.data = conn;
        CHECK_INT(uv_accept(listener, (uv_stream_t *)&conn->tcp), 0);
        uv_read_start((uv_stream_t *)&conn->tcp, on_alloc, on_read);
}

const char *http_source_target(const struct http_source *s, unsigned i)
{
        static char target[HEAD_LIMIT];

        CHECK(i < s->n_requests);
        CHECK_INT(sscanf(s->requests[i].head, "GET %65535s HTTP/1.1\r\n", target), 1);
        return target;
}

/* LIFE */

void http_source_start(struct http_source *s, uv_loop_t *loop)
{
        struct sockaddr_in address;
        int len = sizeof address;

        memset(s, 0, sizeof *s);
        s->loop = loop;
        uv_tcp_init(loop, &s->listener);
        s->listener.data = s;
        uv_ip4_addr("127.0.0.1", 0, &address);
        CHECK_INT(uv_tcp_bind(&s->listener, (struct sockaddr *)&address, 0), 0);
        CHECK_INT(uv_listen((uv_stream_t *)&s->listener, 128, on_connection), 0);
        CHECK_INT(uv_tcp_getsockname(&s->listener, (struct sockaddr *)&address, &len), 0);
        snprintf(s->url, sizeof s->url, "http://127.0.0.1:%d", ntohs(address.sin_port));
}

void http_source_hang_up(struct http_source *s)
{
        for (struct http_source_conn *conn = s->conns; conn != NULL; conn = conn->next)
                hang_up(conn);
}

void http_source_deafen(struct http_source *s)
{
        if (!uv_is_closing((uv_handle_t *)&s->listener))
                uv_close((uv_handle_t *)&s->listener, NULL);
}

void http_source_close(struct http_source *s)
{
        http_source_hang_up(s);
        http_source_deafen(s);
}

void http_source_free(struct http_source *s)
{
        CHECK(s->conns == NULL);
        for (unsigned i = 0; i < s->n_requests; i++)
                free(s->requests[i].head);
}
