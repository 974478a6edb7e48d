/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_check.h"

#include <string.h>

#include "sim_group.h"
#include "sim_intake.h"
#include "sim_probe.h"
#include "sim_proc.h"

#define TURN_MS 260 /* a loop has a turn at least so often */

void sim_check_init(struct sim *s)
{
        s->check = sim_alloc(s, sizeof *s->check);
        for (int i = 0; i < SIM_IDENTITIES; i++)
                s->check->told_offset[i] = -1;
}

/* Compaction may come before the merged record that an owner owes, or take one away that a later
 * failure supersedes. */
bool sim_may_differ(const struct sim *s)
{
        return s->profile.compacts;
}

/* THE TABLE */

static enum sim_word word_of(const struct failure *f)
{
        return f->state == FAILURE_FAILED ? WORD_FAILED : WORD_PENDING;
}

/* By compaction, for a void settlement behind it: who comes later takes that for the record. */
static bool is_removed(const struct sim *s, int partition, const struct sim_state *state)
{
        return s->log->partitions[partition].records[state->offset].is_removed;
}

static void check_identity(struct sim *s, struct sim_proc *proc, int partition, int identity,
                           const struct sim_state *wanted, const char *when)
{
        bool is_there = wanted->word == WORD_FAILED || wanted->word == WORD_PENDING;
        struct failure f;
        bool found = sim_probe_get(proc->member, &s->log->identities[identity].id, &f);

        if ((found && f.partition != partition) || (is_there && is_removed(s, partition, wanted)))
                return;
        if (found != is_there ||
            (found && (word_of(&f) != wanted->word || f.offset != wanted->offset ||
                       (f.attempts != wanted->attempts && !sim_may_differ(s)))))
                sim_fail(s,
                         "%s has identity %d as %s@%lld attempts %d %s; the log says %s@%lld "
                         "attempts %d",
                         proc->name, identity, found ? sim_word_name(word_of(&f)) : "gone",
                         found ? (long long)f.offset : -1, found ? f.attempts : -1, when,
                         sim_word_name(wanted->word), (long long)wanted->offset, wanted->attempts);
}

void sim_check_record(struct sim *s, struct sim_proc *proc, int partition, int64_t offset)
{
        const struct sim_record *r = &s->log->partitions[partition].records[offset];

        s->stats.records++;
        if (r->identity < 0 || s->log->identities[r->identity].is_stray ||
            !sim_probe_is_ready(proc->member, partition))
                return;
        check_identity(s, proc, partition, r->identity, &r->after, "after its record");
}

/* READINESS */

/* What another member wrote, or still can: all of it must have been applied. */
static void check_others(struct sim *s, struct sim_proc *proc, int partition, int64_t position)
{
        const struct sim_log_partition *at = &s->log->partitions[partition];
        struct str id = str_from(proc->transactional_id);
        const struct sim_txn *open = sim_txn_open_on(s, partition, id);

        if (open != NULL)
                sim_fail(s, "%s is ready for partition %d, and the transaction of %.*s is open",
                         proc->name, partition, STR_ARG(open->producer->id));
        for (int64_t offset = position; offset < at->n; offset++) {
                const struct sim_record *r = &at->records[offset];

                if (r->txn != NULL && r->fate != FATE_ABORTED && r->word == WORD_PENDING &&
                    !str_eq(r->txn->producer->id, id) && r->settles < 0)
                        sim_fail(s,
                                 "%s is ready for partition %d at %lld, and %.*s has written "
                                 "@%lld",
                                 proc->name, partition, (long long)position,
                                 STR_ARG(r->txn->producer->id), (long long)offset);
        }
}

/* When it is ready, if it is the owner still, and when it answers for the first time. */
static void check_ready(struct sim *s, struct sim_proc *proc, int partition)
{
        const struct sim_log_partition *at = &s->log->partitions[partition];
        int64_t position = sim_probe_position(proc->member, partition);

        sim_trace(s, "%s: partition %d is ready at %lld", proc->name, partition,
                  (long long)position);
        s->stats.takeovers++;
        if (position < s->check->shown[partition])
                sim_fail(s, "%s is ready for partition %d at %lld, and %lld was shown before",
                         proc->name, partition, (long long)position,
                         (long long)s->check->shown[partition]);
        check_others(s, proc, partition, position);
        for (int i = 0; i < s->log->n_identities; i++) {
                struct sim_state wanted;

                if (s->log->identities[i].is_stray || s->log->identities[i].home != partition)
                        continue;
                wanted = sim_log_state(s, partition, i, position);
                if (wanted.offset >= 0 && at->records[wanted.offset].is_removed)
                        continue; /* what superseded it is read in a moment */
                check_identity(s, proc, partition, i, &wanted, "when it is ready");
        }
}

/* OWNERSHIP */

