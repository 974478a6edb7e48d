/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_OBJECT_QUEUE_H
#define CRR_SRC_CORE_OBJECT_QUEUE_H

#include <stdbool.h>

#include "crr/base/siphash.h"
#include "crr/base/str.h"
#include "crr/core/failure.h"
#include "node_map.h"
#include "outgoing.h"

/*
 * Object queue: the retries of one object (bucket and key), in the order in which they go on.
 *
 * Order      Of two versions whose ids tell their age the older one stands first: what is published
 *            last is what the destination ends with. Ids of Backbeat do, in lower-case hex: they
 *            begin with the time, counted backwards, so that the greater one is the older one. All
 *            others (none, `null`) stand where they joined, behind whatever was there.
 * Ownership  Of the queue: whoever asked for it. Of its members: theirs.
 * Cost       Joining: constant for what is older or newer than all that is there.
 */
struct object_queue {
        struct map_node node; /* the first member */
        struct str bucket, key;
        struct outgoing *head, *tail;

        /* metadata_fetch.c */
        struct object_queue *next; /* touched */
        bool is_touched;           /* in that list, or being worked on */
        bool is_answered;          /* something of it was, and may be kept */
};

/* The one of that object; a new, empty one where the map has none. */
struct object_queue *object_queue_of(struct node_map *map, const struct siphash_key *key,
                                     const struct identity *id);
void object_queue_free(struct object_queue *object, struct node_map *map); /* empty */

void object_queue_join(struct object_queue *object, struct outgoing *o);
void object_queue_leave(struct outgoing *o); /* it is in one */

#endif
