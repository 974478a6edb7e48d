/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record of the failure log, applied: the only place where the table changes.
 *
 *   plain        a mover's or a retry's record: the newest word on its identity
 *   settlement   header crr-settles: void when the identity has a newer record than the one it
 * settles moved        a settlement with outcome `moved` where it belongs: void when the identity
 * has a record with a later timestamp (offsets of two partitions do not compare) misplaced    in a
 * partition or under a key that is not its own: listed meanwhile, and moved
 */
#include <string.h>

#include "crr/base/log.h"
#include "member_private.h"

struct application {
        struct member *m;
        const struct log_record *record;
        const struct decoded_record *decoded;
        struct failure_key *key; /* the identity, for the table */
        struct failure current;  /* of the table, when `known` */
        bool known;
        struct error *err;
};

static void count_rejected(struct member *m, const struct log_record *record,
                           enum reject_cause cause, const struct error *err)
{
        metrics_add(m->metrics, METRIC_RECORDS_REJECTED_TOTAL,
                    LABELS_2(m->config.failures_topic, reject_cause_name(cause)), 1);
        log_emit(LOG_RECORD_REJECTED,
                 LOG_FIELDS(log_c("topic", m->config.failures_topic),
                            log_i("partition", record->partition), log_i("offset", record->offset),
                            log_c("cause", reject_cause_name(cause))),
                 "%s", err->message);
}

static void count_ignored(struct member *m, uint64_t fields)
{
        for (unsigned bit = 0; bit < 64 && fields != 0; bit++, fields >>= 1)
                if (fields & 1)
                        metrics_add(m->metrics, METRIC_FIELDS_IGNORED_TOTAL,
                                    LABELS_2(m->config.failures_topic, failure_field_name(bit)), 1);
}

static void remove_entry(struct application *a)
{
        failure_table_remove_keyed(a->m->table, a->key);
}

static void forget_identity(struct application *a)
{
        const struct log_record *record = a->record;
        struct member *m = a->m;

        remove_entry(a);
        tombstones_add(&m->tombstones, identity_hash(&m->config.hash_key, &a->decoded->failure.id),
                       record->partition, record->offset, record->timestamp_ms);
}

static int put(struct application *a, const struct failure *f)
{
        return failure_table_put_keyed(a->m->table, f, a->key, a->err);
}

/* A FAILED record after a PENDING one keeps what it lacks. `current` borrows from the table that
 * put() changes: its role is copied first. */
static int put_failed(struct application *a)
{
        struct failure f = a->decoded->failure;
        struct member *m = a->m;

        if (a->known && (a->current.state == FAILURE_PENDING || a->current.unsettled)) {
                buf_clear(&m->scratch);
                buf_append_str(&m->scratch, a->current.role);
                if (a->current.role.base != NULL)
                        a->current.role = buf_str(&m->scratch);
                f.unsettled = failure_merge(&f, &a->current);
        }
        if (a->known && a->current.state == FAILURE_PENDING) {
                struct metric_labels site = { .values = { f.id.site } };

                metrics_add(m->metrics, METRIC_REFAILED_TOTAL, site, 1);
        }
        if (put(a, &f) != 0)
                return -1;
        settle_entry(m, &f);
        return 0;
}

static int apply_plain(struct application *a)
{
        switch (a->decoded->outcome) {
        case RECORD_FAILED:
                return put_failed(a);
        case RECORD_PENDING:
                return put(a, &a->decoded->failure);
        case RECORD_COMPLETED:
                forget_identity(a);
                settle_complete(a->m, &a->decoded->failure);
                return 0;
        case RECORD_TOMBSTONE:
                forget_identity(a);
                return 0;
        }
        return 0;
}

/* As it stands, without merging: what an owner wrote is whole. */
static int apply_verbatim(struct application *a)
{
        enum record_outcome outcome = a->decoded->outcome;

        if (outcome == RECORD_FAILED || outcome == RECORD_PENDING)
                return put(a, &a->decoded->failure);
        return apply_plain(a);
}

