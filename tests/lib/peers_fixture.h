/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_PEERS_FIXTURE_H
#define TESTS_PEERS_FIXTURE_H

#include "crr/core/peers.h"
#include "world.h"

/*
 * A world of three partitions in which other members are: the first is ours, and the others are
 * claimed by whom the test says. Every question to another member waits until the test answers it.
 */
#define PEERS_FIXTURE_CALLS 32

struct peers_fixture {
        struct world world;
        struct peers port;
        bool sends_nothing;                           /* of what is canceled */
        struct peer_call *calls[PEERS_FIXTURE_CALLS]; /* NULL: it is over, or was canceled */
        size_t n;
};

/* The claims are read. NULL: nobody's. */
void peers_fixture_start(struct peers_fixture *f, const char *of_1, const char *of_2);

/* What will be read from now on. */
void peers_fixture_claim(struct peers_fixture *f, int partition, const char *text);

/* PEER_LOST: without a word. Then the claims are read, if anybody wants them. */
void peers_fixture_answer(struct peers_fixture *f, size_t i, enum peer_result result);
void peers_fixture_answer_retry(struct peers_fixture *f, size_t i, enum retry_result result);

int peers_fixture_asked_for(const struct peers_fixture *f, size_t i); /* partitions, a bit each */

/* A key whose identity (b, key, v, s) belongs to this partition, until the next call. */
const char *peers_fixture_key_of(struct peers_fixture *f, int partition);
void peers_fixture_add(struct peers_fixture *f, struct world_retry *r, int partition);

#endif
