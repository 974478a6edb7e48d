/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record of the failure log, applied: the only place where the table changes.
 *
 * A record has a place: its partition and its key. An identity has one place that is its own, and
 * may have records elsewhere (another partitioner, another spelling of the key, a topic that grew).
 * The order of an identity's records is that of their offsets in one partition, and that of their
 * times between two (standing.h). The newest one counts: it is the row, or the identity is gone.
 * The partitions are read in any order, and compaction leaves of each place the last record and any
 * earlier ones; so whatever is read later and is older must change nothing, and nothing may be
 * concluded from what is not there.
 *
 *   plain       a mover's or a retry's record
 *   taken in    a plain one that an intake wrote, with the time of the foreign record. Members read
 *               foreign topics at their own pace, so it may come behind a failure that is later
 *               (FailedAt) than what it tells: it does not count then
 *   settlement  header crr-settles: repeats a record, or ends it, with the time of that record. It
 *               does not count if its partition has a later record of the identity than the offset
 *               that it settles
 *   moved       a settlement with a value and the outcome `moved`: it repeats what stood, or what
 *               was completed, in another partition, and counts by its time alone
 *   moved away  a tombstone with the outcome `moved`: what stood at its place up to the offset that
 *               it settles stands elsewhere. Of the identity it says nothing
 *
 * A record that does not count is still the last one under its key, and compaction may drop for it
 * the one that does. That one is then covered: the row knows by what, and owes itself to the log
 * again; a tombstone that is covered by a value is due again. A settlement that counts, but was
 * made without knowing of a record that covers, is covered itself. (Until it is written again the
 * log lacks it: a process that ends within that time, and compaction in the same, lose it.)
 *
 * What stands in wrong places besides the row is noted, to be taken away (settle.c). The row itself
 * may stand in one: it is listed there until it is moved.
 */
#include "application.h"
#include "crr/base/log.h"

/* CHANGES */

static int put(struct application *a, const struct failure *f)
{
        return failure_table_put_keyed(a->m->table, f, a->key, a->err);
}

/* A later record that does not count, under the row's key, or at least in its partition, where
 * offsets compare. */
static int cover(struct application *a)
{
        a->row.covered_to = a->record->offset + 1;
        if (put(a, &a->row) != 0)
                return -1;
        settle_renew(a->m, &a->row);
        return 0;
}

static struct failure record_as_failure(const struct application *a)
{
        struct failure f = a->decoded->failure;

        f.foreign_key = a->misplaced;
        f.spelling = a->spelling;
        f.repeated = a->next.is_repeated;
        return f;
}

static int64_t last_of_row(const struct application *a)
{
        return a->row.covered_to > a->row.offset ? a->row.covered_to - 1 : a->row.offset;
}

/* Where it belongs the tombstone is due (again) that settles all up to this record. */
static void owe_tombstone(struct application *a, enum outgoing_kind kind, int64_t timestamp_ms,
                          bool by_time)
{
        struct failure gone = record_as_failure(a);

        gone.timestamp_ms = timestamp_ms;
        if (uuid_is_nil(&gone.retry_id) && a->known)
                gone.retry_id = a->row.retry_id;
        settle_tombstone(a->m, kind, &gone, a->record->offset, by_time);
}

/* A completion elsewhere took the row away: the record in the log where the identity belongs, or
 * one that the row replaced, goes too. Another member's goes by the completion that is moved there.
 */
static void owe_tombstone_at_home(struct application *a)
{
        const struct partition *home = &a->m->partitions[a->home];
        struct failure gone = record_as_failure(a);
        int64_t settles = a->row.foreign_key ? home->position - 1 : last_of_row(a);

        if (!a->known || home->waiting == NULL || settles < 0)
                return;
        gone.partition = a->home;
        gone.spelling = 0;
        gone.retry_id = a->row.retry_id;
        settle_tombstone(a->m, OUTGOING_REWRITE, &gone, settles, a->home != a->record->partition);
}

static bool is_source(const struct application *a)
{
        return a->next.is_repeated && a->record->settles == last_of_row(a) &&
               a->record->timestamp_ms == a->row.timestamp_ms &&
               a->next.is_moved == (a->record->partition != a->row.partition);
}

