/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_movers.h"

#include "crr/core/identity.h"
#include "sim_log.h"

#define AGAIN_MS    100
#define TRANSACTION "mover"
#define TXN_LOOK_MS 20
#define LATE_MS     5000
#define KNOWS_MS    8000 /* of a topic that has grown, at the latest */

struct mover_record {
        int identity;
        enum sim_word word;
        bool lacks;    /* what a failed retry may leave out */
        bool by_value; /* COMPLETED, not a tombstone */
};

static struct str value_of(struct sim *s, const struct mover_record *r)
{
        const struct identity *id = &s->log->identities[r->identity].id;
        const char *status = r->word == WORD_GONE ? "COMPLETED" : "FAILED";

        if (r->word == WORD_GONE && !r->by_value)
                return STR_ABSENT;
        return sim_text(s,
                        "{\"Bucket\":\"%.*s\",\"Key\":\"%.*s\",\"VersionId\":\"%.*s\","
                        "\"StorageClass\":\"%.*s\",\"ReplicationStatus\":\"%s\"%s%s}",
                        STR_ARG(id->bucket), STR_ARG(id->key), STR_ARG(id->version_id),
                        STR_ARG(id->site), status, r->lacks ? "" : ",\"Size\":7,\"Role\":\"r\"",
                        s->profile.keeps_entries && !r->lacks ? ",\"Entry\":\"e\"" : "");
}

static int partition_for(struct sim *s, int identity)
{
        int n = s->movers->n_partitions;

        if (s->profile.misplaces && !s->is_healing && sim_chance(s, 60))
                return (int)sim_below(s, (unsigned)n);
        return partition_of_key(PARTITIONER_MURMUR2, s->log->identities[identity].key, n);
}

static void write_record(struct sim *s, const struct mover_record *r, struct sim_txn *txn)
{
        struct sim_record_text text = {
                .key = s->log->identities[r->identity].key,
                .value = value_of(s, r),
                .settles = -1,
                .timestamp_ms = TIME_UNKNOWN,
        };
        int partition = partition_for(s, r->identity);

        if (s->profile.takes_in && text.value.base != NULL && sim_chance(s, 500)) {
                text.from_intake = true;
                text.timestamp_ms = SIM_WALL_START + s->now_ms;
                if (!s->is_healing && sim_chance(s, 400))
                        text.timestamp_ms -= sim_between(s, 1, LATE_MS);
        }
        if (txn != NULL)
                txn->touches[partition] = true;
        sim_log_append(s, partition, &text, txn);
}

/* p: the record. It waits for the broker. */
static void on_record_due(struct sim *s, struct sim_event *e)
{
        if (s->now_ms < s->broker_up_ms) {
                sim_in(s, AGAIN_MS, LANE_WORLD, NULL, on_record_due)->p = e->p;
                return;
        }
        s->movers->n_open--;
        write_record(s, e->p, NULL);
}

static void expect_record(struct sim *s, struct mover_record r, int64_t ms)
{
        struct mover_record *copy = sim_alloc(s, sizeof *copy);

        *copy = r;
        s->movers->n_open++;
        sim_in(s, ms, LANE_WORLD, NULL, on_record_due)->p = copy;
}

/* RETRIES */

void sim_movers_on_entry(struct sim *s, const struct sim_entry *entry)
{
        unsigned dice = sim_below(s, 100);
        struct mover_record r = { .identity = entry->identity };

        if (s->profile.loses_outcomes && !s->is_healing && dice < 8)
                return;
        r.word = dice < 55 ? WORD_FAILED : WORD_GONE;
        r.lacks = sim_chance(s, 600);
        r.by_value = sim_chance(s, 500);
        expect_record(s, r, sim_chance(s, 500) ? sim_between(s, 1, 60) : sim_between(s, 1, 3000));
}

/* FAILURES */

static struct mover_record any_record(struct sim *s)
{
        struct mover_record r = { .identity = (int)sim_below(s, (unsigned)s->log->n_identities) };

        r.word = sim_chance(s, 800) ? WORD_FAILED : WORD_GONE;
        r.by_value = sim_chance(s, 500);
        return r;
}

/* c: what is still to be written; then the end. */
static void on_transaction_goes_on(struct sim *s, struct sim_event *e)
{
        struct sim_txn *txn = e->p;
        struct sim_producer *producer = txn->producer;

        if (!sim_txn_may_write(txn, producer, producer->epoch)) {
                s->movers->n_open--; /* it timed out */
                return;
        }
        if (s->now_ms >= s->broker_up_ms && s->now_ms >= s->coordinator_up_ms) {
                struct mover_record r = any_record(s);

                if (e->c == 0) {
                        sim_txn_end(s, producer, producer->epoch, txn, sim_chance(s, 700));
                        s->movers->n_open--;
                        return;
                }
                write_record(s, &r, txn);
                e->c--;
        }
        e = sim_in(s, sim_between(s, 1, s->is_healing ? 20 : 500), LANE_WORLD, NULL,
                   on_transaction_goes_on);
        e->p = txn;
}

static void begin_transaction(struct sim *s)
{
        struct sim_producer *producer = sim_producer_of(s, STR(TRANSACTION));
        struct sim_txn *txn;
        struct sim_event *e;

        if (producer->txn != NULL || s->now_ms < s->coordinator_up_ms ||
            sim_txn_add(s, producer, producer->epoch, &txn) != ANSWER_OK)
                return;
        s->movers->n_open++;
        e = sim_in(s, 1, LANE_WORLD, NULL, on_transaction_goes_on);
        e->p = txn;
        e->c = 1 + sim_below(s, 3);
}

static void on_failure_due(struct sim *s, struct sim_event *e)
{
        struct mover_record r = any_record(s);

        (void)e;
        if (s->movers->is_stopped)
                return;
        if (s->profile.transacts && sim_chance(s, 50))
                begin_transaction(s);
        else
                expect_record(s, r, sim_latency(s));
        sim_in(s, sim_between(s, 10, 700), LANE_WORLD, NULL, on_failure_due);
}

/* LIFE */

static void on_metadata_due(struct sim *s, struct sim_event *e)
{
        (void)e;
        s->movers->n_partitions = s->log->n_partitions;
        if (!s->movers->is_stopped)
                sim_in(s, KNOWS_MS, LANE_WORLD, NULL, on_metadata_due);
}

void sim_movers_init(struct sim *s)
{
        s->movers = sim_alloc(s, sizeof *s->movers);
        s->movers->n_partitions = s->log->n_partitions;
        for (unsigned i = sim_below(s, 30); i > 0; i--) {
                struct mover_record r = any_record(s);

                write_record(s, &r, NULL);
        }
        sim_in(s, 1, LANE_WORLD, NULL, on_failure_due);
        sim_in(s, KNOWS_MS, LANE_WORLD, NULL, on_metadata_due);
}

void sim_movers_stop(struct sim *s)
{
        s->movers->is_stopped = true;
        s->movers->n_partitions = s->log->n_partitions;
}

bool sim_movers_are_done(const struct sim *s)
{
        return s->movers->n_open == 0;
}
