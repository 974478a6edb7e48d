/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_SOURCE_GETS_H
#define CRR_SRC_CORE_SOURCE_GETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crr/base/buf.h"
#include "crr/base/siphash.h"
#include "crr/base/uuid.h"
#include "crr/core/failure.h"
#include "crr/core/source.h"
#include "node_map.h"

/*
 * Source gets: what the source is asked for the retries that wait at the same time. Whoever asks
 * for the same object version under the same role shares one get, and its answer.
 *
 *    WAITING --> RUNNING --> DONE          dropped by its last user in every state
 *
 * Turns      So many run at a time. Requests take turns, each with what it wanted first: a large
 *            one does not hold up the others. What is needed (its object keeps something, and
 *            cannot go on without it) takes turns with all the rest.
 * Ownership  A get has copies of its strings, and owns the object. It lives until its last user
 *            drops it: a call under way is canceled then.
 * Bounds     SOURCE_GETS_OUT answers under way, each bounded by the port, and SOURCE_GETS_BYTES of
 *            metadata kept before another get begins (those then under way come on top). Past that
 *            only what is needed begins.
 */
#define SOURCE_GETS_OUT   128
#define SOURCE_GETS_BYTES (64u << 20)
#define SOURCE_GETS_LANES 256 /* requests whose ids agree in their last byte share a turn */

struct object_queue;
struct source_gets;

/* WAITING gets: a lane is of a request, the first wanted first. */
struct get_line {
        struct get_lane {
                struct source_get *head, *tail;
        } lanes[SOURCE_GETS_LANES];
        unsigned turn; /* the lane that is next */
        size_t n;
};

enum source_get_state { GET_WAITING, GET_RUNNING, GET_DONE };

struct source_get {
        struct map_node node; /* the first member */
        struct source_gets *all;
        enum source_get_state state;
        unsigned users;
        struct object_queue *object;    /* whose outgoings wait for it; until it is DONE */
        struct get_line *line;          /* WAITING */
        struct source_get *prev, *next; /* WAITING: in its lane there */
        uint8_t lane;
        struct source_call call; /* DONE: its result, its object, and its err */
        int64_t done_ms;
        bool is_in_map;

        uint64_t status_batch;  /* the transaction with the last status entry of it; 0: none */
        struct buf status_said; /* by that entry */
};

struct source_gets {
        struct source *source;
        void *data;
        void (*on_done)(void *data, struct object_queue *object);
        struct siphash_key key;
        struct node_map map;
        struct get_line needed, others; /* WAITING */
        bool is_turn_of_others;
        size_t out;   /* RUNNING */
        size_t bytes; /* of all metadata that is kept */
        int64_t now_ms;
};

/* source NULL: nothing may be wanted. */
void source_gets_init(struct source_gets *g, struct source *source, const struct siphash_key *key);
void source_gets_deinit(struct source_gets *g); /* nobody uses any */

/* A use of the get for this version of the failure's object under its role, in the turn of its
 * request; version_id absent: the current one. */
struct source_get *source_gets_want(struct source_gets *g, struct object_queue *object,
                                    const struct failure *failure, struct str version_id);
/* Whether its object cannot go on without it, and keeps something. NULL is legal, and so is every
 * state. */
void source_get_need(struct source_get *get, bool is_needed);
void source_get_drop(struct source_get **use); /* NULL is legal; *use is NULL then */

/* Begin what may be. is_idle: nothing is on its way that would free memory. */
void source_gets_begin(struct source_gets *g, int64_t now_ms, bool is_idle);

#endif
