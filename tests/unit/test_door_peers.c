/* SPDX-License-Identifier: Apache-2.0 */
/* What the door makes of other members' answers, when who owns what changes meanwhile. */
#include "check.h"
#include "crr/core/peers.h"
#include "world.h"

#define A     "http://a:1;ready;7;member-a;crr-a;1"
#define B     "http://b:1;ready;8;member-b;crr-b;1"
#define CALLS 8

static struct world w;
static struct world_list list;
static struct world_retry retry, second;

/* The port: every question waits for answer(). */
static struct {
        struct peers port;
        struct peer_call *calls[CALLS];
        size_t n;
} asked;

static void on_ask(struct peers *self, struct peer_call *call)
{
        (void)self;
        CHECK(asked.n < CALLS);
        asked.calls[asked.n++] = call;
}

static void on_cancel(struct peers *self, struct peer_call *call)
{
        (void)self;
        (void)call;
}

static void claim(int partition, const char *text)
{
        free(w.claims[partition]);
        w.claims[partition] = text != NULL ? strdup(text) : NULL;
}

/* Three partitions, of which the first is ours; the others' claims are read. */
static void start(const char *of_1, const char *of_2)
{
        world_init(&w, 3);
        world_start(&w);
        world_advance(&w, 200);
        memset(&asked, 0, sizeof asked);
        asked.port = (struct peers){ on_ask, on_cancel };
        retry_service_free(w.door);
        w.door = retry_service_new(w.member, &asked.port, 2000);
        world_revoke(&w, 1);
        world_revoke(&w, 2);
        claim(1, of_1);
        claim(2, of_2);
        world_advance(&w, 2500);
}

static void answer(size_t i, enum peer_result result)
{
        CHECK(i < asked.n);
        asked.calls[i]->result = result;
        asked.calls[i]->known_below = UINT64_MAX;
        asked.calls[i]->done(asked.calls[i]);
        world_advance(&w, 200); /* the claims are read again */
}

static void answer_retry(size_t i, enum retry_result result)
{
        CHECK(i < asked.n);
        for (size_t k = 0; k < asked.calls[i]->n_entries; k++)
                asked.calls[i]->entries[k]->result = result;
        answer(i, PEER_ANSWERED);
}

static int asked_for(size_t i)
{
        int partitions = 0;

        CHECK(i < asked.n);
        for (int p = 0; p < 3; p++)
                partitions |= partition_set_has(&asked.calls[i]->partitions, p) << p;
        return partitions;
}

/* A key whose identity belongs to this partition. */
static const char *key_of(int partition)
{
        static char key[8];

        for (int i = 0; i < 100; i++) {
                snprintf(key, sizeof key, "k%d", i);
                if (world_home(&w, "b", key, "v", "s") == partition)
                        return key;
        }
        abort();
}

static void add(struct world_retry *r, int partition)
{
        static char keys[3][8];

        snprintf(keys[partition], sizeof keys[partition], "%s", key_of(partition));
        world_retry_add(r, "b", keys[partition], "v", "s", false);
}

/* LISTS AND OBJECTS */

static void on_row(struct get_request *req, const struct failure *f)
{
        (void)req;
        (void)f;
}

static void on_got(struct get_request *req, const struct error *err)
{
        int *ends = req->data;

        CHECK(err == NULL);
        ++*ends;
}

