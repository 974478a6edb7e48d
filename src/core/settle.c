/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settlements: what is owed to the log, and where that is kept.
 *
 *   merged      a FAILED record that followed a PENDING one and lacked what that knew
 *   rewritten   the current record, after one that does not count (a void settlement, a rejected
 *               record): compaction keeps the last one under a key, whatever it says
 *   moved       a record in a partition or under a key that is not its own
 *   completed   the tombstone after somebody's COMPLETED value
 *   expired, closed   a retry whose outcome did not come within pending_ttl
 *   superseded  a FAILED record that a retry found to be too old: the same, and it says so
 *
 * A row carries its debt itself (failure_owes()), so nothing can lose it: the walk finds it when
 * its partition is ready, and when there is room. What has no row is a note: an outgoing in state
 * OWED. Those are
 *   - strays: what stands in wrong places besides the row, and completions there;
 *   - tombstones that are due where the identity belongs;
 *   - what stands where it belongs and is hidden by a misplaced row: nothing is written for it, but
 *     it is the row again if the partition of that leaves us before it was moved.
 *
 * A note ends when another record of its place is read (settle_supersede(), settle_on_moved()), or
 * its own. Whatever else becomes of it (an abort, an unknown outcome that was none, an Entry that
 * cannot be read) it goes back to OWED, with a pause that doubles. A restart reads again what made
 * it due. Beyond OWED_LIMIT the oldest notes of a partition are dropped, until the next restart:
 * what they would do is to take away what does not count already.
 *
 * A settlement names the last record that it knows of (crr-settles): that which it answers to, or a
 * later one under the same key that does not count. So it is void exactly when a record came in
 * between, with all of the log or with what compaction has left of it. It has the time of the
 * record that it answers to (apply.c), an expiry one millisecond more: everything that is newer
 * than the retry is newer than its end.
 *
 * Of an identity one settlement is under way at a time, and none together with a retry; what is
 * read of it meanwhile decides anew what is owed.
 */
#include <string.h>

#include "crr/base/log.h"
#include "settle_private.h"

#define OWED_LIMIT         50000
#define CROWDED_PAUSE_MS   1000
#define AFTERTHOUGHT_PAUSE 5 /* 3.2 s */

static bool is_submitted(const struct outgoing *o)
{
        enum outgoing_state state = outgoing_state(o);

        return state == OUTGOING_SUBMITTED || state == OUTGOING_COMMITTED ||
               state == OUTGOING_UNKNOWN;
}

static struct outgoing *first_of(struct member *m, const struct identity *id)
{
        return outgoing_map_find(&m->settlements, id);
}

/* Not of an earlier life of the partition. */
static bool is_live(const struct member *m, const struct outgoing *o)
{
        return o->life == m->partitions[o->settles_partition].life;
}

static bool is_at(const struct outgoing *o, int partition, uint16_t spelling)
{
        return o->settles_partition == partition && o->spelling == spelling && !is_submitted(o);
}

/* NOTES */

struct outgoing *settle_note(struct member *m, enum outgoing_kind kind, const struct failure *f)
{
        struct outgoing *o = outgoing_new(kind, f, STR_ABSENT);

        o->stands = o->settles = f->offset;
        o->spelling = f->spelling;
        o->life = m->partitions[f->partition].life;
        outgoing_map_add(&m->settlements, o);
        return o;
}

/* The oldest that waits for this partition gives way. */
static bool make_room(struct member *m, int partition)
{
        struct waiting *w = m->partitions[partition].waiting;

        if (m->settlements.n < OWED_LIMIT)
                return true;
        parking_spoil(m, partition); /* something is forgotten */
        if (w == NULL || w->owed.head == NULL)
                return false;
        settle_discard(m, w->owed.head);
        return true;
}

