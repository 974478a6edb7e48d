/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The in-flight overlay against the log: how an outgoing that was submitted ends. It is watched in
 * one partition (outgoing_watched()), and only in the life of it in which it was submitted.
 *
 *   read back   committed, and its record was read or the position has passed it
 *   aborted     nothing was written (batcher: queued again, or failed)
 *   unknown     it stays listed, and a repeat joins it
 *   resolved    the publisher is back (its init_transactions returned), and the position has passed
 *               a high watermark read after that: its record was seen by then, or never will be
 *   left        the partition is read anew, or by somebody else: whoever reads it sees the record,
 *               if there is one, before the partition is ready. A retry whose outcome is not known
 *               then is answered so.
 *
 * Of a record that the broker had already (a repeated request) no offset is told: it is committed,
 * and a high watermark decides when it was read.
 */
#include <stdlib.h>

#include "crr/base/log.h"
#include "member_private.h"
#include "own_record.h"

#define SWEEP_EVERY_MS 20
#define SWEEP_SLICE    4096
#define LEFT_SLICE     1024

static bool is_live(const struct member *m, const struct outgoing *o)
{
        enum outgoing_state state = outgoing_state(o);

        return (state != OUTGOING_COMMITTED && state != OUTGOING_UNKNOWN) ||
               o->life == m->partitions[outgoing_watched(o)].life;
}

bool overlay_hides(const struct member *m, const struct identity *id)
{
        const struct outgoing *o = outgoing_map_find(&m->retries, id);

        return o != NULL && outgoing_state(o) == OUTGOING_COMMITTED && is_live(m, o);
}

static void end(struct member *m, struct outgoing *o)
{
        if (o->kind != OUTGOING_RETRY) {
                settle_over(m, o);
                return;
        }
        outgoing_list_remove(o);
        outgoing_map_remove(&m->retries, o);
        outgoing_move(o, OUTGOING_OVER);
        settle_kick(m, &o->failure.id);
        own_record_end(o);
}

/* Nobody here will ever know. */
static void end_left(struct member *m, struct outgoing *o)
{
        if (o->kind == OUTGOING_RETRY && outgoing_state(o) == OUTGOING_UNKNOWN)
                retry_flow_on_unknown(&m->flow, o);
        end(m, o);
}

struct outgoing *overlay_find_hash(struct member *m, const struct identity *id, uint64_t hash)
{
        struct outgoing *o = outgoing_map_find_hash(&m->retries, id, hash);

        if (o == NULL || is_live(m, o))
                return o;
        end_left(m, o);
        return NULL;
}

struct outgoing *overlay_find(struct member *m, const struct identity *id)
{
        if (m->retries.n == 0)
                return NULL;
        return overlay_find_hash(m, id, identity_hash(&m->retries.key, id));
}

/* An unknown outcome turned out to be a commit. */
static void resolve_committed(struct member *m, struct outgoing *o)
{
        if (o->kind == OUTGOING_RETRY)
                retry_flow_on_committed(&m->flow, o);
        end(m, o);
}

/* It never will be in the log. */
static void resolve_not_committed(struct member *m, struct outgoing *o)
{
        struct error err;

        error_set(&err, ERR_UNAVAILABLE, "the transaction was lost in an outage and wrote nothing");
        outgoing_list_remove(o);
        if (o->kind != OUTGOING_RETRY) {
                settle_end(m, o, END_FAILED);
                return;
        }
        retry_flow_on_failed(&m->flow, o, &err);
        end(m, o);
}

static bool is_record_of(const struct outgoing *o, const struct decoded_record *record)
{
        return record->outcome == RECORD_PENDING &&
               uuid_eq(&o->failure.retry_id, &record->failure.retry_id) &&
               o->failure.attempts == record->failure.attempts;
}

void overlay_on_record(struct member *m, const struct decoded_record *record, uint64_t hash)
{
        struct outgoing *o = NULL;

        if (m->retries.n > 0)
                o = overlay_find_hash(m, &record->failure.id, hash);

        if (o == NULL)
                return;
        if (is_record_of(o, record)) {
                o->read_back = true;
                if (outgoing_state(o) == OUTGOING_COMMITTED)
                        end(m, o);
                else if (outgoing_state(o) == OUTGOING_UNKNOWN)
                        resolve_committed(m, o);
                return;
        }
        o->overtaken = true;
        if (outgoing_state(o) == OUTGOING_ENCODED)
                batcher_invalidate(&m->batcher);
}

