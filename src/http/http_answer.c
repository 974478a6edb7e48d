/* SPDX-License-Identifier: Apache-2.0 */
#include "http_answer.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define HEAD_LIMIT 65536

static const struct {
        int status;
        const char *reason;
} reasons[] = {
        { 200, "OK" },
        { 400, "Bad Request" },
        { 403, "Forbidden" },
        { 404, "Not Found" },
        { 405, "Method Not Allowed" },
        { 408, "Request Timeout" },
        { 413, "Content Too Large" },
        { 414, "URI Too Long" },
        { 417, "Expectation Failed" },
        { 431, "Request Header Fields Too Large" },
        { 500, "Internal Server Error" },
        { 501, "Not Implemented" },
        { 503, "Service Unavailable" },
        { 504, "Gateway Timeout" },
        { 505, "HTTP Version Not Supported" },
};

static const char *reason_of(int status)
{
        for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
                if (reasons[i].status == status)
                        return reasons[i].reason;
        return "Unknown";
}

static void write_head(struct buf *out, const struct http_response *res,
                       const struct http_answer_facts *facts)
{
        buf_printf(out, "HTTP/1.1 %d %s\r\nDate: %s\r\nX-Request-Id: %s\r\n", res->status,
                   reason_of(res->status), facts->date, facts->request_id);
        buf_printf(out, "Content-Type: %s\r\nContent-Length: %zu\r\n",
                   res->content_type != NULL ? res->content_type : "application/json",
                   res->lead.len + res->body.len);
        for (size_t i = 0; i < res->n_headers; i++)
                buf_printf(out, "%.*s: %.*s\r\n", STR_ARG(res->headers[i].name),
                           STR_ARG(res->headers[i].value));
        if (facts->close)
                buf_append_c(out, "Connection: close\r\n");
        else if (facts->say_keep_alive)
                buf_append_c(out, "Connection: keep-alive\r\n");
        buf_append_c(out, "\r\n");
}

struct http_answer *http_answer_new(struct http_budget *budget, struct http_response *res,
                                    const struct http_answer_facts *facts)
{
        struct http_answer *a = calloc(1, sizeof *a);

        if (a == NULL)
                abort();
        buf_init(&a->head, HEAD_LIMIT);
        write_head(&a->head, res, facts);
        if (!facts->is_head)
                buf_append_str(&a->head, res->lead);
        assert(!a->head.overflow);
        a->budget = budget;
        a->body = buf_move(&res->body);
        a->no_body = facts->is_head;
        http_budget_take(budget, &a->body);
        return a;
}

void http_answer_free(struct http_answer *a)
{
        if (a == NULL)
                return;
        http_budget_release(a->budget, &a->body);
        buf_deinit(&a->head);
        free(a);
}

static size_t body_len(const struct http_answer *a)
{
        return a->no_body ? 0 : a->body.len;
}

static ssize_t send_rest(const struct http_answer *a, int fd)
{
        struct iovec parts[2] = { { a->head.base, a->head.len }, { a->body.base, body_len(a) } };
        struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };

        if (a->written < a->head.len) {
                parts[0].iov_base = a->head.base + a->written;
                parts[0].iov_len -= a->written;
        } else {
                size_t skip = a->written - a->head.len;

                message.msg_iov = &parts[1];
                message.msg_iovlen = 1;
                parts[1].iov_base = a->body.base + skip;
                parts[1].iov_len -= skip;
        }
        return sendmsg(fd, &message, MSG_NOSIGNAL);
}

int64_t http_answer_taken(const struct http_answer *a, int fd)
{
        int unacknowledged;

        if (ioctl(fd, TIOCOUTQ, &unacknowledged) != 0)
                unacknowledged = 0;
        return (int64_t)a->written - unacknowledged;
}

static enum http_progress block(struct http_answer *a, int fd)
{
        if (!a->was_blocked)
                a->taken_before = http_answer_taken(a, fd);
        a->was_blocked = true;
        return HTTP_BLOCKED;
}

enum http_progress http_answer_send(struct http_answer *a, int fd)
{
        while (a->written < a->head.len + body_len(a)) {
                ssize_t n = send_rest(a, fd);

                if (n < 0)
                        return errno == EAGAIN || errno == EINTR ? block(a, fd) : HTTP_FAILED;
                a->written += (size_t)n;
        }
        return HTTP_SENT;
}
