/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: the owner of partitions is asked, and answers.
 *
 * Possible failures: it does not own them (any more), cannot answer, or does not. Then the claims
 * are read again, once: if another member owns them by now it is asked, else they count as lost,
 * and the request is answered without them. So a member that is gone costs a request at most the
 * time of one question; and one that did not answer is silent (silence.h): the next requests are
 * answered without it, at once.
 */
#include "door.h"

#define REFRESHES_MAX      2
#define REFRESH_TIMEOUT_MS 1000

enum holder door_claimant(const struct retry_service *s, int partition, const struct owner **ret)
{
        const struct member *m = s->local;
        const struct owner *o = cluster_owner(&m->cluster, partition);

        *ret = NULL;
        if (member_answers_for(m, partition))
                return HOLDER_US;
        if (s->peers == NULL || o == NULL ||
            partition_state(&m->partitions[partition]) != PARTITION_ABSENT ||
            str_eq_c(o->url, m->config.advertise))
                return HOLDER_NONE;
        *ret = o;
        return HOLDER_PEER;
}

enum holder door_holder(const struct retry_service *s, int partition, const struct owner **ret)
{
        enum holder holder = door_claimant(s, partition, ret);

        if (holder != HOLDER_PEER || !silence_has(&s->silence, partition))
                return holder;
        *ret = NULL;
        return HOLDER_NONE;
}

void door_set_unavailable(const struct member *m, struct error *err)
{
        if (m->n_partitions == 0)
                error_set(err, ERR_UNAVAILABLE,
                          "the failure log is not known yet: /_/ready says what is missing");
        else
                error_set(err, ERR_UNAVAILABLE,
                          "failures of partitions that are needed are not known");
}

int door_check_local(const struct member *m, const struct partition_set *only, int n_partitions,
                     struct coverage *ret, struct error *err)
{
        *ret = (struct coverage){ .partitions = m->n_partitions };
        if (n_partitions != m->n_partitions)
                return error_set(err, ERR_UNAVAILABLE,
                                 "the failure log has %d partitions here, and %d where it is asked",
                                 m->n_partitions, n_partitions);
        for (int p = 0; p < m->n_partitions; p++)
                if (partition_set_has(only, p) &&
                    partition_state(&m->partitions[p]) == PARTITION_ABSENT)
                        partition_set_add(&ret->missing, p);
        if (!coverage_is_whole(ret))
                return error_set(err, ERR_MISDIRECTED, "another member owns what is asked for");
        for (int p = 0; p < m->n_partitions; p++)
                if (partition_set_has(only, p) && !member_answers_for(m, p))
                        partition_set_add(&ret->missing, p);
        return 0;
}

void door_work_init(struct door_work *w, struct retry_service *s, struct arena *arena)
{
        *w = (struct door_work){ .service = s, .arena = arena };
}

static void lose(struct door_work *w, int partition)
{
        partition_set_add(&w->lost, partition);
}

static void lose_all(struct door_work *w, const struct door_ask *ask)
{
        for (int p = 0; p < w->service->local->n_partitions; p++)
                if (partition_set_has(&ask->call.partitions, p))
                        lose(w, p);
}

/* Ask the claims anew what the members that failed still own. */
static void want_refresh(struct door_work *w)
{
        struct member *m = w->service->local;

        w->refreshes++;
        w->ticket = cluster_want(&m->cluster);
        w->ticket_deadline_ms = m->now_ms + REFRESH_TIMEOUT_MS;
}

bool door_work_look_again(struct door_work *w, int partition)
{
        const struct retry_service *s = w->service;

        if (w->looked_again || s->peers == NULL || partition_set_has(&w->lost, partition) ||
            silence_has(&s->silence, partition) ||
            partition_state(&s->local->partitions[partition]) != PARTITION_ABSENT)
                return false;
        w->looked_again = true;
        want_refresh(w);
        return true;
}

static void ask_on_done(struct peer_call *call)
{
        struct door_ask *ask = call->data;
        struct door_work *w = ask->work;

        w->n_out--;
        silence_on_result(&w->service->silence, call);
        ask->is_over = call->result != PEER_ANSWERED;
        if (!ask->is_over)
                return;
        if (w->refreshes < REFRESHES_MAX)
                want_refresh(w);
        else
                lose_all(w, ask);
}

static bool has_same_owner(const struct door_work *w, const struct door_ask *ask, int partition)
{
        const struct owner *o;

        return partition_set_has(&ask->call.partitions, partition) &&
               door_claimant(w->service, partition, &o) == HOLDER_PEER && o->epoch == ask->epoch &&
               str_eq_c(o->url, ask->call.url);
}

/* One partition that was not its own is enough for NOT_MINE: then the others may be its own. */
static bool is_asked_again(const struct door_work *w, const struct door_ask *ask)
{
        for (int p = 0; p < w->service->local->n_partitions; p++)
                if (partition_set_has(&ask->call.partitions, p) && !has_same_owner(w, ask, p))
                        return ask->call.result == PEER_NOT_MINE;
        return false;
}

/* What failed and has the same owner as before is lost; another owner is asked by the next step. */
static void judge_failed(struct door_work *w)
{
        for (struct door_ask *ask = w->asks; ask != NULL; ask = ask->next) {
                if (!ask->is_over || is_asked_again(w, ask))
                        continue;
                for (int p = 0; p < w->service->local->n_partitions; p++)
                        if (has_same_owner(w, ask, p))
                                lose(w, p);
        }
}

bool door_work_is_waiting(const struct door_work *w)
{
        return w != NULL && (w->n_out > 0 || w->ticket != 0);
}

bool door_work_may_go_on(struct door_work *w)
{
        const struct member *m = w->service->local;

        if (w->n_out > 0)
                return false;
        if (w->ticket == 0)
                return true;
        if (m->cluster.granted < w->ticket && m->now_ms < w->ticket_deadline_ms)
                return false;
        w->ticket = 0;
        judge_failed(w);
        return true;
}

void door_work_ask(struct door_work *w, const struct peer_call *question, const struct owner *o)
{
        struct retry_service *s = w->service;
        struct door_ask *ask = arena_alloc(w->arena, sizeof *ask);

        if (ask != NULL)
                ask->call.url = arena_c(w->arena, o->url);
        if (ask == NULL || ask->call.url == NULL) {
                w->out_of_memory = true;
                return;
        }
        ask->work = w;
        ask->epoch = o->epoch;
        ask->call = (struct peer_call){
                .data = ask,
                .question = question->question,
                .url = ask->call.url,
                .timeout_ms = s->peer_timeout_ms,
                .arena = w->arena,
                .n_partitions = s->local->n_partitions,
                .partitions = question->partitions,
                .marker = question->marker,
                .max_rows = question->max_rows,
                .site = question->site,
                .bucket = question->bucket,
                .key = question->key,
                .version_id = question->version_id,
                .done = ask_on_done,
        };
        ask->next = w->asks;
        w->asks = ask;
        w->n_out++;
        s->peers->ask(s->peers, &ask->call);
}

struct door_ask *door_work_answer(const struct door_work *w, int partition, uint64_t from)
{
        for (struct door_ask *ask = w->asks; ask != NULL; ask = ask->next)
                if (!ask->is_over && partition_set_has(&ask->call.partitions, partition) &&
                    ask->call.known_below > from && ask->call.marker <= from)
                        return ask;
        return NULL;
}
