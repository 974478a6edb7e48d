/* SPDX-License-Identifier: Apache-2.0 */
#include "naive_log.h"

#include <assert.h>
#include <string.h>

void naive_add(struct naive *n, const struct naive_event *event)
{
        size_t at = n->n;

        assert(n->n < NAIVE_EVENTS);
        while (at > 0 && n->events[at - 1].time_ms > event->time_ms)
                at--;
        memmove(&n->events[at + 1], &n->events[at], (n->n - at) * sizeof *n->events);
        n->events[at] = *event;
        n->n++;
}

static bool keep(int *lacks, int known)
{
        if (*lacks >= 0)
                return false;
        *lacks = known;
        return true;
}

static bool is_from_before(const struct naive_event *next, const struct naive_event *state)
{
        return next->is_taken_in && state->kind != NAIVE_GONE && next->told_ms < state->failed_ms;
}

/* But how a retry failed is told by whatever clock. */
static bool is_late(const struct naive_event *next, const struct naive_event *state)
{
        return is_from_before(next, state) &&
               !(next->kind == NAIVE_FAILED && state->kind == NAIVE_PENDING);
}

static int64_t failed_ms(const struct naive_event *next, const struct naive_event *state)
{
        if (is_from_before(next, state))
                return state->failed_ms;
        return next->is_taken_in || next->kind == NAIVE_PENDING ? next->told_ms : next->time_ms;
}

struct naive_event naive_state(const struct naive *n, naive_seen_fn seen, void *data)
{
        struct naive_event state = { .kind = NAIVE_GONE, .facts = { -1, -1, -1 } };
        bool was_retried = false;

        for (size_t i = 0; i < n->n; i++) {
                struct naive_event next = n->events[i];

                if ((seen != NULL && !seen(data, &next)) || is_late(&next, &state))
                        continue;
                next.failed_ms = failed_ms(&next, &state);
                if (next.kind == NAIVE_FAILED && was_retried) {
                        keep(&next.facts.attempts, state.facts.attempts);
                        next.is_size_kept = keep(&next.facts.size, state.facts.size);
                        next.is_entry_kept = keep(&next.facts.entry, state.facts.entry);
                }
                was_retried =
                        next.kind == NAIVE_PENDING || (next.kind == NAIVE_FAILED && was_retried);
                state = next;
        }
        return state;
}

int64_t naive_gone_ms(const struct naive *n)
{
        for (size_t i = n->n; i-- > 0;)
                if (n->events[i].kind == NAIVE_GONE)
                        return n->events[i].is_taken_in ? n->events[i].told_ms
                                                        : n->events[i].time_ms;
        return 0;
}

int64_t naive_last_in(const struct naive *n, int partition)
{
        for (size_t i = n->n; i-- > 0;)
                if (n->events[i].partition == partition)
                        return n->events[i].time_ms;
        return 0;
}

bool naive_has_time(const struct naive *n, int64_t time_ms)
{
        for (size_t i = 0; i < n->n; i++)
                if (n->events[i].time_ms == time_ms)
                        return true;
        return false;
}

bool naive_was_answered(const struct naive *n, int64_t time_ms)
{
        for (size_t i = 0; i < n->n; i++)
                if (n->events[i].kind != NAIVE_PENDING && n->events[i].time_ms > time_ms)
                        return true;
        return false;
}

bool naive_is_size(const struct naive *n, const struct naive_event *state, int size)
{
        bool is = size == state->facts.size;

        for (size_t i = 0; i < n->n && state->is_size_kept && state->facts.size >= 0; i++)
                is |= size >= 0 && n->events[i].facts.size == size;
        return is;
}

bool naive_is_entry(const struct naive *n, const struct naive_event *state, int entry)
{
        bool is = entry == state->facts.entry;

        for (size_t i = 0; i < n->n && state->is_entry_kept && state->facts.entry >= 0; i++)
                is |= entry >= 0 && n->events[i].facts.entry == entry;
        return is;
}