static void rewrite_tombstone(struct application *a, const struct tombstone *t)
{
        struct failure gone = a->decoded->failure;

        gone.partition = t->partition;
        gone.offset = t->offset;
        gone.timestamp_ms = t->timestamp_ms;
        settle_rewrite(a->m, &gone, true);
}

static int apply_settlement(struct application *a)
{
        const struct log_record *record = a->record;
        struct member *m = a->m;
        const struct tombstone *t;

        if (a->known && a->current.partition == record->partition) {
                if (a->current.offset > record->settles) {
                        settle_rewrite(m, &a->current, false);
                        return 0;
                }
                return apply_verbatim(a);
        }
        t = tombstones_find(&m->tombstones,
                            identity_hash(&m->config.hash_key, &a->decoded->failure.id),
                            record->partition);
        if (t != NULL && t->offset > record->settles) {
                if (a->decoded->outcome != RECORD_TOMBSTONE)
                        rewrite_tombstone(a, t);
                return 0;
        }
        return apply_verbatim(a);
}

static int apply_moved(struct application *a)
{
        const struct log_record *record = a->record;
        struct member *m = a->m;
        const struct tombstone *t;

        if (a->known && a->current.partition == record->partition && !a->current.foreign_key &&
            a->current.timestamp_ms > record->timestamp_ms) {
                settle_rewrite(m, &a->current, false);
                return 0;
        }
        t = tombstones_find(&m->tombstones,
                            identity_hash(&m->config.hash_key, &a->decoded->failure.id),
                            record->partition);
        if (!a->known && t != NULL && t->timestamp_ms > record->timestamp_ms) {
                if (a->decoded->outcome != RECORD_TOMBSTONE)
                        rewrite_tombstone(a, t);
                return 0;
        }
        return apply_verbatim(a);
}

static void say_misplaced(struct application *a, int home)
{
        struct member *m = a->m;

        parking_spoil(m, home);
        metrics_add(m->metrics, METRIC_RECORDS_MISPLACED_TOTAL, NO_LABELS, 1);
        if (m->misplaced_said)
                return;
        m->misplaced_said = true;
        log_emit(LOG_RECORD_MISPLACED,
                 LOG_FIELDS(log_c("topic", m->config.failures_topic),
                            log_i("partition", a->record->partition),
                            log_i("offset", a->record->offset), log_i("expected", home)),
                 "a record is not in the partition, or not under the key, that its identity "
                 "belongs to: check the producers' partitioner; records are moved");
}

/* The tombstone under the old key of a record that we moved: the moved one takes over, unless we
 * cannot see it. */
static void apply_moved_away(struct application *a, int home)
{
        if (a->known && a->current.partition == a->record->partition &&
            a->current.offset == a->record->settles && !member_partition_is_ready(a->m, home))
                remove_entry(a);
}

static int apply_misplaced(struct application *a, int home)
{
        struct failure f = a->decoded->failure;
        bool gone =
                a->decoded->outcome == RECORD_TOMBSTONE || a->decoded->outcome == RECORD_COMPLETED;

        if (gone && str_eq_c(a->record->outcome, "moved")) {
                apply_moved_away(a, home);
                return 0;
        }
        say_misplaced(a, home);
        f.foreign_key = true;
        if (gone) {
                bool listed_here = a->known && a->current.foreign_key &&
                                   a->current.partition == a->record->partition;

                if (listed_here)
                        remove_entry(a);
                settle_misplaced(a->m, &f, listed_here);
                return 0;
        }
        if (a->known && !a->current.foreign_key && a->current.timestamp_ms > f.timestamp_ms) {
                settle_misplaced(a->m, &f, true);
                return 0;
        }
        if (put(a, &f) != 0)
                return -1;
        settle_entry(a->m, &f);
        return 0;
}

/* A canonical key tells without being made again. */
static int home_of(const struct application *a)
{
        struct member *m = a->m;

        if (a->decoded->canonical_key)
                return partition_of_key(m->config.partitioner, a->record->key, m->n_partitions);
        return member_home_of(m, &a->decoded->failure.id);
}

