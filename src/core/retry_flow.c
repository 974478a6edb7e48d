/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: every entry is placed, checked and joined to an outgoing retry; the
 * transactions commit; the request is done.
 *
 * Possible failures:
 *  - an entry's partition is not known: 503 before anything is published, unless the request takes
 *    partial answers;
 *  - a retry fails or is refused: the entries of the others are committed all the same, the answer
 *    is 503 and says how many; a repeat publishes the rest;
 *  - the record of an entry changes before its transaction begins: the entry is checked again;
 *  - the deadline comes first: what is not submitted is taken back (503); if the outcome of
 *    anything is open, 504.
 */
#include "retry_flow.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "member_private.h"
#include "retry_work.h"

#define QUEUED_BYTES_LIMIT (256u << 20)

void retry_flow_init(struct retry_flow *f, struct member *member)
{
        *f = (struct retry_flow){ .member = member,
                                  .deadline_ms = INT64_MAX,
                                  .asked_ms = INT64_MIN / 2 };
}

/* PLACING */

static bool is_duplicate(struct retry_work *w, size_t i)
{
        struct retry_entry *entries = w->req->entries;

        for (size_t slot = w->waiters[i].hash & w->seen_mask;; slot = (slot + 1) & w->seen_mask) {
                uint32_t other = w->seen[slot];

                if (other == 0) {
                        w->seen[slot] = (uint32_t)i + 1;
                        return false;
                }
                if (w->waiters[other - 1].hash == w->waiters[i].hash &&
                    identity_eq(&entries[other - 1].id, &entries[i].id)) {
                        entries[other - 1].force |= entries[i].force;
                        return true;
                }
        }
}

/* Without a topic there is none to name. */
static void miss(struct retry_work *w, size_t i)
{
        if (w->waiters[i].home >= 0)
                partition_set_add(&w->req->coverage.missing, w->waiters[i].home);
}

static void place(struct retry_work *w, size_t i)
{
        struct member *m = w->flow->member;
        struct retry_entry *entry = &w->req->entries[i];

        w->waiters[i] = (struct retry_waiter){
                .work = w,
                .hash = identity_hash(&m->config.hash_key, &entry->id),
        };
        if (is_duplicate(w, i)) {
                entry->result = RETRY_SKIPPED;
                return;
        }
        w->waiters[i].home = member_home_of(m, &entry->id);
        if (w->waiters[i].home < 0 || member_answers_for(m, w->waiters[i].home))
                return;
        miss(w, i);
        if (partition_state(&m->partitions[w->waiters[i].home]) == PARTITION_ABSENT)
                w->misdirected = w->req->scope.is_local;
}

/* CHECKING */

/* The identity is the request's own, which lives as long: only what was not in it is copied. */
static bool give_failure(struct retry_work *w, size_t i, const struct failure *facts)
{
        struct retry_request *req = w->req;
        struct failure *copy = arena_alloc(req->arena, sizeof *copy);
        struct failure lean = *facts;
        struct error err;

        lean.id = (struct identity){ 0 };
        if (copy != NULL && failure_copy(copy, &lean, req->arena)) {
                copy->id = req->entries[i].id;
                copy->state = FAILURE_PENDING;
                req->entries[i].failure = copy;
                return true;
        }
        error_set(&err, ERR_UNAVAILABLE, "the request's memory is used up, send fewer entries");
        retry_work_fail_entry(w, i, &err);
        return false;
}

static void publish_known(struct retry_work *w, size_t i, const struct failure *facts)
{
        if (!give_failure(w, i, facts))
                return;
        w->req->entries[i].result = RETRY_PUBLISHED;
}

static void join(struct retry_work *w, size_t i, struct outgoing *o)
{
        struct retry_waiter *waiter = &w->waiters[i];

        if (!give_failure(w, i, &o->failure))
                return;
        waiter->on = o;
        waiter->prev = NULL;
        waiter->next = o->waiters;
        if (o->waiters != NULL)
                o->waiters->prev = waiter;
        o->waiters = waiter;
        w->waiting++;
        if (w->req->entries[i].force && !o->force)
                metadata_fetch_force(&w->flow->member->metadata, o);
}

static bool has_room(struct retry_work *w, size_t i)
{
        const struct batcher *b = &w->flow->member->batcher;
        struct error err;

        if (w->flow->member->retries.n < LIMIT_QUEUED_ENTRIES &&
            b->retries.bytes < QUEUED_BYTES_LIMIT)
                return true;
        error_set(&err, ERR_UNAVAILABLE, "%zu retries wait for their transactions already",
                  batcher_queued(b));
        retry_work_fail_entry(w, i, &err);
        return false;
}

