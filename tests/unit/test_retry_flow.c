/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "check.h"
#include "crr/base/log.h"
#include "retry_flow.h"
#include "world.h"

static struct world w;
static struct world_retry first, second;

/* A turn's share: a request of so many entries is placed in one, and no more. */
#define SHARE LIMIT_RETRY_ENTRIES
#define FEW   32

static char keys[SHARE + FEW][16];

static void start(const char *extra)
{
        world_init(&w, 1);
        world_start(&w);
        for (int i = 0; i < SHARE + FEW; i++) {
                snprintf(keys[i], sizeof keys[i], "k%d", i);
                world_failure(&w, "b", keys[i], "v", "aws", extra);
        }
        world_run(&w);
        w.hold_batches = true;
}

static void make(struct world_retry *r, int from, int to)
{
        world_retry_init(&w, r);
        for (int i = from; i < to; i++)
                world_retry_add(r, "b", keys[i], "v", "aws", false);
}

static void submit(struct world_retry *r, int from, int to)
{
        make(r, from, to);
        world_retry_submit(&w, r);
}

static void submit_patient(struct world_retry *r, int from, int to)
{
        make(r, from, to);
        r->req.deadline_ms = w.now_ms + 100000;
        world_retry_submit(&w, r);
}

static void end(int requests)
{
        if (requests > 0)
                world_retry_deinit(&first);
        if (requests > 1)
                world_retry_deinit(&second);
        world_deinit(&w);
}

/* The clock alone, past the deadline of 30 s: no work is done before it strikes. */
static void strike(void)
{
        w.now_ms += 31000;
        member_tick(w.member, w.now_ms, w.wall_ms);
}

/* One turn of work, without the publisher and the log reader. */
static void turn(void)
{
        member_tick(w.member, w.now_ms, w.wall_ms);
        member_work(w.member);
        retry_service_work(w.door);
}

/* After a deadline whatever was held is let go: what was taken back is never published. */
static void let_go(void)
{
        w.hold_batches = w.hold_reads = false;
        member_on_publisher_ready(w.member);
        world_run(&w);
        world_advance(&w, 1000);
}

/* DEADLINES */

static void while_it_is_placed(void)
{
        make(&first, 0, 3);
        retry_service_retry(w.door, &first.req);
        turn();
        strike();
}

static void while_it_is_checked(void)
{
        make(&first, 0, SHARE);
        retry_service_retry(w.door, &first.req);
        turn();
        turn();
        strike();
}

static void while_its_entry_waits_to_be_read(void)
{
        w.hold_reads = true;
        submit_patient(&second, 3, 4); /* this one's is being read */
        submit(&first, 0, 3);
        strike();
}

static void while_its_entry_is_read(void)
{
        w.hold_reads = true;
        submit(&first, 0, 3);
        strike();
}

static void while_it_is_queued(void)
{
        member_on_publisher_lost(w.member);
        submit(&first, 0, 3);
        strike();
}

static void while_it_waits_for_the_batch_before(void)
{
        submit_patient(&second, 3, 4);
        submit(&first, 0, 3);
        strike();
}

static void while_it_is_to_be_checked_again(void)
{
        w.hold_reads = true;
        submit(&first, 0, 1);
        world_tombstone(&w, "b", "k0", "v", "aws");
        world_run(&w);
        w.read->items[0].found = false;
        w.read->done(w.read, NULL);
        w.read = NULL;
        turn(); /* its batch finds it stale */
        strike();
}

static void while_it_is_submitted(void)
{
        submit(&first, 0, 3);
        strike();
}

static void while_its_outcome_is_unknown(void)
{
        submit(&first, 0, 3);
        world_answer(&w, PUBLISH_UNKNOWN);
        strike();
}

/* Half of it is on its way already. */
static void while_its_second_transaction_waits(void)
{
        submit(&first, 0, 3);
        strike();
}

