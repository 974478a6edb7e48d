/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of the source, how often, and in which order retries go on. */
#include "backbeat_world.h"
#include "check.h"
#include "crr/base/log.h"
#include "metadata_fetch.h"

static struct world w;
static struct world_retry r, later, last;

static void start(bool guard)
{
        backbeat_world(&w);
        w.config.version_guard = guard;
        member_set_config(w.member, &w.config);
        w.source->holds = true;
}

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
        start(false);
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
                start(false);
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
        start(false);
        backbeat_failure(&w, "k", V1);
        backbeat_failure(&w, "k", V3);
        world_failure(&w, "b", "k", "null", "aws", NULL);
        fake_source_found(w.source, "b", "k", "null", METADATA("n", AT("aws", "FAILED")));
        world_run(&w);
        submit_versions(&r, "null", V1);
        submit_versions(&later, "null", V3);
        w.source->holds = false;
        world_run(&w);
        CHECK_INT(w.n_entries, 3);
        CHECK(entry_is_of(0, "n") && entry_is_of(1, "v3") && entry_is_of(2, "v1"));
        world_retry_deinit(&later);
        end();
}

/* What was aborted goes before what waited meanwhile, encoded or not. */
static void the_order_outlives_an_abort(void)
{
        start(false);
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
        start(false);
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
        start(false);
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
        start(true);
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
        start(true);
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
        start(true);
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
        start(true);
        backbeat_failure(&w, "k", V1);
        backbeat_failure(&w, "k", V2);
        fake_source_found(w.source, "b", "k", NULL, METADATA("v2", AT("aws", "FAILED")));
        submit_versions(&r, V1, V2);
        backbeat_answer(&w, "k", NULL);
        backbeat_answer(&w, "k", V1);
        CHECK_INT(world_retry_published(&r), 2);
        CHECK_INT(w.source->canceled, 1);
        CHECK_INT(w.source->open, 0);
        end();
}

