/* SPDX-License-Identifier: Apache-2.0 */
/* What compaction may take, and what must hold when all has come to rest. */
#include <inttypes.h>
#include <stdlib.h>

#include "model_log.h"

#define REST_STEPS   400
#define REST_STEP_MS 5000

/* COMPACTION */

static int64_t next_of(const struct world_log *log, int64_t i, int64_t end)
{
        for (int64_t j = i + 1; j < end; j++)
                if (log->records[j].key != NULL &&
                    str_eq(model_record_key(&log->records[i]), model_record_key(&log->records[j])))
                        return j;
        return -1;
}

static bool is_first(const struct world_log *log, int64_t i)
{
        for (int64_t j = 0; j < i; j++)
                if (log->records[j].key != NULL &&
                    str_eq(model_record_key(&log->records[i]), model_record_key(&log->records[j])))
                        return false;
        return true;
}

static void drop(struct model *m, int p, int64_t i, bool is_written_again)
{
        const struct world_record *r = &m->w.logs[p].records[i];
        int id = model_id_of(model_record_key(r));

        if (!is_written_again)
                m->is_wild = true;
        if (!is_written_again && id >= 0 && r->value != NULL && strstr(r->value, "Entry") != NULL)
                m->entry_is_lost[id] = true;
        if (id >= 0 && r->value == NULL)
                m->tombstone_is_gone[id] = true;
        if (m->verbose)
                printf("  %d@%" PRId64 " is gone\n", p, i);
        world_compact_away(&m->w, p, i);
}

/*
 * Below some offset a record that has a later one under its key may vanish, and an old tombstone
 * that has no other. What was not at rest since is taken only now and then: the process must live
 * then until it has written again what it knows, that much the protocol asks for.
 */
void model_compact(struct model *m, int partition)
{
        struct world_log *log = &m->w.logs[partition];
        int64_t end = (int64_t)model_draw((uint64_t)log->n + 1);
        bool is_wild = model_chance(20) && m->w.assigned[partition] && log->fed == log->n;
        bool is_exact = model_chance(50);

        for (int64_t i = 0; i < end; i++) {
                int64_t next;

                if (log->records[i].key == NULL)
                        continue;
                next = next_of(log, i, end);
                if (next >= 0 && (next < m->clean[partition] || is_wild) &&
                    (is_exact || model_chance(60)))
                        drop(m, partition, i, next < m->clean[partition]);
                else if (next < 0 && log->records[i].value == NULL && i < m->clean[partition] &&
                         next_of(log, i, log->n) < 0 && is_first(log, i) && model_chance(30))
                        drop(m, partition, i, true);
        }
}

/* REST */

static bool is_at_rest(struct model *m)
{
        struct member_status status;

        member_status(m->w.member, &status);
        return status.ready == m->w.n_partitions && status.in_flight == 0 &&
               status.settlements == 0 && m->w.batch == NULL && m->w.read == NULL;
}

static void wait_for_rest(struct model *m)
{
        int steps = 0;

        do {
                if (steps++ == REST_STEPS) {
                        fprintf(stderr, "it does not come to rest\n");
                        exit(1);
                }
                model_step(m, REST_STEP_MS);
        } while (!is_at_rest(m));
}

static void make_well(struct model *m)
{
        m->w.hold_reads = m->w.read_fails = false;
        for (int p = 0; p < m->w.n_partitions; p++)
                m->w.feeds[p] = true;
        m->w.now_ms += 2;
        m->w.wall_ms += 2;
        if (m->w.batch != NULL)
                world_tell(&m->w, PUBLISH_COMMITTED);
        m->w.hold_batches = false;
        model_learn(m);
        for (int p = 0; p < m->w.n_partitions; p++)
                if (!m->w.assigned[p])
                        world_assign(&m->w, p);
        if (m->publisher_lost)
                world_publisher_ready(&m->w);
        m->publisher_lost = false;
}

/* What is known is kept. More may be kept: from before a completion that was read after its
 * failure. Of what came late it is open: only that it does not count is known. */
