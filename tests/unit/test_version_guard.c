/* SPDX-License-Identifier: Apache-2.0 */
/* retry.version_guard: an old version is not put over a newer one. */
#include "backbeat_world.h"
#include "check.h"
#include "crr/base/log.h"

static struct world w;
static struct world_retry r;
static struct world_list list;

static void start(void)
{
        backbeat_world(&w);
        w.config.version_guard = true;
        member_set_config(w.member, &w.config);
}

static void end(void)
{
        world_retry_deinit(&r);
        world_check(&w);
        world_deinit(&w);
}

/* b/k: V1 failed, and V2 is the current version. */
static void start_with_newer(const char *newer)
{
        start();
        backbeat_failure(&w, "k", V1);
        fake_source_found(w.source, "b", "k", NULL, newer);
}

static void one_is_listed(bool superseded)
{
        world_list(&w, &list, NULL, 0, LIMIT_PAGE_ROWS, false);
        CHECK_INT(list.n, 1);
        CHECK_INT(list.rows[0].superseded, superseded);
        world_list_deinit(&list);
}

static void the_current_version_is_asked_for_once_and_published(void)
{
        start_with_newer(METADATA("v1", AT("aws", "FAILED")));
        backbeat_retry(&w, &r, "k", V1, false);
        CHECK_INT(world_retry_published(&r), 1);
        CHECK_INT(w.source->gets, 1);
        CHECK_INT(fake_source_gets_of(w.source, "b", "k", NULL), 1);
        CHECK(strstr(w.entries[0].value, "\\\"versionId\\\":\\\"v1\\\"") != NULL);
        end();
}

static void an_old_version_below_one_that_is_there_is_not_published(void)
{
        start_with_newer(METADATA("v2", AT("aws", "COMPLETED")));
        world_failure(&w, "b", "k", V1, "aws", ",\"Size\":7,\"Entry\":\"e\",\"Attempts\":3");
        world_run(&w);
        backbeat_retry(&w, &r, "k", V1, false);
        CHECK(r.done && !r.failed);
        CHECK_INT(r.entries[0].result, RETRY_SKIPPED);
        CHECK(backbeat_skipped(&w, "superseded") == 1);
        CHECK_INT(w.n_entries, 0);
        one_is_listed(true);
        CHECK_INT(list.rows[0].size, 7);
        CHECK_INT(list.rows[0].attempts, 3);
        end();
}

/* The table follows the log: what is listed is there after a restart, and where it stands. */
static void that_it_is_superseded_stands_in_the_log(void)
{
        const struct world_record *record;

        start_with_newer(METADATA("v2", AT("aws", "COMPLETED")));
        backbeat_retry(&w, &r, "k", V1, false);
        record = &w.logs[0].records[1];
        CHECK_INT(record->settles, 0);
        CHECK(strstr(record->value, "\"ReplicationStatus\":\"FAILED\"") != NULL);
        CHECK(strstr(record->value, "\"Superseded\":true") != NULL);
        world_restart(&w, false);
        one_is_listed(true);
        end();
}

static void the_next_retry_says_it_once(void)
{
        start_with_newer(METADATA("v2", AT("aws", "COMPLETED")));
        backbeat_retry(&w, &r, "k", V1, false);
        world_retry_deinit(&r);
        world_advance(&w, 2000);
        CHECK_INT(w.submits, 1);
        backbeat_retry(&w, &r, "k", V1, false);
        CHECK_INT(r.entries[0].result, RETRY_SKIPPED);
        CHECK_INT(w.submits, 1);
        one_is_listed(true);
        end();
}

/* Each row: the current version, and whether V1 is published all the same. */
static void what_does_not_supersede(void)
{
        static const struct {
                const char *current;
        } rows[] = {
                { METADATA("v2", AT("aws", "FAILED")) },
                { METADATA("v2", AT("aws", "PENDING")) },
                { METADATA("v2", AT("gcp", "COMPLETED")) },
                { METADATA("v1", AT("aws", "COMPLETED")) },
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                start_with_newer(rows[i].current);
                backbeat_retry(&w, &r, "k", V1, false);
                CHECK_INT(world_retry_published(&r), 1);
                CHECK(strstr(w.entries[0].value, "\\\"versionId\\\":\\\"v1\\\"") != NULL);
                end();
        }
}

