/* SPDX-License-Identifier: Apache-2.0 */
/* The fake of the port `source` keeps the port's contract: tests of the core rest on it. */
#include "check.h"
#include "fake_source.h"

struct asker {
        struct source_call call;
        unsigned done;
        int64_t size;
        struct fake_source *again; /* done() asks again */
};

static void on_done(struct source_call *call)
{
        struct asker *a = call->data;

        a->done++;
        if (call->object != NULL)
                a->size = call->object->size;
        backbeat_object_free(call->object);
        if (a->again != NULL)
                a->again->port.get(&a->again->port, call);
}

static void ask(struct fake_source *f, struct asker *a, const char *key, int64_t deadline_ms)
{
        *a = (struct asker){ .call = { .data = a,
                                       .bucket = STR("b"),
                                       .key = str_from(key),
                                       .version_id = STR("v"),
                                       .deadline_ms = deadline_ms,
                                       .done = on_done } };
        f->port.get(&f->port, &a->call);
        CHECK_INT(a->done, 0);
}

static void what_was_told_is_answered_at_the_next_tick(void)
{
        struct fake_source *f = fake_source_new();
        struct asker found, gone, down;

        fake_source_found(f, "b", "found", "v", "{\"content-length\":3}");
        fake_source_unavailable(f, "b", "down", "v", "status 500");
        ask(f, &found, "found", 100);
        ask(f, &gone, "gone", 100);
        ask(f, &down, "down", 100);
        CHECK(fake_source_tick(f, 1));
        CHECK(found.done == 1 && found.call.result == SOURCE_FOUND);
        CHECK_INT(found.size, 3);
        CHECK(gone.done == 1 && gone.call.result == SOURCE_GONE);
        CHECK(down.done == 1 && down.call.result == SOURCE_UNAVAILABLE);
        CHECK_STR(down.call.err.message, "status 500");
        CHECK_INT(fake_source_gets_of(f, "b", "found", "v"), 1);
        CHECK_INT(fake_source_gets_of(f, "b", "found", NULL), 0);
        fake_source_free(f);
}

static void an_answer_takes_its_time_and_never_longer_than_the_deadline(void)
{
        struct fake_source *f = fake_source_new();
        struct asker patient, hasty;

        f->latency_ms = 50;
        ask(f, &patient, "k", 100);
        ask(f, &hasty, "k", 20);
        CHECK_INT(f->most_open, 2);
        CHECK(!fake_source_tick(f, 19));
        CHECK(fake_source_tick(f, 20));
        CHECK(hasty.done == 1 && hasty.call.result == SOURCE_UNAVAILABLE);
        CHECK(!fake_source_tick(f, 49) && patient.done == 0);
        CHECK(fake_source_tick(f, 50) && patient.done == 1);
        fake_source_free(f);
}

static void what_is_held_is_answered_by_the_test(void)
{
        struct fake_source *f = fake_source_new();
        struct asker a;

        f->holds = true;
        ask(f, &a, "k", 100);
        CHECK(!fake_source_tick(f, 99));
        fake_source_answer(f, fake_source_find(f, "b", "k", "v"));
        CHECK_INT(a.done, 1);
        CHECK(fake_source_find(f, "b", "k", "v") == NULL);
        fake_source_free(f);
}

static void the_nth_get_fails_and_only_that(void)
{
        struct fake_source *f = fake_source_new();
        struct asker a[3];

        f->fail_nth = 2;
        for (int i = 0; i < 3; i++)
                ask(f, &a[i], "k", 100);
        fake_source_tick(f, 1);
        CHECK_INT(a[0].call.result, SOURCE_GONE);
        CHECK_INT(a[1].call.result, SOURCE_UNAVAILABLE);
        CHECK_INT(a[2].call.result, SOURCE_GONE);
        fake_source_free(f);
}

static void what_is_canceled_is_not_done(void)
{
        struct fake_source *f = fake_source_new();
        struct asker a;

        ask(f, &a, "k", 100);
        f->port.cancel(&f->port, &a.call);
        f->port.cancel(&f->port, &a.call);
        CHECK(!fake_source_tick(f, 100));
        CHECK(a.done == 0 && f->canceled == 1 && f->open == 0);
        fake_source_free(f);
}

static void who_asks_again_from_done_waits_for_the_next_tick(void)
{
        struct fake_source *f = fake_source_new();
        struct asker a;

        ask(f, &a, "k", 100);
        a.again = f;
        fake_source_tick(f, 1);
        CHECK(a.done == 1 && f->open == 1);
        a.again = NULL;
        fake_source_tick(f, 2);
        CHECK_INT(a.done, 2);
        fake_source_free(f);
}

int main(void)
{
        RUN(what_was_told_is_answered_at_the_next_tick);
        RUN(an_answer_takes_its_time_and_never_longer_than_the_deadline);
        RUN(what_is_held_is_answered_by_the_test);
        RUN(the_nth_get_fails_and_only_that);
        RUN(what_is_canceled_is_not_done);
        RUN(who_asks_again_from_done_waits_for_the_next_tick);
        return 0;
}
