/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path of a settlement: its partition is ready and nothing of its identity is under way;
 * what it needs of the log is read; it is still due, and goes into a transaction; its record is
 * read back. It is watched where the record stands that it settles, which is ours: a MOVE leaves a
 * tombstone there in the same transaction.
 *
 * What a MOVE does is decided when it begins, and looked at again when it is encoded:
 *   full     the record where it belongs, and the tombstone
 *   clean    the tombstone alone: a newer record is known for certain
 *   nothing  a tombstone in the wrong place that takes nothing away
 * Where another member owns the identity's partition nothing is known: the moved record decides
 * there by its time. Ours we wait for until it is ready.
 *
 * Possible failures:
 *  - it cannot be read or written, or the outcome is unknown and it was not: OWED, after a pause;
 *  - it is not due any more: it is over, and the row is looked at again;
 *  - its partition leaves: it is forgotten, the next owner finds what is due.
 */
#include "settle_private.h"

#define PAUSE_MS    100
#define GATE_PAUSE  3
#define GONE_PAUSES 5

enum plan {
        PLAN_GO,
        PLAN_WAIT,    /* for a partition to be ready */
        PLAN_HOLD,    /* for another outgoing of the identity to be over */
        PLAN_NOTHING, /* it is not due any more */
};

bool settle_has_room(const struct member *m)
{
        return m->settler.working < SETTLE_WORKING;
}

static bool is_live(const struct member *m, const struct outgoing *o)
{
        return m->partitions[o->settles_partition].life == o->life;
}

static bool is_gated(struct member *m, const struct outgoing *o)
{
        const struct outgoing *other = outgoing_map_find(&m->settlements, &o->failure.id);

        for (; other != NULL; other = outgoing_map_next(other))
                if (other != o && other->is_working)
                        return true;
        return overlay_find(m, &o->failure.id) != NULL;
}

/* PLANS */

static bool is_row(const struct outgoing *o, const struct failure *row)
{
        return row->partition == o->settles_partition && row->offset == o->stands &&
               row->spelling == o->spelling;
}

/* Of what the row does where it stands. */
static bool is_due(const struct outgoing *o, const struct failure *row)
{
        bool is_placed = row != NULL && !row->foreign_key && row->partition == o->settles_partition;

        switch (o->kind) {
        case OUTGOING_COMPLETE:
                return !is_placed;
        case OUTGOING_REWRITE:
                if (o->tombstone)
                        return !is_placed;
                return is_placed && is_row(o, row) && failure_owes(row);
        case OUTGOING_MERGE:
                return is_placed && is_row(o, row) && failure_owes(row);
        case OUTGOING_RELIST:
        case OUTGOING_CLOSE:
                return is_placed && is_row(o, row) && row->state == FAILURE_PENDING;
        case OUTGOING_SUPERSEDE:
                return is_placed && is_row(o, row) && row->state == FAILURE_FAILED;
        case OUTGOING_RETRY:
        case OUTGOING_MOVE:
        case OUTGOING_HIDDEN:
                break;
        }
        return false;
}

static bool is_newer_than(const struct failure *row, const struct outgoing *o)
{
        return row->timestamp_ms >= o->failure.timestamp_ms ||
               row->partition == o->settles_partition;
}

/* True: full. Without a row nothing newer is known for certain. */
static bool moves_failure(const struct outgoing *o, const struct failure *row)
{
        if (row != NULL && is_row(o, row))
                return true;
        return !o->is_beaten && (row == NULL || !is_newer_than(row, o));
}

/* Without a row: perhaps it took that away when its partition was read before. */
static bool was_read_before(const struct member *m, const struct outgoing *o, int home)
{
        return m->partitions[o->settles_partition].left > m->partitions[home].content;
}

