/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_ENTRY_FETCH_H
#define CRR_SRC_CORE_ENTRY_FETCH_H

#include <stdbool.h>

#include "crr/base/limits.h"
#include "crr/core/log_reader.h"
#include "outgoing.h"

/*
 * Entry fetch: outgoings that need records of the log again (an `Entry` is not kept in memory, nor
 * a record that is moved) wait here, are read in batches through the log_reader, and go on to the
 * batcher. What is read is bounded by what the batcher can write: it waits here while that has
 * enough.
 */
#define ENTRY_FETCH_BATCH  256
#define ENTRY_FETCH_SORTED 4096

struct member;

struct fetch_place {
        uint64_t marker;
        struct outgoing *outgoing;
};

struct entry_fetch {
        struct member *member;
        struct outgoing_list waiting; /* READING */
        struct outgoing_list sorted;  /* READING too: the next ones, in the order of the log */
        struct log_read read;
        struct log_read_item
                items[ENTRY_FETCH_BATCH]; /* data: the outgoing; NULL: it was discarded */
        bool running;
        struct fetch_place places[ENTRY_FETCH_SORTED]; /* while they are sorted */
};

void entry_fetch_init(struct entry_fetch *f, struct member *member);
void entry_fetch_add(struct entry_fetch *f, struct outgoing *o);     /* OWED -> READING */
void entry_fetch_discard(struct entry_fetch *f, struct outgoing *o); /* READING; then OVER */
void entry_fetch_work(struct entry_fetch *f);

#endif
