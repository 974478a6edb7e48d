/* SPDX-License-Identifier: Apache-2.0 */
/* Retries of payload `backbeat`: what is published of them, and what becomes of those that the
 * source does not tell about. */
#include "backbeat_world.h"
#include "batch.h"
#include "check.h"
#include "crr/base/log.h"
#include "member_private.h"

static struct world w;
static struct world_retry r, other;

static void end(void)
{
        world_retry_deinit(&r);
        world_check(&w);
        world_deinit(&w);
}

static void a_status_entry_a_retry_entry_and_a_pending_record_in_this_order(void)
{
        backbeat_world(&w);
        backbeat_failure(&w, "k", V1);
        w.hold_batches = true;
        backbeat_retry(&w, &r, "k", V1, false);
        CHECK(w.batch != NULL);
        CHECK_INT(w.batch->n_records, 3);
        CHECK_INT(w.batch->records[0].topic, PUBLISH_STATUS);
        CHECK_INT(w.batch->records[1].topic, PUBLISH_REPLICATION);
        CHECK_INT(w.batch->records[2].topic, PUBLISH_FAILURES);
        CHECK(str_eq_c(w.batch->records[0].key, "b%2Fk"));
        CHECK(str_eq_c(w.batch->records[1].key, "b%2Fk"));
        CHECK_INT(w.batch->records[0].partition, -1);
        CHECK_INT(w.batch->records[1].partition, -1);
        world_answer(&w, PUBLISH_COMMITTED);
        CHECK(r.done && !r.failed);
        CHECK_INT(world_retry_published(&r), 1);
        CHECK(strstr(w.entries[0].value, "\"bucket\":\"b\",\"key\":\"k\"") != NULL);
        CHECK(strstr(w.entries[0].value, "\\\"status\\\":\\\"PENDING\\\"") != NULL);
        CHECK_STR(w.entries[0].attempt, "1");
        CHECK(strstr(w.logs[0].records[1].value, "\"ReplicationStatus\":\"PENDING\"") != NULL);
        CHECK_INT(world_listed(&w), 0);
        end();
}

static void without_a_status_topic_there_is_no_status_entry(void)
{
        backbeat_world(&w);
        w.config.has_status_topic = false;
        member_set_config(w.member, &w.config);
        backbeat_failure(&w, "k", V1);
        backbeat_retry(&w, &r, "k", V1, false);
        CHECK_INT(world_retry_published(&r), 1);
        CHECK_INT(w.n_statuses, 0);
        CHECK_INT(w.n_entries, 1);
        end();
}

static void an_object_without_versions_is_asked_for_as_it_is_now(void)
{
        backbeat_world(&w);
        world_failure(&w, "b", "k", "", "aws", NULL);
        fake_source_found(w.source, "b", "k", NULL, METADATA("", AT("aws", "FAILED")));
        world_run(&w);
        w.config.version_guard = true;
        member_set_config(w.member, &w.config);
        backbeat_retry(&w, &r, "k", "", false);
        CHECK_INT(world_retry_published(&r), 1);
        CHECK_INT(w.source->gets, 1);
        end();
}

/* The PENDING record repeats it, as in every mode. */
static void the_entry_of_the_failure_is_kept(void)
{
        backbeat_world(&w);
        world_failure(&w, "b", "k", V1, "aws", ",\"Entry\":\"as consumed\"");
        fake_source_found(w.source, "b", "k", V1, METADATA("v1", AT("aws", "FAILED")));
        world_run(&w);
        w.hold_reads = true;
        backbeat_retry(&w, &r, "k", V1, false);
        CHECK_INT(w.source->answered, 1);
        CHECK(!r.done);
        w.hold_reads = false;
        world_run(&w);
        CHECK_INT(world_retry_published(&r), 1);
        CHECK(strstr(w.logs[0].records[1].value, "\"Entry\":\"as consumed\"") != NULL);
        CHECK(strstr(w.entries[0].value, "as consumed") == NULL);
        end();
}

static void a_version_that_is_gone_is_left_out_and_stays_listed(void)
{
        backbeat_world(&w);
        backbeat_failure(&w, "k", V1);
        backbeat_failure(&w, "l", V1);
        fake_source_gone(w.source, "b", "k", V1);
        world_retry_init(&w, &r);
        world_retry_add(&r, "b", "k", V1, "aws", true);
        world_retry_add(&r, "b", "l", V1, "aws", false);
        world_retry_submit(&w, &r);
        CHECK(r.done && !r.failed);
        CHECK_INT(r.entries[0].result, RETRY_SKIPPED);
        CHECK_INT(r.entries[1].result, RETRY_PUBLISHED);
        CHECK(backbeat_skipped(&w, "source_gone") == 1);
        CHECK_INT(world_listed(&w), 1);
        end();
}