static bool moves_completion(const struct member *m, const struct outgoing *o,
                             const struct failure *row, int home)
{
        if (row != NULL)
                return !is_newer_than(row, o);
        return partition_state(&m->partitions[home]) == PARTITION_ABSENT ||
               was_read_before(m, o, home);
}

static enum plan plan_move(struct member *m, struct outgoing *o, const struct failure *row,
                           int *ret_partition)
{
        int home = member_home_of(m, &o->failure.id);
        bool is_ours = partition_state(&m->partitions[home]) != PARTITION_ABSENT;

        if (is_ours && !member_partition_is_ready(m, home)) {
                *ret_partition = home;
                return PLAN_WAIT;
        }
        if (row != NULL && !member_partition_is_ready(m, row->partition)) {
                *ret_partition = row->partition; /* what is read there may move it away yet */
                return PLAN_WAIT;
        }
        if (!o->completes && row != NULL && row->unsettled && !is_row(o, row))
                return PLAN_HOLD; /* the row lives on what it kept of this one: first that */
        if (o->completes && is_ours && settle_tombstone_due(m, &o->failure.id, home) >= 0)
                return PLAN_HOLD; /* it alone says that what stands at home is over: likewise */
        o->cleans = !(o->completes ? moves_completion(m, o, row, home) : moves_failure(o, row));
        o->failure.partition = home;
        return o->cleans && !o->has_value ? PLAN_NOTHING : PLAN_GO;
}

static enum plan make_plan(struct member *m, struct outgoing *o, int *ret_partition)
{
        struct failure row;
        bool known;

        if (!is_live(m, o))
                return PLAN_NOTHING;
        if (!member_partition_is_ready(m, o->settles_partition)) {
                *ret_partition = o->settles_partition;
                return PLAN_WAIT;
        }
        if (is_gated(m, o))
                return PLAN_HOLD;
        known = failure_table_get(m->table, &o->failure.id, &row);
        if (o->kind == OUTGOING_MOVE)
                return plan_move(m, o, known ? &row : NULL, ret_partition);
        return is_due(o, known ? &row : NULL) ? PLAN_GO : PLAN_NOTHING;
}

/* BEGINNING */

static void want_reads(struct outgoing *o)
{
        bool has_entry = o->failure.entry_offset >= 0 && !o->tombstone;

        o->wants_record = o->wants_entry = false;
        o->entry = o->moved_key = o->moved_value = STR_ABSENT;
        if (o->kind != OUTGOING_MOVE) {
                o->wants_entry = has_entry;
                return;
        }
        o->wants_record = o->spelling != 0 || (!o->cleans && !o->completes && !o->from_facts);
        o->wants_entry = has_entry && o->from_facts && !o->cleans && !o->completes;
}

static void begin(struct member *m, struct outgoing *o)
{
        o->is_working = true;
        m->settler.working++;
        want_reads(o);
        if (o->wants_record || o->wants_entry)
                entry_fetch_add(&m->fetch, o);
        else
                batcher_queue(&m->batcher, o);
}

void settle_pause(struct member *m, struct outgoing *o, unsigned pause)
{
        o->due_ms = m->now_ms + (PAUSE_MS << pause);
        outgoing_list_append(&m->settler.paused[pause], o);
}

/* Unless something hides it still. */
static void reveal(struct member *m, struct outgoing *o)
{
        struct failure row;
        bool known = failure_table_get(m->table, &o->failure.id, &row);

        if (is_live(m, o) && known && row.foreign_key)
                outgoing_list_append(&m->partitions[row.partition].waiting->hidden, o);
        else if (is_live(m, o) && !known && !apply_again(m, &o->failure))
                settle_pause(m, o, SETTLE_PAUSES - 1);
        else
                settle_discard(m, o);
}

void settle_reveal(struct member *m, const struct identity *id)
{
        struct outgoing *o = outgoing_map_find(&m->settlements, id);

        while (o != NULL && o->kind != OUTGOING_HIDDEN)
                o = outgoing_map_next(o);
        if (o == NULL)
                return;
        outgoing_list_remove(o);
        reveal(m, o);
}

