/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: a partition has waited for an open transaction for WAIT_MS; the group's
 * members are asked for; the claimed owner is not among them; its transactional.id is fenced; the
 * barrier is asked again at once.
 *
 * Possible failures: the coordinator does not answer, or the owner lives: it is looked at again
 * later, and the transaction's timeout ends the wait at the latest.
 */
#include "takeover.h"

#include <stdlib.h>
#include <string.h>

#include "crr/base/log.h"
#include "member_private.h"

#define WAIT_MS        1000
#define ASK_AGAIN_MS   500
#define FENCE_AGAIN_MS 5000

void takeover_init(struct takeover *t)
{
        *t = (struct takeover){ .ask_members_at_ms = INT64_MIN, .fence_again_ms = INT64_MIN };
}

void takeover_deinit(struct takeover *t)
{
        free(t->fenced);
}

/* NULL: nobody claims it but us. */
static const struct owner *other_owner(const struct member *m, const struct partition *p)
{
        const struct owner *o = cluster_owner(&m->cluster, p->id);

        if (o == NULL || o->transactional_id.len == 0 ||
            str_eq_c(o->transactional_id, m->config.transactional_id))
                return NULL;
        return o;
}

/* Whose transaction it may be: another member's claim. */
static const struct owner *suspect(const struct member *m, const struct partition *p)
{
        return partition_waits_for_transaction(p, m->now_ms, WAIT_MS) ? other_owner(m, p) : NULL;
}

bool takeover_may_be_ours(const struct member *m, const struct partition *p)
{
        return !member_has_group(m) || (m->cluster.granted > 0 && other_owner(m, p) == NULL);
}

void takeover_tick(struct member *m)
{
        struct takeover *t = &m->takeover;

        if (t->members_out || t->fence_out || m->now_ms < t->ask_members_at_ms)
                return;
        for (int i = 0; i < m->n_partitions; i++) {
                if (suspect(m, &m->partitions[i]) == NULL)
                        continue;
                t->members_out = true;
                t->ask_members_at_ms = m->now_ms + ASK_AGAIN_MS;
                m->ports.group->query_members(m->ports.group);
                return;
        }
}

static bool is_among(struct str id, const struct str *ids, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (str_eq(id, ids[i]))
                        return true;
        return false;
}

static bool was_fenced(const struct takeover *t, struct str id, int64_t now_ms)
{
        return t->fenced != NULL && str_eq_c(id, t->fenced) && now_ms < t->fence_again_ms;
}

static void fence(struct member *m, const struct partition *p, const struct owner *o)
{
        struct takeover *t = &m->takeover;

        free(t->fenced);
        t->fenced = calloc(1, o->transactional_id.len + 1);
        if (t->fenced == NULL)
                abort();
        memcpy(t->fenced, o->transactional_id.base, o->transactional_id.len);
        t->fence_again_ms = m->now_ms + FENCE_AGAIN_MS;
        t->fence_out = true;
        log_emit(LOG_OWNER_FENCED,
                 LOG_FIELDS(log_i("partition", p->id), log_s("url", o->url),
                            log_c("transactional_id", t->fenced)),
                 "its last owner is no member of the group any more and left a transaction open: "
                 "that is ended");
        m->ports.group->fence(m->ports.group, t->fenced);
}

void member_on_members(struct member *m, const struct str *ids, size_t n)
{
        struct takeover *t = &m->takeover;

        t->members_out = false;
        for (int i = 0; ids != NULL && i < m->n_partitions; i++) {
                const struct owner *o = suspect(m, &m->partitions[i]);

                if (o == NULL || is_among(o->member_id, ids, n) ||
                    was_fenced(t, o->transactional_id, m->now_ms))
                        continue;
                fence(m, &m->partitions[i], o);
                return;
        }
}

void member_on_fenced(struct member *m)
{
        m->takeover.fence_out = false;
        m->takeover.ask_members_at_ms = m->now_ms; /* there may be others */
        for (int i = 0; i < m->n_partitions; i++)
                partition_ask_stable_now(&m->partitions[i]);
}