void overlay_on_committed(struct member *m, struct outgoing *o)
{
        struct partition *p = &m->partitions[outgoing_watched(o)];

        outgoing_move(o, OUTGOING_COMMITTED);
        if (o->kind == OUTGOING_RETRY)
                retry_flow_on_committed(&m->flow, o);
        if (o->read_back || !is_live(m, o) || (o->offset >= 0 && p->position > o->offset)) {
                end(m, o);
                return;
        }
        if (o->offset < 0)
                o->ticket = partition_want_watermark(p);
        outgoing_list_append(o->offset < 0 ? &p->waiting->undecided : &p->waiting->committed, o);
}

void overlay_on_unknown(struct member *m, struct outgoing *o)
{
        outgoing_move(o, OUTGOING_UNKNOWN);
        if (o->read_back)
                resolve_committed(m, o);
        else if (!is_live(m, o))
                end_left(m, o);
        else
                outgoing_list_append(&m->partitions[outgoing_watched(o)].waiting->undecided, o);
}

void overlay_on_publisher_ready(struct member *m)
{
        for (int i = 0; i < LIMIT_PARTITIONS; i++) {
                struct partition *p = &m->partitions[i];
                struct outgoing *o = p->waiting != NULL ? p->waiting->undecided.head : NULL;

                for (; o != NULL; o = o->next)
                        if (o->ticket == 0)
                                o->ticket = partition_want_watermark(p);
        }
}

/* SWEEPING: the heads of the lists come first in every sense. */

static void sweep_committed(struct member *m, struct partition *p, unsigned *slice)
{
        struct outgoing_list *l = &p->waiting->committed;

        for (; l->head != NULL && p->position > l->head->offset && *slice > 0; (*slice)--)
                end(m, l->head);
}

/* The first watermark that was granted for it is kept as its `offset`: the log may grow faster than
 * we read. */
static bool is_decided(const struct partition *p, struct outgoing *o)
{
        if (o->offset < 0 && o->ticket != 0 && p->watermark_granted >= o->ticket)
                o->offset = p->watermark;
        return o->offset >= 0 && p->position >= o->offset;
}

static int64_t sweep_undecided(struct member *m, struct partition *p, unsigned *slice)
{
        struct outgoing_list *l = &p->waiting->undecided;
        int64_t resolved = 0;

        for (; l->head != NULL && is_decided(p, l->head) && *slice > 0; (*slice)--) {
                struct outgoing *o = l->head;

                if (outgoing_state(o) == OUTGOING_COMMITTED) {
                        end(m, o);
                        continue;
                }
                resolved++;
                resolve_not_committed(m, o);
        }
        return resolved;
}

void overlay_tick(struct member *m)
{
        unsigned slice = SWEEP_SLICE;
        int64_t resolved = 0, open = 0;

        if (m->now_ms < m->sweep_due_ms)
                return;
        for (int i = 0; i < m->n_partitions; i++) {
                struct partition *p = &m->partitions[i];

                if (p->waiting == NULL)
                        continue;
                sweep_committed(m, p, &slice);
                resolved += sweep_undecided(m, p, &slice);
                open += (int64_t)p->waiting->undecided.n;
        }
        if (slice > 0)
                m->sweep_due_ms = m->now_ms + SWEEP_EVERY_MS;
        if (resolved > 0)
                log_emit(LOG_TXN_RESOLVED,
                         LOG_FIELDS(log_i("not_committed", resolved), log_i("open", open)),
                         "the log shows that records of unknown outcome were not written");
}

/* LEAVING */

static bool end_list(struct member *m, struct outgoing_list *l, unsigned *slice)
{
        for (; l->head != NULL && *slice > 0; (*slice)--)
                end_left(m, l->head);
        return l->head == NULL;
}

bool overlay_work(struct member *m)
{
        unsigned slice = LEFT_SLICE;

        while (m->left != NULL) {
                struct waiting *w = m->left;

                if (!end_list(m, &w->undecided, &slice) || !end_list(m, &w->committed, &slice) ||
                    !settle_retire(m, w, &slice))
                        return true;
                m->left = w->next;
                free(w);
        }
        return false;
}

static bool is_leaving(const struct member *m, const struct outgoing *o)
{
        return partition_state(&m->partitions[o->failure.partition]) == PARTITION_LEAVING ||
               partition_state(&m->partitions[o->settles_partition]) == PARTITION_LEAVING;
}

bool overlay_may_let_go(const struct member *m)
{
        if (m->batcher.running != NULL)
                return false;
        for (const struct outgoing *o = m->batcher.retries.head; o != NULL; o = o->next)
                if (o->attempts > 0 && is_leaving(m, o))
                        return false; /* it was aborted, and is submitted again */
        return true;
}
