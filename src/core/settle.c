/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settlements: what the owner of a partition writes without a retry.
 *
 *   merged      a FAILED record that followed a PENDING one and lacked what that knew
 *   completed   the tombstone after somebody's COMPLETED value
 *   expired, closed   a retry whose outcome did not come within pending_ttl
 *   rewritten   the current record, after a settlement that came too late for it (compaction keeps
 * the last one) moved       a record from a partition or key that is not its own
 *
 * An entry of the table that owes a merge or a move carries the fact; what the table does not hold
 * (COMPLETED, tombstones, rewrites) is noted as OWED until its partition is ready. Only owners of
 * ready partitions write, and the log decides: a settlement that a newer record overtook is void
 * (apply.c).
 */
#include <string.h>

#include "member_private.h"

#define OWED_LIMIT \
        200000 /* notes of what the table does not hold; the next restore finds the rest */
#define IN_FLIGHT_LIMIT 20000
#define WALK_ROWS       1024
#define EXPIRY_EVERY_MS 1000
#define FAILED_WAIT_MS  1000 /* before what Kafka refused is found again */

static bool is_submitted(const struct outgoing *o)
{
        enum outgoing_state state = outgoing_state(o);

        return state == OUTGOING_SUBMITTED || state == OUTGOING_COMMITTED ||
               state == OUTGOING_UNKNOWN;
}

static void discard(struct member *m, struct outgoing *o)
{
        if (outgoing_state(o) == OUTGOING_READING)
                entry_fetch_discard(&m->fetch, o);
        else
                batcher_discard(&m->batcher, o);
        outgoing_map_remove(&m->settlements, o);
        outgoing_move(o, OUTGOING_OVER);
        outgoing_free(o);
}

static void begin(struct member *m, struct outgoing *o)
{
        if (o->read_offset >= 0)
                entry_fetch_add(&m->fetch, o);
        else
                batcher_queue(&m->batcher, o);
}

/* A settlement of `settled`'s record; NULL when one is under way (the end of that one looks again).
 */
static struct outgoing *add(struct member *m, enum outgoing_kind kind,
                            const struct failure *settled)
{
        struct outgoing *o = outgoing_map_find(&m->settlements, &settled->id);

        if (o != NULL && is_submitted(o))
                return NULL;
        if (o != NULL)
                discard(m, o);
        if (m->settlements.n >= OWED_LIMIT)
                return NULL;
        o = outgoing_new(kind, settled, STR_ABSENT);
        o->settles = settled->offset;
        o->settles_partition = settled->partition;
        o->failure.unsettled = o->failure.foreign_key = false;
        outgoing_map_add(&m->settlements, o);
        return o;
}

static void begin_if_ready(struct member *m, struct outgoing *o)
{
        if (member_partition_is_ready(m, o->settles_partition) &&
            outgoing_state(o) == OUTGOING_OWED)
                begin(m, o);
}

static void settle_move(struct member *m, const struct failure *f, bool tombstone, bool needed)
{
        struct outgoing *o = add(m, OUTGOING_MOVE, f);

        if (o == NULL)
                return;
        o->failure.partition = member_home_of(m, &f->id);
        o->tombstone = tombstone;
        o->force = needed;
        o->read_offset = f->offset;
        begin_if_ready(m, o);
}

void settle_entry(struct member *m, const struct failure *f)
{
        struct outgoing *o;

        if (!member_partition_is_ready(m, f->partition))
                return; /* the walk finds it then */
        if (f->foreign_key) {
                settle_move(m, f, false, true);
                return;
        }
        if (!f->unsettled)
                return;
        o = add(m, OUTGOING_MERGE, f);
        if (o == NULL)
                return;
        o->read_offset = f->entry_offset;
        begin(m, o);
}

void settle_complete(struct member *m, const struct failure *completed)
{
        struct outgoing *o = add(m, OUTGOING_COMPLETE, completed);

        if (o == NULL)
                return;
        o->tombstone = true;
        begin_if_ready(m, o);
}