static void roles_do_not_share(void)
{
        start(false);
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
        start(false);
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

static void submit_many(struct world_retry *retry, char (*keys)[8], int n)
{
        world_retry_init(&w, retry);
        for (int i = 0; i < n; i++)
                world_retry_add(retry, "b", keys[i], V1, "aws", false);
        world_retry_submit(&w, retry);
}

static void not_too_many_are_asked_at_once(void)
{
        static char keys[256][8];

        start(false);
        for (int i = 0; i < 256; i++) {
                snprintf(keys[i], sizeof keys[i], "k%d", i);
                backbeat_failure(&w, keys[i], V1);
        }
        submit_many(&r, keys, 128);
        submit_many(&later, keys + 128, 128);
        CHECK_INT(w.source->open, SOURCE_GETS_OUT);
        w.source->holds = false;
        world_run(&w);
        CHECK_INT(w.source->most_open, SOURCE_GETS_OUT);
        CHECK_INT(w.n_entries, 256);
        world_retry_deinit(&later);
        end();
}

static char names[400][8];

static void many_failures(int n)
{
        for (int i = 0; i < n; i++) {
                snprintf(names[i], sizeof names[i], "k%d", i);
                backbeat_failure(&w, names[i], V1);
        }
}

static bool is_asked(int i, const char *version)
{
        return fake_source_find(w.source, "b", names[i], version) != NULL;
}

static void a_large_request_does_not_hold_up_a_small_one(void)
{
        start(false);
        many_failures(257);
        submit_many(&r, names, 128);
        submit_many(&later, names + 128, 128);
        submit_many(&last, names + 256, 1);
        CHECK(!is_asked(128, V1) && !is_asked(256, V1));
        backbeat_answer(&w, "k0", V1);
        backbeat_answer(&w, "k1", V1);
        CHECK(is_asked(128, V1) && is_asked(256, V1) && !is_asked(129, V1));
        w.source->holds = false;
        world_run(&w);
        CHECK(r.done && later.done && last.done);
        world_retry_deinit(&later);
        world_retry_deinit(&last);
        end();
}

/* Their current version is another one. */
static void what_was_answered_goes_on_before_all_others_were_asked(void)
{
        start(true);
        many_failures(256);
        for (int i = 0; i < 256; i++)
                fake_source_found(w.source, "b", names[i], NULL,
                                  METADATA("v2", AT("aws", "FAILED")));
        submit_many(&r, names, 128);
        submit_many(&later, names + 128, 128);
        backbeat_answer(&w, "k0", NULL);
        CHECK(is_asked(0, V1) && !is_asked(128, NULL));
        backbeat_answer(&w, "k0", V1);
        CHECK_INT(w.n_entries, 1);
        CHECK(is_asked(128, NULL));
        w.source->holds = false;
        world_run(&w);
        CHECK_INT(w.n_entries, 256);
        world_retry_deinit(&later);
        end();
}

/* Nor does that hold up what was not asked for yet. */
static void every_other_one_is_of_those_that_were_not_asked(void)
{
        start(true);
        many_failures(256);
        for (int i = 0; i < 256; i++)
                fake_source_found(w.source, "b", names[i], NULL,
                                  METADATA("v2", AT("aws", "FAILED")));
        submit_many(&r, names, 128);
        submit_many(&later, names + 128, 128);
        for (int i = 0; i < 4; i++)
                backbeat_answer(&w, names[i], NULL);
        CHECK(is_asked(0, V1) && is_asked(1, V1) && !is_asked(2, V1));
        CHECK(is_asked(128, NULL) && is_asked(129, NULL) && !is_asked(130, NULL));
        w.source->holds = false;
        world_run(&w);
        CHECK_INT(w.n_entries, 256);
        world_retry_deinit(&later);
        end();
}

/* 160 versions of one object, from the newest to the oldest; the first 128 are more than may be
 * kept. */
static void submit_large_versions(char *text, size_t size)
{
        static char ids[160][8];
        int n = snprintf(text, size, "{\"versionId\":\"v1\",\"x\":\"");

        memset(text + n, 'x', size - (size_t)n - 3);
        memcpy(text + size - 3, "\"}", 3);
        for (int i = 0; i < 160; i++) {
                snprintf(ids[i], sizeof ids[i], "%04x", i);
                world_failure(&w, "b", "k", ids[i], "aws", NULL);
                fake_source_found(w.source, "b", "k", ids[i], text);
        }
        world_run(&w);
        world_retry_init(&w, &r);
        world_retry_init(&w, &later);
        for (int i = 0; i < 160; i++)
                world_retry_add(i < 128 ? &r : &later, "b", "k", ids[i], "aws", false);
        world_retry_submit(&w, &r);
        world_retry_submit(&w, &later);
}

static void what_waits_for_its_order_is_not_piled_up(void)
{
        static char text[600 << 10];
        static const bool guards[] = { false, true };

        for (size_t i = 0; i < 2; i++) {
                start(guards[i]);
                w.config.has_status_topic = false;
                member_set_config(w.member, &w.config);
                fake_source_found(w.source, "b", "k", NULL, METADATA("new", AT("aws", "FAILED")));
                submit_large_versions(text, sizeof text);
                w.source->holds = false;
                for (int turn = 0; turn < 200 && w.n_entries < 160; turn++) {
                        world_advance(&w, 10);
                        CHECK(w.source->answered <= w.n_entries + SOURCE_GETS_OUT + 1);
                }
                CHECK_INT(w.n_entries, 160);
                world_retry_deinit(&later);
                end();
        }
}

/* Kafka is slow: what the source tells is not piled up. */
static void nothing_more_is_asked_while_transactions_are_full(void)
{
        static char keys[160][8], big[200 << 10];
        int n = snprintf(
                big, sizeof big,
                "{\"versionId\":\"v1\",\"replicationInfo\":{\"status\":"
                "\"FAILED\",\"backends\":[" AT(
                        "aws", "FAILED") "],"
                                         "\"content\":[\"DATA\"],\"destination\":\"d\","
                                         "\"storageClass\":\"aws\",\"role\":\"r\"},\"x\":\"");

        start(false);
        memset(big + n, 'x', sizeof big - (size_t)n - 3);
        memcpy(big + sizeof big - 3, "\"}", 3);
        for (int i = 0; i < 160; i++) {
                snprintf(keys[i], sizeof keys[i], "k%d", i);
                world_failure(&w, "b", keys[i], V1, "aws", NULL);
                fake_source_found(w.source, "b", keys[i], V1, big);
        }
        world_run(&w);
        member_on_publisher_lost(w.member);
        submit_many(&r, keys, 128);
        submit_many(&later, keys + 128, 32);
        w.source->holds = false;
        world_run(&w);
        CHECK_INT(w.source->gets, SOURCE_GETS_OUT);
        CHECK_INT(w.source->open, 0);
        world_publisher_ready(&w);
        CHECK_INT(w.source->gets, 160);
        CHECK_INT(w.n_entries, 160);
        world_retry_deinit(&later);
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
        RUN(not_too_many_are_asked_at_once);
        RUN(a_large_request_does_not_hold_up_a_small_one);
        RUN(what_was_answered_goes_on_before_all_others_were_asked);
        RUN(every_other_one_is_of_those_that_were_not_asked);
        RUN(what_waits_for_its_order_is_not_piled_up);
        RUN(nothing_more_is_asked_while_transactions_are_full);
        return 0;
}
