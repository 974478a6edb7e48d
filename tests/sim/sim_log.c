/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_log.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "crr/base/json_read.h"
#include "crr/core/identity.h"
#include "sim_check.h"
#include "sim_proc.h"

#define MAX_VALUE_BYTES 5000020

const char *sim_word_name(enum sim_word word)
{
        static const char *const names[] = { "nothing", "FAILED", "PENDING", "gone" };

        return names[word];
}

/* IDENTITIES */

static void make_identity(struct sim *s, int i)
{
        struct sim_identity *identity = &s->log->identities[i];
        struct buf key;

        identity->id = (struct identity){
                .bucket = STR("b"),
                .key = sim_text(s, "k/%d", i / s->profile.sites),
                .version_id = STR("v1"),
                .site = sim_text(s, "s%d", i % s->profile.sites),
        };
        buf_init(&key, SIZE_MAX);
        identity_write_key(&identity->id, &key);
        identity->key = sim_copy(s, buf_str(&key));
        buf_deinit(&key);
        identity->home = partition_of_key(PARTITIONER_MURMUR2, identity->key, s->log->n_partitions);
}

int sim_identity_find(const struct sim *s, const struct identity *id)
{
        for (int i = 0; i < s->log->n_identities; i++)
                if (identity_eq(&s->log->identities[i].id, id))
                        return i;
        return -1;
}

void sim_log_init(struct sim *s)
{
        struct sim_log *log = s->log = sim_alloc(s, sizeof *log);

        log->n_partitions = s->profile.partitions;
        log->n_identities = s->profile.identities;
        log->decoder = failure_decoder_new(MAX_VALUE_BYTES);
        log->json = json_reader_new(16);
        for (int i = 0; i < log->n_identities; i++)
                make_identity(s, i);
        for (int p = 0; p < SIM_PARTITIONS; p++)
                for (int i = 0; i < SIM_IDENTITIES; i++)
                        log->partitions[p].last[i] = -1;
}

void sim_log_deinit(struct sim *s)
{
        for (int p = 0; p < SIM_PARTITIONS; p++)
                free(s->log->partitions[p].records);
        failure_decoder_free(s->log->decoder);
        json_reader_free(s->log->json);
}

/* WRITING */

static struct sim_record *new_record(struct sim *s, int partition)
{
        struct sim_log_partition *at = &s->log->partitions[partition];

        if (at->n == at->capacity) {
                at->capacity = at->capacity == 0 ? 64 : 2 * at->capacity;
                at->records = realloc(at->records, (size_t)at->capacity * sizeof *at->records);
                if (at->records == NULL)
                        abort();
        }
        at->records[at->n] = (struct sim_record){
                .settles = -1, .identity = -1, .previous = -1, .written_ms = s->now_ms
        };
        return &at->records[at->n++];
}

/* What it says, by the daemon's own decoder: whether that is right is its unit test's matter. */
static void decode(struct sim *s, int partition, struct sim_record *r)
{
        static const enum sim_word words[] = {
                [RECORD_FAILED] = WORD_FAILED,
                [RECORD_PENDING] = WORD_PENDING,
                [RECORD_COMPLETED] = WORD_GONE,
                [RECORD_TOMBSTONE] = WORD_GONE,
        };
        struct sim_log_partition *at = &s->log->partitions[partition];
        struct log_record record = { .partition = partition,
                                     .timestamp_ms = r->timestamp_ms,
                                     .key = r->key,
                                     .value = r->value,
                                     .settles = r->settles,
                                     .outcome = r->outcome,
                                     .from_intake = r->from_intake };
        struct decoded_record decoded;
        struct error err;

        if (failure_decode(s->log->decoder, &record, &decoded, &err) != REJECT_NONE)
                return;
        r->identity = sim_identity_find(s, &decoded.failure.id);
        if (r->identity < 0)
                return;
        r->word = words[decoded.outcome];
        r->attempts = decoded.failure.attempts;
        r->failed_ms = decoded.failure.failed_at_ms;
        r->retry_id = decoded.failure.retry_id;
        r->has_entry = decoded.entry.base != NULL;
        r->is_misplaced =
                !decoded.canonical_key || s->log->identities[r->identity].home != partition;
        if (r->is_misplaced)
                s->log->identities[r->identity].is_stray = true;
        r->previous = at->last[r->identity];
        at->last[r->identity] = r - at->records;
}