/* Of what may have to wait for a partition that is not ready. NULL: there are too many. */
static struct outgoing *note_bounded(struct member *m, enum outgoing_kind kind,
                                     const struct failure *f)
{
        struct outgoing *o;

        if (!make_room(m, f->partition))
                return NULL;
        o = settle_note(m, kind, f);
        o->is_note = true;
        m->partitions[f->partition].n_notes++;
        return o;
}

void settle_discard(struct member *m, struct outgoing *o)
{
        if (outgoing_state(o) == OUTGOING_READING)
                entry_fetch_discard(&m->fetch, o);
        else if (outgoing_state(o) != OUTGOING_OWED)
                batcher_discard(&m->batcher, o);
        settle_over(m, o);
}

struct outgoing *settle_find(struct member *m, const struct identity *id, int partition,
                             uint16_t spelling)
{
        for (struct outgoing *o = first_of(m, id); o != NULL; o = outgoing_map_next(o))
                if (is_at(o, partition, spelling) && is_live(m, o))
                        return o;
        return NULL;
}

void settle_supersede(struct member *m, const struct identity *id, int partition, uint16_t spelling)
{
        struct outgoing *o = first_of(m, id);

        while (o != NULL) {
                if (is_at(o, partition, spelling)) {
                        settle_discard(m, o); /* which may begin others, and end them */
                        o = first_of(m, id);
                } else {
                        o = outgoing_map_next(o);
                }
        }
}

/* ROWS */

/* When there is room: the walk comes by. */
static void walk_from(struct member *m, const struct failure *f)
{
        uint64_t *cursor = &m->partitions[f->partition].settle_cursor[f->state];
        uint64_t marker = marker_of(f->partition, f->offset);

        if (marker < *cursor)
                *cursor = marker;
}

/* NULL: there is no room. What only waits does not keep away what can be written. */
static struct outgoing *note_row(struct member *m, const struct failure *f)
{
        struct outgoing *o;

        if (!settle_has_room(m))
                return NULL;
        if (!f->foreign_key)
                return settle_note(m, f->unsettled ? OUTGOING_MERGE : OUTGOING_REWRITE, f);
        o = note_bounded(m, OUTGOING_MOVE, f);
        if (o == NULL)
                m->settler.walk_at_ms = m->now_ms + CROWDED_PAUSE_MS;
        return o;
}

void settle_row(struct member *m, const struct failure *f)
{
        struct outgoing *o;

        if (!failure_owes(f) || !member_partition_is_ready(m, f->partition))
                return; /* the walk finds it then */
        o = settle_find(m, &f->id, f->partition, f->spelling);
        if (o != NULL && o->stands == f->offset)
                return;
        settle_supersede(m, &f->id, f->partition, f->spelling);
        o = note_row(m, f);
        if (o == NULL) {
                walk_from(m, f);
                return;
        }
        o->has_value = true;
        o->from_facts = f->unsettled;
        settle_go(m, o);
}

void settle_renew(struct member *m, const struct failure *f)
{
        bool owes_mark = settle_owes_mark(m, f, INT64_MAX);

        settle_supersede(m, &f->id, f->partition, f->spelling);
        settle_row(m, f);
        if (owes_mark)
                settle_mark(m, f);
}

/* What stands in a wrong place is moved first; the next retry of it comes here again. */
static bool may_be_superseded(const struct member *m, const struct outgoing *retry,
                              const struct failure *row)
{
        return row->partition == retry->settles_partition && row->offset == retry->stands &&
               row->state == FAILURE_FAILED && !row->foreign_key && !row->superseded &&
               m->settlements.n < OWED_LIMIT;
}

bool settle_owes_mark(struct member *m, const struct failure *f, int64_t settles)
{
        const struct outgoing *o = settle_find(m, &f->id, f->partition, f->spelling);

        return o != NULL && o->kind == OUTGOING_SUPERSEDE && o->stands <= settles;
}

void settle_mark(struct member *m, const struct failure *f)
{
        struct failure row = *f;

        row.superseded = true;
        settle_supersede(m, &row.id, row.partition, row.spelling);
        settle_go(m, settle_note(m, OUTGOING_SUPERSEDE, &row));
}