void settle_misplaced(struct member *m, const struct failure *f, bool needed)
{
        settle_move(m, f, true, needed);
}

void settle_rewrite(struct member *m, const struct failure *current, bool tombstone)
{
        struct outgoing *o = add(m, OUTGOING_REWRITE, current);

        metrics_add(m->metrics, METRIC_SETTLEMENTS_VOID_TOTAL, NO_LABELS, 1);
        if (o == NULL)
                return;
        o->tombstone = tombstone;
        o->read_offset = tombstone ? -1 : current->entry_offset;
        begin_if_ready(m, o);
}

/* It is in the log: what comes of it is apply.c's, and another settlement of the identity may
 * begin. */
static void read_back(struct member *m, struct outgoing *o)
{
        outgoing_map_remove(&m->settlements, o);
        o->detached = true;
        if (outgoing_state(o) == OUTGOING_SUBMITTED)
                return; /* its batch still has it */
        outgoing_list_remove(o);
        outgoing_move(o, OUTGOING_OVER);
        outgoing_free(o);
}

/* Any record of the identity ends what was owed for an older one; our own ends by being read. */
void settle_on_record(struct member *m, const struct log_record *record, const struct identity *id)
{
        struct outgoing *o = outgoing_map_find(&m->settlements, id);

        if (o == NULL)
                return;
        if (record->settles >= 0 && record->settles == o->settles && is_submitted(o)) {
                read_back(m, o);
                return;
        }
        if (is_submitted(o) || record->partition != o->settles_partition ||
            record->offset <= o->settles)
                return;
        discard(m, o);
}

/* What the identity owes now that its settlement is over: a later record may have come meanwhile.
 */
static void look_again(struct member *m, const struct identity *id)
{
        struct failure f;

        if (failure_table_get(m->table, id, &f) && (f.unsettled || f.foreign_key))
                settle_entry(m, &f);
}

static void end_for_good(struct member *m, struct outgoing *o)
{
        outgoing_list_remove(o);
        if (!o->detached)
                outgoing_map_remove(&m->settlements, o);
        outgoing_move(o, OUTGOING_OVER);
}

static void count_written(struct member *m, const struct outgoing *o)
{
        metrics_add(m->metrics, METRIC_SETTLEMENTS_TOTAL, LABELS_1(outgoing_kind_name(o->kind)), 1);
}

void settle_end(struct member *m, struct outgoing *o, enum outgoing_end outcome)
{
        struct partition *p = member_partition(m, o->settles_partition);

        if (outcome == END_COMMITTED)
                count_written(m, o);
        switch (outcome) {
        case END_COMMITTED:
        case END_UNKNOWN:
                if (o->detached) {
                        end_for_good(m, o);
                        break;
                }
                if (outcome == END_COMMITTED)
                        overlay_on_committed(m, o);
                else
                        overlay_on_unknown(m, o);
                return;
        case END_FAILED:
                if (p != NULL) {
                        p->settle_cursor = marker_of(p->id, 0);
                        p->settle_due_ms = m->now_ms + FAILED_WAIT_MS;
                }
                end_for_good(m, o);
                break;
        case END_STALE:
                end_for_good(m, o);
                look_again(m, &o->failure.id);
                break;
        case END_NO_ENTRY:
        case END_TOO_LARGE:
                end_for_good(m, o);
                break;
        }
        outgoing_free(o);
}

struct visit {
        struct member *m;
        int partition;
};

struct owed {
        int partition;
        bool any;
};

static void begin_owed(void *data, struct outgoing *o)
{
        struct visit *visit = data;

        if (o->settles_partition == visit->partition && outgoing_state(o) == OUTGOING_OWED)
                begin(visit->m, o);
}

void settle_partition_ready(struct member *m, int partition)
{
        outgoing_map_each(&m->settlements, begin_owed, &(struct visit){ m, partition });
}

static void forget(void *data, struct outgoing *o)
{
        struct visit *visit = data;

        if (o->settles_partition == visit->partition && !is_submitted(o))
                discard(visit->m, o);
}