/* As a listing has them: V1 is the newer one. */
static void the_destination_ends_with_the_current_version(void)
{
        start();
        backbeat_failure(&w, "k", V1);
        backbeat_failure(&w, "k", V2);
        fake_source_found(w.source, "b", "k", NULL, METADATA("v1", AT("aws", "FAILED")));
        world_retry_init(&w, &r);
        world_retry_add(&r, "b", "k", V1, "aws", false);
        world_retry_add(&r, "b", "k", V2, "aws", false);
        world_retry_submit(&w, &r);
        CHECK_INT(world_retry_published(&r), 2);
        CHECK_INT(w.n_entries, 2);
        CHECK(strstr(w.entries[0].value, "\\\"versionId\\\":\\\"v2\\\"") != NULL);
        CHECK(strstr(w.entries[1].value, "\\\"versionId\\\":\\\"v1\\\"") != NULL);
        CHECK_INT(w.source->gets, 2);
        end();
}

/* A delete marker, say. */
static void an_object_without_a_current_version_supersedes_nothing(void)
{
        start();
        backbeat_failure(&w, "k", V1);
        fake_source_gone(w.source, "b", "k", NULL);
        backbeat_retry(&w, &r, "k", V1, false);
        CHECK_INT(world_retry_published(&r), 1);
        end();
}

/* The ids differ, but of both the metadata says that they are one. */
static void an_id_that_is_spelled_otherwise_is_the_same_version(void)
{
        start();
        world_failure(&w, "b", "k", "spelled-otherwise", "aws", NULL);
        fake_source_found(w.source, "b", "k", "spelled-otherwise",
                          METADATA("v1", AT("aws", "COMPLETED")));
        fake_source_found(w.source, "b", "k", NULL, METADATA("v1", AT("aws", "COMPLETED")));
        world_run(&w);
        backbeat_retry(&w, &r, "k", "spelled-otherwise", false);
        CHECK_INT(world_retry_published(&r), 1);
        end();
}

static void without_an_answer_about_the_current_version_nothing_is_published(void)
{
        static const char *const answers[] = { NULL, "[]" };

        for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
                start();
                backbeat_failure(&w, "k", V1);
                if (answers[i] == NULL)
                        fake_source_unavailable(w.source, "b", "k", NULL, "down");
                else
                        fake_source_found(w.source, "b", "k", NULL, answers[i]);
                backbeat_retry(&w, &r, "k", V1, false);
                CHECK(r.done && r.failed);
                CHECK_INT(r.err.code, ERR_UNAVAILABLE);
                CHECK_INT(w.n_entries, 0);
                one_is_listed(false);
                end();
        }
}

static void force_overrides_and_the_next_failure_says_it_anew(void)
{
        start_with_newer(METADATA("v2", AT("aws", "COMPLETED")));
        backbeat_retry(&w, &r, "k", V1, false);
        world_retry_deinit(&r);
        one_is_listed(true);
        backbeat_retry(&w, &r, "k", V1, true);
        CHECK_INT(world_retry_published(&r), 1);
        CHECK_INT(world_listed(&w), 0);
        CHECK_INT(fake_source_gets_of(w.source, "b", "k", NULL), 1);
        CHECK(strstr(w.logs[0].records[w.logs[0].n - 2].value, "\"PENDING\"") != NULL);
        CHECK(strstr(w.logs[0].records[w.logs[0].n - 2].value, "Superseded") == NULL);
        world_failure(&w, "b", "k", V1, "aws", NULL);
        world_run(&w);
        one_is_listed(false);
        end();
}

