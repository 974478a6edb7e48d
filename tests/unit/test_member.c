/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "check.h"
#include "crr/base/limits.h"
#include "world_one.h"

static struct world w;
static struct world_list list;
static struct world_retry retry, second;

static void start(int partitions)
{
        world_init(&w, partitions);
        world_start(&w);
}

static void a_record_is_listed_and_a_tombstone_takes_it_away(void)
{
        start(2);
        world_failure(&w, "b", "k1", "v", "aws", ",\"Size\":7,\"ErrorCode\":\"AccessDenied\"");
        world_failure(&w, "b", "k2", "v", "azure", NULL);
        world_run(&w);
        world_list(&w, &list, "aws", 0, 10, false);
        CHECK_INT(list.n, 1);
        CHECK_INT(list.rows[0].size, 7);
        CHECK(str_eq_c(list.rows[0].error_code, "AccessDenied"));
        world_list_deinit(&list);
        CHECK_INT(world_listed(&w), 2);
        world_tombstone(&w, "b", "k1", "v", "aws");
        world_run(&w);
        CHECK_INT(world_listed(&w), 1);
        world_deinit(&w);
}

static void a_page_ends_where_the_next_begins(void)
{
        uint64_t marker = 0;
        size_t n = 0;

        start(3);
        for (int i = 0; i < 25; i++) {
                char key[16];

                snprintf(key, sizeof key, "k%d", i);
                world_failure(&w, "b", key, "v", "aws", NULL);
        }
        world_run(&w);
        for (;;) {
                world_list(&w, &list, NULL, marker, 4, false);
                n += list.n;
                marker = list.req.next_marker;
                world_list_deinit(&list);
                if (!list.req.truncated)
                        break;
                CHECK_INT(list.n, 4);
        }
        CHECK_INT(n, 25);
        world_deinit(&w);
}

static void a_partition_that_is_restored_is_never_shown_as_whole(void)
{
        world_init(&w, 2);
        world_failure(&w, "b", "k1", "v", "aws", NULL);
        w.stable = MEMBER_UNSTABLE;
        world_start(&w);
        world_list(&w, &list, NULL, 0, 10, false);
        CHECK(list.failed && list.err.code == ERR_UNAVAILABLE);
        CHECK_INT(partition_set_count(&list.req.coverage.missing), 2);
        world_list_deinit(&list);
        world_list(&w, &list, NULL, 0, 10, true);
        CHECK(!list.failed);
        CHECK_INT(list.n, 0);
        CHECK_INT(partition_set_count(&list.req.coverage.missing), 2);
        world_list_deinit(&list);
        w.stable = MEMBER_STABLE;
        world_advance(&w, 200);
        CHECK_INT(world_listed(&w), 1);
        world_deinit(&w);
}

static void readiness_waits_for_the_watermark_that_was_read_after_the_barrier(void)
{
        struct member_status status;

        world_init(&w, 1);
        world_failure(&w, "b", "k1", "v", "aws", NULL);
        w.feeding = false;
        world_start(&w);
        member_status(w.member, &status);
        CHECK_INT(status.ready, 0);
        CHECK_STR(status.waiting_for, "replay");
        CHECK_INT(status.remaining_records, 1);
        w.feeding = true;
        world_run(&w);
        member_status(w.member, &status);
        CHECK_INT(status.ready, 1);
        world_deinit(&w);
}

static void a_retry_is_answered_after_the_commit_and_hidden_from_then_on(void)
{
        start(2);
        world_failure(&w, "b", "k", "v", "aws", ",\"Attempts\":2");
        world_run(&w);
        w.hold_batches = true;
        one_retry(&w, &retry, "k", false);
        CHECK(!retry.done);
        CHECK_INT(world_listed(&w), 1);
        w.feeding = false;
        w.hold_batches = false;
        world_answer(&w, PUBLISH_COMMITTED);
        CHECK(retry.done && !retry.failed);
        CHECK_INT(retry.entries[0].failure->attempts, 3);
        CHECK_INT(world_listed(&w), 0);
        w.feeding = true;
        world_advance(&w, 40);
        CHECK_INT(world_listed(&w), 0);
        CHECK_INT(w.n_entries, 1);
        CHECK_STR(w.entries[0].attempt, "3");
        world_retry_deinit(&retry);
        world_deinit(&w);
}

