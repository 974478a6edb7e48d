/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: a question is lost, the member is probed until it answers, and is asked again
 * from then on.
 *
 * Possible failures: it is gone for good: its partitions get another owner, and then nobody claims
 * with its URL; or it begins anew, which a later epoch tells.
 */
#include "silence.h"

#include <stdlib.h>
#include <string.h>

#include "crr/base/log.h"

struct silent_member {
        struct silence *silence;
        struct silent_member *next;
        char *url;
        uint64_t epoch; /* of its newest claim when it fell silent */
        int64_t since_ms, probe_due_ms;
        struct peer_call probe;
        bool probe_out;
};

void silence_init(struct silence *s, struct member *member, struct peers *peers)
{
        *s = (struct silence){ .member = member, .peers = peers };
        arena_init(&s->nothing, 0);
        metrics_set(member->metrics, METRIC_PEERS_SILENT, NO_LABELS, 0);
}

static struct silent_member *find(const struct silence *s, struct str url)
{
        struct silent_member *found = s->first;

        while (found != NULL && !str_eq_c(url, found->url))
                found = found->next;
        return found;
}

static void forget(struct silence *s, struct silent_member *gone)
{
        struct silent_member **at = &s->first;

        while (*at != gone)
                at = &(*at)->next;
        *at = gone->next;
        s->n--;
        metrics_set(s->member->metrics, METRIC_PEERS_SILENT, NO_LABELS, s->n);
        if (gone->probe_out)
                s->peers->cancel(s->peers, &gone->probe);
        free(gone->url);
        free(gone);
}

static void forget_all(struct silence *s)
{
        while (s->first != NULL)
                forget(s, s->first);
        s->partitions = (struct partition_set){ { 0 } };
}

void silence_deinit(struct silence *s)
{
        forget_all(s);
        arena_deinit(&s->nothing);
}

/* CLAIMS */

/* Of all claims with this URL; false: there is none. */
static bool newest_epoch(const struct silence *s, struct str url, uint64_t *ret)
{
        bool any = false;

        *ret = 0;
        for (int p = 0; p < s->member->n_partitions; p++) {
                const struct owner *o = cluster_owner(&s->member->cluster, p);

                if (o == NULL || !str_eq(o->url, url))
                        continue;
                any = true;
                if (o->epoch > *ret)
                        *ret = o->epoch;
        }
        return any;
}

static void take_partitions(struct silence *s)
{
        s->partitions = (struct partition_set){ { 0 } };
        for (int p = 0; p < s->member->n_partitions && s->first != NULL; p++) {
                const struct owner *o = cluster_owner(&s->member->cluster, p);

                if (o != NULL && find(s, o->url) != NULL)
                        partition_set_add(&s->partitions, p);
        }
}

static void end(struct silence *s, struct silent_member *m, const char *cause)
{
        log_emit(LOG_PEER_SILENCE_OVER,
                 LOG_FIELDS(log_c("url", m->url), log_c("cause", cause),
                            log_i("duration_ms", s->member->now_ms - m->since_ms)),
                 "a silent member is asked again");
        forget(s, m);
}

static void take_claims(struct silence *s)
{
        struct silent_member *next;

        s->granted = s->member->cluster.granted;
        for (struct silent_member *m = s->first; m != NULL; m = next) {
                uint64_t epoch;

                next = m->next;
                if (!newest_epoch(s, str_from(m->url), &epoch))
                        end(s, m, "no_claim");
                else if (epoch > m->epoch)
                        end(s, m, "new_claim");
        }
        take_partitions(s);
}

/* RESULTS */

static void begin(struct silence *s, const char *url)
{
        struct silent_member *m;
        uint64_t epoch;

        if (s->member->stopping || s->n == SILENT_MAX || find(s, str_from(url)) != NULL ||
            !newest_epoch(s, str_from(url), &epoch))
                return;
        m = calloc(1, sizeof *m);
        if (m == NULL || (m->url = strdup(url)) == NULL)
                abort();
        m->silence = s;
        m->epoch = epoch;
        m->since_ms = m->probe_due_ms = s->member->now_ms;
        m->next = s->first;
        s->first = m;
        s->n++;
        metrics_set(s->member->metrics, METRIC_PEERS_SILENT, NO_LABELS, s->n);
        take_partitions(s);
        log_emit(LOG_PEER_SILENT, LOG_FIELDS(log_c("url", url)),
                 "a member did not answer: it is only probed until it does");
}

void silence_on_result(struct silence *s, const struct peer_call *call)
{
        struct silent_member *m = find(s, str_from(call->url));

        if (call->is_silent) {
                begin(s, call->url);
        } else if (m != NULL && call->result != PEER_UNREACHED) {
                end(s, m, "answer");
                take_partitions(s);
        }
}

/* PROBES */

static void on_probe(struct peer_call *call)
{
        struct silent_member *m = call->data;
        struct silence *s = m->silence;

        m->probe_out = false;
        cluster_want(&s->member->cluster);
        silence_on_result(s, call);
}

static void probe(struct silence *s, struct silent_member *m, unsigned timeout_ms)
{
        m->probe = (struct peer_call){
                .data = m,
                .question = PEER_STATUS,
                .url = m->url,
                .timeout_ms = timeout_ms,
                .arena = &s->nothing,
                .n_partitions = s->member->n_partitions,
                .done = on_probe,
        };
        m->probe_out = true;
        m->probe_due_ms = s->member->now_ms + PROBE_EVERY_MS;
        s->peers->ask(s->peers, &m->probe);
}

void silence_tick(struct silence *s, unsigned timeout_ms)
{
        if (s->member->stopping)
                forget_all(s);
        if (s->first != NULL && s->granted != s->member->cluster.granted)
                take_claims(s);
        for (struct silent_member *m = s->first; m != NULL; m = m->next)
                if (!m->probe_out && s->member->now_ms >= m->probe_due_ms)
                        probe(s, m, timeout_ms);
}

/* WHO IS */

bool silence_has(const struct silence *s, int partition)
{
        return s->n > 0 && partition_set_has(&s->partitions, partition);
}

int64_t silence_ms(const struct silence *s, struct str url)
{
        const struct silent_member *m = find(s, url);

        if (m == NULL)
                return 0;
        return s->member->now_ms > m->since_ms ? s->member->now_ms - m->since_ms : 1;
}