static void a_deadline_in_any_state_is_answered_with_what_is_known(void)
{
        static const struct {
                const char *name;
                void (*reach)(void);
                const char *extra;
                size_t per_transaction;
                enum error_code code;
                const char *said;
                size_t published; /* when all is let go */
        } table[] = {
                { "placed", while_it_is_placed, "", 100, ERR_UNAVAILABLE, "0 of 3 committed", 0 },
                { "checked", while_it_is_checked, "", 100, ERR_UNAVAILABLE, "0 of 256 committed",
                  0 },
                { "waiting to be read", while_its_entry_waits_to_be_read, ",\"Entry\":\"e\"", 100,
                  ERR_UNAVAILABLE, "0 of 3 committed", 0 },
                { "being read", while_its_entry_is_read, ",\"Entry\":\"e\"", 100, ERR_UNAVAILABLE,
                  "0 of 3 committed", 0 },
                { "queued", while_it_is_queued, "", 100, ERR_UNAVAILABLE,
                  "Kafka takes no transactions now; 0 of 3 committed", 0 },
                { "in the open batch", while_it_waits_for_the_batch_before, "", 100,
                  ERR_UNAVAILABLE, "the transactions did not begin in time; 0 of 3 committed", 0 },
                { "to be checked again", while_it_is_to_be_checked_again, ",\"Entry\":\"e\"", 100,
                  ERR_UNAVAILABLE, "0 of 1 committed", 0 },
                { "submitted", while_it_is_submitted, "", 100, ERR_GATEWAY_TIMEOUT,
                  "the outcome of 3 entries is not known yet", 3 },
                { "unknown", while_its_outcome_is_unknown, "", 100, ERR_GATEWAY_TIMEOUT,
                  "the outcome of 3 entries is not known yet", 0 },
                { "half submitted", while_its_second_transaction_waits, "", 2, ERR_GATEWAY_TIMEOUT,
                  "the outcome of 2 entries is not known yet", 2 },
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                size_t others;

                printf("  %s\n", table[i].name);
                fflush(stdout);
                memset(&second, 0, sizeof second);
                start(table[i].extra);
                w.config.max_transaction_entries = table[i].per_transaction;
                member_set_config(w.member, &w.config);
                table[i].reach();
                CHECK(first.done && first.failed);
                CHECK_INT(first.err.code, table[i].code);
                if (strstr(first.err.message, table[i].said) == NULL)
                        check_fail(__FILE__, __LINE__, table[i].said, first.err.message);
                CHECK_INT(first.req.retry_after_s, 1);
                CHECK(!member_has_retries(w.member) || second.req.n > 0);
                let_go();
                others = second.req.n > 0 && second.done ? world_retry_published(&second) : 0;
                CHECK_INT(w.n_entries - others, table[i].published);
                end(second.req.n > 0 ? 2 : 1);
        }
}

static void the_deadline_of_one_is_not_the_deadline_of_who_joined(void)
{
        static const bool states[] = { false, true }; /* submitted? */

        for (size_t i = 0; i < 2; i++) {
                start("");
                if (!states[i])
                        member_on_publisher_lost(w.member);
                submit(&first, 0, 2);
                world_advance(&w, 10000);
                make(&second, 0, 2);
                second.req.deadline_ms = w.now_ms + 30000;
                world_retry_submit(&w, &second);
                world_advance(&w, 21000);
                CHECK(first.done && !second.done);
                CHECK_INT(first.err.code, states[i] ? ERR_GATEWAY_TIMEOUT : ERR_UNAVAILABLE);
                let_go();
                CHECK(second.done && !second.failed);
                CHECK_INT(world_retry_published(&second), 2);
                CHECK_INT(w.n_entries, 2);
                end(2);
        }
}

static void at_the_end_all_are_past_their_deadline(void)
{
        start("");
        submit(&first, 0, 2);
        submit(&second, 2, 4);
        member_stop_retries(w.member);
        world_run(&w);
        CHECK(!first.done && !second.done);
        member_end_retries(w.member);
        world_run(&w);
        CHECK(first.done && first.err.code == ERR_GATEWAY_TIMEOUT);
        CHECK(second.done && second.err.code == ERR_UNAVAILABLE);
        CHECK(!member_has_retries(w.member));
        let_go();
        end(2);
}

static void when_it_stops_what_was_taken_ends_and_nothing_new_is_taken(void)
{
        start("");
        submit(&first, 0, 2);
        member_stop_retries(w.member);
        submit(&second, 2, 4);
        CHECK(second.done && second.err.code == ERR_UNAVAILABLE);
        CHECK_STR(second.err.message, "this member is stopping");
        CHECK(member_has_retries(w.member));
        world_answer(&w, PUBLISH_COMMITTED);
        CHECK(first.done && !first.failed);
        CHECK(!member_has_retries(w.member));
        end(2);
}

/* ENTRIES */

static void entries_are_answered_each_for_itself(void)
{
        start(",\"Attempts\":4");
        w.hold_batches = false;
        world_tombstone(&w, "b", "k1", "v", "aws");
        world_run(&w);
        make(&first, 0, 2);
        world_retry_add(&first, "b", "k0", "v", "aws", false); /* again */
        world_retry_add(&first, "b", "k2", "v", "azure", false);
        world_retry_add(&first, "b", "k2", "v", "azure", true); /* it is forced then */
        world_retry_add(&first, "b", "k3", "v", "aws", true);
        world_retry_submit(&w, &first);
        CHECK(first.done && !first.failed);
        CHECK_INT(first.entries[0].result, RETRY_PUBLISHED);
        CHECK_INT(first.entries[0].failure->attempts, 5);
        CHECK_INT(first.entries[0].failure->state, FAILURE_PENDING);
        CHECK_INT(first.entries[1].result, RETRY_SKIPPED);
        CHECK_INT(first.entries[2].result, RETRY_SKIPPED);
        CHECK_INT(first.entries[3].result, RETRY_PUBLISHED);
        CHECK_INT(first.entries[3].failure->attempts, 1);
        CHECK_INT(first.entries[4].result, RETRY_SKIPPED);
        CHECK_INT(first.entries[5].result, RETRY_PUBLISHED);
        CHECK_INT(w.n_entries, 3);
        CHECK(metrics_get(w.metrics, METRIC_RETRIES_SKIPPED_TOTAL, LABELS_1("not_failed")) == 1);
        end(1);
}