/* What is unavailable, and what is not metadata. */
static void what_the_source_does_not_tell_fails(void)
{
        static const char *const whys[] = { "refused: 403", "no answer", NULL };

        for (size_t i = 0; i < sizeof whys / sizeof *whys; i++) {
                backbeat_world(&w);
                backbeat_failure(&w, "k", V1);
                backbeat_failure(&w, "l", V1);
                if (whys[i] != NULL)
                        fake_source_unavailable(w.source, "b", "k", V1, whys[i]);
                else
                        fake_source_found(w.source, "b", "k", V1, "[]");
                world_retry_init(&w, &r);
                world_retry_add(&r, "b", "k", V1, "aws", false);
                world_retry_add(&r, "b", "l", V1, "aws", false);
                world_retry_submit(&w, &r);
                CHECK(r.done && r.failed);
                CHECK_INT(r.err.code, ERR_UNAVAILABLE);
                CHECK(strstr(r.err.message, "1 of 2 committed") != NULL);
                CHECK(whys[i] == NULL || strstr(r.err.message, whys[i]) != NULL);
                CHECK_INT(w.n_entries, 1);
                CHECK_INT(world_listed(&w), 1);
                end();
        }
}

static void one_version_at_two_sites(void)
{
        backbeat_world(&w);
        backbeat_failure(&w, "k", V1);
        world_failure(&w, "b", "k", V1, "gcp", NULL);
        fake_source_found(w.source, "b", "k", V1,
                          METADATA("v1", AT("aws", "FAILED") "," AT("gcp", "FAILED")));
        world_run(&w);
}

static void retry_both_sites(void)
{
        world_retry_init(&w, &r);
        world_retry_add(&r, "b", "k", V1, "aws", false);
        world_retry_add(&r, "b", "k", V1, "gcp", false);
        world_retry_submit(&w, &r);
}

/* Both are in one transaction: the second one knows of the first. */
static void sites_of_one_version_share_its_metadata_and_their_status(void)
{
        one_version_at_two_sites();
        retry_both_sites();
        CHECK_INT(world_retry_published(&r), 2);
        CHECK_INT(w.source->gets, 1);
        CHECK_INT(w.submits, 1);
        CHECK_INT(w.n_statuses, 2);
        CHECK(strstr(w.statuses[0].value, "\\\"aws\\\",\\\"status\\\":\\\"PENDING\\\"") != NULL);
        CHECK(strstr(w.statuses[0].value, "\\\"gcp\\\",\\\"status\\\":\\\"FAILED\\\"") != NULL);
        CHECK(strstr(w.statuses[1].value, "\\\"aws\\\",\\\"status\\\":\\\"PENDING\\\"") != NULL);
        CHECK(strstr(w.statuses[1].value, "\\\"gcp\\\",\\\"status\\\":\\\"PENDING\\\"") != NULL);
        end();
}

/* One of them is tried alone after it was aborted: the other is not PENDING then. */
static void a_transaction_that_was_aborted_leaves_no_status_behind(void)
{
        one_version_at_two_sites();
        w.hold_batches = true;
        retry_both_sites();
        CHECK_INT(w.batch->n_records, 6);
        w.refused = 1; /* of the first */
        world_answer(&w, PUBLISH_REFUSED);
        CHECK_INT(w.batch->n_records, 3);
        world_answer(&w, PUBLISH_COMMITTED);
        CHECK(r.done && !r.failed);
        CHECK_INT(r.entries[0].result, RETRY_SKIPPED);
        CHECK_INT(r.entries[1].result, RETRY_PUBLISHED);
        CHECK_INT(w.n_statuses, 1);
        CHECK(strstr(w.statuses[0].value, "\\\"aws\\\",\\\"status\\\":\\\"FAILED\\\"") != NULL);
        CHECK(strstr(w.statuses[0].value, "\\\"gcp\\\",\\\"status\\\":\\\"PENDING\\\"") != NULL);
        end();
}

static void entries_are_committed_as_they_are_ready(void)
{
        backbeat_world(&w);
        backbeat_failure(&w, "slow", V1);
        backbeat_failure(&w, "quick", V1);
        w.source->holds = true;
        world_retry_init(&w, &r);
        world_retry_add(&r, "b", "slow", V1, "aws", false);
        world_retry_add(&r, "b", "quick", V1, "aws", false);
        world_retry_submit(&w, &r);
        backbeat_answer(&w, "quick", V1);
        CHECK_INT(w.n_entries, 1);
        CHECK_INT(world_listed(&w), 1);
        CHECK(!r.done);
        backbeat_answer(&w, "slow", V1);
        CHECK_INT(world_retry_published(&r), 2);
        end();
}

