/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_CORE_FAILURE_H
#define CRR_CORE_FAILURE_H

#include <stdbool.h>
#include <stdint.h>

#include "crr/base/arena.h"
#include "crr/base/str.h"
#include "crr/base/time.h"
#include "crr/base/uuid.h"

/*
 * A failure: what is known of one object version at one site that did not get there.
 *
 * Ownership  The strings are views; who hands a failure out says for how long they live.
 * Units      Times in ms since the epoch (TIME_UNKNOWN), sizes in bytes (-1 unknown).
 */
struct identity {
        struct str bucket, key, version_id, site; /* all present; version_id may be empty */
};

/* Latest record of an identity in the log. COMPLETED and tombstones are not states: the identity is
 * gone. */
enum failure_state { FAILURE_FAILED, FAILURE_PENDING };
#define FAILURE_STATES 2

struct failure {
        struct identity id;
        enum failure_state state;
        int64_t size;
        int64_t last_modified_ms, failed_at_ms;
        int32_t attempts;      /* -1 unknown */
        struct str error_code; /* absent: unknown */
        struct str role;       /* absent: unknown */
        struct uuid retry_id;  /* nil: none; of the retry that is PENDING, or that failed again */
        int64_t retried_at_ms; /* PENDING: when (RetriedAt, else the record's timestamp) */

        int partition; /* where its latest record stands */
        int64_t offset;
        int64_t timestamp_ms; /* of that record; of a settlement: of what it settles */
        int entry_partition;
        int64_t entry_offset; /* there: the record that holds `Entry`; -1: it has none. Its own but
                                 between a FAILED record that lacks the Entry and its merged
                                 record. */
        int64_t covered_to;   /* 0, or behind a later record under the same key that does not count
                                 (void, or rejected): compaction may drop its own for that one, and so
                                 it is owed again */
        uint16_t spelling;    /* of its record's key: 0 the canonical one, else a hash of it */
        bool unsettled;   /* what it keeps from an earlier record is not in its own yet: a merged
                             record is owed */
        bool foreign_key; /* its record stands under another spelling of the key, or in another
                             partition: it is owed where it belongs */
        bool repeated;    /* its record is a settlement: it repeats an earlier one */
        bool superseded;  /* FAILED: a newer version of the object is at the site already, or this
                             one is gone from the source; a retry needs force */
        bool json_plain;  /* no string of it needs escaping in JSON; false: perhaps. Set by the
                             table */
};

bool identity_eq(const struct identity *a, const struct identity *b);

/* A deep copy in the arena; false past its limit. */
bool failure_copy(struct failure *ret, const struct failure *f, struct arena *arena);
bool identity_copy(struct identity *ret, const struct identity *id, struct arena *arena);

const char *failure_state_name(enum failure_state state); /* "FAILED", "PENDING" */

/*
 * What a FAILED record lacks it keeps from the PENDING record it follows (events.md, "States"):
 * attempts, size, last modified, role, entry, retry id. A failure with a retry id has followed one,
 * and passes it on: whether its merged record was written before the next came makes no difference.
 * Merging returns true when something was kept: a merged record must be written then.
 */
bool failure_passes_on(const struct failure *f);
bool failure_merge(struct failure *failed, const struct failure *earlier);

/* The log lacks a record of what is known: merged, written again, or where it belongs. */
bool failure_owes(const struct failure *f);

/* A marker: the position of a failure in the log, as the API shows it. */
uint64_t marker_of(int partition, int64_t offset);
int marker_partition(uint64_t marker);
int64_t marker_offset(uint64_t marker);

#endif
