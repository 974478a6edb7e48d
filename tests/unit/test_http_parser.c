/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>

#include "check.h"
#include "crr/http/http_parser.h"

#define HOST    "Host: h\r\n"
#define CHUNKED "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"

static struct http_budget budget;

struct fed {
        enum http_parse_state state;
        enum error_code fault;
        size_t taken;
};

/* Feed in pieces of `step` bytes until a request is whole or bad. */
static struct fed feed(struct http_parser *p, const char *bytes, size_t n, size_t step)
{
        size_t at = 0;

        while (at < n && http_parser_state(p) != HTTP_PARSE_DONE &&
               http_parser_state(p) != HTTP_PARSE_BAD) {
                size_t piece = n - at < step ? n - at : step;

                at += http_parser_feed(p, bytes + at, piece);
        }
        return (struct fed){ http_parser_state(p), http_parser_fault(p), at };
}

struct good {
        const char *bytes, *target, *body;
        enum http_verb verb;
        bool keep_alive;
};

static void good_is_taken(const struct good *g, int line, size_t step)
{
        struct http_parser *p = http_parser_new(1000, &budget);
        struct fed fed = feed(p, g->bytes, strlen(g->bytes), step);

        if (fed.state != HTTP_PARSE_DONE)
                check_fail(__FILE__, line, g->bytes, http_parser_fault_text(p));
        CHECK_INT(fed.taken, strlen(g->bytes));
        CHECK(str_eq_c(http_parser_target(p), g->target));
        CHECK(str_eq_c(http_parser_body(p), g->body));
        CHECK_INT(http_parser_verb(p), g->verb);
        CHECK_INT(http_parser_keep_alive(p), g->keep_alive);
        http_parser_free(p);
}

static void good_requests_are_taken_whole_and_bytewise(void)
{
        static const struct good table[] = {
                { "GET / HTTP/1.1\r\n" HOST "\r\n", "/", "", HTTP_VERB_GET, true },
                { "\r\n\r\nGET /a?b=c HTTP/1.1\r\n" HOST "\r\n", "/a?b=c", "", HTTP_VERB_GET,
                  true },
                { "HEAD / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", "/", "", HTTP_VERB_HEAD,
                  false },
                { "GET / HTTP/1.0\r\n\r\n", "/", "", HTTP_VERB_GET, false },
                { "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "/", "", HTTP_VERB_GET,
                  true },
                { "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello", "/", "hello",
                  HTTP_VERB_POST, true },
                { "POST / HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", "/", "", HTTP_VERB_POST,
                  true },
                { "POST / HTTP/1.1\r\n" HOST
                  "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: v\r\n\r\n",
                  "/", "abcde", HTTP_VERB_POST, true },
                { "DELETE / HTTP/1.1\r\n" HOST "\r\n", "/", "", HTTP_VERB_OTHER, true },
                { "GET / HTTP/1.1\r\nhOsT:h\r\nX:  spaced \t\r\nEmpty:\r\n\r\n", "/", "",
                  HTTP_VERB_GET, true },
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                for (size_t step = 1; step < 300; step = step == 1 ? 7 : step * 10)
                        good_is_taken(&table[i], (int)i, step);
        }
        CHECK_INT(budget.used, 0);
}