/* A process that stood still answers nothing before its next turn, which knows the time again. */
static void check_alone(struct sim *s, const struct sim_proc *proc, int partition)
{
        for (int i = 0; i < SIM_INSTANCES; i++) {
                const struct sim_proc *other = s->procs->of[i];

                if (other == NULL || other == proc || s->now_ms > other->last_turn_ms + TURN_MS)
                        continue;
                if (sim_probe_answers(other->member, partition))
                        sim_fail(s, "%s and %s both answer for partition %d", proc->name,
                                 other->name, partition);
        }
}

void sim_check_turn(struct sim *s, struct sim_proc *proc)
{
        for (int p = 0; p < s->log->n_partitions; p++) {
                bool is_ready = sim_probe_is_ready(proc->member, p);
                bool answers = sim_probe_answers(proc->member, p);
                int64_t position;

                if ((is_ready && !proc->was_ready[p] && sim_group_owns(s, proc, p)) ||
                    (answers && !proc->has_answered[p]))
                        check_ready(s, proc, p);
                proc->was_ready[p] = is_ready;
                proc->has_answered[p] = is_ready && (answers || proc->has_answered[p]);
                if (!answers)
                        continue;
                check_alone(s, proc, p);
                position = sim_probe_position(proc->member, p);
                if (position > s->check->shown[p])
                        s->check->shown[p] = position;
        }
}

/* PUBLICATIONS */

struct sim_note *sim_check_note_of(const struct sim *s, const struct uuid *retry_id)
{
        struct sim_note *note = s->check->notes;

        while (note != NULL && !uuid_eq(&note->retry_id, retry_id))
                note = note->next;
        return note;
}

void sim_check_folded(struct sim *s, int partition, int64_t offset, const struct sim_state *before)
{
        const struct sim_record *r = &s->log->partitions[partition].records[offset];
        uint32_t bit = UINT32_C(1) << r->identity;
        struct sim_note *note;

        sim_intake_check_written(s, r);
        if (r->word != WORD_PENDING || r->settles >= 0)
                return;
        note = sim_check_note_of(s, &r->retry_id);
        if (note == NULL)
                sim_fail(s, "identity %d @%lld: nobody asked for this retry", r->identity,
                         (long long)offset);
        if (before->word == WORD_PENDING && !(note->forced & bit) &&
            !s->log->identities[r->identity].is_stray)
                sim_fail(s, "identity %d of partition %d was published twice: @%lld after @%lld",
                         r->identity, partition, (long long)offset, (long long)before->offset);
        if ((!note->has_key || (note->n_asked == 1 && !note->was_overtaken)) &&
            (note->published & bit) && !(note->forced & bit) &&
            uuid_eq(&before->retry_id, &r->retry_id) && !sim_may_differ(s))
                sim_fail(s, "identity %d was published twice by one request, again @%lld",
                         r->identity, (long long)offset);
        if (!note->has_key && (note->denied & bit))
                sim_fail(s, "identity %d: told as not published, and published @%lld", r->identity,
                         (long long)offset);
        note->published |= bit;
}

void sim_check_published(struct sim *s, const struct sim_entry *entry)
{
        const struct sim_log_partition *at = &s->log->partitions[entry->partition];

        s->stats.published++;
        if (entry->offset < 0 || at->records[entry->offset].word != WORD_PENDING)
                sim_fail(s, "a retry entry was committed without its PENDING record");
}

/* Every partition whose records are written has its offset in the transaction. */
void sim_check_batch(struct sim *s, struct sim_proc *proc, const struct publish_batch *batch)
{
        uint32_t with_offset = 0;

        for (size_t i = 0; i < batch->n_offsets; i++)
                with_offset |= UINT32_C(1) << batch->offsets[i].partition;
        for (size_t i = 0; i < batch->n_records; i++)
                if (batch->records[i].topic == PUBLISH_FAILURES &&
                    !(with_offset & (UINT32_C(1) << batch->records[i].partition)) &&
                    batch->records[i].value.base != NULL && batch->records[i].n_headers > 0 &&
                    strcmp(batch->records[i].headers[0].name, "crr-retry-id") == 0)
                        sim_fail(s, "%s publishes a retry without the offset of its partition",
                                 proc->name);
}

void sim_check_on_death(struct sim *s, struct sim_proc *proc)
{
        (void)proc;
        s->stats.kills++;
}

struct sim_note *sim_check_note(struct sim *s, const struct retry_request *req)
{
        struct sim_note *note = sim_check_note_of(s, &req->retry_id);

        if (note == NULL) {
                note = sim_alloc(s, sizeof *note);
                note->retry_id = req->retry_id;
                note->has_key = req->has_idempotency_key;
                note->next = s->check->notes;
                s->check->notes = note;
        }
        note->n_asked++;
        note->asked_ms = s->now_ms;
        for (size_t i = 0; i < req->n; i++) {
                uint32_t bit = UINT32_C(1) << sim_identity_find(s, &req->entries[i].id);

                note->asked |= bit;
                note->forced |= req->entries[i].force ? bit : 0;
        }
        return note;
}
