/* SPDX-License-Identifier: Apache-2.0 */
/* What the door makes of other members' answers, when who owns what changes meanwhile. */
#include "check.h"
#include "peers_fixture.h"

#define A "http://a:1;ready;7;member-a;crr-a;1"
#define B "http://b:1;ready;8;member-b;crr-b;1"

static struct peers_fixture f;
static struct world_list list;
static struct world_retry retry, second;

/* LISTS AND OBJECTS */

static struct {
        struct get_request req;
        struct arena arena;
        int rows;
        bool done, failed;
} got;

static void on_row(struct get_request *req, const struct failure *failure)
{
        CHECK(req->site.base == NULL || str_eq(failure->id.site, req->site));
        got.rows++;
}

static void on_got(struct get_request *req, const struct error *err)
{
        CHECK(!got.done);
        got.done = true;
        got.failed = err != NULL;
}

static void end_get(void)
{
        arena_deinit(&got.arena);
        world_deinit(&f.world);
}

/* What can be done at once. site NULL: every one. */
static void get(const char *key, const char *site)
{
        memset(&got, 0, sizeof got);
        arena_init(&got.arena, 1u << 20);
        got.req = (struct get_request){ .bucket = STR("b"),
                                        .key = str_from(key),
                                        .version_id = STR("v"),
                                        .site = site != NULL ? str_from(site) : STR_ABSENT,
                                        .arena = &got.arena,
                                        .row = on_row,
                                        .done = on_got };
        retry_service_get(f.world.door, &got.req);
        world_run(&f.world);
}

static void what_an_owner_has_told_it_is_not_asked_again(void)
{
        peers_fixture_start(&f, A, B);
        get("k", NULL);
        CHECK_INT(f.n, 2);
        CHECK_INT(peers_fixture_asked_for(&f, 0), 1 << 1);
        CHECK_INT(peers_fixture_asked_for(&f, 1), 1 << 2);
        peers_fixture_claim(&f, 1, B);
        peers_fixture_answer(&f, 1, PEER_ANSWERED);
        peers_fixture_answer(&f, 0, PEER_NOT_MINE);
        CHECK_INT(f.n, 3);
        CHECK_INT(peers_fixture_asked_for(&f, 2), 1 << 1);
        peers_fixture_answer(&f, 2, PEER_ANSWERED);
        CHECK(got.done && !got.failed);
        end_get();
}

static struct failure failure_of(const char *key, const char *site, int partition)
{
        return (struct failure){ .id = { STR("b"), str_from(key), STR("v"), str_from(site) },
                                 .state = FAILURE_FAILED,
                                 .partition = partition };
}

static void answer_with(size_t i, struct failure *rows, size_t n)
{
        f.calls[i]->rows = rows;
        f.calls[i]->n_rows = n;
        peers_fixture_answer(&f, i, PEER_ANSWERED);
}

static void an_identity_that_is_ours_is_found_without_asking(void)
{
        peers_fixture_start(&f, A, NULL);
        world_failure(&f.world, "b", peers_fixture_key_of(&f, 0), "v", "s", NULL);
        world_run(&f.world);
        get(peers_fixture_key_of(&f, 0), "s");
        CHECK(got.done && !got.failed && coverage_is_whole(&got.req.coverage));
        CHECK_INT(got.rows, 1);
        CHECK_INT(f.n, 0);
        end_get();
}

static void an_identity_of_another_is_asked_of_its_owner_alone(void)
{
        const char *key;
        struct failure rows[2];

        peers_fixture_start(&f, A, NULL);
        key = peers_fixture_key_of(&f, 1);
        rows[0] = failure_of(key, "other", 1); /* it does not know of sites in questions */
        rows[1] = failure_of(key, "s", 1);
        get(key, "s");
        CHECK_INT(f.n, 1);
        CHECK_INT(peers_fixture_asked_for(&f, 0), 1 << 1);
        CHECK(str_eq_c(f.calls[0]->site, "s"));
        answer_with(0, rows, 2);
        CHECK(got.done && !got.failed && coverage_is_whole(&got.req.coverage));
        CHECK_INT(got.rows, 1);
        CHECK_INT(f.n, 1);
        end_get();
}

