/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_FAKE_SOURCE_H
#define TESTS_FAKE_SOURCE_H

#include <stdbool.h>

#include "crr/core/source.h"

/*
 * The port `source` without a network, in virtual time: answers are chosen by the test for each
 * object version, and given by fake_source_tick() or fake_source_answer(), never before.
 *
 *   f = fake_source_new();
 *   fake_source_found(f, "bucket", "key", "v1", "{\"content-length\":3}");
 *   ... core calls f->port.get() ...
 *   fake_source_tick(f, now_ms);
 *
 * What was not told about is gone. A get that finds its deadline passed at a tick is unavailable:
 * "late". Metadata that cannot be read is unavailable too.
 */
struct fake_source_version;

struct fake_source {
        struct source port; /* the first member */

        /* Set by the test. */
        int64_t latency_ms; /* from get to its answer; 0: at the next tick */
        bool holds;         /* a tick answers nothing before its deadline */
        bool is_down;       /* every answer is: unavailable */
        unsigned fail_nth;  /* the n-th get from now on is unavailable, once; 0: none */

        /* Seen. */
        unsigned gets, canceled, answered;
        unsigned open, most_open; /* under way */
        char last_role[256];      /* of the last get; "" where it had none */

        int64_t now_ms;
        struct source_call *calls; /* under way, the oldest first */
        struct fake_source_version *versions;
        struct backbeat_reader *reader;
};

struct fake_source *fake_source_new(void);
void fake_source_free(struct fake_source *f); /* no call may be under way; NULL is legal */

/* What is answered from now on. version_id NULL: the current version. */
void fake_source_found(struct fake_source *f, const char *bucket, const char *key,
                       const char *version_id, const char *metadata);
void fake_source_gone(struct fake_source *f, const char *bucket, const char *key,
                      const char *version_id);
void fake_source_unavailable(struct fake_source *f, const char *bucket, const char *key,
                             const char *version_id, const char *why);

/* How often was it asked for? */
unsigned fake_source_gets_of(const struct fake_source *f, const char *bucket, const char *key,
                             const char *version_id);

/* Time goes on: calls whose answer or deadline is due are done. True: there was one. */
bool fake_source_tick(struct fake_source *f, int64_t now_ms);

/* The oldest call under way for it, NULL: none; and its answer, now, whatever holds it. */
struct source_call *fake_source_find(const struct fake_source *f, const char *bucket,
                                     const char *key, const char *version_id);
void fake_source_answer(struct fake_source *f, struct source_call *call);

#endif
