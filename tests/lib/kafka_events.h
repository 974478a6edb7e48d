/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_KAFKA_EVENTS_H
#define TESTS_KAFKA_EVENTS_H

#include <librdkafka/rdkafka.h>

#include "check.h"

/*
 * Events without a broker: messages that are purged have their delivery reports at once. The
 * producer counts those that are not destroyed (rd_kafka_outq_len()).
 */
struct kafka_events {
        rd_kafka_t *producer;
        rd_kafka_queue_t *queue;
};

static inline void kafka_events_init(struct kafka_events *e)
{
        rd_kafka_conf_t *conf = rd_kafka_conf_new();
        char said[256];

        rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR);
        CHECK(rd_kafka_conf_set(conf, "bootstrap.servers", "127.0.0.1:1", said, sizeof said) ==
              RD_KAFKA_CONF_OK);
        CHECK(rd_kafka_conf_set(conf, "log_level", "0", said, sizeof said) == RD_KAFKA_CONF_OK);
        e->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, said, sizeof said);
        CHECK(e->producer != NULL);
        e->queue = rd_kafka_queue_get_main(e->producer);
}

static inline void kafka_events_deinit(struct kafka_events *e)
{
        rd_kafka_queue_destroy(e->queue);
        rd_kafka_destroy(e->producer);
}

/* One more comes by the queue. */
static inline void kafka_events_make(struct kafka_events *e)
{
        rd_kafka_vu_t vus[] = {
                { .vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = "t" },
                { .vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = { (void *)"x", 1 } },
        };

        CHECK(rd_kafka_produceva(e->producer, vus, 2) == NULL);
        CHECK(rd_kafka_purge(e->producer, RD_KAFKA_PURGE_F_QUEUE) == RD_KAFKA_RESP_ERR_NO_ERROR);
}

#endif
