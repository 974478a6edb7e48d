/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: records are taken from the lanes and added to a batch until it is full, or
 * nothing more has come for a moment; the batch has the offsets behind them, and the generation
 * under which they were read.
 *
 * Possible failures: partitions are assigned anew while a batch is filled: it is thrown away,
 * because nothing of it was committed and whoever has them now begins at the committed offsets.
 */
#include <stdlib.h>
#include <string.h>

#include "crr/base/time.h"
#include "kafka_intake.h"
#include "kafka_record.h"

#define FIRST_WAIT_MS 200 /* for the first record of a batch */
#define LINGER_MS     20  /* for more of them */
#define POLL_MS       10

void kafka_intake_move_offset(struct kafka_intake *k, struct intake_batch *batch,
                              const struct kafka_lane *lane, int64_t offset)
{
        struct publish_batch *publish = &batch->publish;
        struct publish_offset *at = batch->offsets;
        size_t n = publish->n_offsets;

        while (n > 0 && (at[n - 1].partition != lane->partition || at[n - 1].topic != lane->topic))
                n--;
        if (n > 0) {
                at[n - 1].offset = offset;
                return;
        }
        if (publish->n_offsets == k->offsets_capacity) {
                k->offsets_capacity = k->offsets_capacity > 0 ? 2 * k->offsets_capacity : 16;
                at = realloc(batch->offsets, k->offsets_capacity * sizeof *at);
                if (at == NULL)
                        abort();
                batch->offsets = at;
        }
        batch->offsets[publish->n_offsets++] = (struct publish_offset){
                .partition = lane->partition,
                .offset = offset,
                .topic = lane->topic,
        };
}

static void take(struct kafka_intake *k, struct intake_batch *batch, struct kafka_lane *lane,
                 const rd_kafka_message_t *message)
{
        struct log_record record;

        if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
                kafka_trouble_note(k->trouble, KAFKA_INTAKE, message->err,
                                   rd_kafka_message_errstr(message));
                return;
        }
        if (lane->reached < 0)
                lane->reached = message->offset;
        record = kafka_record_of(message);
        intake_batch_add(k->writer, batch, lane->topic_number, &record);
        kafka_intake_move_offset(k, batch, lane, message->offset + 1);
}

struct intake_batch *kafka_intake_begin_batch(struct kafka_intake *k)
{
        struct intake_batch *batch = intake_batch_new();

        batch->epoch = k->epoch;
        k->offsets_capacity = 0;
        return batch;
}

void kafka_intake_finish_batch(const struct kafka_intake *k, struct intake_batch *batch)
{
        batch->publish.generation =
                arena_str(&batch->arena, (struct str){ k->generation, k->generation_len });
        batch->publish.metadata = STR("");
}

/* The partitions were assigned anew within a poll: what was read before will be read again. */
static struct intake_batch *begin_again(struct kafka_intake *k, struct intake_batch *batch)
{
        intake_batch_free(batch);
        return kafka_intake_begin_batch(k);
}

/* Or nothing came, and the consumer was served instead. */
static void take_one(struct kafka_intake *k, struct intake_batch *batch, int64_t now_ms,
                     int64_t left_ms)
{
        struct kafka_lane *lane;
        rd_kafka_message_t *message = kafka_lanes_next(&k->lanes, now_ms, &lane);

        if (message == NULL) {
                kafka_intake_serve(k, left_ms < POLL_MS ? (int)left_ms : POLL_MS);
                return;
        }
        take(k, batch, lane, message);
        rd_kafka_message_destroy(message);
}

static struct intake_batch *fill(struct kafka_intake *k)
{
        struct intake_batch *batch = kafka_intake_begin_batch(k);
        int64_t now_ms = time_monotonic_ms(), end_ms = now_ms + FIRST_WAIT_MS;

        while (now_ms < end_ms && !intake_batch_is_full(k->writer, batch) && !k->must_rewind &&
               !k->is_lost && !kafka_intake_is_stopping(k)) {
                bool is_first = batch->n_consumed == 0;

                take_one(k, batch, now_ms, end_ms - now_ms);
                if (batch->epoch != k->epoch) { /* assigned anew while it was served */
                        batch = begin_again(k, batch);
                        is_first = true;
                }
                if (is_first && batch->n_consumed > 0)
                        end_ms = now_ms + LINGER_MS;
                now_ms = time_monotonic_ms();
        }
        return batch;
}

struct intake_batch *kafka_intake_read(struct kafka_intake *k)
{
        struct intake_batch *batch;

        kafka_intake_serve(k, 0); /* also while records come without a pause */
        batch = fill(k);
        if (batch->n_consumed == 0 || k->must_rewind || k->is_lost || kafka_intake_is_stopping(k)) {
                k->must_rewind |= batch->n_consumed > 0 && batch->epoch == k->epoch;
                intake_batch_free(batch);
                return NULL;
        }
        kafka_intake_finish_batch(k, batch);
        return batch;
}