static void a_version_that_is_gone_is_superseded_too(void)
{
        for (int force = 0; force < 2; force++) {
                start_with_newer(METADATA("v2", AT("aws", "FAILED")));
                fake_source_gone(w.source, "b", "k", V1);
                backbeat_retry(&w, &r, "k", V1, force != 0);
                CHECK(r.done && !r.failed);
                CHECK_INT(r.entries[0].result, RETRY_SKIPPED);
                CHECK(backbeat_skipped(&w, "source_gone") == 1);
                one_is_listed(true);
                end();
        }
}

static void without_the_guard_it_is_only_left_out(void)
{
        backbeat_world(&w);
        backbeat_failure(&w, "k", V1);
        fake_source_gone(w.source, "b", "k", V1);
        backbeat_retry(&w, &r, "k", V1, false);
        CHECK(backbeat_skipped(&w, "source_gone") == 1);
        CHECK_INT(w.submits, 0);
        one_is_listed(false);
        end();
}

static void what_nobody_knows_cannot_be_marked(void)
{
        start();
        backbeat_retry(&w, &r, "unknown", V1, true);
        CHECK(r.done && !r.failed);
        CHECK(backbeat_skipped(&w, "source_gone") == 1);
        CHECK_INT(w.submits, 0);
        end();
}

/* The mover was faster. */
static void a_record_that_came_meanwhile_is_looked_at_first(void)
{
        start_with_newer(METADATA("v2", AT("aws", "COMPLETED")));
        w.source->holds = true;
        backbeat_retry(&w, &r, "k", V1, false);
        world_tombstone(&w, "b", "k", V1, "aws");
        world_run(&w);
        backbeat_answer(&w, "k", NULL);
        w.source->holds = false;
        world_run(&w);
        CHECK(r.done && !r.failed);
        CHECK(backbeat_skipped(&w, "superseded") == 0);
        CHECK(backbeat_skipped(&w, "not_failed") == 1);
        CHECK_INT(w.submits, 0);
        end();
}

/* It is not forgotten: the settlement is owed until it is in the log. */
static void the_mark_survives_aborts(void)
{
        start_with_newer(METADATA("v2", AT("aws", "COMPLETED")));
        w.script = PUBLISH_ABORTED;
        backbeat_retry(&w, &r, "k", V1, false);
        CHECK(r.done && !r.failed);
        world_advance(&w, 500);
        one_is_listed(false);
        w.script = PUBLISH_COMMITTED;
        world_advance(&w, 20000);
        one_is_listed(true);
        end();
}

/* A newer record came before it was written: it is void. */
static void a_mark_of_an_older_record_is_void(void)
{
        start_with_newer(METADATA("v2", AT("aws", "COMPLETED")));
        w.hold_batches = true;
        backbeat_retry(&w, &r, "k", V1, false);
        world_failure(&w, "b", "k", V1, "aws", ",\"Attempts\":9");
        world_run(&w);
        w.hold_batches = false;
        world_answer(&w, PUBLISH_COMMITTED);
        world_advance(&w, 1000);
        one_is_listed(false);
        CHECK_INT(list.rows[0].attempts, 9);
        end();
}

/* Neither of the two waits for the guard any more, whatever of it is there. */
static void force_that_joins_one_that_waits_lifts_its_guard(void)
{
        struct world_retry forced;

        for (int is_answered = 0; is_answered < 2; is_answered++) {
                start_with_newer(METADATA("v2", AT("aws", "COMPLETED")));
                w.source->holds = true;
                backbeat_retry(&w, &r, "k", V1, false);
                if (is_answered)
                        backbeat_answer(&w, "k", NULL);
                backbeat_retry(&w, &forced, "k", V1, true);
                CHECK_INT(w.source->open, 1);
                backbeat_answer(&w, "k", V1);
                w.source->holds = false;
                world_run(&w);
                CHECK_INT(world_retry_published(&forced), 1);
                CHECK_INT(world_retry_published(&r), 1);
                CHECK_INT(w.n_entries, 1);
                world_retry_deinit(&forced);
                end();
        }
}

