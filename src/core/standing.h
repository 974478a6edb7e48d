/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_STANDING_H
#define CRR_SRC_CORE_STANDING_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What decides which of two records of an identity counts:
 *
 *   in one partition    the later offset
 *   in two              the later time: offsets do not compare. At the same time a failure before a
 *                       completion (in doubt nothing is lost), then what repeats an earlier record
 *                       before that record, then what stands where the identity belongs
 *
 * A record that was moved here from another partition has its time from there, and counts by that.
 */
struct standing {
        int partition; /* -1: another than that of any record */
        int64_t offset, timestamp_ms;
        bool is_failure;  /* FAILED or PENDING; else the identity is gone */
        bool is_repeated; /* a settlement */
        bool is_home;     /* in its own partition, under its own key */
        bool is_moved;    /* from another partition */
};

/* `next` is read after `known`. */
bool standing_is_newer(const struct standing *next, const struct standing *known);

#endif
