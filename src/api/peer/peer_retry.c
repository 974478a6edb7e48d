/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: the entries are ours; they are retried; each one's result is told.
 *
 * Possible failures: some fail or their outcome is not known: the answer is 200 all the same and
 * says which, because the asker has to know each. What is refused as a whole is an error: nothing
 * was done then.
 */
#include "answer.h"
#include "crr/base/time.h"
#include "peer.h"

/* What is committed must be told: above any answer that PEER_ENTRIES_MAX entries can have. */
#define RESULTS_LIMIT ((size_t)64 * 1024 * 1024)

static void retry_on_done(struct retry_request *door, const struct error *err)
{
        struct peer_exchange *x = door->data;
        struct buf out;

        if (err != NULL && !peer_answer_has_results(door->entries, door->n)) {
                peer_exchange_fail(x, err);
                return;
        }
        buf_init(&out, RESULTS_LIMIT);
        peer_answer_write_results(&out, door->entries, door->n, err != NULL ? &door->cause : NULL);
        answer_ok(x->req, &out);
}

void peer_ask_retry(struct peer_exchange *x)
{
        struct peer_query *q = &x->query;
        int64_t deadline_ms = time_monotonic_ms() + q->timeout_ms;

        x->door.retry = (struct retry_request){
                .data = x,
                .entries = q->entries,
                .n = q->n_entries,
                .retry_id = q->retry_id,
                .has_idempotency_key = q->has_idempotency_key,
                .traceparent = q->traceparent,
                .deadline_ms =
                        deadline_ms < x->req->deadline_ms ? deadline_ms : x->req->deadline_ms,
                .arena = &x->req->arena,
                .scope = { .is_local = true, .n_partitions = q->n_partitions },
                .again = q->again,
                .done = retry_on_done,
        };
        retry_service_retry(x->api->door, &x->door.retry);
}
