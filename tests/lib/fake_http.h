/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_FAKE_HTTP_H
#define TESTS_FAKE_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "crr/http/http_request.h"

/*
 * HTTP without sockets: makes requests and keeps their answers. It stands in for the server's side
 * of crr/http/http_request.h.
 *
 * Ownership  An exchange is freed by its test. Its request is freed by http_respond(), as the
 *            contract says: who touches it afterwards is caught by the address sanitizer.
 */
#define FAKE_HTTP_HEADERS 4

struct fake_header {
        char name[64], value[8192];
};

struct fake_exchange {
        struct http_request *req; /* NULL once answered */
        bool canceled;            /* the client is gone */
        const char *remote;       /* its address; NULL: 127.0.0.1 */

        struct fake_header headers[FAKE_HTTP_HEADERS]; /* of the request, names in lower case */
        size_t n_headers;
        char *target, *body;

        bool answered;
        int status;
        char content_type[64];
        char *answer; /* terminated */
        size_t answer_len;
        struct fake_header answer_headers[FAKE_HTTP_HEADERS];
        size_t n_answer_headers;

        void *app_data; /* as http_app: called when the request is answered; may be NULL */
        void (*on_answered)(void *data, const struct http_request *req, int status);
};

/* method: "GET", "HEAD", "POST" or any other. body NULL: none. */
struct fake_exchange *fake_http_new(const char *method, const char *target, const char *body);
struct fake_exchange *fake_http_new_bytes(const char *method, const char *target, const char *body,
                                          size_t body_len);
void fake_http_add_header(struct fake_exchange *x, const char *name, const char *value);
const char *fake_http_answer_header(const struct fake_exchange *x, const char *name); /* or NULL */

/* Answered or not: a request that nobody answers any more dies with its exchange. */
void fake_http_free(struct fake_exchange *x);

#endif
