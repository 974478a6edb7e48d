/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_SETTLE_PRIVATE_H
#define CRR_SRC_CORE_SETTLE_PRIVATE_H

#include "member_private.h"

/* What the files of the settlements share: settle.c (what is owed), settle_flow.c (how it is
 * written), settle_walk.c (rows that owe, or expire). */
#define SETTLE_WORKING 20000 /* at most so many are under way */
#define SETTLE_SLICE   1024  /* rows or settlements looked at in one turn */

/* A note of what is owed for the record at f's place; in the map, in no list: settle_go(). */
struct outgoing *settle_note(struct member *m, enum outgoing_kind kind, const struct failure *f);
void settle_discard(struct member *m, struct outgoing *o); /* not submitted; it is freed */

/* What is noted of this place and not submitted; NULL: nothing. */
struct outgoing *settle_find(struct member *m, const struct identity *id, int partition,
                             uint16_t spelling);

/* OWED and in no list: begin it, or let it wait for what it needs. */
void settle_go(struct member *m, struct outgoing *o);
void settle_pause(struct member *m, struct outgoing *o, unsigned pause); /* likewise */

bool settle_has_room(const struct member *m);
void settle_walk(struct member *m, unsigned *slice);

#endif
