/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_SILENCE_H
#define CRR_SRC_CORE_SILENCE_H

#include "crr/core/peers.h"
#include "member_private.h"

/*
 * Silence: the members that did not answer. A question to one that stands still costs the whole of
 * the peers' time, so while it is silent nobody asks it but the probe, a question for its state,
 * one at a time; its partitions count as missing at once.
 *
 *   begins  a question was lost without a word (peer_call.is_silent)
 *   ends    it answers a question, whatever it says; it claims anew (with a later epoch); nobody
 *           claims with its URL any more; or this member is stopping
 *
 * Whether its partitions have another owner by now is looked up after every probe, so that nobody
 * has to wait for that either.
 *
 * Ownership  A probe is with the port from silence_tick() until silence_deinit() at the latest.
 * Cost       silence_has(): O(1). A beginning, an end and a new reading of the claims: O(partitions
 *            x silent members).
 * Errors     None. SILENT_MAX are remembered; a question to a further one costs its time each time.
 */
#define SILENT_MAX     128
#define PROBE_EVERY_MS 200 /* at most so often */

struct silent_member;

struct silence {
        struct member *member;
        struct peers *peers;
        struct silent_member *first;
        unsigned n;
        struct partition_set partitions; /* claimed by members that are silent */
        uint64_t granted;                /* the reading of the claims that `partitions` is of */
        struct arena nothing;            /* what a probe is told, nobody wants to know */
};

void silence_init(struct silence *s, struct member *member, struct peers *peers);
void silence_deinit(struct silence *s);

/* What became of a question that was not a probe. */
void silence_on_result(struct silence *s, const struct peer_call *call);

/* Once a turn of the loop, before anybody is asked: the claims are looked at, and probes sent. */
void silence_tick(struct silence *s, unsigned timeout_ms);

bool silence_has(const struct silence *s, int partition); /* its owner is silent */

/* For how long a member has been silent, at least 1; 0: it is not. */
int64_t silence_ms(const struct silence *s, struct str url);

#endif
