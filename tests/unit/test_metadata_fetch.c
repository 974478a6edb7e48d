/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of the source, how often, and in which order retries go on. */
#include "backbeat_world.h"
#include "check.h"
#include "crr/base/log.h"

static struct world w;
static struct world_retry r, later, last;

static void end(void)
{
        world_retry_deinit(&r);
        world_deinit(&w);
}

static void submit_versions(struct world_retry *retry, const char *first, const char *second)
{
        world_retry_init(&w, retry);
        world_retry_add(retry, "b", "k", first, "aws", false);
        if (second != NULL)
                world_retry_add(retry, "b", "k", second, "aws", false);
        world_retry_submit(&w, retry);
}

static bool entry_is_of(size_t i, const char *raw_version)
{
        char want[64];

        snprintf(want, sizeof want, "\\\"versionId\\\":\\\"%s\\\"", raw_version);
        return i < w.n_entries && strstr(w.entries[i].value, want) != NULL;
}

/* V3 is the oldest: ids begin with the time, counted backwards. */
static void of_the_versions_of_an_object_the_older_one_goes_first(void)
{
        backbeat_world_held(&w, false);
        backbeat_failure(&w, "k", V1);
        backbeat_failure(&w, "k", V2);
        backbeat_failure(&w, "k", V3);
        submit_versions(&r, V1, V3);
        submit_versions(&later, V2, NULL);
        backbeat_answer(&w, "k", V1);
        backbeat_answer(&w, "k", V2);
        CHECK_INT(w.n_entries, 0);
        backbeat_answer(&w, "k", V3);
        CHECK_INT(w.n_entries, 3);
        CHECK(entry_is_of(0, "v3") && entry_is_of(1, "v2") && entry_is_of(2, "v1"));
        world_retry_deinit(&later);
        end();
}

/* No id, that of a null version, one that is not Backbeat's. */
static void what_does_not_tell_its_age_keeps_the_order_of_submission(void)
{
        static const char *const ids[] = { "", "null", "7631-of-another-store" };

        for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
                backbeat_world_held(&w, false);
                backbeat_failure(&w, "k", V2);
                backbeat_failure(&w, "k", V1);
                world_failure(&w, "b", "k", ids[i], "aws", NULL);
                fake_source_found(w.source, "b", "k", ids[i][0] != '\0' ? ids[i] : NULL,
                                  METADATA("n", AT("aws", "FAILED")));
                world_run(&w);
                submit_versions(&r, V2, ids[i]);
                submit_versions(&later, V1, NULL);
                w.source->holds = false;
                world_run(&w);
                CHECK_INT(w.n_entries, 3);
                CHECK(entry_is_of(0, "v2") && entry_is_of(1, "n") && entry_is_of(2, "v1"));
                world_retry_deinit(&later);
                end();
        }
}

static void an_older_version_goes_before_newer_ones_whatever_is_between_them(void)
{
        backbeat_world_held(&w, false);
        backbeat_failure(&w, "k", V1);
        backbeat_failure(&w, "k", V2);
        backbeat_failure(&w, "k", V3);
        world_failure(&w, "b", "k", "null", "aws", NULL);
        fake_source_found(w.source, "b", "k", "null", METADATA("n", AT("aws", "FAILED")));
        world_run(&w);
        submit_versions(&r, V3, V1);
        submit_versions(&later, "null", V2);
        w.source->holds = false;
        world_run(&w);
        CHECK_INT(w.n_entries, 4);
        CHECK(entry_is_of(0, "v3") && entry_is_of(1, "v2") && entry_is_of(2, "v1") &&
              entry_is_of(3, "n"));
        world_retry_deinit(&later);
        end();
}

