/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_txn.h"

#include <assert.h>

#include "sim_check.h"
#include "sim_movers.h"

void sim_txns_init(struct sim *s)
{
        s->txns = sim_alloc(s, sizeof *s->txns);
}

struct sim_producer *sim_producer_of(struct sim *s, struct str id)
{
        struct sim_producer *producer = s->txns->producers;

        while (producer != NULL && !str_eq(producer->id, id))
                producer = producer->next;
        if (producer != NULL)
                return producer;
        producer = sim_alloc(s, sizeof *producer);
        producer->id = sim_copy(s, id);
        producer->next = s->txns->producers;
        s->txns->producers = producer;
        return producer;
}

/* THE END OF A TRANSACTION */

static int64_t marker_delay(struct sim *s)
{
        if (s->is_healing || !sim_chance(s, s->profile.slow_permille))
                return sim_between(s, 0, 8);
        return sim_between(s, 10, 5000);
}

static void one_marker_written(struct sim *s, struct sim_txn *txn)
{
        if (--txn->markers_left > 0)
                return;
        txn->state = TXN_OVER;
        txn->producer->txn = NULL;
        sim_trace(s, "txn of %.*s is over", STR_ARG(txn->producer->id));
}

static void commit_offsets(struct sim *s, struct sim_txn *txn)
{
        for (int p = 0; p < SIM_OFFSETS; p++)
                if (txn->commits && txn->offsets[p].is_there)
                        s->txns->committed[p] = txn->offsets[p];
        txn->has_offsets = false;
}

static void expect_marker(struct sim *s, struct sim_txn *txn, int partition, int64_t at_ms);

static void write_marker(struct sim *s, struct sim_event *e)
{
        struct sim_txn *txn = e->p;
        int partition = (int)e->a;
        int64_t up_ms = partition >= 0 ? s->broker_up_ms : s->coordinator_up_ms;

        if (s->now_ms < up_ms) {
                expect_marker(s, txn, partition, up_ms + sim_between(s, 1, 300));
                return;
        }
        if (partition >= 0)
                sim_log_mark(s, partition, txn, txn->commits);
        else
                commit_offsets(s, txn);
        one_marker_written(s, txn);
}

/* partition -1: that of the offsets. */
static void expect_marker(struct sim *s, struct sim_txn *txn, int partition, int64_t at_ms)
{
        struct sim_event *e = sim_at(s, at_ms, LANE_WORLD, NULL, write_marker);

        e->a = partition;
        e->p = txn;
}

static void end(struct sim *s, struct sim_txn *txn, bool commit)
{
        txn->state = TXN_ENDING;
        txn->commits = commit;
        sim_trace(s, "txn of %.*s: %s", STR_ARG(txn->producer->id), commit ? "commits" : "aborts");
        for (int p = -1; p < SIM_PARTITIONS; p++) {
                if (p >= 0 && !txn->touches[p])
                        continue;
                txn->markers_left++;
                expect_marker(s, txn, p, s->now_ms + marker_delay(s));
        }
        for (struct sim_entry *entry = txn->entries; commit && entry != NULL; entry = entry->next) {
                sim_check_published(s, entry);
                sim_movers_on_entry(s, entry);
        }
}

enum sim_answer sim_txn_init(struct sim *s, struct sim_producer *producer, int *ret_epoch)
{
        if (producer->txn != NULL) {
                if (producer->txn->state == TXN_ONGOING) {
                        producer->epoch++;
                        end(s, producer->txn, false);
                }
                return ANSWER_CONCURRENT;
        }
        *ret_epoch = ++producer->epoch;
        return ANSWER_OK;
}

void sim_txns_expire(struct sim *s)
{
        for (struct sim_producer *p = s->txns->producers; p != NULL; p = p->next) {
                if (p->txn == NULL || p->txn->state != TXN_ONGOING ||
                    s->now_ms < p->txn->began_ms + s->profile.transaction_timeout_ms)
                        continue;
                sim_trace(s, "txn of %.*s times out", STR_ARG(p->id));
                p->epoch++;
                end(s, p->txn, false);
        }
}

/* ITS LIFE */

enum sim_answer sim_txn_add(struct sim *s, struct sim_producer *producer, int epoch,
                            struct sim_txn **ret)
{
        struct sim_txn *txn = producer->txn;

        if (epoch != producer->epoch)
                return ANSWER_FENCED;
        if (txn != NULL && txn->state == TXN_ENDING)
                return ANSWER_CONCURRENT;
        if (txn == NULL) {
                txn = producer->txn = sim_alloc(s, sizeof *txn);
                txn->producer = producer;
                txn->began_ms = s->now_ms;
        }
        *ret = txn;
        return ANSWER_OK;
}

void sim_txn_set_offset(struct sim *s, struct sim_txn *txn, int partition, int64_t offset,
                        struct str metadata)
{
        (void)s;
        txn->has_offsets = true;
        txn->offsets[partition] = (struct sim_commit){ true, offset, metadata };
}

bool sim_txn_may_write(const struct sim_txn *txn, const struct sim_producer *producer, int epoch)
{
        return epoch == producer->epoch && producer->txn == txn && txn->state == TXN_ONGOING;
}

enum sim_answer sim_txn_end(struct sim *s, struct sim_producer *producer, int epoch,
                            struct sim_txn *txn, bool commit)
{
        if (epoch != producer->epoch)
                return ANSWER_FENCED;
        if (txn == NULL || txn->state == TXN_OVER)
                return ANSWER_OK;
        if (txn->state == TXN_ENDING)
                return txn->commits == commit ? ANSWER_OK : ANSWER_FENCED;
        end(s, txn, commit);
        return ANSWER_OK;
}

/* QUESTIONS */

bool sim_offsets_are_stable(const struct sim *s, int partition)
{
        for (const struct sim_producer *p = s->txns->producers; p != NULL; p = p->next)
                if (p->txn != NULL && p->txn->has_offsets && p->txn->offsets[partition].is_there)
                        return false;
        return true;
}

const struct sim_txn *sim_txn_open_on(const struct sim *s, int partition, struct str not_of)
{
        for (const struct sim_producer *p = s->txns->producers; p != NULL; p = p->next)
                if (p->txn != NULL && !str_eq(p->id, not_of) && p->txn->state == TXN_ONGOING &&
                    p->txn->offsets[partition].is_there)
                        return p->txn;
        return NULL;
}
