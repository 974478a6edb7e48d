/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_DEMO_OUTCOME_H
#define CRR_SRC_DEMO_OUTCOME_H

#include <stdbool.h>

#include "crr/base/buf.h"
#include "crr/base/str.h"

/*
 * The data mover's reading and writing: a retry entry in queue-entry form comes in, and goes out
 * again as the outcome, with the metadata it came with but for what the outcome changes. It takes
 * nothing but what events.md promises ("Retry entries", `backbeat`): metadata reduced to the one
 * site, PENDING.
 *
 * Ownership  A reader is reused; a retry entry lives until its next call.
 */
struct outcome_reader;

struct retry_entry {
        struct str bucket, key, site;
        struct str version_id; /* raw; empty: none */
};

struct outcome_reader *outcome_reader_new(void);
void outcome_reader_free(struct outcome_reader *r); /* NULL is legal */

/* False: not such a retry entry. */
bool outcome_read(struct outcome_reader *r, struct str value, struct retry_entry *ret);

/* Of the entry that was read last: a queue entry that says COMPLETED, or FAILED. */
void outcome_write(struct outcome_reader *r, bool failed, struct buf *out);

#endif