static const struct {
        const char *bytes;
        enum error_code want;
} refused[] = {
        { "garbage\r\n\r\n", ERR_BAD_HTTP },
        { "\x16\x03\x01\x02\x01\x01", ERR_BAD_HTTP },
        { "GET / HTTP/1.1\r\n\r\n", ERR_BAD_HTTP },
        { "GET / HTTP/1.1\r\n" HOST HOST "\r\n", ERR_BAD_HTTP },
        { "GET / HTTP/1.1\n" HOST "\r\n", ERR_BAD_HTTP },
        { "GET / HTTP/1.1\r\nHost: h\n\r\n", ERR_BAD_HTTP },
        { "GET / HTTP/1.1\r\n" HOST "\n", ERR_BAD_HTTP },
        { "GET / HTTP/1.1\r\n" HOST "A: b\r c\r\n\r\n", ERR_BAD_HTTP },
        { "GET / HTTP/1.1\r\n" HOST "A: b\r\n c\r\n\r\n", ERR_BAD_HTTP },
        { "POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n 5\r\n\r\nhello", ERR_BAD_HTTP },
        { "POST / HTTP/1.1\r\n" HOST "Content-Length : 5\r\n\r\nhello", ERR_BAD_HTTP },
        { "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
          ERR_BAD_HTTP },
        { "POST / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n", ERR_BAD_HTTP },
        { "POST / HTTP/1.1\r\n" HOST "Content-Length: +5\r\n\r\n", ERR_BAD_HTTP },
        { "POST / HTTP/1.1\r\n" HOST "Content-Length: 0x5\r\n\r\n", ERR_BAD_HTTP },
        { "POST / HTTP/1.1\r\n" HOST "Content-Length: 5abc\r\n\r\n", ERR_BAD_HTTP },
        { "POST / HTTP/1.1\r\n" HOST "Content-Length: 18446744073709551616\r\n\r\n", ERR_BAD_HTTP },
        { "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
          ERR_BAD_HTTP },
        { "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n", ERR_BAD_HTTP },
        { "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\n\r\n", ERR_BAD_HTTP },
        { "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n", ERR_BAD_HTTP },
        { "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding:\r\n\r\n", ERR_BAD_HTTP },
        { "POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ERR_BAD_HTTP },
        { "GET / HTTP/1.1\r\n" HOST "A: \x01\r\n\r\n", ERR_BAD_HTTP },
        { "GET / HTTP/1.1\r\n" HOST ": v\r\n\r\n", ERR_BAD_HTTP },
        { CHUNKED "zz\r\n", ERR_BAD_HTTP },
        { CHUNKED "5\nhello\r\n0\r\n\r\n", ERR_BAD_HTTP },
        { CHUNKED "5;a\nhello\r\n0\r\n\r\n", ERR_BAD_HTTP },
        { CHUNKED "5;a\rb\r\nhello\r\n0\r\n\r\n", ERR_BAD_HTTP },
        { CHUNKED "5\r\nhello\n0\r\n\r\n", ERR_BAD_HTTP },
        { CHUNKED "5\r\nhello0\r\n\r\n", ERR_BAD_HTTP },
        { CHUNKED " 5\r\nhello\r\n0\r\n\r\n", ERR_BAD_HTTP },
        { CHUNKED "-5\r\nhello\r\n0\r\n\r\n", ERR_BAD_HTTP },
        { CHUNKED "0x5\r\nhello\r\n0\r\n\r\n", ERR_BAD_HTTP },
        { CHUNKED "5\r\nhello\r\n0\r\nT: v\n\r\n", ERR_BAD_HTTP },
        { CHUNKED "5\r\nhello\r\n0\r\nT: v\r\n w\r\n\r\n", ERR_BAD_HTTP },
        { CHUNKED "5\r\nhello\r\n0\r\n\n", ERR_BAD_HTTP },
        { CHUNKED "5\r\nhello\r\n0\r\n\r\r\n", ERR_BAD_HTTP },
        { "\nGET / HTTP/1.1\r\n" HOST "\r\n", ERR_BAD_HTTP },
        { "\r\rGET / HTTP/1.1\r\n" HOST "\r\n", ERR_BAD_HTTP },
        { "\r\n GET / HTTP/1.1\r\n" HOST "\r\n", ERR_BAD_HTTP },
        { "POST / HTTP/1.1\r\n" HOST "Content-Length: 1001\r\n\r\n", ERR_TOO_LARGE },
        { "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3E9\r\n", ERR_TOO_LARGE },
        { "POST / HTTP/1.1\r\n" HOST "Expect: 200-maybe\r\n\r\n", ERR_EXPECTATION },
        { "CONNECT h:1 HTTP/1.1\r\n" HOST "\r\n", ERR_NOT_IMPLEMENTED },
};

static void what_is_ambiguous_is_refused(void)
{
        for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
                for (size_t step = 1; step < 300; step = step == 1 ? 7 : step * 10) {
                        struct http_parser *p = http_parser_new(1000, &budget);
                        struct fed fed = feed(p, refused[i].bytes, strlen(refused[i].bytes), step);

                        if (fed.state != HTTP_PARSE_BAD || fed.fault != refused[i].want)
                                check_fail(__FILE__, (int)i, refused[i].bytes,
                                           http_parser_fault_text(p));
                        http_parser_free(p);
                }
        }
        CHECK_INT(budget.used, 0);
}

static enum error_code fault_of_repeated(const char *begin, const char *piece, size_t times)
{
        struct http_parser *p = http_parser_new(100000, &budget);
        enum error_code fault;

        feed(p, begin, strlen(begin), SIZE_MAX);
        for (size_t i = 0; i < times && http_parser_state(p) != HTTP_PARSE_BAD; i++)
                feed(p, piece, strlen(piece), SIZE_MAX);
        fault = http_parser_fault(p);
        http_parser_free(p);
        return fault;
}

