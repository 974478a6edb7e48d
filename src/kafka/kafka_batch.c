/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka_batch.h"

#include "kafka_record.h"

void kafka_batch_drop(struct kafka_batch *b)
{
        for (size_t i = 0; i < b->n_events; i++)
                rd_kafka_event_destroy(b->events[i]);
        b->n_records = b->n_events = b->bytes = 0;
}

void kafka_batch_give(struct kafka_batch *b)
{
        if (b->n_records > 0)
                member_on_records(b->member, b->records, b->n_records);
        kafka_batch_drop(b);
}

const struct log_record *kafka_batch_add(struct kafka_batch *b, const rd_kafka_message_t *message)
{
        if (b->n_records == MEMBER_BATCH || b->bytes >= KAFKA_BATCH_BYTES)
                kafka_batch_give(b);
        b->records[b->n_records++] = kafka_record_of(message);
        b->bytes += message->len;
        return &b->records[b->n_records - 1];
}

void kafka_batch_keep(struct kafka_batch *b, rd_kafka_event_t *event)
{
        if (b->n_events == MEMBER_BATCH)
                kafka_batch_give(b);
        b->events[b->n_events++] = event;
        if (b->n_records == MEMBER_BATCH || b->bytes >= KAFKA_BATCH_BYTES)
                kafka_batch_give(b);
}
