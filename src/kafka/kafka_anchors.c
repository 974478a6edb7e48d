/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path of a round: the held record of every partition is read again, some partitions at a
 * time; it is as it was, so the record that was read last when the question was asked comes from
 * the same log, and is held from now on.
 *
 * Possible failures:
 *  - it is another record, or none: told, and nothing is held until a record is noted;
 *  - the log cannot be read: the next round asks again;
 *  - the partition is read anew meanwhile: the answer is about another record than is held then.
 */
#include "kafka_anchors.h"

#include <string.h>

#include "crr/base/time.h"

#define CHECK_EVERY_MS  10000
#define READ_TIMEOUT_MS 5000
#define READ_BYTES      (64u << 20)

static const struct anchor none = { .offset = -1 };

static void on_read(struct log_read *read, const struct error *err);

void kafka_anchors_init(struct kafka_anchors *a, struct log_reader *reader,
                        void (*on_other_log)(void *data, int partition), void *data)
{
        memset(a, 0, sizeof *a);
        a->reader = reader;
        a->on_other_log = on_other_log;
        a->data = data;
        a->cursor = LIMIT_PARTITIONS;
        a->read = (struct log_read){ .data = a, .items = a->items, .max_bytes = READ_BYTES };
        a->read.done = on_read;
        for (int p = 0; p < LIMIT_PARTITIONS; p++)
                kafka_anchors_forget(a, p);
}

void kafka_anchors_note(struct kafka_anchors *a, const struct log_record *record)
{
        struct anchor *last = &a->last[record->partition];

        last->offset = record->offset;
        last->timestamp_ms = record->timestamp_ms;
        last->key_bytes = record->key.len;
        last->value_bytes = record->value.len;
        if (a->held[record->partition].offset < 0)
                a->held[record->partition] = *last;
}

void kafka_anchors_forget(struct kafka_anchors *a, int partition)
{
        a->last[partition] = a->held[partition] = none;
        a->is_away[partition] = false;
}

void kafka_anchors_leave(struct kafka_anchors *a, int partition)
{
        a->is_away[partition] = true;
}

void kafka_anchors_return(struct kafka_anchors *a, int partition)
{
        a->is_away[partition] = false;
}

static bool is_same(const struct anchor *x, const struct anchor *y)
{
        return x->offset == y->offset && x->timestamp_ms == y->timestamp_ms &&
               x->key_bytes == y->key_bytes && x->value_bytes == y->value_bytes;
}

static void read_some(struct kafka_anchors *a)
{
        size_t n = 0;

        for (; a->cursor < LIMIT_PARTITIONS && n < ANCHORS_AT_ONCE; a->cursor++) {
                int p = a->cursor;

                if (a->held[p].offset < 0 || a->is_away[p])
                        continue;
                a->asked[p] = a->held[p];
                a->next[p] = a->last[p];
                a->items[n++] =
                        (struct log_read_item){ .partition = p, .offset = a->held[p].offset };
        }
        if (n == 0)
                return;
        a->read.n = n;
        a->read.deadline_ms = time_monotonic_ms() + READ_TIMEOUT_MS;
        a->is_reading = true;
        a->reader->read(a->reader, &a->read);
}

static struct anchor anchor_of(const struct log_read_item *item)
{
        return (struct anchor){ item->offset, item->timestamp_ms, item->key.len, item->value.len };
}

static void take_item(struct kafka_anchors *a, const struct log_read_item *item)
{
        struct anchor found = item->found ? anchor_of(item) : none;
        int p = item->partition;

        if (item->left || a->is_away[p] || !is_same(&a->held[p], &a->asked[p]))
                return;
        if (is_same(&found, &a->held[p])) {
                a->held[p] = a->next[p];
                return;
        }
        kafka_anchors_forget(a, p);
        a->on_other_log(a->data, p);
}

static void close_if_idle(struct kafka_anchors *a);

static void on_read(struct log_read *read, const struct error *err)
{
        struct kafka_anchors *a = read->data;

        a->is_reading = false;
        for (size_t i = 0; err == NULL && !a->closing && i < read->n; i++)
                take_item(a, &read->items[i]);
        if (a->closing)
                close_if_idle(a);
        else
                read_some(a);
}

void kafka_anchors_check(struct kafka_anchors *a)
{
        if (a->is_reading || a->closing)
                return;
        a->cursor = 0;
        read_some(a);
}

static void on_timer(uv_timer_t *timer)
{
        kafka_anchors_check(timer->data);
}

void kafka_anchors_start(struct kafka_anchors *a, uv_loop_t *loop)
{
        a->started = true;
        uv_timer_init(loop, &a->timer);
        a->timer.data = a;
        uv_timer_start(&a->timer, on_timer, CHECK_EVERY_MS, CHECK_EVERY_MS);
}

/* CLOSING */

static void on_timer_closed(uv_handle_t *handle)
{
        struct kafka_anchors *a = handle->data;

        a->on_closed(a->closed_data);
}

static void close_if_idle(struct kafka_anchors *a)
{
        if (!a->is_reading)
                uv_close((uv_handle_t *)&a->timer, on_timer_closed);
}

void kafka_anchors_close(struct kafka_anchors *a, void (*on_closed)(void *data), void *data)
{
        a->on_closed = on_closed;
        a->closed_data = data;
        a->closing = true;
        if (a->started)
                close_if_idle(a);
        else
                on_closed(data);
}
