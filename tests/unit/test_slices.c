/* SPDX-License-Identifier: Apache-2.0 */
/* No turn of the loop is long, however much is to be done at once. */
#include "check.h"
#include "world.h"

#define REQUESTS    16
#define PER_REQUEST 64
#define ENTRIES     ((size_t)REQUESTS * PER_REQUEST)

static struct world w;
static struct world_retry requests[REQUESTS];
static char keys[ENTRIES][16];

static void submit(int i)
{
        world_retry_init(&w, &requests[i]);
        for (int k = 0; k < PER_REQUEST; k++)
                world_retry_add(&requests[i], "b", keys[i * PER_REQUEST + k], "v", "aws", false);
        world_retry_submit(&w, &requests[i]);
}

/* The first request's transaction is over; that of all others is under way. */
static void start(void)
{
        world_init(&w, 2);
        world_start(&w);
        w.hold_batches = true;
        for (size_t i = 0; i < ENTRIES; i++) {
                snprintf(keys[i], sizeof keys[i], "k%zu", i);
                world_failure(&w, "b", keys[i], "v", "aws", NULL);
        }
        world_run(&w);
        for (int i = 0; i < REQUESTS; i++)
                submit(i);
        world_answer(&w, PUBLISH_COMMITTED);
        CHECK_INT(w.batch->n_records, 2 * (ENTRIES - PER_REQUEST));
}

static void end(void)
{
        world_run(&w);
        for (int i = 0; i < REQUESTS; i++)
                world_retry_deinit(&requests[i]);
        world_deinit(&w);
}

static unsigned answered(void)
{
        unsigned n = 0;

        for (int i = 0; i < REQUESTS; i++)
                n += requests[i].done && !requests[i].failed;
        return n;
}

static void a_large_transaction_answers_its_requests_a_slice_a_turn(void)
{
        start();
        world_tell(&w, PUBLISH_COMMITTED);
        CHECK_INT(answered(), 1);
        CHECK(member_work(w.member));
        CHECK(answered() > 1 && answered() <= 1 + LIMIT_TOLD_ENTRIES / PER_REQUEST);
        for (int turns = 0; member_work(w.member); turns++)
                CHECK(turns < REQUESTS);
        CHECK_INT(answered(), REQUESTS);
        end();
}

static void the_next_transaction_does_not_wait_until_all_are_answered(void)
{
        struct world_retry late;

        start();
        world_failure(&w, "b", "late", "v", "aws", NULL);
        world_run(&w);
        world_retry_init(&w, &late);
        world_retry_add(&late, "b", "late", "v", "aws", false);
        world_retry_submit(&w, &late);
        world_tell(&w, PUBLISH_COMMITTED);
        CHECK(w.batch == NULL);
        member_work(w.member);
        CHECK(w.batch != NULL && answered() < REQUESTS);
        world_answer(&w, PUBLISH_COMMITTED);
        CHECK(late.done && !late.failed);
        world_retry_deinit(&late);
        end();
}

static void when_we_stop_all_are_answered_at_once(void)
{
        start();
        world_tell(&w, PUBLISH_COMMITTED);
        CHECK_INT(answered(), 1);
        member_stop_retries(w.member);
        CHECK_INT(answered(), REQUESTS);
        end();
        start();
        member_stop_retries(w.member);
        world_tell(&w, PUBLISH_COMMITTED);
        CHECK_INT(answered(), REQUESTS);
        end();
}

static void an_outcome_that_is_not_known_is_told_to_all_before_a_new_producer_decides_it(void)
{
        start();
        world_tell(&w, PUBLISH_UNKNOWN);
        world_publisher_ready(&w);
        world_advance(&w, 500);
        for (int i = 1; i < REQUESTS; i++)
                CHECK(requests[i].done && requests[i].failed);
        end();
}

#define READERS 300

static struct arena arena; /* of all requests */
static struct list_request lists[READERS];
static struct get_request gets[READERS];
static size_t n_done, n_rows;

