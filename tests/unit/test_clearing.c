/* SPDX-License-Identifier: Apache-2.0 */
/* What an outage left hanging, in a partition or in the group's offsets. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "world_one.h"

static struct world w;

static void a_partition_that_does_not_go_on_is_cleared_of_what_hangs_there(void)
{
        struct member_status status;

        world_init(&w, 2);
        world_append(&w, 0, STR("b/k?versionId=v&sitename=aws"), NULL, -1, NULL);
        w.feeds[0] = false;
        world_start(&w);
        world_advance(&w, 2000);
        CHECK_INT(w.clearings, 0);
        world_advance(&w, 2000);
        CHECK_INT(w.clearings, 1);
        member_status(w.member, &status);
        CHECK_STR(status.waiting_for, "open transaction");
        world_advance(&w, 5000);
        CHECK_INT(w.clearings, 1);
        w.feeds[0] = true;
        world_advance(&w, 20000);
        CHECK_INT(w.clearings, 1);
        member_status(w.member, &status);
        CHECK_INT(status.ready, 2);
        world_deinit(&w);
}

/* Until 3 s have passed, and what hangs is to be cleared. */
static void hang(int partition)
{
        world_append(&w, partition, STR("b/k?versionId=v&sitename=aws"), NULL, -1, NULL);
        w.feeds[partition] = false;
        world_start(&w);
        world_advance(&w, 2000);
        w.hold_batches = true;
        world_advance(&w, 2000);
        CHECK_INT(w.clearings, 1);
}

static void the_intakes_producer_clears_it_too(void)
{
        world_init(&w, 3);
        w.has_intake = true;
        hang(1);
        CHECK(w.intake_batch != NULL);
        CHECK_INT(w.intake_batch->n_records, 1);
        CHECK_INT(w.intake_batch->records[0].partition, 1);
        CHECK_INT(w.intake_batch->records[0].topic, PUBLISH_FAILURES);
        CHECK_INT(w.intake_batch->n_offsets, 0);
        world_answer(&w, PUBLISH_COMMITTED);
        world_advance(&w, 20000); /* again, and it is still out */
        CHECK_INT(w.clearings, 2);
        w.intake_batch->outcome = PUBLISH_CLOSED;
        w.intake_batch->done(w.intake_batch);
        world_answer(&w, PUBLISH_COMMITTED);
        world_deinit(&w);
}

static void a_partition_that_another_member_claims_is_cleared_and_not_claimed(void)
{
        world_init(&w, 2);
        w.claims[0] = strdup("http://a:1;ready;7;member-a;crr-a;1");
        w.members[0] = "member-a";
        hang(0);
        CHECK_INT(w.batch->n_records, 1);
        CHECK_INT(w.batch->n_offsets, 0);
        world_answer(&w, PUBLISH_COMMITTED);
        world_deinit(&w);
}

static void offsets_that_are_not_stable_are_freed_by_the_publisher(void)
{
        world_init(&w, 2);
        w.stable = MEMBER_UNSTABLE;
        world_start(&w);
        world_advance(&w, 2900);
        CHECK_INT(w.offset_ends, 0);
        world_advance(&w, 200);
        CHECK_INT(w.offset_ends, 1);
        world_advance(&w, 10000);
        CHECK_INT(w.offset_ends, 2);
        CHECK_INT(w.clearings, 0);
        w.stable = MEMBER_STABLE;
        world_advance(&w, 20000);
        CHECK_INT(w.offset_ends, 2);
        world_deinit(&w);
}

int main(void)
{
        RUN(a_partition_that_does_not_go_on_is_cleared_of_what_hangs_there);
        RUN(the_intakes_producer_clears_it_too);
        RUN(a_partition_that_another_member_claims_is_cleared_and_not_claimed);
        RUN(offsets_that_are_not_stable_are_freed_by_the_publisher);
        return 0;
}
