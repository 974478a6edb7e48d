/* SPDX-License-Identifier: Apache-2.0 */
/* A member that does not answer is waited for once, and probed until it does. */
#include "check.h"
#include "peers_fixture.h"

#define A       "http://a:1;ready;7;member-a;crr-a;1"
#define A_ANEW  "http://a:1;ready;9;member-a;crr-a;1"
#define B       "http://b:1;ready;8;member-b;crr-b;1"
#define A_IS(t) str_eq_c(STR("http://a:1"), t)

static struct peers_fixture f;
static struct world_list list;
static struct world_retry retry;

static void on_row(struct list_request *req, const struct failure *failure)
{
        (void)req;
        (void)failure;
}

static void on_listed(struct list_request *req, const struct error *err)
{
        list.done = true;
        list.failed = err != NULL;
}

static void begin_list(bool partial)
{
        world_list_deinit(&list);
        memset(&list, 0, sizeof list);
        arena_init(&list.arena, 1u << 20);
        list.req = (struct list_request){ .max_rows = 10,
                                          .partial = partial,
                                          .arena = &list.arena,
                                          .row = on_row,
                                          .done = on_listed };
        retry_service_list(f.world.door, &list.req);
}

static void end_all(void)
{
        world_deinit(&f.world);
        world_list_deinit(&list);
        memset(&list, 0, sizeof list);
}

static bool misses(const struct coverage *c, int partition)
{
        return partition_set_has(&c->missing, partition);
}

static size_t silent(void)
{
        return (size_t)metrics_cell(f.world.metrics, METRIC_PEERS_SILENT, NO_LABELS)->value;
}

static struct peer_call *last(void)
{
        CHECK(f.n > 0);
        return f.calls[f.n - 1];
}

/* No time passes. */
static void lose_now(size_t i, enum peer_result result, bool is_silent)
{
        struct peer_call *call = f.calls[i];

        f.calls[i] = NULL;
        call->result = result;
        call->is_silent = is_silent;
        call->done(call);
}

/* The owner of partition 1 has lost a listing's question, and its first probe is out. */
static void fall_silent(const char *of_1, const char *of_2)
{
        peers_fixture_start(&f, of_1, of_2);
        begin_list(false);
        world_run(&f.world);
        CHECK_INT(f.n, 1);
        peers_fixture_answer(&f, 0, PEER_LOST);
        CHECK(list.done && list.failed && misses(&list.req.coverage, 1));
        CHECK_INT(silent(), 1);
        CHECK_INT(f.n, 2);
        CHECK(last()->question == PEER_STATUS && A_IS(last()->url));
        CHECK_INT(last()->timeout_ms, 2000);
}

/* No time passes, nothing is read, nobody is asked. */
static void check_refused_at_once(void)
{
        unsigned reads = f.world.registry_reads;
        size_t asked = f.n;

        begin_list(false);
        retry_service_work(f.world.door);
        CHECK(list.done && list.failed);
        CHECK(misses(&list.req.coverage, 1) && !misses(&list.req.coverage, 2));
        CHECK_INT(f.n, asked);
        CHECK_INT(f.world.registry_reads, reads);
}

/* A listing is whole again when the owner of partitions 1 and 2 has told them. */
static void check_asked_again(void)
{
        begin_list(false);
        world_run(&f.world);
        CHECK(last()->question == PEER_PAGE && A_IS(last()->url));
        peers_fixture_answer(&f, f.n - 1, PEER_ANSWERED);
        CHECK(list.done && !list.failed && coverage_is_whole(&list.req.coverage));
}

/* WHILE IT IS SILENT */

static void a_listing_is_refused_at_once(void)
{
        fall_silent(A, B);
        check_refused_at_once();
        end_all();
}

static void a_partial_listing_asks_the_others_and_lacks_it(void)
{
        fall_silent(A, B);
        begin_list(true);
        retry_service_work(f.world.door);
        CHECK_INT(f.n, 3);
        CHECK(last()->question == PEER_PAGE && !A_IS(last()->url));
        peers_fixture_answer(&f, 2, PEER_ANSWERED);
        CHECK(list.done && !list.failed);
        CHECK(misses(&list.req.coverage, 1) && !misses(&list.req.coverage, 2));
        end_all();
}

struct got {
        bool done, failed;
        unsigned rows;
};

static void on_object_row(struct get_request *req, const struct failure *failure)
{
        (void)failure;
        ((struct got *)req->data)->rows++;
}

static void on_got(struct get_request *req, const struct error *err)
{
        struct got *got = req->data;

        got->done = true;
        got->failed = err != NULL;
}

/* In one turn. */
static struct got look_up(const char *key, const char *site)
{
        struct arena arena;
        struct got got = { 0 };
        struct get_request req = { .data = &got,
                                   .bucket = STR("b"),
                                   .key = str_from(key),
                                   .version_id = STR("v"),
                                   .site = site != NULL ? str_from(site) : STR_ABSENT,
                                   .arena = &arena,
                                   .row = on_object_row,
                                   .done = on_got };

