/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_KAFKA_KAFKA_CREDENTIALS_H
#define CRR_SRC_KAFKA_KAFKA_CREDENTIALS_H

#include <stdbool.h>

#include <librdkafka/rdkafka.h>

#include "crr/kafka/kafka.h"

/*
 * SASL name and password, which may change while handles use them: by value, so that each thread
 * has its own. A handle takes them for its next connection.
 */
struct kafka_credentials {
        unsigned version; /* 0: those that the handles were made with */
        char username[256], password[4096];
};

/* As the consumer has them. */
void kafka_credentials_init(struct kafka_credentials *c, const struct kafka_settings *settings);

/* False: too long, and nothing is changed. */
bool kafka_credentials_set(struct kafka_credentials *c, const char *username, const char *password);

/* Also wakes the handle's broker threads. */
void kafka_credentials_give(const struct kafka_credentials *c, rd_kafka_t *handle);

/* The same if the handle has others: *version is of those that it has. */
void kafka_credentials_renew(const struct kafka_credentials *c, rd_kafka_t *handle,
                             unsigned *version);

#endif
