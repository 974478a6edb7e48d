/* SPDX-License-Identifier: Apache-2.0 */
/* What happens to a failure log: movers, retries, outages, restarts, compaction, growth. */
#include <inttypes.h>

#include "model_log.h"

#define TELL(m, ...)                         \
        do {                                 \
                if ((m)->verbose)            \
                        printf(__VA_ARGS__); \
        } while (0)

/* MOVERS */

static struct naive_facts full_facts(struct model *m, int id)
{
        int n = m->next_fact++;

        return (struct naive_facts){
                .attempts = m->n_published[id] > 0 ? m->n_published[id] : -1,
                .size = n,
                .entry = n,
        };
}

static void write_value(struct buf *out, int id, enum naive_kind kind,
                        const struct naive_facts *facts)
{
        buf_printf(out,
                   "{\"Bucket\":\"b\",\"Key\":\"%s\",\"VersionId\":\"v\",\"StorageClass\":\"aws\"",
                   model_name(id));
        if (kind == NAIVE_GONE)
                buf_printf(out, ",\"ReplicationStatus\":\"COMPLETED\"");
        if (facts->attempts >= 0)
                buf_printf(out, ",\"Attempts\":%d", facts->attempts);
        if (facts->size >= 0)
                buf_printf(out, ",\"Size\":%d", facts->size);
        if (facts->entry >= 0)
                buf_printf(out, ",\"Entry\":\"e%d\"", facts->entry);
        buf_append_char(out, '}');
        buf_append_char(out, '\0');
}

struct place {
        int partition, spelling;
};

static struct place any_place(struct model *m, int id)
{
        struct place place = { model_home(m, id), 0 };

        if (m->takes_in)
                return place;
        if (model_chance(35))
                place.partition = (int)model_draw((uint64_t)m->w.n_partitions);
        if (model_chance(15))
                place.spelling = (int)model_draw(MODEL_SPELLINGS);
        return place;
}

/* When it happened: before something that is known, but since the last completion. Offsets must
 * tell of it: between partitions times decide alone. Nor must the retry be closed that it is late
 * for. */
static int64_t time_of_late(const struct model *m, int id, const struct naive_event *event)
{
        const struct naive *n = &m->ids[id];
        int64_t told_ms;

        if (n->n == 0 || m->w.config.pending_expiry == PENDING_EXPIRY_CLOSE)
                return event->time_ms;
        for (size_t i = 0; i < n->n; i++)
                if (n->events[i].partition != event->partition)
                        return event->time_ms;
        told_ms = n->events[model_draw(n->n)].time_ms - 1;
        return told_ms > naive_gone_ms(n) ? told_ms : event->time_ms;
}

/* An intake wrote it, after the others that there are. */
static void take_in(struct model *m, int id, struct naive_event *event)
{
        event->is_taken_in = true;
        event->told_ms = model_chance(50) ? time_of_late(m, id, event) : event->time_ms;
        m->loose[id] |= event->told_ms < event->time_ms;
        m->w.logs[event->partition].records[event->offset].own_time_ms = event->told_ms;
        TELL(m, "  taken in: told of t%" PRId64 "\n", event->told_ms % 10000000);
}

static void mover_writes(struct model *m, int id, struct place place, enum naive_kind kind,
                         struct naive_facts facts, int64_t time_ms)
{
        struct naive_event event = {
                .kind = kind, .time_ms = time_ms, .partition = place.partition, .facts = facts
        };
        bool is_taken_in = m->takes_in && model_chance(50);
        bool tombstone = kind == NAIVE_GONE && !is_taken_in && model_chance(50);
        struct buf value;

        buf_init(&value, SIZE_MAX);
        write_value(&value, id, kind, &facts);
        event.offset = world_append(&m->w, place.partition, model_key(id, place.spelling),
                                    tombstone ? NULL : value.base, -1, NULL);
        m->w.logs[place.partition].records[event.offset].timestamp_ms = time_ms;
        TELL(m, "  %d@%" PRId64 " t%" PRId64 " %.*s: %s\n", place.partition, event.offset,
             time_ms % 10000000, (int)model_key(id, place.spelling).len,
             model_key(id, place.spelling).base, tombstone ? "-" : value.base);
        buf_deinit(&value);
        if (is_taken_in)
                take_in(m, id, &event);
        naive_add(&m->ids[id], &event);
}

/* The outcome of a retry; young enough, a failure says no more than that. */
static void mover_answers(struct model *m, int id, const struct naive_event *pending)
{
        bool is_young = m->w.wall_ms - pending->retried_ms < m->w.config.pending_ttl_ms / 2;
        struct naive_facts facts = { -1, -1, -1 };
        enum naive_kind kind = model_chance(60) ? NAIVE_FAILED : NAIVE_GONE;

        if (!is_young || model_chance(40))
                facts = full_facts(m, id);
        mover_writes(m, id, any_place(m, id), kind, facts, m->w.wall_ms);
}

