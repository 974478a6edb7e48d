/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The in-flight overlay against the log: how a retry that was submitted ends.
 *
 *   read back   committed, and its record was read or the position has passed it
 *   aborted     nothing was written (batcher: queued again, or failed)
 *   unknown     it stays listed, and a repeat joins it
 *   resolved    the publisher is back (its init_transactions returned), and the position has passed
 * a high watermark read after that: its record was seen by then, or never will be
 */
#include "crr/base/log.h"
#include "member_private.h"

#define SWEEP_EVERY_MS 20

bool overlay_hides(const struct member *m, const struct identity *id)
{
        const struct outgoing *o = outgoing_map_find(&m->retries, id);

        return o != NULL && outgoing_state(o) == OUTGOING_COMMITTED;
}

static struct outgoing_map *map_of(struct member *m, const struct outgoing *o)
{
        return o->kind == OUTGOING_RETRY ? &m->retries : &m->settlements;
}

static void end(struct member *m, struct outgoing *o)
{
        outgoing_list_remove(o);
        outgoing_map_remove(map_of(m, o), o);
        outgoing_move(o, OUTGOING_OVER);
        outgoing_free(o);
}

/* An unknown outcome turned out to be a commit. */
static void resolve_committed(struct member *m, struct outgoing *o)
{
        if (o->kind == OUTGOING_RETRY)
                retry_flow_on_committed(&m->flow, o);
        end(m, o);
}

/* It never will be in the log. A settlement that is still due is found again by the walk. */
static void resolve_not_committed(struct member *m, struct outgoing *o)
{
        struct partition *p = member_partition(m, o->settles_partition);
        struct error err;

        error_set(&err, ERR_UNAVAILABLE, "the transaction was lost in an outage and wrote nothing");
        if (o->kind == OUTGOING_RETRY)
                retry_flow_on_failed(&m->flow, o, &err);
        else if (p != NULL)
                p->settle_cursor = marker_of(p->id, 0);
        end(m, o);
}

static bool is_record_of(const struct outgoing *o, const struct decoded_record *record)
{
        return record->outcome == RECORD_PENDING &&
               uuid_eq(&o->failure.retry_id, &record->failure.retry_id) &&
               o->failure.attempts == record->failure.attempts;
}

void overlay_on_record(struct member *m, const struct decoded_record *record)
{
        struct outgoing *o = outgoing_map_find(&m->retries, &record->failure.id);

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
        o->superseded = true;
        if (outgoing_state(o) == OUTGOING_ENCODED)
                batcher_invalidate(&m->batcher);
}

static bool position_is_past(struct member *m, const struct outgoing *o)
{
        const struct partition *p = member_partition(m, o->failure.partition);

        return p == NULL || partition_state(p) == PARTITION_ABSENT || p->position > o->offset;
}

void overlay_on_committed(struct member *m, struct outgoing *o)
{
        outgoing_move(o, OUTGOING_COMMITTED);
        outgoing_list_append(&m->committed, o);
        if (o->kind == OUTGOING_RETRY)
                retry_flow_on_committed(&m->flow, o);
        if (o->read_back || position_is_past(m, o))
                end(m, o);
}

void overlay_on_unknown(struct member *m, struct outgoing *o)
{
        outgoing_move(o, OUTGOING_UNKNOWN);
        outgoing_list_append(&m->unknown, o);
        if (o->read_back)
                resolve_committed(m, o);
}

void overlay_on_publisher_ready(struct member *m)
{
        for (struct outgoing *o = m->unknown.head; o != NULL; o = o->next) {
                struct partition *p = member_partition(m, o->failure.partition);

                if (o->ticket == 0 && p != NULL)
                        o->ticket = partition_want_watermark(p);
        }
}

static void sweep_committed(struct member *m)
{
        struct outgoing *next;

        for (struct outgoing *o = m->committed.head; o != NULL; o = next) {
                next = o->next;
                if (position_is_past(m, o))
                        end(m, o);
        }
}

/* The first watermark that was granted for it is kept as its `offset`: the log may grow faster than
 * we read. */
static bool is_decided(struct member *m, struct outgoing *o)
{
        const struct partition *p = member_partition(m, o->failure.partition);

        if (p == NULL)
                return true;
        if (o->offset < 0 && o->ticket != 0 && p->watermark_granted >= o->ticket)
                o->offset = p->watermark;
        return o->offset >= 0 && p->position >= o->offset;
}

static void sweep_unknown(struct member *m)
{
        struct outgoing *next;
        int64_t resolved = 0;

        for (struct outgoing *o = m->unknown.head; o != NULL; o = next) {
                next = o->next;
                if (!is_decided(m, o))
                        continue;
                resolved++;
                resolve_not_committed(m, o);
        }
        if (resolved > 0)
                log_emit(LOG_TXN_RESOLVED,
                         LOG_FIELDS(log_i("not_committed", resolved),
                                    log_i("open", (int64_t)m->unknown.n)),
                         "the log shows that records of unknown outcome were not written");
}

void overlay_tick(struct member *m)
{
        if (m->now_ms < m->sweep_due_ms)
                return;
        m->sweep_due_ms = m->now_ms + SWEEP_EVERY_MS;
        sweep_committed(m);
        sweep_unknown(m);
}

static void leave_list(struct member *m, struct outgoing_list *list, int partition)
{
        struct outgoing *next;

        for (struct outgoing *o = list->head; o != NULL; o = next) {
                next = o->next;
                if (o->failure.partition != partition)
                        continue;
                if (o->kind == OUTGOING_RETRY)
                        retry_flow_on_unknown(&m->flow, o);
                end(m, o);
        }
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

/* What is queued fails when it is looked at; what is submitted learns its outcome all the same. */
void overlay_partition_left(struct member *m, int partition)
{
        leave_list(m, &m->committed, partition);
        leave_list(m, &m->unknown, partition);
        batcher_invalidate(&m->batcher);
}
