/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_peers.h"

#include <stdlib.h>
#include <string.h>

#include "crr/base/json_read.h"
#include "crr/core/peer_answer.h"
#include "crr/core/peer_query.h"
#include "sim_check.h"
#include "sim_exchange.h"
#include "sim_proc.h"

struct sim_call {
        struct sim *s;
        struct sim_proc *asker, *answerer;
        struct peer_call *call; /* NULL: it is over for the asker */
        struct str question, answer;
        enum error_code code;  /* of the answer; 0: it is one */
        bool is_heard;         /* the answer came */
        struct sim_note *note; /* RETRY: whose */
        struct sim_call *next;
};

static struct sim_peers *peers_of(struct peers *port)
{
        return (struct sim_peers *)port;
}

static bool is_cut(const struct sim *s, int a, int b)
{
        return s->now_ms < s->net->cut_until_ms[a][b];
}

static int64_t delay(struct sim *s, int a, int b)
{
        int64_t ms = sim_latency(s);

        if (s->now_ms < s->net->slow_until_ms[a] || s->now_ms < s->net->slow_until_ms[b])
                ms += sim_between(s, 100, 3000);
        return ms;
}

static void end(struct sim *s, struct sim_call *c)
{
        struct sim_call **at = &s->net->calls;

        while (*at != NULL && *at != c)
                at = &(*at)->next;
        if (*at != NULL)
                *at = c->next;
        if (c->call != NULL)
                c->call->work = NULL;
        c->call = NULL;
}

static void finish(struct sim *s, struct sim_call *c, enum peer_result result)
{
        struct peer_call *call = c->call;

        if (call == NULL)
                return;
        if (result == PEER_LOST || result == PEER_UNREACHED)
                error_set(&call->err, ERR_UNAVAILABLE, "%s does not answer", call->url);
        call->is_silent = result == PEER_LOST && !c->is_heard;
        end(s, c);
        call->result = result;
        sim_trace(s, "%s: %s asked of %s: %s", c->asker->name, peer_question_name(call->question),
                  call->url,
                  result == PEER_ANSWERED    ? "answered"
                  : result == PEER_NOT_MINE  ? "not its"
                  : result == PEER_REFUSED   ? "refused"
                  : result == PEER_UNREACHED ? "unreached"
                                             : "lost");
        call->done(call);
        sim_proc_wake(s, c->asker);
}

/* THE ANSWER, at the asker: as client/peer_client.c */

static enum peer_result take_answer(struct sim *s, struct sim_call *c)
{
        struct peer_call *call = c->call;

        if (c->code != 0) {
                error_set(&call->err, ERR_UNAVAILABLE, "%.*s", (int)c->answer.len, c->answer.base);
                if (c->code == ERR_MISDIRECTED)
                        return PEER_NOT_MINE;
                return c->code == ERR_GATEWAY_TIMEOUT ? PEER_LOST : PEER_REFUSED;
        }
        if (call->question == PEER_STATUS) {
                call->status = arena_str(call->arena, c->answer);
                return PEER_ANSWERED;
        }
        call->err.message[0] = '\0';
        return peer_answer_read(s->net->json, c->answer, call, &call->err) == 0 ? PEER_ANSWERED
                                                                                : PEER_LOST;
}

static void on_answer(struct sim *s, struct sim_event *e)
{
        struct sim_call *c = e->p;

        c->is_heard = true;
        if (c->call != NULL)
                finish(s, c, take_answer(s, c));
}

/* From the exchange. */
static void on_answered(void *data, struct str answer, enum error_code code)
{
        struct sim_call *c = data;
        struct sim *s = c->s;

        c->answer = sim_copy(s, answer);
        c->code = code;
        if (is_cut(s, c->asker->instance, c->answerer->instance) ||
            (!s->is_healing && sim_chance(s, s->profile.lost_permille)))
                return;
        sim_in(s, delay(s, c->asker->instance, c->answerer->instance), LANE_LOOP, c->asker,
               on_answer)
                ->p = c;
}