static int apply(struct application *a)
{
        int home = home_of(a);

        a->known = failure_table_get_keyed(a->m->table, a->key, &a->current);
        if (home != a->record->partition || !a->decoded->canonical_key)
                return apply_misplaced(a, home);
        if (a->record->settles < 0)
                return apply_plain(a);
        if (str_eq_c(a->record->outcome, "moved"))
                return apply_moved(a);
        return apply_settlement(a);
}

static void hold(struct member *m, struct partition *p, const struct error *err)
{
        bool sites = err->code == ERR_TOO_MANY_SITES;

        partition_hold(p, sites ? SHORT_OF_SITES : SHORT_OF_MEMORY, m->now_ms);
        log_emit(LOG_PARTITION_FULL,
                 LOG_FIELDS(log_i("partition", p->id), log_c("waiting_for", partition_waits_for(p)),
                            log_i("memory", (int64_t)failure_table_memory(m->table)),
                            log_i("limit", (int64_t)failure_table_memory_limit(m->table))),
                 "%s; the partition is held back, nothing is dropped%s", err->message,
                 sites ? "" : ": raise table.memory_limit");
        batcher_invalidate(&m->batcher);
        m->ports.group->hold(m->ports.group, p->id);
}

/* Is it the next one of a partition that takes records? Where it belongs cannot be told before the
 * topology is known: it is read again then. */
static bool is_wanted(struct member *m, const struct log_record *record)
{
        const struct partition *p = member_partition(m, record->partition);

        return record->partition < m->n_partitions && p != NULL && record->offset >= p->position &&
               (partition_state(p) == PARTITION_RESTORING || partition_is_ready(p));
}

static void take_record(struct member *m, const struct log_record *record,
                        const struct arrival *arrival)
{
        struct partition *p = member_partition(m, record->partition);
        struct decoded_record decoded;
        struct error err;
        struct application a = { .m = m,
                                 .record = record,
                                 .decoded = &decoded,
                                 .key = arrival->in_the_table,
                                 .err = &err };
        enum reject_cause cause;

        if (str_eq_c(record->outcome, "cleared")) { /* batcher_clear(): it says nothing */
                partition_advance(p, record->offset + 1);
                return;
        }
        cause = failure_decode_keyed(m->decoder, record, &arrival->key, &decoded, &err);
        if (cause != REJECT_NONE) {
                count_rejected(m, record, cause, &err);
        } else {
                overlay_on_record(m, &decoded);
                settle_on_record(m, record, &decoded.failure.id);
                if (apply(&a) != 0) {
                        hold(m, p, &err);
                        return;
                }
                count_ignored(m, decoded.ignored_fields);
                m->outcome_cells[decoded.outcome]->value += 1;
        }
        p->records++;
        partition_advance(p, record->offset + 1);
}

/* ARRIVALS */

static void parse_key(struct arrival *arrival, struct str key)
{
        buf_clear(&arrival->key_bytes);
        arrival->key.is_canonical = false;
        arrival->key.is_good = identity_parse_key(key, &arrival->key_bytes, &arrival->key.id,
                                                  &arrival->key.is_canonical);
}

/* Keys are parsed and looked up all at once, so that the memory of each is on its way while the
 * others are worked on. */
static void look_up(struct member *m, const struct log_record *records, size_t n)
{
        struct identity ids[FAILURE_TABLE_BATCH];
        size_t good = 0;

        for (size_t i = 0; i < n; i++) {
                parse_key(&m->arrivals[i], records[i].key);
                m->arrivals[i].in_the_table = &m->keys[good];
                if (m->arrivals[i].key.is_good)
                        ids[good++] = m->arrivals[i].key.id;
        }
        failure_table_prefetch(m->table, ids, good, m->keys);
}

void member_on_records(struct member *m, const struct log_record *records, size_t n)
{
        while (n > 0) {
                size_t batch = n < FAILURE_TABLE_BATCH ? n : FAILURE_TABLE_BATCH;

                look_up(m, records, batch);
                for (size_t i = 0; i < batch; i++)
                        if (is_wanted(m, &records[i]))
                                take_record(m, &records[i], &m->arrivals[i]);
                records += batch;
                n -= batch;
        }
}

void member_on_record(struct member *m, const struct log_record *record)
{
        member_on_records(m, record, 1);
}