/* STABILITY: what is decided becomes part of the model, in the log's order. */

struct sim_state sim_log_state(const struct sim *s, int partition, int identity, int64_t end)
{
        const struct sim_log_partition *at = &s->log->partitions[partition];
        int64_t offset = at->last[identity];

        assert(end <= at->stable);
        while (offset >= end || (offset >= 0 && at->records[offset].fate == FATE_ABORTED))
                offset = at->records[offset].previous;
        if (offset < 0)
                return (struct sim_state){ .offset = -1, .attempts = -1 };
        return at->records[offset].after;
}

static struct sim_state state_of(const struct sim_record *r, int64_t offset)
{
        return (struct sim_state){ .word = r->word,
                                   .offset = offset,
                                   .attempts = r->attempts,
                                   .retry_id = r->retry_id,
                                   .has_entry = r->has_entry,
                                   .failed_ms = r->failed_ms };
}

/* What it lacks, and of a merged one what a later retry counted. */
static void inherit(struct sim_state *failed, const struct sim_state *earlier)
{
        if (failed->attempts < 0 || (failed->unsettled && earlier->attempts > failed->attempts)) {
                failed->attempts = earlier->attempts;
                failed->retry_id = earlier->retry_id;
        }
        if (uuid_is_nil(&failed->retry_id))
                failed->retry_id = earlier->retry_id;
        failed->has_entry |= earlier->has_entry;
        failed->unsettled = true;
}

/* It has followed a retry. */
static bool passes_on(const struct sim_state *state)
{
        return state->word == WORD_PENDING ||
               (state->word == WORD_FAILED && !uuid_is_nil(&state->retry_id));
}

/* An intake tells of a time before the failure that stands. */
static bool is_from_before(const struct sim_record *r, const struct sim_state *before)
{
        bool is_open = before->word == WORD_FAILED || before->word == WORD_PENDING;

        return r->from_intake && is_open && r->timestamp_ms < before->failed_ms;
}

static bool ends_retry(const struct sim_record *r, const struct sim_state *before)
{
        return r->word == WORD_FAILED && before->word == WORD_PENDING;
}

/* What does not count changes nothing, but what it knows of an earlier retry is not lost: it may be
 * all that compaction leaves of that. */
static struct sim_state fold(const struct sim_record *r, int64_t offset,
                             const struct sim_state *before)
{
        struct sim_state said = state_of(r, offset), after = *before;
        bool is_late = is_from_before(r, before);
        bool is_void = (r->settles >= 0 && before->offset > r->settles) ||
                       (is_late && !ends_retry(r, before));

        if (!is_void && (r->settles >= 0 || r->word != WORD_FAILED || !passes_on(before)))
                return said;
        if (!is_void) {
                inherit(&said, before);
                if (is_late)
                        said.failed_ms = before->failed_ms;
                return said;
        }
        if (before->word == WORD_FAILED && passes_on(&said))
                inherit(&after, &said);
        return after;
}

static void settle_record(struct sim *s, int partition, int64_t offset)
{
        struct sim_log_partition *at = &s->log->partitions[partition];
        struct sim_record *r = &at->records[offset];
        struct sim_state before;

        if (r->identity < 0 || r->fate != FATE_COMMITTED)
                return;
        at->stable = offset; /* for the question */
        before = sim_log_state(s, partition, r->identity, offset);
        r->after = fold(r, offset, &before);
        sim_check_folded(s, partition, offset, &before);
}

static void advance_stable(struct sim *s, int partition)
{
        struct sim_log_partition *at = &s->log->partitions[partition];
        int64_t before = at->stable, offset = before;

        for (; offset < at->n && at->records[offset].fate != FATE_OPEN; offset++)
                settle_record(s, partition, offset);
        at->stable = offset;
        if (at->stable > before)
                sim_procs_on_stable(s, partition);
}

int64_t sim_log_append(struct sim *s, int partition, const struct sim_record_text *text,
                       struct sim_txn *txn)
{
        struct sim_record *r = new_record(s, partition);
        int64_t offset = s->log->partitions[partition].n - 1;

