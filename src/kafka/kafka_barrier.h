/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_KAFKA_KAFKA_BARRIER_H
#define CRR_SRC_KAFKA_KAFKA_BARRIER_H

#include <stdbool.h>

#include "crr/base/limits.h"
#include "kafka_trouble.h"

/*
 * Barrier: is the committed offset of a partition stable, or does a transaction hold it open? Asked
 * by rd_kafka_committed() on a read_committed handle, which the broker lets wait until it is; a
 * handle of its own, because that wait is long. The Admin API has the same question, but its
 * requests to coordinators abort the process when a connection breaks at the wrong moment
 * (librdkafka issue 4605, not mended in 2.8).
 *
 * Threads  Loop only, but the questions, which block in libuv's pool for WORK_MS at most, one piece
 *          of work at a time.
 */
struct kafka_barrier {
        const struct kafka_settings *settings;
        struct kafka_trouble *trouble;
        struct member *member;
        uv_loop_t *loop;
        rd_kafka_t *handle;
        uv_async_t kick;
        bool wanted[LIMIT_PARTITIONS];
        bool started, is_running, is_warm, wants_warm_up, closing, is_closed;
        void (*on_closed)(void *data);
        void *closed_data;
};

int kafka_barrier_init(struct kafka_barrier *b, const struct kafka_settings *settings,
                       const char *bootstrap, struct kafka_trouble *trouble, struct error *err);
void kafka_barrier_start(struct kafka_barrier *b, uv_loop_t *loop, struct member *member);
void kafka_barrier_warm_up(struct kafka_barrier *b); /* find the coordinator before it is needed */
void kafka_barrier_query(struct kafka_barrier *b, int partition); /* -> member_on_stable() */
void kafka_barrier_close(struct kafka_barrier *b, void (*on_closed)(void *data), void *data);
void kafka_barrier_deinit(struct kafka_barrier *b);

#endif