static void heads_and_targets_are_bounded(void)
{
        CHECK_INT(fault_of_repeated("GET / HTTP/1.1\r\n" HOST, "A: b\r\n", 1000),
                  ERR_HEADERS_TOO_LARGE);
        CHECK_INT(fault_of_repeated("GET / HTTP/1.1\r\n" HOST "A: ", "0123456789abcdef", 70000),
                  ERR_HEADERS_TOO_LARGE);
        CHECK_INT(fault_of_repeated("GET /", "0123456789abcdef", 2000), ERR_URI_TOO_LONG);
        CHECK_INT(fault_of_repeated("", "\r\n", 100000), ERR_HEADERS_TOO_LARGE);
        CHECK_INT(fault_of_repeated("POST / HTTP/1.1\r\n" HOST
                                    "Transfer-Encoding: chunked\r\n\r\n1;",
                                    "extension", 100000),
                  ERR_TOO_LARGE);
}

static void requests_that_follow_each_other_are_told_apart(void)
{
        static const char three[] =
                "POST /1 HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nabGET /2 HTTP/1.1\r\n" HOST
                "Upgrade: websocket\r\nConnection: upgrade\r\n\r\nGET /3 HTTP/1.1\r\n" HOST "\r\n";
        size_t at = 0;

        for (int i = 1; i <= 3; i++) {
                struct http_parser *p = http_parser_new(1000, &budget);
                char target[8];

                at += feed(p, three + at, sizeof three - 1 - at, SIZE_MAX).taken;
                CHECK_INT(http_parser_state(p), HTTP_PARSE_DONE);
                snprintf(target, sizeof target, "/%d", i);
                CHECK(str_eq_c(http_parser_target(p), target));
                http_parser_free(p);
        }
        CHECK_INT(at, sizeof three - 1);
}

static void headers_are_found_in_any_case_and_trimmed(void)
{
        static const char bytes[] = "GET / HTTP/1.1\r\n" HOST "Idempotency-KEY:  a b \t\r\n\r\n";
        struct http_parser *p = http_parser_new(1000, &budget);

        feed(p, bytes, sizeof bytes - 1, 3);
        CHECK(str_eq_c(http_parser_header(p, "idempotency-key"), "a b"));
        CHECK(http_parser_header(p, "traceparent").base == NULL);
        http_parser_free(p);
}

static void a_body_that_has_not_begun_is_continued_once(void)
{
        static const char head[] =
                "POST / HTTP/1.1\r\n" HOST "Content-Length: 9\r\nExpect: 100-continue\r\n\r\n";
        struct http_parser *p = http_parser_new(1000, &budget);

        feed(p, head, sizeof head - 1, SIZE_MAX);
        CHECK_INT(http_parser_state(p), HTTP_PARSE_BODY);
        CHECK_INT(http_parser_body_size(p), 9);
        CHECK(http_parser_wants_continue(p));
        CHECK(!http_parser_wants_continue(p));
        http_parser_free(p);

        p = http_parser_new(1000, &budget);
        feed(p, head, sizeof head - 1, SIZE_MAX);
        feed(p, "a", 1, SIZE_MAX);
        CHECK(!http_parser_wants_continue(p));
        http_parser_free(p);
}

static void bodies_count_in_the_budget_until_they_are_freed(void)
{
        static const char bytes[] = "POST / HTTP/1.1\r\n" HOST "Content-Length: 60\r\n\r\n"
                                    "012345678901234567890123456789012345678901234567890123456789";
        struct http_parser *a, *b;
        size_t one;

        a = http_parser_new(1000, &budget);
        CHECK_INT(feed(a, bytes, sizeof bytes - 1, SIZE_MAX).state, HTTP_PARSE_DONE);
        one = budget.received;
        CHECK(one >= 60);
        b = http_parser_new(1000, &budget);
        CHECK_INT(feed(b, bytes, sizeof bytes - 1, SIZE_MAX).state, HTTP_PARSE_DONE);
        CHECK_INT(budget.received, 2 * one);
        CHECK_INT(budget.used, 2 * one);
        http_parser_free(b);
        CHECK_INT(budget.used, one);
        http_parser_free(a);
        CHECK_INT(budget.received, 0);
        CHECK_INT(budget.used, 0);
}

int main(void)
{
        budget.limit = SIZE_MAX / 2;
        RUN(good_requests_are_taken_whole_and_bytewise);
        RUN(what_is_ambiguous_is_refused);
        RUN(heads_and_targets_are_bounded);
        RUN(requests_that_follow_each_other_are_told_apart);
        RUN(headers_are_found_in_any_case_and_trimmed);
        RUN(a_body_that_has_not_begun_is_continued_once);
        RUN(bodies_count_in_the_budget_until_they_are_freed);
        return 0;
}
