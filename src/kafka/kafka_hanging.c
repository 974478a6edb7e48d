/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka_hanging.h"

#define ABORT_MS 1500
#define SEND_MS  (KAFKA_HANGING_MS - ABORT_MS)

/* Of no generation, as one that is no member sends them. */
static rd_kafka_error_t *send_an_offset(rd_kafka_t *producer, const char *group, const char *topic)
{
        rd_kafka_consumer_group_metadata_t *nobody = rd_kafka_consumer_group_metadata_new(group);
        rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
        rd_kafka_error_t *error;

        rd_kafka_topic_partition_list_add(list, topic, 0)->offset = 0;
        error = rd_kafka_send_offsets_to_transaction(producer, list, nobody, SEND_MS);
        rd_kafka_topic_partition_list_destroy(list);
        rd_kafka_consumer_group_metadata_destroy(nobody);
        return error;
}

rd_kafka_error_t *kafka_hanging_offsets_end(rd_kafka_t *producer, const char *group,
                                            const char *topic)
{
        rd_kafka_error_t *error = rd_kafka_begin_transaction(producer), *sent;

        if (error != NULL)
                return error;
        sent = send_an_offset(producer, group, topic);
        error = rd_kafka_abort_transaction(producer, ABORT_MS);
        if (sent == NULL)
                return error;
        rd_kafka_error_destroy(error);
        return sent;
}
