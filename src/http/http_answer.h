/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_HTTP_HTTP_ANSWER_H
#define CRR_SRC_HTTP_HTTP_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crr/http/http_budget.h"
#include "crr/http/http_request.h"

/*
 * One answer on its way out of a socket that does not block: status line, headers, body.
 *
 * Ownership  It owns the body, which counts in the budget until the answer is freed.
 */
struct http_answer {
        struct http_budget *budget;
        struct buf head, body;
        size_t written;
        int64_t taken_before; /* when it was blocked first, and at each deadline since */
        bool was_blocked;
        bool no_body; /* of HEAD: the length is said, the body is not sent */
};

/* What the server adds to a response. */
struct http_answer_facts {
        const char *date, *request_id;
        bool is_head;
        bool close;          /* Connection: close */
        bool say_keep_alive; /* HTTP/1.0 wants to hear it */
};

enum http_progress { HTTP_SENT, HTTP_BLOCKED, HTTP_FAILED };

struct http_answer *http_answer_new(struct http_budget *budget, struct http_response *res,
                                    const struct http_answer_facts *facts);
enum http_progress http_answer_send(struct http_answer *a, int fd);
/* Bytes that the other side's kernel has acknowledged. What ours keeps is not among them: it takes
 * megabytes from us at once, and asks for more only when a third of that is gone. Negative while
 * an earlier answer is on its way. */
int64_t http_answer_taken(const struct http_answer *a, int fd);
void http_answer_free(struct http_answer *a); /* NULL is legal */

#endif