/* To what it needs first. Its Entry and its metadata are fetched at the same time. */
static void send_on(struct member *m, struct outgoing *o)
{
        bool wants_metadata = m->config.payload == RETRY_PAYLOAD_BACKBEAT;

        if (o->wants_entry)
                entry_fetch_add(&m->fetch, o);
        else if (wants_metadata)
                outgoing_move(o, OUTGOING_READING);
        else
                batcher_queue(&m->batcher, o);
        if (wants_metadata)
                metadata_fetch_add(&m->metadata, o);
}

/* A new retry of what the table knows (or, forced, of an identity that it does not know). */
static void begin(struct retry_work *w, size_t i, const struct failure *known)
{
        struct member *m = w->flow->member;
        struct retry_request *req = w->req;
        struct failure f = { .id = req->entries[i].id,
                             .size = -1,
                             .attempts = -1,
                             .last_modified_ms = TIME_UNKNOWN,
                             .failed_at_ms = TIME_UNKNOWN,
                             .timestamp_ms = TIME_UNKNOWN,
                             .entry_offset = -1 };
        struct outgoing *o;

        if (known != NULL)
                f = *known;
        if (m->config.payload == RETRY_PAYLOAD_ENTRY && f.entry_offset < 0) {
                retry_work_skip_entry(w, i, "no_entry");
                return;
        }
        if (!has_room(w, i))
                return;
        f.state = FAILURE_PENDING;
        f.attempts = f.attempts < 0 ? 1 : f.attempts + (f.attempts < LIMIT_ATTEMPTS);
        f.retry_id = req->retry_id;
        f.unsettled = f.foreign_key = f.repeated = f.superseded = false;
        f.covered_to = f.spelling = 0;
        f.partition = w->waiters[i].home;
        o = outgoing_new(OUTGOING_RETRY, &f, req->traceparent);
        o->stands = known == NULL ? -1 : known->offset;
        o->settles_partition = known == NULL ? f.partition : known->partition;
        o->n_partitions = m->n_partitions;
        o->wants_entry = f.entry_offset >= 0;
        o->force = req->entries[i].force;
        outgoing_map_add_hash(&m->retries, o, w->waiters[i].hash);
        send_on(m, o);
        join(w, i, o);
}

/* Without a key the id is of this one request: whoever has it was published by it, by a question
 * whose answer was lost or that was overtaken by its repetition. */
static bool was_asked_before(const struct retry_request *req)
{
        return req->again || !req->has_idempotency_key;
}

static void check_known(struct retry_work *w, size_t i, struct failure_key *key)
{
        struct member *m = w->flow->member;
        struct retry_request *req = w->req;
        struct failure known;
        bool found = failure_table_get_keyed(m->table, key, &known);
        bool is_ours = found && uuid_eq(&known.retry_id, &req->retry_id);

        if (is_ours && (known.state == FAILURE_PENDING || was_asked_before(req)))
                publish_known(w, i, &known);
        else if (found && (known.state == FAILURE_FAILED || req->entries[i].force))
                begin(w, i, &known);
        else if (!found && req->entries[i].force)
                begin(w, i, NULL);
        else
                retry_work_skip_entry(w, i, "not_failed");
}

static void check(struct retry_work *w, size_t i, struct failure_key *key)
{
        struct member *m = w->flow->member;
        struct retry_entry *entry = &w->req->entries[i];
        struct outgoing *o;
        struct error err;

        if (entry->result == RETRY_SKIPPED)
                return;
        if (w->n_partitions != m->n_partitions && m->n_partitions > 0) /* it waited over a growth */
                w->waiters[i].home = member_home_of(m, &entry->id);
        if (!member_answers_for(m, w->waiters[i].home)) {
                miss(w, i);
                if (w->req->partial) {
                        retry_work_skip_entry(w, i, "partition_unknown");
                        return;
                }
                error_set(&err, ERR_UNAVAILABLE, "partition %d is not known any more",
                          w->waiters[i].home);
                retry_work_fail_entry(w, i, &err);
                return;
        }
        o = overlay_find_hash(m, &entry->id, w->waiters[i].hash);
        if (o != NULL && outgoing_state(o) == OUTGOING_COMMITTED)
                publish_known(w, i, &o->failure);
        else if (o != NULL)
                join(w, i, o);
        else
                check_known(w, i, key);
}

/* Some in a row, looked up all at once, so that the memory of each is on its way while the others
 * are worked on. */
static void check_some(struct retry_work *w, size_t from, size_t to)
{
        struct member *m = w->flow->member;
        struct identity ids[FAILURE_TABLE_BATCH];

        assert(from < to && to - from <= FAILURE_TABLE_BATCH);
        for (size_t i = from; i < to; i++) {
                ids[i - from] = w->req->entries[i].id;
                outgoing_map_fetch_place(&m->retries, w->waiters[i].hash);
        }
        failure_table_prefetch(m->table, ids, to - from, m->keys);
        for (size_t i = from; i < to; i++)
                outgoing_map_fetch_first(&m->retries, w->waiters[i].hash);
        for (size_t i = from; i < to; i++)
                check(w, i, &m->keys[i - from]);
}

