/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_KAFKA_KAFKA_REGISTRY_H
#define CRR_SRC_KAFKA_KAFKA_REGISTRY_H

#include <stdbool.h>

#include "kafka_credentials.h"
#include "kafka_trouble.h"

/*
 * Registry: what is asked about the group as a whole, on the auxiliary handle: the metadata beside
 * its committed offsets, its members, and the end of a dead member's producer. By calls that block,
 * not by the Admin API (kafka_barrier.h says why).
 *
 * Threads  Loop only, but the questions, pieces of work for libuv's pool.
 */
struct kafka_registry {
        const struct kafka_settings *settings;
        const char *bootstrap;
        struct kafka_trouble *trouble;
        const struct kafka_credentials *credentials; /* those of now */
        struct member *member;
        uv_loop_t *loop;
        rd_kafka_t *handle; /* the auxiliary one */
        int n_partitions;   /* of the failure log */
        bool closing;
        unsigned n_running;
        void (*on_closed)(void *data);
        void *closed_data;
};

void kafka_registry_start(struct kafka_registry *r, uv_loop_t *loop, rd_kafka_t *handle,
                          struct member *member);
void kafka_registry_on_topology(struct kafka_registry *r, int n_partitions);
void kafka_registry_query(struct kafka_registry *r);         /* -> member_on_registry() */
void kafka_registry_query_members(struct kafka_registry *r); /* -> member_on_members() */
void kafka_registry_fence(struct kafka_registry *r, const char *transactional_id);

/* on_closed when nothing is asked any more, perhaps at once; before the auxiliary handle goes. */
void kafka_registry_close(struct kafka_registry *r, void (*on_closed)(void *data), void *data);

#endif
