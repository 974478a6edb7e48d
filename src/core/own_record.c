/* SPDX-License-Identifier: Apache-2.0 */
#include "own_record.h"

#include "batch.h"
#include "member_private.h"

/* The next one that was not asked about; what lies before the offset never comes any more. */
static struct outgoing *expected_at(struct outgoing_list *l, int64_t offset)
{
        while (l->cursor != NULL && l->cursor->offset < offset)
                l->cursor = l->cursor->next;
        return l->cursor != NULL && l->cursor->offset == offset ? l->cursor : NULL;
}

static bool is_as_written(const struct outgoing *o, const struct log_record *record)
{
        const struct publish_record *written = &o->sent->records[o->record];

        return record->settles < 0 && record->outcome.base == NULL && record->value.base != NULL &&
               str_eq(record->value, written->value) && str_eq(record->key, written->key);
}

struct outgoing *own_record_claim(struct member *m, const struct log_record *record)
{
        struct waiting *waiting = m->partitions[record->partition].waiting;
        struct outgoing *o;

        if (waiting == NULL || waiting->committed.head == NULL)
                return NULL;
        o = expected_at(&waiting->committed, record->offset);
        if (o == NULL || o->sent == NULL || !is_as_written(o, record))
                return NULL;
        waiting->committed.cursor = o->next;
        o->is_claimed = true;
        return o;
}

void own_record_read(const struct outgoing *o, const struct log_record *record,
                     struct decoded_record *ret)
{
        struct failure *f = &ret->failure;

        *ret = (struct decoded_record){
                .outcome = RECORD_PENDING,
                .failure = o->failure,
                .canonical_key = true,
        };
        f->partition = f->entry_partition = record->partition;
        f->offset = record->offset;
        f->timestamp_ms = record->timestamp_ms;
        f->entry_offset = -1; /* batch_keep() */
        f->superseded = f->json_plain = false;
        if (f->error_code.len == 0)
                f->error_code = STR_ABSENT;
}

void own_record_end(struct outgoing *o)
{
        batch_forget(o);
        if (!o->is_claimed)
                outgoing_free(o);
}

void own_record_let_go(struct outgoing *o)
{
        o->is_claimed = false;
        if (outgoing_state(o) == OUTGOING_OVER)
                outgoing_free(o);
}
