/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_KAFKA_KAFKA_RECORD_H
#define CRR_SRC_KAFKA_KAFKA_RECORD_H

#include <librdkafka/rdkafka.h>

#include "crr/base/error.h"
#include "crr/core/failure_codec.h"

/* A message of the failure log as the core takes it; its views live as long as the message. */
struct log_record kafka_record_of(const rd_kafka_message_t *message);

/* A marker holds an offset below LIMIT_OFFSET. ERR_BAD_CONFIG: this one is not, and says where. */
int kafka_offset_check(const char *topic, int partition, int64_t offset, struct error *err);

#endif
