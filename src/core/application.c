/* SPDX-License-Identifier: Apache-2.0 */
#include "application.h"

#include "crr/core/identity.h"

static uint16_t spelling_of(const struct member *m, const struct log_record *record, bool canonical)
{
        if (canonical)
                return 0;
        return (uint16_t)(1 + siphash13(&m->config.hash_key, record->key.base, record->key.len) %
                                      UINT16_MAX);
}

bool application_has_failure(const struct application *a)
{
        return a->decoded->outcome == RECORD_FAILED || a->decoded->outcome == RECORD_PENDING;
}

static void take_standing(struct application *a)
{
        const struct log_record *record = a->record;

        a->next = (struct standing){
                .partition = record->partition,
                .offset = record->offset,
                .timestamp_ms = record->timestamp_ms,
                .is_failure = application_has_failure(a),
                .is_repeated = record->settles >= 0,
                .is_home = !a->misplaced,
                .is_moved = record->settles >= 0 && str_eq_c(record->outcome, "moved"),
        };
}

/* Of a partition that is not ours others may know better, be it parked. */
static bool is_of_now(const struct member *m, const struct tombstone *t)
{
        const struct partition *p = &m->partitions[t->standing.partition];

        return t->content == p->content && partition_state(p) != PARTITION_ABSENT;
}

static bool find_gone(struct application *a)
{
        struct member *m = a->m;
        const struct identity *id = &a->decoded->failure.id;
        const struct tombstone *t;
        bool noted = settle_knows_gone(m, id, &a->newest);

        if (!m->tombstones.has_misplaced && !a->misplaced && !a->next.is_repeated && !a->rejected)
                return noted; /* all before it in its partition is older */
        t = tombstones_find(&m->tombstones, identity_hash(&m->config.hash_key, id));
        if (t == NULL || !is_of_now(m, t))
                return noted;
        if (!noted || t->standing.timestamp_ms >= a->newest.timestamp_ms)
                a->newest = t->standing;
        return true;
}

static void look_up(struct application *a)
{
        a->known = failure_table_get_keyed(a->m->table, a->key, &a->row);
        if (!a->known) {
                a->any = find_gone(a);
                return;
        }
        a->any = true;
        a->newest = (struct standing){
                .partition = a->row.partition,
                .offset = a->row.offset,
                .timestamp_ms = a->row.timestamp_ms,
                .is_failure = true,
                .is_repeated = a->row.repeated,
                .is_home = !a->row.foreign_key,
        };
}

/* Where the record belongs. A canonical key needs not be written anew to tell. */
static int home_of(const struct application *a)
{
        struct member *m = a->m;

        if (!a->decoded->canonical_key)
                return member_home_of(m, &a->decoded->failure.id);
        return partition_of_key(m->config.partitioner, a->record->key, m->n_partitions);
}

void application_begin(struct application *a)
{
        a->home = home_of(a);
        a->spelling = spelling_of(a->m, a->record, a->decoded->canonical_key);
        a->misplaced = a->home != a->record->partition || a->spelling != 0;
        take_standing(a);
        look_up(a);
}

static bool is_void(const struct application *a)
{
        return a->next.is_repeated && !a->next.is_moved && a->any &&
               a->newest.partition == a->record->partition && a->newest.offset > a->record->settles;
}

/* A failure cannot be later than its record: so no clock that is ahead makes one that stays. */
static int64_t failed_at_ms(const struct failure *f)
{
        return f->failed_at_ms < f->timestamp_ms ? f->failed_at_ms : f->timestamp_ms;
}

/* Between partitions the times of the records decide, in whatever order they are read. */
static bool is_from_before(const struct application *a)
{
        int64_t told_ms = a->record->timestamp_ms;

        if (!a->record->from_intake || !a->known || a->row.partition != a->record->partition)
                return false;
        if (application_has_failure(a))
                told_ms = failed_at_ms(&a->decoded->failure);
        return told_ms < failed_at_ms(&a->row);
}

bool application_ends_retry_late(const struct application *a)
{
        return is_from_before(a) && application_has_failure(a) && a->row.state == FAILURE_PENDING;
}

bool application_is_late(const struct application *a)
{
        return is_from_before(a) && !application_ends_retry_late(a);
}

bool application_counts(const struct application *a)
{
        return !is_void(a) && !application_is_late(a) &&
               (!a->any || standing_is_newer(&a->next, &a->newest));
}

bool application_is_rows_place(const struct application *a)
{
        return a->known && a->row.partition == a->record->partition &&
               a->row.spelling == a->spelling;
}

void application_keep_row(struct application *a)
{
        struct buf *kept = &a->m->kept;
        size_t code_len = a->row.error_code.len;

        buf_clear(kept);
        buf_append_str(kept, a->row.error_code);
        buf_append_str(kept, a->row.role);
        if (a->row.error_code.base != NULL)
                a->row.error_code.base = buf_str(kept).base;
        if (a->row.role.base != NULL)
                a->row.role.base = buf_str(kept).base + code_len;
        a->row.id = a->decoded->failure.id;
}