        r->key = sim_copy(s, text->key);
        r->value = sim_copy(s, text->value);
        r->outcome = sim_copy(s, text->outcome);
        r->settles = text->settles;
        r->from_intake = text->from_intake;
        r->timestamp_ms = text->timestamp_ms == TIME_UNKNOWN ? SIM_WALL_START + s->now_ms
                                                             : text->timestamp_ms;
        r->txn = txn;
        r->fate = txn != NULL ? FATE_OPEN : FATE_COMMITTED;
        decode(s, partition, r);
        s->log->last_write_ms = s->now_ms;
        sim_trace(s, "log %d@%lld: %s of identity %d%s%s settles %lld attempts %d", partition,
                  (long long)offset, sim_word_name(r->word), r->identity,
                  txn != NULL ? " (open)" : "", r->is_misplaced ? " misplaced" : "",
                  (long long)r->settles, r->attempts);
        if (txn == NULL)
                advance_stable(s, partition);
        return offset;
}

void sim_log_mark(struct sim *s, int partition, struct sim_txn *txn, bool commit)
{
        struct sim_log_partition *at = &s->log->partitions[partition];
        struct sim_record *marker = new_record(s, partition);

        marker->is_marker = true;
        marker->fate = FATE_COMMITTED;
        for (int64_t offset = at->stable; offset < at->n; offset++)
                if (at->records[offset].txn == txn)
                        at->records[offset].fate = commit ? FATE_COMMITTED : FATE_ABORTED;
        sim_trace(s, "log %d@%lld: %s marker", partition, (long long)(at->n - 1),
                  commit ? "commit" : "abort");
        advance_stable(s, partition);
}

/* COMPACTION: of each key the last record stays, and a tombstone until the cleaning after the next.
 * The end of the log is the active segment, which is not cleaned: it is larger than what an owner
 * can owe the log while it is taken over from, so records that somebody has to write again are in
 * it. Tombstones outlast any reader, and what still stands in another partition. */

static int64_t active_segment(struct sim *s, int partition)
{
        const struct sim_log_partition *at = &s->log->partitions[partition];
        int64_t begin = at->stable;

        for (int i = 0; i < s->log->n_identities; i++) {
                struct sim_state state = sim_log_state(s, partition, i, at->stable);
                int64_t last = at->last[i];

                while (last >= at->stable || (last >= 0 && at->records[last].fate == FATE_ABORTED))
                        last = at->records[last].previous;
                if (last >= 0 && state.offset != last && last < begin)
                        begin = last; /* void, and not written again */
                if (state.unsettled && state.offset < begin)
                        begin = state.offset;
        }
        return begin;
}

static bool is_superseded(const struct sim_log_partition *at, int64_t offset, int64_t end)
{
        const struct sim_record *r = &at->records[offset];

        if (r->fate == FATE_ABORTED)
                return true;
        for (int64_t later = offset + 1; later < end; later++)
                if (at->records[later].fate == FATE_COMMITTED && !at->records[later].is_marker &&
                    str_eq(at->records[later].key, r->key))
                        return true;
        return false;
}

void sim_log_compact(struct sim *s, int partition)
{
        struct sim_log_partition *at = &s->log->partitions[partition];
        int64_t active = active_segment(s, partition);
        int64_t end = active > 0 ? sim_between(s, active / 2, active) : 0;
        int64_t read = sim_procs_read_from(s, partition);
        unsigned removed = 0;

        for (int64_t offset = 0; offset < end; offset++) {
                struct sim_record *r = &at->records[offset];
                bool is_stray = r->identity >= 0 && s->log->identities[r->identity].is_stray;
                bool old =
                        r->value.base == NULL && offset < at->cleaned && offset < read && !is_stray;

                if (r->is_marker || r->is_removed)
                        continue;
                r->is_removed = old || is_superseded(at, offset, end);
                removed += r->is_removed;
        }
        if (at->cleaned < end)
                at->cleaned = end;
        sim_trace(s, "log %d: compacted below %lld, %u records removed", partition, (long long)end,
                  removed);
}

void sim_log_grow(struct sim *s, int n_partitions)
{
        s->log->n_partitions = n_partitions;
        for (int i = 0; i < s->log->n_identities; i++) {
                struct sim_identity *identity = &s->log->identities[i];
                int home = partition_of_key(PARTITIONER_MURMUR2, identity->key, n_partitions);

                identity->is_stray |= home != identity->home;
                identity->home = home;
        }
        sim_trace(s, "the failure log has %d partitions", n_partitions);
}
