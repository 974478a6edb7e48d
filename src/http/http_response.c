/* SPDX-License-Identifier: Apache-2.0 */
#include "http_conn.h"

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

void response_head(struct buf *out, const struct http_server *s, const struct http_response *res,
                   const char *request_id, size_t body_len, bool close, bool keep_alive_said)
{
        buf_printf(out, "HTTP/1.1 %d %s\r\nDate: %s\r\n", res->status, reason_of(res->status),
                   s->date);
        if (request_id != NULL)
                buf_printf(out, "X-Request-Id: %s\r\n", request_id);
        buf_printf(out, "Content-Type: %s\r\nContent-Length: %zu\r\n",
                   res->content_type != NULL ? res->content_type : "application/json", body_len);
        for (size_t i = 0; i < res->n_headers; i++)
                buf_printf(out, "%.*s: %.*s\r\n", STR_ARG(res->headers[i].name),
                           STR_ARG(res->headers[i].value));
        if (close)
                buf_append_c(out, "Connection: close\r\n");
        else if (keep_alive_said)
                buf_append_c(out, "Connection: keep-alive\r\n");
        buf_append_c(out, "\r\n");
}
