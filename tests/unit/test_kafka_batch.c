/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of the events whose records were applied. */
#include "check.h"
#include "kafka_batch.h"
#include "kafka_events.h"
#include "world.h"

static struct kafka_events events;
static struct world w;
static struct kafka_batch batch;

static void start(void)
{
        kafka_events_init(&events);
        world_init(&w, 1);
        world_start(&w);
        batch = (struct kafka_batch){ .member = w.member };
}

static void stop(void)
{
        CHECK_INT(rd_kafka_outq_len(events.producer), 0);
        world_deinit(&w);
        kafka_events_deinit(&events);
}

static rd_kafka_event_t *make_event(void)
{
        rd_kafka_event_t *event = NULL;

        kafka_events_make(&events);
        do {
                rd_kafka_event_destroy(event); /* what else the library says */
                event = rd_kafka_queue_poll(events.queue, 10000);
                CHECK(event != NULL);
        } while (rd_kafka_event_type(event) != RD_KAFKA_EVENT_DR);
        return event;
}

static void keep(unsigned n)
{
        for (unsigned i = 0; i < n; i++)
                kafka_batch_keep(&batch, make_event());
}

static void spent_events_go_while_others_come(void)
{
        start();
        keep(MEMBER_BATCH); /* full: they are spent, for they have no records */
        CHECK_INT(rd_kafka_outq_len(events.producer), MEMBER_BATCH);
        keep(1);
        CHECK_INT(rd_kafka_outq_len(events.producer), MEMBER_BATCH - 2 + 1);
        keep(MEMBER_BATCH / 2);
        CHECK_INT(rd_kafka_outq_len(events.producer), MEMBER_BATCH / 2 + 1);
        kafka_batch_drop(&batch);
        stop();
}

static void what_is_given_is_spent_and_destroyed_later(void)
{
        start();
        keep(100);
        kafka_batch_give(&batch);
        CHECK_INT(rd_kafka_outq_len(events.producer), 100);
        while (kafka_batch_clean(&batch))
                CHECK(rd_kafka_outq_len(events.producer) > 0);
        CHECK_INT(rd_kafka_outq_len(events.producer), 0);
        stop();
}

/* Nothing came between, and there was no time at rest. */
static void more_than_two_batches_of_them_are_not_kept(void)
{
        start();
        for (unsigned i = 0; i < 3; i++) {
                struct kafka_records *r = &batch.halves[batch.filling];

                while (r->n_events < MEMBER_BATCH - 1)
                        r->events[r->n_events++] = make_event();
                kafka_batch_give(&batch);
        }
        CHECK_INT(rd_kafka_outq_len(events.producer), KAFKA_BATCH_SPENT);
        kafka_batch_drop(&batch);
        stop();
}

int main(void)
{
        RUN(spent_events_go_while_others_come);
        RUN(what_is_given_is_spent_and_destroyed_later);
        RUN(more_than_two_batches_of_them_are_not_kept);
        return 0;
}