static void act_mover(struct model *m)
{
        int id = (int)model_draw((uint64_t)m->n_ids);
        struct naive_event state = naive_state(&m->ids[id], NULL, NULL);
        enum naive_kind kind = NAIVE_FAILED;

        if (m->ids[id].n > NAIVE_EVENTS - 8)
                return;
        if (state.kind == NAIVE_PENDING) {
                mover_answers(m, id, &state);
                return;
        }
        if (state.kind == NAIVE_FAILED && model_chance(50))
                kind = NAIVE_GONE;
        mover_writes(m, id, any_place(m, id), kind, full_facts(m, id), m->w.wall_ms);
}

/* The latest time of the identity in this partition, with what was moved there. */
static int64_t last_time_in(const struct model *m, int id, int partition)
{
        const struct world_log *log = &m->w.logs[partition];
        int64_t last = 0;

        for (int64_t i = 0; i < log->n; i++) {
                const struct world_record *r = &log->records[i];
                int64_t time_ms = r->own_time_ms != TIME_UNKNOWN ? r->own_time_ms : r->timestamp_ms;

                if (r->key != NULL && model_id_of(model_record_key(r)) == id && time_ms > last)
                        last = time_ms;
        }
        return last;
}

/* A record that was long under way, in the wrong place: it is older than what is known. */
static void act_late(struct model *m)
{
        int id = (int)model_draw((uint64_t)m->n_ids);
        struct naive *n = &m->ids[id];
        struct place place = { (int)model_draw((uint64_t)m->w.n_partitions), 0 };
        int64_t time_ms;

        if (m->takes_in || n->n == 0 || n->n > NAIVE_EVENTS - 8 ||
            place.partition == model_home(m, id) || m->tombstone_is_gone[id])
                return;
        time_ms = n->events[model_draw(n->n)].time_ms - 1;
        if (time_ms <= naive_last_in(n, place.partition) ||
            time_ms <= last_time_in(m, id, place.partition) || naive_has_time(n, time_ms))
                return;
        TELL(m, " late\n");
        m->loose[id] = true;
        mover_writes(m, id, place, model_chance(60) ? NAIVE_FAILED : NAIVE_GONE, full_facts(m, id),
                     time_ms);
}

static void act_rejected(struct model *m)
{
        int id = (int)model_draw((uint64_t)m->n_ids);
        struct place place = any_place(m, id);
        int64_t offset = world_append(&m->w, place.partition, model_key(id, place.spelling),
                                      "no JSON", -1, NULL);

        TELL(m, "  %d@%" PRId64 " rejected %d\n", place.partition, offset, id);
}

/* RETRIES */

static bool all_are_assigned(const struct model *m)
{
        for (int p = 0; p < m->w.n_partitions; p++)
                if (!m->w.assigned[p])
                        return false;
        return true;
}

static void act_retry(struct model *m)
{
        struct model_request *r = m->requests;
        bool force = model_chance(15) && all_are_assigned(m);

        while (r < m->requests + MODEL_REQUESTS && r->used)
                r++;
        if (r == m->requests + MODEL_REQUESTS)
                return;
        *r = (struct model_request){ .used = true };
        world_retry_init(&m->w, &r->retry);
        for (int id = 0; id < m->n_ids; id++) {
                if (!model_chance(50) || m->n_published[id] > MODEL_ATTEMPTS - 8 ||
                    m->ids[id].n > NAIVE_EVENTS - 16)
                        continue;
                m->counts_anew[id] |= force;
                r->ids[r->retry.req.n] = id;
                world_retry_add(&r->retry, "b", model_name(id), "v", "aws", force);
        }
        TELL(m, " retry of %zu%s\n", r->retry.req.n, force ? ", forced" : "");
        if (r->retry.req.n == 0) {
                world_retry_deinit(&r->retry);
                r->used = false;
                return;
        }
        retry_service_retry(m->w.door, &r->retry.req);
}

/* In a listing that is whole. */
static bool is_listed(struct model *m, int id)
{
        static struct world_list list;
        bool found = false;

        world_list(&m->w, &list, NULL, 0, LIMIT_PAGE_ROWS, false);
        for (size_t i = 0; i < list.n && !list.failed; i++)
                found |= str_eq_c(list.rows[i].id.key, model_name(id));
        world_list_deinit(&list);
        return found;
}