/* The one before it of the object was forced too, so that its own version was not asked for. */
static void force_that_joins_one_behind_another_lifts_its_guard(void)
{
        struct world_retry first, forced;

        start_with_newer(METADATA("v3", AT("aws", "COMPLETED")));
        backbeat_failure(&w, "k", V2);
        w.source->holds = true;
        backbeat_retry(&w, &first, "k", V2, true);
        backbeat_retry(&w, &r, "k", V1, false);
        backbeat_retry(&w, &forced, "k", V1, true);
        CHECK_INT(fake_source_gets_of(w.source, "b", "k", V1), 1);
        backbeat_answer(&w, "k", V1);
        CHECK(!forced.done);
        backbeat_answer(&w, "k", V2);
        w.source->holds = false;
        world_run(&w);
        CHECK_INT(world_retry_published(&first), 1);
        CHECK_INT(world_retry_published(&forced), 1);
        CHECK_INT(world_retry_published(&r), 1);
        world_retry_deinit(&first);
        world_retry_deinit(&forced);
        end();
}

static void force_for_a_second(struct world_retry *forced)
{
        world_retry_init(&w, forced);
        world_retry_add(forced, "b", "k", V1, "aws", true);
        forced->req.deadline_ms = w.now_ms + 1000;
        world_retry_submit(&w, forced);
}

/* Whether or not its own version is there already. */
static void force_that_is_given_up_leaves_the_guard_to_who_waits_with_it(void)
{
        struct world_retry forced;

        for (int is_answered = 0; is_answered < 2; is_answered++) {
                start_with_newer(METADATA("v2", AT("aws", "COMPLETED")));
                w.source->holds = true;
                w.hold_reads = true;
                world_failure(&w, "b", "k", V1, "aws", ",\"Entry\":\"e\"");
                world_run(&w);
                force_for_a_second(&forced);
                backbeat_retry(&w, &r, "k", V1, false);
                if (is_answered)
                        backbeat_answer(&w, "k", V1);
                world_advance(&w, 1100);
                CHECK(forced.done && forced.failed && !r.done);
                w.source->holds = w.hold_reads = false;
                world_run(&w);
                CHECK(r.done && !r.failed);
                CHECK_INT(r.entries[0].result, RETRY_SKIPPED);
                CHECK(backbeat_skipped(&w, "superseded") == 1);
                CHECK_INT(w.n_entries, 0);
                world_retry_deinit(&forced);
                end();
        }
}

static void force_stays_while_another_asks_for_it(void)
{
        struct world_retry forced, second;

        start_with_newer(METADATA("v2", AT("aws", "COMPLETED")));
        w.source->holds = true;
        force_for_a_second(&forced);
        backbeat_retry(&w, &r, "k", V1, false);
        backbeat_retry(&w, &second, "k", V1, true);
        world_advance(&w, 1100);
        CHECK(forced.done && forced.failed && !r.done);
        w.source->holds = false;
        world_run(&w);
        CHECK_INT(world_retry_published(&second), 1);
        CHECK_INT(world_retry_published(&r), 1);
        CHECK_INT(fake_source_gets_of(w.source, "b", "k", NULL), 0);
        world_retry_deinit(&forced);
        world_retry_deinit(&second);
        end();
}

/* The failure after a retry is merged with what was known: that is under way when it is found to be
 * superseded, and what it becomes says so. */