/* What was aborted goes before what waited meanwhile, encoded or not. */
static void the_order_outlives_an_abort(void)
{
        backbeat_world_held(&w, false);
        backbeat_failure(&w, "k", V1);
        backbeat_failure(&w, "k", V2);
        backbeat_failure(&w, "k", V3);
        w.source->holds = false;
        w.hold_batches = true;
        submit_versions(&r, V2, NULL);
        submit_versions(&later, V3, V1);
        w.hold_batches = false;
        world_answer(&w, PUBLISH_ABORTED);
        CHECK_INT(w.n_entries, 3);
        CHECK(entry_is_of(0, "v2") && entry_is_of(1, "v3") && entry_is_of(2, "v1"));
        world_retry_deinit(&later);
        end();
}

static void one_that_fails_lets_the_next_go_on(void)
{
        backbeat_world_held(&w, false);
        backbeat_failure(&w, "k", V1);
        backbeat_failure(&w, "k", V2);
        submit_versions(&r, V2, V1);
        backbeat_answer(&w, "k", V1);
        fake_source_unavailable(w.source, "b", "k", V2, "down");
        backbeat_answer(&w, "k", V2);
        CHECK(r.done && r.failed);
        CHECK_INT(w.n_entries, 1);
        CHECK(entry_is_of(0, "v1"));
        end();
}

static void one_that_is_given_up_lets_the_next_go_on(void)
{
        backbeat_world_held(&w, false);
        backbeat_failure(&w, "k", V1);
        backbeat_failure(&w, "k", V2);
        world_retry_init(&w, &r);
        world_retry_add(&r, "b", "k", V2, "aws", false);
        r.req.deadline_ms = w.now_ms + 1000;
        world_retry_submit(&w, &r);
        submit_versions(&later, V1, NULL);
        backbeat_answer(&w, "k", V1);
        CHECK(!later.done);
        world_advance(&w, 1100);
        CHECK(r.done && r.failed);
        CHECK(later.done && !later.failed);
        CHECK_INT(w.source->canceled, 1);
        world_retry_deinit(&later);
        end();
}

/* At most one of them is the current version: the others are asked for at once. */
static void the_current_version_is_asked_for_once_an_object(void)
{
        backbeat_world_held(&w, true);
        backbeat_failure(&w, "k", V1);
        backbeat_failure(&w, "k", V2);
        backbeat_failure(&w, "k", V3);
        fake_source_found(w.source, "b", "k", NULL, METADATA("v1", AT("aws", "FAILED")));
        submit_versions(&r, V1, V2);
        submit_versions(&later, V3, NULL);
        CHECK_INT(w.source->gets, 3);
        backbeat_answer(&w, "k", NULL);
        backbeat_answer(&w, "k", V3);
        CHECK_INT(w.n_entries, 1);
        backbeat_answer(&w, "k", V2);
        CHECK_INT(fake_source_gets_of(w.source, "b", "k", V1), 0);
        CHECK_INT(w.n_entries, 3);
        CHECK(entry_is_of(0, "v3") && entry_is_of(1, "v2") && entry_is_of(2, "v1"));
        world_retry_deinit(&later);
        end();
}

static void submit_sites(void)
{
        world_failure(&w, "b", "k", V1, "aws", NULL);
        world_failure(&w, "b", "k", V1, "gcp", NULL);
        world_run(&w);
        world_retry_init(&w, &r);
        world_retry_add(&r, "b", "k", V1, "aws", false);
        world_retry_add(&r, "b", "k", V1, "gcp", false);
        world_retry_submit(&w, &r);
}

static void the_sites_of_the_current_version_share_one_get(void)
{
        backbeat_world_held(&w, true);
        fake_source_found(w.source, "b", "k", NULL, METADATA("v1", AT("aws", "FAILED")));
        submit_sites();
        CHECK_INT(w.source->gets, 1);
        backbeat_answer(&w, "k", NULL);
        CHECK_INT(world_retry_published(&r), 2);
        CHECK_INT(w.source->gets, 1);
        end();
}