        arena_init(&arena, 1u << 20);
        retry_service_get(f.world.door, &req);
        retry_service_work(f.world.door);
        CHECK(got.done);
        CHECK(!got.failed || (misses(&req.coverage, 1) && !misses(&req.coverage, 2)));
        CHECK(got.failed || coverage_is_whole(&req.coverage));
        arena_deinit(&arena);
        return got;
}

static void an_object_is_looked_up_or_refused_at_once(void)
{
        struct got got;

        fall_silent(A, B);
        world_failure(&f.world, "b", peers_fixture_key_of(&f, 0), "v", "s", NULL);
        world_run(&f.world);
        got = look_up(peers_fixture_key_of(&f, 0), "s");
        CHECK(!got.failed);
        CHECK_INT(got.rows, 1);
        CHECK(look_up(peers_fixture_key_of(&f, 0), NULL).failed);
        CHECK(look_up(peers_fixture_key_of(&f, 1), "s").failed);
        CHECK_INT(f.n, 2);
        end_all();
}

static void a_new_retry_is_refused_at_once(void)
{
        unsigned reads;

        fall_silent(A, B);
        reads = f.world.registry_reads;
        world_retry_init(&f.world, &retry);
        peers_fixture_add(&f, &retry, 1);
        retry_service_retry(f.world.door, &retry.req);
        retry_service_work(f.world.door);
        CHECK(retry.done && retry.failed && retry.err.code == ERR_UNAVAILABLE);
        CHECK(misses(&retry.req.coverage, 1));
        CHECK_INT(f.n, 2);
        CHECK_INT(f.world.registry_reads, reads);
        world_retry_deinit(&retry);
        end_all();
}

/* It may be done: only the member can tell, and by the retry's id nothing is done twice. */
static void a_retry_whose_answer_is_lost_is_asked_for_again(void)
{
        peers_fixture_start(&f, A, B);
        world_retry_init(&f.world, &retry);
        peers_fixture_add(&f, &retry, 1);
        world_retry_submit(&f.world, &retry);
        begin_list(false);
        world_run(&f.world);
        CHECK_INT(f.n, 2);
        peers_fixture_answer(&f, 1, PEER_LOST);
        CHECK_INT(silent(), 1);
        peers_fixture_answer(&f, 0, PEER_LOST);
        CHECK(!retry.done);
        CHECK(last()->question == PEER_RETRY && last()->again && A_IS(last()->url));
        peers_fixture_answer_retry(&f, f.n - 1, RETRY_PUBLISHED);
        CHECK(retry.done && !retry.failed);
        CHECK_INT(world_retry_published(&retry), 1);
        CHECK_INT(silent(), 0);
        world_retry_deinit(&retry);
        end_all();
}

/* HOW IT BEGINS */

static void a_retry_that_gets_no_sign_of_life_makes_it_silent(void)
{
        peers_fixture_start(&f, A, B);
        world_retry_init(&f.world, &retry);
        peers_fixture_add(&f, &retry, 1);
        world_retry_submit(&f.world, &retry);
        world_advance(&f.world, 1100);
        CHECK(last()->question == PEER_STATUS);
        peers_fixture_answer(&f, 1, PEER_LOST);
        CHECK(retry.done && retry.failed && retry.err.code == ERR_GATEWAY_TIMEOUT);
        CHECK_INT(retry.entries[0].result, RETRY_UNKNOWN);
        CHECK_INT(silent(), 1);
        check_refused_at_once();
        world_retry_deinit(&retry);
        end_all();
}

static void a_retry_that_takes_all_its_time_says_nothing_of_its_member(void)
{
        peers_fixture_start(&f, A, B);
        world_retry_init(&f.world, &retry);
        peers_fixture_add(&f, &retry, 1);
        world_retry_submit(&f.world, &retry);
        peers_fixture_answer(&f, 0, PEER_LOST);
        CHECK_INT(silent(), 0);
        CHECK(last()->again);
        peers_fixture_answer_retry(&f, 1, RETRY_PUBLISHED);
        CHECK(retry.done && !retry.failed);
        world_retry_deinit(&retry);
        end_all();
}

static void a_refused_connection_is_no_silence(void)
{
        peers_fixture_start(&f, A, B);
        begin_list(false);
        world_run(&f.world);
        peers_fixture_answer(&f, 0, PEER_UNREACHED);
        CHECK(list.done && list.failed);
        CHECK_INT(silent(), 0);
        CHECK_INT(f.n, 1);
        end_all();
}

static void a_connection_that_never_comes_about_is(void)
{
        peers_fixture_start(&f, A, B);
        begin_list(false);
        world_run(&f.world);
        lose_now(0, PEER_UNREACHED, true);
        CHECK_INT(silent(), 1);
        world_advance(&f.world, 200);
        check_refused_at_once();
        end_all();
}

/* PROBES */

static void there_is_one_probe_at_a_time(void)
{
        fall_silent(A, B);
        world_advance(&f.world, 1900);
        CHECK_INT(f.n, 2);
        peers_fixture_answer(&f, 1, PEER_LOST);
        CHECK_INT(f.n, 3);
        world_advance(&f.world, 1900);
        CHECK_INT(f.n, 3);
        CHECK_INT(silent(), 1);
        end_all();
}