static void what_an_owner_has_told_it_is_not_asked_again(void)
{
        struct arena arena;
        int ends = 0;
        struct get_request req = { .data = &ends,
                                   .bucket = STR("b"),
                                   .key = STR("k"),
                                   .version_id = STR("v"),
                                   .arena = &arena,
                                   .row = on_row,
                                   .done = on_got };

        arena_init(&arena, 1u << 20);
        start(A, B);
        retry_service_get(w.door, &req);
        world_run(&w);
        CHECK_INT(asked.n, 2);
        CHECK_INT(asked_for(0), 1 << 1);
        CHECK_INT(asked_for(1), 1 << 2);
        claim(1, B);
        answer(1, PEER_ANSWERED);
        answer(0, PEER_NOT_MINE);
        CHECK_INT(asked.n, 3);
        CHECK_INT(asked_for(2), 1 << 1);
        answer(2, PEER_ANSWERED);
        CHECK_INT(ends, 1);
        world_deinit(&w);
        arena_deinit(&arena);
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

static void on_list_row(struct list_request *req, const struct failure *f)
{
        (void)req;
        (void)f;
}

static void who_has_lost_one_partition_is_asked_for_the_others_again(void)
{
        start(A, A);
        begin_list();
        list.req = (struct list_request){ .data = &list,
                                          .max_rows = 10,
                                          .arena = &list.arena,
                                          .row = on_list_row,
                                          .done = on_listed };
        retry_service_list(w.door, &list.req);
        world_run(&w);
        CHECK_INT(asked.n, 1);
        CHECK_INT(asked_for(0), 1 << 1 | 1 << 2);
        claim(2, B);
        answer(0, PEER_NOT_MINE);
        CHECK_INT(asked.n, 3);
        CHECK_INT(asked_for(1) | asked_for(2), 1 << 1 | 1 << 2);
        answer(1, PEER_ANSWERED);
        answer(2, PEER_ANSWERED);
        CHECK(list.done && !list.failed);
        world_list_deinit(&list);
        world_deinit(&w);
}

/* RETRIES */

static void who_has_lost_one_partition_is_asked_to_retry_the_others(void)
{
        start(A, A);
        world_retry_init(&w, &retry);
        add(&retry, 1);
        add(&retry, 2);
        world_retry_submit(&w, &retry);
        CHECK_INT(asked.n, 1);
        CHECK_INT(asked.calls[0]->n_entries, 2);
        claim(2, B);
        answer(0, PEER_NOT_MINE);
        CHECK_INT(asked.n, 3);
        answer_retry(1, RETRY_PUBLISHED);
        answer_retry(2, RETRY_PUBLISHED);
        CHECK(retry.done && !retry.failed);
        CHECK_INT(world_retry_published(&retry), 2);
        world_retry_deinit(&retry);
        world_deinit(&w);
}

/* What nobody else owns by now is not its own. */
static void who_owns_all_and_says_it_does_not_is_not_asked_again(void)
{
        start(A, A);
        world_retry_init(&w, &retry);
        add(&retry, 1);
        world_retry_submit(&w, &retry);
        answer(0, PEER_NOT_MINE);
        CHECK_INT(asked.n, 1);
        CHECK(retry.done && retry.failed && retry.err.code == ERR_UNAVAILABLE);
        CHECK_INT(retry.entries[0].result, RETRY_FAILED);
        world_retry_deinit(&retry);
        world_deinit(&w);
}

static void what_was_lost_once_and_fails_then_may_be_done(void)
{
        start(A, B);
        world_retry_init(&w, &retry);
        add(&retry, 1);
        world_retry_submit(&w, &retry);
        answer(0, PEER_LOST);
        CHECK_INT(asked.n, 2);
        CHECK(asked.calls[1]->again);
        answer_retry(1, RETRY_FAILED);
        CHECK(retry.done && retry.failed && retry.err.code == ERR_GATEWAY_TIMEOUT);
        CHECK_INT(retry.entries[0].result, RETRY_UNKNOWN);
        world_retry_deinit(&retry);
        world_deinit(&w);
}

static void what_our_own_part_lacks_is_named(void)
{
        start(A, B);
        world_retry_init(&w, &retry);
        retry.req.partial = true;
        add(&retry, 0);
        add(&retry, 1);
        retry_service_retry(w.door, &retry.req);
        retry_service_work(w.door);
        CHECK_INT(asked.n, 1);
        world_revoke(&w, 0);
        world_run(&w);
        answer_retry(0, RETRY_PUBLISHED);
        CHECK(retry.done && !retry.failed);
        CHECK_INT(retry.entries[0].result, RETRY_SKIPPED);
        CHECK(partition_set_has(&retry.req.coverage.missing, 0));
        CHECK(!partition_set_has(&retry.req.coverage.missing, 1));
        world_retry_deinit(&retry);
        world_deinit(&w);
}

static void whoever_waits_for_an_owner_in_vain_was_not_left_out(void)
{
        start(A, NULL);
        world_retry_init(&w, &retry);
        retry.req.partial = true;
        retry.req.deadline_ms = w.now_ms + 400;
        w.registry_fails = true;
        add(&retry, 1);
        add(&retry, 2);
        world_retry_submit(&w, &retry);
        world_advance(&w, 500);
        CHECK(retry.done && retry.failed && retry.err.code == ERR_UNAVAILABLE);
        CHECK_INT(retry.entries[0].result, RETRY_FAILED);
        CHECK_INT(retry.entries[1].result, RETRY_FAILED);
        world_retry_deinit(&retry);
        world_deinit(&w);
}

/* The first question was on its way for so long that its repetition was served before it, and the
 * retry failed again. */
static void a_question_that_comes_after_its_repetition_publishes_nothing(void)
{
        start(A, B);
        world_failure(&w, "b", key_of(0), "v", "s", NULL);
        world_run(&w);
        world_retry_init(&w, &retry);
        retry.req.again = true;
        add(&retry, 0);
        world_retry_submit(&w, &retry);
        CHECK_INT(world_retry_published(&retry), 1);
        world_failure(&w, "b", key_of(0), "v", "s", NULL);
        world_advance(&w, 500);
        world_retry_init(&w, &second);
        second.req.retry_id = retry.req.retry_id;
        second.req.scope = (struct local_scope){ .is_local = true, .n_partitions = 3 };
        add(&second, 0);
        world_retry_submit(&w, &second);
        CHECK(second.done && !second.failed);
        CHECK_INT(world_retry_published(&second), 1);
        CHECK_INT(w.n_entries, 1);
        world_retry_deinit(&second);
        world_retry_deinit(&retry);
        world_deinit(&w);
}

int main(void)
{
        RUN(what_an_owner_has_told_it_is_not_asked_again);
        RUN(who_has_lost_one_partition_is_asked_for_the_others_again);
        RUN(who_has_lost_one_partition_is_asked_to_retry_the_others);
        RUN(who_owns_all_and_says_it_does_not_is_not_asked_again);
        RUN(what_was_lost_once_and_fails_then_may_be_done);
        RUN(what_our_own_part_lacks_is_named);
        RUN(whoever_waits_for_an_owner_in_vain_was_not_left_out);
        RUN(a_question_that_comes_after_its_repetition_publishes_nothing);
        return 0;
}
