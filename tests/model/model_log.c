/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The core against a naive reading of the failure log. By a seed, a few identities live through a
 * random history: records of movers in right and wrong partitions and spellings, retries, every
 * outcome of a transaction, restarts, rebalances, growth of the topic, compaction. At rest the
 * listing must be what the naive log says, no attempt published twice, and the log such that a new
 * process reads the same out of whatever compaction leaves of it.
 *
 *   model_log [--seed N] [--seeds N] [--verbose]
 */
#include "model_log.h"

#include <inttypes.h>

#include "crr/core/failure_codec.h"
#include "crr/core/identity.h"

#define ACTS         40
#define REST_STEPS   400
#define REST_STEP_MS 5000
#define SHORT_TTL_MS 20000
#define LONG_TTL_MS  INT64_C(86400000000)

/* Seeds that have found something stay. */
static const uint64_t rows[] = { 1 };

static uint64_t random_state;

uint64_t model_draw(uint64_t n)
{
        random_state ^= random_state << 13;
        random_state ^= random_state >> 7;
        random_state ^= random_state << 17;
        return (random_state * UINT64_C(0x2545f4914f6cdd1d) >> 33) % n;
}

bool model_chance(unsigned percent)
{
        return model_draw(100) < percent;
}

/* KEYS */

const char *model_name(int id)
{
        static const char *const names[MODEL_IDS] = { "k0", "k1", "k2", "k3" };

        return names[id];
}

struct str model_key(int id, int spelling)
{
        static char text[MODEL_SPELLINGS][MODEL_IDS][64];
        static const char *const names[MODEL_SPELLINGS] = { "b/k", "b/%6b", "%62/k" };
        char *at = text[spelling][id];

        snprintf(at, sizeof text[0][0], "%s%d?versionId=v&sitename=aws", names[spelling], id);
        return str_from(at);
}

int model_id_of(struct str key)
{
        for (int id = 0; id < MODEL_IDS; id++)
                for (int spelling = 0; spelling < MODEL_SPELLINGS; spelling++)
                        if (str_eq(key, model_key(id, spelling)))
                                return id;
        return -1;
}

int model_home(struct model *m, int id)
{
        return partition_of_key(m->w.config.partitioner, model_key(id, 0), m->w.n_partitions);
}

static struct str key_of(const struct world_record *r)
{
        return (struct str){ r->key, r->key_len };
}

/* LEARNING: what the daemon wrote. */

static bool all_is_known(const struct model *m)
{
        for (int p = 0; p < m->w.n_partitions; p++)
                if (!m->w.assigned[p] || !m->w.feeds[p])
                        return false;
        return true;
}

static bool was_fed(void *data, const struct naive_event *event)
{
        const struct model *m = data;

        return event->offset < m->w.logs[event->partition].fed;
}

static void look(struct model *m, struct naive_event *ret)
{
        for (int id = 0; id < m->n_ids; id++)
                ret[id] = naive_state(&m->ids[id], was_fed, m);
}

/* What the table kept goes into the retry, if nothing happened while it was made. */
static void check_pending(const struct model *m, int id, const struct naive_facts *facts)
{
        const struct naive_event *a = &m->before[id], *b = &m->after[id];

        if (a->time_ms != b->time_ms || a->kind == NAIVE_GONE || !all_is_known(m) || m->loose[id])
                return;
        CHECK_INT(facts->attempts, a->facts.attempts < 0 ? 1 : a->facts.attempts + 1);
        CHECK_INT(facts->size, a->facts.size);
        if (!m->entry_is_lost[id])
                CHECK_INT(facts->entry, a->facts.entry);
}

static void learn_pending(struct model *m, int partition, int64_t offset)
{
        const struct world_record *r = &m->w.logs[partition].records[offset];
        struct log_record record = {
                partition, offset,    r->timestamp_ms, key_of(r), { r->value, r->value_len },
                -1,        STR_ABSENT
        };
        struct naive_event event = {
                NAIVE_PENDING, r->timestamp_ms, partition, offset, { -1, -1, -1 }
        };
        struct decoded_record decoded;
        struct error err;
        int id = model_id_of(record.key);

        CHECK(failure_decode(m->decoder, &record, &decoded, &err) == REJECT_NONE);
        event.facts.attempts = decoded.failure.attempts;
        event.facts.size = (int)decoded.failure.size;
        if (decoded.entry.base != NULL)
                event.facts.entry = atoi(decoded.entry.base + 1);
        if (m->verbose)
                printf("  %d@%" PRId64 " t%" PRId64 " PENDING %d of %d\n", partition, offset,
                       event.time_ms % 10000000, event.facts.attempts, id);
        check_pending(m, id, &event.facts);
        naive_add(&m->ids[id], &event);
}

