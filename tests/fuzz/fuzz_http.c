/* SPDX-License-Identifier: Apache-2.0 */
/* A connection's bytes are the same requests whether they come at once or one by one. Of a head
 * with two faults the one that is seen first is told, which may be another one byte by byte. */
#include "crr/http/http_parser.h"
#include "fuzz.h"

#define MAX_BODY ((size_t)4096)
#define BUDGET   ((size_t)1 << 20)

/* What came out, as text. */
static void tell_request(struct http_parser *p, struct buf *told)
{
        struct str target = http_parser_target(p), body = http_parser_body(p);
        struct str host = http_parser_header(p, "host");

        HOLDS(target.len <= HTTP_TARGET_BYTES && body.len <= MAX_BODY);
        buf_printf(told, "%d %d %d ", (int)http_parser_verb(p), http_parser_keep_alive(p),
                   http_parser_is_http10(p));
        buf_append_str(told, target);
        buf_append_c(told, "\n");
        if (host.base != NULL)
                buf_append_str(told, host);
        buf_append_c(told, "\n");
        buf_append_str(told, body);
        buf_append_c(told, "\n");
}

/* True while the parser goes on. */
static bool tell_state(struct http_parser *p, struct buf *told)
{
        switch (http_parser_state(p)) {
        case HTTP_PARSE_DONE:
                tell_request(p, told);
                return true;
        case HTTP_PARSE_BAD:
                HOLDS(http_parser_fault(p) != 0 && http_parser_fault_text(p) != NULL);
                buf_append_c(told, "bad\n");
                return false;
        case HTTP_PARSE_IDLE:
        case HTTP_PARSE_HEAD:
        case HTTP_PARSE_BODY:
                return true;
        }
        abort();
}

static void feed(struct str bytes, size_t step, struct buf *told)
{
        struct http_budget budget = { .limit = BUDGET };
        struct http_parser *p = http_parser_new(MAX_BODY, &budget);
        bool goes_on = true;

        while (goes_on && bytes.len > 0) {
                size_t n = bytes.len < step ? bytes.len : step;
                size_t taken = http_parser_feed(p, bytes.base, n);
                enum http_parse_state state = http_parser_state(p);

                HOLDS(taken <= n && budget.used <= 2 * MAX_BODY);
                HOLDS(taken == n || state == HTTP_PARSE_DONE || state == HTTP_PARSE_BAD);
                bytes.base += taken;
                bytes.len -= taken;
                goes_on = tell_state(p, told);
                if (state == HTTP_PARSE_DONE) {
                        http_parser_free(p);
                        p = http_parser_new(MAX_BODY, &budget);
                }
        }
        buf_printf(told, "end: %d\n", (int)http_parser_state(p));
        http_parser_free(p);
        HOLDS(budget.used == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct str input = fuzz_input(data, size);
        struct buf whole, single;

        buf_init(&whole, SIZE_MAX);
        buf_init(&single, SIZE_MAX);
        feed(input, SIZE_MAX, &whole);
        feed(input, 1, &single);
        HOLDS(str_eq(buf_str(&whole), buf_str(&single)));
        buf_deinit(&whole);
        buf_deinit(&single);
        return 0;
}
