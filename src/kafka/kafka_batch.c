/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka_batch.h"

#include <uv.h>

#include "kafka_record.h"

#define CLEAN_US 250

static struct kafka_records *filling(struct kafka_batch *b)
{
        return &b->halves[b->filling];
}

static bool has_spent(const struct kafka_batch *b)
{
        return b->spent.first < b->spent.end;
}

static void destroy_spent(struct kafka_batch *b)
{
        rd_kafka_event_destroy(b->spent.events[b->spent.first++ % KAFKA_BATCH_SPENT]);
}

static void spend(struct kafka_batch *b, struct kafka_records *r)
{
        for (size_t i = 0; i < r->n_events; i++) {
                if (b->spent.end - b->spent.first == KAFKA_BATCH_SPENT)
                        destroy_spent(b);
                b->spent.events[b->spent.end++ % KAFKA_BATCH_SPENT] = r->events[i];
        }
        r->n_records = r->n_events = r->bytes = 0;
}

bool kafka_batch_clean(struct kafka_batch *b)
{
        uint64_t end = uv_hrtime() + CLEAN_US * UINT64_C(1000);

        while (has_spent(b) && uv_hrtime() < end)
                destroy_spent(b);
        return has_spent(b);
}

/* Their ends are in the cache by now (kafka_batch_add()). */
static void read_messages(struct kafka_batch *b, struct kafka_records *r)
{
        for (size_t i = 0; i < r->n_records; i++) {
                r->records[i] = kafka_record_of(r->messages[i]);
                kafka_anchors_note(b->anchors, &r->records[i]);
        }
}

/* The member reads these while the next ones are collected, and has applied those before. */
static void hand_over(struct kafka_batch *b)
{
        struct kafka_records *r = filling(b);

        if (r->n_records > 0) {
                read_messages(b, r);
                member_on_records_coming(b->member, r->records, r->n_records);
                b->filling = 1 - b->filling;
        }
        spend(b, filling(b));
}

static void take_back(struct kafka_batch *b)
{
        member_on_records_came(b->member);
        spend(b, &b->halves[1 - b->filling]);
}

void kafka_batch_give(struct kafka_batch *b)
{
        hand_over(b);
        take_back(b);
}

void kafka_batch_drop(struct kafka_batch *b)
{
        take_back(b);
        spend(b, filling(b));
        while (has_spent(b))
                destroy_spent(b);
}

static bool is_full(const struct kafka_records *r)
{
        return r->n_records == MEMBER_BATCH || r->n_events == MEMBER_BATCH ||
               r->bytes >= KAFKA_BATCH_BYTES;
}

/* How many headers there are stands behind the value, which nobody has looked at yet. */
void kafka_batch_add(struct kafka_batch *b, const rd_kafka_message_t *message)
{
        struct kafka_records *r;

        if (is_full(filling(b)))
                hand_over(b);
        r = filling(b);
        if (message->payload != NULL)
                __builtin_prefetch((const char *)message->payload + message->len);
        r->messages[r->n_records++] = message;
        r->bytes += message->len;
}

void kafka_batch_keep(struct kafka_batch *b, rd_kafka_event_t *event)
{
        struct kafka_records *r = filling(b);

        for (int i = 0; i < 2 && has_spent(b); i++)
                destroy_spent(b);
        r->events[r->n_events++] = event;
        if (is_full(r))
                hand_over(b);
}
