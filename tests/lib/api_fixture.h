/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_API_FIXTURE_H
#define TESTS_API_FIXTURE_H

#include "crr/api/api.h"
#include "fake_door.h"
#include "fake_http.h"

/*
 * The API with a fake door behind it and fake HTTP before it, turn by turn as the daemon would.
 */
#define MAX_ELEMENTS 10000

struct api_fixture {
        struct retry_service *door;
        struct metrics *metrics;
        struct api *api;
        struct api_ready ready;
        struct api_replication replication;
        unsigned collected; /* calls of collect() */
        unsigned turns;     /* of the last request until its answer */
};

void api_fixture_init(struct api_fixture *f);
void api_fixture_deinit(struct api_fixture *f);

/* Run a request to its answer; the caller frees the exchange. */
struct fake_exchange *api_call(struct api_fixture *f, const char *method, const char *target,
                               const char *body);
void api_run(struct api_fixture *f, struct fake_exchange *x);

/* The same and check status and whole body; what == NULL: any body. */
void api_expect(struct api_fixture *f, const char *method, const char *target, const char *body,
                int status, const char *what);

/* Check status, that the body is an error of this name, and that its description holds `what`. */
void api_expect_error(struct api_fixture *f, const char *method, const char *target,
                      const char *body, int status, const char *name, const char *what);
void api_check_error(const struct fake_exchange *x, int status, const char *name, const char *what);

#endif
