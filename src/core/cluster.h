/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_CLUSTER_H
#define CRR_SRC_CORE_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crr/core/member.h"

/*
 * Cluster: who owns which partition, as the claims beside the group's committed offsets say. It is
 * read every CLUSTER_READ_EVERY_MS, and at once when somebody wants it newer. Nothing rests on it
 * but the choice of whom to ask: the member that is asked checks for itself.
 *
 * Ownership  An owner that it hands out is borrowed until the next cluster_on_registry().
 * Cost       cluster_tick(): O(1). A registry: O(its rows).
 */
#define CLUSTER_READ_EVERY_MS 2000

struct owner {
        char *text; /* the claim; the strings point into it */
        struct str url, member_id, transactional_id, version;
        uint64_t epoch;
};

struct cluster {
        struct owner *owners;            /* LIMIT_PARTITIONS; text NULL: nobody known */
        uint64_t wanted, asked, granted; /* tickets: as those of partition.h */
        bool is_out;
        int64_t asked_ms, due_ms;
};

void cluster_init(struct cluster *c);
void cluster_deinit(struct cluster *c);

/* The claims as they are after this call: granted when c->granted reaches the ticket. */
uint64_t cluster_want(struct cluster *c);
bool cluster_is_wanted(const struct cluster *c);
void cluster_tick(struct cluster *c, struct group *group, int64_t now_ms);

/* The answer to the question of c->asked_ms; rows NULL: it failed. */
void cluster_on_registry(struct cluster *c, const struct registry_row *rows, size_t n,
                         int64_t now_ms);

const struct owner *cluster_owner(const struct cluster *c, int partition); /* NULL: not known */

#endif