static void a_settlement_that_is_under_way_does_not_lose_the_mark(void)
{
        start_with_newer(METADATA("v1", AT("aws", "FAILED")));
        world_failure(&w, "b", "k", V1, "aws", ",\"Size\":7,\"Role\":\"r1\",\"Attempts\":3");
        world_run(&w);
        backbeat_retry(&w, &r, "k", V1, false);
        CHECK_INT(world_retry_published(&r), 1);
        world_retry_deinit(&r);
        world_advance(&w, 3000);
        w.hold_batches = true;
        world_failure(&w, "b", "k", V1, "aws", NULL);
        fake_source_found(w.source, "b", "k", NULL, METADATA("v2", AT("aws", "COMPLETED")));
        world_run(&w);
        CHECK(w.batch != NULL);
        backbeat_retry(&w, &r, "k", V1, false);
        CHECK(r.done && backbeat_skipped(&w, "superseded") == 1);
        w.hold_batches = false;
        world_answer(&w, PUBLISH_COMMITTED);
        world_advance(&w, 1000);
        one_is_listed(true);
        CHECK_INT(list.rows[0].size, 7);
        CHECK_INT(list.rows[0].attempts, 4);
        world_restart(&w, false);
        one_is_listed(true);
        end();
}

static void who_waits_with_force_that_is_given_up_in_the_queue_is_judged(void)
{
        struct world_retry forced, before;

        start_with_newer(METADATA("v2", AT("aws", "COMPLETED")));
        backbeat_failure(&w, "other", V1);
        w.hold_batches = true;
        backbeat_retry(&w, &before, "other", V1, true);
        CHECK(w.batch != NULL);
        force_for_a_second(&forced);
        backbeat_retry(&w, &r, "k", V1, false);
        world_advance(&w, 1100);
        CHECK(forced.done && forced.failed);
        w.hold_batches = false;
        world_answer(&w, PUBLISH_COMMITTED);
        world_run(&w);
        CHECK(r.done && !r.failed);
        CHECK_INT(r.entries[0].result, RETRY_SKIPPED);
        world_retry_deinit(&forced);
        world_retry_deinit(&before);
        end();
}

static void what_only_force_would_retry_is_left_out_when_it_is_given_up(void)
{
        struct world_retry forced;

        start();
        fake_source_found(w.source, "b", "k", V1, METADATA("v1", AT("aws", "FAILED")));
        fake_source_found(w.source, "b", "k", NULL, METADATA("v1", AT("aws", "FAILED")));
        w.source->holds = true;
        force_for_a_second(&forced);
        backbeat_retry(&w, &r, "k", V1, false);
        world_advance(&w, 1100);
        CHECK(forced.done && forced.failed && !r.done);
        w.source->holds = false;
        world_run(&w);
        CHECK(r.done && !r.failed);
        CHECK_INT(r.entries[0].result, RETRY_SKIPPED);
        world_retry_deinit(&forced);
        end();
}

int main(void)
{
        RUN(who_waits_with_force_that_is_given_up_in_the_queue_is_judged);
        RUN(what_only_force_would_retry_is_left_out_when_it_is_given_up);
        log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
        RUN(the_current_version_is_asked_for_once_and_published);
        RUN(an_old_version_below_one_that_is_there_is_not_published);
        RUN(that_it_is_superseded_stands_in_the_log);
        RUN(the_next_retry_says_it_once);
        RUN(what_does_not_supersede);
        RUN(the_destination_ends_with_the_current_version);
        RUN(an_object_without_a_current_version_supersedes_nothing);
        RUN(an_id_that_is_spelled_otherwise_is_the_same_version);
        RUN(without_an_answer_about_the_current_version_nothing_is_published);
        RUN(force_overrides_and_the_next_failure_says_it_anew);
        RUN(a_version_that_is_gone_is_superseded_too);
        RUN(without_the_guard_it_is_only_left_out);
        RUN(what_nobody_knows_cannot_be_marked);
        RUN(a_record_that_came_meanwhile_is_looked_at_first);
        RUN(the_mark_survives_aborts);
        RUN(a_mark_of_an_older_record_is_void);
        RUN(force_that_joins_one_that_waits_lifts_its_guard);
        RUN(force_that_joins_one_behind_another_lifts_its_guard);
        RUN(force_that_is_given_up_leaves_the_guard_to_who_waits_with_it);
        RUN(force_stays_while_another_asks_for_it);
        RUN(a_settlement_that_is_under_way_does_not_lose_the_mark);
        return 0;
}
