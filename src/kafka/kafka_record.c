/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka_record.h"

#include "crr/base/limits.h"

static struct str header_of(const rd_kafka_headers_t *headers, const char *name)
{
        const void *value;
        size_t n;

        if (headers == NULL || rd_kafka_header_get_last(headers, name, &value, &n) != 0)
                return STR_ABSENT;
        return (struct str){ value != NULL ? value : "", n };
}

struct log_record kafka_record_of(const rd_kafka_message_t *message)
{
        struct log_record record = {
                .partition = message->partition,
                .offset = message->offset,
                .timestamp_ms = TIME_UNKNOWN,
                .settles = -1,
        };
        rd_kafka_timestamp_type_t type;
        rd_kafka_headers_t *headers = NULL;
        int64_t timestamp = rd_kafka_message_timestamp(message, &type);
        unsigned long long settles, own_time;

        if (type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && timestamp >= 0)
                record.timestamp_ms = timestamp;
        if (message->key != NULL)
                record.key = (struct str){ message->key, message->key_len };
        if (message->payload != NULL)
                record.value = (struct str){ message->payload, message->len };
        if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
                return record;
        if (str_to_u64(header_of(headers, "crr-settles"), INT64_MAX, &settles))
                record.settles = (int64_t)settles;
        if (str_to_u64(header_of(headers, "crr-timestamp"), INT64_MAX, &own_time)) {
                record.timestamp_ms = (int64_t)own_time;
                record.from_intake = record.settles < 0;
        }
        record.outcome = header_of(headers, "crr-outcome");
        return record;
}

int kafka_offset_check(const char *topic, int partition, int64_t offset, struct error *err)
{
        if (offset < LIMIT_OFFSET)
                return 0;
        return error_set(err, ERR_BAD_CONFIG,
                         "the failure log %s has the offset %lld in partition %d: only offsets "
                         "below 2^43 can be listed; make the topic anew",
                         topic, (long long)offset, partition);
}
