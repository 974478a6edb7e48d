/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SCENARIO_H
#define TESTS_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crr/api/api.h"
#include "crr/base/limits.h"
#include "fake_http.h"
#include "world.h"

/*
 * A scenario that is being run. The language is described in README.md beside this file.
 */
#define SCENARIO_MAX_REQUESTS 64

struct scenario_request {
        char name[32];
        struct fake_exchange *exchange;
};

struct scenario {
        const char *file;
        int line;
        struct world world;
        struct api *api; /* NULL before start */
        bool stopping;
        struct scenario_request requests[SCENARIO_MAX_REQUESTS];
        size_t n_requests;
        struct fake_header headers[FAKE_HTTP_HEADERS]; /* of the next request */
        size_t n_headers;
};

/* Says where, and ends the process. */
void scenario_fail(const struct scenario *s, const char *format, ...)
        __attribute__((format(printf, 2, 3), noreturn));

/* The next word, cut off the rest of the line; "" at its end. */
char *scenario_word(char **rest);
long scenario_number(const struct scenario *s, const char *text);
int scenario_partition(const struct scenario *s, const char *text);
int64_t scenario_duration_ms(const struct scenario *s, const char *text); /* "5s" */

struct scenario_choice {
        const char *name; /* NULL ends the list */
        int value;
};
int scenario_choose(const struct scenario *s, const char *text,
                    const struct scenario_choice *choices);

struct fake_exchange *scenario_find(const struct scenario *s, const char *name);

/* Commands that compare, in scenario_expect.c. */
void scenario_expect(struct scenario *s, char *rest);
void scenario_expect_text(struct scenario *s, char *rest);
void scenario_expect_header(struct scenario *s, char *rest);
void scenario_expect_keys(struct scenario *s, char *rest);
void scenario_expect_entries(struct scenario *s, char *rest);
void scenario_expect_entry(struct scenario *s, char *rest);
void scenario_expect_log(struct scenario *s, char *rest);

/* Commands about the source, in scenario_source.c. */
void scenario_source(struct scenario *s, char *rest);
void scenario_expect_gets(struct scenario *s, char *rest);
void scenario_expect_statuses(struct scenario *s, char *rest);
void scenario_expect_status(struct scenario *s, char *rest);

#endif