static void attempts_saturate(void)
{
        start(",\"Attempts\":65535");
        w.hold_batches = false;
        submit(&first, 0, 1);
        CHECK_INT(first.entries[0].failure->attempts, LIMIT_ATTEMPTS);
        CHECK_STR(w.entries[0].attempt, "65535");
        end(1);
}

static void requests_take_turns(void)
{
        start("");
        make(&first, 0, SHARE);
        make(&second, SHARE, SHARE + FEW);
        retry_service_retry(w.door, &first.req);
        retry_service_retry(w.door, &second.req);
        turn(); /* taken */
        turn(); /* the first is placed */
        CHECK_INT(w.submits, 0);
        turn(); /* the second is placed; what is left of the turn is the first's: it is checked */
        CHECK_INT(w.submits, 1);
        CHECK_INT(w.batch->n_records / 2, SHARE - FEW);
        turn(); /* the second is checked, and the rest of the first */
        world_answer(&w, PUBLISH_COMMITTED);
        CHECK(!first.done && !second.done);
        world_answer(&w, PUBLISH_COMMITTED);
        CHECK(first.done && !first.failed);
        CHECK(second.done && !second.failed);
        end(2);
}

static void turns_are_short_while_somebody_lists(void)
{
        static const struct {
                const char *name;
                int64_t ago_ms;
                size_t checked;
        } rows[] = {
                { "just now", 0, RETRY_FLOW_SHARED_ENTRIES },
                { "a moment ago", RETRY_FLOW_ASKED_MS - 1, RETRY_FLOW_SHARED_ENTRIES },
                { "longer ago", RETRY_FLOW_ASKED_MS, SHARE },
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                struct world_list list;

                printf("  %s\n", rows[i].name);
                start("");
                world_list(&w, &list, NULL, 0, 1, false);
                w.now_ms += rows[i].ago_ms;
                make(&first, 0, SHARE);
                retry_service_retry(w.door, &first.req);
                turn(); /* taken */
                while (w.submits == 0)
                        turn();
                CHECK_INT(w.batch->n_records / 2, rows[i].checked);
                world_list_deinit(&list);
                let_go();
                end(1);
        }
}

static void small_requests_share_a_turn(void)
{
        start("");
        make(&first, 0, SHARE / 4);
        make(&second, SHARE / 4, SHARE / 2);
        retry_service_retry(w.door, &first.req);
        retry_service_retry(w.door, &second.req);
        turn(); /* taken */
        turn(); /* both are placed and checked */
        CHECK_INT(w.submits, 1);
        CHECK_INT(w.batch->n_records / 2, SHARE / 2);
        world_answer(&w, PUBLISH_COMMITTED);
        CHECK(first.done && !first.failed);
        CHECK(second.done && !second.failed);
        end(2);
}

/* THE LOG GOES AWAY */

static void a_topic_vanishes_under_a_request(bool partial, unsigned turns)
{
        start("");
        make(&first, 0, SHARE);
        first.req.partial = partial;
        retry_service_retry(w.door, &first.req);
        for (unsigned i = 0; i < turns; i++)
                turn();
        w.n_partitions = 0;
        member_on_topology(w.member, 0);
        w.hold_batches = false;
        world_run(&w);
        CHECK(first.done);
        CHECK_INT(world_retry_published(&first), 0);
        if (first.failed)
                CHECK_INT(first.err.code, ERR_UNAVAILABLE);
        else /* an answer that is not whole says so */
                CHECK(partial && !coverage_is_whole(&first.req.coverage));
        end(1);
}

static void a_topic_may_vanish_before_placing_and_before_checking(void)
{
        for (unsigned turns = 1; turns <= 2; turns++) {
                a_topic_vanishes_under_a_request(false, turns);
                a_topic_vanishes_under_a_request(true, turns);
        }
}

static void a_partition_may_leave_between_placing_and_checking(void)
{
        start("");
        make(&first, 0, SHARE);
        retry_service_retry(w.door, &first.req);
        turn();
        turn();
        w.assigned[0] = false;
        member_on_revoked(w.member, 0);
        world_run(&w);
        CHECK(first.done && first.failed);
        CHECK(strstr(first.err.message, "partition 0 is not known any more; 0 of 256 committed"));
        CHECK(partition_set_has(&first.req.coverage.missing, 0));
        CHECK_INT(w.n_entries, 0);
        end(1);
}

int main(void)
{
        log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
        RUN(a_deadline_in_any_state_is_answered_with_what_is_known);
        RUN(the_deadline_of_one_is_not_the_deadline_of_who_joined);
        RUN(at_the_end_all_are_past_their_deadline);
        RUN(when_it_stops_what_was_taken_ends_and_nothing_new_is_taken);
        RUN(entries_are_answered_each_for_itself);
        RUN(attempts_saturate);
        RUN(requests_take_turns);
        RUN(turns_are_short_while_somebody_lists);
        RUN(small_requests_share_a_turn);
        RUN(a_topic_may_vanish_before_placing_and_before_checking);
        RUN(a_partition_may_leave_between_placing_and_checking);
        return 0;
}
