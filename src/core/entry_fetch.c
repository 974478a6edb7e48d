/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: outgoings wait; those that came first are brought into the order of the log;
 * no read is running, and not enough for some transactions is read already: up to ENTRY_FETCH_BATCH
 * of them are read in one go; each gets what its record holds and is queued for a transaction, or
 * waits for the other record that it needs.
 *
 * Possible failures:
 *  - together they are too much for one read: what was left of it is read again;
 *  - the log cannot be read: nothing was written for them, and they end;
 *  - a record is gone (compacted): a newer record of the identity exists, so its reader is stale or
 *    will be;
 *  - an outgoing is discarded meanwhile: its answer is dropped.
 */
#include "entry_fetch.h"

#include <stdlib.h>
#include <string.h>

#include "member_private.h"

#define READ_TIMEOUT_MS 10000
#define READ_BYTES      (16u << 20) /* kept of one read */

static void fetch_on_read(struct log_read *read, const struct error *err);

void entry_fetch_init(struct entry_fetch *f, struct member *member)
{
        memset(f, 0, sizeof *f);
        f->member = member;
        f->read.data = f;
        f->read.items = f->items;
        f->read.max_bytes = READ_BYTES;
        f->read.done = fetch_on_read;
}

void entry_fetch_add(struct entry_fetch *f, struct outgoing *o)
{
        outgoing_move(o, OUTGOING_READING);
        outgoing_list_append(&f->waiting, o);
}

void entry_fetch_discard(struct entry_fetch *f, struct outgoing *o)
{
        if (o->list != NULL) {
                outgoing_list_remove(o);
                return;
        }
        for (size_t i = 0; f->running && i < f->read.n; i++)
                if (f->items[i].data == o)
                        f->items[i].data = NULL;
}

static struct log_read_item item_of(struct outgoing *o)
{
        return (struct log_read_item){
                .data = o,
                .partition = o->wants_record ? o->settles_partition : o->failure.entry_partition,
                .offset = o->wants_record ? o->stands : o->failure.entry_offset,
        };
}

static int by_place(const void *a, const void *b)
{
        const struct fetch_place *x = a, *y = b;

        return (x->marker > y->marker) - (x->marker < y->marker);
}

/* In the order in which somebody asked for them a log could be read once for every few of them. */
static void sort_some(struct entry_fetch *f)
{
        size_t n = 0;

        while (f->waiting.head != NULL && n < ENTRY_FETCH_SORTED) {
                struct outgoing *o = f->waiting.head;
                struct log_read_item item = item_of(o);

                outgoing_list_remove(o);
                f->places[n++] = (struct fetch_place){ marker_of(item.partition, item.offset), o };
        }
        qsort(f->places, n, sizeof *f->places, by_place);
        for (size_t i = 0; i < n; i++)
                outgoing_list_append(&f->sorted, f->places[i].outgoing);
}

void entry_fetch_work(struct entry_fetch *f)
{
        struct log_reader *reader = f->member->ports.log_reader;
        size_t n = 0;

        if (f->running || batcher_has_enough(&f->member->batcher))
                return;
        if (f->sorted.head == NULL)
                sort_some(f);
        while (f->sorted.head != NULL && n < ENTRY_FETCH_BATCH) {
                struct outgoing *o = f->sorted.head;

                outgoing_list_remove(o);
                f->items[n++] = item_of(o);
        }
        if (n == 0)
                return;
        f->read.n = n;
        f->read.deadline_ms = f->member->now_ms + READ_TIMEOUT_MS;
        f->running = true;
        reader->read(reader, &f->read);
}

/* The Entry in the record, if that is still the record of this identity. */
static struct str entry_of(struct member *m, const struct outgoing *o,
                           const struct log_read_item *item)
{
        struct log_record record = {
                .partition = item->partition,
                .offset = item->offset,
                .timestamp_ms = item->timestamp_ms,
                .key = item->key,
                .value = item->value,
                .settles = -1,
        };
        struct decoded_record decoded;
        struct error err;

        if (failure_decode(m->decoder, &record, &decoded, &err) != REJECT_NONE ||
            !identity_eq(&decoded.failure.id, &o->failure.id))
                return STR_ABSENT;
        return decoded.entry;
}

/* END_COMMITTED: it goes on. */
static enum outgoing_end take_record(struct entry_fetch *f, struct outgoing *o,
                                     const struct log_read_item *item)
{
        o->wants_record = false;
        if (!item->found)
                return settle_check_gone(f->member, o);
        outgoing_keep_record(o, item->key, item->value);
        return END_COMMITTED;
}

static void take_item(struct entry_fetch *f, const struct log_read_item *item)
{
        struct outgoing *o = item->data;
        enum outgoing_end end = END_COMMITTED;

        if (o->wants_record) {
                end = take_record(f, o, item);
        } else {
                o->wants_entry = false;
                if (item->found)
                        outgoing_keep_entry(o, entry_of(f->member, o, item));
        }
        if (end != END_COMMITTED)
                member_outgoing_end(f->member, o, end, NULL);
        else if (o->wants_entry)
                outgoing_list_append(&f->waiting, o);
        else if (o->object != NULL)
                metadata_fetch_go_on(&f->member->metadata, o);
        else
                batcher_queue(&f->member->batcher, o);
}

static void fetch_on_read(struct log_read *read, const struct error *err)
{
        struct entry_fetch *f = read->data;

        f->running = false;
        for (size_t i = 0; i < read->n; i++) {
                struct outgoing *o = f->items[i].data;

                if (o == NULL)
                        continue;
                if (err == NULL && f->items[i].left)
                        outgoing_list_append(&f->waiting, o);
                else if (err != NULL)
                        member_outgoing_end(f->member, o, END_FAILED, err);
                else
                        take_item(f, &f->items[i]);
        }
}