static void the_sites_of_another_version_share_its_own(void)
{
        backbeat_world_held(&w, true);
        fake_source_found(w.source, "b", "k", NULL, METADATA("v2", AT("aws", "FAILED")));
        fake_source_found(w.source, "b", "k", V1, METADATA("v1", AT("aws", "FAILED")));
        submit_sites();
        backbeat_answer(&w, "k", NULL);
        backbeat_answer(&w, "k", V1);
        CHECK_INT(world_retry_published(&r), 2);
        CHECK_INT(w.source->gets, 2);
        end();
}

/* Of the later ones one may be the current version: its own is not needed then. */
static void what_is_not_needed_any_more_is_canceled(void)
{
        backbeat_world_held(&w, true);
        backbeat_failure(&w, "k", V1);
        backbeat_failure(&w, "k", V2);
        fake_source_found(w.source, "b", "k", NULL, METADATA("v1", AT("aws", "FAILED")));
        submit_versions(&r, V2, V1);
        CHECK_INT(w.source->gets, 2);
        backbeat_answer(&w, "k", NULL);
        backbeat_answer(&w, "k", V2);
        CHECK_INT(world_retry_published(&r), 2);
        CHECK_INT(w.source->canceled, 1);
        CHECK_INT(w.source->open, 0);
        end();
}

static void roles_do_not_share(void)
{
        backbeat_world_held(&w, false);
        world_failure(&w, "b", "k", V1, "aws", ",\"Role\":\"one\"");
        world_failure(&w, "b", "k", V1, "gcp", ",\"Role\":\"two\"");
        fake_source_found(w.source, "b", "k", V1, METADATA("v1", AT("aws", "FAILED")));
        world_run(&w);
        world_retry_init(&w, &r);
        world_retry_add(&r, "b", "k", V1, "aws", false);
        world_retry_add(&r, "b", "k", V1, "gcp", false);
        world_retry_submit(&w, &r);
        CHECK_INT(w.source->gets, 2);
        CHECK_STR(w.source->last_role, "two");
        w.source->holds = false;
        world_run(&w);
        CHECK_INT(world_retry_published(&r), 2);
        end();
}

static void an_answer_is_not_kept_for_those_who_come_much_later(void)
{
        backbeat_world_held(&w, false);
        backbeat_failure(&w, "k", V1);
        world_failure(&w, "b", "k", V1, "gcp", NULL);
        world_failure(&w, "b", "k", V1, "azure", NULL);
        world_run(&w);
        w.hold_batches = true;
        w.source->holds = false;
        submit_versions(&r, V1, NULL);
        CHECK_INT(w.source->gets, 1);
        world_retry_init(&w, &later);
        world_retry_add(&later, "b", "k", V1, "gcp", false);
        world_retry_submit(&w, &later);
        CHECK_INT(w.source->gets, 1);
        world_advance(&w, 1000);
        world_retry_init(&w, &last);
        world_retry_add(&last, "b", "k", V1, "azure", false);
        world_retry_submit(&w, &last);
        CHECK_INT(w.source->gets, 2);
        w.hold_batches = false;
        world_answer(&w, PUBLISH_COMMITTED);
        CHECK(r.done && later.done && last.done);
        world_retry_deinit(&later);
        world_retry_deinit(&last);
        end();
}

int main(void)
{
        log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
        RUN(of_the_versions_of_an_object_the_older_one_goes_first);
        RUN(what_does_not_tell_its_age_keeps_the_order_of_submission);
        RUN(an_older_version_goes_before_newer_ones_whatever_is_between_them);
        RUN(the_order_outlives_an_abort);
        RUN(one_that_fails_lets_the_next_go_on);
        RUN(one_that_is_given_up_lets_the_next_go_on);
        RUN(the_current_version_is_asked_for_once_an_object);
        RUN(the_sites_of_the_current_version_share_one_get);
        RUN(the_sites_of_another_version_share_its_own);
        RUN(what_is_not_needed_any_more_is_canceled);
        RUN(roles_do_not_share);
        RUN(an_answer_is_not_kept_for_those_who_come_much_later);
        return 0;
}