/* The row was replaced, and stands where it does not belong: it goes from there. If this record was
 * made of it, the transaction did that. */
static void leave_row(struct application *a)
{
        if (!a->known || !a->row.foreign_key || application_is_rows_place(a))
                return;
        if (is_source(a))
                settle_supersede(a->m, &a->row.id, a->row.partition, a->row.spelling);
        else
                settle_stray(a->m, &a->row, !a->next.is_failure);
}

/* The row was replaced by one that stands where it does not belong. */
static void hide_row(struct application *a)
{
        if (a->known && a->misplaced && !a->row.foreign_key)
                settle_hide(a->m, &a->row, -1, a->record->partition);
}

/* 0, or what a record that counts is covered by although it is the last: a record that does not
 * count, of which its writer did not know. */
static int64_t covered_to(struct application *a)
{
        int64_t due;

        if (!a->next.is_repeated || a->next.is_moved)
                return 0;
        due = settle_tombstone_due(a->m, &a->decoded->failure.id, a->record->partition);
        if (due > a->record->settles || (a->known && a->row.partition == a->record->partition &&
                                         a->row.covered_to - 1 > a->record->settles))
                return a->record->offset + 1;
        return 0;
}

/* What was kept of one retry, when there was another since, is that one's. */
static bool inherit(struct failure *f, const struct failure *earlier)
{
        bool is_later = (f->unsettled || f->repeated) && earlier->attempts > f->attempts;

        if (is_later) {
                f->attempts = earlier->attempts;
                f->retry_id = earlier->retry_id;
        }
        return failure_merge(f, earlier) || is_later;
}

/* A settlement is whole; of a moved record its mover could not know what stands here. */
static bool merge(struct application *a, struct failure *f)
{
        const struct failure *earlier;

        if (a->decoded->outcome != RECORD_FAILED || (a->next.is_repeated && !a->next.is_moved))
                return false;
        earlier = a->known ? &a->row : settle_known_failure(a->m, &f->id);
        return earlier != NULL && failure_passes_on(earlier) && inherit(f, earlier);
}

/* It may be of before the failure that was retried: what is late for that stays late. */
static bool keep_time(const struct application *a, struct failure *f)
{
        if (!application_ends_retry_late(a))
                return false;
        f->failed_at_ms = a->row.failed_at_ms;
        f->timestamp_ms = a->row.timestamp_ms;
        return true;
}

static void count_refailed(const struct application *a)
{
        struct metric_labels site = { .values = { a->decoded->failure.id.site } };

        if (a->decoded->outcome == RECORD_FAILED && a->known && a->row.state == FAILURE_PENDING &&
            !a->next.is_repeated)
                metrics_add(a->m->metrics, METRIC_REFAILED_TOTAL, site, 1);
}

static int take_failure(struct application *a)
{
        struct failure f = record_as_failure(a);
        bool owes_mark = settle_owes_mark(a->m, &f, a->record->settles) && !f.superseded;

        if (a->known)
                application_keep_row(a);
        f.covered_to = covered_to(a);
        f.unsettled = merge(a, &f);
        f.unsettled |= keep_time(a, &f);
        if (put(a, &f) != 0)
                return -1;
        count_refailed(a);
        settle_supersede(a->m, &f.id, f.partition, f.spelling);
        leave_row(a);
        hide_row(a);
        settle_row(a->m, &f);
        if (owes_mark)
                settle_mark(a->m, &f);
        return 0;
}

static void remember_gone(struct application *a)
{
        struct member *m = a->m;

        tombstones_add(&m->tombstones, identity_hash(&m->config.hash_key, &a->decoded->failure.id),
                       m->partitions[a->record->partition].content, &a->next);
}