/* THE QUESTION */

static void on_result(struct sim *s, struct sim_event *e)
{
        finish(s, e->p, (enum peer_result)e->a);
}

static void serve(struct sim *s, struct sim_event *e)
{
        struct sim_call *c = e->p;

        if (c->call == NULL && c->note != NULL)
                c->note->was_overtaken = true;
        sim_exchange_begin(s, c->answerer, c->question, (enum peer_question)e->a, on_answered, c);
        sim_proc_wake(s, c->answerer);
}

static void question_arrives(struct sim *s, struct sim_event *e)
{
        struct sim_call *c = e->p;
        struct sim_proc *target = s->procs->of[e->b];
        struct sim_event *at_target;

        if (is_cut(s, c->asker->instance, (int)e->b))
                return;
        if (target == NULL || !sim_proc_takes_requests(target)) {
                struct sim_event *back = sim_in(s, sim_latency(s), LANE_LOOP, c->asker, on_result);

                back->a = PEER_UNREACHED;
                back->p = c;
                return;
        }
        c->answerer = target;
        at_target = sim_in(s, 0, LANE_LOOP, target, serve);
        at_target->a = e->a;
        at_target->p = c;
}

static int instance_of(const char *url)
{
        return (int)strtol(strrchr(url, '-') + 1, NULL, 10);
}

static void ask(struct peers *port, struct peer_call *call)
{
        struct sim_proc *proc = peers_of(port)->proc;
        struct sim *s = proc->s;
        struct sim_call *c = sim_alloc(s, sizeof *c);
        struct sim_event *e;
        struct buf text;
        int target = instance_of(call->url);

        buf_init(&text, SIZE_MAX);
        peer_query_write(call, &text);
        *c = (struct sim_call){ .s = s, .asker = proc, .call = call, .next = s->net->calls };
        c->question = sim_copy(s, buf_str(&text));
        buf_deinit(&text);
        if (call->question == PEER_RETRY)
                c->note = sim_check_note_of(s, &call->retry->retry_id);
        s->net->calls = c;
        call->work = c;
        e = sim_in(s, delay(s, proc->instance, target), LANE_WORLD, NULL, question_arrives);
        e->a = (int64_t)call->question;
        e->b = target;
        e->p = c;
        e = sim_in(s, call->timeout_ms, LANE_LOOP, proc, on_result);
        e->a = PEER_LOST;
        e->p = c;
}

static void cancel(struct peers *port, struct peer_call *call)
{
        struct sim_call *c = call->work;

        call->result = PEER_LOST; /* it may be on its way */
        if (c != NULL)
                end(peers_of(port)->proc->s, c);
}

/* LIFE */

void sim_net_on_death(struct sim *s, struct sim_proc *proc)
{
        for (struct sim_call *c = s->net->calls; c != NULL; c = c->next) {
                struct sim_event *e;

                if (c->answerer != proc || c->asker == proc)
                        continue;
                e = sim_in(s, sim_latency(s), LANE_LOOP, c->asker, on_result);
                e->a = PEER_LOST;
                e->p = c;
        }
}

void sim_peers_fail(struct sim *s, struct sim_proc *proc)
{
        struct sim_call *c = s->net->calls;

        while (c != NULL) {
                if (c->asker != proc) {
                        c = c->next;
                        continue;
                }
                finish(s, c, PEER_LOST);
                c = s->net->calls; /* done() may ask and cancel */
        }
}

void sim_peers_init(struct sim_proc *proc)
{
        proc->peers = sim_alloc(proc->s, sizeof *proc->peers);
        *proc->peers = (struct sim_peers){ .port = { ask, cancel }, .proc = proc };
}

void sim_net_init(struct sim *s)
{
        s->net = sim_alloc(s, sizeof *s->net);
        s->net->json = json_reader_new(16);
}

void sim_net_deinit(struct sim *s)
{
        json_reader_free(s->net->json);
}
