/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_KAFKA_KAFKA_CONF_H
#define CRR_SRC_KAFKA_KAFKA_CONF_H

#include <librdkafka/rdkafka.h>

#include "crr/kafka/kafka.h"

/*
 * Settings into librdkafka's configuration, one handle at a time.
 *
 * Errors  ERR_BAD_CONFIG names the property and what librdkafka said of it. Properties of ours that
 *         an older library does not know are left out.
 */
enum kafka_handle {
        KAFKA_CONSUMER,
        KAFKA_PRODUCER,
        KAFKA_AUX,
        KAFKA_BARRIER,
        KAFKA_READER,
        KAFKA_INTAKE,          /* consumer of the foreign topics */
        KAFKA_INTAKE_PRODUCER, /* of what the intake writes */
};
#define KAFKA_HANDLES 7

const char *kafka_handle_name(enum kafka_handle handle);
bool kafka_handle_is_producer(enum kafka_handle handle);

#define KAFKA_GROUP_SIZE    300
#define KAFKA_INTAKE_SUFFIX "-intake" /* of the intake's group, and of its transactional.id */

/* Whose offsets the handle reads, or commits in its transactions. */
void kafka_group_id(const struct kafka_settings *settings, enum kafka_handle handle,
                    char text[KAFKA_GROUP_SIZE]);
/* The transactional.id of a producer. */
void kafka_producer_id(const struct kafka_settings *settings, enum kafka_handle handle,
                       char text[KAFKA_TRANSACTIONAL_ID_SIZE]);

/* bootstrap: of the embedded broker; NULL: as the properties say. NULL on error. */
rd_kafka_conf_t *kafka_conf_new(const struct kafka_settings *settings, enum kafka_handle handle,
                                const char *bootstrap, struct error *err);

/* A handle of this configuration, which is consumed. NULL on error. */
rd_kafka_t *kafka_handle_new(rd_kafka_conf_t *conf, enum kafka_handle handle, struct error *err);

/* The value of a passthrough property; NULL: not set. */
const char *kafka_settings_property(const struct kafka_settings *settings, const char *name);

/* Of the consumer: its own, or every handle's. */
const char *kafka_consumer_property(const struct kafka_settings *settings, const char *name);
#define KAFKA_SESSION_TIMEOUT_MS 10000 /* unless a property says otherwise */

/* "pod-3": a name that stays over restarts, fit for static membership. */
bool kafka_instance_is_static(const char *instance);

/* A deep copy, and its end. */
struct kafka_settings kafka_settings_copy(const struct kafka_settings *settings);
void kafka_settings_deinit(struct kafka_settings *settings);

#endif