void settle_go(struct member *m, struct outgoing *o)
{
        int partition = o->settles_partition;

        if (o->kind == OUTGOING_HIDDEN) {
                reveal(m, o);
                return;
        }
        o->is_gated = false;
        switch (make_plan(m, o, &partition)) {
        case PLAN_GO:
                if (settle_has_room(m)) {
                        begin(m, o);
                        return;
                }
                break;
        case PLAN_WAIT:
                break;
        case PLAN_HOLD:
                o->is_gated = true;
                settle_pause(m, o, GATE_PAUSE);
                return;
        case PLAN_NOTHING:
                settle_discard(m, o);
                return;
        }
        outgoing_list_append(&m->partitions[partition].waiting->owed, o);
}

/* What the row is covered by is settled with it. */
static int64_t settles_of(const struct outgoing *o, const struct failure *row)
{
        if (row == NULL || !is_row(o, row))
                return o->failure.covered_to > o->settles ? o->failure.covered_to - 1 : o->settles;
        return row->covered_to > row->offset ? row->covered_to - 1 : row->offset;
}

enum outgoing_end settle_check(struct member *m, struct outgoing *o)
{
        bool did_clean = o->cleans, known;
        struct failure row;
        int partition;

        switch (make_plan(m, o, &partition)) {
        case PLAN_WAIT:
        case PLAN_HOLD:
                return END_WAIT;
        case PLAN_NOTHING:
                return END_STALE;
        case PLAN_GO:
                break;
        }
        if (o->kind == OUTGOING_MOVE && o->cleans != did_clean)
                return END_WAIT; /* it reads other things */
        known = failure_table_get(m->table, &o->failure.id, &row);
        o->settles = settles_of(o, known ? &row : NULL);
        return END_COMMITTED;
}

/* Compaction has dropped it: for one that does not count, or for one that we have not read yet, and
 * then something else will be due. Of another spelling of the key only the record told the text; in
 * its own partition the failure goes without a tombstone there: one stands there already. */
enum outgoing_end settle_check_gone(struct member *m, struct outgoing *o)
{
        bool was_own_entry = o->failure.entry_partition == o->settles_partition &&
                             o->failure.entry_offset == o->stands;
        bool is_covered = o->failure.covered_to > 0;

        if (o->cleans || o->completes)
                return END_STALE;
        if (o->spelling != 0 &&
            (!is_covered || member_home_of(m, &o->failure.id) != o->settles_partition))
                return END_FAILED;
        if (!is_covered && o->pause < GONE_PAUSES)
                return END_FAILED;
        o->from_facts = true;
        o->wants_entry = o->failure.entry_offset >= 0 && !was_own_entry;
        return END_COMMITTED;
}

/* ENDING */

static void leave_work(struct member *m, struct outgoing *o)
{
        if (o->is_working)
                m->settler.working--;
        o->is_working = false;
}

/* It is in the log, or not due any more: it does not keep its partition from being parked. */
static void end_note(struct member *m, struct outgoing *o)
{
        if (o->is_note && is_live(m, o))
                m->partitions[o->settles_partition].n_notes--;
        o->is_note = false;
}

void settle_over(struct member *m, struct outgoing *o)
{
        end_note(m, o);
        outgoing_list_remove(o);
        leave_work(m, o);
        if (!o->detached)
                outgoing_map_remove(&m->settlements, o);
        outgoing_move(o, OUTGOING_OVER);
        settle_kick(m, &o->failure.id);
        outgoing_free(o);
}

static void owe_again(struct member *m, struct outgoing *o, unsigned pause)
{
        leave_work(m, o);
        outgoing_move(o, OUTGOING_OWED);
        o->pause = pause + 1 < SETTLE_PAUSES ? pause + 1 : pause;
        settle_pause(m, o, pause);
}