/* Each is answered at once: there is nobody. */
static void probes_keep_a_distance(void)
{
        fall_silent(A, B);
        world_advance(&f.world, 200);
        lose_now(1, PEER_UNREACHED, false);
        world_run(&f.world);
        for (size_t i = 2; i < 6; i++) {
                CHECK_INT(f.n, i + 1);
                lose_now(i, PEER_UNREACHED, false);
                world_advance(&f.world, 180);
                CHECK_INT(f.n, i + 1);
                world_advance(&f.world, 20);
        }
        CHECK_INT(f.n, 7);
        CHECK_INT(silent(), 1);
        end_all();
}

static void after_a_probe_the_claims_are_read(void)
{
        unsigned reads;

        fall_silent(A, A);
        reads = f.world.registry_reads;
        peers_fixture_claim(&f, 1, B);
        peers_fixture_claim(&f, 2, B);
        peers_fixture_answer(&f, 1, PEER_UNREACHED);
        CHECK(f.world.registry_reads > reads);
        CHECK_INT(silent(), 0);
        begin_list(false);
        world_run(&f.world);
        CHECK(last()->question == PEER_PAGE && !A_IS(last()->url));
        peers_fixture_answer(&f, f.n - 1, PEER_ANSWERED);
        CHECK(list.done && !list.failed);
        end_all();
}

/* HOW IT ENDS */

static void any_answer_ends_it(void)
{
        static const enum peer_result results[] = { PEER_ANSWERED, PEER_NOT_MINE, PEER_REFUSED };

        for (size_t i = 0; i < sizeof results / sizeof *results; i++) {
                fall_silent(A, A);
                peers_fixture_answer(&f, 1, results[i]);
                CHECK_INT(silent(), 0);
                check_asked_again();
                end_all();
        }
}

static void an_answer_to_somebody_else_ends_it_and_its_probe(void)
{
        peers_fixture_start(&f, A, A);
        begin_list(false);
        world_run(&f.world);
        world_retry_init(&f.world, &retry);
        peers_fixture_add(&f, &retry, 1);
        world_retry_submit(&f.world, &retry);
        peers_fixture_answer(&f, 0, PEER_LOST);
        CHECK_INT(silent(), 1);
        CHECK(f.calls[2] != NULL && f.calls[2]->question == PEER_STATUS);
        peers_fixture_answer_retry(&f, 1, RETRY_PUBLISHED);
        CHECK_INT(silent(), 0);
        CHECK(f.calls[2] == NULL);
        check_asked_again();
        world_retry_deinit(&retry);
        end_all();
}

static void a_new_claim_ends_it(void)
{
        fall_silent(A, A);
        peers_fixture_claim(&f, 2, A_ANEW);
        world_advance(&f.world, 2500);
        CHECK_INT(silent(), 0);
        CHECK(f.calls[1] == NULL);
        check_asked_again();
        end_all();
}

static void whom_no_claim_names_any_more_is_forgotten(void)
{
        fall_silent(A, B);
        peers_fixture_claim(&f, 1, B);
        world_advance(&f.world, 2500);
        CHECK_INT(silent(), 0);
        CHECK(f.calls[1] == NULL);
        world_advance(&f.world, 2500);
        CHECK_INT(f.n, 2);
        end_all();
}

static void a_member_that_stops_probes_nobody(void)
{
        fall_silent(A, B);
        member_stop_retries(f.world.member);
        world_run(&f.world);
        CHECK_INT(silent(), 0);
        CHECK(f.calls[1] == NULL);
        begin_list(false);
        world_run(&f.world);
        lose_now(2, PEER_LOST, true);
        CHECK_INT(silent(), 0);
        world_advance(&f.world, 200);
        CHECK(list.done && list.failed);
        CHECK_INT(f.n, 3);
        end_all();
}

int main(void)
{
        RUN(a_listing_is_refused_at_once);
        RUN(a_partial_listing_asks_the_others_and_lacks_it);
        RUN(an_object_is_looked_up_or_refused_at_once);
        RUN(a_new_retry_is_refused_at_once);
        RUN(a_retry_whose_answer_is_lost_is_asked_for_again);
        RUN(a_retry_that_gets_no_sign_of_life_makes_it_silent);
        RUN(a_retry_that_takes_all_its_time_says_nothing_of_its_member);
        RUN(a_refused_connection_is_no_silence);
        RUN(a_connection_that_never_comes_about_is);
        RUN(there_is_one_probe_at_a_time);
        RUN(probes_keep_a_distance);
        RUN(after_a_probe_the_claims_are_read);
        RUN(any_answer_ends_it);
        RUN(an_answer_to_somebody_else_ends_it_and_its_probe);
        RUN(a_new_claim_ends_it);
        RUN(whom_no_claim_names_any_more_is_forgotten);
        RUN(a_member_that_stops_probes_nobody);
        return 0;
}
