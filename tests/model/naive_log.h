/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_NAIVE_LOG_H
#define TESTS_NAIVE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What the failure log means, plainly: of one identity, all that was ever written into it without
 * the header crr-settles, wherever and however spelled, in the order of its time. No settlement
 * changes it, no compaction, no restart; only that a retry expires. What an intake wrote does not
 * count if it tells of a time before the failure that stands.
 */
enum naive_kind { NAIVE_FAILED, NAIVE_PENDING, NAIVE_GONE };

struct naive_facts {
        int attempts, size, entry; /* -1: not said; `entry`: its number */
};

struct naive_event {
        enum naive_kind kind;
        int64_t time_ms, retried_ms; /* PENDING: by that it expires */
        int partition;
        int64_t offset;
        bool is_taken_in;
        int64_t told_ms; /* of what was taken in: the foreign record's time; PENDING: of the failure
                            that it answers to */
        int64_t failed_ms; /* of a state: when the failure was, or nothing is late for it */
        struct naive_facts facts;
        bool is_size_kept, is_entry_kept; /* of a state: an earlier event said it */
};

#define NAIVE_EVENTS 64
struct naive {
        struct naive_event events[NAIVE_EVENTS]; /* by time */
        size_t n;
};

void naive_add(struct naive *n, const struct naive_event *event);

/* Of those that `seen` lets through (NULL: all). The facts are merged: what a failure of an
 * identity that was retried lacks it keeps. Nothing was written: NAIVE_GONE. */
typedef bool (*naive_seen_fn)(void *data, const struct naive_event *event);
struct naive_event naive_state(const struct naive *n, naive_seen_fn seen, void *data);

/* When it was gone the last time; 0: never. */
int64_t naive_gone_ms(const struct naive *n);
/* The latest time in this partition; 0: nothing stands there. */
int64_t naive_last_in(const struct naive *n, int partition);
bool naive_has_time(const struct naive *n, int64_t time_ms);
/* Is that what the state knows? What it kept may be of any earlier event: they are of one version
 * of one object, and are read in any order. */
bool naive_is_size(const struct naive *n, const struct naive_event *state, int size);
bool naive_is_entry(const struct naive *n, const struct naive_event *state, int entry);
/* A mover said something after this time. */
bool naive_was_answered(const struct naive *n, int64_t time_ms);

#endif
