/* SPDX-License-Identifier: Apache-2.0 */
/* How the entries of a retry request end, each and all together. */
#include "retry_work.h"

#include "member_private.h"

void retry_work_unlink(struct retry_work *w)
{
        struct retry_list *l = w->list;

        if (w->prev != NULL)
                w->prev->next = w->next;
        else
                l->head = w->next;
        if (w->next != NULL)
                w->next->prev = w->prev;
        else
                l->tail = w->prev;
        l->n--;
        w->list = NULL;
}

void retry_work_move(struct retry_work *w, struct retry_list *list)
{
        if (w->list != NULL)
                retry_work_unlink(w);
        w->list = list;
        w->next = NULL;
        w->prev = list->tail;
        if (list->tail != NULL)
                list->tail->next = w;
        else
                list->head = w;
        list->tail = w;
        list->n++;
}

bool retry_outcome(const struct retry_request *req, struct error *err)
{
        size_t n[RETRY_UNKNOWN + 1] = { 0 }, wanted;

        for (size_t i = 0; i < req->n; i++)
                n[req->entries[i].result]++;
        wanted = n[RETRY_PUBLISHED] + n[RETRY_FAILED] + n[RETRY_UNKNOWN];
        if (n[RETRY_UNKNOWN] > 0)
                error_set(
                        err, ERR_GATEWAY_TIMEOUT,
                        "the outcome of %zu entries is not known yet, each is either still listed "
                        "or PENDING and a repeat is safe; %zu of %zu committed",
                        n[RETRY_UNKNOWN], n[RETRY_PUBLISHED], wanted);
        else if (n[RETRY_FAILED] > 0)
                error_set(err, ERR_UNAVAILABLE, "%s; %zu of %zu committed", req->cause.message,
                          n[RETRY_PUBLISHED], wanted);
        return n[RETRY_UNKNOWN] + n[RETRY_FAILED] > 0;
}

/* The request may be freed by done(): its work with it. */
static void finish(struct retry_work *w)
{
        struct retry_request *req = w->req;
        struct error err;
        bool failed;

        retry_work_unlink(w);
        w->flow->answered++;
        req->cause = w->err;
        failed = retry_outcome(req, &err);
        if (failed && req->retry_after_s == 0)
                req->retry_after_s = 1;
        req->done(req, failed ? &err : NULL);
}

void retry_work_finish_if_complete(struct retry_work *w)
{
        if (w->phase == PHASE_WAITING && w->waiting == 0 && w->again == 0)
                finish(w);
}

void retry_work_fail_entry(struct retry_work *w, size_t i, const struct error *err)
{
        w->req->entries[i].result = RETRY_FAILED;
        if (!w->has_failed)
                w->err = *err;
        w->has_failed = true;
}

void retry_work_skip_entry(struct retry_work *w, size_t i, const char *cause)
{
        w->req->entries[i].result = RETRY_SKIPPED;
        metrics_add(w->flow->member->metrics, METRIC_RETRIES_SKIPPED_TOTAL, LABELS_1(cause), 1);
}

/* OUTCOMES */

static struct retry_waiter *leave_first(struct outgoing *o)
{
        struct retry_waiter *waiter = o->waiters;

        if (waiter == NULL)
                return NULL;
        o->waiters = waiter->next;
        if (o->waiters != NULL)
                o->waiters->prev = NULL;
        waiter->on = NULL;
        waiter->prev = waiter->next = NULL;
        waiter->work->waiting--;
        return waiter;
}

static size_t index_of(const struct retry_waiter *waiter)
{
        return (size_t)(waiter - waiter->work->waiters);
}

void retry_flow_on_committed(struct retry_flow *f, struct outgoing *o)
{
        struct retry_waiter *waiter;

        (void)f;
        while ((waiter = leave_first(o)) != NULL) {
                struct retry_work *w = waiter->work;

                w->req->entries[index_of(waiter)].result = RETRY_PUBLISHED;
                retry_work_finish_if_complete(w);
        }
}

void retry_flow_on_failed(struct retry_flow *f, struct outgoing *o, const struct error *err)
{
        struct retry_waiter *waiter;

        (void)f;
        while ((waiter = leave_first(o)) != NULL) {
                struct retry_work *w = waiter->work;

                retry_work_fail_entry(w, index_of(waiter), err);
                retry_work_finish_if_complete(w);
        }
}

void retry_flow_on_unknown(struct retry_flow *f, struct outgoing *o)
{
        struct retry_waiter *waiter;

        (void)f;
        while ((waiter = leave_first(o)) != NULL) {
                struct retry_work *w = waiter->work;

                w->req->entries[index_of(waiter)].result = RETRY_UNKNOWN;
                retry_work_finish_if_complete(w);
        }
}