static bool is_retry(const struct world_record *r)
{
        return r->key != NULL && r->value != NULL && r->settles < 0 && r->outcome == NULL &&
               strstr(r->value, "\"PENDING\"") != NULL;
}

static void learn_entries(struct model *m)
{
        for (; m->entries_seen < m->w.n_entries; m->entries_seen++) {
                const struct world_retry_entry *entry = &m->w.entries[m->entries_seen];
                int attempt = atoi(entry->attempt), id = atoi(strchr(entry->key, 'k') + 1);

                CHECK(attempt < MODEL_ATTEMPTS);
                if (m->published[id][attempt] && !m->was_forced[id]) {
                        fprintf(stderr, "attempt %d of %s is published twice\n", attempt,
                                model_name(id));
                        exit(1);
                }
                m->published[id][attempt] = true;
                m->n_published[id] = attempt > m->n_published[id] ? attempt : m->n_published[id];
        }
}

static void learn(struct model *m)
{
        for (int p = 0; p < WORLD_PARTITIONS; p++) {
                struct world_log *log = &m->w.logs[p];

                for (; m->scanned[p] < log->n; m->scanned[p]++) {
                        const struct world_record *r = &log->records[m->scanned[p]];

                        if (is_retry(r))
                                learn_pending(m, p, m->scanned[p]);
                        else if (m->verbose && r->key != NULL && r->settles >= 0)
                                printf("  %d@%" PRId64 " t%" PRId64 " %.*s settles %" PRId64
                                       " %s: %s\n",
                                       p, m->scanned[p],
                                       (r->own_time_ms != TIME_UNKNOWN ? r->own_time_ms
                                                                       : r->timestamp_ms) %
                                               10000000,
                                       (int)r->key_len, r->key, r->settles,
                                       r->outcome != NULL ? r->outcome : "",
                                       r->value != NULL ? r->value : "-");
                }
        }
        learn_entries(m);
}

/* Times differ: two ms a run, because what expires counts one more. */
void model_run(struct model *m)
{
        struct naive_event before[MODEL_IDS];
        unsigned submits = m->w.submits;

        m->w.now_ms += 2;
        m->w.wall_ms += 2;
        learn(m);
        look(m, before);
        world_run(&m->w);
        if (m->w.submits != submits) {
                memcpy(m->before, before, sizeof before);
                look(m, m->after);
        }
        learn(m);
        model_end_requests(m);
}

void model_step(struct model *m, int64_t ms)
{
        m->w.now_ms += ms;
        m->w.wall_ms += ms;
        model_run(m);
}

/* COMPACTION */

static int64_t next_of(const struct world_log *log, int64_t i, int64_t end)
{
        for (int64_t j = i + 1; j < end; j++)
                if (log->records[j].key != NULL &&
                    str_eq(key_of(&log->records[i]), key_of(&log->records[j])))
                        return j;
        return -1;
}

static bool is_first(const struct world_log *log, int64_t i)
{
        for (int64_t j = 0; j < i; j++)
                if (log->records[j].key != NULL &&
                    str_eq(key_of(&log->records[i]), key_of(&log->records[j])))
                        return false;
        return true;
}

static void drop(struct model *m, int p, int64_t i, bool is_written_again)
{
        const struct world_record *r = &m->w.logs[p].records[i];
        int id = model_id_of(key_of(r));

        if (!is_written_again)
                m->is_wild = true;
        if (!is_written_again && id >= 0 && r->value != NULL && strstr(r->value, "Entry") != NULL)
                m->entry_is_lost[id] = true;
        if (m->verbose)
                printf("  %d@%" PRId64 " is gone\n", p, i);
        world_compact_away(&m->w, p, i);
}

/*
 * Below some offset a record that has a later one under its key may vanish, and an old tombstone
 * that has no other. What was not at rest since is taken only now and then: the process must live
 * then until it has written again what it knows, that much the protocol asks for.
 */