static void an_identity_that_is_not_at_home_is_asked_of_all(void)
{
        const char *key;
        struct failure rows[2];

        peers_fixture_start(&f, A, B);
        key = peers_fixture_key_of(&f, 0);
        rows[0] = failure_of(key, "s", 2);
        rows[1] = failure_of(key, "other", 2);
        get(key, "s");
        CHECK_INT(f.n, 2);
        CHECK_INT(peers_fixture_asked_for(&f, 0), 1 << 1);
        CHECK_INT(peers_fixture_asked_for(&f, 1), 1 << 2);
        peers_fixture_answer(&f, 0, PEER_ANSWERED);
        answer_with(1, rows, 2);
        CHECK(got.done && !got.failed);
        CHECK_INT(got.rows, 1);
        end_get();
}

static void what_its_owner_does_not_have_is_asked_of_the_others(void)
{
        peers_fixture_start(&f, A, B);
        get(peers_fixture_key_of(&f, 1), "s");
        peers_fixture_answer(&f, 0, PEER_ANSWERED);
        CHECK(!got.done);
        CHECK_INT(f.n, 2);
        CHECK_INT(peers_fixture_asked_for(&f, 1), 1 << 2);
        peers_fixture_answer(&f, 1, PEER_ANSWERED);
        CHECK(got.done && !got.failed);
        CHECK_INT(got.rows, 0);
        end_get();
}

static void what_is_not_at_home_needs_every_partition(void)
{
        peers_fixture_start(&f, A, NULL);
        get(peers_fixture_key_of(&f, 0), "s");
        peers_fixture_answer(&f, 0, PEER_ANSWERED);
        CHECK(got.done && got.failed);
        CHECK(partition_set_has(&got.req.coverage.missing, 2));
        CHECK_INT(partition_set_count(&got.req.coverage.missing), 1);
        end_get();
}

static void begin_list(void)
{
        memset(&list, 0, sizeof list);
        arena_init(&list.arena, 1u << 20);
}

static void on_listed(struct list_request *req, const struct error *err)
{
        struct world_list *l = req->data;

        l->done = true;
        l->failed = err != NULL;
}

static void on_list_row(struct list_request *req, const struct failure *failure)
{
        (void)req;
        (void)failure;
}

static void who_has_lost_one_partition_is_asked_for_the_others_again(void)
{
        peers_fixture_start(&f, A, A);
        begin_list();
        list.req = (struct list_request){ .data = &list,
                                          .max_rows = 10,
                                          .arena = &list.arena,
                                          .row = on_list_row,
                                          .done = on_listed };
        retry_service_list(f.world.door, &list.req);
        world_run(&f.world);
        CHECK_INT(f.n, 1);
        CHECK_INT(peers_fixture_asked_for(&f, 0), 1 << 1 | 1 << 2);
        peers_fixture_claim(&f, 2, B);
        peers_fixture_answer(&f, 0, PEER_NOT_MINE);
        CHECK_INT(f.n, 3);
        CHECK_INT(peers_fixture_asked_for(&f, 1) | peers_fixture_asked_for(&f, 2), 1 << 1 | 1 << 2);
        peers_fixture_answer(&f, 1, PEER_ANSWERED);
        peers_fixture_answer(&f, 2, PEER_ANSWERED);
        CHECK(list.done && !list.failed);
        world_list_deinit(&list);
        world_deinit(&f.world);
}

/* RETRIES */

static void who_has_lost_one_partition_is_asked_to_retry_the_others(void)
{
        peers_fixture_start(&f, A, A);
        world_retry_init(&f.world, &retry);
        peers_fixture_add(&f, &retry, 1);
        peers_fixture_add(&f, &retry, 2);
        world_retry_submit(&f.world, &retry);
        CHECK_INT(f.n, 1);
        CHECK_INT(f.calls[0]->n_entries, 2);
        peers_fixture_claim(&f, 2, B);
        peers_fixture_answer(&f, 0, PEER_NOT_MINE);
        CHECK_INT(f.n, 3);
        peers_fixture_answer_retry(&f, 1, RETRY_PUBLISHED);
        peers_fixture_answer_retry(&f, 2, RETRY_PUBLISHED);
        CHECK(retry.done && !retry.failed);
        CHECK_INT(world_retry_published(&retry), 2);
        world_retry_deinit(&retry);
        world_deinit(&f.world);
}