static void look_at_row(struct member *m, struct outgoing *o)
{
        struct failure row;

        if (failure_table_get(m->table, &o->failure.id, &row))
                settle_row(m, &row);
}

static void end_in_log(struct member *m, struct outgoing *o, enum outgoing_end outcome)
{
        if (outcome == END_COMMITTED) {
                end_note(m, o);
                metrics_add(m->metrics, METRIC_SETTLEMENTS_TOTAL,
                            LABELS_1(outgoing_kind_name(o->kind)), 1);
        }
        if (o->detached)
                settle_over(m, o);
        else if (outcome == END_COMMITTED)
                overlay_on_committed(m, o);
        else
                overlay_on_unknown(m, o);
}

/* Another has written the same if it was read. */
static void end_unwritten(struct member *m, struct outgoing *o, unsigned pause)
{
        if (o->detached)
                settle_over(m, o);
        else
                owe_again(m, o, pause);
}

void settle_end(struct member *m, struct outgoing *o, enum outgoing_end outcome)
{
        switch (outcome) {
        case END_COMMITTED:
        case END_UNKNOWN:
                end_in_log(m, o, outcome);
                return;
        case END_FAILED:
                end_unwritten(m, o, o->pause);
                return;
        case END_TOO_LARGE:
                end_unwritten(m, o, SETTLE_PAUSES - 1);
                return;
        case END_WAIT:
                leave_work(m, o);
                outgoing_move(o, OUTGOING_OWED);
                settle_go(m, o);
                return;
        case END_STALE:
        case END_NO_ENTRY:
        case END_GONE:
        case END_SUPERSEDED:
                outgoing_map_remove(&m->settlements, o);
                o->detached = true; /* out of the way of what comes next */
                look_at_row(m, o);
                settle_over(m, o);
                return;
        }
}

void settle_kick(struct member *m, const struct identity *id)
{
        struct outgoing *o = outgoing_map_find(&m->settlements, id), *next;

        for (; o != NULL; o = next) {
                next = outgoing_map_next(o);
                if (!o->is_gated)
                        continue;
                outgoing_list_remove(o);
                settle_go(m, o);
                return; /* it goes alone, and the next one after it */
        }
}

/* WORK */

static void work_paused(struct member *m, unsigned *slice)
{
        for (int i = 0; i < SETTLE_PAUSES; i++) {
                struct outgoing_list *l = &m->settler.paused[i];

                for (; l->head != NULL && l->head->due_ms <= m->now_ms && *slice > 0; (*slice)--) {
                        struct outgoing *o = l->head;

                        outgoing_list_remove(o);
                        settle_go(m, o);
                }
        }
}

static void work_owed(struct member *m, unsigned *slice)
{
        for (int i = 0; *slice > 0 && i < m->n_partitions; i++) {
                struct waiting *w = m->partitions[i].waiting;

                if (!partition_is_ready(&m->partitions[i]))
                        continue;
                for (; w->owed.head != NULL && settle_has_room(m) && *slice > 0; (*slice)--) {
                        struct outgoing *o = w->owed.head;

                        outgoing_list_remove(o);
                        settle_go(m, o);
                }
        }
}

static bool retire_list(struct member *m, struct outgoing_list *l, unsigned *slice)
{
        for (; l->head != NULL && *slice > 0; (*slice)--) {
                struct outgoing *o = l->head;

                outgoing_list_remove(o);
                settle_go(m, o);
        }
        return l->head == NULL;
}

bool settle_retire(struct member *m, struct waiting *w, unsigned *slice)
{
        return retire_list(m, &w->hidden, slice) && retire_list(m, &w->owed, slice);
}

bool settle_work(struct member *m)
{
        unsigned slice = SETTLE_SLICE;

        work_paused(m, &slice);
        work_owed(m, &slice);
        settle_walk(m, &slice);
        return slice == 0;
}