static void what_is_not_ready_at_the_deadline_was_never_published(void)
{
        backbeat_world(&w);
        backbeat_failure(&w, "slow", V1);
        backbeat_failure(&w, "quick", V1);
        w.source->holds = true;
        world_retry_init(&w, &r);
        world_retry_add(&r, "b", "slow", V1, "aws", false);
        world_retry_add(&r, "b", "quick", V1, "aws", false);
        r.req.deadline_ms = w.now_ms + 5000;
        world_retry_submit(&w, &r);
        backbeat_answer(&w, "quick", V1);
        world_advance(&w, 5100);
        CHECK(r.done && r.failed);
        CHECK_STR(r.err.message, "the source did not tell the objects' metadata in time; "
                                 "1 of 2 committed");
        CHECK_INT(r.err.code, ERR_UNAVAILABLE);
        CHECK_INT(w.source->canceled, 1);
        CHECK_INT(w.source->open, 0);
        CHECK_INT(world_listed(&w), 1);
        end();
}

/* 256 a transaction, so that none holds up the others. */
static void a_transaction_holds_a_chunk(void)
{
        static char keys[600][8];
        static struct world_retry many[5];

        backbeat_world(&w);
        w.hold_batches = true;
        for (int i = 0; i < 5; i++)
                world_retry_init(&w, &many[i]);
        for (int i = 0; i < 600; i++) {
                snprintf(keys[i], sizeof keys[i], "k%d", i);
                backbeat_failure(&w, keys[i], V1);
                world_retry_add(&many[i / 128], "b", keys[i], V1, "aws", false);
        }
        for (int i = 0; i < 5; i++)
                retry_service_retry(w.door, &many[i].req);
        world_run(&w);
        for (size_t rest = 600; rest > 0;) { /* the first takes what is ready when it begins */
                CHECK(w.batch->n_records <= (size_t)3 * 256);
                rest -= w.batch->n_records / 3;
                world_answer(&w, PUBLISH_COMMITTED);
        }
        CHECK_INT(w.n_entries, 600);
        for (int i = 0; i < 5; i++) {
                CHECK(many[i].done && !many[i].failed);
                world_retry_deinit(&many[i]);
        }
        CHECK_INT(world_listed(&w), 0);
        world_deinit(&w);
}

static void a_second_request_joins_one_that_waits_for_the_source(void)
{
        backbeat_world(&w);
        backbeat_failure(&w, "k", V1);
        w.source->holds = true;
        backbeat_retry(&w, &r, "k", V1, false);
        backbeat_retry(&w, &other, "k", V1, true);
        CHECK_INT(w.source->gets, 1);
        backbeat_answer(&w, "k", V1);
        CHECK(r.done && !r.failed && other.done && !other.failed);
        CHECK_INT(w.n_entries, 1);
        world_retry_deinit(&other);
        end();
}

static void a_record_that_changes_meanwhile_is_looked_at_again(void)
{
        backbeat_world(&w);
        backbeat_failure(&w, "k", V1);
        w.source->holds = true;
        backbeat_retry(&w, &r, "k", V1, false);
        world_failure(&w, "b", "k", V1, "aws", ",\"Attempts\":5");
        world_run(&w);
        backbeat_answer(&w, "k", V1);
        w.source->holds = false;
        world_run(&w);
        CHECK_INT(world_retry_published(&r), 1);
        CHECK_STR(w.entries[0].attempt, "6");
        end();
}

static void a_partition_that_leaves_ends_what_waits_for_the_source(void)
{
        backbeat_world(&w);
        backbeat_failure(&w, "k", V1);
        w.source->holds = true;
        backbeat_retry(&w, &r, "k", V1, false);
        world_revoke(&w, 0);
        backbeat_answer(&w, "k", V1);
        CHECK(r.done && r.failed);
        CHECK_STR(r.err.message, "partition 0 is not known any more; 0 of 1 committed");
        CHECK_INT(w.n_entries, 0);
        world_retry_deinit(&r);
        world_deinit(&w);
}

static void what_was_accepted_before_the_stop_is_answered(void)
{
        backbeat_world(&w);
        backbeat_failure(&w, "k", V1);
        w.source->holds = true;
        backbeat_retry(&w, &r, "k", V1, false);
        member_stop_retries(w.member);
        world_run(&w);
        CHECK(!r.done);
        backbeat_answer(&w, "k", V1);
        CHECK_INT(world_retry_published(&r), 1);
        end();
}

