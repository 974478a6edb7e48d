/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_FAKE_MEMBER_H
#define TESTS_FAKE_MEMBER_H

#include "crr/base/limits.h"
#include "crr/core/member.h"

/*
 * The member as the Kafka layer calls it: what it was told is kept here, for a test to look at. It
 * stands in the core's place, so a test that has it links no core.
 */
struct fake_member {
        int n_partitions;                     /* of the topology */
        int64_t watermarks[LIMIT_PARTITIONS]; /* the last answer of each */
        int n_watermarks, n_stable;
        int readied, lost; /* publisher */
        int n_records, n_resets, n_assignments, n_revoked;
        int64_t positions[LIMIT_PARTITIONS];
        char reset_cause[100]; /* the last one's */
        int reset_partition;
};
extern struct fake_member fake_member;

void fake_member_clear(void);

#endif
