/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ownership: what is ours, and for how long that is certain.
 *
 * A member answers for a partition only while its last proof of ownership is younger than the
 * session timeout less PROOF_MARGIN_MS. Proofs are our own transactions, which the coordinator
 * refuses once the group has gone on without us. A registry that names us keeps a proof alive that
 * has not run out, so that an idle member needs no transactions; it does not make a new one,
 * because it names the last owner until the next one has published its claim.
 */
#include "claim.h"
#include "crr/base/log.h"
#include "member_private.h"

#define PROOF_MARGIN_MS 2000

bool member_has_group(const struct member *m)
{
        return m->generation.len > 0;
}

static int64_t proof_valid_ms(const struct member *m)
{
        return m->config.session_timeout_ms - PROOF_MARGIN_MS;
}

bool member_answers_for(const struct member *m, int partition)
{
        return member_partition_is_ready(m, partition) &&
               (!member_has_group(m) ||
                partition_is_proven(&m->partitions[partition], m->now_ms, proof_valid_ms(m)));
}

const char *member_partition_waits_for(const struct member *m, int partition)
{
        if (member_partition_is_ready(m, partition) && !member_answers_for(m, partition))
                return "proof of ownership";
        return partition_waits_for(&m->partitions[partition]);
}

void member_prove(struct member *m, uint64_t lives, int64_t begun_ms)
{
        for (int i = 0; i < m->n_partitions; i++) {
                struct partition *p = &m->partitions[i];

                if (partition_state(p) == PARTITION_READY && p->life <= lives)
                        partition_prove(p, begun_ms);
        }
}

/* THE GENERATION */

static void write_claim(struct member *m)
{
        struct claim claim = {
                .url = str_from(m->config.advertise),
                .state = STR("ready"),
                .member_id = buf_str(&m->member_id),
                .transactional_id = str_from(m->config.transactional_id),
                .version = STR(CRR_VERSION),
                .epoch = m->epoch,
        };

        buf_clear(&m->claim);
        claim_write(&claim, &m->claim);
}

void member_on_generation(struct member *m, struct str token, struct str member_id)
{
        buf_clear(&m->generation);
        buf_append_str(&m->generation, token);
        buf_clear(&m->member_id);
        buf_append_str(&m->member_id, member_id);
        m->epoch = (uint64_t)m->wall_ms;
        write_claim(m);
}

/* LEAVING */

void member_on_leaving(struct member *m, int partition)
{
        struct partition *p = member_partition(m, partition);

        if (p == NULL || partition_state(p) == PARTITION_ABSENT ||
            partition_state(p) == PARTITION_LEAVING)
                return;
        log_emit(LOG_LEAVING, LOG_FIELDS(log_i("partition", partition)),
                 "a partition leaves: no retry of it is begun any more");
        partition_begin_leaving(p, m->now_ms);
        batcher_invalidate(&m->batcher);
}

bool member_may_let_go(const struct member *m)
{
        return overlay_may_let_go(m);
}

/* THE REGISTRY */

void member_on_registry(struct member *m, const struct registry_row *rows, size_t n)
{
        int64_t asked_ms = m->cluster.asked_ms;

        cluster_on_registry(&m->cluster, rows, n, m->now_ms);
        for (size_t i = 0; rows != NULL && i < n; i++) {
                const struct owner *o;

                if (!member_answers_for(m, rows[i].partition))
                        continue;
                o = cluster_owner(&m->cluster, rows[i].partition);
                if (o != NULL && str_eq(o->member_id, buf_str(&m->member_id)))
                        partition_prove(&m->partitions[rows[i].partition], asked_ms);
        }
}

/* A ready partition that was never claimed, or whose proof has run out, is claimed by a
 * transaction.
 */
void member_group_tick(struct member *m)
{
        if (!member_has_group(m))
                return;
        cluster_tick(&m->cluster, m->ports.group, m->now_ms);
        takeover_tick(m);
        for (int i = 0; i < m->n_partitions; i++) {
                if (member_partition_is_ready(m, i) &&
                    (!m->partitions[i].claimed || !member_answers_for(m, i))) {
                        batcher_claim(&m->batcher);
                        return;
                }
        }
}