static void a_second_retry_joins_the_first(void)
{
        start(1);
        world_failure(&w, "b", "k", "v", "aws", NULL);
        world_run(&w);
        w.hold_batches = true;
        one_retry(&w, &retry, "k", false);
        one_retry(&w, &second, "k", true);
        CHECK(!second.done);
        world_answer(&w, PUBLISH_COMMITTED);
        CHECK(retry.done && second.done && !second.failed);
        CHECK_INT(world_retry_published(&second), 1);
        CHECK(uuid_eq(&second.entries[0].failure->retry_id, &retry.req.retry_id));
        CHECK_INT(w.n_entries, 1);
        world_retry_deinit(&retry);
        world_retry_deinit(&second);
        world_deinit(&w);
}

static void an_aborted_retry_is_submitted_three_times_and_stays_listed(void)
{
        start(1);
        world_failure(&w, "b", "k", "v", "aws", NULL);
        world_run(&w);
        w.script = PUBLISH_ABORTED;
        one_retry(&w, &retry, "k", false);
        CHECK_INT(w.submits, 3);
        CHECK(retry.done && retry.failed && retry.err.code == ERR_UNAVAILABLE);
        CHECK(strstr(retry.err.message, "0 of 1 committed") != NULL);
        CHECK_INT(world_listed(&w), 1);
        w.script = PUBLISH_COMMITTED;
        one_retry(&w, &second, "k", false);
        CHECK(second.done && !second.failed);
        world_retry_deinit(&retry);
        world_retry_deinit(&second);
        world_deinit(&w);
}

static void an_unknown_outcome_is_told_by_the_log(bool written)
{
        start(1);
        world_failure(&w, "b", "k", "v", "aws", NULL);
        world_run(&w);
        w.hold_batches = true;
        one_retry(&w, &retry, "k", false);
        w.feeding = false;
        if (written)
                world_answer_written(&w);
        else
                world_answer(&w, PUBLISH_UNKNOWN);
        CHECK(!retry.done);
        one_retry(&w, &second, "k", false);
        world_publisher_ready(&w);
        w.feeding = true;
        world_advance(&w, 400);
        CHECK(retry.done && second.done);
        CHECK_INT(retry.failed, !written);
        CHECK_INT(second.failed, !written);
        CHECK_INT(world_listed(&w), written ? 0 : 1);
        CHECK_INT(w.n_entries, written ? 1 : 0);
        world_retry_deinit(&retry);
        world_retry_deinit(&second);
        world_deinit(&w);
}

static void an_unknown_outcome_that_was_written_is_a_success(void)
{
        an_unknown_outcome_is_told_by_the_log(true);
}

static void an_unknown_outcome_that_was_not_written_is_a_failure(void)
{
        an_unknown_outcome_is_told_by_the_log(false);
}

static void a_deadline_with_an_open_outcome_is_504_and_without_one_503(void)
{
        start(1);
        world_failure(&w, "b", "k", "v", "aws", NULL);
        world_failure(&w, "b", "k2", "v", "aws", NULL);
        world_run(&w);
        w.hold_batches = true;
        one_retry(&w, &retry, "k", false);
        one_retry(&w, &second, "k2", false);
        world_advance(&w, 31000);
        CHECK(retry.done && retry.err.code == ERR_GATEWAY_TIMEOUT);
        CHECK(second.done && second.err.code == ERR_UNAVAILABLE);
        world_answer(&w, PUBLISH_COMMITTED);
        world_run(&w);
        CHECK_INT(w.n_entries, 1);
        CHECK_INT(world_listed(&w), 1);
        world_retry_deinit(&retry);
        world_retry_deinit(&second);
        world_deinit(&w);
}

static void a_repeat_with_the_same_retry_id_is_answered_and_not_published(void)
{
        start(1);
        world_failure(&w, "b", "k", "v", "aws", NULL);
        world_run(&w);
        one_retry(&w, &retry, "k", false);
        world_retry_init(&w, &second);
        second.req.retry_id = retry.req.retry_id;
        world_retry_add(&second, "b", "k", "v", "aws", false);
        world_retry_submit(&w, &second);
        CHECK_INT(world_retry_published(&second), 1);
        CHECK_INT(second.entries[0].failure->attempts, 1);
        CHECK_INT(w.n_entries, 1);
        world_retry_deinit(&retry);
        world_retry_deinit(&second);
        world_deinit(&w);
}

