/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_KAFKA_KAFKA_EMBEDDED_H
#define CRR_KAFKA_KAFKA_EMBEDDED_H

#include "crr/base/error.h"

/* librdkafka's in-process cluster: one broker on 127.0.0.1, for trying out; everything is lost at
 * exit. It knows no read_committed and no fencing, and its groups are not to be relied on. */
struct kafka_embedded;

struct kafka_embedded *kafka_embedded_new(struct error *err);
void kafka_embedded_free(struct kafka_embedded *e);
int kafka_embedded_create_topic(struct kafka_embedded *e, const char *topic, int partitions,
                                struct error *err);
const char *kafka_embedded_bootstrap(const struct kafka_embedded *e);

#endif
