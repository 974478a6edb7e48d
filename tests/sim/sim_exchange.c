/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_exchange.h"

#include <stdlib.h>

#include "crr/base/json_read.h"
#include "crr/core/peer_serve.h"
#include "sim_check.h"
#include "sim_peers.h"
#include "sim_proc.h"

#define MEMORY_LIMIT ((size_t)64 << 20)

struct exchange {
        struct sim *s;
        struct sim_proc *proc;
        struct arena arena;
        struct peer_serving serving;
        enum peer_question kind;
        sim_answered_fn *answered;
        void *data;
};

static void on_served(struct peer_serving *serving, struct buf *answer, const struct error *err)
{
        struct exchange *x = serving->data;
        struct sim_proc *proc = x->proc;

        if (!proc->is_dead && x->kind == PEER_RETRY)
                sim_check_retried(x->s, proc, &serving->asked.retry);
        if (!proc->is_dead && err != NULL)
                x->answered(x->data, str_from(err->message), err->code);
        else if (!proc->is_dead)
                x->answered(x->data, buf_str(answer), 0);
        proc->n_requests--;
        arena_deinit(&x->arena);
        free(x);
}

static void serve(struct exchange *x)
{
        unsigned asked_ms = x->serving.query.timeout_ms;
        int64_t timeout_ms = x->s->profile.request_timeout_ms;

        x->serving.door = x->proc->door;
        x->serving.data = x;
        x->serving.done = on_served;
        x->serving.deadline_ms =
                sim_proc_now_ms(x->proc) + (asked_ms < timeout_ms ? asked_ms : timeout_ms);
        peer_serve(&x->serving, x->kind);
}

void sim_exchange_begin(struct sim *s, struct sim_proc *proc, struct str question,
                        enum peer_question kind, sim_answered_fn *answered, void *data)
{
        struct exchange *x = calloc(1, sizeof *x);
        struct error err;

        if (x == NULL)
                abort();
        *x = (struct exchange){
                .s = s, .proc = proc, .kind = kind, .answered = answered, .data = data
        };
        arena_init(&x->arena, MEMORY_LIMIT);
        proc->n_requests++;
        peer_query_begin(&x->serving.query, &x->arena, PEER_ENTRIES_MAX);
        if (json_read(s->net->json, question, &peer_query_events, &x->serving.query, &err) != 0 ||
            peer_query_check(&x->serving.query, kind, &err) != 0)
                sim_fail(s, "a member's question is not one: %s", err.message);
        serve(x);
}