static int take_completion(struct application *a)
{
        const struct identity *id = &a->decoded->failure.id;
        struct member *m = a->m;
        bool has_value = a->record->value.base != NULL, is_covered = covered_to(a) > 0;
        struct failure gone = record_as_failure(a);

        if (a->known) {
                application_keep_row(a);
                failure_table_remove_keyed(m->table, a->key);
                gone.retry_id = a->row.retry_id;
        }
        remember_gone(a);
        settle_supersede(m, id, a->record->partition, a->spelling);
        settle_on_gone(m, id, &a->next);
        leave_row(a);
        if (a->misplaced) {
                settle_completion(m, &gone, has_value);
                owe_tombstone_at_home(a);
        } else if (has_value || is_covered) {
                owe_tombstone(a, has_value ? OUTGOING_COMPLETE : OUTGOING_REWRITE,
                              a->record->timestamp_ms, false);
        }
        return 0;
}

/* RECORDS THAT DO NOT COUNT */

/* What the failure lacks it keeps from an earlier record, also when that is read later. Sets the
 * row, which is to be put. */
static bool hand_down(struct application *a)
{
        if (!a->known || a->row.state != FAILURE_FAILED || !application_has_failure(a) ||
            !failure_passes_on(&a->decoded->failure) || !inherit(&a->row, &a->decoded->failure))
                return false;
        a->row.unsettled = true;
        return true;
}

/* Whoever reads what compaction leaves takes it for something: a tombstone by itself is right. */
static bool leaves_trace(const struct application *a)
{
        return a->record->value.base != NULL || a->next.is_repeated;
}

static void hide_record(struct application *a)
{
        struct failure f = record_as_failure(a);

        settle_hide(a->m, &f, a->next.is_moved ? -1 : a->record->settles, a->row.partition);
}

/* By a completion elsewhere, for which a tombstone is due where the identity belongs. */
static bool is_noted_gone(const struct application *a)
{
        return a->any && !a->newest.is_failure && a->newest.partition < 0;
}

/* The last record at the identity's own place is not the one that counts. */
static void pass_over_at_home(struct application *a)
{
        if (!a->next.is_repeated)
                settle_supersede(a->m, &a->decoded->failure.id, a->record->partition, 0);
        if (!a->known && (leaves_trace(a) || is_noted_gone(a)))
                owe_tombstone(a, OUTGOING_REWRITE, a->newest.timestamp_ms,
                              a->newest.partition != a->record->partition);
        if (a->known && a->row.foreign_key && application_has_failure(a))
                hide_record(a);
}

static void pass_over_elsewhere(struct application *a)
{
        struct failure f = record_as_failure(a);

        if (a->next.is_repeated && settle_cover(a->m, &f, a->next.is_moved))
                return; /* what is due there is still that */
        if (application_has_failure(a))
                settle_stray(a->m, &f, !a->newest.is_failure);
        else if (leaves_trace(a))
                settle_completion(a->m, &f, true);
        else
                settle_supersede(a->m, &f.id, f.partition, f.spelling);
}

static void count_passed_over(const struct application *a)
{
        if (a->next.is_repeated)
                metrics_add(a->m->metrics, METRIC_SETTLEMENTS_VOID_TOTAL, NO_LABELS, 1);
        if (application_is_late(a))
                metrics_add(a->m->metrics, METRIC_RECORDS_LATE_TOTAL, NO_LABELS, 1);
}

static int pass_over(struct application *a)
{
        bool changed;

        count_passed_over(a);
        if (a->known)
                application_keep_row(a);
        else if (!application_has_failure(a) && is_noted_gone(a) && !a->next.is_repeated)
                remember_gone(a); /* perhaps that one: the note may leave with its partition */
        changed = hand_down(a);
        if (a->known && a->row.partition == a->record->partition) {
                if (cover(a) != 0)
                        return -1;
        } else if (changed) {
                if (put(a, &a->row) != 0)
                        return -1;
                settle_renew(a->m, &a->row);
        }
        if (application_is_rows_place(a))
                return 0;
        if (a->misplaced)
                pass_over_elsewhere(a);
        else
                pass_over_at_home(a);
        return 0;
}

/* What it hid is the row again. */
static void remove_row(struct application *a)
{
        failure_table_remove_keyed(a->m->table, a->key);
        settle_reveal(a->m, &a->row.id);
}

/*
 * The moved record takes over. Where both partitions are ours and read as they grow, it is read
 * within moments, and the row stays until then, so that no listing lacks it; otherwise it was read
 * before, or will be before its partition is ready, or is another member's.
 */
