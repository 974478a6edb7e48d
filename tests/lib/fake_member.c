/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_member.h"

#include <stdio.h>
#include <string.h>

struct fake_member fake_member;

void fake_member_clear(void)
{
        memset(&fake_member, 0, sizeof fake_member);
}

void member_on_topology(struct member *m, int n_partitions)
{
        (void)m;
        fake_member.n_partitions = n_partitions;
}

void member_on_registry(struct member *m, const struct registry_row *rows, size_t n)
{
        (void)m;
        (void)rows;
        (void)n;
}

void member_on_members(struct member *m, const struct str *ids, size_t n)
{
        (void)m;
        (void)ids;
        (void)n;
}

void member_on_fenced(struct member *m)
{
        (void)m;
}

void member_on_high_watermark(struct member *m, int partition, int64_t offset)
{
        (void)m;
        fake_member.watermarks[partition] = offset;
        fake_member.n_watermarks++;
}

void member_on_stable(struct member *m, int partition, enum member_stable stable)
{
        (void)m;
        (void)partition;
        (void)stable;
        fake_member.n_stable++;
}

void member_on_publisher_ready(struct member *m)
{
        (void)m;
        fake_member.readied++;
}

void member_on_publisher_lost(struct member *m)
{
        (void)m;
        fake_member.lost++;
}

void member_on_generation(struct member *m, struct str token, struct str member_id)
{
        (void)m;
        (void)token;
        (void)member_id;
}

int64_t member_on_assigned(struct member *m, int partition)
{
        (void)m;
        (void)partition;
        return 0;
}

void member_on_leaving(struct member *m, int partition)
{
        (void)m;
        (void)partition;
}

bool member_may_let_go(const struct member *m)
{
        (void)m;
        return true;
}

void member_on_revoked(struct member *m, int partition)
{
        (void)m;
        (void)partition;
        fake_member.n_revoked++;
}

void member_on_reset(struct member *m, int partition, const char *cause)
{
        (void)m;
        fake_member.n_resets++;
        fake_member.reset_partition = partition;
        snprintf(fake_member.reset_cause, sizeof fake_member.reset_cause, "%s", cause);
}

/* As late as it may be: the records still live then. */
static const struct log_record *coming;
static size_t n_coming;

void member_on_records_came(struct member *m)
{
        (void)m;
        fake_member.n_records += (int)n_coming;
        for (size_t i = 0; i < n_coming; i++)
                fake_member.positions[coming[i].partition] = coming[i].offset + 1;
        n_coming = 0;
}

void member_on_records_coming(struct member *m, const struct log_record *records, size_t n)
{
        member_on_records_came(m);
        coming = records;
        n_coming = n;
}

void member_on_position(struct member *m, int partition, int64_t next_offset)
{
        (void)m;
        fake_member.positions[partition] = next_offset;
}

void member_on_assignment(struct member *m)
{
        (void)m;
        fake_member.n_assignments++;
}

void member_on_assignment_lost(struct member *m)
{
        (void)m;
}

void member_status(const struct member *m, struct member_status *ret)
{
        (void)m;
        *ret = (struct member_status){ 0 };
}