void retry_flow_on_skipped(struct retry_flow *f, struct outgoing *o, const char *cause)
{
        struct retry_waiter *waiter;

        (void)f;
        while ((waiter = leave_first(o)) != NULL) {
                struct retry_work *w = waiter->work;

                retry_work_skip_entry(w, index_of(waiter), cause);
                retry_work_finish_if_complete(w);
        }
}

void retry_flow_on_stale(struct retry_flow *f, struct outgoing *o)
{
        struct retry_waiter *waiter;

        while ((waiter = leave_first(o)) != NULL) {
                struct retry_work *w = waiter->work;

                waiter->again = true;
                if (w->again++ == 0 && w->list != &f->busy)
                        retry_work_move(w, &f->busy);
        }
}

/* DEADLINES */

static void leave(struct retry_waiter *waiter)
{
        struct outgoing *o = waiter->on;

        if (waiter->prev != NULL)
                waiter->prev->next = waiter->next;
        else
                o->waiters = waiter->next;
        if (waiter->next != NULL)
                waiter->next->prev = waiter->prev;
        waiter->on = NULL;
        waiter->work->waiting--;
}

static bool may_be_written(const struct outgoing *o)
{
        enum outgoing_state state = outgoing_state(o);

        return state == OUTGOING_SUBMITTED || state == OUTGOING_UNKNOWN;
}

static bool waits_for_source(const struct retry_work *w)
{
        if (w->phase == PHASE_PLACING)
                return false;
        for (size_t i = 0; i < w->req->n; i++)
                if (w->waiters[i].on != NULL && w->waiters[i].on->object != NULL)
                        return true;
        return false;
}

static const char *why_late(const struct retry_work *w)
{
        if (!w->flow->member->batcher.publisher_ready)
                return "Kafka takes no transactions now";
        return waits_for_source(w) ? "the source did not tell the objects' metadata in time"
                                   : "the transactions did not begin in time";
}

static bool is_forced(const struct outgoing *o)
{
        for (const struct retry_waiter *waiter = o->waiters; waiter != NULL; waiter = waiter->next)
                if (waiter->work->req->entries[index_of(waiter)].force)
                        return true;
        return false;
}

/* Others may wait for it as well. */
static void take_back(struct retry_work *w, size_t i, const struct error *err)
{
        struct member *m = w->flow->member;
        struct outgoing *o = w->waiters[i].on;
        struct error why = *err;

        leave(&w->waiters[i]);
        if (may_be_written(o)) {
                w->req->entries[i].result = RETRY_UNKNOWN;
                return;
        }
        retry_work_fail_entry(w, i, err);
        if (o->waiters == NULL)
                member_outgoing_end(m, o, END_FAILED, &why);
        else if (o->force && !is_forced(o))
                metadata_fetch_unforce(&m->metadata, o);
}

static void fail_waiting(struct retry_work *w, const struct error *err)
{
        for (size_t i = 0; i < w->req->n; i++)
                if (w->req->entries[i].result == RETRY_WAITING)
                        retry_work_fail_entry(w, i, err);
}

/* Entries that wait for a transaction under way may be written; the others are taken back. */
static void take_all_back(struct retry_work *w, const struct error *err)
{
        for (size_t i = 0; i < w->req->n; i++) {
                struct retry_waiter *waiter = &w->waiters[i];

                if (waiter->on != NULL)
                        take_back(w, i, err);
                else if (waiter->again || (w->phase == PHASE_CHECKING && i >= w->cursor &&
                                           w->req->entries[i].result == RETRY_WAITING))
                        retry_work_fail_entry(w, i, err);
        }
}

static void expire(struct retry_work *w)
{
        struct error err;

        error_set(&err, ERR_UNAVAILABLE, "%s", why_late(w));
        if (w->phase == PHASE_PLACING)
                fail_waiting(w, &err);
        else
                take_all_back(w, &err);
        finish(w);
}

static void tick_list(struct retry_flow *f, struct retry_list *list)
{
        struct retry_work *next;

        for (struct retry_work *w = list->head; w != NULL; w = next) {
                int64_t deadline_ms = w->req->deadline_ms;

                next = w->next;
                if (f->member->overdue || f->member->now_ms >= deadline_ms)
                        expire(w);
                else if (deadline_ms < f->deadline_ms)
                        f->deadline_ms = deadline_ms;
        }
}

/* The requests are looked at when one of them is due: there may be very many. */
void retry_flow_tick(struct retry_flow *f)
{
        if (!f->member->overdue && f->member->now_ms < f->deadline_ms)
                return;
        f->deadline_ms = INT64_MAX;
        tick_list(f, &f->busy);
        tick_list(f, &f->waiting);
}