static void list_on_row(struct list_request *req, const struct failure *f)
{
        (void)req;
        (void)f;
        n_rows++;
}

static void list_on_done(struct list_request *req, const struct error *err)
{
        (void)req;
        CHECK(err == NULL);
        n_done++;
}

static void get_on_row(struct get_request *req, const struct failure *f)
{
        (void)req;
        (void)f;
        n_rows++;
}

static void get_on_done(struct get_request *req, const struct error *err)
{
        (void)req;
        CHECK(err == NULL);
        n_done++;
}

/* Turns until all are done; what the longest of them did is told. */
static unsigned turns(size_t *ret_most_done, size_t *ret_most_rows)
{
        unsigned n = 0;

        *ret_most_done = *ret_most_rows = 0;
        for (bool more = true; more; n++) {
                size_t done = n_done, rows = n_rows;

                more = retry_service_work(w.door);
                if (n_done - done > *ret_most_done)
                        *ret_most_done = n_done - done;
                if (n_rows - rows > *ret_most_rows)
                        *ret_most_rows = n_rows - rows;
        }
        return n;
}

static void fill(int n)
{
        world_init(&w, 2);
        world_start(&w);
        for (int i = 0; i < n; i++) {
                snprintf(keys[i], sizeof keys[i], "k%d", i);
                world_failure(&w, "b", keys[i], "v", "aws", NULL);
        }
        world_run(&w);
        n_done = n_rows = 0;
        arena_init(&arena, 16u << 20);
}

static void listings_that_come_at_once_share_the_rows_of_a_turn(void)
{
        size_t most_done, most_rows;

        fill(500);
        for (int i = 0; i < READERS; i++) {
                lists[i] = (struct list_request){
                        .arena = &arena, .max_rows = 500, .row = list_on_row, .done = list_on_done
                };
                retry_service_list(w.door, &lists[i]);
        }
        CHECK(turns(&most_done, &most_rows) >= READERS * 500 / 4096);
        CHECK(most_rows <= 4096 && most_done <= 64);
        CHECK_INT(n_done, READERS);
        CHECK_INT(n_rows, (size_t)READERS * 500);
        world_deinit(&w);
        arena_deinit(&arena);
}

static void empty_pages_and_lookups_do_not_make_a_long_turn_either(void)
{
        size_t most_done, most_rows;

        fill(1);
        for (int i = 0; i < READERS; i++) {
                lists[i] = (struct list_request){ .arena = &arena,
                                                  .site = STR("another"),
                                                  .max_rows = 500,
                                                  .row = list_on_row,
                                                  .done = list_on_done };
                retry_service_list(w.door, &lists[i]);
        }
        turns(&most_done, &most_rows);
        CHECK(most_done <= 64);
        for (int i = 0; i < READERS; i++) {
                gets[i] = (struct get_request){ .arena = &arena,
                                                .bucket = STR("b"),
                                                .key = STR("k0"),
                                                .version_id = STR("v"),
                                                .row = get_on_row,
                                                .done = get_on_done };
                retry_service_get(w.door, &gets[i]);
        }
        CHECK_INT(turns(&most_done, &most_rows), 3);
        CHECK_INT(n_done, (size_t)2 * READERS);
        CHECK_INT(n_rows, READERS);
        world_deinit(&w);
        arena_deinit(&arena);
}

int main(void)
{
        RUN(a_large_transaction_answers_its_requests_a_slice_a_turn);
        RUN(the_next_transaction_does_not_wait_until_all_are_answered);
        RUN(when_we_stop_all_are_answered_at_once);
        RUN(an_outcome_that_is_not_known_is_told_to_all_before_a_new_producer_decides_it);
        RUN(listings_that_come_at_once_share_the_rows_of_a_turn);
        RUN(empty_pages_and_lookups_do_not_make_a_long_turn_either);
        return 0;
}
