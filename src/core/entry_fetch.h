/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_ENTRY_FETCH_H
#define CRR_SRC_CORE_ENTRY_FETCH_H

#include <stdbool.h>

#include "crr/core/log_reader.h"
#include "outgoing.h"

/*
 * Entry fetch: outgoings that need a record of the log again (an `Entry` is not kept in memory)
 * wait here, are read in batches through the log_reader, and go on to the batcher.
 */
#define ENTRY_FETCH_BATCH 64

struct member;

struct entry_fetch {
        struct member *member;
        struct outgoing_list waiting; /* READING */
        struct log_read read;
        struct log_read_item
                items[ENTRY_FETCH_BATCH]; /* data: the outgoing; NULL: it was discarded */
        bool running;
};

void entry_fetch_init(struct entry_fetch *f, struct member *member);
void entry_fetch_add(struct entry_fetch *f, struct outgoing *o);     /* OWED -> READING */
void entry_fetch_discard(struct entry_fetch *f, struct outgoing *o); /* READING; then OVER */
void entry_fetch_work(struct entry_fetch *f);

#endif