static void check_again(struct retry_work *w)
{
        for (size_t i = 0; i < w->req->n && w->again > 0; i++) {
                if (!w->waiters[i].again)
                        continue;
                w->waiters[i].again = false;
                w->again--;
                check_some(w, i, i + 1);
        }
}

/* WORK */

static void place_some(struct retry_work *w, size_t from, size_t to)
{
        for (size_t i = from; i < to; i++)
                place(w, i);
}

/* At most `most` entries; true when the phase is over. */
static bool do_slice(struct retry_work *w,
                     void (*some)(struct retry_work *w, size_t from, size_t to), size_t most)
{
        size_t end = w->req->n - w->cursor < most ? w->req->n : w->cursor + most;

        while (w->cursor < end) {
                size_t from = w->cursor, left = end - from;

                w->cursor += left < FAILURE_TABLE_BATCH ? left : FAILURE_TABLE_BATCH;
                some(w, from, w->cursor);
        }
        if (w->cursor < w->req->n)
                return false;
        w->cursor = 0;
        return true;
}

static void end_placing(struct retry_work *w)
{
        struct retry_request *req = w->req;
        struct member *m = w->flow->member;
        struct error err;

        w->phase = PHASE_CHECKING;
        req->coverage.partitions = m->n_partitions;
        if (m->n_partitions > 0 && (req->partial || coverage_is_whole(&req->coverage)))
                return;
        if (w->misdirected)
                error_set(&err, ERR_MISDIRECTED, "another member owns what is asked for");
        else
                error_set(&err, ERR_UNAVAILABLE,
                          "failures of partitions that are needed are not known");
        retry_work_unlink(w);
        req->retry_after_s = 1;
        req->done(req, &err);
}

static bool has_work(const struct retry_work *w)
{
        return w->phase != PHASE_WAITING || w->again > 0;
}

static void work_on(struct retry_work *w, size_t most)
{
        if (w->again > 0) {
                check_again(w);
        } else if (w->phase == PHASE_PLACING) {
                if (do_slice(w, place_some, most)) {
                        end_placing(w);
                        return; /* perhaps it is gone */
                }
        } else if (w->phase == PHASE_CHECKING && do_slice(w, check_some, most)) {
                w->phase = PHASE_WAITING;
        }
        if (!has_work(w))
                retry_work_move(w, &w->flow->waiting);
        retry_work_finish_if_complete(w);
}

bool retry_flow_has_work(const struct retry_flow *f)
{
        return f->busy.head != NULL;
}

void retry_flow_on_asked(struct retry_flow *f)
{
        f->asked_ms = f->member->now_ms;
}

static size_t turns_share(const struct retry_flow *f)
{
        bool is_shared = f->member->now_ms < f->asked_ms + RETRY_FLOW_ASKED_MS;

        return is_shared ? RETRY_FLOW_SHARED_ENTRIES : LIMIT_RETRY_ENTRIES;
}

void retry_flow_work(struct retry_flow *f)
{
        size_t budget = turns_share(f);

        while (budget > 0 && f->busy.head != NULL) {
                struct retry_work *w = f->busy.head;
                size_t left = w->req->n - w->cursor, most = left < budget ? left : budget;

                retry_work_move(w, &f->busy);
                work_on(w, most);
                budget -= most;
        }
}

size_t retry_flow_requests(const struct retry_flow *f)
{
        return f->busy.n + f->waiting.n;
}

void retry_flow_add(struct retry_flow *f, struct retry_request *req)
{
        struct retry_work *w = arena_alloc(req->arena, sizeof *w);
        size_t slots = 16;
        struct error err;

        while (slots < 2 * req->n)
                slots *= 2;
        if (w != NULL) {
                *w = (struct retry_work){ .flow = f,
                                          .req = req,
                                          .n_partitions = f->member->n_partitions,
                                          .seen_mask = slots - 1 };
                w->waiters = arena_room(req->arena, req->n, sizeof *w->waiters);
                w->seen = arena_array(req->arena, slots, sizeof *w->seen);
        }
        if (w == NULL || w->waiters == NULL || w->seen == NULL) {
                error_set(&err, ERR_TOO_LARGE, "the request needs too much memory");
                req->done(req, &err);
                return;
        }
        if (req->deadline_ms < f->deadline_ms)
                f->deadline_ms = req->deadline_ms;
        retry_work_move(w, &f->busy);
}