static void end_request(struct model *m, struct model_request *r)
{
        for (size_t i = 0; i < r->retry.req.n; i++) {
                const struct retry_entry *entry = &r->retry.entries[i];
                int id = r->ids[i];

                if (entry->result != RETRY_PUBLISHED)
                        continue;
                CHECK(m->published_ms[id][entry->failure->attempts] != 0);
                if (naive_state(&m->ids[id], NULL, NULL).kind == NAIVE_PENDING &&
                    m->w.config.pending_ttl_ms > 60000)
                        CHECK(!is_listed(m, id));
        }
        world_retry_deinit(&r->retry);
        r->used = false;
}

void model_end_requests(struct model *m)
{
        for (struct model_request *r = m->requests; r < m->requests + MODEL_REQUESTS; r++)
                if (r->used && r->retry.done)
                        end_request(m, r);
}

/* THE PUBLISHER */

static void act_publisher(struct model *m)
{
        static const enum publish_outcome outcomes[] = {
                PUBLISH_ABORTED, PUBLISH_ABORTED, PUBLISH_STALE,
                PUBLISH_REFUSED, PUBLISH_UNKNOWN, PUBLISH_UNKNOWN,
        };
        enum publish_outcome outcome = PUBLISH_COMMITTED;
        struct publish_batch *batch = m->w.batch;

        if (m->publisher_lost && batch == NULL) {
                TELL(m, " publisher ready\n");
                m->publisher_lost = false;
                world_publisher_ready(&m->w);
                return;
        }
        if (batch == NULL)
                return;
        if (model_chance(40))
                outcome = outcomes[model_draw(sizeof outcomes / sizeof *outcomes)];
        TELL(m, " outcome %d of %zu records\n", (int)outcome, batch->n_records);
        if (outcome == PUBLISH_REFUSED && batch->n_records > 0)
                batch->refused = model_draw(batch->n_records);
        if (outcome == PUBLISH_UNKNOWN) {
                m->publisher_lost = true;
                if (model_chance(50))
                        world_write_batch(&m->w, batch);
        }
        world_tell(&m->w, outcome);
}

static void act_reads(struct model *m)
{
        m->w.hold_reads = model_chance(30);
        m->w.read_fails = model_chance(30);
}

/* THE GROUP AND THE PROCESS */

static void act_feed(struct model *m)
{
        int p = (int)model_draw((uint64_t)m->w.n_partitions);

        m->w.feeds[p] = !m->w.feeds[p];
        TELL(m, " feed %d %d\n", p, m->w.feeds[p]);
}

static void act_group(struct model *m)
{
        int p = (int)model_draw((uint64_t)m->w.n_partitions);

        if (m->is_wild)
                return;
        TELL(m, " partition %d %s\n", p, m->w.assigned[p] ? "revoked" : "assigned");
        if (m->w.assigned[p])
                world_revoke(&m->w, p);
        else
                world_assign(&m->w, p);
}

static void act_restart(struct model *m)
{
        if (m->is_wild)
                return;
        TELL(m, " restart\n");
        m->publisher_lost = false;
        world_restart(&m->w, model_chance(50));
}

/* What is submitted stands where it belonged before; until that is read, a newer failure where it
 * belongs now knows nothing of the attempt. */
static void act_grow(struct model *m)
{
        if (m->is_wild || m->w.n_partitions >= 3)
                return;
        TELL(m, " grow to %d\n", m->w.n_partitions + 1);
        for (int id = 0; id < m->n_ids; id++)
                m->counts_anew[id] |= m->w.batch != NULL;
        world_grow(&m->w, m->w.n_partitions + 1);
}

static void act_time(struct model *m)
{
        int64_t ms = 20 * (int64_t)(1 + model_draw(model_chance(70) ? 5 : 500));

        TELL(m, " %" PRId64 " ms\n", ms);
        model_step(m, ms);
}

static void act_compact(struct model *m)
{
        int p = (int)model_draw((uint64_t)m->w.n_partitions);

        TELL(m, " compaction of %d\n", p);
        model_compact(m, p);
}

void model_act(struct model *m)
{
        static const struct {
                void (*act)(struct model *m);
                unsigned weight;
        } acts[] = {
                { act_mover, 30 },     { act_late, 5 },  { act_rejected, 2 }, { act_retry, 14 },
                { act_publisher, 20 }, { act_reads, 3 }, { act_feed, 6 },     { act_group, 3 },
                { act_restart, 3 },    { act_grow, 1 },  { act_time, 14 },    { act_compact, 6 },
        };
        unsigned at, all = 0;

        m->w.now_ms += 2; /* no two records have the same time */
        m->w.wall_ms += 2;
        model_learn(m);
        for (size_t i = 0; i < sizeof acts / sizeof *acts; i++)
                all += acts[i].weight;
        at = (unsigned)model_draw(all);
        for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
                if (at < acts[i].weight) {
                        acts[i].act(m);
                        break;
                }
                at -= acts[i].weight;
        }
        if (model_chance(80))
                model_run(m);
}
