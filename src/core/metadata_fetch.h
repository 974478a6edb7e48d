/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_METADATA_FETCH_H
#define CRR_SRC_CORE_METADATA_FETCH_H

#include <stdbool.h>

#include "crr/base/buf.h"
#include "crr/base/error.h"
#include "crr/core/backbeat_metadata.h"
#include "node_map.h"
#include "outgoing.h"
#include "source_gets.h"

/*
 * Metadata fetch: retries of payload `backbeat` wait here for what the source says of their object
 * versions, and go on to the batcher one by one, as they are ready.
 *
 * Order      Retries of one object (bucket and key, whatever the version and the site) go on one
 *            after the other: one that is ready waits for those before it. Of two versions the
 *            older one goes first, so that the destination ends with the newer one; what has no
 *            version id to compare keeps the order in which it was begun. Who has gone on is not
 *            overtaken any more. Objects do not wait for each other.
 * Guard      With retry.version_guard the current version is asked for first, once for an object:
 *            it may be the very one. Is it another one, and at the retry's site already, then the
 *            retry would put an old version over it: END_SUPERSEDED. Forced ones are not guarded.
 * Bounds     source_gets.h; and nothing is asked while the batcher has enough.
 * Ownership  An outgoing keeps what it got until metadata_fetch_leave().
 */
struct member;

struct metadata_fetch {
        struct member *member;
        struct source_gets gets;
        struct backbeat_reader *reader;
        struct buf said; /* by the status entry that was written last */
        struct node_map objects;
        struct object_queue *touched, **touched_end; /* their heads may go on */
};

void metadata_fetch_init(struct metadata_fetch *f, struct member *member);
void metadata_fetch_deinit(struct metadata_fetch *f); /* nothing waits */

void metadata_fetch_add(struct metadata_fetch *f, struct outgoing *o); /* it is READING */
/* What else it waited for is there. */
void metadata_fetch_go_on(struct metadata_fetch *f, struct outgoing *o);
/* ForceRetry was asked for as well, while it is on its way: if it still waits, it does not wait for
 * the guard. */
void metadata_fetch_force(struct metadata_fetch *f, struct outgoing *o);
/* Nobody who waits for it asks for ForceRetry any more: it is looked at anew. */
void metadata_fetch_unforce(struct metadata_fetch *f, struct outgoing *o);
/* It ends, or is in the log: it lets go of all that it has of us. In every state. */
void metadata_fetch_leave(struct metadata_fetch *f, struct outgoing *o);
bool metadata_fetch_work(struct metadata_fetch *f); /* a slice; true: there is more */

/*
 * The status entries of one transaction follow each other: the next one of a version is made from
 * what the last one said, so that the sites before it are PENDING there too. `batch`: a number of
 * the transaction. What the next one says is put into `said`, and is kept when its records are in.
 */
struct str metadata_fetch_status_said(const struct outgoing *o, uint64_t batch);
void metadata_fetch_keep_status(struct metadata_fetch *f, struct outgoing *o, uint64_t batch);

#endif