static int apply_moved_away(struct application *a)
{
        const struct log_record *record = a->record;
        struct failure at = record_as_failure(a);
        struct member *m = a->m;

        settle_on_moved(m, &at, record->settles);
        if (!application_is_rows_place(a))
                return 0;
        application_keep_row(a);
        if (a->row.offset > record->settles)
                return cover(a);
        if (a->misplaced && member_partition_is_ready(m, record->partition) &&
            member_partition_is_ready(m, a->home))
                settle_afterthought(m, &a->row);
        else
                remove_row(a);
        return 0;
}

/* RECORDS */

/* What is known of a partition rests on another one from now on. */
static void entangle(const struct application *a)
{
        int partition = a->record->partition;

        if (a->misplaced || (a->any && a->newest.partition != partition)) {
                parking_spoil(a->m, a->home);
                parking_spoil(a->m, partition);
        }
}

static void say_misplaced(const struct application *a)
{
        struct member *m = a->m;

        metrics_add(m->metrics, METRIC_RECORDS_MISPLACED_TOTAL, NO_LABELS, 1);
        if (m->misplaced_said)
                return;
        m->misplaced_said = true;
        log_emit(LOG_RECORD_MISPLACED,
                 LOG_FIELDS(log_c("topic", m->config.failures_topic),
                            log_i("partition", a->record->partition),
                            log_i("offset", a->record->offset), log_i("expected", a->home)),
                 "a record is not in the partition, or not under the key, that its identity "
                 "belongs to: check the producers' partitioner; records are moved");
}

static bool is_moved_away(const struct log_record *record)
{
        return record->settles >= 0 && record->value.base == NULL &&
               str_eq_c(record->outcome, "moved");
}

static int apply(struct application *a)
{
        if (is_moved_away(a->record))
                return apply_moved_away(a);
        entangle(a);
        if (a->misplaced)
                say_misplaced(a);
        if (!application_counts(a))
                return pass_over(a);
        return application_has_failure(a) ? take_failure(a) : take_completion(a);
}

int apply_record(struct member *m, const struct log_record *record,
                 const struct decoded_record *decoded, struct failure_key *key, uint64_t hash,
                 struct error *err)
{
        struct application a = {
                .m = m, .record = record, .decoded = decoded, .key = key, .err = err
        };

        settle_reveal(m, &decoded->failure.id); /* its partition may have left just now */
        application_begin(&a);
        if (!application_is_late(&a))
                overlay_on_record(m, decoded, hash);
        settle_on_record(m, decoded, record, a.spelling);
        return apply(&a);
}

bool apply_again(struct member *m, const struct failure *f)
{
        struct error err;

        if (failure_table_put(m->table, f, &err) != 0)
                return false;
        settle_row(m, f);
        return true;
}

/* It says nothing, but compaction keeps it: what counts is covered, and be it that the identity is
 * gone. */
int apply_rejected(struct member *m, const struct log_record *record,
                   const struct decoded_record *decoded, struct failure_key *key, struct error *err)
{
        const struct failure *f = &decoded->failure;
        struct decoded_record nothing = { .outcome = RECORD_TOMBSTONE,
                                          .failure = { .id = f->id,
                                                       .partition = f->partition,
                                                       .offset = f->offset,
                                                       .timestamp_ms = f->timestamp_ms,
                                                       .entry_offset = -1 },
                                          .canonical_key = decoded->canonical_key };
        struct application a = { .m = m,
                                 .record = record,
                                 .decoded = &nothing,
                                 .key = key,
                                 .rejected = true,
                                 .err = err };

        if (f->id.key.base == NULL)
                return 0;
        settle_reveal(m, &f->id);
        application_begin(&a);
        entangle(&a);
        if (application_is_rows_place(&a)) {
                application_keep_row(&a);
                return cover(&a);
        }
        if (a.known || !a.any)
                return 0;
        nothing.failure.timestamp_ms = a.newest.timestamp_ms;
        if (a.misplaced)
                pass_over_elsewhere(&a);
        else
                pass_over_at_home(&a);
        return 0;
}
