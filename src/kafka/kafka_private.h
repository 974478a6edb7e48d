/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_KAFKA_KAFKA_PRIVATE_H
#define CRR_SRC_KAFKA_KAFKA_PRIVATE_H

#include "crr/kafka/kafka.h"
#include "crr/kafka/kafka_embedded.h"
#include "kafka_anchors.h"
#include "kafka_aux.h"
#include "kafka_barrier.h"
#include "kafka_conf.h"
#include "kafka_credentials.h"
#include "kafka_feed.h"
#include "kafka_intake.h"
#include "kafka_log_reader.h"
#include "kafka_publisher.h"
#include "kafka_registry.h"
#include "kafka_trouble.h"

/* The parts of Kafka; kafka.c gives them life, kafka_group.c is the core's port to them. */
struct kafka {
        uv_loop_t *loop;
        struct kafka_settings settings;
        struct kafka_callbacks callbacks;
        struct kafka_embedded *embedded;
        struct kafka_credentials credentials;
        struct kafka_trouble trouble;
        struct kafka_feed feed;
        struct kafka_aux aux;
        struct kafka_publisher publisher;
        struct kafka_log_reader reader;
        struct kafka_intake intake;
        struct metrics *metrics;
        struct kafka_anchors anchors;
        struct kafka_barrier barrier;
        struct kafka_registry registry;
        struct group group;
        struct member *member;
        bool started, given_up, is_destroying;
        const char *stuck; /* NULL: not */
        char waiting_for[300];
        uv_timer_t watchdog;
        uv_work_t destroying;
        int closing; /* parts that are not closed */
        bool told_closed;
        void (*closed)(void *data);
        void *closed_data;
};

void kafka_group_init(struct kafka *k);

#endif
