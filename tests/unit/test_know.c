/* SPDX-License-Identifier: Apache-2.0 */
/* Which identities the group does not know, for certain. */
#include "check.h"
#include "crr/core/peers.h"
#include "world.h"

#define A       "http://a:1;ready;7;member-a;crr-a;1"
#define ENTRIES 300

static struct world w;

static struct {
        struct peers port;
        struct peer_call *call;
        unsigned canceled;
} asked;

static struct {
        struct know_request req;
        struct know_entry entries[ENTRIES];
        struct arena arena;
        bool done;
} know;

static void on_ask(struct peers *self, struct peer_call *call)
{
        (void)self;
        CHECK_INT(call->question, PEER_KNOW);
        asked.call = call;
}

static void on_cancel(struct peers *self, struct peer_call *call)
{
        (void)self;
        CHECK(call == asked.call);
        asked.canceled++;
}

static void on_done(struct know_request *req)
{
        (void)req;
        CHECK(!know.done);
        know.done = true;
}

static void begin(int partitions)
{
        memset(&asked, 0, sizeof asked);
        memset(&know, 0, sizeof know);
        world_init(&w, partitions);
        world_start(&w);
        world_advance(&w, 200);
        asked.port = (struct peers){ on_ask, on_cancel };
        retry_service_free(w.door);
        w.door = retry_service_new(w.member, &asked.port, 2000);
        arena_init(&know.arena, 1 << 20);
}

static void end(void)
{
        CHECK(know.done);
        arena_deinit(&know.arena);
        world_deinit(&w);
}

static void add(const char *key)
{
        know.entries[know.req.n++].id =
                (struct identity){ STR("b"), str_from(key), STR("v"), STR("s") };
}

static void submit(void)
{
        know.req.data = NULL;
        know.req.entries = know.entries;
        know.req.deadline_ms = w.now_ms + 3000;
        know.req.arena = &know.arena;
        know.req.done = on_done;
        retry_service_know(w.door, &know.req);
        CHECK(!know.done);
        world_run(&w);
}

static void what_is_failed_or_pending_is_known_and_the_rest_absent(void)
{
        begin(3);
        world_failure(&w, "b", "failed", "v", "s", "");
        world_failure(&w, "b", "pending", "v", "s", ",\"ReplicationStatus\":\"PENDING\"");
        world_failure(&w, "b", "gone", "v", "s", "");
        world_tombstone(&w, "b", "gone", "v", "s");
        add("failed");
        add("pending");
        add("gone");
        add("never seen");
        submit();
        world_advance(&w, 500);
        CHECK(know.done);
        CHECK(!know.entries[0].absent);
        CHECK(!know.entries[1].absent);
        CHECK(know.entries[2].absent);
        CHECK(know.entries[3].absent);
        end();
}

/* The record is in the log and not yet read: the table alone would not know it. */
static void an_answer_waits_for_what_was_in_the_log_when_it_was_asked(void)
{
        begin(1);
        w.feeding = false;
        world_failure(&w, "b", "k", "v", "s", "");
        add("k");
        submit();
        world_advance(&w, 500);
        CHECK(!know.done);
        w.feeding = true;
        world_advance(&w, 500);
        CHECK(know.done);
        CHECK(!know.entries[0].absent);
        end();
}

static void what_cannot_be_told_in_time_is_in_doubt(void)
{
        begin(1);
        w.feeding = false;
        world_failure(&w, "b", "other", "v", "s", "");
        add("k");
        submit();
        world_advance(&w, 2900);
        CHECK(!know.done);
        world_advance(&w, 200);
        CHECK(know.done);
        CHECK(!know.entries[0].absent);
        w.feeding = true;
        world_run(&w);
        end();
}

static void a_partition_that_leaves_meanwhile_is_in_doubt(void)
{
        begin(1);
        w.feeding = false;
        world_failure(&w, "b", "other", "v", "s", "");
        add("k");
        submit();
        world_revoke(&w, 0);
        w.feeding = true;
        world_advance(&w, 500);
        CHECK(know.done);
        CHECK(!know.entries[0].absent);
        end();
}

static void without_a_log_all_is_in_doubt(void)
{
        begin(1);
        member_on_topology(w.member, 0);
        add("k");
        submit();
        CHECK(know.done);
        CHECK(!know.entries[0].absent);
        end();
}

/* The partition of b/k of version v at s is another member's. */
static void begin_with_a_peer(void)
{
        begin(1);
        world_revoke(&w, 0);
        free(w.claims[0]);
        w.claims[0] = strdup(A);
        world_advance(&w, 2500);
        add("k");
        add("l");
        submit();
        CHECK(asked.call != NULL);
        CHECK_STR(asked.call->url, "http://a:1");
        CHECK_INT(asked.call->n_doubtful, 2);
}

static void what_another_member_owns_is_asked_of_it(void)
{
        begin_with_a_peer();
        asked.call->doubtful[1]->absent = true;
        asked.call->result = PEER_ANSWERED;
        asked.call->done(asked.call);
        world_run(&w);
        CHECK(know.done);
        CHECK(!know.entries[0].absent);
        CHECK(know.entries[1].absent);
        end();
}

static void a_member_that_does_not_answer_leaves_its_part_in_doubt(void)
{
        begin_with_a_peer();
        asked.call->result = PEER_LOST;
        asked.call->done(asked.call);
        world_run(&w);
        CHECK(know.done);
        CHECK(!know.entries[0].absent);
        end();
}

static void at_the_deadline_a_member_is_not_waited_for(void)
{
        begin_with_a_peer();
        world_advance(&w, 3100);
        CHECK(know.done);
        CHECK_INT(asked.canceled, 1);
        end();
}

static void an_owner_that_is_not_known_is_looked_for_once(void)
{
        begin(1);
        world_revoke(&w, 0);
        world_advance(&w, 2500); /* nobody claims it */
        free(w.claims[0]);
        w.claims[0] = strdup(A);
        add("k");
        submit();
        world_advance(&w, 200);
        CHECK(asked.call != NULL);
        asked.call->doubtful[0]->absent = true;
        asked.call->result = PEER_ANSWERED;
        asked.call->done(asked.call);
        world_run(&w);
        CHECK(know.done);
        CHECK(know.entries[0].absent);
        end();
}

static void many_identities_take_several_turns(void)
{
        static char keys[ENTRIES][16];

        begin(3);
        for (int i = 0; i < ENTRIES; i++) {
                snprintf(keys[i], sizeof keys[i], "key %d", i);
                if (i % 2 == 0)
                        world_failure(&w, "b", keys[i], "v", "s", "");
                add(keys[i]);
        }
        world_run(&w);
        submit();
        world_advance(&w, 500);
        CHECK(know.done);
        for (int i = 0; i < ENTRIES; i++)
                CHECK_INT(know.entries[i].absent, i % 2 != 0);
        end();
}

int main(void)
{
        RUN(what_is_failed_or_pending_is_known_and_the_rest_absent);
        RUN(an_answer_waits_for_what_was_in_the_log_when_it_was_asked);
        RUN(what_cannot_be_told_in_time_is_in_doubt);
        RUN(a_partition_that_leaves_meanwhile_is_in_doubt);
        RUN(without_a_log_all_is_in_doubt);
        RUN(what_another_member_owns_is_asked_of_it);
        RUN(a_member_that_does_not_answer_leaves_its_part_in_doubt);
        RUN(at_the_deadline_a_member_is_not_waited_for);
        RUN(an_owner_that_is_not_known_is_looked_for_once);
        RUN(many_identities_take_several_turns);
        return 0;
}