void settle_partition_left(struct member *m, int partition)
{
        outgoing_map_each(&m->settlements, forget, &(struct visit){ m, partition });
}

static void find_owed(void *data, struct outgoing *o)
{
        struct owed *owed = data;

        owed->any |=
                o->settles_partition == owed->partition && outgoing_state(o) != OUTGOING_COMMITTED;
}

bool settle_owes(struct member *m, int partition)
{
        struct owed owed = { .partition = partition };

        outgoing_map_each(&m->settlements, find_owed, &owed);
        return owed.any;
}

/* WALKS: rows are looked at where they stand; settlements only read the table. */

struct walk {
        struct member *m;
        struct partition *p;
        unsigned rows;
        uint64_t next; /* marker to go on from; UINT64_MAX: the end */
};

static bool walk_on(struct walk *walk, const struct failure *f)
{
        if (f->partition == walk->p->id && walk->rows++ < WALK_ROWS &&
            walk->m->settlements.n < IN_FLIGHT_LIMIT)
                return true;
        walk->next = f->partition == walk->p->id ? marker_of(f->partition, f->offset) : UINT64_MAX;
        return false;
}

static bool owed_row(void *data, const struct failure *f)
{
        struct walk *walk = data;

        if (!walk_on(walk, f))
                return false;
        if ((f->unsettled || f->foreign_key) &&
            outgoing_map_find(&walk->m->settlements, &f->id) == NULL)
                settle_entry(walk->m, f);
        return true;
}

static void expire(struct member *m, const struct failure *f)
{
        bool close = m->config.pending_expiry == PENDING_EXPIRY_CLOSE;
        struct failure expired = *f;
        struct outgoing *o;

        expired.state = FAILURE_FAILED;
        expired.error_code = STR("RetryLost");
        o = add(m, close ? OUTGOING_CLOSE : OUTGOING_RELIST, &expired);
        if (o == NULL)
                return;
        o->tombstone = close;
        o->read_offset = close ? -1 : f->entry_offset;
        begin(m, o);
}

/* Retries stand in the order of their publication: the first that is young enough ends the walk. */
static bool expiry_row(void *data, const struct failure *f)
{
        struct walk *walk = data;
        struct member *m = walk->m;

        if (!walk_on(walk, f))
                return false;
        if (m->wall_ms - f->retried_at_ms < m->config.pending_ttl_ms)
                return false;
        if (outgoing_map_find(&m->settlements, &f->id) == NULL &&
            outgoing_map_find(&m->retries, &f->id) == NULL)
                expire(m, f);
        return true;
}

static uint64_t walk_rows(struct member *m, struct partition *p, enum failure_state state,
                          uint64_t from, failure_row_fn row)
{
        struct partition_set only = { { 0 } };
        struct failure_page page = { .state = state, .partitions = &only, .marker = from };
        struct walk walk = { .m = m, .p = p, .next = UINT64_MAX };

        partition_set_add(&only, p->id);
        failure_table_page(m->table, &page, row, &walk);
        return walk.next;
}

bool settle_work(struct member *m)
{
        bool expiry = m->now_ms >= m->expiry_due_ms, more = false;

        if (expiry)
                m->expiry_due_ms = m->now_ms + EXPIRY_EVERY_MS;
        for (int i = 0; i < m->n_partitions; i++) {
                struct partition *p = &m->partitions[i];

                if (!partition_is_ready(p))
                        continue;
                if (p->settle_cursor != UINT64_MAX && m->now_ms >= p->settle_due_ms &&
                    m->settlements.n < IN_FLIGHT_LIMIT) {
                        p->settle_cursor =
                                walk_rows(m, p, FAILURE_FAILED, p->settle_cursor, owed_row);
                        more |= p->settle_cursor != UINT64_MAX;
                }
                if (expiry)
                        p->expiry_cursor =
                                walk_rows(m, p, FAILURE_PENDING,
                                          p->expiry_cursor == UINT64_MAX ? marker_of(p->id, 0)
                                                                         : p->expiry_cursor,
                                          expiry_row);
        }
        return more;
}
