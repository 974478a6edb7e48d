/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks over the rows of ready partitions, a slice a turn, the partitions in turn: for what they
 * owe to the log, once, and again and again for retries whose outcome does not come. Rows are
 * looked at where they stand; settlements only read the table.
 */
#include "crr/base/log.h"
#include "settle_private.h"

#define PAGE_COST     16  /* rows: what it takes to begin a walk */
#define EXPIRY_STEPS  256 /* of the time to live: how late an expiry may be seen */
#define EXPIRY_MIN_MS 1000
#define EXPIRY_MAX_MS 300000

struct walk {
        struct member *m;
        struct partition *p;
        unsigned rows; /* that are left */
        uint64_t next; /* marker to go on from; UINT64_MAX: the end */
};

static bool walk_on(struct walk *walk, const struct failure *f)
{
        if (walk->rows == 0 || !settle_has_room(walk->m)) {
                walk->next = marker_of(f->partition, f->offset);
                return false;
        }
        walk->rows--;
        return true;
}

static bool owed_row(void *data, const struct failure *f)
{
        struct walk *walk = data;

        if (!walk_on(walk, f))
                return false;
        settle_row(walk->m, f);
        return true;
}

/* Its outcome is not waited for any longer. Clocks differ, and RetriedAt is whatever its writer
 * says: the earlier of the two times counts, and without any it is over. */
static bool is_expired(const struct member *m, const struct failure *f)
{
        int64_t since = f->retried_at_ms;

        if (since == TIME_UNKNOWN || (f->timestamp_ms != TIME_UNKNOWN && f->timestamp_ms < since))
                since = f->timestamp_ms;
        return since == TIME_UNKNOWN || m->wall_ms - since >= m->config.pending_ttl_ms;
}

static void expire(struct member *m, const struct failure *f)
{
        bool close = m->config.pending_expiry == PENDING_EXPIRY_CLOSE;
        struct failure expired = *f;
        struct outgoing *o;

        expired.state = FAILURE_FAILED;
        expired.error_code = STR("RetryLost");
        if (expired.timestamp_ms != TIME_UNKNOWN && expired.timestamp_ms < INT64_MAX)
                expired.timestamp_ms++;
        settle_supersede(m, &f->id, f->partition, f->spelling);
        o = settle_note(m, close ? OUTGOING_CLOSE : OUTGOING_RELIST, &expired);
        o->tombstone = close;
        settle_go(m, o);
}

static bool expiry_row(void *data, const struct failure *f)
{
        struct walk *walk = data;
        struct member *m = walk->m;

        if (!walk_on(walk, f))
                return false;
        if (!f->foreign_key && is_expired(m, f) &&
            outgoing_map_find(&m->settlements, &f->id) == NULL && overlay_find(m, &f->id) == NULL) {
                expire(m, f);
                walk->p->expired++;
        }
        return true;
}

static void walk_rows(struct member *m, struct partition *p, enum failure_state state,
                      uint64_t *cursor, failure_row_fn row, unsigned *slice)
{
        struct partition_set only = { { 0 } };
        struct failure_page page = { .state = state, .partitions = &only, .marker = *cursor };
        struct walk walk = { .m = m, .p = p, .next = UINT64_MAX };

        if (*cursor == UINT64_MAX || *slice < PAGE_COST)
                return;
        walk.rows = *slice - PAGE_COST;
        *cursor = UINT64_MAX; /* what is put back meanwhile is kept */
        partition_set_add(&only, p->id);
        failure_table_page(m->table, &page, row, &walk);
        if (walk.next < *cursor)
                *cursor = walk.next;
        *slice = walk.next == UINT64_MAX ? walk.rows : 0;
}

static int64_t expiry_every_ms(const struct member *m)
{
        int64_t every = m->config.pending_ttl_ms / EXPIRY_STEPS;

        if (every < EXPIRY_MIN_MS)
                return EXPIRY_MIN_MS;
        return every < EXPIRY_MAX_MS ? every : EXPIRY_MAX_MS;
}

/* Once a walk. */
static void say_expired(const struct member *m, struct partition *p)
{
        bool close = m->config.pending_expiry == PENDING_EXPIRY_CLOSE;

        if (p->expired == 0 || p->expiry_cursor != UINT64_MAX)
                return;
        log_emit(LOG_RETRY_EXPIRED,
                 LOG_FIELDS(log_i("partition", p->id), log_i("listed", close ? 0 : p->expired),
                            log_i("closed", close ? p->expired : 0)),
                 "the outcome of retries did not come within retry.pending_ttl");
        p->expired = 0;
}

static void walk_partition(struct member *m, struct partition *p, unsigned *slice)
{
        if (settle_has_room(m) && m->now_ms >= m->settler.walk_at_ms) {
                walk_rows(m, p, FAILURE_FAILED, &p->settle_cursor[FAILURE_FAILED], owed_row, slice);
                walk_rows(m, p, FAILURE_PENDING, &p->settle_cursor[FAILURE_PENDING], owed_row,
                          slice);
        }
        if (p->expiry_cursor == UINT64_MAX && m->now_ms >= p->expiry_due_ms) {
                p->expiry_cursor = marker_of(p->id, 0);
                p->expiry_due_ms = m->now_ms + expiry_every_ms(m);
        }
        if (settle_has_room(m))
                walk_rows(m, p, FAILURE_PENDING, &p->expiry_cursor, expiry_row, slice);
        say_expired(m, p);
}

/* Each turn begins behind the partition that the last one ended with. */
void settle_walk(struct member *m, unsigned *slice)
{
        int first = m->settler.next, i = 0;

        for (; *slice > PAGE_COST && i < m->n_partitions; i++) {
                struct partition *p = &m->partitions[(first + i) % m->n_partitions];

                m->settler.next = p->id;
                if (partition_is_ready(p))
                        walk_partition(m, p, slice);
        }
        if (i < m->n_partitions)
                *slice = 0;
}