static void force_publishes_what_is_not_failed(void)
{
        start(2);
        one_retry(&w, &retry, "unknown", false);
        CHECK_INT(world_retry_published(&retry), 0);
        one_retry(&w, &second, "unknown", true);
        CHECK_INT(world_retry_published(&second), 1);
        CHECK_INT(w.n_entries, 1);
        world_retry_deinit(&retry);
        world_retry_deinit(&second);
        world_deinit(&w);
}

static void duplicates_of_a_request_count_once_and_force_of_one_is_force(void)
{
        start(2);
        world_retry_init(&w, &retry);
        world_retry_add(&retry, "b", "k", "v", "aws", false);
        world_retry_add(&retry, "b", "k", "v", "aws", true);
        world_retry_submit(&w, &retry);
        CHECK_INT(world_retry_published(&retry), 1);
        CHECK_INT(retry.entries[0].result, RETRY_PUBLISHED);
        CHECK_INT(w.n_entries, 1);
        world_retry_deinit(&retry);
        world_deinit(&w);
}

static void a_record_that_changes_before_its_transaction_is_checked_again(void)
{
        start(1);
        world_failure(&w, "b", "k", "v", "aws", ",\"Entry\":\"e\"");
        world_run(&w);
        w.hold_reads = true;
        one_retry(&w, &retry, "k", false);
        CHECK(!retry.done);
        world_tombstone(&w, "b", "k", "v", "aws");
        world_run(&w);
        w.hold_reads = false;
        world_run(&w);
        CHECK(retry.done && !retry.failed);
        CHECK_INT(world_retry_published(&retry), 0);
        CHECK_INT(w.n_entries, 0);
        world_retry_deinit(&retry);
        world_deinit(&w);
}

static void a_revoked_partition_takes_its_failures_and_fails_its_retries(void)
{
        start(1);
        world_failure(&w, "b", "k", "v", "aws", NULL);
        world_run(&w);
        w.hold_batches = true;
        one_retry(&w, &retry, "k", false);
        world_answer(&w, PUBLISH_UNKNOWN);
        w.assigned[0] = false;
        member_on_revoked(w.member, 0);
        world_run(&w);
        CHECK(retry.done && retry.err.code == ERR_GATEWAY_TIMEOUT);
        world_list(&w, &list, NULL, 0, 10, false);
        CHECK(list.failed);
        world_list_deinit(&list);
        world_retry_deinit(&retry);
        world_deinit(&w);
}

static size_t count_all_pages(void)
{
        uint64_t marker = 0;
        size_t n = 0;

        do {
                world_list(&w, &list, NULL, marker, LIMIT_PAGE_ROWS, false);
                CHECK(!list.failed);
                n += list.n;
                marker = list.req.next_marker;
                world_list_deinit(&list);
        } while (list.req.truncated);
        return n;
}

/* Long keys: some thousand entries fill a small table. */
static void add_long(int n)
{
        char key[1001];

        memset(key, 'k', sizeof key);
        snprintf(key, sizeof key, "%0*d", (int)sizeof key - 1, n);
        world_failure(&w, "b", key, "v", "aws", NULL);
}

static void a_full_table_holds_the_partition_back_and_drops_nothing(void)
{
        struct member_status status;
        int n = 0;

        world_init(&w, 1);
        w.config.memory_limit = 5u << 20;
        world_start(&w);
        for (; w.holds == 0; n++) {
                add_long(n);
                world_run(&w);
        }
        CHECK(n > 1000);
        member_status(w.member, &status);
        CHECK_INT(status.full, 1);
        CHECK_STR(status.waiting_for, "memory");
        world_advance(&w, 2000);
        CHECK_INT(w.resumes, 0);
        w.config.memory_limit = 64u << 20;
        member_set_config(w.member, &w.config);
        world_advance(&w, 2000);
        CHECK_INT(count_all_pages(), n);
        world_deinit(&w);
}