void model_compact(struct model *m, int p)
{
        struct world_log *log = &m->w.logs[p];
        int64_t end = (int64_t)model_draw((uint64_t)log->n + 1);
        bool is_wild = model_chance(20) && m->w.assigned[p] && log->fed == log->n;
        bool is_exact = model_chance(50);

        for (int64_t i = 0; i < end; i++) {
                int64_t next;

                if (log->records[i].key == NULL)
                        continue;
                next = next_of(log, i, end);
                if (next >= 0 && (next < m->clean[p] || is_wild) && (is_exact || model_chance(60)))
                        drop(m, p, i, next < m->clean[p]);
                else if (next < 0 && log->records[i].value == NULL && i < m->clean[p] &&
                         next_of(log, i, log->n) < 0 && is_first(log, i) && model_chance(30))
                        drop(m, p, i, true);
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
        if (m->w.batch != NULL)
                world_tell(&m->w, PUBLISH_COMMITTED);
        m->w.hold_batches = false;
        learn(m);
        for (int p = 0; p < m->w.n_partitions; p++)
                if (!m->w.assigned[p])
                        world_assign(&m->w, p);
        if (m->publisher_lost)
                world_publisher_ready(&m->w);
        m->publisher_lost = false;
}

static void check_row(struct model *m, int id, const struct failure *f,
                      const struct naive_facts *facts)
{
        const struct world_record *r = &m->w.logs[f->partition].records[f->entry_offset];
        char entry[32];

        CHECK(!f->foreign_key && !f->unsettled);
        CHECK_INT(f->partition, model_home(m, id));
        CHECK_INT(f->size < 0, facts->size < 0);
        if (!m->loose[id]) {
                CHECK_INT(f->attempts, facts->attempts);
                CHECK_INT(f->size, facts->size);
        }
        if (m->entry_is_lost[id])
                return;
        CHECK_INT(f->entry_offset < 0, facts->entry < 0);
        snprintf(entry, sizeof entry, "\"e%d\"", facts->entry);
        if (facts->entry >= 0)
                CHECK(r->value != NULL && (m->loose[id] || strstr(r->value, entry) != NULL));
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
                        check_row(m, id, &list.rows[i], &state.facts);
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
                    str_eq(key_of(&log->records[i]), model_key(id, spelling)))
                        value = log->records[i].value;
        if (is_home && should_be_listed(m, &state))
                CHECK(value != NULL && strchr(value, '{') != NULL &&
                      strstr(value, "PENDING") == NULL && strstr(value, "COMPLETED") == NULL);
        else if (is_home && state.kind == NAIVE_PENDING &&
                 m->w.wall_ms - state.time_ms < m->w.config.pending_ttl_ms)
                CHECK(value != NULL && strstr(value, "PENDING") != NULL);
        else
                CHECK(value == NULL || strchr(value, '{') == NULL);
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
        if (m->w.config.pending_ttl_ms == SHORT_TTL_MS) {
                for (int i = 0; i < 6; i++)
                        model_step(m, SHORT_TTL_MS / 4);
                wait_for_rest(m);
        }
        check_rest(m);
        m->is_wild = false;
        for (int p = 0; p < m->w.n_partitions; p++)
                m->clean[p] = m->w.logs[p].n;
}

/* SEEDS */

static void restart_and_rest(struct model *m)
{
        for (int p = 0; p < m->w.n_partitions; p++)
                model_compact(m, p);
        if (m->verbose)
                printf(" restart\n");
        if (!m->is_wild)
                world_restart(&m->w, false);
        model_rest(m);
}

static void play(uint64_t seed, bool verbose)
{
        static struct model model;
        struct model *m = &model;

        memset(m, 0, sizeof *m);
        random_state = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
        m->verbose = verbose;
        m->n_ids = 1 + (int)model_draw(MODEL_IDS);
        m->decoder = failure_decoder_new(1 << 20);
        world_init(&m->w, 1 + (int)model_draw(3));
        m->w.config.pending_ttl_ms = model_chance(40) ? SHORT_TTL_MS : LONG_TTL_MS;
        m->w.config.pending_expiry = (enum pending_expiry)model_draw(2);
        m->w.config.payload = (enum retry_payload)model_draw(2);
        m->w.stamps_appends = model_chance(10);
        m->w.shuffles = true;
        m->w.shuffle = seed;
        m->w.hold_batches = true;
        world_start(&m->w);
        for (int i = 0; i < ACTS; i++) {
                if (model_chance(4)) {
                        model_rest(m);
                        m->w.hold_batches = true;
                }
                model_act(m);
        }
        model_rest(m);
        restart_and_rest(m);
        if (m->w.n_partitions < 3)
                world_grow(&m->w, m->w.n_partitions + 1);
        model_rest(m);
        restart_and_rest(m);
        world_deinit(&m->w);
        failure_decoder_free(m->decoder);
}

int main(int argc, char **argv)
{
        uint64_t first = 1000, n = 2000;
        bool verbose = false;

        for (int i = 1; i < argc; i++) {
                if (strcmp(argv[i], "--verbose") == 0)
                        verbose = true;
                else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
                        first = strtoull(argv[++i], NULL, 10), n = 1;
                else if (strcmp(argv[i], "--seeds") == 0 && i + 1 < argc)
                        n = strtoull(argv[++i], NULL, 10);
        }
        for (size_t i = 0; n > 1 && i < sizeof rows / sizeof *rows; i++) {
                fprintf(stderr, "seed %" PRIu64 "\r", rows[i]);
                play(rows[i], verbose);
        }
        for (uint64_t seed = first; seed < first + n; seed++) {
                fprintf(stderr, "seed %" PRIu64 "\r", seed);
                play(seed, verbose);
        }
        printf("%" PRIu64 " histories\n", n + sizeof rows / sizeof *rows);
        return 0;
}
