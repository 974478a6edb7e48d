/* SPDX-License-Identifier: Apache-2.0 */
/* When the source is asked: turns of requests, and bounds. */
#include "backbeat_world.h"
#include "check.h"
#include "crr/base/log.h"
#include "source_gets.h"

static struct world w;
static struct world_retry r, later, last;

static void end(void)
{
        world_retry_deinit(&r);
        world_deinit(&w);
}

static void submit_many(struct world_retry *retry, char (*keys)[8], int n)
{
        world_retry_init(&w, retry);
        for (int i = 0; i < n; i++)
                world_retry_add(retry, "b", keys[i], V1, "aws", false);
        world_retry_submit(&w, retry);
}

static char names[400][8];

static void many_failures(int n)
{
        for (int i = 0; i < n; i++) {
                snprintf(names[i], sizeof names[i], "k%d", i);
                backbeat_failure(&w, names[i], V1);
        }
}

static void not_too_many_are_asked_at_once(void)
{
        backbeat_world_held(&w, false);
        many_failures(256);
        submit_many(&r, names, 128);
        submit_many(&later, names + 128, 128);
        CHECK_INT(w.source->open, SOURCE_GETS_OUT);
        w.source->holds = false;
        world_run(&w);
        CHECK_INT(w.source->most_open, SOURCE_GETS_OUT);
        CHECK_INT(w.n_entries, 256);
        world_retry_deinit(&later);
        end();
}

static bool is_asked(int i, const char *version)
{
        return fake_source_find(w.source, "b", names[i], version) != NULL;
}

static void a_large_request_does_not_hold_up_a_small_one(void)
{
        backbeat_world_held(&w, false);
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
static void two_requests_of_old_versions(void)
{
        many_failures(256);
        for (int i = 0; i < 256; i++)
                fake_source_found(w.source, "b", names[i], NULL,
                                  METADATA("v2", AT("aws", "FAILED")));
        submit_many(&r, names, 128);
        submit_many(&later, names + 128, 128);
}

static void what_was_answered_goes_on_before_all_others_were_asked(void)
{
        backbeat_world_held(&w, true);
        two_requests_of_old_versions();
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
        backbeat_world_held(&w, true);
        two_requests_of_old_versions();
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

static void fill(struct world_retry *retry, int from, int n)
{
        world_retry_init(&w, retry);
        for (int i = from; i < from + n; i++)
                world_retry_add(retry, "b", names[i], V1, "aws", false);
}

static bool is_version_asked(const char *version)
{
        return fake_source_find(w.source, "b", "k", version) != NULL;
}

static void finish_all(void)
{
        w.source->holds = w.hold_batches = false;
        if (w.batch != NULL)
                world_answer(&w, PUBLISH_COMMITTED);
        world_run(&w);
        CHECK(r.done && later.done && last.done);
        world_retry_deinit(&later);
        world_retry_deinit(&last);
        end();
}

/* V1 is kept, and waits for what is older. */
static void what_an_older_version_was_put_before_has_its_turn_again(void)
{
        static struct world_retry older;

        backbeat_world_held(&w, false);
        many_failures(128 + 20);
        backbeat_failure(&w, "k", V1);
        backbeat_failure(&w, "k", V2);
        backbeat_failure(&w, "k", V3);
        backbeat_failure(&w, "k", "7634");
        fill(&r, 0, 126);
        world_retry_add(&r, "b", "k", V2, "aws", false);
        world_retry_add(&r, "b", "k", V1, "aws", false);
        world_retry_submit(&w, &r);
        backbeat_answer(&w, "k", V1);
        submit_many(&later, names + 126, 2);
        fill(&last, 128, 20);
        world_retry_add(&last, "b", "k", V3, "aws", false);
        world_retry_submit(&w, &last);
        backbeat_retry(&w, &older, "k", "7634", false);
        CHECK(!is_version_asked(V3) && !is_version_asked("7634"));
        backbeat_answer(&w, names[0], V1);
        CHECK(is_version_asked("7634"));
        for (int i = 1; i < 4; i++)
                backbeat_answer(&w, names[i], V1);
        CHECK(!is_version_asked(V3));
        finish_all();
        world_retry_deinit(&older);
}

static void what_is_shared_is_kept_too(void)
{
        backbeat_world_held(&w, false);
        many_failures(148);
        backbeat_failure(&w, "k", V1);
        backbeat_failure(&w, "k", V2);
        world_failure(&w, "b", "k", V1, "gcp", NULL);
        world_run(&w);
        w.hold_batches = true;
        w.source->holds = false;
        backbeat_retry(&w, &r, "k", V1, false);
        w.source->holds = true;
        fill(&later, 0, 128);
        world_retry_submit(&w, &later);
        fill(&last, 128, 20);
        world_retry_add(&last, "b", "k", V1, "gcp", false);
        world_retry_add(&last, "b", "k", V2, "aws", false);
        world_retry_submit(&w, &last);
        CHECK(!is_version_asked(V2));
        backbeat_answer(&w, names[0], V1);
        CHECK(is_version_asked(V2));
        finish_all();
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
                backbeat_world_held(&w, guards[i]);
                w.source->latency_ms = 10;
                w.config.has_status_topic = false;
                member_set_config(w.member, &w.config);
                fake_source_found(w.source, "b", "k", NULL, METADATA("new", AT("aws", "FAILED")));
                submit_large_versions(text, sizeof text);
                w.source->holds = false;
                for (int turn = 0; turn < 500 && w.n_entries < 160; turn++) {
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
        static char keys[160][8], big[270 << 10];
        int n = snprintf(
                big, sizeof big,
                "{\"versionId\":\"v1\",\"replicationInfo\":{\"status\":"
                "\"FAILED\",\"backends\":[" AT(
                        "aws", "FAILED") "],"
                                         "\"content\":[\"DATA\"],\"destination\":\"d\","
                                         "\"storageClass\":\"aws\",\"role\":\"r\"},\"x\":\"");

        backbeat_world_held(&w, false);
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
        RUN(not_too_many_are_asked_at_once);
        RUN(a_large_request_does_not_hold_up_a_small_one);
        RUN(what_was_answered_goes_on_before_all_others_were_asked);
        RUN(every_other_one_is_of_those_that_were_not_asked);
        RUN(what_an_older_version_was_put_before_has_its_turn_again);
        RUN(what_is_shared_is_kept_too);
        RUN(what_waits_for_its_order_is_not_piled_up);
        RUN(nothing_more_is_asked_while_transactions_are_full);
        return 0;
}