static void a_partition_with_one_site_too_many_is_held_back_and_says_so(void)
{
        struct member_status status;

        world_init(&w, 2);
        w.config.max_sites = 2;
        world_start(&w);
        world_failure(&w, "b", "k1", "v", "aws", NULL);
        world_failure(&w, "b", "k2", "v", "azure", NULL);
        world_run(&w);
        CHECK_INT(world_listed(&w), 2);
        world_failure(&w, "b", "k3", "v", "gcp", NULL);
        world_run(&w);
        member_status(w.member, &status);
        CHECK_INT(status.full, 1);
        CHECK_INT(status.ready, 1);
        CHECK_STR(status.waiting_for, "too_many_sites");
        world_advance(&w, 1000);
        CHECK_INT(w.resumes, 0);
        world_deinit(&w);
}

/* A key whose identity at this site belongs to this partition. */
static void find_key(char key[16], const char *site, int partition)
{
        int i = 0;

        do
                snprintf(key, 16, "k%d", i++);
        while (world_home(&w, "b", key, "v", site) != partition);
}

static void it_goes_on_when_the_last_entry_of_another_site_is_gone(void)
{
        char one[16], other[16];
        struct member_status status;

        world_init(&w, 2);
        w.config.max_sites = 1;
        world_start(&w);
        find_key(one, "aws", 0);
        find_key(other, "azure", 1);
        world_failure(&w, "b", one, "v", "aws", NULL);
        world_run(&w);
        world_failure(&w, "b", other, "v", "azure", NULL);
        world_run(&w);
        member_status(w.member, &status);
        CHECK_INT(status.full, 1);
        world_tombstone(&w, "b", one, "v", "aws");
        world_advance(&w, 1000);
        member_status(w.member, &status);
        CHECK_INT(status.ready, 2);
        world_list(&w, &list, "azure", 0, 10, false);
        CHECK_INT(list.n, 1);
        world_list_deinit(&list);
        world_deinit(&w);
}

static void records_that_come_before_the_topology_is_known_are_read_again(void)
{
        world_init(&w, 3);
        for (int i = 0; i < 10; i++) {
                char key[16];

                snprintf(key, sizeof key, "k%d", i);
                world_failure(&w, "b", key, "v", "aws", NULL);
        }
        world_start(&w);
        member_on_topology(w.member, 0);
        world_failure(&w, "b", "late", "v", "aws", NULL);
        world_run(&w);
        member_on_topology(w.member, 3);
        world_advance(&w, 500);
        CHECK_INT(world_listed(&w), 11);
        CHECK_INT(w.submits, 0);
        world_deinit(&w);
}

int main(void)
{
        RUN(a_record_is_listed_and_a_tombstone_takes_it_away);
        RUN(a_page_ends_where_the_next_begins);
        RUN(a_partition_that_is_restored_is_never_shown_as_whole);
        RUN(readiness_waits_for_the_watermark_that_was_read_after_the_barrier);
        RUN(a_retry_is_answered_after_the_commit_and_hidden_from_then_on);
        RUN(a_second_retry_joins_the_first);
        RUN(an_aborted_retry_is_submitted_three_times_and_stays_listed);
        RUN(an_unknown_outcome_that_was_written_is_a_success);
        RUN(an_unknown_outcome_that_was_not_written_is_a_failure);
        RUN(a_deadline_with_an_open_outcome_is_504_and_without_one_503);
        RUN(a_repeat_with_the_same_retry_id_is_answered_and_not_published);
        RUN(force_publishes_what_is_not_failed);
        RUN(duplicates_of_a_request_count_once_and_force_of_one_is_force);
        RUN(a_record_that_changes_before_its_transaction_is_checked_again);
        RUN(records_that_come_before_the_topology_is_known_are_read_again);
        RUN(a_revoked_partition_takes_its_failures_and_fails_its_retries);
        RUN(a_full_table_holds_the_partition_back_and_drops_nothing);
        RUN(a_partition_with_one_site_too_many_is_held_back_and_says_so);
        RUN(it_goes_on_when_the_last_entry_of_another_site_is_gone);
        return 0;
}
