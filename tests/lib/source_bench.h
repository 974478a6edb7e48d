/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SOURCE_BENCH_H
#define TESTS_SOURCE_BENCH_H

#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "crr/base/log.h"
#include "crr/base/time.h"
#include "crr/client/source_backbeat.h"
#include "http_source.h"

/* The client of the source and a server that answers what the test chose, on one loop. */
#define CALLS      200
#define TIMEOUT_MS INT64_C(10000) /* nothing that a test waits for takes so long */

struct source_ask {
        struct source_call call;
        struct source_bench *bench;
        unsigned done;
        char head[128]; /* of the object's metadata, escaped: all but its last brace */
        size_t bytes;   /* of the object */
        bool asks_again;
};

struct source_bench {
        uv_loop_t loop;
        struct http_source server;
        char url[128];
        struct source_backbeat *source;
        struct source *port;
        struct metrics *metrics;
        struct source_ask asks[CALLS];
        unsigned n_done;
        bool closed;
        char logged[4096];
};

#define FOUND  HTTP_REPLY("200 OK", "23") "{\"Body\":\"{\\\"size\\\":3}\"}"
#define GONE   HTTP_REPLY("404 Not Found", "37") "{\"code\":\"ObjNotFound\",\"message\":\"no\"}"
#define FAILED HTTP_REPLY("500 Internal Server Error", "24") "{\"code\":\"InternalError\"}"
#define HTML   HTTP_REPLY("404 Not Found", "14") "<html>.</html>"
#define HEAD   "{\\\"size\\\":3"

/* What is not given of the configuration is such that nothing is in the way of an answer: failures
 * are forgiven, pauses are short. A url is a path, behind the server's own. */
void source_bench_init(struct source_bench *b);
void source_bench_init_with(struct source_bench *b, struct source_config config);
void source_bench_deinit(struct source_bench *b); /* closes, with what is under way */
void source_bench_closed(struct source_bench *b); /* the rest, when the client is closed */

/* Begin the i-th call. */
void begin(struct source_bench *b, unsigned i);
void begin_for(struct source_bench *b, unsigned i, const char *key, const char *version_id,
               const char *role);
void begin_until(struct source_bench *b, unsigned i, int64_t left_ms);
void ask(struct source_bench *b, enum source_result want); /* the call 0, and wait for its end */
void check_says(const struct source_bench *b, const char *wanted); /* the message of call 0 */

double outcome(const struct source_bench *b, const char *name); /* so many of them */
double breaker(const struct source_bench *b);                   /* its gauge */

#define WAIT(B, condition)                                           \
        do {                                                         \
                int64_t end_ = time_monotonic_ms() + 2 * TIMEOUT_MS; \
                while (!(condition)) {                               \
                        CHECK(time_monotonic_ms() < end_);           \
                        uv_run(&(B)->loop, UV_RUN_ONCE);             \
                }                                                    \
        } while (0)

#endif