void settle_superseded(struct member *m, const struct outgoing *retry)
{
        struct failure row;

        if (!failure_table_get(m->table, &retry->failure.id, &row) ||
            !may_be_superseded(m, retry, &row))
                return;
        settle_mark(m, &row);
}

/* WHAT HAS NO ROW */

static struct outgoing *note_move(struct member *m, const struct failure *f)
{
        struct outgoing *o;

        settle_supersede(m, &f->id, f->partition, f->spelling);
        o = note_bounded(m, OUTGOING_MOVE, f);
        if (o != NULL)
                o->has_value = true;
        return o;
}

void settle_stray(struct member *m, const struct failure *f, bool is_beaten)
{
        struct outgoing *o = note_move(m, f);

        if (o == NULL)
                return;
        o->is_beaten = is_beaten;
        o->from_facts = f->unsettled;
        settle_go(m, o);
}

void settle_hide(struct member *m, const struct failure *f, int64_t settles, int partition)
{
        struct outgoing *o = settle_find(m, &f->id, f->partition, f->spelling);

        if (o != NULL && o->kind == OUTGOING_HIDDEN && settles >= 0 && o->stands > settles) {
                o->failure.covered_to = f->offset + 1;
                return;
        }
        settle_supersede(m, &f->id, f->partition, f->spelling);
        o = note_bounded(m, OUTGOING_HIDDEN, f);
        if (o != NULL)
                outgoing_list_append(&m->partitions[partition].waiting->hidden, o);
}

void settle_afterthought(struct member *m, const struct failure *f)
{
        struct outgoing *o = note_move(m, f);

        if (o == NULL)
                return;
        o->from_facts = f->unsettled;
        settle_pause(m, o, AFTERTHOUGHT_PAUSE);
}

void settle_completion(struct member *m, const struct failure *f, bool has_value)
{
        struct outgoing *o = note_move(m, f);

        if (o == NULL)
                return;
        o->completes = true;
        o->has_value = has_value;
        settle_go(m, o);
}

static bool is_tombstone(const struct outgoing *o)
{
        return o->kind == OUTGOING_COMPLETE || (o->kind == OUTGOING_REWRITE && o->tombstone);
}

static bool is_tombstone_due(const struct member *m, const struct outgoing *o, int partition)
{
        return is_at(o, partition, 0) && is_live(m, o) && is_tombstone(o);
}

int64_t settle_tombstone_due(struct member *m, const struct identity *id, int partition)
{
        int64_t settles = -1;

        for (struct outgoing *o = first_of(m, id); o != NULL; o = outgoing_map_next(o))
                if (is_tombstone_due(m, o, partition) && o->settles > settles)
                        settles = o->settles;
        return settles;
}

void settle_tombstone(struct member *m, enum outgoing_kind kind, const struct failure *gone,
                      int64_t settles, bool by_time)
{
        int64_t before = settle_tombstone_due(m, &gone->id, gone->partition);
        struct outgoing *o;

        settle_supersede(m, &gone->id, gone->partition, 0);
        o = note_bounded(m, kind, gone);
        if (o == NULL)
                return;
        o->tombstone = true;
        o->completes = by_time;
        o->settles = settles > before ? settles : before;
        settle_go(m, o);
}

/* WHAT IS READ */

/* It is in the log: what comes of it is apply.c's. Its batch may still have it. */
static void read_back(struct member *m, struct outgoing *o)
{
        if (outgoing_state(o) != OUTGOING_SUBMITTED) {
                settle_over(m, o);
                return;
        }
        outgoing_map_remove(&m->settlements, o);
        o->detached = true;
        o->is_working = false;
        m->settler.working--;
        settle_kick(m, &o->failure.id);
}