static void the_end_of_the_process_cancels_what_is_asked(void)
{
        backbeat_world(&w);
        backbeat_failure(&w, "k", V1);
        w.source->holds = true;
        backbeat_retry(&w, &r, "k", V1, false);
        CHECK_INT(w.source->open, 1);
        world_restart(&w, false);
        CHECK(r.done && r.failed);
        CHECK_INT(w.source->open, 0);
        CHECK_INT(w.source->canceled, 1);
        CHECK_INT(world_listed(&w), 1);
        end();
}

/* Of each the status entry is short enough, the retry entry around it is not. */
static void ask_for_too_large_ones(int n)
{
        enum { METADATA_BYTES = 700000 };
        static char text[METADATA_BYTES + 100], keys[64][8];
        int head = snprintf(text, sizeof text, "%s", "{\"versionId\":\"v1\",\"x\":\"");

        memset(text + head, 'x', METADATA_BYTES);
        memcpy(text + head + METADATA_BYTES, "\"}", sizeof "\"}");
        world_retry_init(&w, &r);
        for (int i = 0; i < n; i++) {
                snprintf(keys[i], sizeof keys[i], "k%d", i);
                world_failure(&w, "b", keys[i], V1, "aws", NULL);
                fake_source_found(w.source, "b", keys[i], V1, text);
                world_retry_add(&r, "b", keys[i], V1, "aws", false);
        }
        world_run(&w);
        w.publisher.max_record_bytes[PUBLISH_REPLICATION] = METADATA_BYTES + 450;
        world_retry_submit(&w, &r);
}

/* More than the memory of a batch holds: they are no part of the one that is open. */
static void what_is_too_large_takes_no_memory_of_the_next_transaction(void)
{
        enum { N = 60 };
        struct world_retry second;
        size_t bytes_of_one, bytes;

        backbeat_world(&w);
        w.config.max_transaction_bytes = 1 << 20;
        member_set_config(w.member, &w.config);
        w.hold_batches = true;
        backbeat_failure(&w, "first", V1);
        backbeat_failure(&w, "second", V1);
        backbeat_retry(&w, &other, "first", V1, false);
        CHECK(w.batch != NULL);
        backbeat_retry(&w, &second, "second", V1, false);
        bytes_of_one = w.member->batcher.open->arena.used;
        ask_for_too_large_ones(N);
        CHECK(r.done && !r.failed);
        CHECK(backbeat_skipped(&w, "too_large") == N);
        bytes = w.member->batcher.open->arena.used;
        CHECK_INT(bytes, bytes_of_one);
        w.hold_batches = false;
        world_answer(&w, PUBLISH_COMMITTED);
        CHECK_INT(w.n_entries, 2);
        world_retry_deinit(&other);
        world_retry_deinit(&second);
        end();
}

static void what_is_too_large_alone_makes_no_transaction(void)
{
        unsigned before;

        backbeat_world(&w);
        world_advance(&w, 1000);
        before = w.submits + w.offsets_alone;
        ask_for_too_large_ones(40);
        CHECK(r.done && !r.failed);
        CHECK(backbeat_skipped(&w, "too_large") == 40);
        CHECK_INT(w.submits + w.offsets_alone, before);
        end();
}

int main(void)
{
        log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
        RUN(a_status_entry_a_retry_entry_and_a_pending_record_in_this_order);
        RUN(without_a_status_topic_there_is_no_status_entry);
        RUN(an_object_without_versions_is_asked_for_as_it_is_now);
        RUN(the_entry_of_the_failure_is_kept);
        RUN(a_version_that_is_gone_is_left_out_and_stays_listed);
        RUN(what_the_source_does_not_tell_fails);
        RUN(sites_of_one_version_share_its_metadata_and_their_status);
        RUN(a_transaction_that_was_aborted_leaves_no_status_behind);
        RUN(entries_are_committed_as_they_are_ready);
        RUN(what_is_not_ready_at_the_deadline_was_never_published);
        RUN(a_transaction_holds_a_chunk);
        RUN(a_second_request_joins_one_that_waits_for_the_source);
        RUN(a_record_that_changes_meanwhile_is_looked_at_again);
        RUN(a_partition_that_leaves_ends_what_waits_for_the_source);
        RUN(what_was_accepted_before_the_stop_is_answered);
        RUN(the_end_of_the_process_cancels_what_is_asked);
        RUN(what_is_too_large_takes_no_memory_of_the_next_transaction);
        RUN(what_is_too_large_alone_makes_no_transaction);
        return 0;
}