/* What nobody else owns by now is not its own. */
static void who_owns_all_and_says_it_does_not_is_not_asked_again(void)
{
        peers_fixture_start(&f, A, A);
        world_retry_init(&f.world, &retry);
        peers_fixture_add(&f, &retry, 1);
        world_retry_submit(&f.world, &retry);
        peers_fixture_answer(&f, 0, PEER_NOT_MINE);
        CHECK_INT(f.n, 1);
        CHECK(retry.done && retry.failed && retry.err.code == ERR_UNAVAILABLE);
        CHECK_INT(retry.entries[0].result, RETRY_FAILED);
        world_retry_deinit(&retry);
        world_deinit(&f.world);
}

static void what_was_lost_once_and_fails_then_may_be_done(void)
{
        peers_fixture_start(&f, A, B);
        world_retry_init(&f.world, &retry);
        peers_fixture_add(&f, &retry, 1);
        world_retry_submit(&f.world, &retry);
        peers_fixture_answer(&f, 0, PEER_LOST);
        CHECK_INT(f.n, 2);
        CHECK(f.calls[1]->again);
        peers_fixture_answer_retry(&f, 1, RETRY_FAILED);
        CHECK(retry.done && retry.failed && retry.err.code == ERR_GATEWAY_TIMEOUT);
        CHECK_INT(retry.entries[0].result, RETRY_UNKNOWN);
        world_retry_deinit(&retry);
        world_deinit(&f.world);
}

/* Until whoever was asked is known to stand still. */
static void ask_who_stands_still(bool sends_nothing)
{
        peers_fixture_start(&f, A, B);
        f.sends_nothing = sends_nothing;
        world_retry_init(&f.world, &retry);
        peers_fixture_add(&f, &retry, 1);
        world_retry_submit(&f.world, &retry);
        world_advance(&f.world, 1100);
        CHECK_INT(f.n, 2);
        CHECK_INT(f.calls[1]->question, PEER_STATUS);
        CHECK(!retry.done);
}

static void check_outcome(enum retry_result result, enum error_code code)
{
        CHECK(retry.done && retry.failed);
        CHECK_INT(retry.entries[0].result, result);
        CHECK_INT(retry.err.code, code);
        world_retry_deinit(&retry);
        world_deinit(&f.world);
}

static void what_was_asked_of_a_member_that_stands_still_may_be_done(void)
{
        ask_who_stands_still(false);
        peers_fixture_answer(&f, 1, PEER_LOST);
        CHECK(f.calls[0] == NULL);
        check_outcome(RETRY_UNKNOWN, ERR_GATEWAY_TIMEOUT);
}

static void what_was_never_sent_to_it_is_not_done(void)
{
        ask_who_stands_still(true);
        peers_fixture_answer(&f, 1, PEER_LOST);
        CHECK(f.calls[0] == NULL);
        check_outcome(RETRY_FAILED, ERR_UNAVAILABLE);
}

static void at_the_end_of_its_time_a_request_was_sent_or_not(void)
{
        static const bool nothing[] = { false, true };

        for (size_t i = 0; i < 2; i++) {
                ask_who_stands_still(nothing[i]);
                retry.req.deadline_ms = f.world.now_ms;
                peers_fixture_answer(&f, 1, PEER_ANSWERED);
                check_outcome(nothing[i] ? RETRY_FAILED : RETRY_UNKNOWN,
                              nothing[i] ? ERR_UNAVAILABLE : ERR_GATEWAY_TIMEOUT);
        }
}