static void check_row(struct model *m, int id, const struct failure *f,
                      const struct naive_event *state)
{
        const struct world_record *r;
        const char *entry;

        CHECK(!f->foreign_key && !f->unsettled);
        CHECK_INT(f->partition, model_home(m, id));
        if (m->loose[id])
                return;
        CHECK(f->attempts >= state->facts.attempts);
        if (state->facts.size >= 0)
                CHECK(naive_is_size(&m->ids[id], state, (int)f->size));
        if (m->entry_is_lost[id] || state->facts.entry < 0)
                return;
        CHECK(f->entry_offset >= 0);
        r = &m->w.logs[f->partition].records[f->entry_offset];
        entry = r->value != NULL ? strstr(r->value, "\"Entry\":\"e") : NULL;
        CHECK(entry != NULL);
        CHECK(naive_is_entry(&m->ids[id], state, (int)strtol(entry + 10, NULL, 10)));
}

static bool should_be_listed(const struct model *m, const struct naive_event *state)
{
        bool expired = m->w.wall_ms - state->time_ms >= m->w.config.pending_ttl_ms;

        return state->kind == NAIVE_FAILED || (state->kind == NAIVE_PENDING && expired &&
                                               m->w.config.pending_expiry == PENDING_EXPIRY_RELIST);
}

static void check_listing(struct model *m)
{
        static struct world_list list;
        int listed[MODEL_IDS] = { 0 };

        world_list(&m->w, &list, NULL, 0, LIMIT_PAGE_ROWS, false);
        CHECK(!list.failed);
        for (size_t i = 0; i < list.n; i++) {
                int id = list.rows[i].id.key.base[1] - '0';
                struct naive_event state = naive_state(&m->ids[id], NULL, NULL);

                listed[id]++;
                if (should_be_listed(m, &state))
                        check_row(m, id, &list.rows[i], &state);
        }
        world_list_deinit(&list);
        for (int id = 0; id < m->n_ids; id++) {
                struct naive_event state = naive_state(&m->ids[id], NULL, NULL);

                if (listed[id] == should_be_listed(m, &state))
                        continue;
                fprintf(stderr, "%s is listed %d times, the log says %d\n", model_name(id),
                        listed[id], should_be_listed(m, &state));
                exit(1);
        }
}

/* What stands last under a key: the identity's own place holds its state, the others nothing. */
static void check_place(struct model *m, int id, int p, int spelling)
{
        const struct world_log *log = &m->w.logs[p];
        struct naive_event state = naive_state(&m->ids[id], NULL, NULL);
        bool is_home = p == model_home(m, id) && spelling == 0;
        const char *value = NULL;

        for (int64_t i = 0; i < log->n; i++)
                if (log->records[i].key != NULL &&
                    str_eq(model_record_key(&log->records[i]), model_key(id, spelling)))
                        value = log->records[i].value;
        if (is_home && should_be_listed(m, &state))
                CHECK(value != NULL && strchr(value, '{') != NULL &&
                      strstr(value, "PENDING") == NULL && strstr(value, "COMPLETED") == NULL);
        else if (is_home && state.kind == NAIVE_PENDING &&
                 m->w.wall_ms - state.time_ms < m->w.config.pending_ttl_ms)
                CHECK(value != NULL && strstr(value, "PENDING") != NULL);
        else if (value != NULL && strchr(value, '{') != NULL) {
                fprintf(stderr, "%s: a record is left in partition %d under spelling %d\n",
                        model_name(id), p, spelling);
                exit(1);
        }
}

static void check_rest(struct model *m)
{
        unsigned submits;

        check_listing(m);
        for (int id = 0; id < m->n_ids; id++)
                for (int p = 0; p < m->w.n_partitions; p++)
                        for (int spelling = 0; spelling < MODEL_SPELLINGS; spelling++)
                                check_place(m, id, p, spelling);
        submits = m->w.submits;
        model_step(m, 100000);
        model_step(m, 100000);
        CHECK_INT(m->w.submits, submits);
}

void model_rest(struct model *m)
{
        if (m->verbose)
                printf(" rest\n");
        make_well(m);
        wait_for_rest(m);
        if (m->w.config.pending_ttl_ms == MODEL_SHORT_TTL_MS) {
                for (int i = 0; i < 6; i++)
                        model_step(m, MODEL_SHORT_TTL_MS / 4);
                wait_for_rest(m);
        }
        check_rest(m);
        m->is_wild = false;
        for (int p = 0; p < m->w.n_partitions; p++)
                m->clean[p] = m->w.logs[p].n;
}
