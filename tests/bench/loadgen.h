/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_TESTS_BENCH_LOADGEN_H
#define CRR_TESTS_BENCH_LOADGEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crr/base/buf.h"
#include "meter.h"

/* Requests that were made before the clock starts, one after the other in `bytes`. */
struct load_requests {
        struct buf bytes;
        size_t *ends; /* where request i ends */
        size_t n, capacity;
};

void load_requests_init(struct load_requests *r);
void load_requests_deinit(struct load_requests *r);
void load_requests_add_get(struct load_requests *r, const char *path);
void load_requests_add_lookup(struct load_requests *r, uint64_t row);
/* A retry of the rows first, first + 1, ... of the data set. */
void load_requests_add_retry(struct load_requests *r, uint64_t first, size_t elements);
/* Retries whose bodies are the lines of this file. */
void load_requests_add_posts(struct load_requests *r, const char *path);

struct load_result {
        struct meter_latencies latencies; /* from a request's first byte written to its answer's
                                             last byte read */
        uint64_t statuses[600], bytes;    /* bytes: of bodies */
        double seconds;
};

struct load;

/* Connected, or the program ends. */
struct load *load_new(const char *host, int port, size_t connections);
void load_free(struct load *l);

/* Send `count` requests, beginning with the first-th of the list and over again at its end; each
 * connection sends its next request when the answer to its last one has arrived. */
void load_run(struct load *l, const struct load_requests *requests, size_t first, size_t count,
              struct load_result *ret);

/* The same by one connection, at a steady pace. Of a request that waits for the answer to the last
 * one, the latency is from when it was due. */
void load_pace(struct load *l, const struct load_requests *requests, size_t first, size_t count,
               double per_s, struct load_result *ret);

#endif