static void what_our_own_part_lacks_is_named(void)
{
        peers_fixture_start(&f, A, B);
        world_retry_init(&f.world, &retry);
        retry.req.partial = true;
        peers_fixture_add(&f, &retry, 0);
        peers_fixture_add(&f, &retry, 1);
        retry_service_retry(f.world.door, &retry.req);
        retry_service_work(f.world.door);
        CHECK_INT(f.n, 1);
        world_revoke(&f.world, 0);
        world_run(&f.world);
        peers_fixture_answer_retry(&f, 0, RETRY_PUBLISHED);
        CHECK(retry.done && !retry.failed);
        CHECK_INT(retry.entries[0].result, RETRY_SKIPPED);
        CHECK(partition_set_has(&retry.req.coverage.missing, 0));
        CHECK(!partition_set_has(&retry.req.coverage.missing, 1));
        world_retry_deinit(&retry);
        world_deinit(&f.world);
}

static void whoever_waits_for_an_owner_in_vain_was_not_left_out(void)
{
        peers_fixture_start(&f, A, NULL);
        world_retry_init(&f.world, &retry);
        retry.req.partial = true;
        retry.req.deadline_ms = f.world.now_ms + 400;
        f.world.registry_fails = true;
        peers_fixture_add(&f, &retry, 1);
        peers_fixture_add(&f, &retry, 2);
        world_retry_submit(&f.world, &retry);
        world_advance(&f.world, 500);
        CHECK(retry.done && retry.failed && retry.err.code == ERR_UNAVAILABLE);
        CHECK_INT(retry.entries[0].result, RETRY_FAILED);
        CHECK_INT(retry.entries[1].result, RETRY_FAILED);
        world_retry_deinit(&retry);
        world_deinit(&f.world);
}

/* The first question was on its way for so long that its repetition was served before it, and the
 * retry failed again. */
static void a_question_that_comes_after_its_repetition_publishes_nothing(void)
{
        peers_fixture_start(&f, A, B);
        world_failure(&f.world, "b", peers_fixture_key_of(&f, 0), "v", "s", NULL);
        world_run(&f.world);
        world_retry_init(&f.world, &retry);
        retry.req.again = true;
        peers_fixture_add(&f, &retry, 0);
        world_retry_submit(&f.world, &retry);
        CHECK_INT(world_retry_published(&retry), 1);
        world_failure(&f.world, "b", peers_fixture_key_of(&f, 0), "v", "s", NULL);
        world_advance(&f.world, 500);
        world_retry_init(&f.world, &second);
        second.req.retry_id = retry.req.retry_id;
        second.req.scope = (struct local_scope){ .is_local = true, .n_partitions = 3 };
        peers_fixture_add(&f, &second, 0);
        world_retry_submit(&f.world, &second);
        CHECK(second.done && !second.failed);
        CHECK_INT(world_retry_published(&second), 1);
        CHECK_INT(f.world.n_entries, 1);
        world_retry_deinit(&second);
        world_retry_deinit(&retry);
        world_deinit(&f.world);
}

int main(void)
{
        RUN(what_an_owner_has_told_it_is_not_asked_again);
        RUN(an_identity_that_is_ours_is_found_without_asking);
        RUN(an_identity_of_another_is_asked_of_its_owner_alone);
        RUN(an_identity_that_is_not_at_home_is_asked_of_all);
        RUN(what_its_owner_does_not_have_is_asked_of_the_others);
        RUN(what_is_not_at_home_needs_every_partition);
        RUN(who_has_lost_one_partition_is_asked_for_the_others_again);
        RUN(who_has_lost_one_partition_is_asked_to_retry_the_others);
        RUN(who_owns_all_and_says_it_does_not_is_not_asked_again);
        RUN(what_was_lost_once_and_fails_then_may_be_done);
        RUN(what_was_asked_of_a_member_that_stands_still_may_be_done);
        RUN(what_was_never_sent_to_it_is_not_done);
        RUN(at_the_end_of_its_time_a_request_was_sent_or_not);
        RUN(what_our_own_part_lacks_is_named);
        RUN(whoever_waits_for_an_owner_in_vain_was_not_left_out);
        RUN(a_question_that_comes_after_its_repetition_publishes_nothing);
        return 0;
}
