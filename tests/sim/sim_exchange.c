/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_exchange.h"

#include <stdlib.h>

#include "crr/base/json_read.h"
#include "crr/core/peer_answer.h"
#include "crr/core/peer_query.h"
#include "sim_check.h"
#include "sim_peers.h"
#include "sim_proc.h"

#define MEMORY_LIMIT ((size_t)64 << 20)

struct exchange {
        struct sim *s;
        struct sim_proc *proc;
        struct arena arena;
        struct peer_query query;
        struct buf rows;
        union {
                struct list_request list;
                struct get_request get;
                struct retry_request retry;
        } door;
        sim_answered_fn *answered;
        void *data;
};

static void answer(struct exchange *x, struct str text, enum error_code code)
{
        if (!x->proc->is_dead)
                x->answered(x->data, text, code);
        x->proc->n_requests--;
        buf_deinit(&x->rows);
        arena_deinit(&x->arena);
        free(x);
}

static void fail(struct exchange *x, const struct error *err)
{
        answer(x, str_from(err->message), err->code);
}

static void answer_rows(struct exchange *x, const struct error *err, uint64_t known_below,
                        const struct coverage *coverage)
{
        struct buf out;

        if (err != NULL) {
                fail(x, err);
                return;
        }
        buf_init(&out, SIZE_MAX);
        peer_answer_write_page(&out, buf_str(&x->rows), known_below, &coverage->missing);
        answer(x, buf_str(&out), 0);
        buf_deinit(&out);
}

static struct local_scope scope_of(const struct peer_query *q)
{
        return (struct local_scope){
                .is_local = true,
                .only = q->partitions,
                .n_partitions = q->n_partitions,
        };
}

/* PAGES */

static void page_on_row(struct list_request *door, const struct failure *f)
{
        struct exchange *x = door->data;

        peer_answer_write_row(&x->rows, f);
}

static void page_on_done(struct list_request *door, const struct error *err)
{
        answer_rows(door->data, err, door->truncated ? door->next_marker : UINT64_MAX,
                    &door->coverage);
}

static void ask_page(struct exchange *x)
{
        x->door.list = (struct list_request){
                .data = x,
                .site = x->query.site,
                .marker = x->query.marker,
                .max_rows = x->query.max_rows,
                .partial = true,
                .arena = &x->arena,
                .scope = scope_of(&x->query),
                .row = page_on_row,
                .done = page_on_done,
        };
        retry_service_list(x->proc->door, &x->door.list);
}

/* OBJECTS */

static void find_on_row(struct get_request *door, const struct failure *f)
{
        struct exchange *x = door->data;

        peer_answer_write_row(&x->rows, f);
}

static void find_on_done(struct get_request *door, const struct error *err)
{
        answer_rows(door->data, err, UINT64_MAX, &door->coverage);
}

static void ask_find(struct exchange *x)
{
        x->door.get = (struct get_request){
                .data = x,
                .bucket = x->query.bucket,
                .key = x->query.key,
                .version_id = x->query.version_id,
                .partial = true,
                .arena = &x->arena,
                .scope = scope_of(&x->query),
                .row = find_on_row,
                .done = find_on_done,
        };
        retry_service_get(x->proc->door, &x->door.get);
}

/* RETRIES */

static void retry_on_done(struct retry_request *door, const struct error *err)
{
        struct exchange *x = door->data;
        struct buf out;

        if (!x->proc->is_dead)
                sim_check_retried(x->s, x->proc, door);
        if (err != NULL && !peer_answer_has_results(door->entries, door->n)) {
                fail(x, err);
                return;
        }
        buf_init(&out, SIZE_MAX);
        peer_answer_write_results(&out, door->entries, door->n, err != NULL ? &door->cause : NULL);
        answer(x, buf_str(&out), 0);
        buf_deinit(&out);
}

static void ask_retry(struct exchange *x)
{
        struct peer_query *q = &x->query;
        int64_t now_ms = sim_proc_now_ms(x->proc);
        int64_t timeout_ms = x->s->profile.request_timeout_ms;

        x->door.retry = (struct retry_request){
                .data = x,
                .entries = q->entries,
                .n = q->n_entries,
                .retry_id = q->retry_id,
                .has_idempotency_key = q->has_idempotency_key,
                .traceparent = q->traceparent,
                .deadline_ms = now_ms + (q->timeout_ms < timeout_ms ? q->timeout_ms : timeout_ms),
                .arena = &x->arena,
                .scope = { .is_local = true, .n_partitions = q->n_partitions },
                .again = q->again,
                .done = retry_on_done,
        };
        retry_service_retry(x->proc->door, &x->door.retry);
}

static void answer_status(struct exchange *x)
{
        struct buf out;

        buf_init(&out, SIZE_MAX);
        retry_service_write_status(x->proc->door, &out);
        answer(x, buf_str(&out), 0);
        buf_deinit(&out);
}

static void put_to_the_door(struct exchange *x, enum peer_question kind)
{
        switch (kind) {
        case PEER_PAGE:
                ask_page(x);
                break;
        case PEER_FIND:
                ask_find(x);
                break;
        case PEER_RETRY:
                ask_retry(x);
                break;
        case PEER_STATUS:
                answer_status(x);
                break;
        }
}

void sim_exchange_begin(struct sim *s, struct sim_proc *proc, struct str question,
                        enum peer_question kind, sim_answered_fn *answered, void *data)
{
        struct exchange *x = calloc(1, sizeof *x);
        struct error err;

        if (x == NULL)
                abort();
        *x = (struct exchange){ .s = s, .proc = proc, .answered = answered, .data = data };
        arena_init(&x->arena, MEMORY_LIMIT);
        buf_init(&x->rows, SIZE_MAX);
        proc->n_requests++;
        peer_query_begin(&x->query, &x->arena, PEER_ENTRIES_MAX);
        if (json_read(s->net->json, question, &peer_query_events, &x->query, &err) != 0 ||
            peer_query_check(&x->query, kind, &err) != 0)
                sim_fail(s, "a member's question is not one: %s", err.message);
        put_to_the_door(x, kind);
}