/* What it writes there says "moved": the tombstone of a MOVE, and a completion from elsewhere. */
static bool is_record_of(const struct outgoing *o, const struct log_record *record,
                         uint16_t spelling)
{
        bool is_move = o->kind == OUTGOING_MOVE;

        if (!is_submitted(o) || record->partition != o->settles_partition ||
            spelling != o->spelling || record->settles != o->settles ||
            str_eq_c(record->outcome, "moved") != (is_move || o->completes))
                return false;
        return is_move ? record->value.base == NULL
                       : record->timestamp_ms == o->failure.timestamp_ms;
}

void settle_on_record(struct member *m, const struct decoded_record *decoded,
                      const struct log_record *record, uint16_t spelling)
{
        if (record->settles < 0)
                return;
        for (struct outgoing *o = first_of(m, &decoded->failure.id); o != NULL;
             o = outgoing_map_next(o)) {
                if (!is_record_of(o, record, spelling))
                        continue;
                read_back(m, o);
                return;
        }
}

void settle_on_gone(struct member *m, const struct identity *id, const struct standing *gone)
{
        for (struct outgoing *o = first_of(m, id); o != NULL; o = outgoing_map_next(o))
                o->is_beaten |= o->kind == OUTGOING_MOVE && !o->completes &&
                                (gone->timestamp_ms > o->failure.timestamp_ms ||
                                 gone->partition == o->settles_partition);
}

bool settle_cover(struct member *m, const struct failure *at, bool is_moved)
{
        struct outgoing *o = settle_find(m, &at->id, at->partition, at->spelling);

        if (o == NULL || (is_moved && at->timestamp_ms >= o->failure.timestamp_ms))
                return false;
        o->failure.covered_to = at->offset + 1;
        o->has_value = true;
        return true;
}

/* Hidden in an earlier life of its partition. */
static void drop_hidden_of_old(struct member *m, const struct identity *id)
{
        struct outgoing *o = first_of(m, id);

        while (o != NULL) {
                if (o->kind == OUTGOING_HIDDEN && !is_live(m, o)) {
                        settle_discard(m, o); /* which may end others */
                        o = first_of(m, id);
                } else {
                        o = outgoing_map_next(o);
                }
        }
}

/* A later record there is only covered by it. */
void settle_on_moved(struct member *m, const struct failure *at, int64_t settles)
{
        struct outgoing *o = settle_find(m, &at->id, at->partition, at->spelling);

        if (o != NULL && o->stands <= settles)
                settle_discard(m, o);
        else if (o != NULL)
                o->failure.covered_to = at->offset + 1;
        drop_hidden_of_old(m, &at->id);
}

const struct failure *settle_known_failure(struct member *m, const struct identity *id)
{
        const struct failure *newest = NULL;

        for (struct outgoing *o = first_of(m, id); o != NULL; o = outgoing_map_next(o))
                if (o->kind == OUTGOING_MOVE && !o->completes && !o->is_beaten && is_live(m, o) &&
                    failure_passes_on(&o->failure) &&
                    (newest == NULL || o->failure.timestamp_ms > newest->timestamp_ms))
                        newest = &o->failure;
        return newest;
}

bool settle_knows_gone(struct member *m, const struct identity *id, struct standing *ret)
{
        bool any = false;

        for (struct outgoing *o = first_of(m, id); o != NULL; o = outgoing_map_next(o)) {
                bool is_move = o->kind == OUTGOING_MOVE, is_elsewhere = !is_move && o->completes;
                struct standing s = { .partition = is_elsewhere ? -1 : o->settles_partition,
                                      .offset = o->stands,
                                      .timestamp_ms = o->failure.timestamp_ms,
                                      .is_home = !is_move && !is_elsewhere };
                bool is_gone = is_move ? o->completes : is_tombstone(o);

                if (!is_gone || !is_live(m, o) || (any && s.timestamp_ms <= ret->timestamp_ms))
                        continue;
                *ret = s;
                any = true;
        }
        return any;
}
